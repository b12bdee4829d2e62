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

/// Writes an answer with `{"message": ...}`, which the docker CLI shows as the engine's error, unless the status
/// has no body.
pub(crate) fn write(status: u16, message: &str, form: Form, out: &mut Vec<u8>) {
    write_json(status, &serde_json::json!({ "message": message }), form, out);
}

/// Writes an answer with this body, if it has one.
pub(super) fn write_json(status: u16, body: &serde_json::Value, form: Form, out: &mut Vec<u8>) {
    let body = body.to_string() + "\n";
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    // An answer without contents has no length either (RFC 9110 section 8.6).
    let has_body = status != StatusCode::NO_CONTENT;
    let _ = write!(out, "HTTP/1.{} {status}\r\n", u8::from(!form.is_old));
    if has_body {
        write_header(b"Content-Type", b"application/json", out);
        write_header(b"Content-Length", body.len().to_string().as_bytes(), out);
    }
    if form.closes {
        write_header(b"Connection", b"close", out);
    }
    out.extend_from_slice(b"\r\n");
    if has_body && !form.is_head {
        out.extend_from_slice(body.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(status: u16, form: Form) -> String {
        let mut out = Vec::new();
        write(status, "why", form, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_answer_has_a_body_if_its_status_has_one() {
        let (usual, head) = (Form::default(), Form { is_head: true, ..Form::default() });
        let start = "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n";
        assert_eq!(written(404, usual), format!("{start}{{\"message\":\"why\"}}\n"));
        assert_eq!(written(404, head), start);
        assert_eq!(written(204, usual), "HTTP/1.1 204 No Content\r\n\r\n");
    }
}
