//! What people accept of a check's findings: the list `accept`.

use std::fmt;

use jiff::civil::Date;

use super::{CheckCode, Rule};
use crate::api::EngineKind;

/// A finding that is known and does not count, with the reason for it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Acceptance {
    /// Which finding.
    pub code: CheckCode,
    /// Only findings about this; without it, every one of the code.
    pub rule: Option<Subject>,
    /// Why, for whoever reads the profile next.
    pub reason: String,
    /// The last day on which it counts.
    pub until: Option<Date>,
}

/// What a finding is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Subject {
    /// Requests that a rule can be about.
    Rule(Rule),
    /// A request that no rule is about, as it is spelled.
    Text(String),
}

impl Acceptance {
    /// Whether its last day has passed.
    #[must_use]
    pub fn is_expired(&self, today: Date) -> bool {
        self.until.is_some_and(|last| last < today)
    }
}

impl Subject {
    /// What a text is about.
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
