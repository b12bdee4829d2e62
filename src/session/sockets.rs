//! The sockets that clients connect to.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::clients::{AdmitClients, WhoAsks};
use super::connection_log::ConnectionLog;
use super::containers::Containers;
use super::limits::most_connections;
use super::runtime_dir::{RuntimeDir, RuntimeDirError};
use crate::api::Address;
use crate::child::Intercept;
use crate::peer::{Clients, Needs};
use crate::proxy::{
    self, Access, Hazard, Limits, ListenError, Listener, Proxy, Record, Running, Service,
};
use crate::text::shown;
use crate::wire::{EngineAddress, ListenerTls};

/// The mode of a folder that everyone may traverse. The socket in it has its own mode, which says
/// who may use it.
const PASSED_MODE: u32 = 0o711;

/// The user's choices for the sockets.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// Where to listen. If this is empty, the default socket is used.
    pub addresses: Vec<Address>,
    /// Who may open the sockets, and from where.
    pub access: Access,
    /// Which clients may connect. Without rules, all that may open the sockets.
    pub clients: Clients,
    /// How much to accept at once, as far as the limit on open files allows.
    pub limits: Limits,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            access: Access::default(),
            clients: Clients::default(),
            limits: Limits::DEFAULT,
        }
    }
}

/// Which socket to open if no address is given.
#[derive(Clone, Copy, Debug)]
pub(super) enum UsualSocket<'a> {
    /// The default socket for listeners with this name.
    Named(&'a str),
    /// A socket in a new folder, for a program that dsp runs. If it covers another socket, everyone who
    /// may use that socket may use this one.
    Private {
        /// Who may use the covered socket.
        covered: Option<&'a Access>,
    },
}

/// Why the sockets cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketsError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// There is no folder for a socket.
    #[error(transparent)]
    RuntimeDir(#[from] RuntimeDirError),
    /// A path is too long for a socket.
    #[error(transparent)]
    Address(#[from] crate::api::AddressError),
    /// A folder cannot be made accessible to others.
    #[error("cannot open the folder {}: {source}", shown(folder))]
    OpenFolder {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// None of the sockets is a file that could cover another one.
    #[error("--intercept needs a unix socket; add --listen unix:///path")]
    NothingToPutOver,
    /// No other machine can reach any of the sockets, although that was asked for.
    #[error(
        "--insecure-tcp is for addresses that other machines can reach, but each --listen is reachable \
         from this machine only"
    )]
    OnlyLocal,
}

/// Listening sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    listeners: Vec<Listener>,
    clients: Clients,
    limits: Limits,
    /// Whether other machines are meant to reach them.
    is_for_others: bool,
    /// TLS on those for TCP.
    tls: Option<Arc<ListenerTls>>,
    folder: Option<TempDir>,
}

/// Sockets that are being served. Dropping it removes the folder that was created for them.
#[derive(Debug)]
pub(super) struct Serving {
    /// The proxy.
    pub(super) running: Running,
    /// TLS on the sockets for TCP.
    pub(super) tls: Option<Arc<ListenerTls>>,
    _folder: Option<TempDir>,
}

impl Sockets {
    /// Opens the sockets.
    ///
    /// # Errors
    /// When a socket cannot be opened.
    pub(super) async fn open(
        options: ListenOptions,
        usual: UsualSocket<'_>,
        runtime_dir: &RuntimeDir,
    ) -> Result<Self, SocketsError> {
        let ListenOptions { mut addresses, mut access, clients, mut limits } = options;
        let mut folder = None;
        if addresses.is_empty() {
            match usual {
                UsualSocket::Named(name) => addresses.push(runtime_dir.usual_socket(name)?),
                UsualSocket::Private { covered } => {
                    let made = runtime_dir.private_folder()?;
                    if let Some(covered) = covered {
                        open_to_others(made.path())?;
                        access.mode = access.mode.or(covered.mode);
                        access.owner = access.owner.or(covered.owner);
                        access.group = access.group.or(covered.group);
                    }
                    addresses.push(Address::unix(made.path().join("docker.sock"))?);
                    folder = Some(made);
                }
            }
        }
        let mut listeners = Vec::new();
        for address in &addresses {
            listeners.push(Listener::bind(address, &access).await?);
        }
        limits.connections = limits.connections.min(most_connections());
        let Access { anywhere: is_for_others, tls, .. } = access;
        Ok(Self { listeners, clients, limits, is_for_others, tls, folder })
    }

    /// The folders in which others could replace dsp's socket with another one.
    pub(super) fn hazards(&self) -> impl Iterator<Item = Hazard> {
        self.listeners.iter().filter_map(Listener::hazard)
    }

    /// The sockets that cannot tell their clients apart, so that anyone who reaches them can connect.
    pub(super) fn open_to_all(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().filter(|listener| listener.is_open_to_all())
    }

    /// The address for `DOCKER_HOST`.
    pub(super) fn docker_host(&self) -> String {
        self.listeners.first().map(|listener| listener.address().spelled()).unwrap_or_default()
    }

    /// Refuses the option for other machines if no other machine can reach any of the sockets.
    ///
    /// # Errors
    /// [`SocketsError::OnlyLocal`].
    pub(super) fn check_reach(&self) -> Result<(), SocketsError> {
        if self.is_for_others && self.listeners.iter().all(Listener::is_local) {
            return Err(SocketsError::OnlyLocal);
        }
        Ok(())
    }

    /// How much each socket accepts at once.
    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// The paths of the unix sockets.
    pub(super) fn unix_paths(&self) -> Vec<String> {
        let paths = self.listeners.iter().filter_map(|listener| match listener.address() {
            Address::Unix(path) => path.to_str(),
            Address::Tcp { .. } => None,
        });
        paths.map(str::to_owned).collect()
    }

    /// The addresses of all sockets.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.listeners.iter().map(|listener| listener.address().to_string()).collect()
    }

    /// The socket to put over others, which is the first one that is a file.
    ///
    /// # Errors
    /// When none of them is a file.
    pub(super) fn to_put_over(&self) -> Result<PathBuf, SocketsError> {
        let path = self.listeners.iter().find_map(|listener| match listener.address() {
            Address::Unix(path) => Some(path.clone()),
            Address::Tcp { .. } => None,
        });
        path.ok_or(SocketsError::NothingToPutOver)
    }

    /// Starts to serve the sockets. So much is found out about clients, besides what rules need, and
    /// `containers` are asked about for that.
    pub(super) fn serve<R: Record>(
        self,
        service: Service<R>,
        needs: Needs,
        containers: Arc<Containers>,
    ) -> Serving {
        let proxy = Proxy::new(self.listeners).limits(self.limits);
        let who_asks = WhoAsks::new(self.clients.needs(), needs, containers);
        let admission = AdmitClients::new(self.clients, who_asks, service);
        let running = proxy.observed_by(Arc::new(ConnectionLog::default())).serve(admission);
        Serving { running, tls: self.tls, _folder: self.folder }
    }
}

fn open_to_others(folder: &Path) -> Result<(), SocketsError> {
    proxy::open_folder_to(folder, PASSED_MODE)
        .map_err(|source| SocketsError::OpenFolder { folder: folder.to_owned(), source })
}

/// Who may use a socket: its owner, group and mode. `None` if the path is not a socket.
pub(super) fn access_of(path: &Path) -> Option<Access> {
    let found = fs::metadata(path).ok().filter(|found| found.file_type().is_socket())?;
    Some(Access {
        mode: Some(found.mode() & 0o777),
        owner: Some(found.uid()),
        group: Some(found.gid()),
        ..Access::default()
    })
}

/// The mode of a container's socket if it cannot have the same owner as the engine's socket. The folder
/// around it keeps out everyone except the containers that the socket is mounted into.
const OPEN_MODE: u32 = 0o666;

/// Who may use a socket that containers get in the place of the engine's: those who may use that.
pub(super) fn access_for_containers(engine: &Path) -> Access {
    access_of(engine).unwrap_or_else(|| Access { mode: Some(OPEN_MODE), ..Access::default() })
}

/// Listens on a socket for containers. If it cannot have the owner that it should have, every user of a
/// container may use it.
///
/// # Errors
/// [`ListenError`].
pub(super) fn bind_for_containers(path: &Path, access: &Access) -> Result<Listener, ListenError> {
    Listener::bind_unix(path, access).or_else(|error| match error {
        ListenError::Io { .. } => {
            let open = Access { mode: Some(OPEN_MODE), ..Access::default() };
            Listener::bind_unix(path, &open)
        }
        other => Err(other),
    })
}

/// Who may use a socket that covers others: everyone who may use the covered socket, so that a
/// command still works if it changes to another user with access to that. A user namespace has no
/// other users.
pub(super) fn covered_access(
    intercept: Option<&Intercept>,
    engine: &EngineAddress,
) -> Option<Access> {
    let intercept = intercept.filter(|intercept| !intercept.is_without_root())?;
    let mut sockets = intercept.covered().iter().map(PathBuf::as_path).chain(engine.socket());
    sockets.find_map(access_of)
}
