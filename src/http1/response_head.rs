//! The head of an answer: where the answer ends, and the form in which it is forwarded.

use http::StatusCode;
use smallvec::SmallVec;

use super::framing::Framing;
use super::header::Header;
use super::header::{Named, decimal, is_dropped, write_header};

/// The longest head of an answer in bytes.
const LONGEST: usize = 256 << 10;

/// The most header lines in an answer.
const MOST_HEADERS: usize = 128;

/// How the body of an answer is delimited (RFC 9112 section 6.3).
#[derive(Debug)]
pub(crate) enum Body {
    /// By its number of bytes, which may be 0.
    Length(u64),
    /// In chunks.
    Chunked(Framing),
    /// By the end of the connection.
    UntilEnd,
}

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct ResponseHead<'a, 'b> {
    pub(crate) status: StatusCode,
    /// The length of the head in bytes.
    pub(crate) length: usize,
    /// How the body is delimited.
    pub(crate) body: Body,
    /// Whether the server keeps the connection open after the answer.
    pub(crate) keeps: bool,
    reason: &'a str,
    headers: &'b [httparse::Header<'a>],
    connection: SmallVec<[Named<'a>; 1]>,
}

/// The form in which a head is sent to the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// An answer after which the connection no longer speaks HTTP.
    Raw,
    /// A 101 answer, with the headers of the switch.
    Switched,
    /// Any other answer.
    Answer {
        /// Whether the client speaks HTTP/1.0.
        is_old: bool,
        /// Whether the body is forwarded in chunks.
        is_chunked: bool,
        /// The value of `Connection` for the client.
        connection: Option<&'static str>,
        /// Whether the body has another length than the engine's.
        is_changed: bool,
    },
}

impl Form {
    /// The form of an interim answer.
    pub(crate) const INTERIM: Self =
        Self::Answer { is_old: false, is_chunked: false, connection: None, is_changed: false };

    fn is_chunked(self) -> bool {
        matches!(self, Self::Answer { is_chunked: true, .. })
    }
}

/// Why an answer cannot be forwarded.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum BadResponse {
    #[error("the engine gave an answer that is not HTTP")]
    NotHttp,
    #[error("the engine gave an answer whose head is too long")]
    TooLong,
    #[error("the engine gave an answer whose length is not clear")]
    Length,
    #[error("the engine switched protocols, which was not asked for")]
    Switched,
    #[error("the engine gave an answer that cannot be read, so nothing can be hidden in it")]
    Unread,
}

/// Room for the headers of an answer while it is read.
pub(crate) const ROOM: [httparse::Header<'static>; MOST_HEADERS] =
    [httparse::EMPTY_HEADER; MOST_HEADERS];

impl<'a, 'b> ResponseHead<'a, 'b> {
    /// Reads a head, if it is complete. `is_head` is set if it answers a HEAD request.
    pub(crate) fn read(
        bytes: &'a [u8],
        room: &'b mut [httparse::Header<'a>],
        is_head: bool,
    ) -> Result<Option<Self>, BadResponse> {
        let mut parsed = httparse::Response::new(room);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() <= LONGEST => return Ok(None),
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Err(BadResponse::TooLong);
            }
            Err(_) => return Err(BadResponse::NotHttp),
        };
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        let (Some(status), Some(version)) = (status, parsed.version) else {
            return Err(BadResponse::NotHttp);
        };
        let headers: &'b [httparse::Header<'a>] = parsed.headers;
        let reason = parsed.reason.unwrap_or_default();
        let connection = values(headers, "connection").map(Named).collect();
        let mut read = Self {
            status,
            length,
            body: Body::Length(0),
            keeps: true,
            reason,
            headers,
            connection,
        };
        if !is_head && !status.is_informational() && !matches!(status.as_u16(), 204 | 304) {
            read.body = read.framing()?;
        }
        let says = |word: &[u8]| read.connection.iter().any(|named| named.contains(word));
        let keeps = if version == 1 { !says(b"close") } else { says(b"keep-alive") };
        read.keeps = keeps && !matches!(read.body, Body::UntilEnd);
        Ok(Some(read))
    }

    /// Writes the head as it is sent to the client.
    pub(crate) fn write(&self, form: Form, out: &mut Vec<u8>) {
        out.reserve(self.length);
        let is_old = matches!(form, Form::Answer { is_old: true, .. });
        let version = if is_old { "HTTP/1.0 " } else { "HTTP/1.1 " };
        for part in [version, self.status.as_str(), " ", self.reason, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        let is_changed = matches!(form, Form::Answer { is_changed: true, .. });
        let mut takes_length = matches!(self.body, Body::Length(_)) && !is_changed;
        let mut has_encoding = false;
        for header in self.headers {
            let own = Header { name: header.name.as_bytes(), value: header.value };
            let is = |other: &str| header.name.eq_ignore_ascii_case(other);
            let stays = form == Form::Switched && (is("connection") || is("upgrade"))
                || form.is_chunked() && is("transfer-encoding");
            // A length means nothing alongside an encoding (RFC 9112 section 6.3), and a second one
            // could be read as another length (RFC 9110 section 8.6).
            let is_length = is("content-length");
            let is_void = is_length && !takes_length;
            takes_length &= !is_length;
            has_encoding |= form.is_chunked() && is("transfer-encoding");
            if stays || (!is_void && !is_dropped(own, &self.connection)) {
                write_header(own.name, own.value, out);
            }
        }
        if form.is_chunked() && !has_encoding {
            write_header(b"Transfer-Encoding", b"chunked", out);
        }
        if let Form::Answer { connection: Some(connection), .. } = form {
            write_header(b"Connection", connection.as_bytes(), out);
        }
        out.extend_from_slice(b"\r\n");
    }

    fn framing(&self) -> Result<Body, BadResponse> {
        let mut encodings = values(self.headers, "transfer-encoding");
        if let Some(encoding) = encodings.next() {
            // No engine uses any other encoding, and a client could not tell where the answer ends.
            let is_clear = encoding.eq_ignore_ascii_case(b"chunked") && encodings.next().is_none();
            return is_clear.then(|| Body::Chunked(Framing::chunked())).ok_or(BadResponse::Length);
        }
        let mut lengths = values(self.headers, "content-length");
        let Some(length) = lengths.next() else { return Ok(Body::UntilEnd) };
        if lengths.any(|other| other != length) {
            return Err(BadResponse::Length);
        }
        decimal(length).map(Body::Length).ok_or(BadResponse::Length)
    }

    /// The first value of a header.
    pub(crate) fn value(&self, name: &'static str) -> Option<&'a [u8]> {
        values(self.headers, name).next()
    }
}

fn values<'a>(
    headers: &[httparse::Header<'a>],
    name: &'static str,
) -> impl Iterator<Item = &'a [u8]> {
    let named = move |one: &&httparse::Header<'_>| one.name.eq_ignore_ascii_case(name);
    headers.iter().filter(named).map(|one| one.value)
}
