//! Containers of an earlier `record --follow` that are still there.
//!
//! Such a container has the path of a socket that is gone, and compose starts it again as long as its
//! configuration stays the same. So each of those sockets is served again where it was.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::engine::MountedContainer;
use crate::follow::is_own;
use crate::session::runtime_dir::FOLDER_MODE;

/// The folder of a session that has ended, removed with its last socket.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // It stays when something else is in it.
        let _ = fs::remove_dir(&self.0);
    }
}

/// The socket that the container had, if it is below the folder of all sockets of dsp.
pub(super) fn socket_of(container: &MountedContainer, all: &Path) -> Option<PathBuf> {
    let mut paths = container.sources.iter().map(PathBuf::from);
    paths.find(|path| is_own(path, all))
}

/// Makes room for a socket where one was.
///
/// # Errors
/// What the system says.
pub(super) fn make_room(socket: &Path) -> io::Result<Option<Folder>> {
    let Some(folder) = socket.parent() else { return Ok(None) };
    match fs::DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Ok(()) => {}
        // A dsp that was killed left it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    // An engine that started the container meanwhile made a folder of what was not there.
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
        // That of a dsp that was killed goes too.
        let killed = all.path().join("dsp-y/1.sock");
        fs::create_dir(all.path().join("dsp-y")).unwrap();
        drop(make_room(&killed).unwrap());
        assert!(!all.path().join("dsp-y").exists());
        fs::create_dir(&socket).unwrap();
        fs::write(socket.join("kept"), "x").unwrap();
        assert!(make_room(&socket).is_err(), "what is in it is nobody's to remove");
    }
}
