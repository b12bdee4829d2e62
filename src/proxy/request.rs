//! The head of a request: what a decision needs of it, and the form in which it goes on.

use std::borrow::Cow;

use super::headers::{Lines, Named, is_dropped};
use crate::policy::Permit;

/// A head that is in order, as `api::framing` says.
#[derive(Debug)]
pub(super) struct RequestHead<'a> {
    /// The method as received.
    pub(super) method: &'a str,
    /// The target as received.
    pub(super) target: &'a str,
    /// Whether it is of HTTP/1.0, whose clients know neither chunks nor interim answers.
    pub(super) is_old: bool,
    /// All values of `Content-Type`, so that a second one cannot hide behind the first.
    pub(super) content_type: Option<Cow<'a, [u8]>>,
    /// All values of `Upgrade`.
    pub(super) upgrade: Option<Cow<'a, [u8]>>,
    /// The client's own name for itself.
    pub(super) agent: Option<&'a str>,
    /// Whether the client waits to be asked for the body (RFC 9110 section 10.1.1).
    pub(super) expects: bool,
    /// Whether the client wants the connection to end behind the answer.
    pub(super) closes: bool,
    /// The trailers that are announced.
    pub(super) trailer: Option<Cow<'a, [u8]>>,
    connection: Option<Cow<'a, [u8]>>,
    line: &'a [u8],
    /// What stands behind the first line.
    pub(super) lines: &'a [u8],
}

impl<'a> RequestHead<'a> {
    /// Reads a head that is in order; anything else is none.
    pub(super) fn read(head: &'a [u8]) -> Option<Self> {
        let end = head.iter().position(|byte| *byte == b'\n')?;
        let (line, lines) = head.split_at_checked(end + 1)?;
        let mut words = std::str::from_utf8(line).ok()?.trim_ascii_end().split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        let mut read = Self {
            method,
            target,
            is_old: version == "HTTP/1.0",
            content_type: None,
            upgrade: None,
            agent: None,
            expects: false,
            closes: false,
            trailer: None,
            connection: None,
            line,
            lines,
        };
        for (name, value) in Lines::new(lines) {
            match name.len() {
                6 if name.eq_ignore_ascii_case(b"expect") => {
                    read.expects |= value.eq_ignore_ascii_case(b"100-continue");
                }
                7 if name.eq_ignore_ascii_case(b"trailer") => join(&mut read.trailer, value),
                7 if name.eq_ignore_ascii_case(b"upgrade") => join(&mut read.upgrade, value),
                10 if name.eq_ignore_ascii_case(b"connection") => join(&mut read.connection, value),
                10 if name.eq_ignore_ascii_case(b"user-agent") => {
                    read.agent = read.agent.or_else(|| agent(value));
                }
                12 if name.eq_ignore_ascii_case(b"content-type") => {
                    join(&mut read.content_type, value);
                }
                _ => {}
            }
        }
        let named = Named(read.connection.as_deref().unwrap_or_default());
        read.closes = named.holds(b"close") || (read.is_old && !named.holds(b"keep-alive"));
        Some(read)
    }

    /// How many bytes it has, without its first line.
    pub(super) fn length(&self) -> usize {
        self.target.len() + self.lines.len()
    }

    /// Writes the head as it goes to the engine. With `is_upgrade`, what belongs to an upgrade stays
    /// in its place; with a length, it is that of a body in the place of the client's.
    pub(super) fn write(
        &self,
        permit: &Permit,
        is_upgrade: bool,
        length: Option<usize>,
        out: &mut Vec<u8>,
    ) {
        if permit.is_verbatim() {
            return self.copy(length, out);
        }
        let named = Named(self.connection.as_deref().unwrap_or_default());
        for part in [self.method, " ", permit.target(), " HTTP/1.1\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        let (mut has_host, mut has_connection) = (false, false);
        let mut length = length.map(|length| length.to_string());
        let is_anew = length.is_some();
        for (name, value) in Lines::new(self.lines) {
            let is_connection = name.eq_ignore_ascii_case(b"connection");
            if is_upgrade && is_connection {
                if !has_connection {
                    // In the place of whatever else it named.
                    line(name, b"Upgrade", out);
                }
                has_connection = true;
            } else if name.eq_ignore_ascii_case(b"host") {
                has_host = true;
                line(name, OWN_HOST, out);
            } else if is_anew && FRAMES.iter().any(|frame| name.eq_ignore_ascii_case(frame)) {
                if let Some(length) = length.take() {
                    line(b"Content-Length", length.as_bytes(), out);
                }
            } else if !is_dropped(name, value, &[named])
                || is_upgrade && name.eq_ignore_ascii_case(b"upgrade")
                // In order, and so the one coding that there is.
                || name.eq_ignore_ascii_case(b"transfer-encoding")
            {
                line(name, value, out);
            }
        }
        if !has_host {
            line(b"Host", OWN_HOST, out);
        }
        if is_upgrade && !has_connection {
            line(b"Connection", b"Upgrade", out);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Writes the head as it came; with a length, that of a body in the place of the client's.
    fn copy(&self, length: Option<usize>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.line);
        let Some(length) = length else {
            out.extend_from_slice(self.lines);
            return;
        };
        let mut length = Some(length.to_string());
        for whole in self.lines.split_inclusive(|byte| *byte == b'\n') {
            let name = Lines::new(whole).next().map_or(&[] as &[u8], |(name, _)| name);
            if !FRAMES.iter().any(|frame| name.eq_ignore_ascii_case(frame)) {
                out.extend_from_slice(whole);
            } else if let Some(length) = length.take() {
                line(b"Content-Length", length.as_bytes(), out);
            }
        }
    }
}

/// The name under which requests in canonical form reach the engine, which ignores it.
const OWN_HOST: &[u8] = b"docker";

/// What says how a body comes.
const FRAMES: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"trailer"];

/// Writes one header line.
pub(super) fn line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let colon: &[u8] = if value.is_empty() { b":" } else { b": " };
    for part in [name, colon, value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

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

/// A name of visible characters.
fn agent(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    text.bytes().all(|byte| (b' '..0x7f).contains(&byte) || byte == b'\t').then_some(text)
}
