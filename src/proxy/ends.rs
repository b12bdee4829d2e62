//! The two ends of one client's way to the engine, as hyper sees them.
//!
//! A client may end its own direction and still wait for the answer, as `nc -N` does; the engine
//! answers it, and takes the end for the client's going where an answer would last for ever. hyper
//! would break such a request off. So the client's end is kept from it while an answer is on its
//! way, and passed on to the engine instead, which then does what it would have done directly. What
//! the client sends goes through an [`Intake`] first.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::hang_up::HangUp;
use super::intake::Intake;
use super::link::Link;
use super::stream::Stream;

/// How much is read at once behind what is kept.
const SCRATCH: usize = 4 << 10;

/// The client's end, as hyper's server sees it.
#[derive(Debug)]
pub(super) struct ClientStream {
    stream: Stream,
    link: Arc<Link>,
    intake: Intake,
    /// How long a head may take once it has begun; none for ever.
    head_time: Option<Duration>,
    /// When the head that is coming has to be there.
    head_due: Option<Pin<Box<Sleep>>>,
    ended: bool,
    hang_up: Option<HangUp>,
}

impl ClientStream {
    pub(super) fn new(
        stream: Stream,
        link: Arc<Link>,
        intake: Intake,
        head_time: Option<Duration>,
    ) -> Self {
        Self { stream, link, intake, head_time, head_due: None, ended: false, hang_up: None }
    }

    /// The stream itself and what was read from it too early, for when HTTP is over; and whether
    /// the client was refused in the middle of what it sends.
    pub(super) fn into_parts(self) -> (Stream, Bytes, bool) {
        let is_refused = self.intake.is_refused();
        (self.stream, self.intake.into_held(), is_refused)
    }

    /// Reads what has come, into the place where hyper wants it if nothing has to be kept back.
    fn poll_intake(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.intake.is_empty() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            let come = buffer.filled().get(before..).unwrap_or_default();
            self.ended = come.is_empty() && buffer.remaining() > 0;
            let count = self.intake.take(come)?;
            buffer.set_filled(before + count);
            return Poll::Ready(Ok(()));
        }
        let mut bytes = [0; SCRATCH];
        let mut scratch = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut scratch))?;
        self.ended = scratch.filled().is_empty();
        self.intake.keep(scratch.filled());
        Poll::Ready(Ok(()))
    }

    /// Refuses a head that takes too long, and tells whether it did.
    fn poll_head_time(&mut self, context: &mut Context<'_>) -> bool {
        let Some(time) = self.head_time.filter(|_| self.intake.is_in_head()) else {
            self.head_due = None;
            return false;
        };
        let due = self.head_due.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        let is_late = due.as_mut().poll(context).is_ready();
        if is_late {
            self.head_due = None;
            self.intake.refuse_slow_head();
        }
        is_late
    }

    /// The client's direction has ended: that is passed on and kept back while there is an answer
    /// to give, and an error when the client has closed its other direction as well.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.end_client();
        if !self.link.is_answering(context.waker()) && !self.link.client_unflushed() {
            return Poll::Ready(Ok(()));
        }
        self.poll_gone(context)
    }

    /// Waits for the client to close its other direction as well, which is an error.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
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
        let before = buffer.filled().len();
        loop {
            // Before the look at what is kept: it waits for the answer before it, and so does the
            // end behind it.
            this.link.register_client(context.waker());
            let ready = this.intake.ready()?;
            if ready.has_remaining() {
                let count = ready.remaining().min(buffer.remaining());
                buffer.put_slice(&ready.split_to(count));
                return Poll::Ready(Ok(()));
            }
            if this.poll_head_time(context) {
                continue;
            }
            if this.intake.is_refused() {
                return Poll::Pending;
            }
            if this.ended && (this.intake.is_empty() || this.intake.is_in_head()) {
                return this.poll_end(context);
            }
            if this.ended {
                return this.poll_gone(context);
            }
            if this.intake.is_full() {
                return Poll::Pending;
            }
            ready!(this.poll_intake(context, buffer))?;
            if buffer.filled().len() > before || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.link.set_client_unflushed(true);
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.link.set_client_unflushed(true);
        Pin::new(&mut this.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has nothing left to write.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        this.link.set_client_unflushed(false);
        if this.ended {
            this.link.wake_client();
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
        link.set_engine_deaf(false);
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
                self.link.set_engine_deaf(true);
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
            this.link.register_engine(context.waker());
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
        if !this.ended && this.link.engine_has_to_hear() {
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
