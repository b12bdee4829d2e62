//! Turns findings into text for people, terminals and CI systems.
//!
//! Text that came from a client, an engine or a file is foreign: it goes through [`printable`]
//! before it is shown.

mod finding;
mod fold;
mod format;
mod github;
mod json;
mod junit;
mod markdown;
mod sarif;
mod snippet;
mod text;

pub use finding::{Fact, Finding, Kind, Lines, Region, Report, Severity, Source, Verdict};
pub use fold::fold;
pub use format::Format;
pub use json::pretty;
pub use snippet::{Place, snippet};
pub use text::text;

pub use crate::text::{printable, quoted};

use crate::text::is_unsafe_at;

/// `1 request`, `2 requests`.
#[must_use]
pub fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!([count(1, "rule"), count(0, "rule")], ["1 rule", "0 rules"]);
    }
}
