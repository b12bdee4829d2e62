//! nginx's access log in its `combined` format, which Apache and others write too.
//!
//! `127.0.0.1 - - [24/Nov/2026:20:00:00 +0000] "HEAD /_ping HTTP/1.1" 200 0 "-" "Docker-Client/28.2.2
//! (linux)"`. A 403 or 404 from nginx itself looks like one from the engine. Only input that is not HTTP,
//! and connections that a rule ended with 444, can be recognized. A line may lack everything before the
//! request.

use super::line::client;
use super::text::{
    around_time, begins_with_request, is_bare_request, is_before_time, quoted, request_line,
};
use super::{Entry, Line, Unreadable};

/// The status with which nginx answers a request that it cannot parse.
const BAD_REQUEST: u16 = 400;

/// The status that nginx logs when a rule made it close the connection.
const NO_RESPONSE: u16 = 444;

pub(super) fn read(line: &str) -> Result<Line, Unreadable> {
    if is_bare_request(line) {
        return Err(Unreadable::Bare);
    }
    let (before, after) = match around_time(line) {
        Some((before, after)) => (before, after.strip_prefix(' ').unwrap_or_default()),
        None if begins_with_request(line) => ("", line),
        None => return Ok(Line::Other),
    };
    if !after.starts_with('"') {
        return Ok(Line::Other);
    }
    // Input that is not HTTP may be any bytes. Its status identifies it.
    let (request, after) = match quoted(after) {
        Err(Unreadable::Text) => (None, raw_after(after)),
        other => other.map(|(request, after)| (Some(request), after))?,
    };
    let mut words = after.split_ascii_whitespace();
    let status = words.next().and_then(|word| word.parse().ok()).ok_or(Unreadable::Request)?;
    let line = request.as_deref().and_then(request_line);
    let refused = status == BAD_REQUEST && !line.is_some_and(is_http);
    if refused || (status == NO_RESPONSE && line.is_none()) {
        return Ok(Line::TurnedAway(None));
    }
    let error = if request.is_some() { Unreadable::Request } else { Unreadable::Text };
    let (method, target) = line.ok_or(error)?;
    // Address, identity and user.
    let client = before.split_ascii_whitespace().rev().nth(2).and_then(client);
    let entry =
        Entry { status: Some(status), agent: agent(after), client, ..Entry::new(method, target) };
    if status == NO_RESPONSE { Ok(Line::turned_away(entry)) } else { Line::request(entry) }
}

/// Whether a text begins with address, identity, user and time.
pub(super) fn begins(line: &str) -> bool {
    around_time(line).is_some_and(|(before, _)| is_before_time(before, 4))
}

/// Whether nginx would have passed a request on: its method is in capitals, and its path has no spaces.
fn is_http((method, target): (&str, &str)) -> bool {
    let capitals = method.bytes().all(|byte| byte.is_ascii_uppercase());
    capitals && target.starts_with('/') && !target.contains(' ')
}

/// The text after a quoted text that is not UTF-8. Its quotes are escaped, so the next quote ends it.
fn raw_after(text: &str) -> &str {
    text.splitn(3, '"').nth(2).unwrap_or_default()
}

/// The last quoted text, after status, size and referrer.
fn agent(after: &str) -> Option<String> {
    let (_referrer, after) = quoted(after.get(after.find('"')?..)?).ok()?;
    let (agent, _) = quoted(after.get(after.find('"')?..)?).ok()?;
    (agent != "-").then_some(agent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(request: &str, after: &str) -> String {
        let line = format!("127.0.0.1 - - [24/Nov/2026:20:00:00 +0000] \"{request}\" {after}");
        match read(&line) {
            Ok(Line::Request(Entry { method, target, status, agent, .. })) => {
                format!("{method} {target} {} {}", status.unwrap(), agent.unwrap_or_default())
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn requests_are_read() {
        let agent = "200 0 \"-\" \"Docker-Client/28.2.2 (linux)\"";
        assert_eq!(
            requested("HEAD /_ping HTTP/1.1", agent),
            "HEAD /_ping 200 Docker-Client/28.2.2 (linux)"
        );
        assert_eq!(requested("GET /info HTTP/1.1", "404 12"), "GET /info 404 ");
        assert_eq!(requested("GET /info HTTP/1.1", "400 12"), "GET /info 400 ");
        assert_eq!(requested("GET /a?b=%22c HTTP/1.1", "200 1 \"-\" \"-\""), "GET /a?b=%22c 200 ");
        assert_eq!(requested("GET /\\x22a b HTTP/1.1", "200 1"), "GET /\"a b 200 ");
        let line = "<190>Nov 24 20:00:00 host nginx: 1.2.3.4 - user [24/Nov/2026:20:00:00 +0000] \
                    \"GET /info HTTP/1.1\" 200 1 \"-\" \"-\"";
        assert!(matches!(read(line), Ok(Line::Request(_))));
    }

    #[test]
    fn what_is_no_http_was_turned_away() {
        let lines = ["GET", "GET /a b HTTP/1.1", "get /a HTTP/1.1", "PRI * HTTP/2.0"];
        for request in ["", "-", "\\x16\\x03\\x01\\xFF"].into_iter().chain(lines) {
            assert_eq!(
                requested(request, "400 150 \"-\" \"-\""),
                "Ok(TurnedAway(None))",
                "{request}"
            );
        }
        let ended = requested("GET /images/json HTTP/1.1", "444 0");
        assert!(ended.starts_with("Ok(TurnedAway(Some(Entry { method: \"GET\""), "{ended}");
    }

    #[test]
    fn other_lines_are_passed_over() {
        for line in [
            "",
            "2026/11/24 20:00:00 [notice] 7#7: start worker processes",
            "127.0.0.1 [24/Nov/2026:20:00:00.1] front back/server 0/0/0/3/3 200 266 - - ---- \"GET /\"",
        ] {
            assert_eq!(read(line), Ok(Line::Other), "{line}");
        }
    }

    #[test]
    fn broken_requests_are_refused() {
        assert_eq!(requested("GET /a HTTP/1.1", ""), "Err(Request)");
        assert_eq!(requested("GET /a HTTP/1.1", "OK 1"), "Err(Request)");
        assert_eq!(requested("GET", "200 1"), "Err(Request)");
        assert_eq!(requested("\\xFF", "200 1"), "Err(Text)");
        assert_eq!(requested("GET /\\q HTTP/1.1", "200 1"), "Err(Escape)");
        let line = "127.0.0.1 - - [24/Nov/2026:20:00:00 +0000] \"GET /conta";
        assert_eq!(read(line), Err(Unreadable::Unclosed));
    }
}
