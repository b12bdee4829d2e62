//! The two ends of one client's way to the engine, and what they have to tell each other.
//!
//! A client may end its own direction and still wait for the answer, as `nc -N` does; the engine
//! answers it, and takes the end for the client's going where an answer would last for ever. hyper
//! would break such a request off. So the client's end is kept from it while an answer is on its
//! way, and passed on to the engine instead, which then does what it would have done directly.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, Waker, ready};

use atomic_waker::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::hang_up::HangUp;
use super::stream::Stream;

/// What both ends know of the request under way.
#[derive(Debug, Default)]
pub(super) struct Link {
    stage: AtomicU8,
    client_ended: AtomicBool,
    client_unflushed: AtomicBool,
    engine_deaf: AtomicBool,
    /// The client's connection, waiting for its next bytes.
    client: AtomicWaker,
    /// A request's body, waiting for its next piece.
    upload: AtomicWaker,
    /// The engine's connection.
    engine: AtomicWaker,
}

/// A request is being read or answered.
const BEGUN: u8 = 1;
/// All of it has been received.
const RECEIVED: u8 = 2;
/// The engine's connection has it.
const HANDED: u8 = 4;
/// The answer has ended.
const ANSWERED: u8 = 8;
/// The client ended in the middle of it.
const TRUNCATED: u8 = 16;

impl Link {
    /// The head of a request has arrived, and perhaps that was all.
    pub(super) fn begin(&self, is_whole: bool) {
        self.stage.store(if is_whole { BEGUN | RECEIVED } else { BEGUN }, Ordering::Release);
    }

    /// The whole request has arrived.
    pub(super) fn received(&self) {
        if self.stage.fetch_or(RECEIVED, Ordering::AcqRel) & ANSWERED != 0 {
            self.stage.store(0, Ordering::Release);
        }
        self.wake_engine();
    }

    /// The engine's connection has the request, or has given it back.
    pub(super) fn handed(&self, is_handed: bool) {
        if is_handed {
            self.stage.fetch_or(HANDED, Ordering::AcqRel);
            self.wake_engine();
        } else {
            self.stage.fetch_and(!HANDED, Ordering::AcqRel);
        }
    }

    /// The answer has been given, or will not be.
    pub(super) fn done(&self) {
        if self.stage.fetch_or(ANSWERED, Ordering::AcqRel) & RECEIVED != 0 {
            self.stage.store(0, Ordering::Release);
        }
    }

    /// Whether the client's direction has ended; the one who waits for a piece of a request's body
    /// asks before it looks for one, and is woken when this changes.
    pub(super) fn has_client_ended(&self, upload: &Waker) -> bool {
        self.upload.register(upload);
        self.client_ended()
    }

    /// The client's direction has ended, and there was no more of the request's body.
    pub(super) fn truncated(&self) {
        self.stage.fetch_or(TRUNCATED, Ordering::AcqRel);
        self.client.wake();
    }

    /// Whether bytes for the client still wait to be written.
    pub(super) fn client_unflushed(&self) -> bool {
        self.client_unflushed.load(Ordering::Relaxed)
    }

    /// Whether part of the last request was left unread.
    pub(super) fn unread(&self) -> bool {
        self.is(BEGUN) && !self.is(RECEIVED)
    }

    /// Whether the engine's connection refused to take more bytes than it had.
    pub(super) fn engine_deaf(&self) -> bool {
        self.engine_deaf.load(Ordering::Acquire)
    }

    fn is(&self, stage: u8) -> bool {
        self.stage.load(Ordering::Acquire) & stage == stage
    }

    /// Whether a request waits for an answer which it may still get.
    fn is_answering(&self) -> bool {
        self.stage.load(Ordering::Acquire) & (BEGUN | ANSWERED | TRUNCATED) == BEGUN
    }

    fn end_client(&self) {
        if !self.client_ended.swap(true, Ordering::AcqRel) {
            self.upload.wake();
            self.engine.wake();
        }
    }

    fn client_ended(&self) -> bool {
        self.client_ended.load(Ordering::Acquire)
    }

    fn wake_engine(&self) {
        if self.client_ended() {
            self.engine.wake();
        }
    }
}

/// The client's end, as hyper's server sees it.
#[derive(Debug)]
pub(super) struct ClientStream {
    stream: Stream,
    link: Arc<Link>,
    ended: bool,
    hang_up: Option<HangUp>,
}

impl ClientStream {
    pub(super) fn new(stream: Stream, link: Arc<Link>) -> Self {
        Self { stream, link, ended: false, hang_up: None }
    }

    /// The stream itself, for when HTTP is over.
    pub(super) fn into_inner(self) -> Stream {
        self.stream
    }

    /// The client's direction has ended: that is passed on and kept back while there is an answer
    /// to give, and an error when the client has closed its other direction as well.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.client.register(context.waker());
        self.link.end_client();
        if !self.link.is_answering() && !self.link.client_unflushed() {
            return Poll::Ready(Ok(()));
        }
        if self.hang_up.is_none() {
            self.hang_up = Some(HangUp::watch(&self.stream)?);
        }
        if self.hang_up.as_ref().is_some_and(|hang_up| hang_up.poll(context).is_ready()) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Pending
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.ended {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
            if buffer.filled().len() > before || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            this.ended = true;
        }
        this.poll_end(context)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.link.client_unflushed.store(true, Ordering::Relaxed);
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.link.client_unflushed.store(true, Ordering::Relaxed);
        Pin::new(&mut this.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has nothing left to write.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        this.link.client_unflushed.store(false, Ordering::Relaxed);
        if this.ended {
            this.link.client.wake();
        }
        Poll::Ready(Ok(()))
    }

    /// The connection's task closes the stream itself, after what HTTP does not know about.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

/// The engine's end, as hyper's client sees it.
#[derive(Debug)]
pub(super) struct EngineStream {
    stream: Stream,
    link: Arc<Link>,
    ended: bool,
}

impl EngineStream {
    pub(super) fn new(stream: Stream, link: Arc<Link>) -> Self {
        link.engine_deaf.store(false, Ordering::Release);
        Self { stream, link, ended: false }
    }

    /// The stream itself, for when HTTP is over.
    pub(super) fn into_inner(self) -> Stream {
        self.stream
    }

    /// An engine that takes no more of an upload may have answered before it stopped listening,
    /// and that answer is what the client has to see. So the rest is thrown away, and reading
    /// tells how it ends.
    fn unheard(&self, written: io::Result<usize>, length: usize) -> io::Result<usize> {
        match written {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
                ) =>
            {
                self.link.engine_deaf.store(true, Ordering::Release);
                Ok(length)
            }
            written => written,
        }
    }
}

impl AsyncRead for EngineStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.ended {
            this.link.engine.register(context.waker());
        }
        Pin::new(&mut this.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for EngineStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write(context, bytes));
        Poll::Ready(this.unheard(written, bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(context, buffers));
        Poll::Ready(this.unheard(written, buffers.iter().map(|buffer| buffer.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has nothing left to write: once it has the whole request, this is the
    /// place to pass the client's end on.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        if !this.ended && this.link.client_ended() && this.link.is(RECEIVED | HANDED) {
            this.ended = true;
            // An engine that has gone already tells so when it is read from.
            let _ = ready!(Pin::new(&mut this.stream).poll_shutdown(context));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
