//! CetusGuard's log with `-log-level 7`.
//!
//! `DEBUG: 2026/11/30 20:00:00 allowed request: GET /v1.41/info` was passed on, `WARNING: ... denied request:`
//! was not. The path is decoded and has no query (`cetusguard/cetusguard.go`).

use super::text::{decoded_target, request_line};
use super::{Entry, Line, Unreadable};

const ALLOWED: &str = "allowed request: ";
const DENIED: &str = "denied request: ";

/// The levels, with which each line begins.
const LEVELS: [&str; 5] = ["CRITICAL: ", "ERROR: ", "WARNING: ", "INFO: ", "DEBUG: "];

pub(super) fn read(line: &str) -> Result<Line, Unreadable> {
    let Some(text) = message(line) else { return Ok(Line::Other) };
    if let Some(request) = text.strip_prefix(ALLOWED) {
        return Line::request(entry(request).ok_or(Unreadable::Request)?);
    }
    Ok(match text.strip_prefix(DENIED) {
        Some(request) => entry(request).map_or(Line::TurnedAway(None), Line::turned_away),
        None => Line::Other,
    })
}

/// Whether a text begins with a level and a time.
pub(super) fn begins(line: &str) -> bool {
    message(line).is_some()
}

/// The text after level and time.
fn message(line: &str) -> Option<&str> {
    let text = LEVELS.into_iter().find_map(|level| line.strip_prefix(level))?;
    let (date, text) = text.split_once(' ')?;
    let (time, text) = text.split_once(' ')?;
    let is_of = |text: &str, mark: u8| {
        text.bytes().all(|byte| byte.is_ascii_digit() || byte == mark)
            && text.contains(char::from(mark))
    };
    (is_of(date, b'/') && is_of(time, b':')).then_some(text)
}

fn entry(request: &str) -> Option<Entry> {
    let (method, path) = request_line(request)?;
    Some(Entry::new(method, &decoded_target(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_and_denied_requests_are_told_apart() {
        let line = "DEBUG: 2026/11/30 19:53:25 allowed request: GET /v1.41/containers/json";
        assert_eq!(read(line), Ok(Line::Request(Entry::new("GET", "/v1.41/containers/json"))));
        let line = "WARNING: 2026/11/30 19:53:25 denied request: POST /v1.41/containers/a b/start";
        let entry = Entry::new("POST", "/v1.41/containers/a%20b/start");
        assert_eq!(read(line), Ok(Line::TurnedAway(Some(entry))));
        let line = "DEBUG: 2026/11/30 19:53:25 allowed request: ";
        assert_eq!(read(line), Err(Unreadable::Request));
    }

    #[test]
    fn other_lines_are_passed_over() {
        for line in [
            "",
            "INFO: 2026/11/30 19:53:26 exit",
            "DEBUG: 2026/11/30 19:53:25 loaded rule: GET ^allowed request: GET /info$",
            "allowed request: GET /info",
            "x DEBUG: 2026/11/30 19:53:25 allowed request: GET /info",
        ] {
            assert_eq!(read(line), Ok(Line::Other), "{line}");
        }
    }
}
