//! Writes files: never through a symbolic link, never over a file that dsp did not write,
//! completely or not at all, and files with people's decisions only under a lock.
//!
//! Folders in the path may be links, but the file itself may not. Otherwise a user who can create
//! links where dsp writes could choose which of the caller's files gets overwritten.

mod append;
mod hold;
mod put;

pub use append::append;
pub use hold::{Held, HoldError, hold};
pub use put::{Kind, PutError, create, put};

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Whether a path names one of the process's own open files, as `>(...)` in a shell and
/// `/dev/stdout` do. Such a path is a symbolic link made by the system.
fn is_descriptor(path: &Path) -> bool {
    let begins = |folder: &str| path.starts_with(folder);
    path == Path::new("/dev/stdout")
        || path == Path::new("/dev/stderr")
        || begins("/dev/fd")
        || begins("/proc/self/fd")
}

/// The target of a symbolic link; `None` if the path is not a link, or a harmless one.
fn link(path: &Path) -> Option<PathBuf> {
    let found = fs::symlink_metadata(path).ok()?;
    (found.is_symlink() && !is_descriptor(path)).then(|| fs::read_link(path).unwrap_or_default())
}

/// The folder that contains a file.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a text to a new file next to `path` and moves it over the old one. The new file keeps the
/// old one's mode and, as far as this process is permitted to set it, owner.
fn replace(path: &Path, text: &str, before: &Metadata) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder(path))?;
    file.write_all(text.as_bytes())?;
    let mode = before.permissions().mode() & 0o7777;
    let own = file.as_file().metadata()?;
    let mut kept = mode;
    if (own.uid(), own.gid()) != (before.uid(), before.gid())
        && fchown(file.as_file(), Some(before.uid()), Some(before.gid())).is_err()
        && own.gid() != before.gid()
        && fchown(file.as_file(), None, Some(before.gid())).is_err()
    {
        // Permissions for the old group must not go to a different group.
        kept &= !0o070;
    }
    file.as_file().set_permissions(fs::Permissions::from_mode(kept))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The rename is only durable once the folder is synced, which not every file system supports.
    let _ = File::open(folder(path)).and_then(|folder| folder.sync_all());
    Ok(())
}
