//! Why a path cannot be covered.

use std::io;
#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;

use crate::text::shown;

/// Why a path cannot be covered.
#[derive(Debug, thiserror::Error)]
pub enum InterceptError {
    /// The path does not exist.
    #[error("cannot cover {}: no such file", shown(path))]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The path is a folder.
    #[error("cannot cover {} with a socket: it is a folder", shown(path))]
    Folder {
        /// The path.
        path: PathBuf,
    },
    /// This process is not permitted to mount.
    #[error("cannot cover {}: this process is not permitted to mount ({source})", shown(path))]
    NotAllowed {
        /// The path.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// This process is not permitted to mount, and cannot create a user namespace in which it would
    /// be.
    #[error(
        "cannot cover {}: this process is not permitted to mount, and cannot create a user namespace ({source})",
        shown(path)
    )]
    NoNamespace {
        /// The path.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Something else went wrong.
    #[error("cannot cover {}: {source}", shown(path))]
    Other {
        /// The path.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The system has no mount namespaces.
    #[error("cannot cover {} for one program only: that needs Linux", shown(path))]
    NotLinux {
        /// The path.
        path: PathBuf,
    },
}

impl InterceptError {
    /// How to solve the problem.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Missing { .. } => Some(
                "create an empty file there, or name the socket that the program uses with --intercept=PATH",
            ),
            Self::NotAllowed { .. } => Some(
                "in a container, mounting needs CAP_SYS_ADMIN and an AppArmor profile that permits it; or run dsp outside the container",
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
