//! Answers that dsp itself sends, in the format that Docker clients print.

use std::io::Write;

use http::StatusCode;

use crate::http1::write_header;

/// The facts that decide the form of an answer from dsp itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Form {
    /// Whether it answers a HEAD, and therefore has no body.
    pub(crate) is_head: bool,
    /// Whether it answers an HTTP/1.0 request.
    pub(crate) is_old: bool,
    /// Whether the connection ends after it.
    pub(crate) closes: bool,
}

/// Writes an answer with `{"message": ...}`, which the docker CLI shows as the engine's error.
pub(crate) fn write(status: u16, message: &str, form: Form, out: &mut Vec<u8>) {
    let body = serde_json::json!({ "message": message }).to_string() + "\n";
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    let _ = write!(out, "HTTP/1.{} {status}\r\n", u8::from(!form.is_old));
    write_header(b"Content-Type", b"application/json", out);
    write_header(b"Content-Length", body.len().to_string().as_bytes(), out);
    if form.closes {
        write_header(b"Connection", b"close", out);
    }
    out.extend_from_slice(b"\r\n");
    if !form.is_head {
        out.extend_from_slice(body.as_bytes());
    }
}
