//! Reads the exchanges of recordings and audit logs, whole or while they are written.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use super::EvidenceFile;
use crate::api::Operation;
use crate::exchanges::{Answer, Exchange, SessionOf};
use crate::recording::{Event, ReadError, Reader, Request, Session};

/// How often a file that is being written is looked at.
const EVERY: Duration = Duration::from_millis(100);

/// How many open requests are remembered while a file is being written. Then the oldest ones are forgotten.
const MOST_OPEN: usize = 100_000;

/// A request by the index of its session and its number in it.
type Key = (usize, u64);

/// The sessions of a file, by their IDs.
#[derive(Debug, Default)]
struct Sessions(IndexMap<String, Arc<SessionOf>>);

impl Sessions {
    /// Notes what the first line of a session says.
    fn begin(&mut self, session: &Session) {
        let place = self.place(&session.id);
        if let Some((_, known)) = self.0.get_index_mut(place) {
            *known = Arc::new(SessionOf::of(session));
        }
    }

    /// The index of a session. Its first line may be missing.
    fn place(&mut self, id: &str) -> usize {
        self.0.get_index_of(id).unwrap_or_else(|| {
            let unknown = Arc::new(SessionOf { id: id.to_owned(), ..SessionOf::default() });
            self.0.insert_full(id.to_owned(), unknown).0
        })
    }

    /// A request at this line, with its key.
    fn request(&mut self, line: usize, request: Request<'static>) -> (Key, Exchange) {
        let key = (self.place(&request.session), request.seq);
        let session = self.0.get_index(key.0).map(|(_, session)| Arc::clone(session));
        (key, Exchange::new(line, session.unwrap_or_default(), request))
    }
}

/// The requests of a file that nobody has answered yet, by their lines.
#[derive(Default)]
struct Open {
    by_line: BTreeMap<usize, (Key, Exchange)>,
    lines: HashMap<Key, usize>,
}

impl Open {
    fn insert(&mut self, key: Key, exchange: Exchange) {
        if self.by_line.len() >= MOST_OPEN
            && let Some((_, (oldest, _))) = self.by_line.pop_first()
        {
            self.lines.remove(&oldest);
        }
        self.lines.insert(key, exchange.line);
        self.by_line.insert(exchange.line, (key, exchange));
    }

    fn remove(&mut self, key: Key) -> Option<Exchange> {
        let (_, exchange) = self.by_line.remove(&self.lines.remove(&key)?)?;
        Some(exchange)
    }

    /// Forgets the requests of a session that has ended.
    fn end(&mut self, session: usize) {
        let by_line = &mut self.by_line;
        self.lines.retain(|(of, _), line| *of != session || by_line.remove(line).is_none());
    }
}

/// Reads the exchanges of a file in the order of their requests, each with its answer.
///
/// # Errors
/// If the file cannot be used, or `each` fails.
pub fn read_exchanges<E: From<ReadError>>(
    file: EvidenceFile,
    mut each: impl FnMut(Exchange) -> Result<(), E>,
) -> Result<(), E> {
    let name = file.name().to_owned();
    // The answers come after the requests, often long after. So the file is read twice.
    let mut file =
        rewindable(file).map_err(|source| ReadError::Io { path: name.clone(), source })?;
    let mut sessions = Sessions::default();
    let mut answers: HashMap<Key, (Option<Answer>, u64)> = HashMap::new();
    for event in reader(&name, &mut file) {
        match event? {
            Event::Session(session) => sessions.begin(&session),
            Event::Response(response) => {
                let key = (sessions.place(&response.session), response.seq);
                let (answer, _) = answers.entry(key).or_default();
                answer.get_or_insert(Answer::from(&response));
            }
            Event::Repeat(repeat) => {
                let key = (sessions.place(&repeat.session), repeat.seq);
                let (_, times) = answers.entry(key).or_default();
                *times = (*times).max(repeat.count);
            }
            _ => {}
        }
    }
    file.rewind().map_err(|source| ReadError::Io { path: name.clone(), source })?;
    let mut reader = reader(&name, &mut file);
    while let Some(event) = reader.next() {
        if let Event::Request(request) = event? {
            let (key, mut exchange) = sessions.request(reader.line(), request);
            if let Some((answer, repeats)) = answers.get(&key) {
                exchange.answer = *answer;
                exchange.times += repeats;
            }
            each(exchange)?;
        }
    }
    Ok(())
}

/// Reads the exchanges of a file while it is written: each when it has ended, and a stream as soon as it
/// begins. Does not return before `each` fails.
///
/// # Errors
/// As [`read_exchanges`].
pub fn follow_exchanges<E: From<ReadError>>(
    path: &Path,
    mut each: impl FnMut(Exchange) -> Result<(), E>,
) -> Result<(), E> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.is_dir() {
        return Err(ReadError::NotAFile { path: path.to_owned() }.into());
    }
    let path = path.to_owned();
    let mut reader = Reader::new(&path, BufReader::new(Growing { file, path: path.clone() }));
    let mut sessions = Sessions::default();
    let mut open = Open::default();
    while let Some(event) = reader.next() {
        match event? {
            Event::Session(session) => sessions.begin(&session),
            Event::Request(request) => {
                let (key, exchange) = sessions.request(reader.line(), request);
                if exchange.operation.is_some_and(Operation::is_endless) {
                    each(exchange)?;
                } else {
                    open.insert(key, exchange);
                }
            }
            Event::Response(response) => {
                let key = (sessions.place(&response.session), response.seq);
                if let Some(exchange) = open.remove(key) {
                    each(Exchange { answer: Some(Answer::from(&response)), ..exchange })?;
                }
            }
            Event::End(end) => open.end(sessions.place(&end.session)),
            _ => {}
        }
    }
    Ok(())
}

fn reader<'a>(name: &Path, file: &'a mut File) -> Reader<BufReader<&'a mut File>> {
    Reader::new(name, BufReader::with_capacity(1 << 16, file))
}

/// The file, or a copy of it if it can be read only once.
fn rewindable(file: EvidenceFile) -> io::Result<File> {
    let mut file = match file {
        EvidenceFile::Path(path) => File::open(path)?,
        EvidenceFile::Open { file, .. } => file,
    };
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if file.stream_position().is_ok() && file.metadata()?.is_file() {
        file.rewind()?;
        return Ok(file);
    }
    let mut copy = tempfile::tempfile()?;
    io::copy(&mut file, &mut copy)?;
    copy.rewind()?;
    Ok(copy)
}

/// A file whose end is never reached, because somebody writes on. After a rotation, it is the file that has
/// the name now.
struct Growing {
    file: File,
    path: PathBuf,
}

impl Growing {
    /// Goes on with another file that has the name now, or with the beginning of one that was emptied.
    fn turn(&mut self) -> io::Result<()> {
        let id = |file: &Metadata| (file.dev(), file.ino());
        let own = self.file.metadata()?;
        if own.len() < self.file.stream_position()? {
            return self.file.rewind();
        }
        // There is none for a moment while a log is rotated.
        if let Ok(other) = File::open(&self.path)
            && id(&other.metadata()?) != id(&own)
        {
            self.file = other;
        }
        Ok(())
    }
}

impl Read for Growing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read(into)? {
                0 => {
                    std::thread::sleep(EVERY);
                    // What was written before a rotation comes first.
                    let last = self.file.read(into)?;
                    if last > 0 {
                        return Ok(last);
                    }
                    self.turn()?;
                }
                read => return Ok(read),
            }
        }
    }
}
