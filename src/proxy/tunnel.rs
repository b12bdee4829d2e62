//! A connection that is HTTP no longer: bytes both ways, each way ending by itself.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;

use super::exchange::{Finish, Sink, add};
use super::hang_up::HangUp;
use super::hijacked::Hijacked;
use super::stream::Stream;

/// The size in bytes of the buffer for each way. Measured on unix sockets, 64 KiB carry 2.6 times
/// what 8 KiB do, and 256 KiB no more.
const BUFFER: usize = 64 << 10;

/// A tunnel to be made as soon as the client has the head of the answer.
pub(super) struct Tunnel<S: Sink> {
    pub(super) engine: Hijacked,
    pub(super) finish: Finish<S>,
}

impl<S: Sink> Tunnel<S> {
    /// Carries bytes between the two sides until both ways have ended or one side has gone; what
    /// either side had sent before the switch was done goes first. Gives back the client's stream.
    ///
    /// The end of one way is passed on as a half-close, which is how a program in a container
    /// learns that its input has ended (ENGINE_API 2.7).
    pub(super) async fn run(self, mut client: Stream, from_client: &[u8]) -> Stream {
        let Ok((mut engine, from_engine)) = self.engine.raw().await else { return client };
        let mut inward = Way::new(from_client, &self.finish.received);
        let mut outward = Way::new(&from_engine, &self.finish.sent);
        let (mut client_gone, mut engine_gone) = (None, None);
        poll_fn(|context| {
            match inward.poll(context, &mut client, &mut engine) {
                Poll::Ready(Err(Broken::Source)) => return Poll::Ready(()),
                // A program that has ended takes no more input; what it said still counts.
                Poll::Ready(Err(Broken::Target)) => inward.stop(),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            if let Poll::Ready(Err(_)) = outward.poll(context, &mut engine, &mut client) {
                return Poll::Ready(());
            }
            let has_client_gone = inward.has_source_ended()
                && gone(&mut client_gone, || HangUp::watch(&client), context);
            let has_engine_gone =
                outward.has_ended() && gone(&mut engine_gone, || engine.hang_up(), context);
            if (inward.has_ended() && outward.has_ended()) || has_client_gone || has_engine_gone {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
        client
    }
}

/// Whether a side that sends no more has stopped listening as well.
fn gone(
    watch: &mut Option<HangUp>,
    begin: impl FnOnce() -> io::Result<HangUp>,
    context: &mut Context<'_>,
) -> bool {
    if watch.is_none() {
        // Without a watch the next write tells.
        *watch = begin().ok();
    }
    watch.as_ref().is_some_and(|watch| watch.poll(context).is_ready())
}

/// Which side of a way failed.
enum Broken {
    Source,
    Target,
}

/// One direction of a tunnel.
struct Way<'a> {
    /// Read and not yet written. It has room only while bytes flow: most tunnels are silent most of
    /// the time.
    buffer: BytesMut,
    state: State,
    count: &'a AtomicU64,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    Flowing,
    /// The source has ended, which the target has to be told.
    Ending,
    Ended,
}

impl<'a> Way<'a> {
    fn new(first: &[u8], count: &'a AtomicU64) -> Self {
        Self { buffer: BytesMut::from(first), state: State::Flowing, count }
    }

    fn stop(&mut self) {
        self.state = State::Ended;
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
        source: &mut (impl AsyncRead + Unpin),
        target: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<Result<(), Broken>> {
        loop {
            match self.state {
                State::Flowing if self.buffer.is_empty() => {
                    self.buffer.reserve(BUFFER);
                    let read = poll_read_buf(Pin::new(&mut *source), context, &mut self.buffer);
                    if read.is_pending() {
                        self.buffer = BytesMut::new();
                    }
                    if ready!(read).map_err(|_| Broken::Source)? == 0 {
                        self.state = State::Ending;
                    }
                }
                State::Flowing => {
                    let written = Pin::new(&mut *target).poll_write(context, &self.buffer);
                    let length = ready!(written).map_err(|_| Broken::Target)?;
                    if length == 0 {
                        return Poll::Ready(Err(Broken::Target));
                    }
                    add(self.count, length);
                    self.buffer.advance(length);
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
