//! How a request and its answer ended.

use std::time::Duration;

use super::Disorder;

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Outcome {
    /// The status that the client got; `None` if the client left before there was one.
    pub status: Option<u16>,
    /// The time from the arrival of the request to the end of the answer.
    pub duration: Duration,
    /// Bytes of body or tunnel from the client to the engine.
    pub received: u64,
    /// Bytes of body or tunnel from the engine to the client.
    pub sent: u64,
    /// Whether the connection became a tunnel.
    pub upgraded: bool,
    /// What came from the engine.
    pub upstream: Upstream,
    /// Whether the engine has no such route.
    pub unrouted: bool,
    /// What was malformed after the head. If the connection became a tunnel, everything from there on
    /// was forwarded unread; otherwise the exchange was cut there.
    pub disorder: Option<Disorder>,
}

/// What came from the engine.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Upstream {
    /// It was not asked, or the client left before it answered.
    #[default]
    NotAsked,
    /// An answer.
    Answered,
    /// It could not be reached, or gave no answer.
    Silent,
}
