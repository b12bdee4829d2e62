//! What a rule hides in answers, as a profile spells it: `hide: [environment]`.

use super::Constraints;
use crate::answers::{Answer, Hidden, Kind};
use crate::api::Operation;
use crate::contents::{Facet, Schema};
use crate::yaml::{double_quoted, nearest};

/// The key under which a rule says what its answers hide, next to the facets of its contents.
pub(super) const HIDE: &str = "hide";

/// Why a rule cannot hide something.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HideError {
    /// There is no such kind.
    #[error("\"{0}\" is not something that answers can hide")]
    Unknown(String),
    /// The answers have nothing of this kind.
    #[error("dsp knows no {kind} in the answers to {operation}")]
    NotThere {
        /// The kind.
        kind: Kind,
        /// The operation.
        operation: String,
        /// What they have.
        known: Hidden,
    },
    /// It names nothing.
    #[error("{HIDE} names nothing")]
    Empty {
        /// What the answers have.
        known: Hidden,
    },
}

impl HideError {
    /// What to write instead.
    pub(super) fn hint(&self) -> String {
        let words = |known: &Hidden| {
            let words: Vec<&str> = known.iter().map(Kind::as_str).collect();
            words.join(", or ")
        };
        match self {
            Self::Unknown(word) => {
                let all: Vec<&str> = Kind::ALL.map(Kind::as_str).to_vec();
                match nearest(word, &all) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("write {}", all.join(", or ")),
                }
            }
            Self::NotThere { operation, known, .. } if known.is_empty() => {
                format!("write it without {HIDE}: - {operation}")
            }
            Self::NotThere { known, .. } => format!("they have {}", words(known)),
            Self::Empty { known } if known.is_empty() => format!("leave {HIDE} out"),
            Self::Empty { known } => format!("write {}, or leave {HIDE} out", words(known)),
        }
    }
}

/// The kind that a word says, if the answers to an operation have it.
pub(super) fn kind(operation: &Operation, word: &str) -> Result<Kind, HideError> {
    let kind: Kind = word.parse().map_err(|()| HideError::Unknown(word.to_owned()))?;
    let known = Answer::kinds_of(operation);
    match known.has(kind) {
        true => Ok(kind),
        false => Err(HideError::NotThere { kind, operation: operation.to_string(), known }),
    }
}

/// What a rule says besides its operation and its names, on one line: `{image: ["a:1"], hide:
/// ["environment"]}`. `None` if it says nothing.
pub(super) fn terms(
    operation: &Operation,
    contents: Option<&Constraints>,
    hidden: Hidden,
) -> Option<String> {
    let closed = closed(operation, contents, hidden);
    let contents = contents.map(ToString::to_string);
    if hidden.is_empty() {
        return contents;
    }
    let kinds: Vec<String> = hidden.iter().map(|kind| double_quoted(kind.as_str())).collect();
    let hide = format!("{HIDE}: [{}]", kinds.join(", "));
    let contents = contents.map(|contents| match closed {
        Some(facet) => format!("{facet}: []"),
        None => contents.trim_matches(['{', '}']).to_owned(),
    });
    Some(match contents {
        Some(contents) => format!("{{{contents}, {hide}}}"),
        None => format!("{{{hide}}}"),
    })
}

/// The facet that has to be named for a rule that hides something and allows only harmless contents:
/// a mapping that only hides allows any contents.
pub(super) fn closed(
    operation: &Operation,
    contents: Option<&Constraints>,
    hidden: Hidden,
) -> Option<Facet> {
    if hidden.is_empty() || !contents?.is_empty() {
        return None;
    }
    Schema::in_rules(operation)?.facets().first().copied()
}
