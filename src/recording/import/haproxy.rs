//! HAProxy's HTTP log (`option httplog`), with or without what syslog puts before it.
//!
//! `127.0.0.1:5 [24/Nov/2026:20:00:00.123] front back/server 0/0/0/3/3 200 266 - - ---- 1/1/0/0/0
//! 0/0 "HEAD /_ping HTTP/1.1"`. A server in angle brackets is none: HAProxy answered by itself,
//! because of a rule (`<NOSRV>` with `PR` as the state), for its statistics (`<STATS>`), or because
//! no server was up.

use super::text::{behind_time, request_line};
use super::{Entry, Line, Unreadable};

pub(super) fn read(line: &str) -> Result<Line, Unreadable> {
    let Some(behind) = behind_time(line) else { return Ok(Line::Other) };
    // Captured headers may hold anything, so the request is the text behind the first quote that
    // follows the fields, and the fields are counted from the front.
    let (fields, request) = match behind.split_once(" \"") {
        Some((fields, request)) => (fields, Some(request)),
        None => (behind, None),
    };
    let mut fields = fields.split_ascii_whitespace();
    let (Some(_frontend), Some(place), Some(times), Some(status)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Ok(Line::Other);
    };
    let Some((_backend, server)) = place.split_once('/') else { return Ok(Line::Other) };
    // A log of connections (`option tcplog`) has three times and no status.
    if times.split('/').count() != 5 || !times.bytes().all(is_of_times) {
        return Ok(Line::Other);
    }
    if server.starts_with('<') {
        return Ok(Line::TurnedAway);
    }
    let request = decode(request.ok_or(Unreadable::Unclosed)?)?;
    let (method, target) = request_line(&request).ok_or(Unreadable::Request)?;
    let (method, target) = (method.to_owned(), target.to_owned());
    // No answer is -1.
    Line::request(Entry { method, target, status: status.parse().ok(), agent: None })
}

fn is_of_times(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'/' | b'-' | b'+')
}

/// The request between the quotes, with `#22` and the like undone. HAProxy cuts long ones off,
/// often within a query: without it the rest of the request is whole.
fn decode(text: &str) -> Result<String, Unreadable> {
    let (inside, whole) = match text.split_once('"') {
        Some((inside, _)) => (inside, true),
        None => (text, false),
    };
    let inside = match (whole, inside.split_once('?')) {
        (true, _) => inside,
        (false, Some((path, _))) => path,
        (false, None) => return Err(Unreadable::Unclosed),
    };
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'#' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(Unreadable::Escape) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| Unreadable::Escape)?);
    }
    String::from_utf8(bytes).map_err(|_| Unreadable::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "127.0.0.1:5 [24/Nov/2026:20:00:00.123] front back/server 0/0/0/3/3";
    const BEHIND: &str = "266 - - ---- 1/1/0/0/0 0/0";

    fn requested(line: &str) -> String {
        match read(line) {
            Ok(Line::Request(Entry { method, target, status, .. })) => {
                format!("{method} {target} {status:?}")
            }
            other => format!("{other:?}"),
        }
    }

    fn with(request: &str) -> String {
        requested(&format!("{BEFORE} 200 {BEHIND} {request}"))
    }

    #[test]
    fn requests_are_read_whatever_stands_before_them() {
        for prefix in ["", "<134>Nov 24 20:00:00 host haproxy[7]: ", "2026-11-24T20:00:00Z h x: "] {
            let line = format!("{prefix}{BEFORE} 200 {BEHIND} \"HEAD /_ping HTTP/1.1\"");
            assert_eq!(requested(&line), "HEAD /_ping Some(200)");
        }
        let captured = format!("{BEFORE} -1 {BEHIND} {{a b|[c]}} {{}} \"GET /info HTTP/1.1\" x");
        assert_eq!(requested(&captured), "GET /info None");
        assert_eq!(with("\"GET /a#22b c HTTP/1.1\""), "GET /a\"b c Some(200)");
        assert_eq!(with("\"GET /a?filters=xxxx"), "GET /a Some(200)");
    }

    #[test]
    fn what_haproxy_answered_by_itself_is_no_request() {
        for (server, request) in
            [("<NOSRV>", "GET /images/json HTTP/1.1"), ("<NOSRV>", "<BADREQ>"), ("<STATS>", "")]
        {
            let before = BEFORE.replace("server", server).replace("0/0/0/3/3", "0/-1/-1/-1/+0");
            let line = format!("{before} 403 192 - - PR-- 1/1/0/0/0 0/0 \"{request}\"");
            assert_eq!(read(&line), Ok(Line::TurnedAway));
        }
    }

    #[test]
    fn other_lines_are_passed_over() {
        for line in [
            "",
            "[NOTICE]   (7) : New worker (8) forked",
            "1.2.3.4:5 [24/Nov/2026:20:00:00.1] front back/server 0/0/3 266 -- 1/1/0/0/0 0/0",
            "1.2.3.4:5 [24/Nov/2026:20:00:00.1] front/1: SSL handshake failure",
            "1.2.3.4 - - [24/Nov/2026:20:00:00 +0000] \"GET /a/b 1/2/3/4/5 HTTP/1.1\" 200 1",
        ] {
            assert_eq!(read(line), Ok(Line::Other), "{line}");
        }
    }

    #[test]
    fn broken_requests_are_refused() {
        assert_eq!(with(""), "Err(Unclosed)");
        assert_eq!(with("\"GET /conta"), "Err(Unclosed)");
        assert_eq!(with("\"GET\""), "Err(Request)");
        assert_eq!(with("\"<BADREQ>\""), "Err(Request)");
        assert_eq!(with("\"GET /#zz HTTP/1.1\""), "Err(Escape)");
        assert_eq!(with("\"GET /#FF HTTP/1.1\""), "Err(Text)");
    }
}
