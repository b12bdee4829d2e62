//! Reads the exchanges of recordings and audit logs, whole or while they are written.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::EvidenceFile;
use crate::exchanges::{Answer, Exchange, SessionOf};
use crate::recording::{Event, ReadError, Reader};

/// How often a file that is being written is looked at.
const EVERY: Duration = Duration::from_millis(100);

/// How many open requests are remembered while a file is being written.
const MOST_OPEN: usize = 100_000;

/// A request by its session and its number in it.
type Key = (String, u64);

/// The sessions that have begun.
#[derive(Debug, Default)]
struct Sessions(HashMap<String, Arc<SessionOf>>);

impl Sessions {
    /// The session of a request. Its first line may be missing.
    fn of(&mut self, id: &str) -> Arc<SessionOf> {
        let unknown = || Arc::new(SessionOf { id: id.to_owned(), ..SessionOf::default() });
        Arc::clone(self.0.entry(id.to_owned()).or_insert_with(unknown))
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
    let mut answers: HashMap<Key, (Option<Answer>, u64)> = HashMap::new();
    for event in reader(&name, &mut file) {
        match event? {
            Event::Response(response) => {
                let answer = Answer::from(&response);
                let key = (response.session.into_owned(), response.seq);
                answers.entry(key).or_insert((None, 0)).0.get_or_insert(answer);
            }
            Event::Repeat(repeat) => {
                let key = (repeat.session.into_owned(), repeat.seq);
                let (_, times) = answers.entry(key).or_insert((None, 0));
                *times = (*times).max(repeat.count);
            }
            _ => {}
        }
    }
    file.rewind().map_err(|source| ReadError::Io { path: name.clone(), source })?;
    let mut sessions = Sessions::default();
    let mut reader = reader(&name, &mut file);
    while let Some(event) = reader.next() {
        match event? {
            Event::Session(session) => {
                sessions.0.insert(session.id.clone(), Arc::new(SessionOf::of(&session)));
            }
            Event::Request(request) => {
                let key = (request.session.clone().into_owned(), request.seq);
                let session = sessions.of(&key.0);
                let mut exchange = Exchange::new(reader.line(), session, request);
                if let Some((answer, repeats)) = answers.get(&key) {
                    exchange.answer = *answer;
                    exchange.times += repeats;
                }
                each(exchange)?;
            }
            _ => {}
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
    let mut reader = Reader::new(path, BufReader::new(Growing(file)));
    let mut sessions = Sessions::default();
    let mut open: HashMap<Key, Exchange> = HashMap::new();
    while let Some(event) = reader.next() {
        match event? {
            Event::Session(session) => {
                sessions.0.insert(session.id.clone(), Arc::new(SessionOf::of(&session)));
            }
            Event::Request(request) => {
                let key = (request.session.clone().into_owned(), request.seq);
                let session = sessions.of(&key.0);
                let exchange = Exchange::new(reader.line(), session, request);
                if exchange.operation.is_some_and(crate::api::Operation::is_endless) {
                    each(exchange)?;
                } else if open.len() < MOST_OPEN {
                    open.insert(key, exchange);
                }
            }
            Event::Response(response) => {
                let answer = Answer::from(&response);
                if let Some(exchange) = open.remove(&(response.session.into_owned(), response.seq))
                {
                    each(Exchange { answer: Some(answer), ..exchange })?;
                }
            }
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

/// A file whose end is never reached, because somebody writes on.
struct Growing(File);

impl Read for Growing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(into)? {
                0 => std::thread::sleep(EVERY),
                read => return Ok(read),
            }
        }
    }
}
