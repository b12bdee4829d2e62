//! What the body of a request contains: read once, strictly, or not at all.
//!
//! Engines are written in Go and read JSON with one of two libraries, and both are lenient: they
//! ignore the case of keys, merge the values of equal keys, repair text, and ignore unknown fields.
//! dsp does not imitate them. It refuses every body that could be read in two ways, and sends on
//! what it has read, written again, so that the engine cannot read anything else
//! (docs/engine-api.md#json-bodies).

mod json;
mod network_connect;
mod schema;

pub use json::{Json, LONGEST_BODY, Unreadable};
pub use network_connect::NetworkConnect;
