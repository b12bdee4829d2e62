//! Appends a session to a recording, one whole line at a time.
//!
//! Recording must never break the workload: once the session has begun, a line that cannot be
//! written is counted, the session is marked as lossy, and everything goes on.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::append::{AppendFile, CreateError};
use super::repeats::Repeats;
use super::{End, Event, Repeat, Request, Response, Session, redact};
use crate::api::{CanonicalRequest, Located};

/// The longest method, path or client name in characters that is recorded.
const LONGEST_TEXT: usize = 4096;

/// A session being recorded. All methods may be called from several threads at once.
#[derive(Debug)]
pub struct Writer {
    id: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: AppendFile,
    repeats: Repeats,
    operations: HashSet<String>,
    requests: u64,
    newest: Instant,
}

/// A request, as the proxy saw it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The number of the client's connection.
    pub connection: u64,
    /// The method as received.
    pub method: &'a str,
    /// The path as received, without the query.
    pub path: &'a str,
    /// The canonical form, or why there is none.
    pub request: Result<&'a CanonicalRequest, &'a str>,
    /// The operation, if there is one.
    pub located: Option<&'a Located>,
    /// The client's own name for itself.
    pub agent: Option<&'a str>,
    /// Why it is denied.
    pub denied: Option<&'a str>,
    /// Why it would be denied if denials were in force.
    pub would_deny: Option<&'a str>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Outcome {
    /// The status; none when the engine gave no answer.
    pub status: Option<u16>,
    /// From the arrival of the request to the end of the answer.
    pub duration: Duration,
    /// Bytes of body or tunnel from the client to the engine.
    pub received: u64,
    /// Bytes of body or tunnel from the engine to the client.
    pub sent: u64,
    /// Whether the connection became a tunnel.
    pub upgraded: bool,
    /// Whether the engine has no such route.
    pub unrouted: bool,
}

/// Names a request between its arrival and its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ticket {
    seq: u64,
    repeated: bool,
    written: bool,
}

impl Ticket {
    /// Whether the request is in the file, or counted behind one that is, and the file could be
    /// written when it was last tried.
    #[must_use]
    pub fn is_written(self) -> bool {
        self.written
    }
}

/// Where a session stands.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Requests so far, repeated ones included.
    pub requests: u64,
    /// Different operations so far; unknown and refused requests are not counted.
    pub operations: usize,
    /// When the newest operation was first seen.
    pub newest: Instant,
}

/// What a session came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Totals {
    /// Requests, repeated ones included.
    pub requests: u64,
    /// Different operations.
    pub operations: usize,
    /// Lines that could not be written.
    pub dropped: u64,
}

impl Session {
    /// A session that begins now, with an id of its own.
    #[must_use]
    pub fn begin(command: Vec<String>) -> Self {
        // The keys of `RandomState` come from the system's random source. An id has to be unique,
        // it is not a secret.
        let id = RandomState::new().build_hasher().finish();
        Self {
            version: super::FORMAT_VERSION,
            id: format!("{id:016x}"),
            start: Timestamp::now(),
            dsp: env!("CARGO_PKG_VERSION").to_owned(),
            command,
            labels: indexmap::IndexMap::new(),
            engine: None,
            lossy: false,
        }
    }
}

impl Arrival<'_> {
    /// The line of a recording for it: cut to a length, and without what may be secret.
    pub(super) fn describe(&self, session: &str, seq: u64, time: Timestamp) -> Request {
        let cut = |text: &str| text.chars().take(LONGEST_TEXT).collect::<String>();
        let located = self.located;
        let parameters = located.map(|located| {
            let names = located.operation.template.parameters().map(str::to_owned);
            names.zip(located.values.iter().cloned()).collect()
        });
        Request {
            session: session.to_owned(),
            seq,
            time,
            connection: self.connection,
            method: cut(self.method),
            path: cut(self.path),
            operation: located.map(|located| located.operation.name.to_owned()),
            parameters: parameters.unwrap_or_default(),
            query: self
                .request
                .map(|request| redact::query(request.query(), located))
                .unwrap_or_default(),
            refused: self.request.err().map(str::to_owned),
            agent: self.agent.map(cut),
            denied: self.denied.map(cut),
            would_deny: self.would_deny.map(cut),
        }
    }
}

impl Writer {
    /// Appends the session's first line to the file at `path`, which is made if it is absent. A
    /// last line that was cut by a crash is closed first.
    ///
    /// # Errors
    /// [`CreateError`]; nothing was changed then.
    pub fn create(path: &Path, session: &Session) -> Result<Self, CreateError> {
        let file = AppendFile::begin(path, &Event::Session(session.clone()))?;
        Ok(Self::new(file, session))
    }

    /// Writes the session to an open file, such as a pipe, from where it stands.
    ///
    /// # Errors
    /// What the system says.
    pub fn onto(file: File, session: &Session) -> io::Result<Self> {
        let file = AppendFile::onto(file, &Event::Session(session.clone()))?;
        Ok(Self::new(file, session))
    }

    fn new(file: AppendFile, session: &Session) -> Self {
        let state = State {
            file,
            repeats: Repeats::default(),
            operations: HashSet::new(),
            requests: 0,
            newest: Instant::now(),
        };
        Self { id: session.id.clone(), state: Mutex::new(state) }
    }

    /// Records a request. The line is in the file when this returns, unless it could not be
    /// written.
    pub fn request(&self, arrival: &Arrival<'_>) -> Ticket {
        let mut state = self.lock();
        state.requests += 1;
        let request = arrival.describe(&self.id, state.requests, Timestamp::now());
        if let Some(operation) = &request.operation
            && state.operations.insert(operation.clone())
        {
            state.newest = Instant::now();
        }
        let seq = request.seq;
        match state.repeats.note(&request) {
            None => {
                let written = state.file.append(&Event::Request(request));
                Ticket { seq, repeated: false, written }
            }
            Some(first) => {
                // While nothing can be written, each request tries.
                let is_failing = state.file.is_failing();
                let due = state.repeats.due(first, is_failing);
                let due = due.map(|count| self.repeat(first, count));
                let written = due.is_none_or(|event| state.file.append(&event));
                Ticket { seq: first, repeated: true, written }
            }
        }
    }

    /// Records how a request ended.
    pub fn response(&self, ticket: Ticket, outcome: &Outcome) {
        let mut state = self.lock();
        if ticket.repeated {
            outcome
                .status
                .into_iter()
                .for_each(|status| state.repeats.answered(ticket.seq, status));
            return;
        }
        state.file.append(&Event::Response(Response {
            session: self.id.clone(),
            seq: ticket.seq,
            status: outcome.status,
            milliseconds: u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
            received: outcome.received,
            sent: outcome.sent,
            upgraded: outcome.upgraded,
            unrouted: outcome.unrouted,
        }));
    }

    /// Where the session stands.
    pub fn progress(&self) -> Progress {
        let state = self.lock();
        Progress {
            requests: state.requests,
            operations: state.operations.len(),
            newest: state.newest,
        }
    }

    /// Ends the session, with the exit status of its command.
    pub fn end(&self, exit: Option<u8>) -> Totals {
        let mut state = self.lock();
        let rest: Vec<Event> =
            state.repeats.rest().map(|(first, count)| self.repeat(first, count)).collect();
        for event in &rest {
            state.file.append(event);
        }
        let end = End {
            session: self.id.clone(),
            time: Timestamp::now(),
            requests: state.requests,
            dropped: state.file.dropped(),
            exit,
        };
        state.file.append(&Event::End(end));
        Totals {
            requests: state.requests,
            operations: state.operations.len(),
            dropped: state.file.dropped(),
        }
    }

    fn repeat(&self, first: u64, count: &super::repeats::Count) -> Event {
        Event::Repeat(Repeat {
            session: self.id.clone(),
            seq: first,
            count: count.count,
            statuses: count.statuses.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use super::*;
    use crate::api::EngineKind;
    use crate::recording::Reader;

    fn arrive(writer: &Writer, method: &str, target: &str) -> Ticket {
        let request = CanonicalRequest::parse(EngineKind::Docker, method, target).unwrap();
        let located = request.locate();
        writer.request(&Arrival {
            connection: 1,
            method,
            path: target.split('?').next().unwrap(),
            request: Ok(&request),
            located: located.as_ref(),
            agent: Some("test"),
            denied: None,
            would_deny: None,
        })
    }

    fn events(path: &Path) -> Vec<Event> {
        Reader::open(path).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_session_is_written_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        let session = Session::begin(vec!["docker".into(), "ps".into()]);
        let writer = Writer::create(&path, &session).unwrap();
        let ticket = arrive(&writer, "GET", "/v1.41/containers/web/json?size=1");
        assert_eq!(events(&path).len(), 2, "the request is on disk before it is forwarded");
        writer.response(ticket, &Outcome { status: Some(200), ..Outcome::default() });
        assert_eq!(writer.end(Some(0)), Totals { requests: 1, operations: 1, dropped: 0 });
        let events = events(&path);
        let Event::Request(request) = &events[1] else { panic!("{events:?}") };
        assert_eq!(request.operation.as_deref(), Some("ContainerInspect"));
        assert_eq!(request.parameters.get("id").map(String::as_str), Some("web"));
        assert_eq!(request.query, [("size".to_owned(), Some("1".to_owned()))]);
        assert!(matches!(&events[3], Event::End(end) if end.requests == 1 && end.exit == Some(0)));
    }

    #[test]
    fn a_second_session_closes_the_cut_line_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        drop(Writer::create(&path, &Session::begin(vec![])).unwrap());
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"request\":{\"ses").unwrap();
        let writer = Writer::create(&path, &Session::begin(vec![])).unwrap();
        writer.end(None);
        assert_eq!(events(&path).len(), 3);
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "my notes\n").unwrap();
        let error = Writer::create(&path, &Session::begin(vec![])).unwrap_err();
        assert!(matches!(error, CreateError::Foreign { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "my notes\n");
    }

    #[test]
    fn a_million_identical_requests_stay_small() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        let writer = Writer::create(&path, &Session::begin(vec![])).unwrap();
        for _ in 0..20_000 {
            let ticket = arrive(&writer, "GET", "/v1.41/containers/json");
            writer.response(ticket, &Outcome { status: Some(200), ..Outcome::default() });
        }
        // A poller that asks for the time since its last question never repeats itself exactly.
        for since in 0..20_000 {
            let ticket = arrive(&writer, "GET", &format!("/v1.41/events?since={since}"));
            writer.response(ticket, &Outcome { status: Some(200), ..Outcome::default() });
        }
        writer.end(None);
        assert!(std::fs::metadata(&path).unwrap().len() < 32 << 10);
        let repeated: HashSet<u64> = events(&path)
            .into_iter()
            .filter_map(|event| match event {
                Event::Repeat(repeat) => Some(repeat.count),
                _ => None,
            })
            .collect();
        assert!(repeated.contains(&19_999), "{repeated:?}");
    }

    #[test]
    fn a_full_disk_marks_the_session_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        let writer = Writer::create(&path, &Session::begin(vec![])).unwrap();
        // /dev/full answers every write with "no space left on device".
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let file = writer.state.lock().unwrap().file.swap(full);
        assert!(!arrive(&writer, "GET", "/info").is_written());
        assert!(!arrive(&writer, "GET", "/info").is_written(), "each one tries");
        writer.state.lock().unwrap().file.swap(file);
        assert!(arrive(&writer, "GET", "/version").is_written());
        let totals = writer.end(None);
        assert_eq!((totals.requests, totals.dropped), (3, 2));
        let events = events(&path);
        assert!(matches!(&events[0], Event::Session(session) if session.lossy), "{events:?}");
        assert!(matches!(&events.last(), Some(Event::End(end)) if end.dropped == 2));
    }
}
