//! The committed corpora of the fuzz targets: each file is checked with the fuzzer's properties.

use std::fs;
use std::path::{Path, PathBuf};

#[allow(clippy::expect_used, reason = "a property that does not hold has to panic")]
#[path = "../../fuzz/properties/mod.rs"]
mod properties;

/// The limit for the total size of the corpora, in bytes, so that checking every file stays quick.
const MOST: u64 = 256 << 10;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn files(target: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join(target)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no corpus");
    files
}

fn check(target: &str, property: fn(&[u8])) {
    for file in files(target) {
        let data = fs::read(&file).unwrap();
        let held = std::panic::catch_unwind(|| property(&data));
        assert!(held.is_ok(), "{} breaches a property", file.display());
    }
}

#[test]
fn answers() {
    check("answers", properties::answers::check);
}

/// The same with pieces of each answer replaced by pieces of others, which needs no fuzzer.
#[test]
fn answers_of_mixed_pieces() {
    mixed("answers", properties::answers::check);
}

#[test]
fn canonical() {
    check("canonical", properties::canonical::check);
}

#[test]
fn contents() {
    check("contents", properties::contents::check);
}

/// The same with pieces of each body replaced by pieces of others, which needs no fuzzer.
#[test]
fn contents_of_mixed_bodies() {
    mixed("contents", properties::contents::check);
}

/// Checks the files of a target with pieces of each replaced by pieces of others.
fn mixed(target: &str, property: fn(&[u8])) {
    let files: Vec<Vec<u8>> = files(target).iter().map(|file| fs::read(file).unwrap()).collect();
    let mut state = 7_u64;
    let mut below = |end: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % end.max(1)
    };
    for _ in 0..20_000 {
        let mut data = files[below(files.len())].clone();
        let other = &files[below(files.len())];
        let from = below(other.len());
        let piece = &other[from..from + below((other.len() - from).min(24))];
        let at = below(data.len());
        let end = (at + below(24)).min(data.len());
        data.splice(at..end, piece.iter().copied());
        let held = std::panic::catch_unwind(|| property(&data));
        assert!(held.is_ok(), "breaches a property: {}", String::from_utf8_lossy(&data));
    }
}

#[test]
fn decision() {
    check("decision", properties::decision::check);
}

#[test]
fn framing() {
    check("framing", properties::framing::check);
}

#[test]
fn profile() {
    check("profile", properties::profile::check);
}

#[test]
fn proxy() {
    check("proxy", properties::proxy::check);
    properties::proxy::close();
}

#[test]
fn recording() {
    check("recording", properties::recording::check);
}

#[test]
fn each_target_has_its_property_and_its_corpus_and_they_are_small() {
    let names = |folder: PathBuf| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<String> = entries
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|name| name != "mod")
            .collect();
        names.sort();
        names
    };
    let targets = names(folder().join("../fuzz_targets"));
    let known = [
        "answers",
        "canonical",
        "contents",
        "decision",
        "framing",
        "profile",
        "proxy",
        "recording",
    ];
    assert_eq!(targets, known);
    assert_eq!(names(folder().join("../properties")), targets);
    assert_eq!(names(folder()), targets);
    let sizes = targets.iter().flat_map(|target| files(target));
    let total: u64 = sizes.map(|file| file.metadata().unwrap().len()).sum();
    assert!(total <= MOST, "the corpora have {total} bytes");
}
