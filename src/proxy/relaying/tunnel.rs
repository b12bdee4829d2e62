//! A connection that no longer speaks HTTP: bytes flow both ways, and each direction ends
//! independently.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::exchange::{Exchange, count};
use crate::proxy::load::memory::Share;
use crate::proxy::record::Record;
use crate::proxy::streams::hang_up::HangUp;
use crate::proxy::streams::outbox::Outbox;
use crate::proxy::streams::scratch::poll_read;
use crate::wire::Stream;

/// A tunnel to the engine. The client has already received the head of the answer.
pub(crate) struct Tunnel<'a, R: Record> {
    pub(crate) engine: Stream,
    pub(crate) exchange: &'a mut Exchange<R>,
    /// The memory that the client's connection uses, and the part of it outside the tunnel.
    pub(crate) share: &'a mut Share,
    pub(crate) held: usize,
}

impl<R: Record> Tunnel<'_, R> {
    /// Copies bytes between the two sides until both directions have ended or one side has gone. The
    /// bytes that each side sent before the switch go first.
    ///
    /// The end of one direction is forwarded as a half-close, which is how a program in a container
    /// learns that its input has ended (docs/engine-api.md#half-close).
    pub(crate) async fn run(mut self, client: &mut Stream, early: &[u8], first: &[u8]) {
        let mut inward = Way::new(early);
        let mut outward = Way::new(first);
        let (mut client_gone, mut engine_gone) = (None, None);
        let (engine, outcome) = (&mut self.engine, &mut self.exchange.outcome);
        let (share, held) = (self.share, self.held);
        poll_fn(|context| {
            match inward.poll(context, client, engine, &mut outcome.received) {
                Poll::Ready(Err(Broken::Source)) => return Poll::Ready(()),
                // A program that has exited reads no more input, but its output still counts.
                Poll::Ready(Err(Broken::Target)) => inward.state = State::Ended,
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            if matches!(
                outward.poll(context, engine, client, &mut outcome.sent),
                Poll::Ready(Err(_))
            ) {
                return Poll::Ready(());
            }
            let has_client_gone =
                inward.has_source_ended() && gone(&mut client_gone, client, context);
            let has_engine_gone = outward.has_ended() && gone(&mut engine_gone, engine, context);
            if (inward.has_ended() && outward.has_ended()) || has_client_gone || has_engine_gone {
                return Poll::Ready(());
            }
            share.settle(held + inward.unsent.held() + outward.unsent.held());
            Poll::Pending
        })
        .await;
    }
}

/// Whether a side that has stopped sending has also stopped receiving.
fn gone(watch: &mut Option<HangUp>, side: &Stream, context: &mut Context<'_>) -> bool {
    if watch.is_none() {
        // Without a watch, the next write detects it.
        *watch = HangUp::watch(side).ok();
    }
    watch.as_ref().is_some_and(|watch| watch.poll(context).is_ready())
}

/// The side of a direction that failed.
enum Broken {
    Source,
    Target,
}

/// One direction of a tunnel.
struct Way {
    /// Bytes read but not yet written.
    unsent: Outbox,
    state: State,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    Flowing,
    /// The source has ended, and the target does not know it yet.
    Ending,
    Ended,
}

impl Way {
    fn new(first: &[u8]) -> Self {
        let mut unsent = Outbox::default();
        unsent.room().extend_from_slice(first);
        Self { unsent, state: State::Flowing }
    }

    fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    fn has_source_ended(&self) -> bool {
        self.state != State::Flowing
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
        source: &mut Stream,
        target: &mut Stream,
        counted: &mut u64,
    ) -> Poll<Result<(), Broken>> {
        loop {
            match self.state {
                State::Flowing => {
                    let flushed = self.unsent.poll_flush(target, context);
                    ready!(flushed).map_err(|_| Broken::Target)?;
                    self.unsent.clear();
                    let unsent = &mut self.unsent;
                    let read = poll_read(source, context, |bytes, context| {
                        *counted += count(bytes);
                        unsent.send(target, context, bytes).map(|()| bytes.is_empty())
                    });
                    let sent = ready!(read).map_err(|_| Broken::Source)?;
                    if sent.map_err(|_| Broken::Target)? {
                        self.state = State::Ending;
                    }
                }
                State::Ending => {
                    ready!(Pin::new(&mut *target).poll_shutdown(context))
                        .map_err(|_| Broken::Target)?;
                    self.state = State::Ended;
                }
                State::Ended => return Poll::Ready(Ok(())),
            }
        }
    }
}
