//! Bodies as they go on: plain, or in chunks of dsp's own.
//!
//! A client's chunks do not reach the engine as they were spelled, so that nothing hides in their
//! size lines.

use std::io::Write;

use super::headers::{Lines, Named};
use super::request::line;

/// Trailers that would be read into the head, where they mean something else (RFC 9110 section
/// 6.5.1).
const NO_TRAILERS: [&[u8]; 17] = [
    b"authorization",
    b"cache-control",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-range",
    b"content-type",
    b"expect",
    b"host",
    b"max-forwards",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"www-authenticate",
    b"x-registry-auth",
    b"x-registry-config",
];

/// Writes a chunk; none for no data, which would be the last one.
pub(super) fn chunk(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    let _ = write!(out, "{:X}\r\n", data.len());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Writes the end of a chunked body, with those trailers that were announced.
pub(super) fn last_chunk(trailers: &[u8], announced: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in Lines::new(trailers) {
        let is_forbidden = NO_TRAILERS.iter().any(|one| one.eq_ignore_ascii_case(name));
        if Named(announced).holds(name) && !is_forbidden {
            line(name, value, out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_pass_that_were_announced_and_say_nothing_of_the_head() {
        let mut out = Vec::new();
        chunk(b"", &mut out);
        chunk(b"0123456789abcdef", &mut out);
        let trailers = b"X-Sum: 1\r\nX-Other: 2\r\nContent-Length: 3\r\n\r\n";
        last_chunk(trailers, b"x-sum, Content-Length", &mut out);
        assert_eq!(out, b"10\r\n0123456789abcdef\r\n0\r\nX-Sum: 1\r\n\r\n");
    }
}
