//! A byte stream over a unix socket or TCP.

use std::future::poll_fn;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::scratch::poll_read;
use crate::api::Address;

/// How long to keep a connection open for a client that is still sending (Go's `rstAvoidanceDelay`).
const LINGER: Duration = Duration::from_millis(500);

/// A connection to a client or to the engine.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A stream being moved from one runtime to another.
#[derive(Debug)]
pub(crate) enum RawStream {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl RawStream {
    /// Registers the stream with the current runtime.
    pub(crate) fn register(self) -> io::Result<Stream> {
        match self {
            Self::Tcp(stream) => TcpStream::from_std(stream).map(Stream::Tcp),
            Self::Unix(stream) => UnixStream::from_std(stream).map(Stream::Unix),
        }
    }
}

impl RawStream {
    /// Sends the bytes that the other side accepts at once.
    pub(crate) fn send_now(mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = match &mut self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        };
        sent.map(|_| ())
    }
}

impl Stream {
    /// Connects to an engine.
    pub(crate) async fn connect(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp { host, port } => {
                Self::tcp(TcpStream::connect((host.as_str(), *port)).await?)
            }
            Address::Unix(path) => UnixStream::connect(path).await.map(Self::Unix),
        }
    }

    /// Wraps a TCP stream, and has it send each write at once: a line of `docker events` must not wait
    /// for the next one.
    pub(crate) fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }

    /// Removes the stream from its runtime.
    pub(crate) fn into_raw(self) -> io::Result<RawStream> {
        match self {
            Self::Tcp(stream) => stream.into_std().map(RawStream::Tcp),
            Self::Unix(stream) => stream.into_std().map(RawStream::Unix),
        }
    }

    /// Closes a connection on which the client may still be sending. Closing it with unread bytes would
    /// reset it, and a reset discards the part of the answer that the client has not read yet.
    pub(crate) async fn linger(&mut self) {
        if self.shutdown().await.is_err() {
            return;
        }
        let rest = async {
            while let Ok(true) =
                poll_fn(|context| poll_read(self, context, |bytes, _| !bytes.is_empty())).await
            {
            }
        };
        let _ = tokio::time::timeout(LINGER, rest).await;
    }

    /// Returns a second handle to the same stream, to wait for a different event.
    pub(crate) fn duplicate(&self) -> io::Result<Self> {
        let own = self.as_fd().try_clone_to_owned()?;
        match self {
            Self::Tcp(_) => TcpStream::from_std(own.into()).map(Self::Tcp),
            Self::Unix(_) => UnixStream::from_std(own.into()).map(Self::Unix),
        }
    }
}

impl Stream {
    pub(crate) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(context),
            Self::Unix(stream) => stream.poll_write_ready(context),
        }
    }

    /// Makes the next [`Stream::poll_write_ready`] wait for a new event.
    pub(crate) fn clear_write_ready(&self) {
        let blocked = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = match self {
            Self::Tcp(stream) => stream.try_io(Interest::WRITABLE, blocked),
            Self::Unix(stream) => stream.try_io(Interest::WRITABLE, blocked),
        };
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
