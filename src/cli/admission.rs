//! Warns of what a person should know about a profile that is put in force.

use super::output;
use crate::session::Caveat;

/// Warns of each, with what to do about it.
pub(super) fn warn(caveats: &[Caveat]) {
    for caveat in caveats {
        output::warn(&caveat.to_string());
        if let Some(help) = caveat.help() {
            output::help(&help);
        }
    }
}
