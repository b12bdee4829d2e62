//! The bytes a client sends, before a decision is made about them.
//!
//! A head is kept until it is complete and valid. Requests are handled one at a time: bytes after a
//! request are kept until it has been answered, because they may be the input of a tunnel.

use crate::api::{is_method, length};
use crate::http1::{Flaw, Framing, LONGEST_HEAD, Piece, Progress, RequestHead};

use crate::proxy::streams::scratch::{append, shrink, trim};

/// The maximum number of bytes kept after a request until it has been answered.
const MOST_HELD: usize = LONGEST_HEAD;

/// The longest method or target, in bytes, that is reported for a malformed head.
const LONGEST_WORD: usize = 1024;

/// Bytes from a client that have not been forwarded.
#[derive(Debug)]
pub(crate) struct Intake {
    framing: Framing,
    bytes: Vec<u8>,
    has_ended: bool,
}

/// The result of looking for a head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrived {
    /// The head is complete. Contains its length in bytes.
    Head(usize),
    /// The head is malformed.
    Flawed(Flaw),
}

impl Intake {
    /// Creates an intake. If `is_strict` is false, the client is only watched, and malformed heads are
    /// accepted.
    pub(crate) fn new(is_strict: bool) -> Self {
        let framing = if is_strict { Framing::default() } else { Framing::watching() };
        Self { framing, bytes: Vec::new(), has_ended: false }
    }

    /// Returns the head of the next request if it has arrived.
    pub(crate) fn find_head(&mut self) -> Option<Arrived> {
        if self.bytes.is_empty() {
            return None;
        }
        match self.framing.find_head(&self.bytes) {
            Ok(found) => found.map(Arrived::Head),
            Err(flaw) => Some(Arrived::Flawed(flaw)),
        }
    }

    /// Parses a head that was taken out.
    ///
    /// # Errors
    /// The head is malformed.
    pub(crate) fn read_head<'a>(&mut self, head: &'a [u8]) -> Result<RequestHead<'a>, Flaw> {
        self.framing.read_head(head)
    }

    /// Appends bytes from the client. An empty slice marks the end of the stream.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.has_ended |= bytes.is_empty();
        append(&mut self.bytes, bytes);
    }

    /// The memory it uses, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Keeps the bytes after the first `length` bytes.
    pub(crate) fn push_behind(&mut self, bytes: &[u8], length: usize) {
        self.bytes.extend_from_slice(bytes.get(length..).unwrap_or_default());
    }

    /// Returns how many of the next bytes belong to the current body, and whether the body ends there.
    ///
    /// # Errors
    /// The body is malformed.
    pub(crate) fn body(
        &mut self,
        bytes: &[u8],
        show: impl FnMut(Piece<'_>),
    ) -> Result<(usize, bool), Flaw> {
        match self.framing.read_body(bytes, show)? {
            Progress::Ended(length) => Ok((length, true)),
            Progress::Head(_) | Progress::More => Ok((bytes.len(), false)),
        }
    }

    /// Whether the last body used a chunk format that is only accepted when watching.
    pub(crate) fn has_odd_chunks(&self) -> bool {
        self.framing.has_odd_chunks()
    }

    /// Moves the first `length` kept bytes to `into`.
    pub(crate) fn take(&mut self, length: usize, into: &mut Vec<u8>) {
        into.extend_from_slice(self.bytes.get(..length).unwrap_or_default());
        if length < self.bytes.len() {
            self.bytes.drain(..length);
            shrink(&mut self.bytes);
        } else {
            trim(&mut self.bytes);
        }
    }

    /// The kept bytes.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes out all kept bytes.
    pub(crate) fn take_all(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// The framing of the body whose head was taken out.
    pub(crate) fn framing(&self) -> Framing {
        self.framing.clone()
    }

    /// Discards a complete body of this length.
    pub(crate) fn skip_body(&mut self, length: usize) {
        self.framing.restart();
        self.bytes.drain(..length.min(self.bytes.len()));
    }

    /// Whether no byte has arrived since the end of the last request.
    pub(crate) fn is_between(&self) -> bool {
        self.bytes.is_empty() && self.framing.is_between()
    }

    /// Whether the current body is chunked.
    pub(crate) fn is_chunked(&self) -> bool {
        self.framing.is_chunked()
    }

    /// Whether no more bytes can be kept at the moment.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() > MOST_HELD
    }

    /// Whether the client has closed its sending side.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }
}

/// Returns what can be reported of a malformed head, which may in fact be a body or a line with
/// credentials: the method if HTTP defines it, and then the target up to the query if it is a path. For
/// anything else, only the length is reported.
pub(crate) fn words(head: &[u8]) -> (String, String) {
    let line = head.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let text = |word: &[u8]| match std::str::from_utf8(word) {
        Ok(text) => text.to_owned(),
        Err(_) => length(word.len()),
    };
    let end = target.iter().position(|byte| b"?#".contains(byte)).unwrap_or(target.len());
    let path = target.get(..end).unwrap_or_default();
    let method = text(method);
    if method.is_empty() || is_method(&method) {
        let is_told = path.is_empty() || (path.starts_with(b"/") && path.len() <= LONGEST_WORD);
        let path = if is_told { text(path) } else { length(target.len()) };
        return (method, path);
    }
    let target = Some(target).filter(|target| !target.is_empty());
    (length(method.len()), target.map(|target| length(target.len())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_may_be_a_body_only_lengths_are_told() {
        for (head, method, target) in [
            ("GET /v1.41/info HTTP/1.1", "GET", "/v1.41/info"),
            ("GET /v1.41/info?token=pw HTTP/1.1", "GET", "/v1.41/info"),
            ("GET /v1.41/info#token=pw HTTP/1.1", "GET", "/v1.41/info"),
            ("GET http://u:pw@d/v1.41/info HTTP/1.1", "GET", "[24 bytes]"),
            ("CONNECT u:pw@d:443 HTTP/1.1", "CONNECT", "[10 bytes]"),
            ("{\"password\":\"pw\"}", "[17 bytes]", ""),
            ("password=pw /x HTTP/1.1", "[11 bytes]", "[2 bytes]"),
            ("X-Registry-Auth: pw", "[16 bytes]", "[2 bytes]"),
            ("", "", ""),
            (" pw", "", "[2 bytes]"),
            ("\u{0}\u{7f}", "[2 bytes]", ""),
        ] {
            for rest in ["", "\r\npw", "\npw"] {
                let (found, path) = words(format!("{head}{rest}").as_bytes());
                assert_eq!((found.as_str(), path.as_str()), (method, target), "{head}");
            }
        }
        assert_eq!(words(b"GET /\xff").1, "[2 bytes]");
        let long = format!("GET /{}", "a".repeat(5000));
        assert_eq!(words(long.as_bytes()).1, "[5001 bytes]");
    }
}
