//! Errors in a file, in this project's words and with their positions.

use std::ops::Range;

use serde_saphyr::Spanned;

use crate::text::{LineStarts, Position, printable};

/// A kind of file, as errors speak of it.
#[derive(Debug)]
pub struct FileKind {
    /// What one is called: "a profile".
    pub name: &'static str,
    /// What a certain one is called: "the profile".
    pub the_name: &'static str,
    /// What it consists of: "rules".
    pub parts: &'static str,
    /// How to join what appears twice.
    pub twice: &'static str,
    /// How to write a list.
    pub list: &'static str,
    /// How to get one.
    pub origin: &'static str,
    /// Its top-level keys.
    pub keys: &'static [&'static str],
    /// Its nested keys.
    pub keys_inside: &'static [&'static str],
    /// Keys that must be there, besides the version, each with an example.
    pub needed: &'static [(&'static str, &'static str)],
}

/// The least similarity between a key and the one that was probably meant.
const ALIKE: f64 = 0.8;

/// An error in a file.
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
pub(super) fn explain(text: &str, error: &serde_saphyr::Error, kind: &FileKind) -> Problem {
    let span = error.location().map_or(0..0, |location| bytes(text, location.span()));
    let mut message = error.to_string();
    if let Some(place) = message.rfind(" at line ") {
        message.truncate(place);
    }
    let (message, help) = match message.as_str() {
        found if found.starts_with("duplicate mapping key: ") => {
            let key = found.split([' ', ',']).nth(3).unwrap_or_default();
            (format!("the key \"{key}\" appears twice"), hint(kind.twice))
        }
        found if found.contains("Documents") => (
            "a second document starts here".to_owned(),
            Some(format!("{} is one document; put the second one into its own file", kind.name)),
        ),
        found if found.contains("Anchors") || found.contains("Aliases") => (
            format!("anchors and aliases are not allowed in {}", kind.name),
            hint("write the value out, so that reviewers see it where it applies"),
        ),
        found if found.contains("merge keys") => (
            format!("merge keys are not allowed in {}", kind.name),
            Some(format!(
                "write the {} out, so that reviewers see them where they apply",
                kind.parts
            )),
        ),
        found if found.starts_with("missing field `version`") => {
            (found.replace('`', "\""), Some(format!("{} starts with version: 1", kind.name)))
        }
        found if found.starts_with("missing field `") => {
            let key = found.split('`').nth(1).unwrap_or_default();
            let example = kind.needed.iter().find(|(needed, _)| *needed == key);
            let help = example.map(|(_, line)| format!("add a line such as {line}"));
            (found.replace('`', "\""), help)
        }
        "unexpected end of input" => {
            ("the file is empty".to_owned(), Some(format!("see {}", kind.origin)))
        }
        "expected mapping start" if at(text, span.clone(), String::new(), None).column > 1 => (
            "keys with values are expected here".to_owned(),
            hint("write each on a line of its own: key: value"),
        ),
        "expected mapping start" => (
            format!("{} starts with \"version: 1\"", kind.name),
            Some(format!("see {} to create one", kind.origin)),
        ),
        "expected sequence start" => ("a list is expected here".to_owned(), hint(kind.list)),
        found => match found.split('`').nth(1) {
            Some(key) if found.starts_with("unknown field") => {
                unknown_key(key, at(text, span.clone(), String::new(), None).column > 1, kind)
            }
            _ => (found.replace('`', "\""), None),
        },
    };
    at(text, span, printable(&message), help)
}

/// An unknown key, with the one that was probably meant.
fn unknown_key(key: &str, is_inside: bool, kind: &FileKind) -> (String, Option<String>) {
    let (known, message): (&[&str], _) = if is_inside {
        (kind.keys_inside, format!("there is no key \"{key}\" here"))
    } else {
        (kind.keys, format!("{} has no key \"{key}\"", kind.name))
    };
    let hint = match nearest(key, known) {
        Some(known) => Some(format!("did you mean {known}?")),
        None if is_inside => None,
        None => Some(format!("the keys of {} are {}", kind.name, kind.keys.join(", "))),
    };
    (message, hint)
}

/// The word of a list that was probably meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |known: &str| strsim::jaro_winkler(word, known);
    let nearest =
        known.iter().copied().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    nearest.filter(|known| likeness(known) > ALIKE)
}

/// A byte range. The library reports bytes for values, but only characters for syntax errors.
fn bytes(text: &str, span: serde_saphyr::Span) -> Range<usize> {
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
#[must_use]
pub fn at(text: &str, span: Range<usize>, message: String, hint: Option<String>) -> Problem {
    let Position { line, column } = LineStarts::of(text).position(text, span.start);
    Problem { message, hint, line, column, span }
}

/// A hint.
#[must_use]
pub fn hint(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The byte range of a value.
#[must_use]
pub fn span<T>(text: &str, value: &Spanned<T>) -> Range<usize> {
    bytes(text, value.defined.span())
}
