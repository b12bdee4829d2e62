//! Reads the data files.

use super::{Escape, Works};
use crate::answers::Kind;
use crate::api::{ApiVersion, EngineKind};

/// The files, with whether their rows rely on reading a request in another way than the engine.
const FILES: [(&str, bool); 9] = [
    (include_str!("containers.tsv"), false),
    (include_str!("mounts.tsv"), false),
    (include_str!("networks.tsv"), false),
    (include_str!("volumes.tsv"), false),
    (include_str!("exec.tsv"), false),
    (include_str!("images.tsv"), false),
    (include_str!("others.tsv"), false),
    (include_str!("parsers.tsv"), true),
    (include_str!("podman.tsv"), false),
];

/// The escapes that only show something, and the kind of it: a rule that hides that closes them.
const HIDDEN: &str = include_str!("hidden.tsv");

/// What separates the headers of a row.
const SEPARATOR: &str = " | ";

/// Reads every file. A row that does not parse is skipped, but a test checks that there is none.
/// Users cannot cause one, because the files are part of the binary.
pub(super) fn read() -> Vec<Escape> {
    let rows = FILES.iter().flat_map(|(text, is_differential)| {
        text.lines().skip(1).filter_map(|row| parse_row(row, *is_differential))
    });
    rows.collect()
}

/// What an escape shows and a rule can hide; `None` if it is more than that.
pub(super) fn shows(name: &str) -> Option<Kind> {
    let row = HIDDEN.lines().filter_map(|row| row.split_once('\t')).find(|(own, _)| *own == name);
    row.and_then(|(_, kind)| kind.parse().ok())
}

/// The names of the escapes that a rule can close by hiding something.
#[cfg(test)]
pub(super) fn hidden() -> impl Iterator<Item = &'static str> {
    HIDDEN.lines().skip(1).filter_map(|row| Some(row.split_once('\t')?.0))
}

/// The number of rows in the files.
#[cfg(test)]
pub(super) fn rows() -> usize {
    FILES.iter().map(|(text, _)| text.lines().count() - 1).sum()
}

fn parse_row(row: &'static str, is_differential: bool) -> Option<Escape> {
    let columns: Vec<&'static str> = row.split('\t').collect();
    let [
        name,
        engine,
        api,
        works,
        concern,
        gives,
        effect,
        source,
        method,
        target,
        head,
        body,
        proof,
    ] = <[&'static str; 13]>::try_from(columns).ok()?;
    let (since, until) = parse_versions(api)?;
    let headers = head.split(SEPARATOR).filter(|header| !header.is_empty());
    Some(Escape {
        name,
        engine: engine.parse().ok()?,
        since,
        until,
        works: Works::parse(works)?,
        concern: concern.parse().ok()?,
        gives: gives.parse().ok()?,
        effect,
        source,
        method: method.parse().ok()?,
        target,
        head: headers.map(|header| header.split_once(": ")).collect::<Option<_>>()?,
        body,
        proof,
        is_differential,
    })
}

/// Parses `1.41-`, `-1.43`, `1.25-1.41` or nothing.
fn parse_versions(text: &str) -> Option<(Option<ApiVersion>, Option<ApiVersion>)> {
    if text.is_empty() {
        return Some((None, None));
    }
    let (since, until) = text.split_once('-')?;
    let version = |text: &str| match text {
        "" => Some(None),
        text => ApiVersion::parse(EngineKind::Docker, text).ok().map(Some),
    };
    Some((version(since)?, version(until)?))
}
