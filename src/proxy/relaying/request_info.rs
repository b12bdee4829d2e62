//! What the forwarding of a request and of its answer depends on.

use crate::answers::Hide;
use crate::http1::RequestHead;
use crate::policy::Permit;

/// The properties of a permitted request that its answer depends on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RequestInfo {
    pub(crate) is_head: bool,
    /// Whether it speaks HTTP/1.0.
    pub(crate) is_old: bool,
    /// Whether it may be sent a second time, because it has no side effects.
    pub(crate) is_safe: bool,
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
    /// What is hidden in the answer.
    pub(crate) hide: Option<Hide>,
}

impl RequestInfo {
    /// The properties of a request. Whether it has a body counts only if that is forwarded as it
    /// arrives.
    pub(crate) fn of(head: &RequestHead<'_>, permit: &Permit, has_body: bool) -> Self {
        let is_head = head.method() == "HEAD";
        Self {
            is_head,
            is_old: head.is_old(),
            is_safe: is_head || head.method() == "GET",
            expects: head.expects() && has_body,
            closes: head.closes(),
            tunnel: permit.tunnel(),
            upgrade: permit.tunnel() && head.has_upgrade(),
            is_verbatim: permit.is_verbatim(),
            hide: permit.hide(),
        }
    }
}
