//! Errors in a profile, in this project's words and with their positions.

use std::ops::Range;

pub(super) use crate::text::printable;
use crate::text::{LineStarts, Position};

/// The top-level keys of a profile.
const KEYS: [&str; 9] =
    ["version", "name", "engine", "min_api", "allow", "deny", "unknown", "accept", "reviewed"];

/// The nested keys of a profile.
const KEYS_INSIDE: [&str; 14] = [
    "code", "rule", "reason", "until", "digest", "marks", "min_api", "deny", "root", "change",
    "secrets", "read", "info", "unknown",
];

/// The least similarity between a key and the one that was probably meant.
const ALIKE: f64 = 0.8;

/// An error in a profile.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The message: a lower-case fragment.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
    /// The byte range it concerns.
    pub span: Range<usize>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// Turns an error of the YAML library into one in this project's words, with a position.
pub(super) fn explain(text: &str, error: &serde_saphyr::Error) -> Problem {
    let span = error.location().map_or(0..0, |location| bytes(text, location.span()));
    let mut message = error.to_string();
    if let Some(place) = message.rfind(" at line ") {
        message.truncate(place);
    }
    let (message, help) = match message.as_str() {
        found if found.starts_with("duplicate mapping key: ") => {
            let key = found.split([' ', ',']).nth(3).unwrap_or_default();
            (format!("the key \"{key}\" appears twice"), hint("join the two lists"))
        }
        found if found.contains("Documents") => (
            "a second document starts here".to_owned(),
            hint("a profile is one document; put the second one into its own file"),
        ),
        found if found.contains("Anchors") || found.contains("Aliases") => (
            "anchors and aliases are not allowed in a profile".to_owned(),
            hint("write the value out, so that reviewers see it where it applies"),
        ),
        found if found.contains("merge keys") => (
            "merge keys are not allowed in a profile".to_owned(),
            hint("write the rules out, so that reviewers see them where they apply"),
        ),
        found if found.starts_with("missing field `version`") => {
            (found.replace('`', "\""), hint("a profile starts with version: 1"))
        }
        found if found.starts_with("missing field `name`") => {
            (found.replace('`', "\""), hint("add a line such as name: my-program"))
        }
        "unexpected end of input" => {
            ("the file is empty".to_owned(), hint("see dsp generate --help"))
        }
        "expected mapping start" => (
            "a profile starts with \"version: 1\"".to_owned(),
            hint("see dsp generate --help to create one"),
        ),
        "expected sequence start" => (
            "a list is expected here".to_owned(),
            hint("write one rule per line, each after \"- \""),
        ),
        found => match found.split('`').nth(1) {
            Some(key) if found.starts_with("unknown field") => {
                unknown_key(key, at(text, span.clone(), String::new(), None).column > 1)
            }
            _ => (found.replace('`', "\""), None),
        },
    };
    at(text, span, printable(&message), help)
}

/// An unknown key, with the one that was probably meant.
fn unknown_key(key: &str, is_inside: bool) -> (String, Option<String>) {
    let (known, message): (&[&str], _) = if is_inside {
        (&KEYS_INSIDE, format!("there is no key \"{key}\" here"))
    } else {
        (&KEYS, format!("a profile has no key \"{key}\""))
    };
    let hint = match nearest(key, known) {
        Some(known) => Some(format!("did you mean {known}?")),
        None if is_inside => None,
        None => Some(format!("the keys of a profile are {}", KEYS.join(", "))),
    };
    (message, hint)
}

/// The word of a list that was probably meant.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |known: &str| strsim::jaro_winkler(word, known);
    let nearest =
        known.iter().copied().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    nearest.filter(|known| likeness(known) > ALIKE)
}

/// A byte range. The library reports bytes for values, but only characters for syntax errors.
pub(super) fn bytes(text: &str, span: serde_saphyr::Span) -> Range<usize> {
    let byte = |known: Option<u64>, characters: u64| {
        let characters = usize::try_from(characters).unwrap_or(usize::MAX);
        known.and_then(|offset| usize::try_from(offset).ok()).unwrap_or_else(|| {
            text.char_indices().nth(characters).map_or(text.len(), |(offset, _)| offset)
        })
    };
    let known_end = span.byte_offset().zip(span.byte_len()).map(|(offset, len)| offset + len);
    let start = byte(span.byte_offset(), span.offset());
    start..byte(known_end, span.offset() + span.len()).max(start)
}

/// A problem at the position of its first byte.
pub(super) fn at(text: &str, span: Range<usize>, message: String, hint: Option<String>) -> Problem {
    let Position { line, column } = LineStarts::of(text).position(text, span.start);
    Problem { message, hint, line, column, span }
}

/// A hint.
pub(super) fn hint(text: &str) -> Option<String> {
    Some(text.to_owned())
}
