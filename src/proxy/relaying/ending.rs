//! How the forwarding of a request ends.

use std::io;

use crate::http1::BadResponse;

/// How the forwarding of a request and its answer ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The client has its answer.
    Answered {
        /// Whether the client's connection ends with it.
        closes: bool,
        /// Whether the engine's connection can be used again.
        keeps: bool,
    },
    /// The connection no longer speaks HTTP. Contains the bytes the engine sent after its answer.
    Tunnel(Vec<u8>),
    /// The engine sent nothing.
    Unanswered(io::Error),
    /// The answer cannot be used. The client has received none of it, so dsp can answer with the
    /// reason.
    Unusable(BadResponse),
    /// The client stopped sending the body that it announced.
    Stalled,
    /// One side closed the connection early or sent malformed data.
    Broken,
}
