//! The totals of a session, so far and at its end.

use std::time::Instant;

/// The progress of a session.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Requests so far, including repeated ones.
    pub requests: u64,
    /// Different operations so far; unknown and refused requests are not counted.
    pub operations: usize,
    /// When the newest operation was first seen.
    pub newest: Instant,
}

/// The totals of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Totals {
    /// Requests, including repeated ones.
    pub requests: u64,
    /// Different operations.
    pub operations: usize,
    /// Lines that could not be written.
    pub dropped: u64,
    /// Requests that `enforce` refuses whatever the profile says. Repeated ones are counted once.
    pub refused: u64,
    /// Requests that could not be read or whose answers could not be read. They were forwarded with
    /// everything that followed on their connections.
    pub unread: u64,
}
