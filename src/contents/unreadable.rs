//! Why the contents of a request are not read.

use crate::text::printable;

/// What a value is expected to be that is in order, but cannot be in a rule.
pub(super) const NAMEABLE: &str = "a value that a rule can name";

/// The depth limit. The bodies of clients are at most some ten levels deep.
pub(super) const DEEPEST: usize = 32;

/// The limit on values in one body, so that a short text cannot become much memory.
pub(super) const MOST: usize = 10_000;

/// The length limit, in characters, for a key that a message repeats.
const LONGEST_TOLD: usize = 80;

/// Why contents are not read. The text is for the client and for the log.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unreadable {
    /// The body is not JSON, has more after the value, or has text that engines would repair.
    #[error("the body is not strict JSON")]
    Syntax,
    /// A key is in one object twice, or two keys differ only in their case.
    #[error("the body has the key \"{}\" twice", shown(.0))]
    Twice(String),
    /// A key has letters that only some engines take for the ones of a field.
    #[error("the body has the key \"{}\", which is not ASCII", shown(.0))]
    Letters(String),
    /// The engine may know a field that dsp does not.
    #[error("the body has the field \"{}\", which dsp does not know here", shown(.0))]
    Unknown(String),
    /// The value of a field has another type than the engine expects.
    #[error("the value of {} in the body is not {expected}", place(field))]
    Type {
        /// The path of the field; empty for the whole body.
        field: String,
        /// What it has to be, with its article.
        expected: &'static str,
    },
    /// The value of a field has the right type, but no engine takes it, or engines differ on it.
    #[error("the value of {} is not {expected}", place(field))]
    Value {
        /// The path of the field, or the name of the query parameter.
        field: String,
        /// What it has to be, with its article.
        expected: &'static str,
    },
    /// A query parameter is there twice.
    #[error("the query has the parameter \"{}\" twice", shown(.0))]
    Repeated(String),
    /// A query parameter that the operation does not have, or has in another case.
    #[error("the query has the parameter \"{}\", which dsp does not know here", shown(.0))]
    Parameter(String),
    /// The body has a number that is not a plain integer of 64 bits.
    #[error("the body has a number that is not a plain integer")]
    Number,
    /// The body is nested too deeply.
    #[error("the body has more than {DEEPEST} levels")]
    Deep,
    /// The body has too many values.
    #[error("the body has more than {MOST} values")]
    Many,
}

impl Unreadable {
    /// Whether the request may be fine, and only dsp does not know a part of it or cannot name it. A rule without
    /// contents allows it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Parameter(_))
            || matches!(self, Self::Value { expected, .. } if *expected == NAMEABLE)
    }
}

/// A key as messages repeat it.
fn shown(key: &str) -> String {
    let cut: String = key.chars().take(LONGEST_TOLD).collect();
    let dots = if cut.len() < key.len() { "…" } else { "" };
    format!("{}{dots}", printable(&cut))
}

/// The place of a value as messages name it.
fn place(field: &str) -> String {
    match field {
        "" => "the whole".to_owned(),
        field => format!("\"{}\"", shown(field)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_repeats_no_control_character_and_no_long_key() {
        let key = format!("\u{1b}\u{202e}{}", "k".repeat(1000));
        let message = Unreadable::Twice(key).to_string();
        assert!(!message.contains(['\u{1b}', '\u{202e}']) && message.len() < 200, "{message}");
    }
}
