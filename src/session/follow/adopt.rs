//! Containers of an earlier `record --follow` that still exist.
//!
//! Such a container mounts a socket that is gone, and compose restarts the container as long as its
//! configuration is unchanged. So each of those sockets is served again at its old path.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::engine::MountedContainer;
use crate::follow::is_own;
use crate::session::runtime_dir::FOLDER_MODE;

/// The folder of an earlier session. It is removed along with its last socket.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // This fails if the folder contains anything else.
        let _ = fs::remove_dir(&self.0);
    }
}

/// The socket that the container mounts, if it is below dsp's folder for all sockets.
pub(super) fn socket_of(container: &MountedContainer, all: &Path) -> Option<PathBuf> {
    let mut paths = container.sources.iter().map(PathBuf::from);
    paths.find(|path| is_own(path, all))
}

/// Clears the path of an earlier socket, so that a new one can be bound there.
///
/// # Errors
/// When the folder cannot be created, or what is at the path cannot be removed.
pub(super) fn make_room(socket: &Path) -> io::Result<Option<Folder>> {
    let Some(folder) = socket.parent() else { return Ok(None) };
    match fs::DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Ok(()) => {}
        // A dsp process that was killed left it behind.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    // If the container was started in the meantime, the engine created a folder in place of the missing
    // socket.
    if fs::symlink_metadata(socket).is_ok_and(|found| found.is_dir()) {
        fs::remove_dir(socket)?;
    }
    Ok(Some(Folder(folder.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_of_dsp_are_served_again() {
        let all = tempfile::tempdir().unwrap();
        let socket = |name: &str| {
            let sources = vec!["/etc".to_owned(), all.path().join(name).display().to_string()];
            let container =
                MountedContainer { id: "1".into(), name: "web".into(), sources, is_running: false };
            socket_of(&container, all.path())
        };
        assert_eq!(socket("dsp-x/1.sock"), Some(all.path().join("dsp-x/1.sock")));
        for other in ["1.sock", "record.sock", "dsp-x/record.sock", "x/1.sock", "dsp-x/../1.sock"] {
            assert_eq!(socket(other), None, "{other}");
        }
    }

    #[test]
    fn the_folder_that_an_engine_made_goes_and_what_was_made_is_removed() {
        let all = tempfile::tempdir().unwrap();
        let socket = all.path().join("dsp-x/1.sock");
        let made = make_room(&socket).unwrap();
        assert!(made.is_some() && !socket.exists());
        drop(made);
        assert!(!all.path().join("dsp-x").exists());
        fs::create_dir_all(&socket).unwrap();
        let made = make_room(&socket).unwrap();
        assert!(!socket.exists());
        fs::write(all.path().join("dsp-x/kept"), "x").unwrap();
        drop(made);
        assert!(all.path().join("dsp-x/kept").exists());
        // A folder left by a dsp process that was killed is removed too.
        let killed = all.path().join("dsp-y/1.sock");
        fs::create_dir(all.path().join("dsp-y")).unwrap();
        drop(make_room(&killed).unwrap());
        assert!(!all.path().join("dsp-y").exists());
        fs::create_dir(&socket).unwrap();
        fs::write(socket.join("kept"), "x").unwrap();
        assert!(make_room(&socket).is_err(), "what is in it is nobody's to remove");
    }
}
