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

/// The characters of a host and its port.
const AUTHORITY: Bytes = Bytes::alphanumeric_and(b"-.:[]_");

/// What a target begins with that names a host.
const HTTP: &str = "http://";

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Length {
    /// In chunks.
    Chunked,
    /// By its number of bytes, which may be 0.
    Exactly(u64),
}

/// Finds the end of a head, looking again at no more than what could be part of it. A line ends in a
/// line feed, and a carriage return stands nowhere but before one.
pub(super) fn end(bytes: &[u8], seen: usize) -> Result<Option<usize>, Flaw> {
    // A CR that came last is looked at again with what follows it.
    let before = seen.checked_sub(1);
    let mut at = before.filter(|last| bytes.get(*last) == Some(&b'\r')).unwrap_or(seen);
    while let Some(place) = memchr2(b'\r', b'\n', bytes.get(at..).unwrap_or_default()) {
        let line_end = at + place;
        at = match (bytes.get(line_end), bytes.get(line_end + 1)) {
            (Some(b'\r'), Some(b'\n')) => line_end + 2,
            (Some(b'\r'), None) => break,
            (Some(b'\r'), Some(_)) => return Err(Flaw::BareLineBreak),
            _ => line_end + 1,
        };
        let before = line_end.checked_sub(1);
        if before.and_then(|before| bytes.get(before)) == Some(&b'\n') {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// What is wrong with the request line, as soon as all of it is there: nobody waits for the rest of
/// such a head.
pub(super) fn first_flaw(bytes: &[u8]) -> Option<(Flaw, bool)> {
    let end = memchr2(b'\r', b'\n', bytes)?;
    let (line, rest) = bytes.split_at_checked(end)?;
    if !matches!(rest, [b'\n', ..] | [b'\r', b'\n', ..]) {
        return None;
    }
    match request_line(line) {
        Err(flaw) => Some((flaw, false)),
        Ok((_, flaw)) => flaw.map(|flaw| (flaw, true)),
    }
}

/// Reads a whole head, whose last line is empty: how the body is delimited, and a flaw that leaves
/// that certain.
pub(super) fn read(head: &[u8]) -> Result<(Length, Option<Flaw>), Flaw> {
    let whole = head.strip_suffix(b"\n").map(without_return).unwrap_or_default();
    let whole = whole.strip_suffix(b"\n").map(without_return).unwrap_or_default();
    let mut lines = lines(whole);
    let (is_current, mut flaw) = request_line(lines.next().unwrap_or_default())?;
    let (mut lengths, mut encodings) = (SmallVec::<[_; 1]>::new(), SmallVec::<[_; 1]>::new());
    let (mut hosts, mut count) = (0, 0);
    for line in lines {
        count += 1;
        let (name, value) = header(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            lengths.push(value);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            encodings.push(value);
        } else if name.eq_ignore_ascii_case(b"host") {
            hosts += 1;
        }
    }
    if count > MOST_HEADERS {
        flaw.get_or_insert(Flaw::TooLong);
    }
    // HTTP/1.0 knew no Host.
    if hosts > 1 || (hosts == 0 && is_current) {
        flaw.get_or_insert(Flaw::Host);
    }
    let is_chunked = |encoding: &[u8]| is_current && encoding.eq_ignore_ascii_case(b"chunked");
    let length = match (lengths.as_slice(), encodings.as_slice()) {
        ([], []) => Length::Exactly(0),
        ([first, others @ ..], []) => {
            let length = number(first).ok_or(Flaw::Length)?;
            // The engine takes the same length twice (docs/engine-api.md#body-length).
            if others.iter().any(|other| other != first) {
                return Err(Flaw::Length);
            }
            if !others.is_empty() {
                flaw.get_or_insert(Flaw::Length);
            }
            Length::Exactly(length)
        }
        ([], [encoding]) if is_chunked(encoding) => Length::Chunked,
        ([], _) => return Err(Flaw::TransferEncoding),
        // It goes by the encoding then (docs/engine-api.md#transfer-encodings).
        ([_, ..], [encoding]) if is_chunked(encoding) => {
            flaw.get_or_insert(Flaw::LengthAndEncoding);
            Length::Chunked
        }
        ([_, ..], [_, ..]) => return Err(Flaw::LengthAndEncoding),
    };
    Ok((length, flaw))
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
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
        Some(without_return(line))
    })
}

/// Whether a request line is one of HTTP/1.1 or newer and not of HTTP/1.0, and what is wrong with it
/// although each of its words is certain.
fn request_line(line: &[u8]) -> Result<(bool, Option<Flaw>), Flaw> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Flaw::RequestLine);
    };
    let is_method = !method.is_empty() && method.iter().all(|byte| is_token(*byte));
    let is_target = !target.is_empty() && target.iter().all(u8::is_ascii_graphic);
    let (is_current, flaw) = match version {
        _ if !is_method || !is_target => return Err(Flaw::RequestLine),
        b"HTTP/1.0" => (false, None),
        b"HTTP/1.1" => (true, None),
        // The engine takes them for 1.1 (docs/engine-api.md#http-versions).
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'] => (true, Some(Flaw::Version)),
        other if other.starts_with(b"HTTP/") => return Err(Flaw::Version),
        _ => return Err(Flaw::RequestLine),
    };
    Ok((is_current, flaw.or_else(|| self::target(target).err())))
}

/// Holds that the target is of a path and a query, in characters that mean the same to everybody. A
/// host before them says nothing to an engine (docs/engine-api.md#host-header).
fn target(target: &[u8]) -> Result<(), Flaw> {
    let target = match target {
        [b'/', ..] => target,
        other => std::str::from_utf8(other).map_or(other, |text| origin_form(text).as_bytes()),
    };
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

/// The path and query of a target that names a host before them, as a client of an HTTP proxy spells
/// it: `http://host:port/path`. Everything else is as it was, also a host with a user's name or with
/// anything that two readers could end in different places.
pub(crate) fn origin_form(target: &str) -> &str {
    if target.starts_with('/') {
        return target;
    }
    let rest = match target.split_at_checked(HTTP.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(HTTP) => rest,
        _ => return target,
    };
    let end = rest.bytes().position(|byte| !AUTHORITY.has(byte)).unwrap_or(rest.len());
    match rest.split_at_checked(end) {
        Some((host, path)) if !host.is_empty() && path.starts_with('/') => path,
        _ => target,
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
