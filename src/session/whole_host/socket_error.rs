//! Why the place of the engine's socket cannot be taken or given back.

use std::io;
use std::path::PathBuf;

use crate::text::{quoted, shown, spelled};
use crate::wire::EngineAddress;

/// Why the place of the engine's socket cannot be taken or given back.
#[derive(Debug, thiserror::Error)]
pub enum HostSocketError {
    /// The engine has no unix socket on this machine.
    #[error("--whole-host takes the place of a unix socket, and {engine} is not one")]
    NotHere {
        /// Its address.
        engine: EngineAddress,
    },
    /// There is nothing at the path.
    #[error("there is no socket at {}", shown(.0))]
    Absent(PathBuf),
    /// Something else is at the path.
    #[error("{} is not a socket", shown(.0))]
    NotASocket(PathBuf),
    /// The longer names would not be paths of sockets.
    #[error("{} is too long: dsp needs names beside it, and the path of a socket has 107 bytes", shown(.0))]
    TooLong(PathBuf),
    /// This user may not change the names in the folder.
    #[error("cannot change the names of sockets in {}: {source}", shown(folder))]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The path is a mount.
    #[error("{} is mounted here from somewhere else, so its name cannot be changed", shown(.0))]
    Mounted(PathBuf),
    /// The file system or the system has no exchange of names.
    #[error("the names of two sockets in {} cannot be exchanged: {source}", shown(folder))]
    Unsupported {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another dsp has taken the place, or is about to.
    #[error("another dsp records at {}", shown(.0))]
    Taken(PathBuf),
    /// A dsp that was killed has the place, and the engine's socket is gone.
    #[error(
        "a dsp that was killed left its socket at {}, and the engine's own socket is gone",
        shown(.0)
    )]
    Lost(PathBuf),
    /// A name that dsp uses belongs to a socket that is in use.
    #[error(
        "something listens on {}, a name that dsp needs, and {} is another socket",
        shown(name),
        shown(path)
    )]
    Unclear {
        /// The name.
        name: PathBuf,
        /// The engine's socket.
        path: PathBuf,
    },
}

impl HostSocketError {
    /// The error of a change in a folder, for the socket at `path`.
    pub(super) fn of(path: &std::path::Path, source: io::Error) -> Self {
        let folder = path.parent().unwrap_or(path).to_owned();
        match source.kind() {
            io::ErrorKind::CrossesDevices | io::ErrorKind::ResourceBusy => {
                Self::Mounted(path.to_owned())
            }
            io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput => {
                Self::Unsupported { folder, source }
            }
            _ => Self::Folder { folder, source },
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NotHere { .. } => {
                "run dsp on the machine of the engine, or record there with --listen".to_owned()
            }
            Self::Absent(_) => {
                "start the engine, or name its socket with -H unix:///path".to_owned()
            }
            Self::NotASocket(_) | Self::TooLong(_) => {
                "name the engine's socket with -H unix:///path".to_owned()
            }
            Self::Folder { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => "use sudo".to_owned(),
                io::ErrorKind::ReadOnlyFilesystem => {
                    "run dsp on the host itself, where the folder can be written to".to_owned()
                }
                _ => "record with --listen instead, and set DOCKER_HOST".to_owned(),
            },
            Self::Mounted(_) => {
                "run dsp on the host itself, and not in a container or a mount namespace".to_owned()
            }
            Self::Unsupported { .. } => {
                "record with --listen instead, and set DOCKER_HOST".to_owned()
            }
            Self::Taken(_) => "end it first, or wait until it has ended".to_owned(),
            Self::Lost(_) => {
                "restart the engine: systemctl restart docker.socket docker, or how you start it"
                    .to_owned()
            }
            Self::Unclear { name, path } => format!(
                "find out which of the two is the engine's, and remove {name}, or: mv {name} {path}",
                name = quoted(&spelled(name)),
                path = quoted(&spelled(path))
            ),
        }
    }
}
