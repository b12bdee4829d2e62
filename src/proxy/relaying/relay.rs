//! Sends a request to the engine and its answer back, both at the same time.
//!
//! An engine may answer before it has received the whole request, and a client may close its sending
//! side and still wait for the answer, as `nc -N` does. dsp then closes its own sending side too, and
//! the engine does what it would do without dsp: if the answer is endless, it assumes that the client
//! has gone.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::ending::Ending;
use super::exchange::Exchange;
use super::request_info::RequestInfo;
use super::request_side::RequestSide;
use super::response_side::ResponseSide;
use super::upstream::{Upstream, UpstreamError};
use crate::http1::Disorder;
use crate::proxy::load::control::Control;
use crate::proxy::load::memory::Share;
use crate::proxy::load::registry::Registry;
use crate::proxy::record::Record;
use crate::proxy::streams::scratch::poll_read;
use crate::proxy::streams::timer::Timer;
use crate::wire::{EngineAddress, Stream};

/// A client, its connection to the engine, and the request and the answer between the two. It lives as
/// long as the client's connection, and forwards one request after the other with the same buffers.
pub(crate) struct Relay {
    pub(crate) client: Stream,
    /// The connection to the engine, while no request is being forwarded.
    pub(crate) upstream: Upstream,
    pub(crate) request: RequestSide,
    pub(crate) response: ResponseSide,
    /// Limits the time for whatever the client is expected to do next.
    pub(crate) timer: Timer,
    /// The memory that the client's connection uses.
    pub(crate) share: Share,
    control: Arc<Control>,
    /// How long the body of a request may make no progress. `None` for no limit.
    pub(crate) patience: Option<Duration>,
    /// The number of bytes forwarded, in both directions, when the timer was last stopped.
    moved: u64,
}

impl Relay {
    /// Creates a relay for a client. If `is_strict` is false, the client is only watched: malformed
    /// requests are accepted, and bodies have all the time they need.
    pub(crate) fn new(
        client: Stream,
        control: &Arc<Control>,
        registry: &Arc<Registry>,
        is_strict: bool,
    ) -> Self {
        Self {
            client,
            upstream: Upstream::new(Arc::clone(registry)),
            request: RequestSide::new(is_strict),
            response: ResponseSide::new(Arc::clone(control)),
            timer: Timer::default(),
            share: Share::new(Arc::clone(control), Arc::clone(registry)),
            control: Arc::clone(control),
            patience: registry.limits.body.filter(|_| is_strict),
            moved: 0,
        }
    }

    /// The memory that its buffers use, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.request.held() + self.response.held()
    }

    /// Counts the memory of its buffers, and of `others` that the client's connection uses.
    pub(crate) fn settle(&mut self, others: usize) {
        self.share.settle(self.held() + others);
    }

    /// Frees what only a request in progress needs.
    pub(crate) fn rest(&mut self) {
        self.request.rest();
        self.response.rest();
    }

    /// Begins a request. `announced` are the names of the trailers that its body may have. The caller
    /// then writes its head to the outbox of the request side.
    pub(crate) fn begin(&mut self, info: RequestInfo, has_body: bool, announced: &[u8]) {
        self.request.begin(info, has_body, announced);
        self.response.begin(info);
    }

    /// Forwards the request that was begun, and its answer. Also returns the connection to the engine.
    /// While it waits, the memory that the client's connection uses besides the buffers is `others`.
    ///
    /// # Errors
    /// The engine cannot be reached.
    pub(crate) async fn run<R: Record>(
        &mut self,
        address: &EngineAddress,
        exchange: &mut Exchange<R>,
        others: usize,
    ) -> Result<(Ending, Stream), UpstreamError> {
        loop {
            let (mut engine, is_reused) = self.upstream.take(address).await?;
            let ending = poll_fn(|context| {
                let polled = self.poll(&mut engine, exchange, context);
                if polled.is_pending() {
                    self.settle(others);
                }
                polled
            })
            .await;
            match ending {
                Ending::Unanswered(_) if is_reused && self.can_be_repeated() => {
                    self.request.restart();
                    self.response.restart();
                }
                ending => return Ok((ending, engine)),
            }
        }
    }

    /// Advances both directions as long as the client sends what it announced.
    fn poll<R: Record>(
        &mut self,
        engine: &mut Stream,
        exchange: &mut Exchange<R>,
        context: &mut Context<'_>,
    ) -> Poll<Ending> {
        let was_whole = self.request.is_whole();
        let polled = self.poll_both(engine, exchange, context);
        if polled.is_pending() && !was_whole {
            self.poll_stalled(exchange, context)
        } else {
            polled
        }
    }

    fn poll_both<R: Record>(
        &mut self,
        engine: &mut Stream,
        exchange: &mut Exchange<R>,
        context: &mut Context<'_>,
    ) -> Poll<Ending> {
        let Self { client, request, response, .. } = self;
        if request.poll(client, engine, exchange, context).is_err() {
            return Poll::Ready(Ending::Broken);
        }
        loop {
            match ready!(response.poll(client, engine, request, exchange, context)) {
                Ok(()) => {}
                Err(ending) => return Poll::Ready(ending),
            }
            // The engine has found more requests than dsp.
            let excess = response.take_excess();
            if !excess.is_empty() && !request.is_unparsed() {
                exchange.note_disorder(Disorder::Answer, true);
            }
            // It is unknown where the next request begins, so everything that follows is forwarded as
            // it comes.
            if !excess.is_empty() || (request.is_unparsed() && !response.closes()) {
                return Poll::Ready(Ending::Tunnel(excess));
            }
            if request.is_over() || response.closes() {
                let closes = response.closes() || !request.is_whole();
                let keeps = response.keeps_engine() && request.keeps_engine() && !closes;
                return Poll::Ready(Ending::Answered { closes, keeps });
            }
            // The client is still sending, and the engine is still reading or has gone.
            let _ = ready!(poll_read(engine, context, |_, _| ()));
            response.close();
        }
    }

    /// Waits until the client has sent nothing of the body for too long. If the engine answers, there
    /// is progress; if it does not accept what has arrived, the client is not to blame.
    fn poll_stalled<R: Record>(
        &mut self,
        exchange: &Exchange<R>,
        context: &mut Context<'_>,
    ) -> Poll<Ending> {
        let (request, outcome) = (&self.request, &exchange.outcome);
        self.control.receives(outcome.received, request.is_whole());
        let moved = outcome.received.saturating_add(outcome.sent);
        if moved != self.moved || request.is_whole() || !request.outbox.is_empty() {
            self.moved = moved;
            self.timer.stop();
        }
        match self.patience {
            Some(patience) if !request.is_whole() => {
                let late = self.timer.poll(context, patience);
                late.map(|()| Ending::Stalled)
            }
            _ => Poll::Pending,
        }
    }

    /// Whether the request can be sent again on another connection. That is so if there was no answer
    /// because the engine had closed this connection while it was idle. A request with side effects
    /// must not have reached the engine (RFC 9110 section 9.2.2).
    fn can_be_repeated(&self) -> bool {
        self.response.is_silent() && self.request.can_be_repeated()
    }
}
