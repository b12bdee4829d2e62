//! What a person decides on a profile.

use std::fmt;

use crate::contents::Facet;
use crate::profile::{Rule, UnknownOperation, ValuePattern};

/// What a decision is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Subject {
    /// A rule under `allow`.
    Rule(Rule),
    /// A request under `unknown`.
    Unknown(UnknownOperation),
}

/// A decision of the user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// These are kept, and accepted with the risk that they have today.
    Keep(Vec<Subject>),
    /// Rules move from `allow` to `deny`, with everything that they cover. Unknown requests are
    /// removed.
    Deny(Vec<Subject>),
    /// Rules under `allow` are replaced by narrower ones, which are accepted.
    Narrow {
        /// The rules to replace.
        from: Vec<Rule>,
        /// The narrower rules.
        to: Vec<Rule>,
    },
    /// What a rule under `allow` allows requests to contain changes. Nothing is accepted by it.
    Contents {
        /// The rule, which has contents.
        rule: Rule,
        /// How they change.
        edit: ContentEdit,
    },
    /// Requests that contain something are denied, whatever `allow` says.
    DenyContents(Rule),
    /// A comment replaces the existing one. An empty comment removes it.
    Note {
        /// The rule or request that it is for.
        subject: Subject,
        /// The comment.
        text: String,
    },
    /// Everything else that has changed since the review is accepted: `deny`, `min_api`, `engine` and
    /// the list of what was accepted.
    Confirm,
}

/// A change of what a rule allows requests to contain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ContentEdit {
    /// A value is no longer allowed.
    Remove(ValuePattern),
    /// A value is no longer allowed, and `deny` says so.
    Deny(ValuePattern),
    /// A narrower value takes the place of another one.
    Replace {
        /// The old value.
        from: ValuePattern,
        /// The new one.
        to: ValuePattern,
    },
    /// This is the only value of its facet.
    Only(ValuePattern),
    /// Every value of a facet is allowed.
    Open(Facet),
    /// Only harmless values of a facet are allowed.
    Close(Facet),
}

/// Why a decision cannot be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DraftError {
    /// It refers to something that is not in the profile.
    #[error("{0} is not in the profile")]
    NotThere(String),
    /// A new rule is not narrower.
    #[error("{0} is not narrower than the rule that it would replace")]
    NotNarrower(String),
    /// The list is not written with one entry per line.
    #[error("the list {0}: does not have one rule per line, so it has to be edited by hand")]
    NotALine(&'static str),
    /// The edited text would mean something else.
    #[error("the edited profile would not mean what was decided, so nothing was changed")]
    Unfaithful,
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(rule) => rule.fmt(formatter),
            Self::Unknown(unknown) => unknown.fmt(formatter),
        }
    }
}
