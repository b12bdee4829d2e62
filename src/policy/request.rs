//! The input of a gate.

use super::Owners;
use crate::http1::Flaw;
use crate::peer::Peer;

/// A request, as far as it has been read.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Its head.
    pub head: Head<'a>,
    /// Its body.
    pub body: Body<'a>,
    /// Who sent it.
    pub peer: Peer,
    /// Whose the objects are that it names, as far as the engine was asked.
    pub owners: &'a Owners,
}

/// What a gate sees of the head of a request.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method as received.
    pub method: &'a str,
    /// The request target as received.
    pub target: &'a str,
    /// The value of the `Content-Type` header; several values are joined with a comma.
    pub content_type: Option<&'a [u8]>,
    /// What is wrong with the syntax of the message.
    pub flaw: Option<Flaw>,
}

/// The body of a request, as far as it has been read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Body<'a> {
    /// The request has no body.
    Absent,
    /// It has not been read. It may turn out to be empty if it is chunked.
    Unread,
    /// The whole body.
    Whole(&'a [u8]),
    /// It cannot be had.
    Missing(Missing),
}

/// Why the body of a request cannot be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Missing {
    /// It is longer than the gate asked for.
    #[error("it is too long")]
    TooLong,
    /// Nothing of it came for too long.
    #[error("nothing of it came for too long")]
    TooSlow,
    /// It ended early.
    #[error("it ended early")]
    CutOff,
    /// Its chunks are malformed.
    #[error("its chunks are malformed")]
    Malformed,
    /// Too much memory is in use.
    #[error("too many large requests are open")]
    NoMemory,
    /// The client sends it only if the engine asks for it, and this gate only watches.
    #[error("the engine has to ask for it")]
    Withheld,
}

impl<'a> Request<'a> {
    /// A well-formed request without a body, from an unknown client.
    #[must_use]
    pub fn new(method: &'a str, target: &'a str) -> Self {
        let head = Head { method, target, content_type: None, flaw: None };
        Self { head, body: Body::Absent, peer: Peer::Unknown, owners: Owners::NONE }
    }

    /// The same request, sent by this client.
    #[must_use]
    pub fn from_peer(self, peer: Peer) -> Self {
        Self { peer, ..self }
    }

    /// The same request, with this flaw in its message.
    #[must_use]
    pub fn with_flaw(mut self, flaw: Flaw) -> Self {
        self.head.flaw = Some(flaw);
        self
    }
}
