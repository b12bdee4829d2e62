//! A request as it arrived, for everything that reports or records it.

use std::time::Instant;

use crate::peer::{Identified, Peer};

/// What is known about a request before anything has been decided about it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// When its head was complete.
    pub at: Instant,
    /// The number of the client's connection, from 1.
    pub connection: u64,
    /// The client at the other end.
    pub peer: Peer,
    /// What was found out about it, if that was needed.
    pub client: Option<&'a Identified>,
    /// The method as received.
    pub method: &'a str,
    /// The request target as received.
    pub target: &'a str,
    /// The client's `User-Agent`.
    pub agent: Option<&'a str>,
}
