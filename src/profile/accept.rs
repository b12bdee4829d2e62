//! The `accept` list: findings of `dsp check` that people have accepted.

use std::fmt;

use jiff::civil::Date;

use super::{CheckCode, Rule};
use crate::api::EngineKind;

/// A known finding that does not count, and the reason.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Acceptance {
    /// The code of the finding.
    pub code: CheckCode,
    /// If set, only findings about this subject; otherwise every finding with the code.
    pub rule: Option<Subject>,
    /// Why, for the next person who reads the profile.
    pub reason: String,
    /// The last day on which the entry counts.
    pub until: Option<Date>,
}

/// What a finding is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Subject {
    /// The requests that a rule can match.
    Rule(Rule),
    /// A request that no rule can match, as it is spelled.
    Text(String),
}

impl Acceptance {
    /// Whether the last day has passed.
    #[must_use]
    pub fn is_expired(&self, today: Date) -> bool {
        self.until.is_some_and(|last| last < today)
    }
}

impl Subject {
    /// Reads a rule where the text is one, and otherwise keeps the text.
    #[must_use]
    pub fn parse(engine: EngineKind, text: &str) -> Self {
        Rule::parse(engine, text).map_or_else(|_| Self::Text(text.to_owned()), Self::Rule)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(rule) => rule.fmt(formatter),
            Self::Text(text) => formatter.pad(text),
        }
    }
}
