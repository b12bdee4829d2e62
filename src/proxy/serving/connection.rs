//! A client connection: its requests are read, decided on, and forwarded or answered, one after the
//! other.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::next::{Client, ClientEvent, Next};
use crate::http1::Flaw;
use crate::proxy::load::control::Control;
use crate::proxy::load::turns;
use crate::proxy::record::Record;
use crate::proxy::relaying::relay::Relay;
use crate::proxy::relaying::request_reader::Arrived;
use crate::proxy::service::Service;
use crate::proxy::shared::Shared;
use crate::proxy::streams::closing::{close, linger};
use crate::proxy::streams::scratch::{poll_read, trim};
use crate::wire::Stream;

/// How long a client may be idle between two requests. This is the engine's own limit (moby
/// daemon/command/daemon.go, `ReadHeaderTimeout`).
const IDLE_TIME: Duration = Duration::from_secs(5 * 60);

/// How long a client that has sent nothing yet may take to send its first request when the proxy ends. It has
/// just connected: nobody else would answer it, and it would not try again.
const FIRST_TIME: Duration = Duration::from_millis(500);

/// How long the head of a request may take after its first byte. Clients send a head at once.
const HEAD_TIME: Duration = Duration::from_secs(20);

/// A client connection and its connection to the engine.
pub(crate) struct Connection<R: Record> {
    /// What its requests go through.
    pub(super) service: Arc<Service<R>>,
    pub(super) shared: Arc<Shared>,
    pub(super) client: Client,
    pub(super) control: Arc<Control>,
    /// Both streams, and what is under way between them.
    pub(super) relay: Relay,
    /// The head of the current request.
    pub(super) head: Vec<u8>,
    pub(super) is_strict: bool,
    /// Whether a request has arrived.
    has_asked: bool,
    /// Whether the time for the first request has begun, because the proxy ends.
    is_last_call: bool,
}

impl<R: Record> Connection<R> {
    pub(crate) fn new(
        service: Arc<Service<R>>,
        shared: Arc<Shared>,
        client: Client,
        control: Arc<Control>,
        stream: Stream,
    ) -> Self {
        let is_strict = service.gate.refuses_flaws();
        let relay = Relay::new(stream, &control, &shared.registry, is_strict);
        Self {
            service,
            shared,
            client,
            control,
            relay,
            head: Vec::new(),
            is_strict,
            has_asked: false,
            is_last_call: false,
        }
    }

    /// Answers requests until the connection ends.
    pub(crate) async fn serve(mut self) {
        let next = loop {
            let next = match poll_fn(|context| self.poll_arrival(context)).await {
                ClientEvent::Ended { is_between: true } => Next::End,
                // Forward the part that arrived, because the engine may answer it in its own way.
                ClientEvent::Ended { is_between: false } if !self.is_strict => {
                    let bytes = self.relay.request.reader.take_all();
                    self.malformed(Flaw::Cut, bytes).await
                }
                ClientEvent::Ended { is_between: false } => Next::Linger,
                ClientEvent::Arrived(Arrived::Head(length)) => self.request(length).await,
                ClientEvent::Arrived(Arrived::Flawed(flaw)) => {
                    let bytes = self.relay.request.reader.take_all();
                    self.malformed(flaw, bytes).await
                }
            };
            match next {
                Next::Request => self.rest(),
                ended => break ended,
            }
        };
        match next {
            Next::Linger => linger(&mut self.relay.client).await,
            Next::End | Next::Request => close(&mut self.relay.client).await,
        }
    }

    /// Frees what only a request in progress needs.
    fn rest(&mut self) {
        self.relay.rest();
        trim(&mut self.head);
    }

    /// Waits for the head of a request.
    fn poll_arrival(&mut self, context: &mut Context<'_>) -> Poll<ClientEvent> {
        let Relay { client, upstream, request, timer, .. } = &mut self.relay;
        let reader = &mut request.reader;
        loop {
            if !reader.is_between() {
                // Pipelined requests are not all answered in one turn.
                ready!(turns::poll_left(context));
            }
            if let Some(arrived) = reader.find_head() {
                timer.stop();
                self.has_asked = true;
                return Poll::Ready(ClientEvent::Arrived(arrived));
            }
            let is_between = reader.is_between();
            if reader.has_ended() || (is_between && self.has_asked && self.control.finishes()) {
                return Poll::Ready(ClientEvent::Ended { is_between });
            }
            match poll_read(client, context, |bytes, _| reader.push(bytes)) {
                Poll::Ready(Ok(())) => {
                    if is_between {
                        // The idle limit ends here; the head has a limit of its own.
                        timer.stop();
                    }
                }
                Poll::Ready(Err(_)) => return Poll::Ready(ClientEvent::Ended { is_between: true }),
                Poll::Pending => break,
            }
        }
        if client.is_fresh() {
            // A timer of a thread that has none is a system call.
            self.relay.settle(self.head.capacity());
            return Poll::Pending;
        }
        upstream.poll_idle(context);
        let is_between = reader.is_between();
        if is_between && !self.is_last_call && self.control.finishes() {
            self.is_last_call = true;
            timer.stop();
        }
        let limit = match (is_between, self.is_strict) {
            (true, _) if self.is_last_call => FIRST_TIME,
            (true, _) | (false, false) => IDLE_TIME,
            (false, true) => HEAD_TIME,
        };
        let late = timer.poll(context, limit);
        self.relay.settle(self.head.capacity());
        ready!(late);
        Poll::Ready(if is_between || !self.is_strict {
            ClientEvent::Ended { is_between: true }
        } else {
            ClientEvent::Arrived(Arrived::Flawed(Flaw::TooSlow))
        })
    }

    /// Answers the request with the head that has arrived, of this length in bytes.
    async fn request(&mut self, length: usize) -> Next {
        let mut bytes = std::mem::take(&mut self.head);
        bytes.clear();
        let reader = &mut self.relay.request.reader;
        reader.take(length, &mut bytes);
        let answered = match reader.read_head(&bytes) {
            Ok(head) => Ok(self.answer(&head).await),
            Err(flaw) => Err(flaw),
        };
        match answered {
            Ok(next) => {
                self.head = bytes;
                self.control.end();
                next
            }
            Err(flaw) => {
                bytes.append(&mut self.relay.request.reader.take_all());
                self.malformed(flaw, bytes).await
            }
        }
    }
}
