//! What a gate decides on.

use crate::http1::Flaw;

/// One request, as far as it has been read.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What its head says.
    pub head: Head<'a>,
    /// Its body.
    pub body: Body<'a>,
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
    /// A request in good form, without a body.
    #[must_use]
    pub fn new(method: &'a str, target: &'a str) -> Self {
        Self { head: Head { method, target, content_type: None, flaw: None }, body: Body::Absent }
    }

    /// The same request, whose message has this flaw.
    #[must_use]
    pub fn with_flaw(mut self, flaw: Flaw) -> Self {
        self.head.flaw = Some(flaw);
        self
    }
}
