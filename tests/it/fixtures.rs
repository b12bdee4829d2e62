//! The committed fixtures; `real_engine::fixtures` runs their commands.

use std::fs;
use std::path::{Path, PathBuf};

use dsp::recording::Event;

use crate::support::World;

/// All of them, in order.
pub const NAMES: &[&str] = &[
    "build-buildkit",
    "build-classic",
    "cp-in",
    "cp-out",
    "events",
    "exec",
    "exec-interactive",
    "inspect",
    "logs-follow",
    "network-life",
    "ps",
    "pull",
    "run-detached",
    "run-rm",
    "stats",
    "stats-no-stream",
    "system-df",
    "system-prune",
    "volume-life",
];

/// The file of a fixture: its recording (`jsonl`) or its profile (`yaml`).
pub fn path(name: &str, kind: &str) -> PathBuf {
    folder().join(format!("{name}.{kind}"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

#[test]
fn each_is_a_recording_and_a_profile() {
    // Folders contain workloads and logs of other programs.
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap());
    let names = entries.filter(|entry| entry.path().is_file()).map(|entry| entry.file_name());
    let mut files: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    files.sort();
    // Shared by the scripts of workloads.
    files.retain(|name| !name.ends_with(".sh"));
    let mut expected = vec!["README.md".to_owned()];
    expected
        .extend(NAMES.iter().flat_map(|name| [format!("{name}.jsonl"), format!("{name}.yaml")]));
    expected.sort();
    assert_eq!(files, expected);
}

/// The recordings in a folder and in the folders below it.
fn recordings(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let is_recording = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "jsonl");
    let below = folders.iter().flat_map(|folder| recordings(folder));
    files.into_iter().filter(is_recording).chain(below).collect()
}

#[test]
fn each_recording_is_written_as_it_was_read() {
    let recordings = recordings(&folder());
    assert!(recordings.len() > NAMES.len(), "{recordings:?}");
    for path in recordings {
        let mut written = String::new();
        let text = fs::read_to_string(&path).unwrap();
        // Without the reader, which hides what an earlier dsp did not.
        for line in text.lines() {
            let event: Event<'_> = serde_json::from_str(line).unwrap();
            written += &serde_json::to_string(&event).unwrap();
            written.push('\n');
        }
        assert!(written == text, "{}", path.display());
    }
}

#[test]
fn each_profile_is_what_its_recording_generates() {
    let world = World::without_engine();
    for name in NAMES {
        let output = format!("{name}.yaml");
        let recording = path(name, "jsonl");
        let done = world.dsp(&["generate", recording.to_str().unwrap(), "-o", &output]);
        assert_eq!(done.status, 0, "{name}: {}", done.err);
        assert_eq!(world.read(&output), fs::read_to_string(path(name, "yaml")).unwrap(), "{name}");
    }
}

#[test]
fn no_recording_has_drifted_from_its_profile() {
    let world = World::without_engine();
    for name in NAMES {
        let (profile, recording) = (path(name, "yaml"), path(name, "jsonl"));
        let done = world.dsp(&["check", profile.to_str().unwrap(), recording.to_str().unwrap()]);
        assert_eq!(done.status, 0, "{name}: {}{}", done.out, done.err);
    }
}
