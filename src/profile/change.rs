//! One difference between two profiles.

use super::{Entry, Given, Rule};
use crate::api::Risk;
use crate::contents::Facet;
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
    /// What of the contents of a rule changes: what it gains if the change widens, and what it loses if
    /// it narrows. Empty if only names change.
    pub contents: Vec<ContentChange>,
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

/// A change of what a rule allows requests to contain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContentChange {
    /// Whether the rule gains it ([`Effect::Widens`]) or loses it ([`Effect::Narrows`]).
    pub effect: Effect,
    /// What.
    pub given: Given,
}

/// The number of values of a facet that a text names.
const MOST_TOLD: usize = 6;

impl ContentChange {
    /// What `new` allows requests to contain and `old`, for the same names, does not.
    #[must_use]
    pub fn gained(old: &Rule, new: &Rule) -> Vec<Self> {
        Self::beyond(Effect::Widens, new, old)
    }

    /// What `rule` allows requests to contain, or shows of answers, and `other` does not.
    pub(super) fn beyond(effect: Effect, rule: &Rule, other: &Rule) -> Vec<Self> {
        let given = match (rule.contents(), other.contents()) {
            (_, None) => Vec::new(),
            (None, Some(_)) => vec![Given::Anything],
            (Some(own), Some(other)) => own.beyond(other),
        };
        let shown = other.hidden().without(rule.hidden()).iter().map(Given::Shown);
        given.into_iter().chain(shown).map(|given| Self { effect, given }).collect()
    }

    /// The changes in words, by facet: `mounts gains /srv, image loses alpine:3`.
    #[must_use]
    pub fn told(changes: &[Self]) -> String {
        let mut told: Vec<String> = Vec::new();
        let is_together = |one: &Self, other: &Self| {
            one.effect == other.effect && one.facet().is_some() && one.facet() == other.facet()
        };
        for group in changes.chunk_by(is_together) {
            let Some(Self { effect, given }) = group.first() else { continue };
            let verb = if *effect == Effect::Widens { "gains" } else { "loses" };
            told.push(match given {
                Given::Anything if *effect == Effect::Widens => {
                    "any contents are allowed".to_owned()
                }
                Given::Anything => "only some contents are allowed".to_owned(),
                Given::Facet(facet) => format!("{facet} {verb} any value"),
                Given::Shown(kind) if *effect == Effect::Widens => {
                    format!("answers show the {kind}")
                }
                Given::Shown(kind) => format!("answers hide the {kind}"),
                Given::Value(value) => {
                    let values = group.iter().filter_map(|change| match &change.given {
                        Given::Value(value) => Some(value.as_str()),
                        _ => None,
                    });
                    let named: Vec<&str> = values.take(MOST_TOLD).collect();
                    let more = group.len() - named.len();
                    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                    format!("{} {verb} {}{more}", value.facet(), named.join(", "))
                }
            });
        }
        told.join(", ")
    }

    fn facet(&self) -> Option<Facet> {
        match &self.given {
            Given::Anything | Given::Shown(_) => None,
            Given::Facet(facet) => Some(*facet),
            Given::Value(value) => Some(value.facet()),
        }
    }
}

/// An entry as text, at its position.
pub(super) fn text<T: ToString>(entry: &Entry<T>) -> Entry<String> {
    entry.with(entry.value.to_string())
}
