//! Requests over TCP that a web page may have sent.

/// Why a request over TCP is denied. The text is for the client and for the log.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Stray {
    /// A browser sent it for a web page.
    #[error(
        "the request has the header {0}, which browsers send for web pages, and pages may not use this listener; send it without, or listen on a unix socket"
    )]
    Page(&'static str),
    /// It is for another host.
    #[error(
        "{0:?} is not a name of this listener, so a web page may have sent the request; if the name is right, start dsp with --allow-host {0}"
    )]
    Host(String),
    /// Its host is malformed or ambiguous.
    #[error("the request names no valid host, or several")]
    BadHost,
    /// The request cannot be read.
    #[error(
        "the request cannot be read, and over TCP it may be a web page's; listen on a unix socket to pass it on"
    )]
    Unread,
}
