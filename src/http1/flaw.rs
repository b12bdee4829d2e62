//! Flaws in the form of an HTTP message.

use std::fmt;

/// What is wrong with the form of a message.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Flaw {
    /// A carriage return that is not followed by a line feed.
    BareLineBreak,
    /// A malformed chunk in a body.
    Chunk,
    /// A head that never ends.
    Cut,
    /// A control character in a header.
    Control,
    /// An empty line before the request line, or anything else that is not a request line.
    RequestLine,
    /// A header line that continues the previous one.
    Folded,
    /// A header without a name, or whose name is not a token directly before the colon.
    HeaderName,
    /// No `Host` header, or several.
    Host,
    /// A `Content-Length` that is not a plain number, or several of them.
    Length,
    /// Both `Content-Length` and `Transfer-Encoding`.
    LengthAndEncoding,
    /// Anything other than `/path?query`, with or without `http://host` before it: another scheme, a
    /// user name, the asterisk form or the authority form.
    Target,
    /// A character in the target that URLs do not contain (RFC 3986 section 2), so that not every
    /// server accepts it unchanged: a `#`, which some cut off along with what follows, a bracket, or a
    /// quote in the path.
    TargetCharacter,
    /// A `Transfer-Encoding` other than `chunked`, or several of them, or one in HTTP/1.0.
    TransferEncoding,
    /// A head of more than [`LONGEST_HEAD`] bytes or more than [`MOST_HEADERS`] lines, or with a target
    /// of more than [`LONGEST_TARGET`] bytes.
    TooLong,
    /// A head that took too long to arrive. This is reported by the code that keeps the time.
    TooSlow,
    /// A version other than HTTP/1.0 and HTTP/1.1, as in the preface of HTTP/2.
    Version,
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BareLineBreak => "a carriage return that no line feed follows",
            Self::Cut => "a head that breaks off",
            Self::Chunk => "a chunked body that is not in order",
            Self::Control => "a control character in a header",
            Self::RequestLine => "a request line that is not METHOD, target and version",
            Self::Folded => "a header that continues on the next line",
            Self::HeaderName => "a header without a proper name",
            Self::Host => "not exactly one Host header",
            Self::Length => "not exactly one plain Content-Length",
            Self::LengthAndEncoding => "both Content-Length and Transfer-Encoding",
            Self::Target => "a request target that is not a plain /path",
            Self::TargetCharacter => "a character in the request target that has to be escaped",
            Self::TransferEncoding => "a Transfer-Encoding other than one chunked of HTTP/1.1",
            Self::TooLong => "a head that is too long",
            Self::TooSlow => "a head that took too long to arrive",
            Self::Version => "a version of HTTP other than 1.0 and 1.1",
        })
    }
}

impl std::error::Error for Flaw {}

impl Flaw {
    /// The status code of the answer to it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::TooLong => 431,
            Self::TooSlow => 408,
            _ => 400,
        }
    }
}
