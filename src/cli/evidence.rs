//! Reads recordings, or the logs of other programs, and warns of what had to be left out.

use std::path::{Path, PathBuf};

use super::logs::{self, Logs};
use super::sessions::Sessions;
use super::{output, standard};
use crate::api::EngineKind;
use crate::learn::{Chosen, Evidence, Gathering};
use crate::profile::Rule;
use crate::recording::{ImportError, ReadError};
use crate::report::count;
use crate::session::{self, EvidenceFile, EvidenceNotice, EvidenceOptions};
use crate::text::{printable, shown, spelled};

/// Reads all recordings, or logs in the format `from`, into one body of evidence, and warns of what
/// had to be left out. The engine is `wanted`, or the one that the recordings name. Denied requests
/// count if `takes_denied` is set. From recordings, only `sessions` are used.
///
/// # Errors
/// If a file cannot be used, the recordings are from another engine, or no session matches.
pub(super) fn read(
    recordings: &[PathBuf],
    from: Option<Logs>,
    wanted: Option<EngineKind>,
    takes_denied: bool,
    sessions: &Sessions,
) -> anyhow::Result<Evidence> {
    let (mut gathering, engine) = gather(recordings, from, wanted, sessions)?;
    gathering.take_denied(engine, if takes_denied { &Chosen::All } else { &Chosen::None });
    Ok(gathering.finish(engine))
}

/// Like [`read`], but leaves the choice among denied requests to the caller; also returns the engine.
///
/// # Errors
/// As [`read`].
pub(super) fn gather(
    recordings: &[PathBuf],
    from: Option<Logs>,
    wanted: Option<EngineKind>,
    sessions: &Sessions,
) -> anyhow::Result<(Gathering, EngineKind)> {
    if let Some(logs) = from {
        sessions.check_for_logs()?;
        logs.check()?;
    }
    let logs = from.map(Logs::options);
    let options = EvidenceOptions { logs, engine: wanted, sessions: sessions.filter() };
    let files = match from {
        Some(_) => recordings.iter().map(|path| log(path)).collect::<Result<_, _>>()?,
        None => files(recordings)?,
    };
    let gathered = session::gather_evidence(files, &options, &mut |notice| match notice {
        EvidenceNotice::Log { name, log, engine } => logs::warn(log, name, engine, from),
        EvidenceNotice::Torn { name, lines } => {
            let (name, lines) = (shown(name), count(lines, "line"));
            output::warn(&format!("{name}: {lines} cut in the middle, left out"));
        }
    });
    Ok(gathered?)
}

/// The recorded requests that match a rule, as lines: place in the file, time, request and status.
///
/// # Errors
/// If a file cannot be used.
pub(super) fn lines(recordings: &[PathBuf], rule: &Rule) -> Result<Vec<String>, ReadError> {
    session::recorded_lines(files(recordings)?, rule)
}

/// Recordings, one of which may come from standard input.
fn files(recordings: &[PathBuf]) -> Result<Vec<EvidenceFile>, ReadError> {
    let file = |path: &PathBuf| {
        file(path).map_err(|source| ReadError::Io { path: standard::name(path).to_owned(), source })
    };
    recordings.iter().map(file).collect()
}

/// A log, which may come from standard input.
fn log(path: &Path) -> Result<EvidenceFile, ImportError> {
    let name = || printable(&spelled(standard::name(path)));
    file(path).map_err(|source| ImportError::Io { name: name(), source })
}

/// A recording, which may come from standard input.
///
/// # Errors
/// If the system has no descriptor left.
pub(super) fn file(path: &Path) -> std::io::Result<EvidenceFile> {
    if !standard::is_standard(path) {
        return Ok(EvidenceFile::Path(path.to_owned()));
    }
    Ok(EvidenceFile::Open { name: standard::name(path).to_owned(), file: standard::open(path)? })
}

/// What messages call several recordings: `recording.jsonl` or `3 recordings`.
pub(super) fn names(recordings: &[PathBuf]) -> String {
    session::recordings_name(recordings.iter().map(|path| standard::name(path)))
}
