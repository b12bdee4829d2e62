//! What questions are about: a row of the overview.

use crate::api::{Operation, Risk};
use crate::profile::{Rule, UnknownOperation};

/// The highest risk of rules that are offered together, whatever their operation is.
const LOW: Risk = Risk::Read;

/// What one or more questions are about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Topic {
    /// The rules of one operation that have this risk.
    Operation(&'static Operation, Risk),
    /// The rules of one section of the API's documentation that only read.
    Section(&'static str),
    /// A request under `unknown`.
    Unknown(UnknownOperation),
    /// What has changed besides the rules.
    Rest,
}

impl Topic {
    /// The topic of a rule.
    #[must_use]
    pub fn of(rule: &Rule) -> Self {
        if is_low(rule) {
            Self::Section(rule.operation().section)
        } else {
            Self::Operation(rule.operation(), rule.risk())
        }
    }
}

/// Whether a rule only reads, and nothing that is secret.
#[must_use]
pub fn is_low(rule: &Rule) -> bool {
    rule.risk() <= LOW
}
