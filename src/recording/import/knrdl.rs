//! knrdl's docker-socket-protector with `LOG_REQUESTS=true`.
//!
//! It writes each request as a rule, `request rule:  GET /v1\.41/info`, before it decides on it, and `request
//! denied: GET /v1.41/info` if it then denies it (`src/proxy.go`). So a request was passed on if no line of
//! the log denies it.

use super::text::request_line;
use super::{Entry, Line, Unreadable};

const RULE: &str = "request rule:  ";
const DENIED: &str = "request denied: ";

pub(super) fn read(line: &str) -> Result<Line, Unreadable> {
    if let Some(rule) = line.strip_prefix(RULE) {
        let request = literal(rule).ok_or(Unreadable::Escape)?;
        let (method, target) = request_line(&request).ok_or(Unreadable::Request)?;
        return Line::request(Entry::new(method, target));
    }
    Ok(match line.strip_prefix(DENIED) {
        Some(request) => request_line(request)
            .map_or(Line::TurnedAway(None), |(method, target)| {
                Line::turned_away(Entry::new(method, target))
            }),
        None => Line::Other,
    })
}

/// Whether a text begins as its lines do.
pub(super) fn begins(line: &str) -> bool {
    line.starts_with(RULE) || line.starts_with(DENIED)
}

/// The text that an expression matches literally: Go's `QuoteMeta` puts a backslash before each character
/// that has a meaning.
fn literal(expression: &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = expression.chars();
    while let Some(character) = characters.next() {
        text.push(if character == '\\' { characters.next()? } else { character });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_requests() {
        let line = r"request rule:  GET /v1\.41/containers/json\?all=1";
        assert_eq!(
            read(line),
            Ok(Line::Request(Entry::new("GET", "/v1.41/containers/json?all=1")))
        );
        let line = "request denied: POST /v1.41/build?t=a.b";
        let entry = Entry::new("POST", "/v1.41/build?t=a.b");
        assert_eq!(read(line), Ok(Line::TurnedAway(Some(entry))));
        assert_eq!(read(r"request rule:  GET /a\"), Err(Unreadable::Escape));
        assert_eq!(read("request rule:  GET"), Err(Unreadable::Request));
        for line in ["", "x request rule:  GET /a", "unsupported protocol scheme: GET /a"] {
            assert_eq!(read(line), Ok(Line::Other), "{line}");
        }
    }
}
