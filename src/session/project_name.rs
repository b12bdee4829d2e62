//! Guesses the name of a program from the file or folder of its recording.

use std::path::{Path, PathBuf};

use crate::api::redacted_name;
use crate::profile::{self, Name};

/// Common names of recordings, and of the folders that contain them in a project.
const RECORDINGS: &[&str] =
    &["audit", "dsp", "log", "logs", "output", "rec", "recording", "recordings", "session"];

/// Common names of folders that may contain any project, in containers and on CI machines.
const ANY_PROJECT: &[&str] = &[
    "app",
    "build",
    "builds",
    "checkout",
    "code",
    "data",
    "docker",
    "home",
    "mnt",
    "opt",
    "project",
    "repo",
    "root",
    "run",
    "src",
    "srv",
    "usr",
    "var",
    "work",
    "workspace",
];

/// The longest name to use, in bytes.
const LONGEST: usize = 64;

/// Folders that contain projects, but are not projects themselves.
#[derive(Clone, Debug, Default)]
pub struct OutsideProjects {
    /// The user's home folder.
    home: Option<PathBuf>,
    /// Folders for temporary files.
    temporary: Vec<PathBuf>,
}

impl OutsideProjects {
    /// The user's home folder, the folder for temporary files, and the system's own.
    #[must_use]
    pub fn new(home: Option<PathBuf>, temporary: PathBuf) -> Self {
        let real = |path: PathBuf| path.canonicalize().ok();
        let all = ["/tmp", "/var/tmp", "/dev/shm"].map(PathBuf::from).into_iter();
        let temporary = all.chain([temporary]).filter_map(real).collect();
        Self { home: home.and_then(real), temporary }
    }
}

/// A name for the profile of these recordings: that of the only file, or else that of the folder.
#[must_use]
pub fn name_by_place(recordings: &[PathBuf], outside: &OutsideProjects) -> Option<Name> {
    match recordings {
        [one] => of_recording(one).or_else(|| of_folder(one, outside)),
        all => of_folder(all.first()?, outside),
    }
}

/// The name of a recording's file, unless it is a common one.
fn of_recording(path: &Path) -> Option<Name> {
    let stem = path.file_stem()?.to_str()?;
    (!is_one_of(RECORDINGS, stem)).then(|| name(stem)).flatten()
}

/// The name of the folder of a recording, if it belongs to a project.
fn of_folder(recording: &Path, outside: &OutsideProjects) -> Option<Name> {
    let folder = recording.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
    let is_of_no_project = |folder: &Path| {
        outside.home.as_deref() == Some(folder)
            || outside.temporary.iter().any(|temporary| folder.starts_with(temporary))
    };
    let folders = folder.ancestors().take_while(|folder| !is_of_no_project(folder));
    let mut names = folders.filter_map(|folder| folder.file_name()?.to_str());
    let found = names.find(|name| !is_one_of(RECORDINGS, name))?;
    (!is_one_of(ANY_PROJECT, found)).then(|| name(found)).flatten()
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Makes a name from the name of a file, unless that looks generated or secret.
fn name(text: &str) -> Option<Name> {
    let is_shown = redacted_name(text, LONGEST) == text && !profile::looks_like_id(text);
    let has_letter = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    (is_shown && has_letter).then(|| Name::from_words(text)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_names_a_profile_where_somebody_named_it() {
        let of = |path: &str| of_recording(Path::new(path)).map(|name| name.to_string());
        assert_eq!(of("shop.jsonl").as_deref(), Some("shop"));
        assert_eq!(of("a/b/ci-nightly.jsonl").as_deref(), Some("ci-nightly"));
        assert_eq!(of("My shop.jsonl").as_deref(), Some("My-shop"));
        for path in [
            "recording.jsonl",
            "x/Recording.jsonl",
            "-",
            "2026-01-01.jsonl",
            "u:pw@h.jsonl",
            "deadbeefcafe.jsonl",
            "..",
            "",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }

    #[test]
    fn the_folder_of_a_project_names_a_profile() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let outside =
            OutsideProjects { home: Some(root.join("alice")), temporary: vec![root.join("tmp")] };
        let of = |folder: &str| {
            std::fs::create_dir_all(root.join(folder)).unwrap();
            let found = of_folder(&root.join(folder).join("recording.jsonl"), &outside);
            found.map(|name| name.to_string())
        };
        assert_eq!(of("alice/shop").as_deref(), Some("shop"));
        assert_eq!(of("alice/shop/recordings/dsp").as_deref(), Some("shop"));
        for folder in ["alice", "alice/recordings", "tmp/tmp.x1", "tmp/a/b", "builds/workspace"] {
            assert_eq!(of(folder), None, "{folder}");
        }
        assert_eq!(of_folder(&root.join("none/recording.jsonl"), &outside), None);
    }
}
