//! A client of a connection, what it does next, and what becomes of it.

use std::sync::Arc;

use super::door::Door;
use super::intake::Arrived;
use crate::peer::Peer;

/// Who a client is, and where it came in.
#[derive(Debug)]
pub(super) struct Client {
    /// The number of its connection, from 1.
    pub(super) number: u64,
    pub(super) peer: Peer,
    /// Which of its requests come in; all of them where there is none.
    pub(super) door: Option<Arc<Door>>,
}

/// What becomes of a connection behind an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// Another request may come.
    Request,
    /// It ends.
    End,
    /// It ends, and the client may still be sending.
    Linger,
}

impl Next {
    /// What follows an answer to a request of which everything was read or not.
    pub(super) fn behind(closes: bool, is_read: bool) -> Self {
        match (closes, is_read) {
            (true, false) => Self::Linger,
            (true, true) => Self::End,
            (false, _) => Self::Request,
        }
    }
}

/// What a client that waits for nothing did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Event {
    Arrived(Arrived),
    /// It sends no more, or nobody wants more of it; in the middle of a head or not.
    Ended {
        is_between: bool,
    },
}
