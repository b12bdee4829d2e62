//! A client connection: its requests are decided on, recorded, and forwarded or answered.

pub(super) mod connection;
mod decide;
mod forward;
pub(super) mod local_response;
mod malformed;
pub(super) mod next;
mod respond;
