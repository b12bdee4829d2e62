//! Describes how much of a profile is still undecided.

use super::queue::{Item, queue};
use crate::profile::Profile;
use crate::report::count;
use crate::text::printable;

/// How many open rules are named.
const MOST_NAMED: usize = 5;

/// How much of a profile is open, such as `3 of 7 rules are open`.
#[must_use]
pub fn open(profile: &Profile) -> String {
    let standing = profile.standing();
    let all = profile.allow.len() + profile.unknown.len();
    let is = |number: usize| if number == 1 { "is" } else { "are" };
    let rules = match standing.open_count() {
        0 => None,
        open if open == all && !standing.has_begun => {
            Some(format!("nobody has reviewed {}", count(all, "rule")))
        }
        open => Some(format!("{open} of {} {} open", count(all, "rule"), is(open))),
    };
    let changes = standing.changes.iter().map(ToString::to_string);
    let told: Vec<String> = rules.into_iter().chain(changes).collect();
    if told.is_empty() && !standing.has_begun {
        return "nobody has reviewed it".to_owned();
    }
    told.join(", and ")
}

/// The same, followed by the first few rules.
#[must_use]
pub fn open_by_name(profile: &Profile) -> String {
    let items = queue(profile);
    let names: Vec<String> = items
        .iter()
        .flat_map(Item::subjects)
        .map(|subject| printable(&subject.to_string()))
        .collect();
    let shown: Vec<&str> = names.iter().take(MOST_NAMED).map(String::as_str).collect();
    match names.len().saturating_sub(MOST_NAMED) {
        _ if names.is_empty() => open(profile),
        0 => format!("{}: {}", open(profile), shown.join(", ")),
        more => format!("{}: {} and {more} more", open(profile), shown.join(", ")),
    }
}
