//! The files that dsp writes: never through a link, never in the place of what is not dsp's own, whole
//! or not at all, and what people decided in only while nobody else changes it.
//!
//! Folders on the way to a file may be links; the file itself may not. A user who may put a link
//! where dsp writes would otherwise choose which of the caller's files is written.

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

/// Whether a path names one of the process's own open files, as a shell's `>(...)` and `/dev/stdout`
/// do. Such a path is a link of the system's own.
fn is_descriptor(path: &Path) -> bool {
    let begins = |folder: &str| path.starts_with(folder);
    path == Path::new("/dev/stdout")
        || path == Path::new("/dev/stderr")
        || begins("/dev/fd")
        || begins("/proc/self/fd")
}

/// Where a link leads; none when the path is no link that matters here.
fn link(path: &Path) -> Option<PathBuf> {
    let found = fs::symlink_metadata(path).ok()?;
    (found.is_symlink() && !is_descriptor(path)).then(|| fs::read_link(path).unwrap_or_default())
}

/// The folder of a file.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a text to a new file beside `path` and puts it in the place of the file there, whose mode
/// and, as far as this process may, owner it gets.
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
        // What was given to one group is not given to another.
        kept &= !0o070;
    }
    file.as_file().set_permissions(fs::Permissions::from_mode(kept))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The name is only safe with its folder; not every file system can do that.
    let _ = File::open(folder(path)).and_then(|folder| folder.sync_all());
    Ok(())
}
