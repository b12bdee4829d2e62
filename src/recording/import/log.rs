//! A whole log, read as the events of one session.

use std::collections::HashSet;
use std::io::{self, BufRead, Read};
use std::time::Instant;

use indexmap::IndexMap;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::super::identity::Identity;
use super::super::repeats::{Repeats, Seen, Sum};
use super::super::{End, Event, FORMAT_VERSION, Observation, Purpose, Repeat, Response, Session};
use super::{Entry, Format, Line, Unreadable};
use crate::api::{CanonicalRequest, EngineKind};
use crate::http1::Arrival;
use crate::peer::Peer;
use crate::text::hex;

/// The longest line that is read, in bytes. Caddy's lines contain the headers of a request, and no server
/// accepts a megabyte of headers.
const LONGEST_LINE: u64 = 1 << 20;

/// How many unreadable lines are remembered with their line numbers. The rest is only counted.
const MOST_PLACES: usize = 5;

/// How many lines without a request are tried in the other formats.
const MOST_TRIED: u64 = 10_000;

/// How many requests that the engine refused are remembered.
const MOST_REFUSED: usize = 1000;

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
}

/// What happens to requests that the proxy answered itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TurnedAway {
    /// They are counted and left out.
    LeftOut,
    /// They count like the others.
    Taken,
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
        /// How many lines could not be read.
        unreadable: u64,
    },
}

/// A log that is being read.
struct Import {
    engine: EngineKind,
    format: Format,
    /// The requests that the engine itself refused, if the proxy's log has each request twice.
    refused: HashSet<(String, String)>,
    session: Session,
    events: Vec<Event<'static>>,
    repeats: Repeats,
    requests: u64,
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
        denied: TurnedAway,
        mut lines: impl BufRead,
    ) -> Result<Self, ImportError> {
        let mut import = Import::begin(format, engine);
        let (mut skipped, mut unreadable, mut turned_away) = (Vec::new(), 0, 0);
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
            let found = if whole { format.lines(text) } else { vec![Err(Unreadable::Length)] };
            let is_of_something_else = found.is_empty() && import.requests == 0;
            if is_of_something_else && instead.is_none() && number <= MOST_TRIED {
                instead = Format::of(text);
                recording |= text.starts_with("{\"session\":");
            }
            for found in found {
                match found {
                    Ok(Line::Request(entry)) => import.request(&entry),
                    Ok(Line::TurnedAway(Some(entry))) if import.was_passed_on(&entry) => {}
                    Ok(Line::TurnedAway(Some(entry))) if denied == TurnedAway::Taken => {
                        import.request(&entry);
                    }
                    Ok(Line::TurnedAway(_)) => turned_away += 1,
                    Ok(Line::Other) => {}
                    Err(reason) => {
                        unreadable += 1;
                        if skipped.len() < MOST_PLACES {
                            skipped.push(Skipped { line: number, reason });
                        }
                    }
                }
            }
        }
        if import.requests == 0 {
            let name = name.to_owned();
            let nothing = ImportError::NoRequest {
                name,
                format,
                instead,
                recording,
                turned_away,
                unreadable,
            };
            return Err(nothing);
        }
        let events = import.end(&id(content), unreadable == 0);
        Ok(Self { events, skipped, unreadable, turned_away })
    }
}

impl Import {
    fn begin(format: Format, engine: EngineKind) -> Self {
        let session = Session {
            version: FORMAT_VERSION,
            id: String::new(),
            start: Timestamp::UNIX_EPOCH,
            dsp: env!("CARGO_PKG_VERSION").to_owned(),
            command: Vec::new(),
            arguments: false,
            container: None,
            client: None,
            labels: IndexMap::from([("from".to_owned(), format.as_str().to_owned())]),
            engine: None,
            lossy: false,
        };
        Self {
            engine,
            format,
            refused: HashSet::new(),
            session,
            events: Vec::new(),
            repeats: Repeats::default(),
            requests: 0,
        }
    }

    /// Whether the log has already reported that the engine refused this request. Caddy's access log
    /// reports it a second time.
    fn was_passed_on(&self, entry: &Entry) -> bool {
        !self.refused.is_empty()
            && self.refused.contains(&(entry.method.clone(), entry.target.clone()))
    }

    /// Adds a request as the recorder would: in canonical form, without its secrets, and only
    /// counted if it repeats an earlier one.
    fn request(&mut self, entry: &Entry) {
        self.requests += 1;
        let is_refused = matches!(entry.status, Some(401 | 403));
        if is_refused && self.format == Format::Caddy && self.refused.len() < MOST_REFUSED {
            self.refused.insert((entry.method.clone(), entry.target.clone()));
        }
        let request = CanonicalRequest::parse(self.engine, &entry.method, &entry.target);
        let located = request.as_ref().ok().and_then(CanonicalRequest::locate);
        let observed = Observation {
            arrival: Arrival {
                at: Instant::now(),
                // Logs may number requests, but not connections.
                connection: 1,
                peer: Peer::Unknown,
                client: None,
                method: &entry.method,
                target: &entry.target,
                agent: entry.agent.as_deref(),
            },
            request: request.as_ref().ok(),
            located: located.as_ref(),
            // A log contains neither headers nor bodies.
            contents: None,
            refusal: request.as_ref().err(),
            denied: None,
            would_deny: None,
        };
        // Each format writes times in its own way, and nothing that reads evidence needs one.
        let time = Timestamp::UNIX_EPOCH;
        let identity = Identity::of(&observed, Purpose::Evidence);
        if let Some(earlier) = self.repeats.find(&identity) {
            let place = self.repeats.place(earlier.first);
            if let Some((_, count)) = self.repeats.at(place) {
                count.once_more(earlier.is_exact, Seen::of(&observed.arrival));
                entry.status.into_iter().for_each(|status| count.answered(status));
            }
            return;
        }
        self.repeats.remember(&identity, self.requests);
        let request = observed.line("", self.requests, time);
        self.events.push(Event::Request(request.into_owned()));
        if entry.status.is_some() {
            self.events.push(Event::Response(Response {
                session: "".into(),
                seq: self.requests,
                status: entry.status,
                milliseconds: 0,
                received: 0,
                sent: 0,
                upgraded: entry.status == Some(101),
                // Only the headers of the answer would show this.
                unrouted: false,
                refused: None,
            }));
        }
    }

    /// The events, in the session with this id. The id is derived from the log's content, so that a log
    /// that is read twice counts once, like a recording.
    fn end(mut self, id: &str, whole: bool) -> Vec<Event<'static>> {
        let repeats = self.repeats.rest().map(|(seq, _, Sum { count, alike, statuses, .. })| {
            // The times in a log are not read, see above.
            let (statuses, last) = (statuses.into_iter().collect(), None);
            Event::Repeat(Repeat { session: "".into(), seq, count, alike, statuses, last })
        });
        self.events.extend(repeats);
        if whole {
            let (time, requests) = (Timestamp::UNIX_EPOCH, self.requests);
            let end = End { session: "".into(), time, requests, dropped: 0, exit: None };
            self.events.push(Event::End(end));
        }
        self.events.insert(0, Event::Session(self.session));
        self.events.iter_mut().for_each(|event| event.set_session(id));
        self.events
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

    fn nginx(requests: &[&str]) -> String {
        let line = |request: &&str| {
            format!(
                "1.2.3.4 - - [24/Nov/2026:20:00:00 +0000] \"{request} HTTP/1.1\" 200 1 \"-\" \"-\"\n"
            )
        };
        requests.iter().map(line).collect()
    }

    fn read(format: Format, text: &str) -> Result<Log, ImportError> {
        Log::read("log", format, EngineKind::Docker, TurnedAway::LeftOut, text.as_bytes())
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

    proptest! {
        #[test]
        fn no_log_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), request in "GET /.*") {
            let lines = [bytes.as_slice(), nginx(&[&request]).as_bytes(), &bytes].concat();
            for format in Format::ALL {
                let _ = Log::read("log", format, EngineKind::Docker, TurnedAway::Taken, lines.as_slice());
            }
        }
    }
}
