//! Warns of rules that match more or less than the names they spell.

use super::output;
use crate::profile::{Ambiguity, Profile};
use crate::report::{count, printable};

/// The most rules to warn of one by one.
const MOST_SHOWN: usize = 5;

/// Warns of the ambiguous rules in a profile.
pub(super) fn warn(profile: &Profile) {
    warn_about(&profile.ambiguities());
}

/// Warns of ambiguous rules that were not in the previous profile.
pub(super) fn warn_about_new(before: &Profile, profile: &Profile) {
    warn_about(&profile.new_ambiguities(before));
}

fn warn_about(found: &[Ambiguity]) {
    for ambiguity in found.iter().take(MOST_SHOWN) {
        output::warn(&printable(&ambiguity.to_string()));
    }
    let more = found.len().saturating_sub(MOST_SHOWN);
    if more > 0 {
        output::warn(&format!(
            "{} also match more or less than they name",
            count(more, "more rule")
        ));
    }
    let mut advice: Vec<&str> = found.iter().map(Ambiguity::advice).collect();
    advice.sort_unstable();
    advice.dedup();
    advice.iter().for_each(|advice| output::help(advice));
}
