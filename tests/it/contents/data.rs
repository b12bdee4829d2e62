//! Whether the data is well formed, agrees with the catalogue, and is read by dsp.

use std::collections::{BTreeMap, BTreeSet};

use dsp::contents::{Facet, Place, Schema};

use super::{ENGINES, KINDS, is_below, operation, parameter, resolved, rows, versions};

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
const UNREAD: [&str; 0] = [];

/// A row that dsp cannot read is left out of the schema, and what it would have found is missed.
#[test]
fn dsp_reads_every_row() {
    let mut unread = BTreeSet::new();
    let mut found = BTreeMap::new();
    for engine in ENGINES {
        for (name, rows) in resolved(engine) {
            let schema = Schema::in_rules(operation(engine, &name).unwrap()).unwrap();
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
