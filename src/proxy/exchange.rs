//! One request and its answer: what the sink is told of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::http1::Disorder;
use crate::peer::Peer;
use crate::policy::Decision;

/// The longest answer in bytes that a sink is shown.
const LONGEST_ANSWER: usize = 64 << 10;

/// What a proxy tells of each request. The calls come in order for one connection and from several
/// threads for many.
pub trait Sink: Send + Sync + 'static {
    /// Names a request between its two calls.
    type Ticket: Send + Sync + 'static;

    /// A request has been decided on; it is forwarded or answered after this returns.
    fn begin(&self, arrival: &Arrival<'_>, decision: &Decision) -> Begun<Self::Ticket>;

    /// The answer has ended, or one of its two ends has gone.
    fn finish(&self, ticket: &Self::Ticket, outcome: &Outcome);

    /// The body in the place of the client's, which goes on as it came when there is none. Called for
    /// each request whose body the gate asked for, and for each whose form is not in order; a body that
    /// could not be read is not shown.
    fn rewrite(&self, _ticket: &Self::Ticket, _body: Option<&[u8]>) -> Option<Vec<u8>> {
        None
    }

    /// The engine's answer to a request whose body was rewritten, unless it is long. The client has
    /// not seen the end of it when this is called.
    fn answered(&self, _ticket: &Self::Ticket, _status: u16, _body: &[u8]) {}
}

/// What a sink made of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Begun<T> {
    /// Names it until its end.
    pub ticket: T,
    /// Why it must not be forwarded although the gate permits it: a printable text for the client.
    pub refusal: Option<String>,
}

impl<T> Begun<T> {
    /// A request about which the gate alone decides.
    pub fn admitted(ticket: T) -> Self {
        Self { ticket, refusal: None }
    }
}

/// What a sink is shown of a request.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// When its head was there.
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

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Outcome {
    /// The status that the client got; none when the client had gone before there was one.
    pub status: Option<u16>,
    /// From the arrival of the request to the end of the answer.
    pub duration: Duration,
    /// Bytes of body or tunnel from the client to the engine.
    pub received: u64,
    /// Bytes of body or tunnel from the engine to the client.
    pub sent: u64,
    /// Whether the connection became a tunnel.
    pub upgraded: bool,
    /// Whether the engine has no such route.
    pub unrouted: bool,
    /// What was not in order behind the head. When the connection has become a tunnel, all that came
    /// from there on went on without a look; otherwise the exchange was cut there.
    pub disorder: Option<Disorder>,
}

/// Tells the sink that an exchange is over when it is dropped, so that it is told however it ends: a
/// request whose client has gone is dropped in the middle.
pub(super) struct Finish<S: Sink> {
    sink: Arc<S>,
    ticket: S::Ticket,
    started: Instant,
    pub(super) status: Option<u16>,
    pub(super) upgraded: bool,
    pub(super) unrouted: bool,
    pub(super) received: u64,
    pub(super) sent: u64,
    disorder: Option<Disorder>,
    /// What has come of an answer that the sink is to see.
    answer: Option<Vec<u8>>,
}

impl<S: Sink> Finish<S> {
    pub(super) fn new(sink: Arc<S>, ticket: S::Ticket, started: Instant) -> Self {
        Self {
            sink,
            ticket,
            started,
            status: None,
            upgraded: false,
            unrouted: false,
            received: 0,
            sent: 0,
            disorder: None,
            answer: None,
        }
    }

    /// Notes that something is not in order, and whether what follows goes on all the same.
    pub(super) fn breaks(&mut self, disorder: Disorder, goes_on: bool) {
        self.upgraded |= goes_on;
        let _ = self.disorder.get_or_insert(disorder);
    }

    /// What is not in order.
    pub(super) fn disorder(&self) -> Option<Disorder> {
        self.disorder
    }

    /// See [`Sink::rewrite`].
    pub(super) fn rewrite(&mut self, body: Option<&[u8]>) -> Option<Vec<u8>> {
        let rewritten = self.sink.rewrite(&self.ticket, body);
        self.answer = rewritten.is_some().then(Vec::new);
        rewritten
    }

    /// Keeps a part of the answer for the sink, if it wants to see it.
    pub(super) fn keep(&mut self, part: &[u8]) {
        if let Some(answer) = &mut self.answer {
            answer.extend_from_slice(part);
            if answer.len() > LONGEST_ANSWER {
                self.answer = None;
            }
        }
    }

    /// Shows the sink the answer, all of which has come.
    pub(super) fn show(&mut self) {
        if let (Some(answer), Some(status)) = (self.answer.take(), self.status) {
            self.sink.answered(&self.ticket, status, &answer);
        }
    }
}

impl<S: Sink> Drop for Finish<S> {
    fn drop(&mut self) {
        let outcome = Outcome {
            status: self.status,
            duration: self.started.elapsed(),
            received: self.received,
            sent: self.sent,
            upgraded: self.upgraded,
            unrouted: self.unrouted,
            disorder: self.disorder,
        };
        self.sink.finish(&self.ticket, &outcome);
    }
}
