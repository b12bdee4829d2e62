//! Opens files for appending.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::{is_descriptor, link};
use crate::text::shown;

/// Opens a file for reading and appending, and creates it with `mode` if it does not exist.
///
/// # Errors
/// The error of the system; also if the path is a symbolic link.
pub fn append(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(mode);
    if is_descriptor(path) {
        return options.open(path);
    }
    options.read(true).custom_flags(flags(OFlags::NOFOLLOW));
    options.open(path).map_err(|error| match link(path) {
        Some(target) => io::Error::other(format!(
            "it is a symbolic link, which dsp does not follow; use {} instead",
            shown(&target)
        )),
        None => error,
    })
}

pub(super) fn flags(flags: OFlags) -> i32 {
    i32::try_from(flags.bits()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, to) = (folder.path().join("link"), folder.path().join("victim"));
        for exists in [false, true] {
            if exists {
                std::fs::write(&to, "mine").unwrap();
            }
            let _ = symlink(&to, &file);
            let error = append(&file, 0o600).unwrap_err().to_string();
            assert!(error.contains("it is a symbolic link"), "{error}");
            assert_eq!(to.exists(), exists, "and creates nothing through it");
        }
        append(&folder.path().join("new"), 0o600).unwrap().write_all(b"a").unwrap();
        append(&folder.path().join("new"), 0o600).unwrap().write_all(b"b").unwrap();
        let new = folder.path().join("new");
        assert_eq!(std::fs::read_to_string(&new).unwrap(), "ab");
        assert_eq!(std::fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
