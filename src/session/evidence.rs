//! Reads recordings, or the logs of other programs, as evidence.

use std::borrow::Cow;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::session_filter::{NoSession, SessionFilter};
use crate::api::{CanonicalRequest, EngineKind};
use crate::learn::{Gathering, MixedEngines};
use crate::profile::Rule;
use crate::recording::{Event, Format, ImportError, Log, ReadError, Reader, Request, Wanted};
use crate::text::{printable, shown, spelled};

/// How many bytes of a recording or a log are read at once.
const BUFFER: usize = 1 << 16;

/// A recording or a log.
#[derive(Debug)]
pub enum EvidenceFile {
    /// The file at this path.
    Path(PathBuf),
    /// An open file.
    Open {
        /// What messages call it.
        name: PathBuf,
        /// The file.
        file: File,
    },
}

/// How evidence is read.
#[derive(Clone, Debug, Default)]
pub struct EvidenceOptions {
    /// If given, the files are logs.
    pub logs: Option<LogOptions>,
    /// The engine that the evidence is for. By default, it is the one that the recordings name.
    pub engine: Option<EngineKind>,
    /// Which sessions of recordings to use.
    pub sessions: SessionFilter,
}

/// How logs are read.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions {
    /// Which program wrote them.
    pub format: Format,
    /// Which of their requests to use.
    pub wanted: Wanted,
}

/// What a person should know about a file that was read.
#[derive(Debug)]
pub enum EvidenceNotice<'a> {
    /// A log was read.
    Log {
        /// Its name, safe for a terminal.
        name: &'a str,
        /// What was in it.
        log: &'a Log,
        /// The engine that it was read for.
        engine: EngineKind,
    },
    /// Lines of a recording were cut in the middle, and left out.
    Torn {
        /// The name of the recording.
        name: &'a Path,
        /// How many lines.
        lines: usize,
    },
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A recording cannot be used.
    #[error("{0}")]
    Recording(#[from] ReadError),
    /// A log cannot be used.
    #[error("{0}")]
    Log(#[from] ImportError),
    /// The recordings are of both engines.
    #[error("{0}")]
    Mixed(#[from] MixedEngines),
    /// No session was chosen.
    #[error("{0}")]
    NoSession(#[from] NoSession),
    /// The recordings are of another engine than the profile.
    #[error("{names} was recorded on {}, but the profile is for {}", recorded.title(), wanted.title())]
    OtherEngine {
        /// What messages call the recordings.
        names: String,
        /// Their engine.
        recorded: EngineKind,
        /// The profile's engine.
        wanted: EngineKind,
    },
}

impl EvidenceFile {
    /// What messages call it.
    pub(super) fn name(&self) -> &Path {
        match self {
            Self::Path(path) => path,
            Self::Open { name, .. } => name,
        }
    }

    fn recording(self) -> Result<Reader<BufReader<File>>, ReadError> {
        match self {
            Self::Path(path) => Reader::open(&path),
            Self::Open { name, file } => {
                Ok(Reader::new(&name, BufReader::with_capacity(BUFFER, file)))
            }
        }
    }

    fn log(self, name: &str) -> Result<BufReader<File>, ImportError> {
        let io = |source| ImportError::Io { name: name.to_owned(), source };
        let file = match self {
            Self::Path(path) => File::open(path).map_err(io)?,
            Self::Open { file, .. } => file,
        };
        Ok(BufReader::with_capacity(BUFFER, file))
    }
}

/// Reads all files. Also returns the engine that the evidence is for.
///
/// # Errors
/// [`EvidenceError`].
pub fn gather_evidence(
    files: Vec<EvidenceFile>,
    options: &EvidenceOptions,
    notice: &mut dyn FnMut(EvidenceNotice<'_>),
) -> Result<(Gathering, EngineKind), EvidenceError> {
    let mut gathering = Gathering::default();
    let names = recordings_name(files.iter().map(EvidenceFile::name));
    for file in files {
        match options.logs {
            Some(logs) => {
                let engine = options.engine.unwrap_or_default();
                gather_log(file, logs, engine, &mut gathering, notice)?;
            }
            None => gather_recording(file, &mut gathering, notice)?,
        }
    }
    options.sessions.select(&mut gathering)?;
    let recorded = gathering.engine()?;
    if let Some((wanted, recorded)) = options.engine.zip(recorded)
        && wanted != recorded
    {
        return Err(EvidenceError::OtherEngine { names, recorded, wanted });
    }
    Ok((gathering, options.engine.or(recorded).unwrap_or_default()))
}

fn gather_recording(
    file: EvidenceFile,
    gathering: &mut Gathering,
    notice: &mut dyn FnMut(EvidenceNotice<'_>),
) -> Result<(), ReadError> {
    let name = file.name().to_owned();
    let is_file = matches!(file, EvidenceFile::Path(_));
    let mut reader = file.recording()?;
    // Nobody can look at a line of standard input again.
    gathering.read_from(is_file.then(|| spelled(&name)).as_deref());
    while let Some(event) = reader.next() {
        gathering.absorb_line(reader.line(), event?);
    }
    gathering.tear(reader.torn());
    if reader.torn() > 0 {
        notice(EvidenceNotice::Torn { name: &name, lines: reader.torn() });
    }
    Ok(())
}

fn gather_log(
    file: EvidenceFile,
    LogOptions { format, wanted }: LogOptions,
    engine: EngineKind,
    gathering: &mut Gathering,
    notice: &mut dyn FnMut(EvidenceNotice<'_>),
) -> Result<(), ImportError> {
    let name = printable(&spelled(file.name()));
    let log = Log::read(&name, format, engine, wanted, file.log(&name)?)?;
    notice(EvidenceNotice::Log { name: &name, log: &log, engine });
    gathering.turn_away(log.turned_away);
    gathering.read_from(Some(&name));
    log.events.into_iter().for_each(|event| gathering.absorb(event));
    Ok(())
}

/// The recorded requests that match a rule, as lines: place in the file, time, request and status.
///
/// # Errors
/// If a file cannot be used.
pub fn recorded_lines(files: Vec<EvidenceFile>, rule: &Rule) -> Result<Vec<String>, ReadError> {
    let mut found: IndexMap<(Cow<'static, str>, u64), String> = IndexMap::new();
    for file in files {
        let name = file.name().to_owned();
        let mut reader = file.recording()?;
        while let Some(event) = reader.next() {
            match event? {
                Event::Request(request) if is_for(rule, &request) => {
                    let (line, time) = (reader.line(), request.time.strftime("%F %T"));
                    let place = format!("{}:{line}", shown(&name));
                    let text = format!("{place}  {time}  {} {}", request.method, request.path);
                    found.entry((request.session, request.seq)).or_insert(text);
                }
                Event::Response(response) => {
                    if let Some(text) = found.get_mut(&(response.session, response.seq))
                        && let Some(status) = response.status
                        && !text.contains(" -> ")
                    {
                        *text += &format!(" -> {status}");
                    }
                }
                _ => {}
            }
        }
    }
    Ok(found.into_values().collect())
}

fn is_for(rule: &Rule, request: &Request<'_>) -> bool {
    let engine = rule.operation().engine;
    let canonical = CanonicalRequest::parse(engine, &request.method, &request.path).ok();
    let located = canonical.and_then(|canonical| canonical.locate());
    located.is_some_and(|located| rule.matches(&located))
}

/// What messages call several recordings: `recording.jsonl` or `3 recordings`.
pub fn recordings_name<'a>(mut names: impl ExactSizeIterator<Item = &'a Path>) -> String {
    match (names.len(), names.next()) {
        (1, Some(one)) => shown(one).to_string(),
        (many, _) => format!("{many} recordings"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::recording::{Session, Writer};

    fn file(path: &Path) -> Vec<EvidenceFile> {
        vec![EvidenceFile::Path(path.to_owned())]
    }

    #[test]
    fn sessions_are_chosen_and_those_that_there_are_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        for program in ["one", "two"] {
            Writer::create(&path, &Session::begin(vec![program.to_owned()])).unwrap().end(None);
        }
        let gathered = |filter: SessionFilter| {
            let options = EvidenceOptions { sessions: filter, ..EvidenceOptions::default() };
            gather_evidence(file(&path), &options, &mut |notice| panic!("{notice:?}"))
        };
        let choose =
            |name: &str| SessionFilter { commands: vec![name.to_owned()], ..Default::default() };
        let (chosen, engine) = gathered(choose("two")).unwrap();
        assert_eq!(chosen.finish(engine).sessions().len(), 1);
        let error = gathered(choose("three")).err().unwrap();
        let EvidenceError::NoSession(NoSession { sessions }) = &error else { panic!("{error}") };
        assert_eq!(*sessions, ["1 one", "2 two"]);
        assert!(error.to_string().ends_with("there are: 1 one, 2 two"), "{error}");
    }

    #[test]
    fn a_line_that_was_cut_is_reported_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.jsonl");
        Writer::create(&path, &Session::begin(Vec::new())).unwrap().end(None);
        let text = fs::read_to_string(&path).unwrap() + "{\"request\":{\"ses";
        fs::write(&path, text).unwrap();
        let mut torn = Vec::new();
        let mut notice = |notice: EvidenceNotice<'_>| match notice {
            EvidenceNotice::Torn { name, lines } => torn.push((name.to_owned(), lines)),
            EvidenceNotice::Log { .. } => panic!("{notice:?}"),
        };
        gather_evidence(file(&path), &EvidenceOptions::default(), &mut notice).unwrap();
        assert_eq!(torn, [(path, 1)]);
    }

    #[test]
    fn several_recordings_are_counted() {
        let names = ["a.jsonl", "b.jsonl"].map(Path::new);
        assert_eq!(recordings_name(names.into_iter()), "2 recordings");
        assert_eq!(recordings_name(names.into_iter().take(1)), "a.jsonl");
    }
}
