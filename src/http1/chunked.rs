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

/// The maximum size of all extensions of a body together, in bytes, that a watcher accepts. Engines
/// limit each of them to 4 KiB, and some of them also their sum (docs/engine-api.md#chunks).
pub(super) const LONGEST_EXTENSIONS: usize = 4000;

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
    /// At the blanks after the size in that line.
    Blanks(u64),
    /// In the extension of that line.
    Extension(u64),
    /// In a chunk with this many bytes left.
    Data(u64),
    /// At the line break after the data: whether its first byte has been seen.
    DataEnd(bool),
    /// In the trailers: in which part of a line, and the length of all lines so far.
    Trailer(Line, usize),
}

/// A position in the line of a trailer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Line {
    Start,
    Name,
    Value,
    /// At the line feed: whether the line is empty.
    End {
        is_empty: bool,
    },
}

impl Chunks {
    /// The start of a body.
    pub(super) const START: Self = Self::Size(0, 0);

    /// The position after one byte that is not data; `None` at the end of the body. A watcher accepts
    /// more: what every engine reads in the same way (docs/engine-api.md#chunks).
    pub(super) fn next(self, byte: u8, watches: bool) -> Result<Option<Self>, Flaw> {
        Ok(Some(match (self, byte) {
            (Self::Trailer(line, all), byte) => return line.next(byte, all),
            (Self::Size(size, 1..) | Self::Blanks(size) | Self::Extension(size), b'\r') => {
                Self::SizeEnd(size)
            }
            (Self::Size(size, 1..), b';') if watches => Self::Extension(size),
            (Self::Size(size, 1..), b' ' | b'\t') if watches => Self::Blanks(size),
            // Fifteen digits are more than any body needs, and they cannot overflow.
            (Self::Size(size, digits @ 0..15), digit) => {
                let digit = char::from(digit).to_digit(16).ok_or(Flaw::Chunk)?;
                Self::Size(size * 16 + u64::from(digit), digits + 1)
            }
            (Self::Blanks(size), b' ' | b'\t') => Self::Blanks(size),
            (Self::Extension(size), byte) if is_text(byte) => Self::Extension(size),
            (Self::SizeEnd(0), b'\n') => Self::Trailer(Line::Start, 0),
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataEnd(false), b'\r') => Self::DataEnd(true),
            (Self::DataEnd(true), b'\n') => Self::Size(0, 0),
            _ => return Err(Flaw::Chunk),
        }))
    }
}

impl Line {
    /// The position after one byte, in trailers of this length so far; `None` at the end of the body.
    /// Unlike in a head, a line feed alone does not end a line: an engine waits until it has seen an
    /// empty line between two CRLF, and could find that in the next request.
    fn next(self, byte: u8, all: usize) -> Result<Option<Chunks>, Flaw> {
        let next = match (self, byte) {
            (Self::End { is_empty: true }, b'\n') => return Ok(None),
            (Self::End { is_empty: false }, b'\n') => Self::Start,
            (Self::Start, b'\r') => Self::End { is_empty: true },
            (Self::Value, b'\r') => Self::End { is_empty: false },
            (_, _) if all >= LONGEST_TRAILERS => return Err(Flaw::Chunk),
            // A line that begins with a space would continue the previous one, and one without a name
            // ends the trailers for some engines.
            (Self::Start | Self::Name, byte) if is_token(byte) => Self::Name,
            (Self::Name, b':') => Self::Value,
            (Self::Value, byte) if is_text(byte) => Self::Value,
            _ => return Err(Flaw::Chunk),
        };
        let is_break = matches!(byte, b'\r' | b'\n');
        Ok(Some(Chunks::Trailer(next, all + usize::from(!is_break))))
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
    use crate::http1::{Framing, Progress};

    /// Reads a chunked body, as a watcher does.
    fn watch(body: &str) -> (Result<Progress, Flaw>, bool) {
        let head = "POST /x HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut framing = Framing::watching();
        assert_eq!(framing.advance(head.as_bytes()), Ok(Progress::Head(head.len())));
        let end = framing.advance(body.as_bytes());
        (end, framing.has_odd_chunks())
    }

    #[test]
    fn a_watcher_accepts_what_every_engine_reads_in_the_same_way() {
        let long = "x".repeat(LONGEST_EXTENSIONS - 1);
        for body in [
            "5;x=\"y\"\r\nabcde\r\n0\r\n\r\n",
            "5 \t\r\nabcde\r\n0;y\r\n\r\n",
            "0;\r\nX: y\r\nZ:\r\n\r\n",
            &format!("0;{long}\r\n\r\n"),
        ] {
            assert_eq!(watch(body), (Ok(Progress::Ended(body.len())), true), "{body:?}");
        }
        for body in [
            "5\nabcde\r\n0\r\n\r\n",
            "5\r\nabcde\n0\r\n\r\n",
            "5;x\nabcde\r\n0\r\n\r\n",
            "5;x\ry\r\nabcde\r\n0\r\n\r\n",
            "5;x\0\r\nabcde\r\n0\r\n\r\n",
            "5 ;x\r\nabcde\r\n0\r\n\r\n",
            "5 5\r\nabcde\r\n0\r\n\r\n",
            "5\r\r\nabcde\r\n0\r\n\r\n",
            "5\r\nabcde\r\n0\n\r\n",
            "5\r\nabcde\r\n0\r\nX\r\nZ: z\r\n\r\n",
            "5\r\nabcde\r\n0\r\n\n",
            "5\r\nabcde\r\n0\r\nX: y\n\r\n",
            "5\r\nabcde\r\n0\r\nX: y\rz\r\n\r\n",
            &format!("1;{long}\r\na\r\n1;x\r\nb\r\n0\r\n\r\n"),
        ] {
            assert_eq!(watch(body).0, Err(Flaw::Chunk), "{body:?}");
        }
    }

    /// The limit is for one body.
    #[test]
    fn extensions_are_counted_again_for_each_body() {
        let head = "POST /x HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = format!("0;{}\r\n\r\n", "x".repeat(LONGEST_EXTENSIONS - 1));
        let mut framing = Framing::watching();
        for _ in 0..3 {
            assert_eq!(framing.advance(head.as_bytes()), Ok(Progress::Head(head.len())));
            assert_eq!(framing.advance(body.as_bytes()), Ok(Progress::Ended(body.len())));
        }
    }

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
