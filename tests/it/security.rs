//! `SECURITY.md`: each promise names the tests that check it.

use std::collections::BTreeSet;
use std::path::Path;

/// The tests of the project, by file and name: `listener::a_dead_socket_is_replaced`. For a file
/// `mod.rs` or `tests.rs` it is the name of its folder.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, found);
            continue;
        }
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let module = match stem {
            "mod" | "tests" => path.parent().unwrap().file_name().unwrap().to_str().unwrap(),
            stem => stem,
        };
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            is_test |= matches!(line, "#[test]" | "#[tokio::test]");
            let name = line.trim_start_matches("async ").strip_prefix("fn ");
            if let Some(name) = name.filter(|_| is_test) {
                found.insert(format!("{module}::{}", name.split('(').next().unwrap()));
                is_test = false;
            }
        }
    }
}

#[test]
fn every_promise_is_held_by_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    tests(&root.join("src"), &mut found);
    tests(&root.join("tests/it"), &mut found);
    let text = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let named: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.contains("::") && !word.ends_with('…'))
        .collect();
    let gone: Vec<&&str> = named.iter().filter(|name| !found.contains(**name)).collect();
    assert!(gone.is_empty(), "SECURITY.md names tests that do not exist: {gone:?}");
    for path in text.split('`').filter(|word| word.starts_with("tests/")) {
        assert!(root.join(path).exists(), "SECURITY.md names {path}, which does not exist");
    }
    // Each numbered promise has at least one.
    let promises = text.split("## What `enforce` promises").nth(1).unwrap();
    let promises = promises.split("\n## ").next().unwrap();
    for number in 1.. {
        let Some(promise) = promises.split(&format!("\n{number}. ")).nth(1) else {
            assert!(number > 10, "the list of promises is not read");
            break;
        };
        let promise = promise.split(&format!("\n{}. ", number + 1)).next().unwrap();
        assert!(promise.contains("::"), "promise {number} names no test");
    }
}
