//! The data on the contents of requests, `src/contents/*.tsv`: whether it is well formed, whether dsp
//! reads every row of it, and whether it has every field that the engines' own types have.
//!
//! `scripts/fields` prints the fields of these types; the lists are in `tests/fields`.
//! `contents_docs` makes the page of documentation from the same rows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use dsp::api::{EngineKind, Operation};
use dsp::contents::{Facet, Place, Schema};

/// A row of the data.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) operation: String,
    pub(crate) place: String,
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) facet: String,
    pub(crate) reader: String,
    pub(crate) harmless: String,
    pub(crate) secret: String,
    pub(crate) api: String,
    pub(crate) why: String,
    /// Where it is, for a message.
    at: String,
}

const COLUMNS: &str = "operation\tplace\tfield\ttype\tfacet\treader\tharmless\tsecret\tapi\twhy";

const KINDS: [&str; 7] = ["text", "flag", "integer", "number", "words", "object", "json"];

pub(crate) const ENGINES: [EngineKind; 2] = [EngineKind::Docker, EngineKind::Podman];

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
pub(crate) fn rows(engine: EngineKind) -> Vec<Row> {
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

pub(crate) fn operation(engine: EngineKind, name: &str) -> Option<&'static Operation> {
    engine.catalogue().operations().iter().find(|operation| operation.name == name)
}

/// The name of a parameter: those that can be repeated end in `[]`.
fn parameter(path: &str) -> &str {
    path.strip_suffix("[]").unwrap_or(path)
}

/// Whether a path leads to a part of what the other one leads to.
pub(crate) fn is_below(path: &str, other: &str) -> bool {
    other == "." || path.strip_prefix(other).is_some_and(|rest| rest.starts_with(['.', '[', '{']))
}

#[test]
fn each_row_is_well_formed() {
    for engine in ENGINES {
        let mut seen = BTreeSet::new();
        let mut before = String::new();
        let mut done = BTreeSet::new();
        for row in rows(engine) {
            let at = &row.at;
            assert!(operation(engine, &row.operation).is_some(), "no such operation: {at}");
            if row.operation != before {
                assert!(
                    done.insert(row.operation.clone()),
                    "rows of one operation are together: {at}"
                );
                before.clone_from(&row.operation);
            }
            assert!(at.chars().all(|c| c == '\t' || (c.is_ascii() && !c.is_control())), "{at}");
            if row.place == "like" {
                let others = [&row.kind, &row.facet, &row.reader, &row.harmless, &row.secret];
                let others = others.into_iter().chain([&row.api, &row.why]);
                assert!(others.into_iter().all(String::is_empty), "{at}");
                continue;
            }
            assert!(matches!(row.place.as_str(), "body" | "query"), "{at}");
            let is_new = seen.insert((row.operation.clone(), row.place.clone(), row.path.clone()));
            assert!(is_new, "the field is there twice: {at}");
            assert!(KINDS.contains(&row.kind.as_str()), "{at}");
            assert!(row.kind != "json" || row.place == "query", "{at}");
            assert!(matches!(row.secret.as_str(), "" | "y"), "{at}");
            assert!(versions(&row.api).is_some(), "{at}");
            match row.facet.as_str() {
                "free" => assert!(row.reader.is_empty() && row.harmless.is_empty(), "{at}"),
                "within" => assert!(row.reader.is_empty(), "{at}"),
                facet => {
                    assert!(facet.parse::<Facet>().is_ok(), "no such facet: {at}");
                    assert!(!row.reader.is_empty(), "a facet needs a reader: {at}");
                }
            }
            let harmless: Vec<&str> = row.harmless.split(',').collect();
            assert!(
                row.harmless.is_empty() || harmless.iter().all(|word| !word.is_empty()),
                "{at}"
            );
            assert_eq!(harmless.iter().collect::<BTreeSet<_>>().len(), harmless.len(), "{at}");
            assert!(row.why.len() > 5 && row.why.len() <= 150, "{at}");
            assert!(!row.why.ends_with('.') && !row.why.contains("  "), "{at}");
            assert_eq!(row.why.trim(), row.why, "{at}");
        }
    }
}

/// The first and last version of a field: `1.44-`, `-1.51`, or nothing for all.
fn versions(text: &str) -> Option<(Option<(u32, u32)>, Option<(u32, u32)>)> {
    let number = |text: &str| -> Option<Option<(u32, u32)>> {
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

#[test]
fn what_another_reader_reads_is_below_its_row() {
    for engine in ENGINES {
        for rows in resolved(engine).values() {
            for (index, row) in rows.iter().enumerate() {
                if row.facet != "within" {
                    continue;
                }
                let around = rows[..index]
                    .iter()
                    .rev()
                    .find(|other| other.place == row.place && is_below(&row.path, &other.path));
                let around = around.unwrap_or_else(|| panic!("no reader reads it: {}", row.at));
                assert!(!around.reader.is_empty() && around.kind == "object", "{}", row.at);
            }
        }
    }
}

#[test]
fn an_object_has_a_reader_or_nothing_in_it() {
    for engine in ENGINES {
        for rows in resolved(engine).values() {
            for row in rows.iter().filter(|row| row.kind == "object") {
                let has_fields = rows.iter().any(|other| {
                    other.place == row.place
                        && other.path != row.path
                        && is_below(&other.path, &row.path)
                });
                assert!(!row.reader.is_empty() || !has_fields, "{}", row.at);
            }
            // Only an object has fields.
            for row in rows.iter().filter(|row| row.kind != "object") {
                let inner = rows.iter().find(|other| {
                    other.place == row.place
                        && other.path != row.path
                        && is_below(&other.path, &row.path)
                });
                assert!(inner.is_none(), "{}\n{}", row.at, inner.unwrap().at);
            }
        }
    }
}

#[test]
fn each_parameter_of_the_catalogue_has_a_row() {
    for engine in ENGINES {
        for (name, rows) in resolved(engine) {
            let operation = operation(engine, &name).unwrap();
            let known: BTreeSet<&str> = operation.query.iter().copied().collect();
            let queries = rows.iter().filter(|row| row.place == "query" && row.path != ".");
            let named: BTreeSet<&str> = queries.clone().map(|row| parameter(&row.path)).collect();
            assert_eq!(named, known, "{engine} {name}");
            assert_eq!(queries.clone().count(), known.len(), "{engine} {name}");
            for secret in &operation.secret_query {
                let row = queries.clone().find(|row| parameter(&row.path) == *secret).unwrap();
                assert_eq!(row.secret, "y", "the catalogue says that it is a secret: {}", row.at);
            }
        }
    }
}

/// What a program in a container can be told, and what authenticates somebody.
#[test]
fn values_that_hold_credentials_are_secrets() {
    let is_secret = |path: &str| {
        let last = path.rsplit('.').next().unwrap().trim_end_matches(['[', ']', '{', '}']);
        let words = [
            "env",
            "envmerge",
            "cmd",
            "command",
            "entrypoint",
            "test",
            "labels",
            "label",
            "args",
            "password",
            "auth",
            "identitytoken",
            "registrytoken",
            "buildargs",
            "fromsrc",
            "secrets",
            "changes",
            "health_cmd",
            "health_startup_cmd",
        ];
        words.contains(&last.to_lowercase().as_str())
    };
    for engine in ENGINES {
        let mut found = 0;
        for row in resolved(engine).values().flatten().filter(|row| row.kind != "object") {
            if is_secret(&row.path) && !row.path.ends_with("log_configuration.labels{}") {
                assert_eq!(row.secret, "y", "{}", row.at);
                found += 1;
            }
        }
        assert!(found > 20, "{engine}: {found}");
    }
}

/// The rows of podman that documentation does not get from dsp yet, because the row that they replace
/// stays. This list only gets shorter.
const UNREAD: [&str; 8] = [
    "podman ContainerCreate HostConfig.CapAdd[]",
    "podman ContainerCreate HostConfig.ContainerIDFile",
    "podman ContainerCreate HostConfig.LogConfig.Config{}",
    "podman ContainerCreate HostConfig.LogConfig.Type",
    "podman ContainerCreate HostConfig.PidMode",
    "podman ContainerCreate HostConfig.UTSMode",
    "podman ContainerCreate HostConfig.UsernsMode",
    "podman ContainerCreate Volumes{}",
];

/// A row that dsp cannot read is left out of the schema, and what it would have found is missed.
#[test]
fn dsp_reads_every_row() {
    let mut unread = BTreeSet::new();
    let mut found = BTreeMap::new();
    for engine in ENGINES {
        for (name, rows) in resolved(engine) {
            let schema = Schema::of(operation(engine, &name).unwrap()).unwrap();
            for row in rows {
                let place = if row.place == "body" { Place::Body } else { Place::Query };
                let is_place = |path: &str| path == row.path;
                let same = schema
                    .fields()
                    .iter()
                    .filter(|field| field.place == place && is_place(field.path));
                let same: Vec<_> = same.collect();
                let facet = row.facet.parse::<Facet>().ok();
                let is_read = matches!(same.as_slice(), [field] if field.kind == row.kind
                    && field.facet == facet
                    && field.is_secret == (row.secret == "y")
                    && field.harmless.join(",") == row.harmless
                    && field.why == row.why);
                if !is_read {
                    let short = format!("{engine} {name} {}", row.path);
                    found.insert(short.clone(), row.at);
                    unread.insert(short);
                }
            }
        }
    }
    let known: BTreeSet<String> = UNREAD.iter().map(|row| (*row).to_owned()).collect();
    let new: Vec<&str> = unread.difference(&known).map(|row| found[row].as_str()).collect();
    assert!(new.is_empty(), "{} rows are not read:\n{}", new.len(), new.join("\n"));
    let read: Vec<&String> = known.difference(&unread).collect();
    assert!(read.is_empty(), "these are read now, so take them off UNREAD: {read:#?}");
}

/// The fields of the bodies of an engine's own types, by operation, and the version of its module.
fn types(engine: EngineKind) -> (String, BTreeMap<String, BTreeMap<String, String>>) {
    let text = file(&format!("tests/fields/{engine}.txt"));
    let mut lines = text.lines();
    let module = lines.next().unwrap().strip_prefix("# ").unwrap().to_owned();
    let mut operations: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for line in lines {
        let columns: Vec<&str> = line.split('\t').collect();
        let [operation, path, kind] = columns[..] else { panic!("{line}") };
        let fields = operations.entry(operation.to_owned()).or_default();
        let before = fields.insert(path.to_owned(), kind.to_owned());
        assert!(before.is_none(), "{line}");
    }
    (module, operations)
}

/// A new engine cannot be told more than dsp knows of: a field that its types have and the data lacks
/// fails here, and so does one whose type differs. A field that only older engines have says until
/// when.
#[test]
fn the_data_has_every_field_of_the_engines_own_types() {
    for engine in ENGINES {
        let (module, operations) = types(engine);
        let data = resolved(engine);
        let mut wrong = Vec::new();
        for (name, fields) in &operations {
            let rows: Vec<&Row> = data[name].iter().filter(|row| row.place == "body").collect();
            // Some rows are of objects as a whole, which the types list by their fields.
            let is_leaf = |row: &&&Row| {
                let is_around = rows
                    .iter()
                    .any(|other| other.path != row.path && is_below(&other.path, &row.path));
                row.path != "." && !is_around
            };
            let known: BTreeMap<&str, &Row> =
                rows.iter().filter(is_leaf).map(|row| (row.path.as_str(), *row)).collect();
            for (path, kind) in fields {
                let words = path.strip_suffix("[]").and_then(|list| known.get(list));
                let words = words.filter(|row| row.kind == "words");
                let row = known.get(path.as_str()).or(words);
                match row {
                    None => wrong.push(format!("{name} lacks {path} ({kind})")),
                    Some(row) if row.kind == "words" && kind == "text" => {}
                    Some(row) if row.kind != *kind => wrong.push(format!("is {kind}: {}", row.at)),
                    Some(row) if versions(&row.api).unwrap().1.is_some() => {
                        wrong.push(format!("the newest types have it: {}", row.at));
                    }
                    Some(_) => {}
                }
            }
            for (path, row) in known {
                let listed = match row.kind.as_str() {
                    "words" => format!("{path}[]"),
                    _ => path.to_owned(),
                };
                let is_old = versions(&row.api).unwrap().1.is_some();
                // podman ignores what only newer versions of Docker's API have.
                let is_dockers = engine == EngineKind::Podman && row.is_dockers();
                if !fields.contains_key(&listed) && !is_old && !is_dockers {
                    wrong.push(format!(
                        "no longer in the types, and without a last version: {}",
                        row.at
                    ));
                }
            }
        }
        // A body that the types do not describe would be a way around this test.
        for (name, rows) in &data {
            let has_body = rows.iter().any(|row| {
                row.place == "body" && (engine == EngineKind::Docker || !row.is_dockers())
            });
            if has_body && !operations.contains_key(name) {
                wrong.push(format!("tests/fields/{engine} does not print {name}"));
            }
        }
        assert!(wrong.is_empty(), "{module}:\n{}", wrong.join("\n"));
    }
}
