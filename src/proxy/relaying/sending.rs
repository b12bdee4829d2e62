//! The state of a request while it is sent, as far as the handling of its answer depends on it.

use crate::http1::RequestHead;
use crate::policy::Permit;
use crate::proxy::streams::hang_up::HangUp;

/// The properties of a request that its answer depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asks {
    pub(crate) is_head: bool,
    pub(crate) is_old: bool,
    /// Whether the client waits for a 100 before it sends the body.
    pub(crate) expects: bool,
    /// Whether the client ends the connection after the answer.
    pub(crate) closes: bool,
    /// Whether the connection may become a tunnel.
    pub(crate) tunnel: bool,
    /// Whether the client asked to switch protocols, and may.
    pub(crate) upgrade: bool,
    /// Whether the request is forwarded as it came.
    pub(crate) is_verbatim: bool,
}

impl Asks {
    /// Those of a permitted request. Whether it has a body counts only if that is forwarded as it
    /// arrives.
    pub(crate) fn of(head: &RequestHead<'_>, permit: &Permit, has_body: bool) -> Self {
        Self {
            is_head: head.method() == "HEAD",
            is_old: head.is_old(),
            expects: head.expects() && has_body,
            closes: head.closes(),
            tunnel: permit.tunnel(),
            upgrade: permit.tunnel() && head.has_upgrade(),
            is_verbatim: permit.is_verbatim(),
        }
    }
}

/// How much of the request has been sent.
#[derive(Debug, Default)]
pub(crate) struct Sending<'a> {
    /// All of it has arrived from the client.
    pub(crate) is_whole: bool,
    /// Part of its body has arrived.
    pub(crate) has_begun: bool,
    /// The engine has been told that the client has closed its sending side.
    pub(crate) is_told: bool,
    /// The announced trailers, and the trailers that have arrived.
    pub(crate) announced: &'a [u8],
    pub(crate) trailers: Vec<u8>,
    /// The body is malformed, and is forwarded without being parsed.
    pub(crate) is_unread: bool,
    /// The engine accepts no more bytes.
    pub(crate) is_deaf: bool,
    pub(crate) hang_up: Option<HangUp>,
}

impl<'a> Sending<'a> {
    /// Creates the state for a request whose head is about to be sent.
    pub(crate) fn begin(has_body: bool, announced: &'a [u8]) -> Self {
        Self { is_whole: !has_body, announced, ..Self::default() }
    }
}
