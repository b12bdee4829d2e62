//! Interprets properties of answers that are specific to the engine.

use http::StatusCode;

use crate::http1::{Body, ResponseHead};

/// The content types of a hijacked connection's output.
const RAW: [&[u8]; 2] =
    [b"application/vnd.docker.raw-stream", b"application/vnd.docker.multiplexed-stream"];

/// Whether the engine has hijacked the connection with a 200 (docs/engine-api.md#switching-protocols):
/// the answer has one of the engine's stream types, and only the end of the connection ends it. After
/// any other answer the connection still speaks HTTP, and the client's next request is decided on.
pub(crate) fn is_raw(head: &ResponseHead<'_, '_>) -> bool {
    head.status == StatusCode::OK
        && matches!(head.body, Body::UntilEnd)
        && RAW.contains(&head.value("content-type").unwrap_or_default())
}

/// Whether the engine had no handler for the request. Handlers name the API version in every answer
/// except a raw one to a failed hijack; "page not found" does not name it
/// (docs/engine-api.md#denials), and neither does podman's "method not allowed".
pub(crate) fn is_unrouted(head: &ResponseHead<'_, '_>) -> bool {
    let kind = head.value("content-type").unwrap_or_default();
    matches!(head.status.as_u16(), 404 | 405)
        && head.value("api-version").is_none()
        && (kind.starts_with(b"application/json") || kind.starts_with(b"text/plain"))
}
