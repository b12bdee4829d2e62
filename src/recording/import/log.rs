//! A whole log, read as the events of one session.

use std::io::{self, BufRead, Read};

use sha2::{Digest, Sha256};

use super::super::Event;
use super::session::Import;
use super::trace::Socat;
use super::wanted::Wanted;
use super::{Format, Line, Unreadable};
use crate::api::EngineKind;
use crate::text::hex;

/// The longest line that is read, in bytes. Caddy's lines contain the headers of a request, and no server
/// accepts a megabyte of headers.
const LONGEST_LINE: u64 = 1 << 20;

/// How many unreadable lines are remembered with their line numbers. The rest is only counted.
const MOST_PLACES: usize = 5;

/// How many lines without a request are tried in the other formats.
const MOST_TRIED: u64 = 10_000;

/// The result of reading a log.
#[derive(Debug)]
pub struct Log {
    /// One session, from its start to its end. The end is missing if lines could not be read, because the
    /// requests in them are missing too.
    pub events: Vec<Event<'static>>,
    /// The first lines that should be requests and cannot be read.
    pub skipped: Vec<Skipped>,
    /// How many such lines there were.
    pub unreadable: u64,
    /// How many requests are left out because the proxy answered them itself.
    pub turned_away: u64,
    /// How many requests are left out because another client sent them.
    pub others: u64,
}

/// A line that cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Skipped {
    /// Its number, from 1.
    pub line: u64,
    /// Why it cannot be read.
    pub reason: Unreadable,
}

/// Why a log gives no evidence.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be opened or read.
    #[error("cannot read the log {name}: {source}")]
    Io {
        /// The name of the log.
        name: String,
        /// The error from the operating system.
        source: io::Error,
    },
    /// It is text in another encoding, such as PowerShell writes.
    #[error("{name} is UTF-16, and logs are read as UTF-8")]
    Utf16 {
        /// The name of the log.
        name: String,
    },
    /// No line of it is a request in the requested format.
    #[error("{name} contains no request that --from {format} can read")]
    NoRequest {
        /// The name of the log.
        name: String,
        /// The requested format.
        format: Format,
        /// The format that some line has instead.
        instead: Option<Format>,
        /// Whether it is a recording that dsp wrote.
        recording: bool,
        /// How many requests the proxy answered itself.
        turned_away: u64,
        /// How many requests other clients sent.
        others: u64,
        /// How many lines could not be read.
        unreadable: u64,
    },
}

impl Log {
    /// Reads a log of requests to an engine of this kind to its end. Error messages call it `name`.
    ///
    /// A line may contain several requests, for example a batch of a log drain.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn read(
        name: &str,
        format: Format,
        engine: EngineKind,
        wanted: Wanted,
        mut lines: impl BufRead,
    ) -> Result<Self, ImportError> {
        let mut import = Import::begin(format, engine, wanted);
        let mut socat = Socat::default();
        let (mut skipped, mut unreadable) = (Vec::new(), 0);
        let (mut instead, mut recording) = (None, false);
        let mut content = Sha256::new();
        let mut line = Vec::new();
        for number in 1.. {
            let io = |source| ImportError::Io { name: name.to_owned(), source };
            let Some(whole) = read_line(&mut lines, &mut line).map_err(io)? else { break };
            content.update(&line);
            if number == 1 && is_utf_16(&line) {
                return Err(ImportError::Utf16 { name: name.to_owned() });
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            let found = match format {
                _ if !whole => vec![Err(Unreadable::Length)],
                Format::Socat => vec![socat.read(text)],
                format => format.lines(text),
            };
            let is_other = |line: &Result<Line, Unreadable>| *line == Ok(Line::Other);
            let is_of_something_else = found.iter().all(is_other) && import.is_empty();
            if is_of_something_else && instead.is_none() && number <= MOST_TRIED {
                instead = Format::of(text);
                recording |= text.starts_with("{\"session\":");
            }
            for found in found {
                match found {
                    Ok(line) => import.line(line),
                    Err(reason) => {
                        unreadable += 1;
                        if skipped.len() < MOST_PLACES {
                            skipped.push(Skipped { line: number, reason });
                        }
                    }
                }
            }
        }
        import.decide();
        let (turned_away, others) = (import.turned_away, import.others);
        if import.requests == 0 {
            let name = name.to_owned();
            let nothing = ImportError::NoRequest {
                name,
                format,
                instead,
                recording,
                turned_away,
                others,
                unreadable,
            };
            return Err(nothing);
        }
        let events = import.end(&id(content), unreadable == 0);
        Ok(Self { events, skipped, unreadable, turned_away, others })
    }
}

/// The beginning of a digest, as long as the random id of a recorded session.
fn id(content: Sha256) -> String {
    let digest = content.finalize();
    hex(digest.get(..8).unwrap_or(&digest))
}

/// Whether a file begins with the UTF-16 byte order mark.
fn is_utf_16(beginning: &[u8]) -> bool {
    beginning.starts_with(&[0xff, 0xfe]) || beginning.starts_with(&[0xfe, 0xff])
}

/// Reads the next line into `line` and returns whether it is whole; `None` at the end. If a line is too
/// long, its beginning is kept and the rest is skipped.
fn read_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    if lines.by_ref().take(LONGEST_LINE).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') || u64::try_from(line.len()).unwrap_or(0) < LONGEST_LINE {
        return Ok(Some(true));
    }
    lines.skip_until(b'\n')?;
    Ok(Some(false))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recording::TurnedAway;

    fn nginx(requests: &[&str]) -> String {
        let line = |request: &&str| {
            format!(
                "1.2.3.4 - - [24/Nov/2026:20:00:00 +0000] \"{request} HTTP/1.1\" 200 1 \"-\" \"-\"\n"
            )
        };
        requests.iter().map(line).collect()
    }

    fn read(format: Format, text: &str) -> Result<Log, ImportError> {
        read_for(None, format, text)
    }

    fn read_for(client: Option<&str>, format: Format, text: &str) -> Result<Log, ImportError> {
        let client = client.map(|client| client.parse().unwrap());
        let wanted = Wanted { denied: TurnedAway::LeftOut, client };
        Log::read("log", format, EngineKind::Docker, wanted, text.as_bytes())
    }

    #[test]
    fn a_log_is_one_session_with_its_repeats_counted() {
        let text = nginx(&["GET /info", "GET /info/../json", "GET /info", "GET /info"]);
        let log = read(Format::Nginx, &text).unwrap();
        let id = log.events[0].session().to_owned();
        assert_eq!(id.len(), 16);
        assert!(log.events.iter().all(|event| event.session() == id));
        let kinds: Vec<String> = log
            .events
            .iter()
            .map(|event| match event {
                Event::Session(_) => "session".to_owned(),
                Event::Request(request) => {
                    format!("{} {} {:?}", request.seq, request.path, request.refused.is_some())
                }
                Event::Response(response) => format!("{:?}", response.status),
                Event::Repeat(repeat) => {
                    format!("{} +{} {:?}", repeat.seq, repeat.count, repeat.statuses)
                }
                Event::Made(made) => format!("made {}", made.kind),
                Event::End(end) => format!("end {}", end.requests),
            })
            .collect();
        insta::assert_snapshot!(kinds.join("\n"), @r"
        session
        1 /info false
        Some(200)
        2 /info/../json true
        Some(200)
        1 +2 {200: 2}
        end 4
        ");
        assert_eq!(read(Format::Nginx, &text).unwrap().events[0].session(), id);
        assert_ne!(read(Format::Nginx, &nginx(&["GET /info"])).unwrap().events[0].session(), id);
    }

    #[test]
    fn queries_are_kept_as_a_recording_keeps_them() {
        let text = nginx(&["POST /build?t=x&buildargs=hunter2", "GET /nowhere?token=hunter2"]);
        let log = read(Format::Nginx, &text).unwrap();
        let text = serde_json::to_string(&log.events).unwrap();
        assert!(text.contains(r#"[["t","x"],["buildargs",null]]"#), "{text}");
        assert!(text.contains(r#""unread":1"#) && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn unreadable_lines_are_counted_with_their_places() {
        let good = nginx(&["GET /info"]);
        let bad = good.replace("HTTP/1.1\"", "HTTP/1.1");
        let long = "x".repeat(3 << 20);
        let text = format!("{good}\n{}{long}\n{good}{bad}", bad.repeat(5));
        let log = read(Format::Nginx, &text).unwrap();
        assert_eq!(log.unreadable, 7);
        assert_eq!(log.skipped.len(), MOST_PLACES);
        assert_eq!(log.skipped[0].line, 3);
        assert!(!matches!(log.events.last(), Some(Event::End(_))), "the log has gaps");
        let log = read(Format::Nginx, &format!("{good}{long}\n{good}")).unwrap();
        assert_eq!(log.skipped, [Skipped { line: 2, reason: Unreadable::Length }]);
        assert!(matches!(&log.events[3], Event::Repeat(repeat) if repeat.count == 1));
    }

    #[test]
    fn the_right_format_is_suggested() {
        let line = nginx(&["GET /info"]);
        let Err(ImportError::NoRequest { instead, recording, .. }) = read(Format::Caddy, &line)
        else {
            panic!()
        };
        assert_eq!((instead, recording), (Some(Format::Nginx), false));
        let Err(ImportError::NoRequest { instead, recording, .. }) =
            read(Format::Caddy, "{\"session\":{\"version\":1}}\n")
        else {
            panic!()
        };
        assert_eq!((instead, recording), (None, true));
    }

    fn paths(log: &Log) -> Vec<String> {
        let path = |event: &Event<'_>| match event {
            Event::Request(request) => Some(request.path.to_string()),
            _ => None,
        };
        log.events.iter().filter_map(path).collect()
    }

    #[test]
    fn a_denial_may_follow_the_request() {
        let text = "request rule:  GET /v1\\.41/info\nrequest rule:  POST /v1\\.41/build\n\
                    request denied: POST /v1.41/build\nrequest denied: POST /v1.41/commit\n";
        let log = read(Format::Knrdl, text).unwrap();
        assert_eq!((paths(&log), log.turned_away), (vec!["/v1.41/info".to_owned()], 2));
    }

    #[test]
    fn one_client_is_taken_out_of_a_log() {
        let text = nginx(&["GET /info"]) + &nginx(&["GET /version"]).replace("1.2.3.4", "10.0.0.7");
        let log = read_for(Some("10.0.0.0/8"), Format::Nginx, &text).unwrap();
        assert_eq!((paths(&log), log.others), (vec!["/version".to_owned()], 1));
        let none = read_for(Some("10.0.0.1"), Format::Nginx, &text);
        assert!(matches!(none, Err(ImportError::NoRequest { others: 2, .. })));
    }

    proptest! {
        #[test]
        fn no_log_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), request in "GET /.*") {
            let lines = [bytes.as_slice(), nginx(&[&request]).as_bytes(), &bytes].concat();
            for format in Format::ALL {
                let wanted = Wanted { denied: TurnedAway::Taken, client: None };
                let _ = Log::read("log", format, EngineKind::Docker, wanted, lines.as_slice());
            }
        }
    }
}
