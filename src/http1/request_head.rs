//! The head of a request, read strictly and once (RFC 9112 sections 2, 3, 5 and 6), and the form in
//! which it is forwarded.

use std::borrow::Cow;

use memchr::memchr2;
use smallvec::SmallVec;

use super::flaw::Flaw;
use super::header::{
    Header, Named, decimal, is_dropped, is_token, lines, without_return, write_header,
};
use super::target;

/// The longest head in bytes, including its last line break. The longest heads of the docker CLI, with
/// credentials for many registries, stay below 32 KiB.
pub const LONGEST_HEAD: usize = 128 << 10;

/// The most header lines in a head.
pub const MOST_HEADERS: usize = 100;

/// The headers that ask for another form of an answer than its whole text.
const FORMS: &[u8] = b"accept-encoding, range, if-range";

/// The host in requests that dsp writes. The engine ignores the name.
const OWN_HOST: &[u8] = b"docker";

/// The headers that delimit a body.
const FRAMES: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"trailer"];

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Length {
    /// In chunks.
    Chunked,
    /// By its number of bytes, which may be 0.
    Exactly(u64),
}

/// A head that every reader understands in the same way. Only the reader in this module creates it.
#[derive(Debug)]
pub struct RequestHead<'a> {
    bytes: &'a [u8],
    method: &'a str,
    target: &'a str,
    is_old: bool,
    body: Length,
    flaw: Option<Flaw>,
    expects: bool,
    content_type: Option<Cow<'a, [u8]>>,
    upgrade: Option<Cow<'a, [u8]>>,
    trailer: Option<Cow<'a, [u8]>>,
    connection: Option<Cow<'a, [u8]>>,
    headers: SmallVec<[Header<'a>; 8]>,
}

/// The request line.
struct RequestLine<'a> {
    method: &'a str,
    target: &'a str,
    is_old: bool,
    /// A flaw that leaves each word certain.
    flaw: Option<Flaw>,
}

/// Finds the end of a head. The first `seen` bytes have been searched before and are not searched
/// again. A line ends in a line feed, and a carriage return occurs only before a line feed.
pub(super) fn end(bytes: &[u8], seen: usize) -> Result<Option<usize>, Flaw> {
    // A CR at the end is examined again together with the next byte.
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

/// The flaw of the request line, as soon as the whole line has arrived, so that a reader need not wait
/// for the rest of the head. A watcher accepts flaws that leave the end of the request certain.
pub(super) fn first_flaw(bytes: &[u8], watches: bool) -> Option<Flaw> {
    let end = memchr2(b'\r', b'\n', bytes)?;
    let (line, rest) = bytes.split_at_checked(end)?;
    if !matches!(rest, [b'\n', ..] | [b'\r', b'\n', ..]) {
        return None;
    }
    match RequestLine::read(line) {
        Err(flaw) => Some(flaw),
        Ok(line) => line.flaw.filter(|_| !watches),
    }
}

impl<'a> RequestHead<'a> {
    /// Reads a whole head, which ends in an empty line. A watcher accepts flaws that leave the end of
    /// the request certain.
    pub(super) fn read(bytes: &'a [u8], watches: bool) -> Result<Self, Flaw> {
        let whole = bytes.strip_suffix(b"\n").map(without_return).unwrap_or_default();
        let whole = whole.strip_suffix(b"\n").map(without_return).unwrap_or_default();
        let mut lines = lines(whole);
        let line = RequestLine::read(lines.next().unwrap_or_default())?;
        let RequestLine { method, target, is_old, mut flaw } = line;
        if let Some(flaw) = flaw.filter(|_| !watches) {
            return Err(flaw);
        }
        let mut head = Self {
            bytes,
            method,
            target,
            is_old,
            body: Length::Exactly(0),
            flaw: None,
            expects: false,
            content_type: None,
            upgrade: None,
            trailer: None,
            connection: None,
            headers: SmallVec::new(),
        };
        let (mut lengths, mut encodings) = (SmallVec::<[_; 1]>::new(), SmallVec::<[_; 1]>::new());
        let mut hosts = 0;
        for line in lines {
            let header = Header::read(line)?;
            head.headers.push(header);
            let Header { name, value } = header;
            let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
            match name.len() {
                4 if is(b"host") => hosts += 1,
                6 if is(b"expect") => head.expects |= value.eq_ignore_ascii_case(b"100-continue"),
                7 if is(b"trailer") => join(&mut head.trailer, value),
                7 if is(b"upgrade") => join(&mut head.upgrade, value),
                10 if is(b"connection") => join(&mut head.connection, value),
                12 if is(b"content-type") => join(&mut head.content_type, value),
                14 if is(b"content-length") => lengths.push(value),
                17 if is(b"transfer-encoding") => encodings.push(value),
                _ => {}
            }
        }
        if head.headers.len() > MOST_HEADERS {
            flaw.get_or_insert(Flaw::TooLong);
        }
        // HTTP/1.0 has no Host header.
        if hosts > 1 || (hosts == 0 && !is_old) {
            flaw.get_or_insert(Flaw::Host);
        }
        head.body = length(&lengths, &encodings, is_old, &mut flaw)?;
        head.flaw = flaw;
        flaw.filter(|_| !watches).map_or(Ok(head), Err)
    }

    /// The method as received.
    #[must_use]
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// The target as received.
    #[must_use]
    pub fn target(&self) -> &'a str {
        self.target
    }

    /// Whether the request uses HTTP/1.0, whose clients know neither chunks nor interim answers.
    #[must_use]
    pub fn is_old(&self) -> bool {
        self.is_old
    }

    /// How the body is delimited.
    #[must_use]
    pub fn body(&self) -> Length {
        self.body
    }

    /// Whether a body follows.
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.body != Length::Exactly(0)
    }

    /// The flaw in the head, if a watcher accepted the head despite it.
    #[must_use]
    pub fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    /// Whether the client waits to be asked for the body (RFC 9110 section 10.1.1).
    #[must_use]
    pub fn expects(&self) -> bool {
        self.expects
    }

    /// Whether the client wants the connection to end after the answer.
    #[must_use]
    pub fn closes(&self) -> bool {
        let named = self.named();
        named.contains(b"close") || (self.is_old && !named.contains(b"keep-alive"))
    }

    /// Whether the client asks for another protocol.
    #[must_use]
    pub fn has_upgrade(&self) -> bool {
        self.upgrade.is_some()
    }

    /// All values of `Content-Type`, so that a second value cannot go unnoticed.
    #[must_use]
    pub fn content_type(&self) -> Option<&[u8]> {
        self.content_type.as_deref()
    }

    /// The names of the trailers that the client announced.
    #[must_use]
    pub fn trailer(&self) -> &[u8] {
        self.trailer.as_deref().unwrap_or_default()
    }

    /// The client's name for itself: the first `User-Agent` that has only visible characters.
    #[must_use]
    pub fn agent(&self) -> Option<&'a str> {
        let named = |header: &&Header<'_>| header.name.eq_ignore_ascii_case(b"user-agent");
        self.headers.iter().filter(named).find_map(|header| visible(header.value))
    }

    /// The header lines, in order.
    #[must_use]
    pub fn headers(&self) -> &[Header<'a>] {
        &self.headers
    }

    /// How many bytes of memory the head takes.
    #[must_use]
    pub fn held(&self) -> usize {
        let headers = if self.headers.spilled() { self.headers.capacity() } else { 0 };
        self.bytes.len() + headers * size_of::<Header<'_>>()
    }

    /// Writes the head as it is sent to the engine, with this target. If `is_upgrade` is set, the
    /// headers of an upgrade stay in place. If `length` is given, a body of that length replaces the
    /// client's. If `is_read` is set, dsp has to read the answer, so nothing asks for another form of it.
    pub(crate) fn write(
        &self,
        target: &str,
        is_upgrade: bool,
        length: Option<usize>,
        is_read: bool,
        out: &mut Vec<u8>,
    ) {
        let both = [self.named(), Named(FORMS)];
        let [named, _] = both;
        let named = if is_read { &both } else { std::slice::from_ref(&named) };
        out.reserve(self.bytes.len() + target.len());
        for part in [self.method, " ", target, " HTTP/1.1\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        let (mut has_host, mut has_connection) = (false, false);
        let mut length = length.map(|length| length.to_string());
        let has_new_body = length.is_some();
        for header in &self.headers {
            let Header { name, value } = *header;
            let is_connection = name.eq_ignore_ascii_case(b"connection");
            if is_upgrade && is_connection {
                if !has_connection {
                    // This replaces everything that it named.
                    write_header(name, b"Upgrade", out);
                }
                has_connection = true;
            } else if name.eq_ignore_ascii_case(b"host") {
                has_host = true;
                write_header(name, OWN_HOST, out);
            } else if has_new_body && name.eq_ignore_ascii_case(b"expect") {
                // The body is complete, so nobody waits for a 100.
            } else if has_new_body && frames(name) {
                if let Some(length) = length.take() {
                    write_header(b"Content-Length", length.as_bytes(), out);
                }
            } else if !is_dropped(*header, named)
                || is_upgrade && name.eq_ignore_ascii_case(b"upgrade")
                // The head is valid, so this is its only transfer coding.
                || name.eq_ignore_ascii_case(b"transfer-encoding")
            {
                write_header(name, value, out);
            }
        }
        if !has_host {
            write_header(b"Host", OWN_HOST, out);
        }
        if is_upgrade && !has_connection {
            write_header(b"Connection", b"Upgrade", out);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Writes the head byte for byte as received. If `length` is given, a body of that length replaces
    /// the client's.
    pub(crate) fn copy(&self, length: Option<usize>, out: &mut Vec<u8>) {
        let Some(length) = length else {
            out.extend_from_slice(self.bytes);
            return;
        };
        let mut length = Some(length.to_string());
        let mut lines = self.bytes.split_inclusive(|byte| *byte == b'\n');
        out.extend_from_slice(lines.next().unwrap_or_default());
        let names = self.headers.iter().map(|header| header.name).chain([b"".as_slice()]);
        for (line, name) in lines.zip(names) {
            if !frames(name) {
                out.extend_from_slice(line);
            } else if let Some(length) = length.take() {
                write_header(b"Content-Length", length.as_bytes(), out);
            }
        }
    }

    /// The names in `Connection`.
    fn named(&self) -> Named<'_> {
        Named(self.connection.as_deref().unwrap_or_default())
    }
}

impl<'a> RequestLine<'a> {
    fn read(line: &'a [u8]) -> Result<Self, Flaw> {
        let (method, rest) = split_at_blank(line, line.iter().position(is_blank))?;
        // A space in the target is found when its characters are checked.
        let (target, version) = split_at_blank(rest, rest.iter().rposition(is_blank))?;
        let flaw = target::check(target).err();
        // A target that passes the check has only visible characters.
        let is_target =
            flaw.is_none() || (!target.is_empty() && target.iter().all(u8::is_ascii_graphic));
        let is_method = !method.is_empty() && method.iter().all(|byte| is_token(*byte));
        if !is_method || !is_target {
            return Err(Flaw::RequestLine);
        }
        let (is_old, flaw) = match version {
            b"HTTP/1.0" => (true, flaw),
            b"HTTP/1.1" => (false, flaw),
            // The engine treats them as 1.1 (docs/engine-api.md#http-versions).
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'] => (false, Some(Flaw::Version)),
            other if other.starts_with(b"HTTP/") => return Err(Flaw::Version),
            _ => return Err(Flaw::RequestLine),
        };
        let text = |word| std::str::from_utf8(word).map_err(|_| Flaw::RequestLine);
        Ok(Self { method: text(method)?, target: text(target)?, is_old, flaw })
    }
}

/// The text before and after the space at this position.
fn split_at_blank(line: &[u8], place: Option<usize>) -> Result<(&[u8], &[u8]), Flaw> {
    let (before, rest) = place.and_then(|at| line.split_at_checked(at)).ok_or(Flaw::RequestLine)?;
    Ok((before, rest.get(1..).unwrap_or_default()))
}

fn is_blank(byte: &u8) -> bool {
    *byte == b' '
}

/// How these values of `Content-Length` and `Transfer-Encoding` delimit a body.
fn length(
    lengths: &[&[u8]],
    encodings: &[&[u8]],
    is_old: bool,
    flaw: &mut Option<Flaw>,
) -> Result<Length, Flaw> {
    let is_chunked = |encoding: &[u8]| !is_old && encoding.eq_ignore_ascii_case(b"chunked");
    match (lengths, encodings) {
        ([], []) => Ok(Length::Exactly(0)),
        ([first, others @ ..], []) => {
            let length = decimal(first).ok_or(Flaw::Length)?;
            // The engine accepts the same length twice (docs/engine-api.md#body-length).
            if others.iter().any(|other| other != first) {
                return Err(Flaw::Length);
            }
            if !others.is_empty() {
                flaw.get_or_insert(Flaw::Length);
            }
            Ok(Length::Exactly(length))
        }
        ([], [encoding]) if is_chunked(encoding) => Ok(Length::Chunked),
        ([], _) => Err(Flaw::TransferEncoding),
        // The engine ignores the length in this case (docs/engine-api.md#transfer-encodings).
        ([_, ..], [encoding]) if is_chunked(encoding) => {
            flaw.get_or_insert(Flaw::LengthAndEncoding);
            Ok(Length::Chunked)
        }
        ([_, ..], [_, ..]) => Err(Flaw::LengthAndEncoding),
    }
}

/// Whether a header delimits the body.
fn frames(name: &[u8]) -> bool {
    FRAMES.iter().any(|frame| name.eq_ignore_ascii_case(frame))
}

/// Appends a value to the earlier values of a header, separated by a comma.
fn join<'a>(known: &mut Option<Cow<'a, [u8]>>, value: &'a [u8]) {
    match known {
        None => *known = Some(Cow::Borrowed(value)),
        Some(values) => {
            let values = values.to_mut();
            values.push(b',');
            values.extend_from_slice(value);
        }
    }
}

/// A value as text, if it has only visible characters.
fn visible(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    text.bytes().all(|byte| (b' '..0x7f).contains(&byte) || byte == b'\t').then_some(text)
}
