//! A byte stream over a unix socket, TCP, TLS, or through `ssh`.

use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::ssh::SshStream;
use super::tls::{RawTls, TlsStream};

/// A connection to a client or to the engine.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// In a box, so that the other streams do not grow.
    Tls(Box<TlsStream>),
    Ssh(Box<SshStream>),
}

/// A stream being moved from one runtime to another.
#[derive(Debug)]
pub(crate) enum RawStream {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
    Tls(Box<RawTls>),
}

impl RawStream {
    /// Registers the stream with the current runtime.
    pub(crate) fn register(self) -> io::Result<Stream> {
        match self {
            Self::Tcp(stream) => TcpStream::from_std(stream).map(Stream::Tcp),
            Self::Unix(stream) => UnixStream::from_std(stream).map(Stream::Unix),
            Self::Tls(stream) => stream.register().map(|stream| Stream::Tls(Box::new(stream))),
        }
    }
}

impl RawStream {
    /// Sends the bytes that the other side accepts at once.
    pub(crate) fn send_now(mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = match &mut self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
            // It would have to be encrypted.
            Self::Tls(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        sent.map(|_| ())
    }
}

impl Stream {
    /// Wraps a TCP stream, and has it send each write at once: a line of `docker events` must not wait
    /// for the next one.
    pub(crate) fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }

    /// Removes the stream from its runtime.
    ///
    /// # Errors
    /// The system's, and for a stream that is more than its socket.
    pub(crate) fn into_raw(self) -> io::Result<RawStream> {
        match self {
            Self::Tcp(stream) => stream.into_std().map(RawStream::Tcp),
            Self::Unix(stream) => stream.into_std().map(RawStream::Unix),
            Self::Tls(stream) => stream.into_raw().map(|stream| RawStream::Tls(Box::new(stream))),
            Self::Ssh(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Returns a second handle to the same socket, to wait for a different event. What passes through
    /// it is not what passes through the stream, if that is encrypted.
    pub(crate) fn duplicate(&self) -> io::Result<Self> {
        let own = self.as_fd().try_clone_to_owned()?;
        match self {
            Self::Tcp(_) | Self::Tls(_) => TcpStream::from_std(own.into()).map(Self::Tcp),
            Self::Unix(_) | Self::Ssh(_) => UnixStream::from_std(own.into()).map(Self::Unix),
        }
    }

    /// Whether bytes that were written may still be in this process, and the end of the stream is a
    /// message of its own.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Waits until the socket accepts bytes.
    pub(crate) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(context),
            Self::Unix(stream) => stream.poll_write_ready(context),
            Self::Tls(stream) => stream.socket().poll_write_ready(context),
            Self::Ssh(stream) => stream.socket().poll_write_ready(context),
        }
    }

    /// Makes the next [`Stream::poll_write_ready`] wait for a new event.
    pub(crate) fn clear_write_ready(&self) {
        let blocked = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = match self {
            Self::Tcp(stream) => stream.try_io(Interest::WRITABLE, blocked),
            Self::Unix(stream) => stream.try_io(Interest::WRITABLE, blocked),
            Self::Tls(stream) => stream.socket().try_io(Interest::WRITABLE, blocked),
            Self::Ssh(stream) => stream.socket().try_io(Interest::WRITABLE, blocked),
        };
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
            Self::Tls(stream) => stream.socket().as_fd(),
            Self::Ssh(stream) => stream.socket().as_fd(),
        }
    }
}

/// Calls the same method of whichever stream it is.
macro_rules! on_stream {
    ($stream:expr, $method:ident($($argument:expr),*)) => {
        match $stream.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Self::Unix(stream) => Pin::new(stream).$method($($argument),*),
            Self::Tls(stream) => Pin::new(&mut **stream).$method($($argument),*),
            Self::Ssh(stream) => Pin::new(&mut **stream).$method($($argument),*),
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on_stream!(self, poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, poll_write_vectored(context, buffers))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, poll_shutdown(context))
    }
}
