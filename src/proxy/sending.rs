//! The state of a request while it is sent, as far as its answer depends on it.

use super::hang_up::HangUp;

/// What the answer depends on in the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asks {
    pub(super) is_head: bool,
    pub(super) is_old: bool,
    /// Whether the client waits to be asked for the body.
    pub(super) expects: bool,
    /// Whether the client ends the connection after the answer.
    pub(super) closes: bool,
    /// Whether the connection may become a tunnel.
    pub(super) tunnel: bool,
    /// Whether the client asked for another protocol, and may have it.
    pub(super) upgrade: bool,
    /// Whether the request is forwarded as it came.
    pub(super) is_verbatim: bool,
}

/// How much of the request has been sent.
#[derive(Debug, Default)]
pub(super) struct Sending<'a> {
    /// All of it has come from the client.
    pub(super) is_whole: bool,
    /// Some of its body has come.
    pub(super) has_begun: bool,
    /// The engine has been told that the client sends no more.
    pub(super) is_told: bool,
    /// The trailers that are announced, and those that have come.
    pub(super) announced: &'a [u8],
    pub(super) trailers: Vec<u8>,
    /// The body is not in order, and is forwarded unread.
    pub(super) is_unread: bool,
    /// The engine takes no more bytes.
    pub(super) is_deaf: bool,
    pub(super) hang_up: Option<HangUp>,
}

impl<'a> Sending<'a> {
    /// Of a request whose head is about to be sent.
    pub(super) fn begin(has_body: bool, announced: &'a [u8]) -> Self {
        Self { is_whole: !has_body, announced, ..Self::default() }
    }
}
