//! The folders for dsp's sockets.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::api::{Address, AddressError};
use crate::engine::Environment;
use crate::text::shown;

/// The mode of the folders for dsp's sockets.
pub(super) const FOLDER_MODE: u32 = 0o700;

/// Where dsp's sockets go by default.
#[derive(Clone, Debug)]
pub struct RuntimeDir {
    /// The default folder for this user's sockets; `None` if the user has no runtime folder.
    usual: Option<PathBuf>,
    temporary: PathBuf,
    uid: u32,
}

/// Why there is no folder for a socket.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeDirError {
    /// A temporary folder cannot be created.
    #[error("cannot make a folder in {}: {source}", shown(parent))]
    Temporary {
        /// The folder that it would be in.
        parent: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The default folder cannot be created.
    #[error("cannot make the folder {}: {source}", shown(folder))]
    Make {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The default folder cannot be inspected.
    #[error("cannot look at the folder {}: {source}", shown(folder))]
    Look {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The default folder is not this user's alone.
    #[error(
        "{} is not a folder of yours alone (mode 0700), so others could take the socket's place; \
         mend it, or say where to listen with --listen unix:///path",
        shown(folder)
    )]
    Shared {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no default folder.
    #[error("XDG_RUNTIME_DIR is not set; say where to listen with --listen unix:///path")]
    Unknown,
    /// The path of the socket is too long.
    #[error(transparent)]
    Address(#[from] AddressError),
}

impl RuntimeDir {
    /// The folders for this environment. Temporary files go to `temporary`.
    #[must_use]
    pub fn new(environment: &Environment, temporary: PathBuf) -> Self {
        let usual = match &environment.runtime_dir {
            _ if environment.uid == 0 => Some(PathBuf::from("/run/dsp")),
            Some(runtime) => Some(runtime.join("dsp")),
            None => None,
        };
        Self { usual, temporary, uid: environment.uid }
    }

    /// The folders of this process's user, below these.
    #[cfg(test)]
    pub(super) fn of_user(runtime: Option<PathBuf>, temporary: &Path) -> Self {
        let uid = rustix::process::getuid().as_raw();
        let usual = runtime.map(|runtime| runtime.join("dsp"));
        Self { usual, temporary: temporary.to_owned(), uid }
    }

    /// Creates a folder that only this user can enter. Its path must leave room for a socket's name, so
    /// a long `TMPDIR` is ignored.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn private_folder(&self) -> Result<TempDir, RuntimeDirError> {
        let fits = Address::unix(self.temporary.join("dsp-XXXXXX/docker.sock")).is_ok();
        folder_in(if fits { &self.temporary } else { Path::new("/tmp") })
    }

    /// The socket that a listener uses if no address is given.
    pub(super) fn usual_socket(&self, name: &str) -> Result<Address, RuntimeDirError> {
        let folder = self.usual_folder()?.ok_or(RuntimeDirError::Unknown)?;
        Ok(Address::unix(folder.join(format!("{name}.sock")))?)
    }

    /// Creates a folder for sockets that an engine will mount into containers. An engine with a private
    /// `/tmp` still sees the machine's `/run`. Also returns the parent of all sessions' folders, if
    /// only this user can create folders there.
    pub(super) fn folder_to_mount(&self) -> Result<(TempDir, Option<PathBuf>), RuntimeDirError> {
        match self.usual_folder()? {
            Some(folder) => Ok((folder_in(&folder)?, Some(folder))),
            None => Ok((self.private_folder()?, None)),
        }
    }

    /// The folder for sockets that are found again in later sessions; `None` if the user has none.
    pub(super) fn lasting_folder(&self) -> Result<Option<PathBuf>, RuntimeDirError> {
        self.usual_folder()
    }

    /// The folder for this user's sockets. It is created if it does not exist.
    fn usual_folder(&self) -> Result<Option<PathBuf>, RuntimeDirError> {
        let Some(folder) = self.usual.clone() else { return Ok(None) };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(FOLDER_MODE);
        if let Err(source) = builder.create(&folder) {
            return Err(RuntimeDirError::Make { folder, source });
        }
        let found = match fs::symlink_metadata(&folder) {
            Ok(found) => found,
            Err(source) => return Err(RuntimeDirError::Look { folder, source }),
        };
        if !found.is_dir() || found.uid() != self.uid || found.mode() & 0o077 != 0 {
            return Err(RuntimeDirError::Shared { folder });
        }
        Ok(Some(folder))
    }
}

fn folder_in(parent: &Path) -> Result<TempDir, RuntimeDirError> {
    let permissions = fs::Permissions::from_mode(FOLDER_MODE);
    let made = tempfile::Builder::new().prefix("dsp-").permissions(permissions).tempdir_in(parent);
    made.map_err(|source| RuntimeDirError::Temporary { parent: parent.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_user(runtime: &Path, temporary: &Path) -> RuntimeDir {
        RuntimeDir::of_user(Some(runtime.to_owned()), temporary)
    }

    #[test]
    fn root_has_its_sockets_in_run_and_others_in_their_runtime_folder() {
        let usual = |uid, runtime: Option<&str>| {
            let runtime_dir = runtime.map(PathBuf::from);
            let environment = Environment { uid, runtime_dir, ..Environment::default() };
            RuntimeDir::new(&environment, PathBuf::new()).usual
        };
        assert_eq!(usual(0, Some("/run/user/0")), Some("/run/dsp".into()));
        assert_eq!(usual(1000, Some("/run/user/1000")), Some("/run/user/1000/dsp".into()));
        assert_eq!(usual(1000, None), None);
    }

    #[test]
    fn a_folder_that_others_can_enter_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let folders = of_user(home.path(), home.path());
        let socket = folders.usual_socket("record").unwrap();
        assert_eq!(socket, Address::unix(home.path().join("dsp/record.sock")).unwrap());
        let folder = home.path().join("dsp");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
        let error = folders.usual_socket("record").unwrap_err();
        assert!(matches!(error, RuntimeDirError::Shared { .. }), "{error}");
        fs::remove_dir(&folder).unwrap();
        std::os::unix::fs::symlink(home.path(), &folder).unwrap();
        let error = folders.usual_socket("record").unwrap_err();
        assert!(matches!(error, RuntimeDirError::Shared { .. }), "a link: {error}");
    }

    #[test]
    fn a_socket_fits_into_the_private_folder_however_long_the_temporary_one_is() {
        let home = tempfile::tempdir().unwrap();
        let long = home.path().join("x".repeat(120));
        fs::create_dir(&long).unwrap();
        let made = of_user(home.path(), &long).private_folder().unwrap();
        assert_eq!(made.path().parent(), Some(Path::new("/tmp")));
        let made = of_user(home.path(), home.path()).private_folder().unwrap();
        assert_eq!(made.path().parent(), Some(home.path()));
        assert_eq!(fs::metadata(made.path()).unwrap().mode() & 0o777, FOLDER_MODE);
    }

    #[test]
    fn without_a_runtime_folder_somebody_has_to_say_where_to_listen() {
        let home = tempfile::tempdir().unwrap();
        let folders = RuntimeDir { usual: None, ..of_user(home.path(), home.path()) };
        assert!(matches!(folders.usual_socket("record"), Err(RuntimeDirError::Unknown)));
        let (made, all) = folders.folder_to_mount().unwrap();
        assert!(all.is_none() && made.path().starts_with(home.path()));
    }
}
