//! Profiles as commands write them, and what they say of files that are there already.

use std::path::Path;
use std::time::Duration;

use anyhow::bail;

use crate::files::{self, Held, HoldError, Kind};
use crate::profile::{self, LoadError, MAX_BYTES, Profile};
use crate::text::shown;

/// How long a command waits for another one that changes the same profile.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The pages of the manual.
pub(super) const MANUAL: Kind =
    Kind { name: "a page of the manual", is_own: |head, _| head.contains("\n.TH dsp") };

/// The schema of profiles.
pub(super) const SCHEMA: Kind = Kind {
    name: "a schema of profiles",
    is_own: |head, tail| format!("{head}{tail}").contains(profile::SCHEMA_TITLE),
};

/// A profile that nobody else changes meanwhile.
pub(super) struct Change {
    held: Held,
    /// Its text.
    pub(super) text: String,
    /// What that says.
    pub(super) profile: Profile,
}

/// Refuses a path where something is already, and tells what to do instead.
pub(super) fn check_new(path: &Path, instead: &str) -> anyhow::Result<()> {
    if exists(path) {
        bail!("{} exists; {instead}, or choose another file with -o", shown(path));
    }
    Ok(())
}

/// Whether something is at a path, even a link that leads nowhere.
pub(super) fn exists(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// Begins to change a profile. Other commands that change it wait, and are waited for.
pub(super) fn change(path: &Path) -> anyhow::Result<Change> {
    let held = match files::hold(path, MAX_BYTES + 1, LONGEST_WAIT) {
        Err(HoldError::Read { path, source }) => return Err(LoadError::Io { path, source }.into()),
        held => held?,
    };
    let (text, profile) = profile::parse_bytes(path, held.bytes().to_vec())?;
    Ok(Change { held, text, profile })
}

impl Change {
    /// Puts the new text in the place of the old one.
    pub(super) fn finish(self, text: &str) -> anyhow::Result<()> {
        check_readable(text)?;
        Ok(self.held.replace(text)?)
    }
}

/// Refuses a profile that dsp would not read again.
pub(super) fn check_readable(text: &str) -> anyhow::Result<()> {
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    if length > MAX_BYTES {
        bail!(
            "the profile would have {length} bytes, and dsp reads one of at most {MAX_BYTES}; nothing \
             was written. Leave out --names exact, or make a profile for each part of the program"
        );
    }
    if let Err(problem) = profile::parse(text) {
        bail!("the profile would not read back, so nothing was written: {}", problem.message);
    }
    Ok(())
}
