//! Listening for clients on unix sockets and TCP.
//!
//! A socket file that no program is listening on is replaced, and one in use is left alone. Any other
//! kind of file at the path is never deleted.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::accepting::ListeningSocket;
use super::door::Door;
use super::placed_socket::{FileAccess, PlacedSocket};
use super::socket_file::{self, Hazard, Identity, Place, unix_socket};
use crate::api::Address;
use crate::peer::Peer;
use crate::text::shown;
use crate::wire::{FreshStream, ListenerTls};

/// The default mode of a listening socket: only the owner has access. Anyone who can write to the
/// socket has the rights of the profile.
const SOCKET_MODE: u32 = 0o600;

/// The number of connections that may wait to be accepted, subject to the system's limit (`somaxconn`).
const BACKLOG: i32 = 4096;

/// Who may connect to a listener.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Whether a TCP address may be reachable from other machines.
    pub anywhere: bool,
    /// Additional host names that clients may use for a TCP address.
    pub hosts: Vec<String>,
    /// The mode of a unix socket; 0600 if `None`.
    pub mode: Option<u32>,
    /// The user who owns a unix socket; the user who runs dsp if `None`.
    pub owner: Option<u32>,
    /// The group that owns a unix socket.
    pub group: Option<u32>,
    /// TLS on TCP addresses.
    pub tls: Option<Arc<ListenerTls>>,
}

impl Access {
    /// The mode, the owner and the group of the file of a unix socket.
    #[must_use]
    pub fn file(&self) -> FileAccess {
        let mode = self.mode.unwrap_or(SOCKET_MODE);
        FileAccess { mode, owner: self.owner, group: self.group }
    }

    /// Whether other machines may reach a TCP address: if that was asked for, or if each client needs a
    /// certificate.
    fn reaches_others(&self) -> bool {
        self.anywhere || self.tls.as_ref().is_some_and(|tls| tls.checks_clients())
    }

    /// The host names that clients may use. Those in its certificate are among them: a page of that name
    /// would come from the listener itself.
    fn names(&self) -> Vec<String> {
        let own = self.tls.iter().flat_map(|tls| tls.names());
        self.hosts.iter().cloned().chain(own).collect()
    }
}

/// A bound and listening socket. Dropping it closes it and removes its file.
#[derive(Debug)]
pub struct Listener {
    socket: ListeningSocket,
    address: Address,
    /// Checks requests that arrive over TCP.
    door: Option<Arc<Door>>,
    tls: Option<Arc<ListenerTls>>,
    /// Dropped last, so that the file is removed after the socket is closed.
    file: Option<SocketFile>,
}

/// The file of a unix socket. It is removed on drop unless another file has replaced it.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: Identity,
    is_left: bool,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program is listening on it.
    #[error("{address} is in use: another program is listening on it")]
    InUse {
        /// The address.
        address: Address,
    },
    /// The system returned an error.
    #[error("cannot listen on {address}: {source}")]
    Io {
        /// The address.
        address: Address,
        /// The system's error.
        source: io::Error,
    },
    /// The path exists and is not a socket.
    #[error("{} exists and is not a socket; dsp does not delete it", shown(path))]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// A TCP address that is reachable from other machines.
    #[error(
        "{address} can be reached from other machines, and dsp cannot tell its clients apart there; listen on 127.0.0.1 or a unix socket, ask for certificates with --tls-client-ca, or say --insecure-tcp"
    )]
    NotLoopback {
        /// The address.
        address: Address,
    },
}

impl Listener {
    /// Listens on an address. Port 0 picks a free port, and [`Listener::address`] returns it.
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn bind(address: &Address, access: &Access) -> Result<Self, ListenError> {
        let io = |source| ListenError::Io { address: address.clone(), source };
        match address {
            Address::Tcp { host, port } => {
                let resolved: Vec<SocketAddr> =
                    tokio::net::lookup_host((host.as_str(), *port)).await.map_err(io)?.collect();
                if !access.reaches_others()
                    && !resolved.iter().all(|found| found.ip().is_loopback())
                {
                    return Err(ListenError::NotLoopback { address: address.clone() });
                }
                let bound = tokio::net::TcpListener::bind(resolved.as_slice()).await;
                let listener =
                    bound.and_then(|bound| bound.into_std()).map_err(|error| {
                        match error.kind() {
                            io::ErrorKind::AddrInUse => {
                                ListenError::InUse { address: address.clone() }
                            }
                            _ => io(error),
                        }
                    })?;
                let bound = listener.local_addr().map_err(io)?;
                let (port, is_local) = (bound.port(), bound.ip().to_canonical().is_loopback());
                let door = Some(Arc::new(Door::new(host, &access.names(), is_local)));
                let address = Address::Tcp { host: host.clone(), port };
                let socket = ListeningSocket::tcp(listener).map_err(io)?;
                Ok(Self { socket, address, door, tls: access.tls.clone(), file: None })
            }
            Address::Unix(path) => Self::bind_unix(path, access),
        }
    }

    /// Listens on a unix socket.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn bind_unix(path: &Path, access: &Access) -> Result<Self, ListenError> {
        let address = Address::Unix(path.to_owned());
        clear(path, &address)?;
        match bind_unix(path, access) {
            Ok((socket, file)) => {
                Ok(Self { socket, address, door: None, tls: None, file: Some(file) })
            }
            Err(source) => Err(ListenError::Io { address, source }),
        }
    }

    /// Serves a unix socket that another process has opened, such as systemd. Its file stays in the end.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn opened_unix(
        listener: std::os::unix::net::UnixListener,
        path: &Path,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let socket = ListeningSocket::unix(listener)?;
        let address = Address::Unix(path.to_owned());
        Ok(Self { socket, address, door: None, tls: None, file: None })
    }

    /// Serves a TCP socket that another process has opened, such as systemd. `host` is what clients call
    /// it.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn opened_tcp(
        listener: std::net::TcpListener,
        address: &Address,
        access: &Access,
    ) -> Result<Self, ListenError> {
        let io = |source| ListenError::Io { address: address.clone(), source };
        listener.set_nonblocking(true).map_err(io)?;
        let bound = listener.local_addr().map_err(io)?;
        let is_local = bound.ip().to_canonical().is_loopback();
        if !access.reaches_others() && !is_local {
            return Err(ListenError::NotLoopback { address: address.clone() });
        }
        let host = match address {
            Address::Tcp { host, .. } => host.clone(),
            Address::Unix(_) => bound.ip().to_string(),
        };
        let door = Some(Arc::new(Door::new(&host, &access.names(), is_local)));
        let socket = ListeningSocket::tcp(listener).map_err(io)?;
        let tls = access.tls.clone();
        Ok(Self { socket, address: address.clone(), door, tls, file: None })
    }

    /// Takes over the file of a unix socket, which then stays when the listener is closed.
    pub fn take_file(&mut self) -> Option<SocketFile> {
        self.file.take()
    }

    /// The file of a unix socket that this listener has made.
    #[must_use]
    pub fn placed(&self) -> Option<PlacedSocket> {
        self.file.as_ref().map(|file| PlacedSocket::new(file.path.clone(), file.identity))
    }

    /// The address that clients use.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whether every user and program on this machine can connect.
    #[must_use]
    pub fn is_open_to_all(&self) -> bool {
        self.socket.is_tcp() && !self.tls().is_some_and(|it| it.checks_clients())
    }

    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.door.as_ref().is_none_or(|door| door.is_local())
    }

    /// TLS, if its clients have to speak it.
    pub(crate) fn tls(&self) -> Option<&Arc<ListenerTls>> {
        self.tls.as_ref()
    }

    /// The check for requests, if not all are let in.
    pub(crate) fn door(&self) -> Option<Arc<Door>> {
        self.door.clone()
    }

    /// A folder in which other users could replace the unix socket with something else.
    #[must_use]
    pub fn hazard(&self) -> Option<Hazard> {
        match &self.address {
            Address::Unix(path) => socket_file::hazard(path),
            Address::Tcp { .. } => None,
        }
    }

    /// Accepts the next client, and identifies it.
    pub(crate) async fn accept(&self) -> io::Result<(FreshStream, Peer)> {
        self.socket.accept().await
    }
}

impl SocketFile {
    /// Leaves the file where it is, although nobody may be listening on it.
    pub fn leave(mut self) {
        self.is_left = true;
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_left {
            return;
        }
        // It is harmless if the file stays: the next dsp replaces a socket that nothing listens on.
        let _ = Place::of(&self.path).and_then(|place| place.remove(self.identity));
    }
}

/// Removes the socket file of a program that has ended.
fn clear(path: &Path, address: &Address) -> Result<(), ListenError> {
    let io = |source| ListenError::Io { address: address.clone(), source };
    let place = Place::of(path).map_err(io)?;
    let Some(found) = place.found().map_err(io)? else { return Ok(()) };
    if !found.is_socket {
        return Err(ListenError::NotASocket { path: path.to_owned() });
    }
    match place.connect(&found) {
        Ok(()) => Err(ListenError::InUse { address: address.clone() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            place.remove(found.identity).map_err(io)
        }
        // A full backlog also means that a program is listening.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(ListenError::InUse { address: address.clone() })
        }
        Err(error) => Err(io(error)),
    }
}

/// Binds a unix socket. No client can connect before the file has its owner and mode, because the
/// socket does not listen until then.
fn bind_unix(path: &Path, access: &Access) -> io::Result<(ListeningSocket, SocketFile)> {
    let place = Place::of(path)?;
    let socket = unix_socket()?;
    let identity = place.bind(&socket, access.file().mode)?;
    let file = SocketFile { path: path.to_owned(), identity, is_left: false };
    if access.owner.is_some() || access.group.is_some() {
        place.give(identity, access.owner, access.group)?;
    }
    rustix::net::listen(&socket, BACKLOG)?;
    Ok((ListeningSocket::unix(socket.into())?, file))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    async fn bind(path: &Path) -> Result<Listener, ListenError> {
        Listener::bind(&Address::unix(path).unwrap(), &Access::default()).await
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_a_live_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let listener = bind(&path).await.unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(bind(&path).await, Err(ListenError::InUse { .. })));
        drop(listener);
        assert!(!path.exists(), "the socket file is removed");
    }

    #[tokio::test]
    async fn a_socket_has_the_mode_that_was_asked_for_and_knows_its_clients() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let own = rustix::process::getuid().as_raw();
        let access = Access { mode: Some(0o660), ..Access::default() };
        let address = Address::unix(&path).unwrap();
        let listener = Listener::bind(&address, &access).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        let _client = tokio::net::UnixStream::connect(&path).await.unwrap();
        let (_stream, peer) = listener.accept().await.unwrap();
        assert!(matches!(peer, Peer::Process { user, .. } if user == own), "{peer}");
    }

    #[tokio::test]
    async fn what_is_no_socket_is_never_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        fs::write(&path, "x").unwrap();
        assert!(matches!(bind(&path).await, Err(ListenError::NotASocket { .. })));
        assert!(path.exists());
    }

    #[tokio::test]
    async fn the_file_of_another_listener_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = bind(&path).await.unwrap();
        fs::remove_file(&path).unwrap();
        let second = bind(&path).await.unwrap();
        drop(listener);
        assert!(path.exists());
        drop(second);
    }

    #[tokio::test]
    async fn tcp_stays_on_this_machine_unless_asked_otherwise() {
        let bind = |text: &str, anywhere| {
            let address: Address = text.parse().unwrap();
            let access = Access { anywhere, ..Access::default() };
            async move { Listener::bind(&address, &access).await }
        };
        let listener = bind("tcp://127.0.0.1:0", false).await.unwrap();
        assert!(!listener.address().to_string().ends_with(":0"));
        let refused = bind("tcp://0.0.0.0:0", false).await.unwrap_err();
        assert!(refused.to_string().contains("--insecure-tcp"));
        assert!(bind("tcp://0.0.0.0:0", true).await.is_ok());
        let again = bind(&listener.address().to_string(), false).await;
        assert!(matches!(again, Err(ListenError::InUse { .. })));
    }
}
