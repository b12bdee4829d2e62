//! A client connection: its requests are decided on, recorded, and forwarded or answered.

pub(super) mod connection;
pub(super) mod decide;
pub(super) mod local_response;
pub(super) mod next;
pub(super) mod respond;
