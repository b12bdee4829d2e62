//! What a session came to, so far and at its end.

use std::time::Instant;

/// Where a session stands.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Requests so far, repeated ones included.
    pub requests: u64,
    /// Different operations so far; unknown and refused requests are not counted.
    pub operations: usize,
    /// When the newest operation was first seen.
    pub newest: Instant,
}

/// What a session came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Totals {
    /// Requests, repeated ones included.
    pub requests: u64,
    /// Different operations.
    pub operations: usize,
    /// Lines that could not be written.
    pub dropped: u64,
    /// Requests that `enforce` refuses whatever the profile says, each that is different once.
    pub refused: u64,
    /// Requests that could not be read, or whose answers could not be, and that went on with all that
    /// followed them on their connections.
    pub unread: u64,
}
