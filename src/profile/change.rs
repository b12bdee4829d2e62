//! One difference between two profiles.

use super::Entry;
use crate::api::Risk;
use crate::text::words;

/// One difference.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// Its kind.
    pub kind: ChangeKind,
    /// How it affects the requests that are allowed.
    pub effect: Effect,
    /// The old entries, with their positions.
    pub old: Vec<Entry<String>>,
    /// The new entries, with their positions.
    pub new: Vec<Entry<String>>,
    /// The risk of the operation, if the change concerns one.
    pub risk: Option<Risk>,
    /// Whether a person has accepted what this allows, according to the new profile.
    pub is_reviewed: bool,
}

/// The kind of a difference.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ChangeKind {
    /// The profile is for a different engine.
    EngineChanged,
    /// A rule under `allow` is new.
    RuleAdded,
    /// A rule matches more than the rules it replaces.
    RuleWidened,
    /// An entry under `unknown` is new.
    UnknownAdded,
    /// A rule under `deny` that is gone.
    DenyRemoved,
    /// Older API versions are allowed.
    MinApiLowered,
    /// A rule matches less than the one it replaces.
    RuleNarrowed,
    /// A rule under `allow` that is gone.
    RuleRemoved,
    /// An entry under `unknown` that is gone.
    UnknownRemoved,
    /// A rule under `deny` is new.
    DenyAdded,
    /// Older API versions are no longer allowed.
    MinApiRaised,
    /// The review is gone.
    ReviewRemoved,
    /// Something is still allowed but no longer listed as accepted.
    ReviewShrunk,
    /// A reviewed part was changed without a review.
    ReviewBroken,
    /// A finding of `check` no longer counts.
    AcceptAdded,
    /// A person has accepted more.
    ReviewGrown,
}

/// How a change affects the requests that are allowed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Effect {
    /// None: the same requests pass.
    None,
    /// Fewer requests pass.
    Narrows,
    /// More requests pass.
    Widens,
}

words!(ChangeKind, () = (), {
    EngineChanged = "engine-changed",
    RuleAdded = "rule-added",
    RuleWidened = "rule-widened",
    UnknownAdded = "unknown-added",
    DenyRemoved = "deny-removed",
    MinApiLowered = "min-api-lowered",
    RuleNarrowed = "rule-narrowed",
    RuleRemoved = "rule-removed",
    UnknownRemoved = "unknown-removed",
    DenyAdded = "deny-added",
    MinApiRaised = "min-api-raised",
    ReviewRemoved = "review-removed",
    ReviewShrunk = "review-shrunk",
    ReviewBroken = "review-broken",
    AcceptAdded = "accept-added",
    ReviewGrown = "review-grown",
});

words!(Effect, () = (), {
    None = "none",
    Narrows = "narrows",
    Widens = "widens",
});

/// An entry as text, at its position.
pub(super) fn text<T: ToString>(entry: &Entry<T>) -> Entry<String> {
    entry.with(entry.value.to_string())
}
