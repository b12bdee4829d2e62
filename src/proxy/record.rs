//! Recording: each request has a beginning and an end, and may have to be recorded before it is
//! forwarded.

use crate::http1::{Arrival, Outcome};
use crate::policy::Decision;

/// The most bytes of an answer that are shown to a recorder, from its end. What is longer is a stream, whose
/// result comes last.
pub const LONGEST_END: usize = 16 << 10;

/// Records requests. Calls for one connection come in order; calls for different connections come from
/// different threads.
pub trait Record: Send + Sync + 'static {
    /// Identifies a request between its two calls.
    type Ticket: Send + Sync + 'static;

    /// A request has been decided on. It is forwarded or answered after this returns.
    fn begin(&self, decided: &Decided<'_>) -> Begun<Self::Ticket>;

    /// Whether to show the answer of the engine to the request.
    fn reads_answer(&self, _ticket: &Self::Ticket) -> bool {
        false
    }

    /// Shows the end of the engine's answer, at most [`LONGEST_END`] bytes, if it is to be shown. The client
    /// has not received the end of it when this is called.
    fn answered(&self, _ticket: &Self::Ticket, _status: u16, _end: &[u8]) {}

    /// The answer has ended, or one side has closed the connection.
    fn finish(&self, ticket: &Self::Ticket, outcome: &Outcome);
}

/// The result of [`Record::begin`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Begun<T> {
    /// The request was recorded, or does not need to be.
    Admitted(T),
    /// The request could not be recorded, so it must not be forwarded, whatever the gate decided.
    Refused(T),
}

/// Replaces the bodies of requests.
pub trait RewriteBody<T>: Send + Sync {
    /// Returns the body to forward, or `None` to forward the client's body as it came. This is called
    /// for each request whose body the gate asked for, and for each malformed request. `body` is `None`
    /// if it could not be read; then the return value is ignored and the client's body is forwarded.
    fn rewrite(&self, ticket: &T, body: Option<&[u8]>) -> Option<Vec<u8>>;
}

/// Records if there is a recorder.
impl<R: Record> Record for Option<R> {
    type Ticket = Option<R::Ticket>;

    fn begin(&self, decided: &Decided<'_>) -> Begun<Self::Ticket> {
        let Some(recorder) = self else { return Begun::Admitted(None) };
        match recorder.begin(decided) {
            Begun::Admitted(ticket) => Begun::Admitted(Some(ticket)),
            Begun::Refused(ticket) => Begun::Refused(Some(ticket)),
        }
    }

    fn reads_answer(&self, ticket: &Self::Ticket) -> bool {
        matches!((self, ticket), (Some(recorder), Some(ticket)) if recorder.reads_answer(ticket))
    }

    fn answered(&self, ticket: &Self::Ticket, status: u16, end: &[u8]) {
        if let (Some(recorder), Some(ticket)) = (self, ticket) {
            recorder.answered(ticket, status, end);
        }
    }

    fn finish(&self, ticket: &Self::Ticket, outcome: &Outcome) {
        if let (Some(recorder), Some(ticket)) = (self, ticket) {
            recorder.finish(ticket, outcome);
        }
    }
}

impl<T> Begun<T> {
    /// The ticket, whether the request was admitted or refused.
    pub fn ticket(self) -> T {
        match self {
            Self::Admitted(ticket) | Self::Refused(ticket) => ticket,
        }
    }
}

/// A request, and the decision on it.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// The request as received.
    pub arrival: Arrival<'a>,
    /// The decision on it.
    pub decision: &'a Decision,
    /// The text of its denial, or of the denial that it would have got if the gate did not only watch.
    /// It is written once for everything that shows it.
    pub denial: Option<&'a str>,
}
