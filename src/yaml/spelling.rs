//! How texts are spelled in YAML.

use std::fmt::Write;

use crate::text::is_unsafe_at;

/// Quotes a text, which may contain any character, so that YAML reads it back unchanged. What is not safe
/// to show is escaped.
#[must_use]
pub fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (place, character) in text.char_indices() {
        let _ = match (character, u32::from(character)) {
            ('"' | '\\', _) => write!(quoted, "\\{character}"),
            _ if !is_unsafe_at(text, place, character) => write!(quoted, "{character}"),
            (_, code @ ..0x100) => write!(quoted, "\\x{code:02x}"),
            (_, code @ ..0x10000) => write!(quoted, "\\u{code:04x}"),
            (_, code) => write!(quoted, "\\U{code:08x}"),
        };
    }
    quoted + "\""
}

/// Quotes a name that YAML would read as a number or a boolean.
#[must_use]
pub fn quoted_if_needed(name: &str) -> String {
    let word = matches!(
        name.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null"
    );
    let number = name.starts_with(|first: char| first.is_ascii_digit());
    if word || number || name.is_empty() { format!("\"{name}\"") } else { name.to_owned() }
}

/// A value of a list as YAML spells it: plain if YAML reads it as the same text, else in quotes.
#[must_use]
pub fn value(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-=:@+,%".contains(&byte);
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'/';
    let is_safe = text.bytes().next().is_some_and(first)
        && text.bytes().all(is_plain)
        && !text.ends_with(':')
        && text.bytes().any(|byte| b"/.:=".contains(&byte) || byte.is_ascii_uppercase())
        || (text.len() > 5 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
            && !text.starts_with('-');
    if is_safe { text.to_owned() } else { double_quoted(text) }
}
