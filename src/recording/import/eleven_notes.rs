//! The log of 11notes' docker-socket-proxy, which has only the requests that it denied.
//!
//! `2026/11/30 20:00:00 blocked: POST /v1.41/build` (`go/socket-proxy/main.go`). What it passed on, every GET but a
//! few, it does not log.

use super::text::request_line;
use super::{Entry, Line, Unreadable};

const BLOCKED: &str = "blocked: ";

pub(super) fn read(line: &str) -> Result<Line, Unreadable> {
    // The time before it may have been taken for that of a log drain.
    let Some(request) = line.strip_prefix(BLOCKED) else { return Ok(Line::Other) };
    Ok(request_line(request).map_or(Line::TurnedAway(None), |(method, target)| {
        Line::turned_away(Entry::new(method, target))
    }))
}

/// Whether a text begins as its lines do.
pub(super) fn begins(line: &str) -> bool {
    line.starts_with(BLOCKED)
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    #[test]
    fn what_was_blocked_was_turned_away() {
        let entry = Entry::new("POST", "/v1.41/build?t=x");
        assert_eq!(
            read("blocked: POST /v1.41/build?t=x"),
            Ok(Line::TurnedAway(Some(entry.clone())))
        );
        let line = "2026/11/30 20:00:00 blocked: POST /v1.41/build?t=x";
        assert_eq!(Format::ElevenNotes.lines(line), [Ok(Line::TurnedAway(Some(entry)))]);
        assert_eq!(read("starting socket-proxy v2.1.4"), Ok(Line::Other));
    }
}
