//! From findings to text that a person or a terminal can take.
//!
//! What a client, an engine or a file said is somebody else's text: it goes through
//! [`printable`] before it is shown.

mod finding;
mod fold;
mod format;
mod github;
mod json;
mod junit;
mod markdown;
mod sarif;
mod snippet;
mod text;

pub use finding::{Fact, Finding, Kind, Lines, Region, Report, Severity, Source, Verdict};
pub use fold::fold;
pub use format::Format;
pub use snippet::{Place, snippet};
pub use text::text;

/// Makes any text safe to show on one line of a terminal: control characters, which could move the
/// cursor or hide text, and characters that reorder text become escapes.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// A word as a shell reads it back.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Whether a character could move the cursor, hide text or reorder it.
fn is_unsafe(character: char) -> bool {
    let reorders = matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || reorders
}

/// `1 request`, `2 requests`.
#[must_use]
pub fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_raw() {
        assert_eq!(printable("web é"), "web é");
        assert_eq!(printable("\x1b[31m\n\u{202e}"), "\\u{1b}[31m\\u{a}\\u{202e}");
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!([count(1, "rule"), count(0, "rule")], ["1 rule", "0 rules"]);
    }
}
