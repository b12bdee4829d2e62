//! What a request contains: read once, strictly, or not at all.
//!
//! Engines are written in Go and read JSON with one of two libraries, and both are lenient: they
//! ignore the case of keys, merge the values of equal keys, repair text, and ignore unknown fields.
//! dsp does not imitate them. It refuses every body that could be read in two ways, and sends on
//! what it has read, written again, so that the engine cannot read anything else
//! (docs/engine-api.md#json-bodies).
//!
//! What is read becomes [`Facts`]: what the request gives away, in one spelling, whatever fields say
//! it. Rules, recordings and denials speak of facts only.

mod canonical;
mod danger;
mod facet;
mod fact;
mod filtering;
mod filters;
mod host;
mod image;
mod json;
mod libpod;
mod mark;
mod mounts;
mod network;
mod node;
mod path;
mod process;
mod query;
mod reader;
mod reading;
mod schema;
mod sockets;
mod unreadable;

pub use canonical::ValueError;
pub use facet::{Facet, OWN};
pub use fact::{Fact, Facts};
pub use filtering::{filters_by_owner, why_not_by_owner};
pub use filters::labels_asked_for;
pub use image::familiar as familiar_image;
pub use json::{Json, LONGEST_BODY};
pub use mark::{
    IMAGE_OWNER_LABEL, OWNER_LABEL, changes_labels, makes_owned, own_volume, owner_label,
};
pub use query::is_true;
pub use schema::{Field, Place, Schema};
pub use sockets::{Nesting, SOCKET, Sockets, profile_of_socket};
pub use unreadable::Unreadable;

/// The contents of a request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Contents {
    /// What it gives away.
    pub facts: Facts,
    /// The body as it was read, written again; `None` if the request has no body, or one that is not
    /// decided on.
    pub body: Option<Vec<u8>>,
    /// The query with the label of the owner; `None` for the client's own query.
    pub query: Option<String>,
}

/// What is known besides the contents themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// The names in the path of the request.
    pub names: &'a [String],
    /// The sockets that containers ask for; `None` if nothing is known about them.
    pub sockets: Option<&'a Sockets>,
    /// Which socket a container gets that asks for one.
    pub nesting: Nesting<'a>,
    /// Who owns what the request creates or changes: the value of the label that is written into it. An empty
    /// one takes the label out, and `None` leaves labels as they are.
    pub owner: Option<&'a str>,
}
