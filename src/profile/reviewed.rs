//! What people have accepted of a profile: the part `reviewed`, and what is open beside it.
//!
//! Each accepted rule stands there with the risk that it had then. So a rule that was added since,
//! by whomever, is open; so is one whose operation is riskier today. The digest is of all that was
//! shown: it tells when `deny`, `min_api` or the list itself was changed without a review.

use sha2::{Digest, Sha256};

use super::{Entry, Profile, Rule, UnknownOperation};
use crate::api::Risk;

/// What a person has accepted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reviewed {
    /// The digest that was written with it, in hexadecimal.
    pub digest: String,
    /// The rules.
    pub kept: Vec<Entry<Kept>>,
    /// The requests that no operation is.
    pub unknown: Vec<Entry<UnknownOperation>>,
}

/// A rule that was accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kept {
    /// The risk of its operation at that time.
    pub risk: Risk,
    /// The rule.
    pub rule: Rule,
}

/// Where a profile stands between what it says and what a person has accepted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// Whether there is a part `reviewed`.
    pub has_begun: bool,
    /// The rules under `allow` that nobody has accepted as they are today, by their places.
    pub open: Vec<Open>,
    /// The entries under `unknown` that nobody has accepted, by their places.
    pub open_unknown: Vec<usize>,
    /// Whether something else has changed than rules that were added or taken away.
    pub is_changed: bool,
}

/// A rule that nobody has accepted as it is today.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Open {
    /// Its place under `allow`.
    pub place: usize,
    /// The risk with which it was accepted, when it is riskier today.
    pub accepted_as: Option<Risk>,
}

impl Standing {
    /// Whether a person has accepted the profile as it is.
    #[must_use]
    pub fn is_reviewed(&self) -> bool {
        self.has_begun && self.open.is_empty() && self.open_unknown.is_empty() && !self.is_changed
    }

    /// How many rules and entries are open.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.len() + self.open_unknown.len()
    }
}

impl Reviewed {
    /// The risk with which a rule was accepted.
    #[must_use]
    pub fn risk_of(&self, rule: &Rule) -> Option<Risk> {
        let kept = self.kept.iter().filter(|kept| kept.value.rule == *rule);
        kept.map(|kept| kept.value.risk).max()
    }
}

impl Profile {
    /// What is open for a person to look at.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let nothing = Reviewed::default();
        let reviewed = self.reviewed.as_ref().unwrap_or(&nothing);
        let open = self.allow.iter().enumerate().filter_map(|(place, entry)| {
            let accepted = reviewed.risk_of(&entry.value);
            let risk = entry.value.operation().risk;
            let is_open = accepted.is_none_or(|accepted| accepted < risk);
            is_open.then_some(Open { place, accepted_as: accepted })
        });
        let is_open = |entry: &Entry<UnknownOperation>| !reviewed.unknown.contains(entry);
        let open_unknown = self.unknown.iter().enumerate();
        Standing {
            has_begun: self.reviewed.is_some(),
            open: open.collect(),
            open_unknown: open_unknown
                .filter_map(|(place, entry)| is_open(entry).then_some(place))
                .collect(),
            is_changed: self
                .reviewed
                .as_ref()
                .is_some_and(|reviewed| reviewed.digest != self.digest_of(reviewed)),
        }
    }

    /// The digest of all that a person is shown: what `reviewed` lists, what is denied, and from
    /// which API version and for which engine that holds. In hexadecimal.
    #[must_use]
    pub fn digest_of(&self, reviewed: &Reviewed) -> String {
        let mut lines = vec![format!("engine {}", self.engine)];
        lines.extend(self.min_api.map(|version| format!("min_api {version}")));
        lines.extend(self.deny.iter().map(|entry| format!("deny {}", entry.value)));
        let kept = reviewed.kept.iter().map(|entry| &entry.value);
        lines.extend(kept.map(|kept| format!("{} {}", kept.risk, kept.rule)));
        lines.extend(reviewed.unknown.iter().map(|entry| format!("unknown {}", entry.value)));
        lines.sort();
        lines.dedup();
        let hash = Sha256::digest(format!("dsp review 1\n{}\n", lines.join("\n")));
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
