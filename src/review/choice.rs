//! The possible answers to a question, and the decision that each of them makes.

use super::{Decision, Facts, Item};
use crate::profile::{Pattern, Rule};
use crate::report::count;

/// The maximum number of names for which narrowing writes one rule each.
const MOST_NAMES: usize = 50;

/// An answer that changes the profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Choice {
    /// Keep it as it is.
    Keep,
    /// Deny it.
    Deny,
    /// Narrow it to the names that were seen.
    Names,
    /// Narrow it to a pattern that the user types.
    Pattern,
}

/// Why an answer is not possible.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The operation has no names.
    #[error("it has no name that could be narrowed")]
    NoName,
    /// The rule already allows one name only.
    #[error("it allows one name only")]
    Exact,
    /// Nothing was recorded, or the recording was not given.
    #[error("needs the recording: --recording FILE")]
    NoRecording,
    /// No name for it is in the evidence.
    #[error("no name was recorded")]
    NotSeen,
    /// Objects were named by their IDs.
    #[error("the names seen are IDs, which are different every time")]
    Ids,
    /// There would be too many lines.
    #[error("{0} names were seen, which is too many; use a pattern")]
    TooMany(usize),
}

impl Choice {
    /// The key for this answer.
    #[must_use]
    pub const fn key(self) -> char {
        match self {
            Self::Keep => 'k',
            Self::Deny => 'd',
            Self::Names => 'n',
            Self::Pattern => 'g',
        }
    }

    /// The answers to a question, possible or not.
    #[must_use]
    pub fn of(item: &Item) -> &'static [Self] {
        match item {
            Item::Rule { .. } => &[Self::Keep, Self::Deny, Self::Names, Self::Pattern],
            Item::Group { .. } | Item::Unknown(_) => &[Self::Keep, Self::Deny],
            Item::Section { .. } | Item::Rest => &[Self::Keep],
        }
    }

    /// Describes what the answer means here.
    #[must_use]
    pub fn text(self, item: &Item, facts: Option<&Facts>) -> String {
        let names = facts.map(|facts| facts.names.as_slice()).unwrap_or_default();
        let own = facts.map_or(0, |facts| facts.own.len());
        let has_ids = facts.is_some_and(Facts::has_ids);
        match (self, item) {
            (Self::Keep, Item::Group { rules, .. } | Item::Section { rules, .. }) => {
                format!("keep all {}", rules.len())
            }
            (Self::Keep, Item::Rest) => "keep all of this as it is".to_owned(),
            (Self::Keep, _) => "keep it as it is".to_owned(),
            (Self::Deny, Item::Unknown(_)) => "take it out of the profile".to_owned(),
            (Self::Deny, Item::Group { rules, .. }) => {
                format!("deny all {}; generate --update will not bring them back", rules.len())
            }
            (Self::Deny, _) => "deny it; generate --update will not bring it back".to_owned(),
            (Self::Names, _) => match (names.len(), names.len().saturating_sub(own)) {
                (0, _) => "narrow it to the names that were seen".to_owned(),
                (_, 0) => "narrow it to @own: what the program itself has made".to_owned(),
                (1, _) => "narrow it to the one name that was seen".to_owned(),
                (all, others) if all == others => {
                    format!("narrow it to the {} seen", count(all, "name"))
                }
                (_, 1) => "narrow it to @own and the one other name that was seen".to_owned(),
                (_, others) => {
                    format!("narrow it to @own and the {} seen", count(others, "other name"))
                }
            },
            (Self::Pattern, _) if has_ids => {
                "narrow it to a pattern; the names seen are IDs, which share no pattern".to_owned()
            }
            (Self::Pattern, _) => "narrow it to a pattern that you type, such as ci-*".to_owned(),
        }
    }

    /// Whether the answer is possible. `has_evidence` says whether recordings were given.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(
        self,
        item: &Item,
        facts: Option<&Facts>,
        has_evidence: bool,
    ) -> Result<(), Refusal> {
        let Item::Rule { rule, .. } = item else { return Ok(()) };
        let is_exact = |pattern: &Pattern| matches!(pattern, Pattern::Exact(_));
        match self {
            Self::Keep | Self::Deny => Ok(()),
            Self::Names | Self::Pattern if rule.patterns().is_empty() => Err(Refusal::NoName),
            Self::Names | Self::Pattern if rule.patterns().iter().all(is_exact) => {
                Err(Refusal::Exact)
            }
            Self::Pattern => Ok(()),
            Self::Names => match facts.map(|facts| facts.names.len()) {
                None if !has_evidence => Err(Refusal::NoRecording),
                None | Some(0) => Err(Refusal::NotSeen),
                Some(names) if names > MOST_NAMES => Err(Refusal::TooMany(names)),
                Some(_) if facts.is_some_and(Facts::has_ids) => Err(Refusal::Ids),
                Some(_) => Ok(()),
            },
        }
    }

    /// The decision, if the key alone is enough to make it.
    #[must_use]
    pub fn decision(self, item: &Item, facts: Option<&Facts>) -> Option<Decision> {
        let narrow = |rule: &Rule, to| Decision::Narrow { from: vec![rule.clone()], to };
        match (self, item) {
            (Self::Keep, Item::Rest) => Some(Decision::Confirm),
            (Self::Keep, _) => Some(Decision::Keep(item.subjects())),
            (Self::Deny, Item::Rule { .. } | Item::Group { .. } | Item::Unknown(_)) => {
                Some(Decision::Deny(item.subjects()))
            }
            (Self::Names, Item::Rule { rule, .. }) => {
                facts.map(|facts| narrow(rule, facts.exact(rule)))
            }
            _ => None,
        }
    }
}
