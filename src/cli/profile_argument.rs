//! The argument that names a profile.

use std::ffi::OsStr;

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};

use crate::profile::{BUILTIN, SHIPPED};

/// Completes a profile: files, and the profiles that are part of dsp.
#[derive(Clone, Copy, Debug)]
pub(super) struct Profiles;

impl ValueCompleter for Profiles {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let builtin = SHIPPED.iter().map(|shipped| (format!("{BUILTIN}{}", shipped.name), shipped));
        let begins = |name: &str| current.to_str().is_some_and(|typed| name.starts_with(typed));
        let builtin = builtin.filter(|(name, _)| begins(name));
        let candidate = |(name, shipped): (String, &crate::profile::Shipped)| {
            CompletionCandidate::new(name).help(Some(shipped.about().into()))
        };
        let mut candidates = PathCompleter::any().complete(current);
        candidates.extend(builtin.map(candidate));
        candidates
    }
}
