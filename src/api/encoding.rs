//! Percent encoding (RFC 3986 section 2.1): decodes exactly once, and encodes in one spelling.

use percent_encoding::percent_encode_byte;

use crate::http1::ByteSet;

/// The bytes that are not escaped in the canonical spelling of a path segment: those that Go's
/// `url.URL` does not escape there, so that canonical paths look like those of the docker CLI.
const PLAIN: ByteSet = ByteSet::alphanumeric_and(b"-._~$&+,:;=@");

/// A `%` without two hexadecimal digits after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct BadEscape;

/// Whether a byte of a segment is not escaped in the canonical spelling.
pub(super) fn is_plain(byte: u8) -> bool {
    PLAIN.has(byte)
}

/// Decodes every escape of `text`, once.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, BadEscape> {
    let mut decoded = Vec::with_capacity(text.len());
    decode_each(text, |byte| byte, &mut decoded)?;
    Ok(decoded)
}

/// Decodes every escape in a part of a query, where a `+` is a space. Replaces the contents of
/// `decoded`.
pub(super) fn decode_query(text: &str, decoded: &mut Vec<u8>) -> Result<(), BadEscape> {
    decoded.clear();
    decode_each(text, |byte| if byte == b'+' { b' ' } else { byte }, decoded)
}

fn decode_each(
    text: &str,
    unescaped: impl Fn(u8) -> u8,
    decoded: &mut Vec<u8>,
) -> Result<(), BadEscape> {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(unescaped(byte));
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(BadEscape) };
        decoded.push(u8::try_from(high * 16 + low).map_err(|_| BadEscape)?);
    }
    Ok(())
}

/// Decodes a name as rules spell it; `None` for a bad escape or invalid UTF-8.
#[must_use]
pub fn decode_name(text: &str) -> Option<String> {
    decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Encodes one path segment, in its canonical spelling.
#[must_use]
pub fn encode_segment(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    encode(segment.as_bytes(), is_plain, &mut encoded);
    encoded
}

/// Appends bytes and escapes those that are not plain. Only ASCII may be plain.
pub(super) fn encode(bytes: &[u8], is_plain: impl Fn(u8) -> bool, encoded: &mut String) {
    for byte in bytes {
        if is_plain(*byte) {
            encoded.push(char::from(*byte));
        } else {
            encoded.push_str(percent_encode_byte(*byte));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(decode("a%2Fb%2f%252F"), Ok(b"a/b/%2F".to_vec()));
        for text in ["%", "%1", "%zz", "a%+1"] {
            assert_eq!(decode(text), Err(BadEscape), "{text}");
        }
    }

    #[test]
    fn a_segment_is_spelled_as_go_spells_it() {
        assert_eq!(encode_segment("a:b@c+d e/é\"*"), "a:b@c+d%20e%2F%C3%A9%22%2A");
        let plain = "-._~$&+,:;=@";
        assert_eq!(encode_segment(plain), plain);
    }
}
