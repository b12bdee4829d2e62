//! One request and its answer: what the sink is told of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::policy::Decision;

/// What a proxy tells of each request. The calls come in order for one connection and from several
/// threads for many.
pub trait Sink: Send + Sync + 'static {
    /// Names a request between its two calls.
    type Ticket: Send + Sync + 'static;

    /// A request has been decided over; it is forwarded or answered after this returns.
    fn begin(&self, arrival: &Arrival<'_>, decision: &Decision) -> Begun<Self::Ticket>;

    /// The answer has ended, or one of its two ends has gone.
    fn finish(&self, ticket: &Self::Ticket, outcome: &Outcome);
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
    /// The number of the client's connection, from 1.
    pub connection: u64,
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
}

impl<S: Sink> Finish<S> {
    pub(super) fn new(sink: Arc<S>, ticket: S::Ticket) -> Self {
        Self {
            sink,
            ticket,
            started: Instant::now(),
            status: None,
            upgraded: false,
            unrouted: false,
            received: 0,
            sent: 0,
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
        };
        self.sink.finish(&self.ticket, &outcome);
    }
}
