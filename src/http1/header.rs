//! Header lines: how one is read and written, and which headers concern a single connection (RFC 9110
//! section 7.6.1).

use memchr::memchr;

use super::byte_set::ByteSet;
use super::flaw::Flaw;

/// The characters of a token (RFC 9110 section 5.6.2).
const TOKEN: ByteSet = ByteSet::alphanumeric_and(b"!#$%&'*+-.^_`|~");

/// Headers that concern a single connection, whatever `Connection` says.
const HOP_BY_HOP: [&[u8]; 9] = [
    b"connection",
    b"http2-settings",
    b"keep-alive",
    b"proxy-connection",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"transfer-encoding",
    b"upgrade",
];

/// Headers that `Connection` cannot remove. They frame or identify a message, so without them the
/// engine would read it differently (docs/engine-api.md#connection-headers).
const KEPT: [&[u8]; 6] = [
    b"authorization",
    b"content-length",
    b"content-type",
    b"host",
    b"x-registry-auth",
    b"x-registry-config",
];

/// A comma-separated list of names, such as the value of `Connection`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a>(pub(super) &'a [u8]);

impl Named<'_> {
    /// Whether the list contains this name, which must be in lower case.
    pub(super) fn contains(self, name: &[u8]) -> bool {
        !self.0.is_empty()
            && self
                .0
                .split(|byte| *byte == b',')
                .any(|one| one.trim_ascii().eq_ignore_ascii_case(name))
    }
}

/// A header line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header<'a> {
    /// The name as received.
    pub name: &'a [u8],
    /// The value without surrounding whitespace.
    pub value: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads a line, without its line break.
    pub(super) fn read(line: &'a [u8]) -> Result<Self, Flaw> {
        if line.first().is_some_and(|first| b" \t".contains(first)) {
            return Err(Flaw::Folded);
        }
        let length = line.iter().position(|byte| !is_token(*byte)).ok_or(Flaw::HeaderName)?;
        let (name, value) = line.split_at_checked(length).ok_or(Flaw::HeaderName)?;
        let value = value.strip_prefix(b":").filter(|_| length > 0).ok_or(Flaw::HeaderName)?;
        // There is no early exit, so that the compiler can check many bytes at once.
        if value.iter().fold(false, |is_bad, byte| is_bad | !is_text(*byte)) {
            return Err(Flaw::Control);
        }
        Ok(Self { name, value: value.trim_ascii() })
    }
}

/// The lines of a text, without their line breaks. The last line of the text must not have one.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (line, more) = match memchr(b'\n', text) {
            Some(end) => (text.get(..end)?, text.get(end + 1..)),
            None => (text, None),
        };
        rest = more;
        Some(without_return(line))
    })
}

/// Removes a carriage return from the end of a line.
pub(super) fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Whether a header concerns a single connection: it is one of the usual ones, or `Connection` names
/// it. A message usually has at most one `Connection` header.
pub(super) fn is_dropped(header: Header<'_>, connection: &[Named<'_>]) -> bool {
    let Header { name, value } = header;
    let is_one_of = |names: &[&[u8]]| names.iter().any(|one| one.eq_ignore_ascii_case(name));
    // Trailers are forwarded, so the request for them is forwarded too.
    let wants_trailers =
        || name.eq_ignore_ascii_case(b"te") && value.eq_ignore_ascii_case(b"trailers");
    let is_named = || connection.iter().any(|named| named.contains(name)) && !is_one_of(&KEPT);
    (is_one_of(&HOP_BY_HOP) || is_named()) && !wants_trailers()
}

/// Reads a decimal length (RFC 9110 section 8.6), which has only digits: no sign, list or other base.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    let is_plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_plain)?.parse().ok()
}

/// Writes a header line.
pub(crate) fn write_header(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let colon: &[u8] = if value.is_empty() { b":" } else { b": " };
    for part in [name, colon, value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Whether a byte is a token character.
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN.has(byte)
}

/// Whether a byte may occur in a header value: anything except control characters other than tab.
pub(super) fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_those_of_the_standard() {
        for byte in 0..=255u8 {
            let expected = byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte);
            assert_eq!(is_token(byte), expected, "{byte}");
        }
    }

    #[test]
    fn what_connection_names_is_removed_unless_it_frames_or_identifies() {
        let head = b"Connection: Upgrade, X-Hop\r\nUpgrade: tcp\r\nX-Hop: 1\r\nHost: docker\r\n\
                     X-Kept: 1\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTe: gzip";
        let named = Named(b"Upgrade, X-Hop,host");
        let left: Vec<String> = lines(head)
            .map(|line| Header::read(line).unwrap())
            .filter(|header| !is_dropped(*header, &[named]))
            .map(|Header { name, value }| {
                String::from_utf8_lossy(&[name, b"=", value].concat()).into_owned()
            })
            .collect();
        assert_eq!(left, ["Host=docker", "X-Kept=1", "TE=trailers"]);
    }

    #[test]
    fn a_decimal_length_is_digits_and_fits() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for text in ["", "+1", "-0", "1 ", "0x1", "1,1", "1_0", "18446744073709551616", "\u{661}"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text:?}");
        }
    }
}
