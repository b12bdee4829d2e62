//! Reads recordings, or the logs of other programs, for `generate` and `check`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::bail;
use indexmap::IndexMap;

use super::logs::Logs;
use super::sessions::Sessions;
use super::{logs, output, standard};
use crate::api::{CanonicalRequest, EngineKind};
use crate::learn::{Chosen, Evidence, Gathering};
use crate::profile::Rule;
use crate::recording::{Event, ReadError, Reader, Request};
use crate::report::count;
use crate::text::shown;

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
    let mut gathering = Gathering::default();
    if from.is_some() {
        sessions.check_for_logs()?;
    }
    for path in recordings {
        if let Some(logs) = from {
            logs::read(path, logs, wanted.unwrap_or_default(), &mut gathering)?;
            continue;
        }
        let mut reader = open(path)?;
        for event in &mut reader {
            gathering.absorb(event?);
        }
        gathering.tear(reader.torn());
        if reader.torn() > 0 {
            let torn = count(reader.torn(), "line");
            let name = shown(standard::name(path));
            output::warn(&format!("{name}: {torn} cut in the middle, left out"));
        }
    }
    sessions.select(&mut gathering)?;
    let recorded = gathering.engine()?;
    if let Some((wanted, recorded)) = wanted.zip(recorded)
        && wanted != recorded
    {
        bail!(
            "{} was recorded on {}, but the profile is for {}",
            names(recordings),
            recorded.title(),
            wanted.title()
        );
    }
    Ok((gathering, wanted.or(recorded).unwrap_or_default()))
}

/// The recorded requests that match a rule, as lines: place in the file, time, request and status.
///
/// # Errors
/// If a file cannot be used.
pub(super) fn lines(recordings: &[PathBuf], rule: &Rule) -> Result<Vec<String>, ReadError> {
    let mut found: IndexMap<(String, u64), String> = IndexMap::new();
    for path in recordings {
        let mut reader = open(path)?;
        while let Some(event) = reader.next() {
            match event? {
                Event::Request(request) if is_for(rule, &request) => {
                    let (line, time) = (reader.line(), request.time.strftime("%F %T"));
                    let place = format!("{}:{line}", shown(standard::name(path)));
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

/// Opens a recording, which may come from standard input.
fn open(path: &Path) -> Result<Reader<BufReader<File>>, ReadError> {
    if !standard::is_standard(path) {
        return Reader::open(path);
    }
    let name = standard::name(path);
    let io = |source| ReadError::Io { path: name.to_owned(), source };
    Ok(Reader::new(name, BufReader::with_capacity(1 << 16, standard::open(path).map_err(io)?)))
}

fn is_for(rule: &Rule, request: &Request) -> bool {
    let engine = rule.operation().engine;
    let canonical = CanonicalRequest::parse(engine, &request.method, &request.path).ok();
    let located = canonical.and_then(|canonical| canonical.locate());
    located.is_some_and(|located| rule.matches(&located))
}

/// What messages call several recordings: `recording.jsonl` or `3 recordings`.
pub(super) fn names(recordings: &[PathBuf]) -> String {
    match recordings {
        [one] => shown(standard::name(one)).to_string(),
        many => format!("{} recordings", many.len()),
    }
}
