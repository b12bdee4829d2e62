//! HAProxy's HTTP log (`option httplog`), with or without the head that syslog adds.
//!
//! `127.0.0.1:5 [24/Nov/2026:20:00:00.123] front back/server 0/0/0/3/3 200 266 - - ---- 1/1/0/0/0
//! 0/0 "HEAD /_ping HTTP/1.1"`. A name in angle brackets is not a server: HAProxy answered itself,
//! because of a rule (`<NOSRV>` with `PR` as the state), for its statistics (`<STATS>`), or because
//! no server was up. A line may lack the text before its fields, and the first of the fields. The
//! rest is enough as long as it contains the state of the session.

use std::net::IpAddr;

use super::line::client;
use super::text::{
    around_time, begins_with_request, is_bare_request, is_before_time, request_line,
};
use super::{Entry, Line, Unreadable};

/// How many words precede the state in a whole line without address and time.
const STATE: usize = 7;

/// The words up to the state, the state, and the two fields that have to follow it.
const MOST_FIELDS: usize = STATE + 3;

pub(super) fn read(line: &str) -> Result<Line, Unreadable> {
    let Some((before, after)) = around_time(line) else { return without_front(line) };
    let client = before.split_ascii_whitespace().next_back().and_then(client);
    // Captured headers may contain anything. So the request is the text after the first quote that follows
    // the fields, and the fields are counted from the front.
    let (fields, request) = match after.split_once(" \"") {
        Some((fields, request)) => (fields, Some(request)),
        None => (after, None),
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
    finish(server.starts_with('<'), status, request, client)
}

/// Whether a text begins with the address and time that precede the fields.
pub(super) fn begins(line: &str) -> bool {
    around_time(line).is_some_and(|(before, _)| is_before_time(before, 2))
}

/// A line whose address and time were cut off, and perhaps the frontend, server, times and status too. The
/// remaining fields have to be complete and in order, from the first word to the request.
fn without_front(line: &str) -> Result<Line, Unreadable> {
    if is_bare_request(line) || begins_with_request(line) {
        return Err(Unreadable::Bare);
    }
    let Some((fields, request)) = line.split_once(" \"") else { return Ok(Line::Other) };
    let words: Vec<&str> = fields.split_ascii_whitespace().take(MOST_FIELDS).collect();
    let state = words.iter().take(STATE + 1).position(|word| is_state(word));
    let Some((before, after)) = state.and_then(|state| words.split_at_checked(state)) else {
        return Ok(Line::Other);
    };
    let [state, connections, queues, ..] = after else { return Ok(Line::Other) };
    if !are_numbers(connections, 5) || !are_numbers(queues, 2) {
        return Ok(Line::Other);
    }
    // From the back: two cookies, the bytes, status, times, server and frontend.
    let mut before = before.iter().rev().skip(2);
    let is_count = |word: &&&str| word.trim_start_matches(['-', '+']).parse::<u64>().is_ok();
    let (bytes, status, times) = (before.next(), before.next(), before.next());
    let (place, frontend) = (before.next(), before.next());
    let fits = [bytes, status].iter().flatten().all(is_count)
        && times.is_none_or(|times| are_numbers(times, 5))
        && place.is_none_or(|place| place.contains('/'))
        && frontend.is_none_or(|frontend| !frontend.contains('/'));
    if !fits {
        return Ok(Line::Other);
    }
    let server = place.and_then(|place| place.split('/').nth(1));
    let no_connection = |times: &&str| times.split('/').nth(2) == Some("-1");
    let answered_itself = match (server, times) {
        (Some(server), _) => server.starts_with('<'),
        (None, Some(times)) => no_connection(times),
        (None, None) => state.starts_with(['P', 'L']),
    };
    finish(answered_itself, status.unwrap_or(&"-"), Some(request), None)
}

/// The request, and whether HAProxy answered it itself.
fn finish(
    answered_itself: bool,
    status: &str,
    request: Option<&str>,
    client: Option<IpAddr>,
) -> Result<Line, Unreadable> {
    let entry = || {
        let request = decode(request.ok_or(Unreadable::Unclosed)?)?;
        let (method, target) = request_line(&request).ok_or(Unreadable::Request)?;
        // Without an answer it is -1, which does not parse as a status.
        let status = status.parse().ok();
        Ok(Entry { status, client, ..Entry::new(method, target) })
    };
    match (answered_itself, entry()) {
        (true, Ok(entry)) => Ok(Line::turned_away(entry)),
        (true, Err(_)) => Ok(Line::TurnedAway(None)),
        (false, entry) => Line::request(entry?),
    }
}

fn is_of_times(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'/' | b'-' | b'+')
}

/// Whether a word is this many numbers, separated by slashes.
fn are_numbers(word: &str, count: usize) -> bool {
    word.split('/').count() == count && word.bytes().all(is_of_times)
}

/// Whether a word is the state in which a session ended, such as `----`, `PR--` or `cD--`.
fn is_state(word: &str) -> bool {
    word.len() == 4 && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphabetic())
}

/// The request between the quotes, with `#22` and similar escapes decoded. HAProxy truncates long requests,
/// often within the query; without the query, the rest of the request is complete.
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
            let Ok(Line::TurnedAway(entry)) = read(&line) else { panic!("{line}") };
            assert_eq!(entry.is_some(), request.starts_with("GET"), "{line}");
        }
    }

    #[test]
    fn a_line_without_its_front_is_read_while_its_state_is_there() {
        let whole = format!("front back/server 0/0/0/3/3 200 {BEHIND}");
        let requested = |fields: &str| requested(&format!("{fields} \"GET /info HTTP/1.1\" "));
        let words: Vec<&str> = whole.split(' ').collect();
        for cut in 0..words.len() {
            let status = if cut <= 3 { "Some(200)" } else { "None" };
            let expected =
                if cut <= STATE { format!("GET /info {status}") } else { "Ok(Other)".into() };
            assert_eq!(requested(&words[cut..].join(" ")), expected, "{cut}");
        }
        assert_eq!(requested(&format!("{whole} {{a b|c}} {{}}")), "GET /info Some(200)");
        let denied = "front front/<NOSRV> 0/-1/-1/-1/0 403 192 - - PR-- 2/2/0/0/0 0/0";
        let words: Vec<&str> = denied.split(' ').collect();
        for cut in 0..=STATE {
            assert!(requested(&words[cut..].join(" ")).starts_with("Ok(TurnedAway"), "{cut}");
        }
        // These do not show whether they were passed on.
        for line in ["\"GET /info HTTP/1.1\"", "GET /info HTTP/1.1", "\"GET /info HTTP/1.1\" 200"] {
            assert_eq!(read(line), Err(Unreadable::Bare), "{line}");
        }
    }

    #[test]
    fn what_a_client_sent_does_not_pass_for_the_fields() {
        let fake = "f b/s 0/0/0/0/0 200 1 - - ---- 1/1/1/1/0 0/0 \"GET /info HTTP/1.1\"";
        for line in [
            format!(
                "1.2.3.4 - - [24/Nov/2026:20:00:00 +0000] \"GET /a HTTP/1.1\" 200 1 \"-\" \"{fake}\""
            ),
            format!("DEBU[0007] form data: {fake}"),
            format!("login failed for {fake}"),
            format!("time=x level=debug msg=\"{}\"", fake.replace('"', "\\\"")),
        ] {
            assert_eq!(read(&line), Ok(Line::Other), "{line}");
        }
        let fake = fake.replace('"', "#22");
        let captured =
            format!("front back/server 0/0/0/3/3 200 {BEHIND} {{{fake}}} \"GET /a HTTP/1.1\"");
        assert_eq!(read(&captured), read(&captured.replace("/info", "/other")));
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
