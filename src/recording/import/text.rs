//! Splitters for the text formats: quoted words, `key=value` fields, request lines.
//!
//! Quotes are matched from the front and never searched for from the back. The text between them
//! came from a client, and must not be mistaken for a part of the log.

use std::borrow::Cow;

use super::Unreadable;
use super::line::is_method;
use crate::api::encode_segment;

/// The longest time in bytes, including its zone. Without a bound, a line of nothing but opening brackets
/// would be searched again from each of them.
const LONGEST_TIME: usize = 40;

/// How the fields of a structured log line are written.
pub(super) enum Fields<'a> {
    /// One JSON object.
    Json(&'a str),
    /// `key=value`, with quotes where needed, as Go's loggers write it.
    Text(&'a str),
}

/// The fields of a line that begins with its time, after whatever syslog, journald or Compose put before
/// it.
pub(super) fn fields(line: &str) -> Option<Fields<'_>> {
    if is_without_time(line) {
        return Some(Fields::Text(line));
    }
    let text = line.find("time=");
    let json = line.find("{\"");
    match (text, json) {
        (Some(text), json) if json.is_none_or(|json| text < json) => {
            line.get(text..).map(Fields::Text)
        }
        (_, Some(json)) => line.get(json..).map(Fields::Json),
        _ => None,
    }
}

/// Whether a line begins with the fields that follow the time, because the time was cut off.
pub(super) fn is_without_time(line: &str) -> bool {
    ["level=", "msg="].into_iter().any(|field| line.starts_with(field))
}

/// The `key=value` fields of a text, in order. A word without `=` is a key without a value.
pub(super) fn pairs(text: &str) -> Result<Vec<(&str, String)>, Unreadable> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix('=') {
            Some(after) if after.starts_with('"') => quoted(after)?,
            Some(after) => {
                let (value, after) = after.split_once(' ').unwrap_or((after, ""));
                (value.to_owned(), after)
            }
            None => (String::new(), after),
        };
        pairs.push((key, value));
        rest = after.trim_start();
    }
    Ok(pairs)
}

/// The first value of a key.
pub(super) fn value<'a>(pairs: &'a [(&str, String)], wanted: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| *key == wanted).map(|(_, value)| value.as_str())
}

/// The text between the quote at the beginning of `text` and the matching one, with the escapes of Go and
/// nginx decoded, and the text that follows.
pub(super) fn quoted(text: &str) -> Result<(String, &str), Unreadable> {
    let mut characters = text.char_indices().skip(1);
    let mut bytes = Vec::new();
    let mut buffer = [0; 4];
    while let Some((place, character)) = characters.next() {
        let plain = match character {
            '"' => {
                let inside = String::from_utf8(bytes).map_err(|_| Unreadable::Text)?;
                return Ok((inside, text.get(place + 1..).unwrap_or_default()));
            }
            '\\' => {
                let (_, escape) = characters.next().ok_or(Unreadable::Unclosed)?;
                let mut number = |digits| hexadecimal(&mut characters, digits);
                match escape {
                    'x' => {
                        bytes.push(u8::try_from(number(2)?).map_err(|_| Unreadable::Escape)?);
                        continue;
                    }
                    'u' => char::from_u32(number(4)?).ok_or(Unreadable::Escape)?,
                    'U' => char::from_u32(number(8)?).ok_or(Unreadable::Escape)?,
                    'a' => '\x07',
                    'b' => '\x08',
                    'f' => '\x0c',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\x0b',
                    '"' | '\\' => escape,
                    _ => return Err(Unreadable::Escape),
                }
            }
            other => other,
        };
        bytes.extend_from_slice(plain.encode_utf8(&mut buffer).as_bytes());
    }
    Err(Unreadable::Unclosed)
}

/// A number with this many hexadecimal digits.
fn hexadecimal(
    characters: &mut impl Iterator<Item = (usize, char)>,
    digits: usize,
) -> Result<u32, Unreadable> {
    let mut number = 0_u32;
    for _ in 0..digits {
        let (_, character) = characters.next().ok_or(Unreadable::Unclosed)?;
        let digit = character.to_digit(16).ok_or(Unreadable::Escape)?;
        number = number.wrapping_mul(16).wrapping_add(digit);
    }
    Ok(number)
}

/// Method and target of a request line, `GET /path HTTP/1.1`. A target may contain spaces, although servers
/// should reject them, so the protocol is searched for at the end.
pub(super) fn request_line(line: &str) -> Option<(&str, &str)> {
    let (method, rest) = line.split_once(' ')?;
    let target = match rest.rsplit_once(' ') {
        Some((target, protocol)) if protocol.starts_with("HTTP/") => target,
        _ => rest,
    };
    (is_method(method) && !target.is_empty()).then_some((method, target))
}

/// A path that the program has decoded, encoded again.
pub(super) fn decoded_target(path: &str) -> String {
    let segments: Vec<String> = path.split('/').map(encode_segment).collect();
    segments.join("/")
}

/// The text before and after the time in brackets that nginx and HAProxy write, `[24/Nov/2026:20:00:00
/// +0000]`. Before it there are addresses and names, which contain no such time, or nothing.
pub(super) fn around_time(line: &str) -> Option<(&str, &str)> {
    let first = line.starts_with('[').then_some(0);
    let others = line.match_indices(" [").map(|(place, _)| place + 1);
    first.into_iter().chain(others).find_map(|place| {
        let time = line.get(place + 1..).filter(|time| is_time(time))?;
        let end = time.bytes().take(LONGEST_TIME).position(|byte| byte == b']')?;
        Some((line.get(..place)?, time.get(end + 1..)?))
    })
}

/// Whether a text can precede the time: addresses and names, at most this many words, and no quotes.
pub(super) fn is_before_time(text: &str, most: usize) -> bool {
    let quotes = ['"', '\'', '`', '{', '=', ','];
    !text.contains(quotes) && text.split_ascii_whitespace().count() <= most
}

/// Whether a text is a request line and nothing else.
pub(super) fn is_bare_request(text: &str) -> bool {
    let last = text.rsplit(' ').next().unwrap_or_default();
    let has_path = || request_line(text).is_some_and(|(_, path)| path.starts_with('/'));
    last.starts_with("HTTP/1.") && !text.contains('"') && has_path()
}

/// Whether a text begins with a request line in quotes.
pub(super) fn begins_with_request(text: &str) -> bool {
    text.starts_with('"') && quoted(text).is_ok_and(|(request, _)| is_bare_request(&request))
}

/// Matches `24/Nov/2026:20:00:00` and anything after it.
fn is_time(text: &str) -> bool {
    let shape = b"00/aaa/0000:00:00:00";
    let fits = |(byte, kind): (u8, &u8)| match kind {
        b'0' => byte.is_ascii_digit(),
        b'a' => byte.is_ascii_alphabetic(),
        _ => byte == *kind,
    };
    text.len() >= shape.len() && text.bytes().zip(shape).all(fits)
}

/// A line without the escape sequences with which programs colour their logs on a terminal.
pub(super) fn without_colours(line: &str) -> Cow<'_, str> {
    if !line.contains("\x1b[") {
        return Cow::Borrowed(line);
    }
    let mut plain = String::with_capacity(line.len());
    let mut parts = line.split("\x1b[");
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|character: char| !matches!(character, '0'..='9' | ';'));
        let after = end.and_then(|end| part.get(end..)).unwrap_or_default();
        plain.push_str(after.strip_prefix('m').unwrap_or(after));
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_end_where_the_program_ended_them() {
        let inside = |text| quoted(text).map(|(inside, rest)| format!("{inside}|{rest}"));
        assert_eq!(inside(r#""a b" c"#).unwrap(), "a b| c");
        assert_eq!(inside(r#""a\"b\\" c"#).unwrap(), "a\"b\\| c");
        assert_eq!(inside(r#""\x22\xC3\xA9\u00e9\U0001F600\n""#).unwrap(), "\"éé😀\n|");
        assert_eq!(inside(r#""a"#), Err(Unreadable::Unclosed));
        assert_eq!(inside(r#""a\"#), Err(Unreadable::Unclosed));
        assert_eq!(inside(r#""\q""#), Err(Unreadable::Escape));
        assert_eq!(inside(r#""\xé""#), Err(Unreadable::Escape));
        assert_eq!(inside(r#""\ud800""#), Err(Unreadable::Escape));
        assert_eq!(inside(r#""\xff""#), Err(Unreadable::Text));
    }

    #[test]
    fn fields_are_split_outside_quotes() {
        let found = pairs(r#"time=x msg="a b=c" empty= flag last="d""#).unwrap();
        let texts: Vec<String> =
            found.iter().map(|(key, value)| format!("{key}:{value}")).collect();
        assert_eq!(texts, ["time:x", "msg:a b=c", "empty:", "flag:", "last:d"]);
        assert_eq!(value(&found, "msg"), Some("a b=c"));
        assert_eq!(pairs("a=\"b"), Err(Unreadable::Unclosed));
    }

    #[test]
    fn request_lines_have_their_protocol_at_the_end() {
        assert_eq!(request_line("GET /a HTTP/1.1"), Some(("GET", "/a")));
        assert_eq!(request_line("GET /a b HTTP/1.1"), Some(("GET", "/a b")));
        assert_eq!(request_line("GET /a"), Some(("GET", "/a")));
        assert_eq!(request_line("GET "), None);
        assert_eq!(request_line("\x16\x03\x01"), None);
        assert_eq!(request_line("{} /a HTTP/1.1"), None);
    }

    #[test]
    fn times_are_recognised_by_their_shape() {
        let after_time = |line| around_time(line).map(|(_, after)| after);
        assert_eq!(after_time("[24/Nov/2026:20:00:00.123] b"), Some(" b"));
        assert_eq!(after_time("a [24/Nov/2026:20:00:00.123] b"), Some(" b"));
        assert_eq!(after_time("a [x] [24/Nov/2026:20:00:00 +0000] b"), Some(" b"));
        assert_eq!(after_time("a [24/11/2026:20:00:00] b"), None);
        assert_eq!(after_time("a [24/Nov"), None);
        assert_eq!(around_time(&" [24/Nov/2026:20:00:00".repeat(40_000)), None);
        assert_eq!(around_time(&" [".repeat(400_000)), None);
    }

    #[test]
    fn colours_are_taken_off() {
        assert_eq!(without_colours("a\x1b[35mDEBUG\x1b[0;1mb\x1b["), "aDEBUGb");
    }
}
