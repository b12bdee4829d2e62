//! Quotes around a whole line, and lines that were escaped or cut off.

use std::borrow::Cow;

use super::super::text;

/// The deepest nesting of a cut JSON text that is closed again. It is the limit of serde_json.
const DEEPEST: usize = 127;

/// The text inside the quotes of a shell, of JSON or of Go, if one such quote spans all of `text`.
pub(super) fn inside(text: &str) -> Option<Cow<'_, str>> {
    match text.chars().next()? {
        '"' => {
            let json = serde_json::from_str::<String>(text).ok();
            let go = || text::quoted(text).ok().filter(|(_, rest)| rest.is_empty());
            json.or_else(|| go().map(|(inside, _)| inside)).map(Cow::Owned)
        }
        '\'' => {
            let inside = text.strip_prefix('\'')?.strip_suffix('\'')?;
            Some(Cow::Owned(inside.replace("'\\''", "'").replace("'\"'\"'", "'")))
        }
        '`' => text.strip_prefix('`')?.strip_suffix('`').map(Cow::Borrowed),
        _ => None,
    }
}

/// A text in which every quote is escaped, without that escape. Such a text comes from a string of JSON, a
/// shell or a program that was not decoded.
pub(super) fn unescaped(text: &str) -> Option<String> {
    if !text.contains("\\\"") {
        return None;
    }
    let mut is_escaped = false;
    for byte in text.bytes() {
        match byte {
            b'"' if !is_escaped => return None,
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    Some(decode(text))
}

/// Removes one layer of escapes. Anything that is not an escape of that layer stays.
fn decode(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut characters = after.chars();
        let escape = characters.next();
        rest = characters.as_str();
        match escape {
            Some(quote @ ('"' | '\\' | '/')) => plain.push(quote),
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => plain.push('\r'),
            Some('u') => match point(rest) {
                Some((character, after)) => {
                    plain.push(character);
                    rest = after;
                }
                None => plain.push_str("\\u"),
            },
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain + rest
}

/// The character that four hexadecimal digits encode.
fn point(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = is_number.then(|| u32::from_str_radix(digits, 16).ok())??;
    Some((char::from_u32(number)?, rest))
}

/// The fields of a row of CSV that has a quoted field, if all of `text` is such a row.
pub(super) fn row(text: &str) -> Option<Vec<Cow<'_, str>>> {
    if !text.contains('"') || !text.contains(',') {
        return None;
    }
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let after = if let Some(inside) = rest.strip_prefix('"') {
            let end = end_of_field(inside)?;
            let (field, after) = inside.split_at_checked(end)?;
            fields.push(Cow::Owned(field.replace("\"\"", "\"")));
            after.get(1..)?
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (field, after) = rest.split_at_checked(end)?;
            if field.contains('"') {
                return None;
            }
            fields.push(Cow::Borrowed(field));
            after
        };
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return (fields.len() > 1).then_some(fields),
            None => return None,
        }
    }
}

/// The position of the quote that ends a field. Two quotes in a row encode one.
fn end_of_field(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    while let Some((place, byte)) = bytes.next() {
        if byte == b'"' {
            if text.as_bytes().get(place + 1) != Some(&b'"') {
                return Some(place);
            }
            bytes.next();
        }
    }
    None
}

/// A JSON text that was cut off, closed in each possible way, the likeliest first. The results only serve
/// to report what was lost.
pub(super) fn closed(text: &str) -> Vec<String> {
    let mut open = Vec::new();
    let (mut in_string, mut escape) = (false, None);
    for (place, byte) in text.bytes().enumerate() {
        // An escape has two bytes, or six with the digits of a character.
        if let Some(start) = escape {
            let is_long = text.as_bytes().get(start + 1) == Some(&b'u');
            if place == start + if is_long { 5 } else { 1 } {
                escape = None;
            }
            continue;
        }
        match (in_string, byte) {
            (true, b'\\') => escape = Some(place),
            (_, b'"') => in_string = !in_string,
            (false, b'{') => open.push('}'),
            (false, b'[') => open.push(']'),
            (false, b'}' | b']') => drop(open.pop()),
            _ => {}
        }
        if open.len() > DEEPEST {
            return Vec::new();
        }
    }
    let whole = text.get(..escape.unwrap_or(text.len())).unwrap_or(text);
    let is_of_word =
        |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
    let (whole, ends): (&str, &[&str]) = if in_string {
        (whole, &["\"", "\":null"])
    } else {
        let whole = whole.trim_end().trim_end_matches(is_of_word).trim_end();
        (whole.strip_suffix(',').unwrap_or(whole), &["", "null", ":null"])
    };
    let closing: String = open.iter().rev().collect();
    ends.iter().map(|end| format!("{whole}{end}{closing}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_quoted_line_is_read_whole_or_not_at_all() {
        let inside = |text| inside(text).map(Cow::into_owned);
        assert_eq!(inside(r#""a \"b\" \u00e9""#).as_deref(), Some("a \"b\" é"));
        assert_eq!(inside(r#""a \x22b\x22""#).as_deref(), Some("a \"b\""));
        assert_eq!(inside(r"'a '\''b'\'''").as_deref(), Some("a 'b'"));
        assert_eq!(inside("`a \"b\"`").as_deref(), Some("a \"b\""));
        assert_eq!(inside(r#""GET /info HTTP/1.1" 200"#), None);
        assert_eq!(inside("a"), None);
        assert_eq!(inside(""), None);
    }

    #[test]
    fn only_a_text_that_is_escaped_throughout_is_unescaped() {
        assert_eq!(
            unescaped(r#"a \"b\" \\\"c\\\" \x22"#).as_deref(),
            Some("a \"b\" \\\"c\\\" \\x22")
        );
        assert_eq!(unescaped(r#"msg=\"a\u0022\" \u12"#).as_deref(), Some("msg=\"a\"\" \\u12"));
        assert_eq!(unescaped(r#"a \"b\" "c""#), None);
        assert_eq!(unescaped(r#"a \\"b"#), None);
        assert_eq!(unescaped("a"), None);
    }

    #[test]
    fn a_row_is_read_as_spreadsheets_write_it() {
        let fields = row("2026,\"a \"\"b\"\", c\",,\"\"").unwrap();
        assert_eq!(fields, ["2026", "a \"b\", c", "", ""]);
        for line in ["a,b", "a, \"b\"", "\"a\"", "\"a\",\"b", "1.2.3.4 - - [x] \"GET /a,b\" 200"] {
            assert_eq!(row(line), None, "{line}");
        }
    }

    #[test]
    fn cut_json_is_closed_wherever_it_was_cut() {
        let whole = r#"{"a":[{"b":"c\"\u00e9\\","d":[1,-2.5e3,true,null]},"e"],"f":{"g":""}}"#;
        for cut in 1..whole.len() {
            let Some(text) = whole.get(..cut) else { continue };
            let closed = closed(text);
            let parsed = closed.iter().any(|text| serde_json::from_str::<Value>(text).is_ok());
            assert!(parsed, "{text}: {closed:?}");
        }
        assert_eq!(closed(&"[".repeat(1000)), Vec::<String>::new());
    }
}
