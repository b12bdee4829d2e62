//! What can be wrong with the form of an HTTP message.

use std::fmt;

/// What is wrong with the form of a message.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Flaw {
    /// A carriage return that no line feed follows.
    BareLineBreak,
    /// A chunk of a body that is not in order.
    Chunk,
    /// A head of which the end never comes.
    Cut,
    /// A control character in a header.
    Control,
    /// An empty line before the request line, or anything else that is no request line.
    RequestLine,
    /// A header line that continues the one before it.
    Folded,
    /// A header without a name, or with one that is not a word directly before its colon.
    HeaderName,
    /// None or several `Host` headers.
    Host,
    /// A `Content-Length` that is not a plain number, or several of them.
    Length,
    /// `Content-Length` and `Transfer-Encoding` together.
    LengthAndEncoding,
    /// Something else than `/path?query`, or `http://host` before it: another scheme, a user's name,
    /// asterisk-form or authority-form.
    Target,
    /// A character in the target that URLs do not have (RFC 3986 section 2), and so not everybody
    /// takes as it is: a `#`, which others cut off with what follows, a bracket, or a quote in the
    /// path.
    TargetCharacter,
    /// A `Transfer-Encoding` other than `chunked`, or several of them, or one in HTTP/1.0.
    TransferEncoding,
    /// A head of more than [`LONGEST_HEAD`] bytes, of more than [`MOST_HEADERS`] lines, or with a
    /// target of more than [`LONGEST_TARGET`] bytes.
    TooLong,
    /// A head that took longer than heads may; whoever keeps the time says so.
    TooSlow,
    /// A version other than HTTP/1.0 and HTTP/1.1; the preface of HTTP/2 is one.
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
    /// The status of the answer to it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::TooLong => 431,
            Self::TooSlow => 408,
            _ => 400,
        }
    }
}
