//! The file of a unix socket that is being served, for changing who may use it.

use std::io;
use std::path::PathBuf;

use super::socket_file::{Identity, Place, replaced};

/// The file of a unix socket that dsp opened. It may be gone, or another file may have taken its place.
#[derive(Clone, Debug)]
pub struct PlacedSocket {
    path: PathBuf,
    identity: Identity,
}

/// The mode of such a file, and who owns it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FileAccess {
    /// The mode.
    pub mode: u32,
    /// The user; `None` leaves the one that it has.
    pub owner: Option<u32>,
    /// The group; `None` leaves the one that it has.
    pub group: Option<u32>,
}

impl PlacedSocket {
    pub(super) fn new(path: PathBuf, identity: Identity) -> Self {
        Self { path, identity }
    }

    /// Changes its mode, and its owner and group where `to` names them. Meanwhile, nobody may use it who may
    /// not do so before or afterwards. Returns what undoes it.
    ///
    /// # Errors
    /// The system's, for example when only root may change the owner. The file is then as before, as far as the
    /// system lets dsp undo what it has done.
    pub fn change(&self, to: FileAccess) -> io::Result<FileAccess> {
        let place = Place::of(&self.path)?;
        let found = place.found()?.filter(|found| found.identity == self.identity);
        let found = found.ok_or_else(replaced)?;
        place.set_mode(self.identity, found.mode & to.mode)?;
        let owner = to.owner.filter(|owner| *owner != found.owner);
        let group = to.group.filter(|group| *group != found.group);
        let given = match owner.or(group) {
            Some(_) => place.give(self.identity, owner, group),
            None => Ok(()),
        };
        match given.and_then(|()| place.set_mode(self.identity, to.mode)) {
            Ok(()) => {
                let (owner, group) = (Some(found.owner), Some(found.group));
                Ok(FileAccess { mode: found.mode, owner, group })
            }
            Err(error) => {
                // The owner comes first: the mode is still one that lets nobody in who was not let in before.
                if owner.or(group).is_some() {
                    let (owner, group) =
                        (owner.and(Some(found.owner)), group.and(Some(found.group)));
                    let _ = place.give(self.identity, owner, group);
                }
                let _ = place.set_mode(self.identity, found.mode);
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::proxy::{Access, Listener};

    #[tokio::test]
    async fn the_mode_changes_only_of_the_file_that_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let access = |mode| FileAccess { mode, owner: None, group: None };
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let listener = Listener::bind_unix(&path, &Access::default()).unwrap();
        let placed = listener.placed().unwrap();
        let before = placed.change(access(0o666)).unwrap();
        assert_eq!(mode(), 0o666);
        placed.change(before).unwrap();
        assert_eq!(mode(), 0o600);
        fs::remove_file(&path).unwrap();
        assert!(placed.change(access(0o666)).is_err());
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(placed.change(access(0o666)).is_err());
        assert_eq!(mode(), 0o644);
    }

    /// Root without the right to change files of others may give a file away, but not set its mode then.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_fails_halfway_is_undone() {
        use std::os::unix::fs::MetadataExt;

        use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

        let held = capabilities(None).unwrap();
        if !held.effective.contains(CapabilitySet::CHOWN | CapabilitySet::FOWNER) {
            return; // Only root can give a file away.
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = Listener::bind_unix(&path, &Access::default()).unwrap();
        let placed = listener.placed().unwrap();
        let access = || {
            let found = fs::metadata(&path).unwrap();
            (found.permissions().mode() & 0o777, found.uid(), found.gid())
        };
        let before = access();
        let to = FileAccess { mode: 0o666, owner: Some(65534), group: Some(65534) };
        // Capabilities are those of a thread.
        let changed = std::thread::scope(|scope| {
            let without = scope.spawn(|| {
                let mut fewer = held;
                fewer.effective.remove(CapabilitySet::FOWNER);
                set_capabilities(None, fewer).unwrap();
                placed.change(to)
            });
            without.join().unwrap()
        });
        assert_eq!(changed.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(access(), before);
        placed.change(to).unwrap();
        assert_eq!(access(), (0o666, 65534, 65534));
    }
}
