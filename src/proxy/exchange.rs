//! One request and its answer: what the sink is told, and the bodies on the way.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use http_body_util::Full;
use hyper::body::{Frame, Incoming, SizeHint};

use crate::policy::Decision;

/// What a proxy tells of each request. The calls come in order for one connection and from several
/// threads for many.
pub trait Sink: Send + Sync + 'static {
    /// Names a request between its two calls.
    type Ticket: Send + Sync + 'static;

    /// A request has been decided over; it is forwarded or answered after this returns.
    fn begin(&self, arrival: &Arrival<'_>, decision: &Decision) -> Self::Ticket;

    /// The answer has ended, or one of its two ends has gone.
    fn finish(&self, ticket: &Self::Ticket, outcome: &Outcome);
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
}

/// Tells the sink of the end of an exchange when it is dropped, so that it is told however the
/// exchange ends: a request whose client has gone is dropped in the middle.
pub(super) struct Finish<S: Sink> {
    sink: Arc<S>,
    ticket: S::Ticket,
    started: Instant,
    pub(super) status: Option<u16>,
    pub(super) upgraded: bool,
    pub(super) received: Arc<AtomicU64>,
    pub(super) sent: Arc<AtomicU64>,
}

impl<S: Sink> Finish<S> {
    pub(super) fn new(sink: Arc<S>, ticket: S::Ticket) -> Self {
        Self {
            sink,
            ticket,
            started: Instant::now(),
            status: None,
            upgraded: false,
            received: Arc::default(),
            sent: Arc::default(),
        }
    }
}

impl<S: Sink> Drop for Finish<S> {
    fn drop(&mut self) {
        let outcome = Outcome {
            status: self.status,
            duration: self.started.elapsed(),
            received: self.received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
            upgraded: self.upgraded,
        };
        self.sink.finish(&self.ticket, &outcome);
    }
}

/// Something held until an answer has ended.
pub(super) type Held = Box<dyn std::any::Any + Send + Sync>;

/// A body on its way, either way.
pub(super) enum Body {
    /// From the other side, counted.
    Flowing {
        body: Incoming,
        bytes: Arc<AtomicU64>,
        /// Dropped with the body; for an answer this is what tells the sink.
        _held: Option<Held>,
    },
    /// From dsp itself.
    Own(Full<Bytes>),
}

impl Body {
    pub(super) fn counted(body: Incoming, bytes: &Arc<AtomicU64>, held: Option<Held>) -> Self {
        Self::Flowing { body, bytes: Arc::clone(bytes), _held: held }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Flowing { body, bytes, .. } => {
                let frame = Pin::new(body).poll_frame(context);
                if let Poll::Ready(Some(Ok(frame))) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    let length = u64::try_from(data.remaining()).unwrap_or(u64::MAX);
                    bytes.fetch_add(length, Ordering::Relaxed);
                }
                frame
            }
            Self::Own(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Flowing { body, .. } => body.is_end_stream(),
            Self::Own(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Flowing { body, .. } => body.size_hint(),
            Self::Own(body) => body.size_hint(),
        }
    }
}
