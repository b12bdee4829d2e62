//! A request that a profile decides on, with what is known about it.

use super::{Body, Owners};
use crate::api::CanonicalRequest;
use crate::contents::Facts;

/// Where the contents of a request come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    /// The body, as far as it has been read.
    Body(Body<'a>),
    /// A recording; `None` if it does not have them.
    Recorded(Option<&'a Facts>),
}

/// A request that a profile decides on.
pub(super) struct Asked<'a> {
    pub(super) request: &'a CanonicalRequest,
    pub(super) source: Source<'a>,
    /// Whose the objects are that it names.
    pub(super) owners: &'a Owners,
}
