//! Forwards a request and its answer between a client and the engine.

pub(super) mod body_ahead;
pub(super) mod engine_response;
pub(super) mod exchange;
pub(super) mod relay;
pub(super) mod request_reader;
pub(super) mod response;
pub(super) mod sending;
pub(super) mod tunnel;
pub(super) mod upstream;
