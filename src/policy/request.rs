//! What a gate decides on.

use crate::http1::Flaw;
use crate::peer::Peer;

/// One request, as far as it has been read.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What its head says.
    pub head: Head<'a>,
    /// Its body.
    pub body: Body<'a>,
    /// Who sent it.
    pub peer: Peer,
}

/// What a gate is shown of the head of a request.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method as received.
    pub method: &'a str,
    /// The request target as received.
    pub target: &'a str,
    /// The value of the `Content-Type` header; several values are joined with a comma.
    pub content_type: Option<&'a [u8]>,
    /// What is wrong with the form of the message.
    pub flaw: Option<Flaw>,
}

/// The body of a request, as far as it has been read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Body<'a> {
    /// The request has none.
    Absent,
    /// It has not been read. It may turn out to be empty when it comes in chunks.
    Unread,
    /// All of it.
    Whole(&'a [u8]),
    /// It cannot be shown: it is longer than the gate asked for, is not in order, or ended early.
    Unavailable,
}

impl<'a> Request<'a> {
    /// A request in good form, without a body, of an unknown client.
    #[must_use]
    pub fn new(method: &'a str, target: &'a str) -> Self {
        let head = Head { method, target, content_type: None, flaw: None };
        Self { head, body: Body::Absent, peer: Peer::Unknown }
    }

    /// The same request, sent by this client.
    #[must_use]
    pub fn from_peer(self, peer: Peer) -> Self {
        Self { peer, ..self }
    }

    /// The same request, whose message has this flaw.
    #[must_use]
    pub fn with_flaw(mut self, flaw: Flaw) -> Self {
        self.head.flaw = Some(flaw);
        self
    }
}
