//! The data against the engines' own types. `scripts/fields` prints the fields of these; the lists are in
//! `tests/fields`.

use std::collections::BTreeMap;

use dsp::api::EngineKind;

use super::{ENGINES, Row, file, is_below, resolved, versions};

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
