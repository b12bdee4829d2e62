//! A file with people's decisions, locked while it is read, changed and replaced.
//!
//! The lock is on the file itself, so no lock file is left over and every writer sees it. A change
//! replaces the file: a process that waited for the old file notices that the path leads to a new
//! one, and locks that.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use super::append::flags;
use super::{link, replace};
use crate::text::shown;

/// How long to wait before trying a lock again.
const PAUSE: Duration = Duration::from_millis(10);

/// Why a file could not be locked or replaced. It is unchanged then.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// Another process has locked it.
    #[error(
        "{} is locked by another process, and still was after {} s; nothing was changed or lost: \
         try again when that process has ended",
        shown(path),
        waited.as_secs()
    )]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long dsp waited for the lock.
        waited: Duration,
    },
    /// A program that ignores the lock, such as an editor, has changed it.
    #[error(
        "{} was changed by another program in the meantime; dsp left it as it is and did not save \
         your decisions: run the same command again",
        shown(path)
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It is a symbolic link.
    #[error(
        "{} is a symbolic link, which dsp does not follow; use {} instead",
        shown(path),
        shown(target)
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// It is not a regular file.
    #[error("{} is not a file, so it cannot be changed", shown(path))]
    NotFile {
        /// The path.
        path: PathBuf,
    },
    /// The file system does not support locks.
    #[error(
        "cannot lock {}: {source}; without a lock, two processes that change it at once could lose \
         decisions, so nothing was changed: work on a copy on a local disk",
        shown(path)
    )]
    Lock {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// It cannot be read.
    #[error("cannot read {}: {source}", shown(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// It cannot be replaced.
    #[error("cannot write {}: {source}; nothing was changed", shown(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// A file that no other dsp process changes as long as this value lives.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    file: File,
    bytes: Vec<u8>,
}

/// Locks the file at `path`, waits up to `longest` for that, and reads up to `most` bytes.
///
/// # Errors
/// [`HoldError`].
pub fn hold(path: &Path, most: u64, longest: Duration) -> Result<Held, HoldError> {
    let own = || path.to_owned();
    let read = |source| HoldError::Read { path: own(), source };
    let started = Instant::now();
    loop {
        if let Some(target) = link(path) {
            return Err(HoldError::Link { path: own(), target });
        }
        let mut file = open(path).map_err(read)?;
        let found = file.metadata().map_err(read)?;
        if !found.is_file() {
            return Err(HoldError::NotFile { path: own() });
        }
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if is_at(path, &found) => {
                let mut bytes = Vec::new();
                (&mut file).take(most).read_to_end(&mut bytes).map_err(read)?;
                return Ok(Held { path: own(), file, bytes });
            }
            // Another file has replaced it by now.
            Ok(()) | Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) => {}
            Err(errno) => return Err(HoldError::Lock { path: own(), source: errno.into() }),
        }
        let waited = started.elapsed();
        if waited >= longest {
            return Err(HoldError::Busy { path: own(), waited });
        }
        std::thread::sleep(PAUSE.min(longest - waited));
    }
}

impl Held {
    /// The contents of the file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Replaces the contents, completely or not at all.
    ///
    /// # Errors
    /// [`HoldError`]; the file is unchanged then.
    pub fn replace(mut self, text: &str) -> Result<(), HoldError> {
        let changed = || HoldError::Changed { path: self.path.clone() };
        let write = |source| HoldError::Write { path: self.path.clone(), source };
        let found = self.file.metadata().map_err(write)?;
        // Editors ignore the lock: one may have written to this file, or replaced it.
        self.file.seek(SeekFrom::Start(0)).map_err(write)?;
        let mut now = Vec::new();
        let most = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX).saturating_add(1);
        (&mut self.file).take(most).read_to_end(&mut now).map_err(write)?;
        if now != self.bytes || !is_at(&self.path, &found) {
            return Err(changed());
        }
        replace(&self.path, text, &found).map_err(write)
    }
}

/// Opened for writing if possible, because locks on network file systems may require that.
fn open(path: &Path) -> io::Result<File> {
    let flags = flags(OFlags::NOFOLLOW | OFlags::NONBLOCK);
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags);
    options.clone().write(true).open(path).or_else(|_| options.open(path))
}

/// Whether a path leads to this file.
fn is_at(path: &Path, file: &Metadata) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|found| (found.dev(), found.ino()) == (file.dev(), file.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn a_process_that_waited_reads_the_other_ones_changes() {
        let (folder, path) = file("");
        let (told, heard) = mpsc::channel();
        let adders: Vec<_> = (0..8)
            .map(|number| {
                let (path, told) = (path.clone(), told.clone());
                std::thread::spawn(move || {
                    for round in 0..20 {
                        let held = hold(&path, 1 << 20, LONG).unwrap();
                        let text = String::from_utf8(held.bytes().to_vec()).unwrap();
                        held.replace(&format!("{text}{number}.{round}\n")).unwrap();
                        told.send(()).unwrap();
                    }
                })
            })
            .collect();
        adders.into_iter().for_each(|adder| adder.join().unwrap());
        drop(told);
        assert_eq!(heard.iter().count(), 160);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 160, "no line is lost");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no file is left over");
    }

    #[test]
    fn a_wait_ends_and_says_why() {
        let (_folder, path) = file("x");
        let held = hold(&path, 10, LONG).unwrap();
        let error = hold(&path, 10, Duration::from_millis(30)).unwrap_err();
        assert!(matches!(error, HoldError::Busy { .. }), "{error}");
        drop(held);
        assert_eq!(hold(&path, 10, Duration::ZERO).unwrap().bytes(), b"x");
    }

    #[test]
    fn changes_by_an_editor_are_kept() {
        let (folder, path) = file("one");
        for in_place in [true, false] {
            let held = hold(&path, 10, LONG).unwrap();
            if in_place {
                fs::write(&path, "two").unwrap();
            } else {
                fs::write(folder.path().join("new"), "two").unwrap();
                fs::rename(folder.path().join("new"), &path).unwrap();
            }
            let error = held.replace("three").unwrap_err();
            assert!(matches!(error, HoldError::Changed { .. }), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "two");
            fs::write(&path, "one").unwrap();
        }
    }

    #[test]
    fn the_mode_stays_and_a_link_is_refused() {
        let (folder, path) = file("one");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        hold(&path, 10, LONG).unwrap().replace("two").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o604);
        let other = folder.path().join("link");
        symlink(&path, &other).unwrap();
        let error = hold(&other, 10, LONG).unwrap_err();
        assert!(matches!(error, HoldError::Link { .. }), "{error}");
        let error = hold(folder.path(), 10, LONG).unwrap_err();
        assert!(matches!(error, HoldError::NotFile { .. }), "{error}");
        let error = hold(Path::new("/dev/null"), 10, LONG).unwrap_err();
        assert!(matches!(error, HoldError::NotFile { .. }), "{error}");
    }
}
