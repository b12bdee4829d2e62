//! The kinds of lines in a log.

use std::net::{IpAddr, SocketAddr};

/// A line that was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Line {
    /// A request that went to the engine.
    Request(Entry),
    /// A request that the proxy answered itself; `None` if it was not an HTTP request.
    TurnedAway(Option<Entry>),
    /// Something else.
    Other,
}

/// A request as a log reports it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Entry {
    /// The method as received.
    pub method: String,
    /// Path and query as received.
    pub target: String,
    /// The status of the answer, if the log has one.
    pub status: Option<u16>,
    /// The name that the client gives itself, if the log has one.
    pub agent: Option<String>,
    /// The address of the client, if the log has one.
    pub client: Option<IpAddr>,
}

impl Entry {
    /// A request of which only method and target are known.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, status: None, agent: None, client: None }
    }
}

/// The address of a client, as programs write it: with or without a port, in IPv6 with or without brackets.
pub(super) fn client(text: &str) -> Option<IpAddr> {
    let with_port = text.parse::<SocketAddr>().map(|address| address.ip());
    let bare = || text.trim_matches(['[', ']']).parse().ok();
    // HAProxy writes IPv6 without brackets before the port.
    let before_port = || text.rsplit_once(':').and_then(|(address, _)| address.parse().ok());
    with_port.ok().or_else(bare).or_else(before_port)
}

/// Why a line that should be a request cannot be read as one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unreadable {
    /// Two texts in one line that could be the program's. A client may have sent one of them.
    #[error("more than one text in it could be the program's line, and a client may have sent one")]
    Ambiguous,
    /// Only the request is left.
    #[error("nothing but the request is left of it, so it is unknown whether it was passed on")]
    Bare,
    /// The text that was wrapped around the line ends too early.
    #[error("it is cut off")]
    Cut,
    /// An escape that the program would not have written.
    #[error("a bad escape")]
    Escape,
    /// A JSON object that is cut off or has values of other types.
    #[error("JSON of another form")]
    Json,
    /// Too many layers of wrapping.
    #[error("it is wrapped in too many layers")]
    Layers,
    /// Longer than any line that the program writes.
    #[error("the line is too long")]
    Length,
    /// A part of a JSON text that was written on several lines.
    #[error("a piece of JSON; each object has to be on one line, as jq -c writes it")]
    Piece,
    /// There is no method and target in the expected place.
    #[error("no method and path")]
    Request,
    /// Bytes that are not UTF-8.
    #[error("text that is not UTF-8")]
    Text,
    /// A line that was cut off, or an extra quote.
    #[error("a quote that does not end")]
    Unclosed,
}

impl Line {
    /// A request, if there is a method and a target.
    pub(super) fn request(entry: Entry) -> Result<Self, Unreadable> {
        // A replacement character means that the original bytes are already lost.
        if entry.target.contains('\u{fffd}') {
            return Err(Unreadable::Text);
        }
        if is_method(&entry.method) && !entry.target.is_empty() {
            Ok(Self::Request(entry))
        } else {
            Err(Unreadable::Request)
        }
    }

    /// A request that the proxy answered itself, if there is a method and a target.
    pub(super) fn turned_away(entry: Entry) -> Self {
        Self::TurnedAway(match Self::request(entry) {
            Ok(Self::Request(entry)) => Some(entry),
            _ => None,
        })
    }
}

/// Whether a word could be a method. The canonical form decides whether the Engine API has that method, as
/// for every request.
pub(super) fn is_method(word: &str) -> bool {
    matches!(word.len(), 1..=32) && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_however_they_are_written() {
        for (text, expected) in [
            ("127.0.0.1:5", "127.0.0.1"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]:5", "::1"),
            ("fe80::2", "fe80::2"),
            ("::ffff:10.0.0.5:41234", "::ffff:10.0.0.5"),
        ] {
            assert_eq!(client(text), expected.parse().ok(), "{text}");
        }
        for text in ["", "unix:", "-", "web:80", "@"] {
            assert_eq!(client(text), None, "{text}");
        }
    }
}
