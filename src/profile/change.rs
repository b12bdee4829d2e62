//! One difference between two profiles.

use std::fmt;

use super::Entry;
use crate::api::Risk;

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

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::EngineChanged,
        Self::RuleAdded,
        Self::RuleWidened,
        Self::UnknownAdded,
        Self::DenyRemoved,
        Self::MinApiLowered,
        Self::RuleNarrowed,
        Self::RuleRemoved,
        Self::UnknownRemoved,
        Self::DenyAdded,
        Self::MinApiRaised,
        Self::ReviewRemoved,
        Self::ReviewShrunk,
        Self::ReviewBroken,
        Self::AcceptAdded,
        Self::ReviewGrown,
    ];

    /// The name of the kind, the same in every output format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EngineChanged => "engine-changed",
            Self::RuleAdded => "rule-added",
            Self::RuleWidened => "rule-widened",
            Self::UnknownAdded => "unknown-added",
            Self::DenyRemoved => "deny-removed",
            Self::MinApiLowered => "min-api-lowered",
            Self::RuleNarrowed => "rule-narrowed",
            Self::RuleRemoved => "rule-removed",
            Self::UnknownRemoved => "unknown-removed",
            Self::DenyAdded => "deny-added",
            Self::MinApiRaised => "min-api-raised",
            Self::ReviewRemoved => "review-removed",
            Self::ReviewShrunk => "review-shrunk",
            Self::ReviewBroken => "review-broken",
            Self::AcceptAdded => "accept-added",
            Self::ReviewGrown => "review-grown",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Effect {
    /// The word for the effect, the same in every output format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Narrows => "narrows",
            Self::Widens => "widens",
        }
    }
}

/// An entry as text, at its position.
pub(super) fn text<T: ToString>(entry: &Entry<T>) -> Entry<String> {
    Entry { value: entry.value.to_string(), span: entry.span.clone() }
}
