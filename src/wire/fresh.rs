//! A stream that no runtime waits for yet.
//!
//! A client sends its request right after it has connected, and an engine on a unix socket takes the head of
//! a request right after dsp has connected. So reading from the one and writing to the other are tried at
//! once. What comes next, the answer of the engine or the end of a client that has its answer, is likely to
//! be there when the other connections of the thread have had a turn. Only what is late is registered with a
//! runtime. That saves system calls for each new connection, and until then, moving it to another thread
//! costs nothing.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll};

/// How many turns of others a client lets pass after its request: in the first one, the engine gets the
/// request, and in the second, it may have answered.
pub(super) const AFTER_READING: u8 = 2;

/// A longer piece, in bytes, is a part of something large, and the next one is not left to wait.
const SMALL: usize = 4 << 10;

/// How many turns of others pass before an answer, or what follows it, is looked for.
const AFTER_WRITING: u8 = 1;

/// A connected socket that does not block and that no runtime waits for.
#[derive(Debug)]
pub(crate) struct FreshStream {
    /// `None` after it was handed to a runtime.
    socket: Option<Socket>,
    /// How many turns to leave to others before something can have arrived.
    pauses: u8,
}

/// The socket of a stream.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl FreshStream {
    /// A client that has connected over TCP. The socket must not block.
    pub(crate) fn tcp(socket: TcpStream) -> Self {
        Self { socket: Some(Socket::Tcp(socket)), pauses: 0 }
    }

    /// A client that has connected to a unix socket. The socket must not block.
    pub(crate) fn unix(socket: UnixStream) -> Self {
        Self { socket: Some(Socket::Unix(socket)), pauses: 0 }
    }

    /// An engine that dsp has connected to. It says nothing before it is asked.
    #[cfg(target_os = "linux")]
    pub(super) fn engine(socket: UnixStream) -> Self {
        Self { socket: Some(Socket::Unix(socket)), pauses: AFTER_WRITING }
    }

    /// The socket, if it is a unix socket.
    pub(crate) fn as_unix(&self) -> Option<&UnixStream> {
        match &self.socket {
            Some(Socket::Unix(socket)) => Some(socket),
            Some(Socket::Tcp(_)) | None => None,
        }
    }

    /// Sends the bytes that the other side accepts at once.
    pub(crate) fn send_now(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(drop)
    }

    /// Registers a TCP stream with the current runtime; `None` if that fails, or if it is not TCP.
    pub(crate) fn into_tcp(mut self) -> Option<tokio::net::TcpStream> {
        match self.socket.take()? {
            Socket::Tcp(socket) => tokio::net::TcpStream::from_std(socket).ok(),
            Socket::Unix(_) => None,
        }
    }

    /// Takes the socket, to register it with a runtime.
    ///
    /// # Errors
    /// It was taken before.
    pub(super) fn take(&mut self) -> io::Result<Socket> {
        self.socket.take().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Returns a second handle to the socket.
    pub(super) fn duplicate(&self) -> io::Result<OwnedFd> {
        match &self.socket {
            Some(Socket::Tcp(socket)) => socket.as_fd().try_clone_to_owned(),
            Some(Socket::Unix(socket)) => socket.as_fd().try_clone_to_owned(),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Reads what has arrived, or leaves a turn to others. Fails with `WouldBlock` if nothing has arrived.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.pauses > 0 {
            self.pauses -= 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let read = retry(|| match &mut self.socket {
            Some(Socket::Tcp(socket)) => socket.read(buffer),
            Some(Socket::Unix(socket)) => socket.read(buffer),
            None => Err(io::ErrorKind::NotConnected.into()),
        });
        let is_small = read.as_ref().is_ok_and(|count| *count <= SMALL);
        self.pauses = if is_small { AFTER_READING } else { 0 };
        Poll::Ready(read)
    }

    /// Sends the bytes that the other side accepts at once. Fails with `WouldBlock` if it accepts none.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pauses = AFTER_WRITING;
        retry(|| match &mut self.socket {
            Some(Socket::Tcp(socket)) => socket.write(bytes),
            Some(Socket::Unix(socket)) => socket.write(bytes),
            None => Err(io::ErrorKind::NotConnected.into()),
        })
    }

    /// The same for several buffers.
    pub(super) fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.pauses = AFTER_WRITING;
        retry(|| match &mut self.socket {
            Some(Socket::Tcp(socket)) => socket.write_vectored(buffers),
            Some(Socket::Unix(socket)) => socket.write_vectored(buffers),
            None => Err(io::ErrorKind::NotConnected.into()),
        })
    }

    /// Announces that nothing more will be sent.
    pub(super) fn shutdown(&mut self) -> io::Result<()> {
        let how = std::net::Shutdown::Write;
        match &self.socket {
            Some(Socket::Tcp(socket)) => socket.shutdown(how),
            Some(Socket::Unix(socket)) => socket.shutdown(how),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// Repeats a call that a signal has interrupted.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Connects to the unix socket at a path. That never waits: if too many connections wait to be accepted
/// there, it fails with `WouldBlock`.
#[cfg(target_os = "linux")]
pub(super) fn connect(path: &std::path::Path) -> io::Result<FreshStream> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};

    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(FreshStream::engine(socket.into()))
}
