//! Regular expressions for paths, shared by all formats.
//!
//! They use only syntax that PCRE, PCRE2 and RE2 read alike, and escape every character that could
//! have a meaning in one of the configuration files.

use std::fmt::Write;

use super::grant::{Grant, Piece, Prefix, Shape};
use crate::api::ApiVersion;
use crate::profile::Pattern;

/// What a regular expression engine matches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unit {
    /// Bytes: PCRE without its UTF mode.
    Byte,
    /// Characters: RE2.
    Character,
}

/// A prefix that the engine reads as a version, as `api` does. For formats that check the version
/// separately.
pub(super) const ANY_VERSION: &str = "/v[0-9.]+";

/// A name that spans one or more non-empty segments.
const SEGMENTS: &str = "[^/]+(?:/[^/]+)*";

impl Shape {
    /// The paths of the shape, for a proxy that has already refused empty and dot segments. The
    /// expression has no anchors, and no `|` at its top level.
    pub(super) fn expression(&self, unit: Unit) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            text.push('/');
            match piece {
                Piece::Text(word) => text.push_str(&escaped(word, unit)),
                Piece::Version => text.push_str("v[0-9.]+"),
                Piece::One(Pattern::Any) => text.push_str("[^/]+"),
                Piece::Many(Pattern::Any) => text.push_str(SEGMENTS),
                Piece::One(Pattern::Exact(name)) | Piece::Many(Pattern::Exact(name)) => {
                    text.push_str(&escaped(name, unit));
                }
                // Left out before; no other proxy knows whose an object is. It matches nothing.
                Piece::One(Pattern::Own) | Piece::Many(Pattern::Own) => text.push_str(r"[^\s\S]"),
                Piece::One(Pattern::Glob(glob)) => {
                    let texts: Vec<String> =
                        glob.pieces().iter().map(|piece| escaped(piece, unit)).collect();
                    text.push_str(&texts.join("[^/]*"));
                }
                Piece::Many(Pattern::Glob(glob)) => {
                    let mut texts: Vec<String> =
                        glob.pieces().iter().map(|piece| escaped(piece, unit)).collect();
                    // A star at the end must not match a final slash.
                    let last = texts.pop().unwrap_or_default();
                    let end =
                        if last.is_empty() { "(?:.*[^/])?".into() } else { format!(".*{last}") };
                    let _ = write!(text, "{}{end}", texts.join(".*"));
                }
            }
        }
        if self.final_slash {
            text.push_str("/?");
        }
        text
    }
}

impl Shape {
    /// The canonical paths of the shape only, for a proxy that has not checked the path before.
    /// `None` if a plain expression cannot say that.
    pub(super) fn strict_expression(&self) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            text.push('/');
            match piece {
                Piece::Text(word) => text.push_str(&escaped(word, Unit::Character)),
                Piece::One(Pattern::Any) => text.push_str(SEGMENT),
                Piece::Many(Pattern::Any) => {
                    let _ = write!(text, "{SEGMENT}(?:/{SEGMENT})*");
                }
                Piece::One(pattern @ Pattern::Glob(glob))
                    if !pattern.matches(".") && !pattern.matches("..") =>
                {
                    let texts = glob.pieces().iter().map(|piece| escaped(piece, Unit::Character));
                    text.push_str(&texts.collect::<Vec<_>>().join(&format!("{ANY}*")));
                }
                _ => return None,
            }
        }
        if self.final_slash {
            text.push_str("/?");
        }
        Some(text)
    }
}

/// A character of a segment.
const ANY: &str = r"[^/%\\\p{Cc}]";

/// A segment that is neither `.` nor `..`.
const SEGMENT: &str = r"(?:[^/.%\\\p{Cc}]|\.[^/.%\\\p{Cc}]|\.\.[^/%\\\p{Cc}])[^/%\\\p{Cc}]*";

impl Prefix {
    /// An expression for the prefix, where `version` is an expression for a version.
    pub(super) fn expression(self, version: &str) -> String {
        match self {
            Self::None => String::new(),
            Self::Optional => format!("(?:{version})?"),
            Self::Required => version.to_owned(),
        }
    }
}

impl Grant {
    /// An anchored expression for the paths of `allow`, after any version.
    pub(super) fn allowed(&self, unit: Unit) -> String {
        self.anchored(&self.allow, unit)
    }

    /// An anchored expression for the paths of `except`, if there are any.
    pub(super) fn excepted(&self, unit: Unit) -> Option<String> {
        (!self.except.is_empty()).then(|| self.anchored(&self.except, unit))
    }

    fn anchored(&self, shapes: &[Shape], unit: Unit) -> String {
        let paths: Vec<String> = shapes.iter().map(|shape| shape.expression(unit)).collect();
        format!("^{}{}\\z", self.prefix.expression(ANY_VERSION), group(&paths))
    }
}

/// Joins alternatives, in a group if there are several.
pub(super) fn group(alternatives: &[String]) -> String {
    match alternatives {
        [one] => one.clone(),
        several => format!("(?:{})", several.join("|")),
    }
}

/// An expression for a version segment that is `min` or later, with the slash before it.
pub(super) fn allowed_version(min: ApiVersion) -> String {
    let any_minor = numbers_from(0);
    let mut versions = vec![format!("{}\\.{}", min.major(), numbers_from(min.minor()))];
    if min.major() < LARGEST {
        versions.push(format!("{}\\.{any_minor}", numbers_from(min.major() + 1)));
    }
    format!("/v(?:{})", versions.join("|"))
}

/// The largest number in a version.
const LARGEST: u16 = 999;

/// An expression for the numbers from `low` to [`LARGEST`] in decimal, without leading zeros.
fn numbers_from(low: u16) -> String {
    let digits = low.to_string();
    let mut alternatives = Vec::new();
    for (place, digit) in digits.char_indices().rev() {
        let before = digits.get(..place).unwrap_or_default();
        let free = digits.len() - place - 1;
        // The last digit may equal its own in `low`; an earlier one has to be higher, because the
        // digits after it are free.
        let lowest = if free == 0 { Some(digit) } else { higher(digit) };
        let any = "[0-9]".repeat(free);
        alternatives.extend(lowest.map(|lowest| match lowest {
            '9' => format!("{before}9{any}"),
            lowest => format!("{before}[{lowest}-9]{any}"),
        }));
    }
    for more in digits.len()..LARGEST.to_string().len() {
        alternatives.push(format!("[1-9]{}", "[0-9]".repeat(more)));
    }
    group(&alternatives)
}

fn higher(digit: char) -> Option<char> {
    (digit != '9').then(|| char::from_u32(u32::from(digit) + 1)).flatten()
}

/// Escapes a text so that it matches itself, wherever the file puts it.
pub(super) fn escaped(text: &str, unit: Unit) -> String {
    let mut spelled = String::new();
    for character in text.chars() {
        match (character, unit) {
            (plain, _) if plain.is_ascii_alphanumeric() || "-_/:@=,~".contains(plain) => {
                spelled.push(plain);
            }
            ('.', _) => spelled.push_str("\\."),
            (character, Unit::Character) if !character.is_ascii() => {
                let _ = write!(spelled, "\\x{{{:x}}}", u32::from(character));
            }
            (character, _) => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(spelled, "\\x{byte:02x}");
                }
            }
        }
    }
    spelled
}
