//! The client of a connection, what it did, and what happens to the connection next.

use std::sync::Arc;

use crate::peer::{Identified, Peer};
use crate::proxy::listening::door::Door;
use crate::proxy::relaying::request_reader::Arrived;

/// Who a client is, and which listener it came through.
#[derive(Debug)]
pub(crate) struct Client {
    /// The number of its connection, from 1.
    pub(crate) number: u64,
    pub(crate) peer: Peer,
    /// What was found out about it, if that was needed.
    pub(crate) who: Option<Arc<Identified>>,
    /// Decides which of its requests are let in; all of them if `None`.
    pub(crate) door: Option<Arc<Door>>,
}

/// What happens to a connection after an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// It stays open for another request.
    Request,
    /// It ends.
    End,
    /// It ends, but the client may still be sending.
    Linger,
}

impl Next {
    /// What happens after an answer. `is_read` is whether the whole request was read.
    pub(crate) fn after(closes: bool, is_read: bool) -> Self {
        match (closes, is_read) {
            (true, false) => Self::Linger,
            (true, true) => Self::End,
            (false, _) => Self::Request,
        }
    }
}

/// What a client did while no request was in progress.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ClientEvent {
    Arrived(Arrived),
    /// It has closed its sending side, or the proxy stops reading from it, possibly in the middle of a
    /// head.
    Ended {
        is_between: bool,
    },
}
