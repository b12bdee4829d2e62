//! The head of a request, read strictly (RFC 9112 sections 2, 3, 5 and 6).

use memchr::{memchr, memchr2};
use smallvec::SmallVec;

use super::bytes::Bytes;
use super::flaw::Flaw;

/// The longest head in bytes, its last line break included. The docker CLI's longest, with the
/// credentials of many registries, stays below 32 KiB.
pub const LONGEST_HEAD: usize = 128 << 10;

/// How many header lines a head has at most.
pub const MOST_HEADERS: usize = 100;

/// The longest target in bytes. Filters of real programs have a few hundred.
pub const LONGEST_TARGET: usize = 65_534;

/// The characters of a token (RFC 9110 section 5.6.2).
const TOKEN: Bytes = Bytes::alphanumeric_and(b"!#$%&'*+-.^_`|~");

/// The characters of a path: those of URLs (RFC 3986 section 2), and some that everybody takes.
const PATH: Bytes = Bytes::alphanumeric_and(b"!$%&'()*+,-./:;=@[\\]^_{|}~");

/// The characters of a query, quotes among them: `curl` sends a filter as it was typed, and so do
/// programs that are made of it, such as autoheal. The engine takes them; they go on escaped.
const QUERY: Bytes = Bytes::alphanumeric_and(b"!\"$%&'()*+,-./:;=?@[\\]^_{|}~");

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Length {
    /// In chunks.
    Chunked,
    /// By its number of bytes, which may be 0.
    Exactly(u64),
}

/// Finds the end of a head, looking again at no more than what could be part of it.
pub(super) fn end(bytes: &[u8], seen: usize) -> Result<Option<usize>, Flaw> {
    // A CR that came last is looked at again with what follows it.
    let before = seen.checked_sub(1);
    let mut at = before.filter(|last| bytes.get(*last) == Some(&b'\r')).unwrap_or(seen);
    while let Some(place) = memchr2(b'\r', b'\n', bytes.get(at..).unwrap_or_default()) {
        at += place;
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'\r'), Some(b'\n')) => at += 2,
            (Some(b'\r'), None) => break,
            _ => return Err(Flaw::BareLineBreak),
        }
        let start = at.checked_sub(4);
        if start.and_then(|start| bytes.get(start..at)) == Some(b"\r\n\r\n") {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Reads a whole head: every line ends in CR LF, and the last one is empty.
pub(super) fn read(head: &[u8]) -> Result<Length, Flaw> {
    let mut lines = lines(head.strip_suffix(b"\r\n\r\n").unwrap_or_default());
    let is_current = request_line(lines.next().unwrap_or_default())?;
    let (mut lengths, mut encodings) = (SmallVec::<[_; 1]>::new(), SmallVec::<[_; 1]>::new());
    let mut hosts = 0;
    for (number, line) in lines.enumerate() {
        if number >= MOST_HEADERS {
            return Err(Flaw::TooLong);
        }
        let (name, value) = header(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            lengths.push(value);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            encodings.push(value);
        } else if name.eq_ignore_ascii_case(b"host") {
            hosts += 1;
        }
    }
    // HTTP/1.0 knew no Host.
    if hosts > 1 || (hosts == 0 && is_current) {
        return Err(Flaw::Host);
    }
    match (lengths.as_slice(), encodings.as_slice()) {
        ([], []) => Ok(Length::Exactly(0)),
        ([length], []) => number(length).map(Length::Exactly).ok_or(Flaw::Length),
        ([_, ..], []) => Err(Flaw::Length),
        ([], [encoding]) if is_current && encoding.eq_ignore_ascii_case(b"chunked") => {
            Ok(Length::Chunked)
        }
        ([], _) => Err(Flaw::TransferEncoding),
        ([_, ..], [_, ..]) => Err(Flaw::LengthAndEncoding),
    }
}

/// The lines of a head without their line breaks, of which the last line has none.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(head);
    std::iter::from_fn(move || {
        let text = rest?;
        let (line, behind) = match memchr(b'\n', text) {
            Some(end) => (text.get(..end)?, text.get(end + 1..)),
            None => (text, None),
        };
        rest = behind;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    })
}

/// Whether a request line is one of HTTP/1.1 and not of HTTP/1.0.
fn request_line(line: &[u8]) -> Result<bool, Flaw> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Flaw::RequestLine);
    };
    let is_method = !method.is_empty() && method.iter().all(|byte| is_token(*byte));
    let is_target = !target.is_empty() && target.iter().all(u8::is_ascii_graphic);
    match version {
        _ if !is_method || !is_target => Err(Flaw::RequestLine),
        b"HTTP/1.0" => self::target(target).map(|()| false),
        b"HTTP/1.1" => self::target(target).map(|()| true),
        other if other.starts_with(b"HTTP/") => Err(Flaw::Version),
        _ => Err(Flaw::RequestLine),
    }
}

/// Holds that the target is of a path and a query, in characters that mean the same to everybody.
fn target(target: &[u8]) -> Result<(), Flaw> {
    let end = target.iter().position(|byte| !PATH.has(*byte)).unwrap_or(target.len());
    let is_plain = match target.get(end..) {
        Some([b'?', query @ ..]) => query.iter().all(|byte| QUERY.has(*byte)),
        Some(rest) => rest.is_empty(),
        None => false,
    };
    match target {
        _ if target.first() != Some(&b'/') => Err(Flaw::Target),
        _ if !is_plain => Err(Flaw::TargetCharacter),
        _ if target.len() > LONGEST_TARGET => Err(Flaw::TooLong),
        _ => Ok(()),
    }
}

/// The name of a header, and its value without the blanks around it.
fn header(line: &[u8]) -> Result<(&[u8], &[u8]), Flaw> {
    if line.first().is_some_and(|first| b" \t".contains(first)) {
        return Err(Flaw::Folded);
    }
    let length = line.iter().position(|byte| !is_token(*byte)).ok_or(Flaw::HeaderName)?;
    let (name, value) = line.split_at_checked(length).ok_or(Flaw::HeaderName)?;
    let value = value.strip_prefix(b":").filter(|_| length > 0).ok_or(Flaw::HeaderName)?;
    // All of it is looked at, whatever is found, because many bytes are then looked at at once.
    if value.iter().fold(false, |is_bad, byte| is_bad | !is_text(*byte)) {
        return Err(Flaw::Control);
    }
    Ok((name, value.trim_ascii()))
}

/// A length as RFC 9110 section 8.6 has it, and no sign, list or other base.
fn number(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text).ok()?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// A character of a token (RFC 9110 section 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN.has(byte)
}

/// A character of a header's value: anything but control characters, the tab aside.
pub(super) fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_are_those_of_the_standards() {
        for byte in 0..=255u8 {
            let is_query = byte.is_ascii_graphic() && !b"#<>`".contains(&byte);
            assert_eq!(QUERY.has(byte), is_query, "{byte}");
            assert_eq!(PATH.has(byte), is_query && !b"\"?".contains(&byte), "{byte}");
            let is_token = byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte);
            assert_eq!(TOKEN.has(byte), is_token, "{byte}");
        }
    }
}
