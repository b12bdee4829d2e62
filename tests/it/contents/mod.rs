//! The data on the contents of requests, `src/contents/*.tsv`: whether it is well formed and complete, and
//! whether dsp finds what it says.

/// Whether the data is well formed, and dsp reads all of it.
mod data;
/// What goes to the engine, decoded by Go.
mod decoded;
/// `docs/contents.md`, from the data.
mod docs;
/// The data against the known escapes.
mod escapes;
/// Each row of the data at work.
mod fields;
/// The data against the engines' own types.
mod types;

use std::collections::BTreeMap;
use std::path::Path;

use dsp::api::{EngineKind, Operation};

pub(crate) use docs::facets;

/// A row of the data.
#[derive(Clone, Debug)]
struct Row {
    operation: String,
    place: String,
    path: String,
    kind: String,
    facet: String,
    reader: String,
    harmless: String,
    secret: String,
    api: String,
    why: String,
    /// Where it is, for a message.
    at: String,
}

const COLUMNS: &str = "operation\tplace\tfield\ttype\tfacet\treader\tharmless\tsecret\tapi\twhy";

const KINDS: [&str; 7] = ["text", "flag", "integer", "number", "words", "object", "json"];

const ENGINES: [EngineKind; 2] = [EngineKind::Docker, EngineKind::Podman];

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Row {
    /// Whether it is in the file of Docker's API.
    fn is_dockers(&self) -> bool {
        self.at.starts_with("src/contents/docker.tsv")
    }
}

/// The rows of an engine's file, as they are there.
fn rows(engine: EngineKind) -> Vec<Row> {
    let name = format!("src/contents/{engine}.tsv");
    let text = file(&name);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(COLUMNS), "{name}");
    let mut found = Vec::new();
    for (number, line) in lines.enumerate() {
        let at = format!("{name}:{}: {line}", number + 2);
        let columns: Vec<&str> = line.split('\t').collect();
        assert_eq!(columns.len(), 10, "{at}");
        let column = |index: usize| columns[index].to_owned();
        found.push(Row {
            operation: column(0),
            place: column(1),
            path: column(2),
            kind: column(3),
            facet: column(4),
            reader: column(5),
            harmless: column(6),
            secret: column(7),
            api: column(8),
            why: column(9),
            at,
        });
    }
    found
}

/// The rows of each operation of an engine. Those of another operation come first where it has the same
/// contents, and a later row takes the place of an earlier one.
fn resolved(engine: EngineKind) -> BTreeMap<String, Vec<Row>> {
    let mut operations: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows(engine) {
        if row.place == "like" {
            let (other, name) = row.path.split_once(' ').unwrap();
            let other: EngineKind = other.parse().unwrap();
            let found = match other == engine {
                true => operations.get(name).cloned(),
                false => resolved(other).get(name).cloned(),
            };
            let found = found.unwrap_or_else(|| panic!("{}", row.at));
            let before = operations.insert(row.operation.clone(), found);
            assert!(before.is_none(), "{}", row.at);
            continue;
        }
        let of_operation = operations.entry(row.operation.clone()).or_default();
        let same = |other: &&mut Row| (&other.place, &other.path) == (&row.place, &row.path);
        match of_operation.iter_mut().find(same) {
            Some(place) => *place = row,
            None => of_operation.push(row),
        }
    }
    operations
}

fn operation(engine: EngineKind, name: &str) -> Option<&'static Operation> {
    engine.catalogue().operations().iter().find(|operation| operation.name == name)
}

/// The name of a parameter: those that can be repeated end in `[]`.
fn parameter(path: &str) -> &str {
    path.strip_suffix("[]").unwrap_or(path)
}

/// Whether a path leads to a part of what the other one leads to.
fn is_below(path: &str, other: &str) -> bool {
    other == "." || path.strip_prefix(other).is_some_and(|rest| rest.starts_with(['.', '[', '{']))
}

/// A version of an API or of podman.
type Version = (u32, u32);

/// The first and last version of a field: `1.44-`, `-1.51`, or nothing for all.
fn versions(text: &str) -> Option<(Option<Version>, Option<Version>)> {
    let number = |text: &str| -> Option<Option<Version>> {
        if text.is_empty() {
            return Some(None);
        }
        let (major, minor) = text.split_once('.')?;
        Some(Some((major.parse().ok()?, minor.parse().ok()?)))
    };
    if text.is_empty() {
        return Some((None, None));
    }
    let (first, last) = text.split_once('-')?;
    let both = (number(first)?, number(last)?);
    (both != (None, None)).then_some(both)
}
