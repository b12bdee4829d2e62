//! A listening socket, and accepting from it.
//!
//! An accepted connection is not registered with the runtime of the listener, because it may be served on
//! another thread. tokio's listeners would do that, so the readiness of a listening socket is that of a
//! stream, which waits for any socket.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use tokio::io::Interest;

use crate::peer::Peer;
use crate::wire::FreshStream;

/// A socket that clients connect to.
#[derive(Debug)]
pub(super) struct ListeningSocket {
    /// Nothing is sent or received through it.
    socket: tokio::net::UnixStream,
    is_tcp: bool,
}

impl ListeningSocket {
    /// Registers a TCP listener, which must not block, with the current runtime.
    pub(super) fn tcp(listener: TcpListener) -> io::Result<Self> {
        // A line of `docker events` must not wait for the next one.
        #[cfg(target_os = "linux")]
        rustix::net::sockopt::set_tcp_nodelay(&listener, true)?;
        Self::new(listener.into(), true)
    }

    /// Registers a listener on a unix socket, which must not block, with the current runtime.
    pub(super) fn unix(listener: UnixListener) -> io::Result<Self> {
        Self::new(listener.into(), false)
    }

    fn new(socket: OwnedFd, is_tcp: bool) -> io::Result<Self> {
        Ok(Self { socket: tokio::net::UnixStream::from_std(socket.into())?, is_tcp })
    }

    /// Whether clients connect over TCP.
    pub(super) fn is_tcp(&self) -> bool {
        self.is_tcp
    }

    /// Accepts the next client, and identifies it.
    ///
    /// # Errors
    /// The system's.
    pub(super) async fn accept(&self) -> io::Result<(FreshStream, Peer)> {
        let accept = || if self.is_tcp { tcp(&self.socket) } else { unix(&self.socket) };
        self.socket.async_io(Interest::READABLE, accept).await
    }
}

/// On Linux, a connection inherits the option for no delay from its listener.
#[cfg(target_os = "linux")]
fn tcp(listener: impl AsFd) -> io::Result<(FreshStream, Peer)> {
    let (stream, address) = rustix::net::acceptfrom_with(listener, FLAGS)?;
    let address = address.and_then(|address| SocketAddr::try_from(address).ok());
    Ok((FreshStream::tcp(stream.into()), address.map_or(Peer::Unknown, Peer::of_tcp)))
}

#[cfg(target_os = "linux")]
fn unix(listener: impl AsFd) -> io::Result<(FreshStream, Peer)> {
    let stream = UnixStream::from(rustix::net::accept_with(listener, FLAGS)?);
    let peer = Peer::of_unix(&stream);
    Ok((FreshStream::unix(stream), peer))
}

#[cfg(target_os = "linux")]
const FLAGS: rustix::net::SocketFlags =
    rustix::net::SocketFlags::CLOEXEC.union(rustix::net::SocketFlags::NONBLOCK);

/// The same on systems that cannot accept such a connection in one step.
#[cfg(not(target_os = "linux"))]
fn tcp(listener: impl AsFd) -> io::Result<(FreshStream, Peer)> {
    let (stream, address) = rustix::net::acceptfrom(listener)?;
    let stream = std::net::TcpStream::from(stream);
    prepare(&stream)?;
    stream.set_nodelay(true)?;
    let address = address.and_then(|address| SocketAddr::try_from(address).ok());
    Ok((FreshStream::tcp(stream), address.map_or(Peer::Unknown, Peer::of_tcp)))
}

#[cfg(not(target_os = "linux"))]
fn unix(listener: impl AsFd) -> io::Result<(FreshStream, Peer)> {
    let stream = UnixStream::from(rustix::net::accept(listener)?);
    prepare(&stream)?;
    let peer = Peer::of_unix(&stream);
    Ok((FreshStream::unix(stream), peer))
}

#[cfg(not(target_os = "linux"))]
fn prepare(stream: impl AsFd) -> io::Result<()> {
    rustix::io::fcntl_setfd(&stream, rustix::io::FdFlags::CLOEXEC)?;
    Ok(rustix::io::ioctl_fionbio(&stream, true)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_waits_for_more_on_an_accepted_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let socket = ListeningSocket::tcp(listener).unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        let (stream, peer) = socket.accept().await.unwrap();
        assert_eq!(peer, Peer::of_tcp(client.local_addr().unwrap()));
        assert!(stream.into_tcp().unwrap().nodelay().unwrap());
    }
}
