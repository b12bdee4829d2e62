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

/// How many long pieces are read before others have a turn. A socket that never runs dry would otherwise
/// keep its thread, with all the timeouts of that thread.
const MOST_READS: u8 = 32;

/// A connected socket that does not block and that no runtime waits for.
#[derive(Debug)]
pub(crate) struct FreshStream {
    /// `None` after it was handed to a runtime.
    socket: Option<Socket>,
    /// How many turns to leave to others before something can have arrived.
    pauses: u8,
    /// How many long pieces were read since others had a turn.
    reads: u8,
    /// Whether something was read since a write last left a turn to others. Otherwise whoever is written to
    /// without a pause would never be read from.
    is_read: bool,
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
        Self::new(Socket::Tcp(socket), 0)
    }

    /// A client that has connected to a unix socket. The socket must not block.
    pub(crate) fn unix(socket: UnixStream) -> Self {
        Self::new(Socket::Unix(socket), 0)
    }

    /// An engine that dsp has connected to. It says nothing before it is asked.
    #[cfg(target_os = "linux")]
    pub(super) fn engine(socket: UnixStream) -> Self {
        Self::new(Socket::Unix(socket), AFTER_WRITING)
    }

    fn new(socket: Socket, pauses: u8) -> Self {
        Self { socket: Some(socket), pauses, reads: 0, is_read: true }
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
            self.reads = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let read = retry(|| match &mut self.socket {
            Some(Socket::Tcp(socket)) => socket.read(buffer),
            Some(Socket::Unix(socket)) => socket.read(buffer),
            None => Err(io::ErrorKind::NotConnected.into()),
        });
        self.is_read = true;
        let is_small = read.as_ref().is_ok_and(|count| *count <= SMALL);
        self.reads = if is_small { 0 } else { self.reads.saturating_add(1) };
        self.pauses = match self.reads {
            _ if is_small => AFTER_READING,
            MOST_READS.. => 1,
            _ => 0,
        };
        Poll::Ready(read)
    }

    /// Sends the bytes that the other side accepts at once. Fails with `WouldBlock` if it accepts none.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.leave_turn();
        retry(|| match &mut self.socket {
            Some(Socket::Tcp(socket)) => socket.write(bytes),
            Some(Socket::Unix(socket)) => socket.write(bytes),
            None => Err(io::ErrorKind::NotConnected.into()),
        })
    }

    /// The same for several buffers.
    pub(super) fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.leave_turn();
        retry(|| match &mut self.socket {
            Some(Socket::Tcp(socket)) => socket.write_vectored(buffers),
            Some(Socket::Unix(socket)) => socket.write_vectored(buffers),
            None => Err(io::ErrorKind::NotConnected.into()),
        })
    }

    /// Leaves a turn to others after a write, once for each read.
    fn leave_turn(&mut self) {
        if std::mem::take(&mut self.is_read) {
            self.pauses = AFTER_WRITING;
        }
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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn pair() -> (UnixStream, FreshStream) {
        let (client, socket) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        (client, FreshStream::unix(socket))
    }

    fn poll(stream: &mut FreshStream, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        stream.poll_read(&mut Context::from_waker(Waker::noop()), buffer)
    }

    #[test]
    fn a_client_that_never_pauses_leaves_turns_to_others() {
        let (mut client, mut stream) = pair();
        let piece = vec![0; SMALL + 1];
        let mut buffer = vec![0; SMALL + 1];
        let mut without_a_turn = 0;
        for _ in 0..=MOST_READS {
            client.write_all(&piece).unwrap();
            match poll(&mut stream, &mut buffer) {
                Poll::Ready(read) => assert_eq!(read.unwrap(), piece.len()),
                Poll::Pending => break,
            }
            without_a_turn += 1;
        }
        assert_eq!(without_a_turn, MOST_READS);
        assert!(poll(&mut stream, &mut buffer).is_ready(), "after that, it goes on");
    }

    #[test]
    fn who_is_written_to_without_pause_is_still_read_from() {
        let (mut client, mut stream) = pair();
        client.write_all(b"stop").unwrap();
        let mut buffer = [0; 16];
        let mut turns = 0;
        loop {
            assert_eq!(stream.write(b"line").unwrap(), 4);
            match poll(&mut stream, &mut buffer) {
                Poll::Ready(read) => break assert_eq!(read.unwrap(), 4),
                Poll::Pending => turns += 1,
            }
            assert!(turns < 4, "each write puts it off");
        }
        assert_eq!(turns, 1);
    }
}
