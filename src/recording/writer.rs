//! Appends a session to a recording, one whole line at a time.
//!
//! Recording must never break the workload. Once the session has begun, a line that cannot be written is
//! counted, the session is marked as lossy, and everything continues.

#[cfg(test)]
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::append::{AppendFile, CreateError};
use super::identity::Identity;
use super::ledger::{Ledger, Ticket};
use super::observation::Observation;
use super::recent::Key;
use super::stream::Stream;
use super::{Event, Makes, Progress, Purpose, Session, SessionClient, Totals};

/// A session being recorded. All methods may be called from several threads at once.
#[derive(Debug)]
pub struct Writer {
    /// Locked while a request is recorded, so that each request is either before or after a change of
    /// session.
    current: Mutex<Arc<Ledger>>,
    purpose: Purpose,
}

impl Session {
    /// A session that begins now, with a new id.
    #[must_use]
    pub fn begin(command: Vec<String>) -> Self {
        // The keys of `RandomState` come from the system's random source. An id has to be unique but is not
        // a secret.
        let id = RandomState::new().build_hasher().finish();
        Self {
            version: super::FORMAT_VERSION,
            id: format!("{id:016x}"),
            start: Timestamp::now(),
            dsp: env!("CARGO_PKG_VERSION").to_owned(),
            command,
            arguments: false,
            container: None,
            client: None,
            labels: indexmap::IndexMap::new(),
            engine: None,
            lossy: false,
        }
    }

    /// The same session, with its texts shortened so that the line can be read again. A character takes at
    /// most six bytes of the line.
    fn bounded(&self) -> Self {
        let mut bounded = self.clone();
        let mut left = MOST_BYTES;
        let mut cut = |text: &mut String| {
            let most = left.min(LONGEST_TEXT).min(text.len());
            let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            text.truncate(end);
            left -= end;
        };
        cut(&mut bounded.id);
        cut(&mut bounded.dsp);
        bounded.container.iter_mut().for_each(&mut cut);
        if let Some(client) = &mut bounded.client {
            match client {
                SessionClient::Container(value)
                | SessionClient::Unit(value)
                | SessionClient::Login(value) => cut(value),
            }
        }
        if let Some(engine) = &mut bounded.engine {
            cut(&mut engine.version);
            cut(&mut engine.api);
            engine.min_api.iter_mut().for_each(&mut cut);
        }
        bounded.command.truncate(MOST_TEXTS);
        bounded.command.iter_mut().for_each(&mut cut);
        let labels = std::mem::take(&mut bounded.labels).into_iter().take(MOST_TEXTS);
        for (mut name, mut value) in labels {
            cut(&mut name);
            cut(&mut value);
            bounded.labels.insert(name, value);
        }
        bounded
    }
}

/// The most bytes of all texts in a session's first line together, the most bytes of one text, and the most
/// arguments and labels.
const MOST_BYTES: usize = 1 << 17;
const LONGEST_TEXT: usize = 1 << 16;
const MOST_TEXTS: usize = 2048;

impl Writer {
    /// Appends the session's first line to the file at `path`, which is created if it does not exist. If a
    /// crash cut the last line, it is ended first.
    ///
    /// # Errors
    /// [`CreateError`]. Nothing was changed in that case.
    pub fn create(path: &Path, session: &Session) -> Result<Self, CreateError> {
        let file = AppendFile::begin(path, &Event::Session(session.bounded()))?;
        Ok(Self::new(file, session))
    }

    /// Writes the session to a stream, which may have other sessions at the same time.
    ///
    /// # Errors
    /// Returns the error from the operating system.
    pub fn onto(stream: &Stream, session: &Session) -> io::Result<Self> {
        let file = AppendFile::onto(stream, &Event::Session(session.bounded()))?;
        Ok(Self::new(file, session))
    }

    fn new(file: AppendFile, session: &Session) -> Self {
        let ledger = Ledger::new(session.id.clone(), file);
        Self { current: Mutex::new(Arc::new(ledger)), purpose: Purpose::default() }
    }

    /// Sets the purpose. Call this before the first request.
    #[must_use]
    pub fn for_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// Records a request. When this returns, the request is in the file, in a line of its own or in a
    /// count, unless it could not be written.
    pub fn request(&self, observed: &Observation<'_>) -> Ticket {
        let makes = Makes::of(observed);
        let key = Key::of(observed);
        if let Some(key) = &key
            && let Some(ticket) = self.current.lock().again(key, observed)
        {
            return ticket.making(makes);
        }
        // The hashing here takes ten times as long as everything else under the lock.
        let identity = Identity::of(observed, self.purpose);
        // A key that may contain a secret does not stay in memory.
        let key = key.filter(|_| !identity.has_hidden());
        self.current.lock().request(observed, &identity, key).making(makes)
    }

    /// The progress of the session.
    pub fn progress(&self) -> Progress {
        self.current.lock().progress()
    }

    /// Ends the session with the exit status of its command.
    pub fn end(&self, exit: Option<u8>) -> Totals {
        self.current.lock().end(exit)
    }

    /// Ends the session and continues with the one that another writer has begun. Each request is in one of
    /// the two.
    pub fn go_on_with(&self, next: Self) -> Totals {
        let next = next.current.into_inner();
        let mut current = self.current.lock();
        let ended = current.end(None);
        *current = next;
        ended
    }

    /// Replaces the session's file, to simulate a disk that fills up.
    #[cfg(test)]
    pub(super) fn swap(&self, file: File) -> File {
        self.current.lock().state.lock().file.swap(file)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs::OpenOptions;
    use std::io::Write;

    use std::time::Instant;

    use super::*;
    use crate::api::{CanonicalRequest, EngineKind};
    use crate::http1::{Arrival, Outcome};
    use crate::recording::Reader;

    fn arrive(writer: &Writer, method: &str, target: &str) -> Ticket {
        let request = CanonicalRequest::parse(EngineKind::Docker, method, target).unwrap();
        let located = request.locate();
        writer.request(&Observation {
            arrival: Arrival {
                at: Instant::now(),
                connection: 1,
                peer: crate::peer::Peer::Unknown,
                client: None,
                method,
                target,
                agent: Some("test"),
            },
            request: Some(&request),
            contents: None,
            refusal: None,
            located: located.as_ref(),
            denied: None,
            would_deny: None,
        })
    }

    fn events(path: &Path) -> Vec<Event<'static>> {
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
        ticket.answered(&Outcome { status: Some(200), ..Outcome::default() });
        assert_eq!(
            writer.end(Some(0)),
            Totals { requests: 1, operations: 1, dropped: 0, refused: 0, unread: 0 }
        );
        let events = events(&path);
        let Event::Request(request) = &events[1] else { panic!("{events:?}") };
        assert_eq!(request.operation.as_deref(), Some("ContainerInspect"));
        assert_eq!(request.parameters["id"], "web");
        assert_eq!(request.query, [("size".into(), Some("1".into()))]);
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
            ticket.answered(&Outcome { status: Some(200), ..Outcome::default() });
        }
        // A poller that asks for everything since its last question never repeats itself exactly.
        for since in 0..20_000 {
            let ticket = arrive(&writer, "GET", &format!("/v1.41/events?since={since}"));
            ticket.answered(&Outcome { status: Some(200), ..Outcome::default() });
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
    fn every_create_has_a_line_for_what_it_made_even_if_it_is_only_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        let writer = Writer::create(&path, &Session::begin(vec![])).unwrap();
        for id in ["e1", "e2", "e3"] {
            let ticket = arrive(&writer, "POST", "/v1.41/containers/web/exec");
            assert!(ticket.reads_answer());
            let made = ticket.made(201, format!("{{\"Id\":\"{id}\"}}").as_bytes());
            assert_eq!(made.len(), 1);
            ticket.answered(&Outcome { status: Some(201), ..Outcome::default() });
        }
        assert!(!arrive(&writer, "GET", "/v1.41/containers/json").reads_answer());
        writer.end(None);
        let made = events(&path).into_iter().filter_map(|event| match event {
            Event::Made(made) => Some((made.seq, made.id.into_owned())),
            _ => None,
        });
        let expected = [(1, "e1".to_owned()), (1, "e2".to_owned()), (1, "e3".to_owned())];
        assert_eq!(made.collect::<Vec<_>>(), expected, "all are made by the first request");
    }

    #[test]
    fn a_full_disk_marks_the_session_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        let writer = Writer::create(&path, &Session::begin(vec![])).unwrap();
        // /dev/full answers every write with "no space left on device".
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let file = writer.swap(full);
        assert!(!arrive(&writer, "GET", "/info").is_written());
        assert!(!arrive(&writer, "GET", "/info").is_written(), "each one tries");
        writer.swap(file);
        assert!(arrive(&writer, "GET", "/version").is_written());
        let totals = writer.end(None);
        assert_eq!((totals.requests, totals.dropped), (3, 2));
        let events = events(&path);
        assert!(matches!(&events[0], Event::Session(session) if session.lossy), "{events:?}");
        assert!(matches!(&events.last(), Some(Event::End(end)) if end.dropped == 2));
    }
}
