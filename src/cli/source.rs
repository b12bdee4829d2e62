//! Where a profile comes from: a file, dsp itself, or a revision of a git repository.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::standard;
use crate::profile::{self, LoadError, Profile};
use crate::report::Source;
use crate::session::{self, builtin, read_revision};
use crate::text::spelled;

/// Loads a profile from a file, from standard input as `-`, or one that is part of dsp as
/// `builtin:NAME`.
///
/// # Errors
/// If the profile cannot be read, or is invalid.
pub(super) fn load(path: &Path) -> anyhow::Result<Profile> {
    load_text(path).map(|(_, profile)| profile)
}

/// Like [`load`], with the source for a report.
///
/// # Errors
/// As [`load`].
pub(super) fn load_source(path: &Path) -> anyhow::Result<(Source, Profile)> {
    let (text, profile) = load_text(path)?;
    let is_file = builtin(path).is_none() && !standard::is_standard(path);
    Ok((Source::new(spelled(standard::name(path)), text, is_file), profile))
}

/// Like [`load`], with the text that was parsed.
fn load_text(path: &Path) -> anyhow::Result<(String, Profile)> {
    if !standard::is_standard(path) {
        return Ok(session::load(path)?);
    }
    let name = standard::name(path);
    let io = |source| LoadError::Io { path: name.to_owned(), source };
    let mut bytes = Vec::new();
    let input = standard::open(path).map_err(io)?;
    input.take(profile::MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    Ok(profile::parse_bytes(name, bytes)?)
}

/// Like [`load_source`], but also loads `REVISION:FILE` from the surrounding git repository.
///
/// # Errors
/// As [`load`], and if git fails.
pub(super) fn load_any(path: &Path) -> anyhow::Result<(Source, Profile)> {
    let name = path.to_str().filter(|_| !path.exists() && builtin(path).is_none());
    match name.and_then(|name| name.split_once(':')) {
        Some((revision, file)) if !revision.is_empty() && !file.is_empty() => {
            let (text, profile) = profile::parse_from(path, read_revision(path, file)?)?;
            Ok((Source::new(spelled(path), text, false), profile))
        }
        _ => load_source(path),
    }
}

/// The path of a profile that a command will change.
///
/// # Errors
/// If the profile is part of dsp.
pub(super) fn changeable(path: &Path) -> anyhow::Result<PathBuf> {
    if let Some(name) = builtin(path) {
        bail!(
            "builtin:{name} is part of dsp and cannot be changed; copy it to a file with \
             dsp profiles show {name} > {name}.yaml"
        );
    }
    Ok(path.to_owned())
}

/// Whether a profile is part of dsp.
pub(super) fn is_builtin(path: &Path) -> bool {
    builtin(path).is_some()
}
