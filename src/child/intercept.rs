//! A socket put over the paths where programs expect the engine's, for those that look nowhere else:
//! in a mount namespace that only the program sees.
//!
//! A thread enters the namespace and starts the program from there. It stays, because an engine that
//! begins anew replaces its socket, and what was put over a file goes with that file.

use std::io;
use std::path::{Path, PathBuf};

use tokio::process::{Child, Command};

#[cfg(target_os = "linux")]
use super::namespace::Namespace;
use crate::text::shown;

/// Where programs expect the engine's socket. On most systems both are one.
pub const USUAL_SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];

/// A place where the engine's socket can be covered.
#[derive(Debug)]
pub struct Intercept {
    covered: Vec<PathBuf>,
    #[cfg(target_os = "linux")]
    namespace: Namespace,
}

/// Why nothing can be put over a path.
#[derive(Debug, thiserror::Error)]
pub enum InterceptError {
    /// There is nothing that could be covered.
    #[error("nothing can be put over {}: there is no such file", shown(path))]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// A socket cannot be put over a folder.
    #[error("a socket cannot be put over {}, which is a folder", shown(path))]
    Folder {
        /// The path.
        path: PathBuf,
    },
    /// This process may not mount.
    #[error("nothing can be put over {}: this process may not mount ({source})", shown(path))]
    NotAllowed {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// This process may not mount, and cannot make a user namespace in which it may.
    #[error(
        "nothing can be put over {}: this process may not mount, and there is no user namespace to be had ({source})",
        shown(path)
    )]
    NoNamespace {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else went wrong.
    #[error("nothing can be put over {}: {source}", shown(path))]
    Other {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Mounts are the same for all programs here.
    #[error("nothing can be put over {} for one program only: that needs Linux", shown(path))]
    NotLinux {
        /// The path.
        path: PathBuf,
    },
}

impl InterceptError {
    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Missing { .. } => Some(
                "make an empty file there, or name the socket that the program uses with --intercept=PATH",
            ),
            Self::NotAllowed { .. } => Some(
                "in a container, mounts need CAP_SYS_ADMIN and no AppArmor profile that forbids them; or run dsp outside of it",
            ),
            Self::NoNamespace { .. } => Some(
                "run dsp as root, in a container with CAP_SYS_ADMIN, or allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)",
            ),
            Self::Folder { .. } | Self::Other { .. } | Self::NotLinux { .. } => None,
        }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::PermissionDenied => Self::NotAllowed { path, source },
            _ => Self::Other { path, source },
        }
    }
}

impl Intercept {
    /// Makes ready to cover `path`, or the usual sockets as far as they are there. Where only a user
    /// namespace helps, this process enters it, which it can do only before it starts threads.
    ///
    /// # Errors
    /// [`InterceptError`].
    pub fn prepare(path: Option<&Path>) -> Result<Self, InterceptError> {
        let covered = match path {
            Some(path) => vec![resolve(path)?],
            None => usual()?,
        };
        #[cfg(target_os = "linux")]
        return Ok(Self { namespace: Namespace::enter(&covered)?, covered });
        #[cfg(not(target_os = "linux"))]
        return Err(InterceptError::NotLinux {
            path: covered.into_iter().next().unwrap_or_default(),
        });
    }

    /// Whether a program that is given this address of an engine finds the socket there.
    #[must_use]
    pub fn covers(&self, address: &str) -> bool {
        let path = address.strip_prefix("unix://").map(Path::new);
        path.and_then(|path| path.canonicalize().ok())
            .is_some_and(|path| self.covered.contains(&path))
    }

    /// What is covered.
    #[must_use]
    pub fn covered(&self) -> &[PathBuf] {
        &self.covered
    }

    /// Whether a user namespace was needed, in which nobody can become another user.
    #[must_use]
    pub fn is_without_root(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.namespace.is_without_root;
        #[cfg(not(target_os = "linux"))]
        return false;
    }

    /// Starts a program that finds `socket` at the covered paths for as long as this value lives.
    pub(super) async fn spawn(
        &self,
        command: Command,
        socket: PathBuf,
    ) -> Result<io::Result<Child>, InterceptError> {
        #[cfg(target_os = "linux")]
        return self.namespace.spawn(command, socket).await;
        #[cfg(not(target_os = "linux"))]
        {
            let _ = command;
            Err(InterceptError::NotLinux { path: socket })
        }
    }
}

/// The usual sockets that are there, each once.
fn usual() -> Result<Vec<PathBuf>, InterceptError> {
    let mut found = Vec::new();
    let mut missing = None;
    for path in USUAL_SOCKETS {
        match resolve(Path::new(path)) {
            Ok(path) if found.contains(&path) => {}
            Ok(path) => found.push(path),
            Err(error @ InterceptError::Missing { .. }) => {
                missing.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

/// What a path leads to, which is what gets covered.
fn resolve(path: &Path) -> Result<PathBuf, InterceptError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => InterceptError::Missing { path: path.to_owned() },
        _ => InterceptError::Other { path: path.to_owned(), source },
    };
    let found = path.canonicalize().map_err(failed)?;
    if found.is_dir() {
        return Err(InterceptError::Folder { path: path.to_owned() });
    }
    Ok(found)
}
