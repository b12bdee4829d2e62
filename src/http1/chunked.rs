//! Chunked bodies (RFC 9112 section 7.1): reads them, and writes them in a single form.
//!
//! The engine never sees chunks as the client wrote them, so nothing can hide in the lines with their
//! sizes.

use std::io::Write;

use super::flaw::Flaw;
use super::header::Header;
use super::header::{Named, is_text, is_token, lines, write_header};

/// The maximum size of the trailers after a chunked body, in bytes.
pub(super) const LONGEST_TRAILERS: usize = 16 << 10;

/// Trailers that are not forwarded, because they have a meaning in the head (RFC 9110 section 6.5.1).
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

/// A position in a chunked body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chunks {
    /// In the line with a chunk's size: the size so far, and its number of digits.
    Size(u64, u8),
    /// At the line feed of that line.
    SizeEnd(u64),
    /// After the size in that line.
    Extension(u64),
    /// In a chunk with this many bytes left.
    Data(u64),
    /// At the line break after the data: whether its first byte has been seen.
    DataEnd(bool),
    /// In the trailers: the length of this line so far, the length of all lines, and whether this
    /// line's CR has been seen.
    Trailer { line: usize, all: usize, cr: bool },
}

impl Chunks {
    /// The start of a body.
    pub(super) const START: Self = Self::Size(0, 0);

    /// The position after one byte that is not data; `None` at the end of the body. A watcher accepts
    /// what engines accept: extensions, and lines that end in a line feed.
    pub(super) fn next(self, byte: u8, watches: bool) -> Result<Option<Self>, Flaw> {
        Ok(Some(match (self, byte) {
            (Self::Size(size, 1..), b'\r') => Self::SizeEnd(size),
            (Self::Size(size, 1..), b'\n') if watches => Self::after_size(size),
            (Self::Size(size, 1..), b';' | b' ' | b'\t') if watches => Self::Extension(size),
            // Fifteen digits are more than any body needs, and they cannot overflow.
            (Self::Size(size, digits @ 0..15), digit) => {
                let digit = char::from(digit).to_digit(16).ok_or(Flaw::Chunk)?;
                Self::Size(size * 16 + u64::from(digit), digits + 1)
            }
            (Self::SizeEnd(size) | Self::Extension(size), b'\n') => Self::after_size(size),
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::DataEnd(false), b'\r') => Self::DataEnd(true),
            (Self::DataEnd(true), b'\n') => Self::Size(0, 0),
            (Self::DataEnd(false), b'\n') if watches => Self::Size(0, 0),
            (Self::Trailer { line: 0, cr: true, .. }, b'\n') => return Ok(None),
            (Self::Trailer { line: 0, .. }, b'\n') if watches => return Ok(None),
            (Self::Trailer { all, cr: true, .. }, b'\n') => {
                Self::Trailer { line: 0, all, cr: false }
            }
            (Self::Trailer { all, .. }, b'\n') if watches => {
                Self::Trailer { line: 0, all, cr: false }
            }
            (Self::Trailer { line, all, cr: false }, b'\r') => {
                Self::Trailer { line, all, cr: true }
            }
            // A trailer that begins with a space would continue the previous one.
            (Self::Trailer { line, all: all @ 0..LONGEST_TRAILERS, cr: false }, byte)
                if is_text(byte) && (line > 0 || is_token(byte)) =>
            {
                Self::Trailer { line: line + 1, all: all + 1, cr: false }
            }
            _ => return Err(Flaw::Chunk),
        }))
    }

    /// The position after the line with a chunk's size.
    fn after_size(size: u64) -> Self {
        match size {
            0 => Self::Trailer { line: 0, all: 0, cr: false },
            size => Self::Data(size),
        }
    }
}

/// Writes a chunk. Empty data is skipped, because an empty chunk ends the body.
pub(crate) fn write_chunk(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    let _ = write!(out, "{:X}\r\n", data.len());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Writes the end of a chunked body, with the trailers that were announced. `trailers` are the lines as
/// received.
pub(crate) fn write_last_chunk(trailers: &[u8], announced: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    for Header { name, value } in lines(trailers).map_while(|line| Header::read(line).ok()) {
        let is_forbidden = NO_TRAILERS.iter().any(|one| one.eq_ignore_ascii_case(name));
        if Named(announced).contains(name) && !is_forbidden {
            write_header(name, value, out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_trailers_are_forwarded_unless_they_belong_in_the_head() {
        let mut out = Vec::new();
        write_chunk(b"", &mut out);
        write_chunk(b"0123456789abcdef", &mut out);
        let trailers = b"X-Sum: 1\r\nX-Other: 2\r\nContent-Length: 3\r\n\r\n";
        write_last_chunk(trailers, b"x-sum, Content-Length", &mut out);
        assert_eq!(out, b"10\r\n0123456789abcdef\r\n0\r\nX-Sum: 1\r\n\r\n");
    }
}
