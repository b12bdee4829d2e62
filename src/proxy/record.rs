//! Recording: each request has a beginning and an end, and may need a record of its own to be forwarded.

use std::time::Instant;

use crate::http1::Outcome;
use crate::peer::Peer;
use crate::policy::Decision;

/// Records requests. The calls for one connection come in order; those for several come from several
/// threads.
pub trait Record: Send + Sync + 'static {
    /// Identifies a request between its two calls.
    type Ticket: Send + Sync + 'static;

    /// A request has been decided on. It is forwarded or answered after this returns.
    fn begin(&self, arrival: &Arrival<'_>, decision: &Decision) -> Begun<Self::Ticket>;

    /// The answer has ended, or one of the two sides has gone.
    fn finish(&self, ticket: &Self::Ticket, outcome: &Outcome);
}

/// What became of the record of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Begun<T> {
    /// It was made, or is not needed.
    Admitted(T),
    /// It could not be made, so the request must not be forwarded, whatever the gate decided.
    Refused(T),
}

/// Replaces the bodies of requests.
pub trait RewriteBody<T>: Send + Sync {
    /// The body to forward, or `None` to forward the client's body as it came. This is called for each
    /// request whose body the gate asked for, and for each whose form is not in order. `body` is `None`
    /// if it could not be read; then it is forwarded as it comes.
    fn rewrite(&self, ticket: &T, body: Option<&[u8]>) -> Option<Vec<u8>>;

    /// The engine's answer to a request whose body was replaced, unless the answer is long. The client
    /// has not seen the end of it when this is called.
    fn answered(&self, ticket: &T, status: u16, body: &[u8]);
}

/// Records with a recorder if there is one.
impl<R: Record> Record for Option<R> {
    type Ticket = Option<R::Ticket>;

    fn begin(&self, arrival: &Arrival<'_>, decision: &Decision) -> Begun<Self::Ticket> {
        let Some(recorder) = self else { return Begun::Admitted(None) };
        match recorder.begin(arrival, decision) {
            Begun::Admitted(ticket) => Begun::Admitted(Some(ticket)),
            Begun::Refused(ticket) => Begun::Refused(Some(ticket)),
        }
    }

    fn finish(&self, ticket: &Self::Ticket, outcome: &Outcome) {
        if let (Some(recorder), Some(ticket)) = (self, ticket) {
            recorder.finish(ticket, outcome);
        }
    }
}

impl<T> Begun<T> {
    /// What identifies the request.
    pub fn ticket(self) -> T {
        match self {
            Self::Admitted(ticket) | Self::Refused(ticket) => ticket,
        }
    }
}

/// What is known about a request when it is decided on.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// When its head was complete.
    pub at: Instant,
    /// The number of the client's connection, from 1.
    pub connection: u64,
    /// Who is at its other end.
    pub peer: Peer,
    /// The method as received.
    pub method: &'a str,
    /// The request target as received.
    pub target: &'a str,
    /// The client's own name for itself.
    pub agent: Option<&'a str>,
}
