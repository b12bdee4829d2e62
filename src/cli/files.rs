//! How commands write files that already exist.

use std::path::Path;

use anyhow::bail;

use crate::files::Kind;
use crate::text::shown;
use crate::{host, profile};

/// How to recognize manual pages.
pub(super) const MANUAL: Kind =
    Kind { name: "a manual page", is_own: |head, _| head.contains("\n.TH dsp") };

/// How to recognize the schema of profiles.
pub(super) const SCHEMA: Kind = Kind {
    name: "a profile schema",
    is_own: |head, tail| format!("{head}{tail}").contains(profile::SCHEMA_TITLE),
};

/// How to recognize a host file that dsp has written.
pub(super) const HOST: Kind =
    Kind { name: "a host file of dsp", is_own: |head, _| head.starts_with(host::HEAD) };

/// How to recognize the schema of host files.
pub(super) const HOST_SCHEMA: Kind = Kind {
    name: "a host schema",
    is_own: |head, tail| format!("{head}{tail}").contains(host::SCHEMA_TITLE),
};

/// Fails if something exists at the path. `instead` says what to do about it.
pub(super) fn check_new(path: &Path, instead: &str) -> anyhow::Result<()> {
    if exists(path) {
        bail!("{} exists; {instead}, or choose another file with -o", shown(path));
    }
    Ok(())
}

/// Whether anything exists at a path, even a dangling link.
pub(super) fn exists(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}
