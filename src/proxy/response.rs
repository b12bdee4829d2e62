//! The head of an engine's answer: where the answer ends, and the form in which it goes on.

use hyper::StatusCode;
use smallvec::SmallVec;

use super::headers::{Named, is_dropped};
use super::request::line;
use crate::api::Framing;

/// The longest head of an answer in bytes.
const LONGEST: usize = 256 << 10;

/// How many header lines an answer has at most.
const MOST_HEADERS: usize = 128;

/// The types of a hijacked connection's output.
const RAW: [&[u8]; 2] =
    [b"application/vnd.docker.raw-stream", b"application/vnd.docker.multiplexed-stream"];

/// How the body of an answer is delimited (RFC 9112 section 6.3).
#[derive(Debug)]
pub(super) enum Body {
    /// By its number of bytes, which may be 0.
    Length(u64),
    /// In chunks.
    Chunked(Framing),
    /// By the end of the connection.
    UntilEnd,
}

/// The head of an answer.
#[derive(Debug)]
pub(super) struct ResponseHead<'a, 'b> {
    pub(super) status: StatusCode,
    /// Its length in bytes.
    pub(super) length: usize,
    pub(super) body: Body,
    /// Whether the engine keeps the connection behind it.
    pub(super) keeps: bool,
    reason: &'a str,
    headers: &'b [httparse::Header<'a>],
    connection: SmallVec<[Named<'a>; 1]>,
}

/// The form in which a head goes to the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// Of an answer behind which the connection is HTTP no longer.
    Raw,
    /// Of a 101, with what belongs to the switch.
    Switched,
    /// Of an answer.
    Answer {
        /// Whether the client speaks HTTP/1.0.
        is_old: bool,
        /// Whether the body goes on in chunks.
        is_chunked: bool,
        /// What the client is told of its connection.
        connection: Option<&'static str>,
    },
}

impl Form {
    /// That of an interim answer.
    pub(super) const INTERIM: Self =
        Self::Answer { is_old: false, is_chunked: false, connection: None };

    fn is_chunked(self) -> bool {
        matches!(self, Self::Answer { is_chunked: true, .. })
    }
}

/// Why an answer cannot be passed on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum BadAnswer {
    #[error("the engine gave an answer that is no HTTP")]
    NotHttp,
    #[error("the engine gave an answer whose head is too long")]
    TooLong,
    #[error("the engine gave an answer whose length is not clear")]
    Length,
    #[error("the engine switched protocols, which was not asked for")]
    Switched,
}

/// Room for the headers of an answer while it is read.
pub(super) const ROOM: [httparse::Header<'static>; MOST_HEADERS] =
    [httparse::EMPTY_HEADER; MOST_HEADERS];

impl<'a, 'b> ResponseHead<'a, 'b> {
    /// Reads a head, if all of it is there; `is_head` when it answers a HEAD.
    pub(super) fn read(
        bytes: &'a [u8],
        room: &'b mut [httparse::Header<'a>],
        is_head: bool,
    ) -> Result<Option<Self>, BadAnswer> {
        let mut parsed = httparse::Response::new(room);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() <= LONGEST => return Ok(None),
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Err(BadAnswer::TooLong);
            }
            Err(_) => return Err(BadAnswer::NotHttp),
        };
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        let (Some(status), Some(version)) = (status, parsed.version) else {
            return Err(BadAnswer::NotHttp);
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
        let says = |word: &[u8]| read.connection.iter().any(|named| named.holds(word));
        let keeps = if version == 1 { !says(b"close") } else { says(b"keep-alive") };
        read.keeps = keeps && !matches!(read.body, Body::UntilEnd);
        Ok(Some(read))
    }

    /// Whether the engine has taken the connection over with a 200
    /// (docs/engine-api.md#switching-protocols): an answer of one of its stream types that has no
    /// end but that of the connection. Any other answer leaves the connection to HTTP, and what the
    /// client sends next is decided over.
    pub(super) fn is_raw(&self) -> bool {
        self.status == StatusCode::OK
            && matches!(self.body, Body::UntilEnd)
            && RAW.contains(&self.value("content-type").unwrap_or_default())
    }

    /// Whether the engine had no handler for the request. Handlers name the API version in every
    /// answer but a raw one to a failed hijack; "page not found" does not
    /// (docs/engine-api.md#denials), nor podman's "method not allowed".
    pub(super) fn is_unrouted(&self) -> bool {
        let kind = self.value("content-type").unwrap_or_default();
        matches!(self.status.as_u16(), 404 | 405)
            && self.value("api-version").is_none()
            && (kind.starts_with(b"application/json") || kind.starts_with(b"text/plain"))
    }

    /// Writes the head as it goes to the client.
    pub(super) fn write(&self, form: Form, out: &mut Vec<u8>) {
        let is_old = matches!(form, Form::Answer { is_old: true, .. });
        let version = if is_old { "HTTP/1.0 " } else { "HTTP/1.1 " };
        for part in [version, self.status.as_str(), " ", self.reason, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        let mut takes_length = matches!(self.body, Body::Length(_));
        let mut has_encoding = false;
        for header in self.headers {
            let name = header.name.as_bytes();
            let is = |other: &str| header.name.eq_ignore_ascii_case(other);
            let stays = form == Form::Switched && (is("connection") || is("upgrade"))
                || form.is_chunked() && is("transfer-encoding");
            // Beside an encoding a length says nothing (RFC 9112 section 6.3), and said once more it
            // may be taken for another (RFC 9110 section 8.6).
            let is_length = is("content-length");
            let is_void = is_length && !takes_length;
            takes_length &= !is_length;
            has_encoding |= form.is_chunked() && is("transfer-encoding");
            if stays || (!is_void && !is_dropped(name, header.value, &self.connection)) {
                line(name, header.value, out);
            }
        }
        if form.is_chunked() && !has_encoding {
            line(b"Transfer-Encoding", b"chunked", out);
        }
        if let Form::Answer { connection: Some(connection), .. } = form {
            line(b"Connection", connection.as_bytes(), out);
        }
        out.extend_from_slice(b"\r\n");
    }

    fn framing(&self) -> Result<Body, BadAnswer> {
        let mut encodings = values(self.headers, "transfer-encoding");
        if let Some(encoding) = encodings.next() {
            // No engine has another one, and passed on it would not say where the answer ends.
            let is_clear = encoding.eq_ignore_ascii_case(b"chunked") && encodings.next().is_none();
            return is_clear.then(|| Body::Chunked(Framing::chunked())).ok_or(BadAnswer::Length);
        }
        let mut lengths = values(self.headers, "content-length");
        let Some(length) = lengths.next() else { return Ok(Body::UntilEnd) };
        let is_plain = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
        if !is_plain || lengths.any(|other| other != length) {
            return Err(BadAnswer::Length);
        }
        let digits = std::str::from_utf8(length).map_err(|_| BadAnswer::Length)?;
        digits.parse().map(Body::Length).map_err(|_| BadAnswer::Length)
    }

    fn value(&self, name: &'static str) -> Option<&'a [u8]> {
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
