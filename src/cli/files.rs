//! Files that commands write. What people may have edited is never overwritten by a new one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::text::shown;
use anyhow::Context;

/// Refuses a path where something is already, and tells what to do instead.
pub(super) fn check_new(path: &Path, instead: &str) -> anyhow::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        anyhow::bail!("{} exists; {instead}, or choose another file with -o", shown(path));
    }
    Ok(())
}

/// Writes a file that must not exist yet, whole or not at all.
pub(super) fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", shown(path));
    let written =
        OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| {
            let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
            if written.is_err() {
                // Half a policy would be worse than none.
                let _ = fs::remove_file(path);
            }
            written
        });
    written.map_err(|error: io::Error| anyhow::anyhow!("{}: {error}", cannot()))
}

/// Writes what can be made again at any time, in place of what is there: whole or not at all where
/// there is a file or nothing, and straight into a pipe or device.
pub(super) fn write_again(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", shown(path));
    match fs::metadata(path) {
        Ok(found) if found.is_file() => replace(path, text),
        Ok(_) => fs::write(path, text).with_context(cannot),
        Err(_) => write_new(path, text),
    }
}

/// Puts new text in the place of a file's, whole or not at all.
pub(super) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", shown(path));
    // Through a link, so that the link stays one.
    let path = fs::canonicalize(path).with_context(cannot)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(cannot)?;
    file.write_all(text.as_bytes()).with_context(cannot)?;
    let permissions = fs::metadata(&path).with_context(cannot)?.permissions();
    file.as_file().set_permissions(permissions).with_context(cannot)?;
    file.as_file().sync_all().with_context(cannot)?;
    file.persist(&path).map(drop).with_context(cannot)
}
