//! How commands write profiles, and how they treat files that already exist.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;

use crate::files::{self, Held, HoldError, Kind};
use crate::profile::{self, LoadError, MAX_BYTES, Profile};
use crate::text::shown;

/// How long a command waits for another command that is changing the same profile.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How to recognize manual pages.
pub(super) const MANUAL: Kind =
    Kind { name: "a manual page", is_own: |head, _| head.contains("\n.TH dsp") };

/// How to recognize the schema of profiles.
pub(super) const SCHEMA: Kind = Kind {
    name: "a profile schema",
    is_own: |head, tail| format!("{head}{tail}").contains(profile::SCHEMA_TITLE),
};

/// A profile locked for a change.
pub(super) struct Change {
    held: Held,
    /// The text before the change.
    pub(super) text: String,
    /// The parsed text.
    pub(super) profile: Profile,
}

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

/// Begins to change a profile: waits for other commands that are changing it, and locks them out.
pub(super) fn change(path: &Path) -> anyhow::Result<Change> {
    let held = match files::hold(path, MAX_BYTES + 1, LONGEST_WAIT) {
        Err(HoldError::Read { path, source }) => return Err(LoadError::Io { path, source }.into()),
        held => held?,
    };
    let (text, profile) = profile::parse_bytes(path, held.bytes().to_vec())?;
    Ok(Change { held, text, profile })
}

impl Change {
    /// Replaces the text of the profile.
    pub(super) fn finish(self, text: &str) -> anyhow::Result<()> {
        check_readable(text)?;
        Ok(self.held.replace(text)?)
    }
}

/// Fails if dsp could not read the profile back.
pub(super) fn check_readable(text: &str) -> anyhow::Result<()> {
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    if length > MAX_BYTES {
        bail!(
            "the profile would have {length} bytes, but dsp reads at most {MAX_BYTES}; nothing was \
             written. Leave out --names exact, or make a profile for each part of the program"
        );
    }
    if let Err(problem) = profile::parse(text) {
        bail!("the profile would not read back, so nothing was written: {}", problem.message);
    }
    Ok(())
}
