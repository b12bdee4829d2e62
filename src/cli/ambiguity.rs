//! Warns of rules that are not about exactly what they name.

use super::output;
use crate::profile::{Ambiguity, Profile};
use crate::report::{count, printable};

/// So many are told one by one.
const TOLD: usize = 5;

/// Warns of those in a profile.
pub(super) fn warn(profile: &Profile) {
    tell(&profile.ambiguities());
}

/// Warns of those that a profile has and the one before it did not have.
pub(super) fn warn_of_new(before: &Profile, profile: &Profile) {
    tell(&profile.new_ambiguities(before));
}

fn tell(found: &[Ambiguity]) {
    for ambiguity in found.iter().take(TOLD) {
        output::warn(&printable(&ambiguity.to_string()));
    }
    let more = found.len().saturating_sub(TOLD);
    if more > 0 {
        output::warn(&format!(
            "{} are about more or less than they name too",
            count(more, "more rule")
        ));
    }
    let mut advice: Vec<&str> = found.iter().map(Ambiguity::advice).collect();
    advice.sort_unstable();
    advice.dedup();
    advice.iter().for_each(|advice| output::help(advice));
}
