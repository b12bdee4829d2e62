//! A byte stream over a unix socket, TCP, TLS, or through `ssh`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::fresh::{FreshStream, Socket};
use super::ssh::SshStream;
use super::tls::{RawTls, TlsStream};

/// A connection to a client or to the engine.
#[derive(Debug)]
pub(crate) enum Stream {
    /// One that has not been waited for. It becomes one of the next two.
    Fresh(FreshStream),
    Tcp(TcpStream),
    Unix(UnixStream),
    /// In a box, so that the other streams do not grow.
    Tls(Box<TlsStream>),
    Ssh(Box<SshStream>),
}

/// A stream being moved from one runtime to another.
#[derive(Debug)]
pub(crate) enum RawStream {
    Fresh(FreshStream),
    Tls(Box<RawTls>),
}

impl RawStream {
    /// Gives the stream to the current runtime.
    pub(crate) fn register(self) -> io::Result<Stream> {
        match self {
            Self::Fresh(stream) => Ok(Stream::Fresh(stream)),
            Self::Tls(stream) => stream.register().map(|stream| Stream::Tls(Box::new(stream))),
        }
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
            Self::Fresh(stream) => Ok(RawStream::Fresh(stream)),
            Self::Tcp(stream) => {
                stream.into_std().map(|stream| RawStream::Fresh(FreshStream::tcp(stream)))
            }
            Self::Unix(stream) => {
                stream.into_std().map(|stream| RawStream::Fresh(FreshStream::unix(stream)))
            }
            Self::Tls(stream) => stream.into_raw().map(|stream| RawStream::Tls(Box::new(stream))),
            Self::Ssh(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Sends the bytes that the other side accepts at once.
    ///
    /// # Errors
    /// The system's, and for a stream that would have to encrypt them.
    pub(crate) fn send_now(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = match self {
            Self::Fresh(stream) => return stream.send_now(bytes),
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
            Self::Tls(_) | Self::Ssh(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        sent.map(drop)
    }

    /// Returns a second handle to the same socket, to wait for a different event. What passes through
    /// it is not what passes through the stream, if that is encrypted.
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Fresh(stream) => stream.duplicate(),
            Self::Tcp(stream) => stream.as_fd().try_clone_to_owned(),
            Self::Unix(stream) => stream.as_fd().try_clone_to_owned(),
            Self::Tls(stream) => stream.socket().as_fd().try_clone_to_owned(),
            Self::Ssh(stream) => stream.socket().as_fd().try_clone_to_owned(),
        }
    }

    /// Whether bytes that were written may still be in this process, and the end of the stream is a
    /// message of its own.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether no runtime waits for the stream yet. A read that is pending then is tried again after a turn
    /// of others, so nothing else has to wake its reader.
    pub(crate) fn is_fresh(&self) -> bool {
        matches!(self, Self::Fresh(_))
    }

    /// Registers a socket with the current runtime.
    fn registered(socket: Socket) -> io::Result<Self> {
        match socket {
            Socket::Tcp(socket) => TcpStream::from_std(socket).map(Self::Tcp),
            Socket::Unix(socket) => UnixStream::from_std(socket).map(Self::Unix),
        }
    }

    /// Calls a fresh stream, and returns what it did. `None` if the stream has to be waited for: it is
    /// registered with the current runtime then.
    fn at_once<T>(
        &mut self,
        call: impl FnOnce(&mut FreshStream) -> Poll<io::Result<T>>,
    ) -> Option<Poll<io::Result<T>>> {
        let Self::Fresh(fresh) = self else { return None };
        match call(fresh) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                let registered = fresh.take().and_then(Self::registered);
                match registered {
                    Ok(registered) => {
                        *self = registered;
                        None
                    }
                    Err(error) => Some(Poll::Ready(Err(error))),
                }
            }
            done => Some(done),
        }
    }
}

/// Calls the same method of whichever stream it is.
macro_rules! on_stream {
    ($stream:expr, $method:ident($($argument:expr),*)) => {
        match $stream {
            Self::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Self::Unix(stream) => Pin::new(stream).$method($($argument),*),
            Self::Tls(stream) => Pin::new(&mut **stream).$method($($argument),*),
            Self::Ssh(stream) => Pin::new(&mut **stream).$method($($argument),*),
            Self::Fresh(_) => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        match stream.at_once(|fresh| fresh.poll_read(context, buffer.initialize_unfilled())) {
            Some(read) => read.map_ok(|count| buffer.advance(count)),
            None => on_stream!(stream, poll_read(context, buffer)),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        match stream.at_once(|fresh| Poll::Ready(fresh.write(bytes))) {
            Some(written) => written,
            None => on_stream!(stream, poll_write(context, bytes)),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        match stream.at_once(|fresh| Poll::Ready(fresh.write_vectored(buffers))) {
            Some(written) => written,
            None => on_stream!(stream, poll_write_vectored(context, buffers)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            // Nothing waits in this process.
            Self::Fresh(_) => Poll::Ready(Ok(())),
            stream => on_stream!(stream, poll_flush(context)),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Fresh(fresh) => Poll::Ready(fresh.shutdown()),
            stream => on_stream!(stream, poll_shutdown(context)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::wire::fresh::AFTER_READING;

    fn pair() -> (FreshStream, net::UnixStream) {
        let (own, other) = net::UnixStream::pair().unwrap();
        own.set_nonblocking(true).unwrap();
        (FreshStream::unix(own), other)
    }

    /// As for a client that connects for one request: neither its request nor its end is waited for.
    #[tokio::test]
    async fn what_has_arrived_is_read_without_a_runtime() {
        let (own, mut other) = pair();
        other.write_all(b"request").unwrap();
        let mut stream = Stream::Fresh(own);
        let mut buffer = [0; 16];
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 7);
        stream.write_all(b"answer").await.unwrap();
        other.read_exact(&mut buffer[..6]).unwrap();
        assert_eq!(&buffer[..6], b"answer");
        drop(other);
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 0);
        assert!(matches!(stream, Stream::Fresh(_)));
    }

    /// Others have their turn a few times, and then the runtime waits.
    #[tokio::test]
    async fn what_does_not_come_soon_is_not_looked_for_again_and_again() {
        let (own, mut other) = pair();
        other.write_all(b"request").unwrap();
        let mut stream = Stream::Fresh(own);
        let mut buffer = [0; 16];
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 7);
        let mut polls = 0;
        let reading = std::future::poll_fn(|context| {
            polls += 1;
            let mut buffer = tokio::io::ReadBuf::new(&mut buffer);
            std::pin::Pin::new(&mut stream).poll_read(context, &mut buffer)
        });
        let _ = tokio::time::timeout(std::time::Duration::from_millis(20), reading).await;
        assert!(polls <= u32::from(AFTER_READING) + 2, "{polls}");
        assert!(matches!(stream, Stream::Unix(_)));
        other.write_all(b"more").unwrap();
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn what_has_not_arrived_is_waited_for() {
        let (own, mut other) = pair();
        let mut stream = Stream::Fresh(own);
        let reading = tokio::spawn(async move {
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text
        });
        tokio::task::yield_now().await;
        other.write_all(b"late ").unwrap();
        tokio::task::yield_now().await;
        other.write_all(b"request").unwrap();
        drop(other);
        assert_eq!(reading.await.unwrap(), "late request");
    }

    #[tokio::test]
    async fn what_the_other_side_does_not_accept_is_waited_for() {
        let (own, mut other) = pair();
        let mut stream = Stream::Fresh(own);
        let sent = vec![b'x'; 1 << 22];
        let writing = tokio::spawn(async move {
            stream.write_all(&sent).await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let read = tokio::task::spawn_blocking(move || {
            let mut all = Vec::new();
            other.read_to_end(&mut all).unwrap();
            all.len()
        });
        assert_eq!(read.await.unwrap(), 1 << 22);
        writing.await.unwrap();
    }
}
