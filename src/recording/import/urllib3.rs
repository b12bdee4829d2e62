//! The debug log of Python's urllib3, which docker-py, Ansible and Compose 1 use, and the trace of
//! `http.client` below it.
//!
//! `DEBUG:urllib3.connectionpool:http://localhost:None "GET /v1.41/info HTTP/1.1" 200 813` is written when the
//! answer begins; how a program formats the part before the address is its own choice. With
//! `http.client.HTTPConnection.debuglevel = 1`, `send: b'GET /v1.41/info HTTP/1.1\r\n...'` is written when the
//! request is sent.

use super::text::request_line;
use super::{Entry, Line, Unreadable};

/// What the address begins with; docker-py has a scheme of its own.
const SCHEMES: [&str; 4] = ["http://", "https://", "http+docker://", "http+unix://"];

/// The name of the logger.
const LOGGER: &str = "urllib3.connectionpool";

/// How a line of the trace begins.
const SENT: [&str; 2] = ["send: b'", "send: b\""];

pub(super) fn read(line: &str) -> Result<Line, Unreadable> {
    if let Some(sent) = SENT.into_iter().find_map(|start| line.strip_prefix(start)) {
        return sent_request(sent);
    }
    // An address has no spaces, so the first quote after a space that follows it begins the request.
    let Some((before, quoted)) = line.split_once(" \"") else { return Ok(Line::Other) };
    let address = before.rsplit([' ', '\t']).next().unwrap_or_default();
    let is_address = SCHEMES.into_iter().any(|scheme| {
        let place = address.find(scheme);
        place.is_some_and(|place| place == 0 || before.contains(LOGGER))
    });
    if !is_address || !(before.contains(LOGGER) || before == address) {
        return Ok(Line::Other);
    }
    let (request, after) = quoted.rsplit_once("\" ").ok_or(Unreadable::Unclosed)?;
    if !request.contains(" HTTP/") {
        return Ok(Line::Other);
    }
    let (method, target) = request_line(request).ok_or(Unreadable::Request)?;
    let mut entry = Entry::new(method, target);
    entry.status = after.split(' ').next().and_then(|status| status.parse().ok());
    if entry.status.is_none() { Err(Unreadable::Request) } else { Line::request(entry) }
}

/// Whether a text begins as its lines do.
pub(super) fn begins(line: &str) -> bool {
    line.contains(LOGGER) || SENT.into_iter().any(|start| line.starts_with(start))
}

/// The request in what was sent, unless that was a body.
fn sent_request(sent: &str) -> Result<Line, Unreadable> {
    let Some((line, _)) = sent.split_once(r"\r\n") else { return Ok(Line::Other) };
    if !line.ends_with(" HTTP/1.1") && !line.ends_with(" HTTP/1.0") {
        return Ok(Line::Other);
    }
    let (method, target) = request_line(line).ok_or(Unreadable::Request)?;
    if target.contains('\\') {
        return Err(Unreadable::Escape);
    }
    Line::request(Entry::new(method, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(line: &str) -> String {
        match read(line) {
            Ok(Line::Request(Entry { method, target, status, .. })) => {
                format!("{method} {target} {status:?}")
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn requests_are_read_whatever_the_format_of_the_log() {
        for before in [
            "DEBUG:urllib3.connectionpool:http://127.0.0.1:18101",
            "2026-11-30 20:00:00,1 DEBUG urllib3.connectionpool http+docker://localhost:None",
            "[urllib3.connectionpool] http://localhost:None",
            "http://localhost:None",
        ] {
            let line = format!("{before} \"GET /v1.41/containers/json?all=1 HTTP/1.1\" 200 813");
            assert_eq!(requested(&line), "GET /v1.41/containers/json?all=1 Some(200)", "{before}");
        }
        let line = r"send: b'POST /v1.41/containers/create HTTP/1.1\r\nHost: localhost\r\n\r\n'";
        assert_eq!(requested(line), "POST /v1.41/containers/create None");
    }

    #[test]
    fn other_lines_are_passed_over_and_broken_ones_are_refused() {
        for line in [
            "",
            "DEBUG:urllib3.connectionpool:Starting new HTTP connection (1): 127.0.0.1:18101",
            "DEBUG:app:called http://x \"GET /info HTTP/1.1\" 200 1",
            r#"send: b'{"Image":"a"}'"#,
            "reply: 'HTTP/1.1 200 OK\\r\\n'",
            "127.0.0.1 - - [24/Nov/2026:20:00:00 +0000] \"GET /info HTTP/1.1\" 200 1",
        ] {
            assert_eq!(requested(line), "Ok(Other)", "{line}");
        }
        let start = "DEBUG:urllib3.connectionpool:http://localhost:None \"GET /info HTTP/1.1";
        assert_eq!(read(start), Err(Unreadable::Unclosed));
        assert_eq!(read(&format!("{start}\" x")), Err(Unreadable::Request));
    }
}
