//! Covers the usual paths of the engine's socket, for programs that cannot be configured, in a
//! mount namespace that only the program sees.
//!
//! A thread enters the namespace and starts the program from there. The thread stays, because a
//! restarted engine replaces its socket file, and a mount on the old file disappears with that
//! file.

use std::io;
use std::path::{Path, PathBuf};

use tokio::process::{Child, Command};

use super::intercept_error::InterceptError;
#[cfg(target_os = "linux")]
use super::namespace::Namespace;

/// Where programs expect the engine's socket. On most systems both are the same file.
pub const USUAL_SOCKETS: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];

/// A place where the engine's socket can be covered.
#[derive(Debug)]
pub struct Intercept {
    covered: Vec<PathBuf>,
    #[cfg(target_os = "linux")]
    namespace: Namespace,
}

impl Intercept {
    /// Prepares to cover `path`, or those of the usual sockets that exist. If mounting needs a user
    /// namespace, this process enters one, which is possible only before it starts threads.
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

    /// Whether a program with this engine address finds the socket there.
    #[must_use]
    pub fn covers(&self, address: &str) -> bool {
        let path = address.strip_prefix("unix://").map(Path::new);
        path.and_then(|path| path.canonicalize().ok())
            .is_some_and(|path| self.covered.contains(&path))
    }

    /// The covered paths.
    #[must_use]
    pub fn covered(&self) -> &[PathBuf] {
        &self.covered
    }

    /// Whether a user namespace was needed, in which no process can change its user.
    #[must_use]
    pub fn is_without_root(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.namespace.is_without_root;
        #[cfg(not(target_os = "linux"))]
        return false;
    }

    /// Starts a program that finds `socket` at the covered paths as long as this value lives.
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

/// Those of the usual sockets that exist, without duplicates.
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

/// The file that a path leads to, which is what the mount covers.
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
