//! Why a request that came over TCP is taken for a web page's.

/// Why a request may not come in over TCP. The text is for the client and for the log.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Stray {
    /// A browser sent it for a page.
    #[error(
        "the request has the header {0}, which browsers send for web pages, and pages may not use this listener; send it without, or listen on a unix socket"
    )]
    Page(&'static str),
    /// It asks for another host.
    #[error(
        "{0:?} is not a name of this listener, so a web page may have sent the request; if the name is right, start dsp with --allow-host {0}"
    )]
    Host(String),
    /// It asks for something that is not the name of a host.
    #[error("the request names no valid host, or several")]
    BadHost,
    /// The request cannot be read.
    #[error(
        "the request cannot be read, and over TCP it may be a web page's; listen on a unix socket to pass it on"
    )]
    Unread,
}
