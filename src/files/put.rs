//! Writes files that can be generated again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::append::flags;
use super::{is_descriptor, link, replace};
use crate::text::shown;

/// The number of bytes at each end of a file that identify it.
const LOOKED_AT: u64 = 4096;

/// A kind of file that dsp writes and recognizes.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name in messages: `is not a report as JSON that dsp made`.
    pub name: &'static str,
    /// Whether a file with this beginning and end is of this kind.
    pub is_own: fn(head: &str, tail: &str) -> bool,
}

/// Why a file was not written. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The file exists.
    #[error("{} exists", shown(path))]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is not of this kind.
    #[error(
        "{} exists and is not {kind} that dsp made, so dsp does not overwrite it; remove it, or \
         choose another file",
        shown(path)
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The expected kind.
        kind: &'static str,
    },
    /// The path is a symbolic link.
    #[error(
        "{} is a symbolic link, which dsp does not follow; remove it, or use {} instead",
        shown(path),
        shown(target)
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A system call failed.
    #[error("cannot write {}: {source}", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

/// Writes a file that must not exist yet, completely or not at all.
///
/// # Errors
/// [`PutError`].
pub fn create(path: &Path, text: &str) -> Result<(), PutError> {
    let io = |source| PutError::Io { path: path.to_owned(), source };
    // An existing file is not opened, whether it is a link or not.
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(PutError::Exists { path: path.to_owned() });
        }
        opened => opened.map_err(io)?,
    };
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
        // Half a policy would be worse than none.
        let _ = fs::remove_file(path);
        io(error)
    })
}

/// Writes what can be generated again: to a new file, over an empty file or one of the same kind,
/// or into a pipe or device.
///
/// # Errors
/// [`PutError`].
pub fn put(path: &Path, text: &str, kind: Kind) -> Result<(), PutError> {
    let io = |source| PutError::Io { path: path.to_owned(), source };
    if is_descriptor(path) {
        let file = OpenOptions::new().append(true).open(path);
        return file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(io);
    }
    if let Some(target) = link(path) {
        return Err(PutError::Link { path: path.to_owned(), target });
    }
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return create(path, text),
        Err(error) => return Err(io(error)),
    };
    let nofollow = flags(OFlags::NOFOLLOW);
    if !found.is_file() {
        let file = OpenOptions::new().write(true).custom_flags(nofollow).open(path);
        return file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(io);
    }
    let mut file = OpenOptions::new().read(true).custom_flags(nofollow).open(path).map_err(io)?;
    let is_own = found.len() == 0 || {
        let (head, tail) = ends(&mut file).map_err(io)?;
        (kind.is_own)(&head, &tail)
    };
    if !is_own {
        return Err(PutError::Foreign { path: path.to_owned(), kind: kind.name });
    }
    // This replaces the directory entry, so a link created in the meantime is not followed.
    replace(path, text, &found).map_err(io)
}

/// The beginning and the end of a file.
fn ends(file: &mut File) -> io::Result<(String, String)> {
    let read = |file: &mut File| {
        let mut bytes = Vec::new();
        file.take(LOOKED_AT).read_to_end(&mut bytes)?;
        io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let head = read(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOOKED_AT)))?;
    Ok((head, read(file)?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    const KIND: Kind = Kind {
        name: "a list",
        is_own: |head, tail| head.starts_with("list") && tail.ends_with('.'),
    };

    #[test]
    fn only_files_of_the_same_kind_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        put(&path, "list one.", KIND).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        put(&path, "list two.", KIND).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "list two.");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        fs::write(&path, "").unwrap();
        put(&path, "list three.", KIND).unwrap();
        for other in ["alias x=y", "list", "\u{0}."] {
            fs::write(&path, other).unwrap();
            let error = put(&path, "list.", KIND).unwrap_err();
            assert!(matches!(error, PutError::Foreign { .. }), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
        assert!(matches!(create(&path, "x").unwrap_err(), PutError::Exists { .. }));
        assert!(put(folder.path(), "list.", KIND).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no file is left over");
    }

    #[test]
    fn links_are_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("a"), folder.path().join("victim"));
        symlink(&victim, &path).unwrap();
        for before in [None, Some("list.")] {
            if let Some(before) = before {
                fs::write(&victim, before).unwrap();
            }
            let error = put(&path, "list new.", KIND).unwrap_err();
            assert!(matches!(error, PutError::Link { .. }), "{error}");
            assert!(matches!(create(&path, "x").unwrap_err(), PutError::Exists { .. }));
            assert_eq!(fs::read_to_string(&victim).ok().as_deref(), before);
        }
        // A folder in the path may be a link.
        fs::create_dir(folder.path().join("real")).unwrap();
        symlink("real", folder.path().join("way")).unwrap();
        put(&folder.path().join("way/b"), "list.", KIND).unwrap();
        put(&folder.path().join("way/b"), "list 2.", KIND).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("real/b")).unwrap(), "list 2.");
    }

    #[test]
    fn a_pipe_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        put(&pipe, "anything", KIND).unwrap();
        assert_eq!(reader.join().unwrap(), "anything");
        put(Path::new("/dev/null"), "anything", KIND).unwrap();
    }
}
