//! Forwards requests and their answers between a client and the engine.

pub(super) mod ending;
mod engine_response;
pub(super) mod exchange;
pub(super) mod relay;
pub(super) mod request_info;
pub(super) mod request_reader;
mod request_side;
mod response_side;
pub(super) mod tunnel;
pub(super) mod upstream;
