//! Parses a profile. This module, `written` and `emit` are the only ones that know the
//! file is YAML.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::decisions::{AcceptanceFile, ReviewedFile};
use super::file_kind::KIND;
use super::items::{parse_denied, parse_list, parse_min_api, parse_rule, parse_unknown};
use super::written::Item;
use super::{Name, Profile};
use crate::api::EngineKind;
use crate::text::{printable, shown};
use crate::yaml::{Problem, Spanned, at, from_versioned, hint, span};

/// The size limit of a profile in bytes. One with every operation has less than 8 KiB.
pub const MAX_BYTES: u64 = 1 << 20;

/// Why a profile could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read the profile {}: {source}", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The path is a folder.
    #[error("{} is a folder, not a profile", shown(path))]
    Folder {
        /// The path.
        path: PathBuf,
    },
    /// The file is larger than [`MAX_BYTES`].
    #[error("{} is larger than {MAX_BYTES} bytes; a profile is smaller", shown(path))]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not UTF-8.
    #[error("{} is not valid UTF-8", shown(path))]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The text is not a valid profile.
    #[error("{}:{}:{}: {}", shown(path), problem.line, problem.column, problem.message)]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Its text.
        text: String,
        /// What is wrong, and where.
        problem: Box<Problem>,
    },
}

/// Reads and parses the profile at `path`.
///
/// # Errors
/// [`LoadError`].
pub fn load(path: &Path) -> Result<Profile, LoadError> {
    load_text(path).map(|(_, profile)| profile)
}

/// Like [`load`], but also returns the text that was parsed.
///
/// # Errors
/// [`LoadError`].
pub fn load_text(path: &Path) -> Result<(String, Profile), LoadError> {
    parse_from(path, read(path)?)
}

/// Parses the text of a profile that did not come from a file; `path` names it in errors.
///
/// # Errors
/// [`LoadError`].
pub fn parse_from(path: &Path, text: String) -> Result<(String, Profile), LoadError> {
    match parse(&text) {
        Ok(profile) => Ok((text, profile)),
        Err(problem) => {
            Err(LoadError::Invalid { path: path.to_owned(), text, problem: Box::new(problem) })
        }
    }
}

/// Parses the text of a profile.
///
/// # Errors
/// The first [`Problem`].
pub fn parse(text: &str) -> Result<Profile, Problem> {
    let file: File = from_versioned(text, &KIND)?;
    let name = Name::parse(&file.name.value)
        .map_err(|error| at(text, span(text, &file.name), error.to_string(), None))?;
    let engine = file.engine.map_or(Ok(EngineKind::default()), |name| parse_engine(text, &name))?;
    let min_api = file.min_api.map(|version| parse_min_api(text, engine, &version)).transpose()?;
    Ok(Profile {
        name,
        engine,
        min_api,
        allow: parse_list(file.allow, |item| parse_rule(text, engine, item))?,
        deny: parse_list(file.deny, |item| parse_denied(text, engine, item))?,
        unknown: parse_list(file.unknown, |item| parse_unknown(text, engine, item))?,
        accept: file
            .accept
            .unwrap_or_default()
            .into_iter()
            .map(|entry| entry.parse(text, engine))
            .collect::<Result<_, _>>()?,
        reviewed: file.reviewed.map(|reviewed| reviewed.parse(text, engine)).transpose()?,
    })
}

/// The file as written, before its values are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "version")]
    _version: u64,
    name: Spanned<String>,
    engine: Option<Spanned<String>>,
    min_api: Option<Spanned<String>>,
    allow: Option<Vec<Spanned<Item>>>,
    deny: Option<Vec<Spanned<Item>>>,
    unknown: Option<Vec<Spanned<Item>>>,
    accept: Option<Vec<AcceptanceFile>>,
    reviewed: Option<ReviewedFile>,
}

fn read(path: &Path) -> Result<String, LoadError> {
    let io = |source| LoadError::Io { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.is_dir() {
        return Err(LoadError::Folder { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    text_of(path, bytes)
}

/// Parses the bytes of a profile that came from the file `path`.
///
/// # Errors
/// [`LoadError`].
pub fn parse_bytes(path: &Path, bytes: Vec<u8>) -> Result<(String, Profile), LoadError> {
    parse_from(path, text_of(path, bytes)?)
}

fn text_of(path: &Path, bytes: Vec<u8>) -> Result<String, LoadError> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(LoadError::TooLarge { path: path.to_owned() });
    }
    String::from_utf8(bytes).map_err(|_| LoadError::NotText { path: path.to_owned() })
}

fn parse_engine(text: &str, name: &Spanned<String>) -> Result<EngineKind, Problem> {
    name.value.parse().map_err(|_| {
        let message = format!("unknown engine \"{}\"", name.value);
        at(text, span(text, name), printable(&message), hint("engine: docker, or engine: podman"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::ApiVersion;
    use crate::profile::{Comments, emit};

    const HEAD: &str = "version: 1\nname: x\n";

    fn problem(text: &str) -> String {
        let problem = parse(text).unwrap_err();
        let hint = problem.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{}:{}: {}{hint}", problem.line, problem.column, problem.message)
    }

    #[test]
    fn a_profile_is_read() {
        let text = "version: 1\nname: x\nmin_api: \"1.40\"\nallow:\n  - GET /info # seen\n\
                    deny:\n  - POST /containers/*/exec\nunknown:\n  - GET /extension/a\n";
        let profile = parse(text).unwrap();
        assert_eq!(profile.min_api, Some(ApiVersion::new(1, 40)));
        assert_eq!(profile.allow[0].value.to_string(), "GET /info");
        assert_eq!(&text[profile.allow[0].span.clone().unwrap()], "GET /info");
        assert_eq!(profile.deny[0].value.operation().name, "ContainerExec");
        assert_eq!(profile.unknown[0].value.to_string(), "GET /extension/a");
        assert_eq!(parse("version: 1\nname: x\nallow:\n").unwrap().allow, []);
    }

    #[test]
    fn errors_have_a_place_and_a_hint() {
        let with = |rest: &str| problem(&format!("{HEAD}{rest}"));
        insta::assert_snapshot!(
            [
                with("foo: 1\n"),
                with("allow:\n  - GET /info\nallow:\n  - GET /version\n"),
                with("allow:\n  - GET /container/json\n"),
                with("allow:\n  - GET /v1.41/info\n"),
                with("allow:\n  - get /info\n"),
                with("allow:\n  - GET /éé/*/x\n"),
                with("allow:\n  - POST /containers/create: { body: {} }\n"),
                with("allow:\n  - POST /containers/create: { images: [\"alpine:3\"] }\n"),
                with("allow:\n  - POST /containers/create:\n      image:\n        - alpine:3\n        - docker.io/library/alpine\n"),
                with("allow:\n  - POST /containers/create: { mounts: [/srv/../etc] }\n"),
                with("allow:\n  - POST /containers/create: { mounts: [\"*\"] }\n"),
                with("allow:\n  - POST /containers/create: { ports: [8080] }\n"),
                with("allow:\n  - POST /containers/create: { privileged: false }\n"),
                with("allow:\n  - POST /containers/create: { privileged: maybe }\n"),
                with("allow:\n  - POST /containers/create: { image: }\n"),
                with("allow:\n  - POST /containers/create:\n"),
                with("allow:\n  - GET /info: {}\n"),
                with("allow:\n  - GET /system/df: { filters: [\"@own\"] }\n"),
                with("allow:\n  - POST /build/prune: { filters: [\"@own\"] }\n"),
                with("engine: podman\nallow:\n  - POST /volumes/prune: { filters: [\"@own\"] }\n"),
                with("deny:\n  - GET /containers/json: { filters: [\"@own\"] }\n"),
                with("allow:\n  - POST /containers/create: {}\n    POST /build: {}\n"),
                with("allow:\n  - GET /containers/*/json: { hide: [env] }\n"),
                with("allow:\n  - GET /containers/*/json: { hide: [environnement] }\n"),
                with("allow:\n  - GET /containers/*/json:\n      hide:\n        - environment\n        - secrets\n"),
                with("allow:\n  - GET /containers/*/json: { hide: [] }\n"),
                with("allow:\n  - GET /containers/*/json: { hide: any }\n"),
                with("allow:\n  - GET /containers/json: { hide: environment }\n"),
                with("allow:\n  - GET /info: { hide: [environment] }\n"),
                with("allow:\n  - GET /version: { hide: [environment] }\n"),
                with("allow:\n  - GET /containers/*/json: { image: any, hide: [environment] }\n"),
                with("deny:\n  - GET /containers/*/json: { hide: [environment] }\n"),
                with("unknown:\n  - GET /x: {}\n"),
                with("allow:\n  - 12\n"),
                with("allow: GET /info\n"),
                with("---\nversion: 1\n"),
                with("allow: &rules []\n"),
                with("<<: {}\n"),
                with("min_api: 1.23\n"),
                with("min_api: v1\n"),
                with("unknown:\n  - GET /info\n"),
                with("unknown:\n  - GET /x/*\n"),
                with("unknown:\n  - GET /x/../y\n"),
                with("allow:\n  - \"GET /\\e[31m\"\n"),
                with("allow:\n  - GET /info\n - GET /x\n"),
                problem(""),
                problem("- GET /info\n"),
                problem("name: x\n"),
                problem("version: 1\n"),
                problem("version: 2\nname: x\nrules: []\n"),
                problem("version: one\nname: x\n"),
                problem("version: 1\nname: a b\n"),
                problem(&format!("{HEAD}allow: {}", "[".repeat(50_000))),
            ]
            .join("\n")
        );
    }

    #[test]
    fn files_that_are_not_profiles_have_distinct_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        assert!(matches!(load(folder.path()), Err(LoadError::Folder { .. })));
        assert!(matches!(load(&path), Err(LoadError::Io { .. })));
        std::fs::write(&path, b"\xff\xfe").unwrap();
        assert!(matches!(load(&path), Err(LoadError::NotText { .. })));
        std::fs::write(&path, " ".repeat(2 << 20)).unwrap();
        assert!(matches!(load(&path), Err(LoadError::TooLarge { .. })));
    }

    /// Pieces of profiles, and input that trips up YAML parsers.
    const PARTS: &str = r#"(version: 1|name: x|engine: podman|min_api: |"1\.41"|\nallow:|\ndeny:|\nunknown:|\naccept:|\nreviewed:|\n  digest: x|\n  read:|\n  - code: unused-rule|\n    (rule|reason|until): |2027-01-31|\n  - (GET|POST) /|containers|libpod|manifests/|registry/|images/|json|\*|%2F|%2A|%zz|/|: |#|\n|\r|\t|\[|\{|&a|!!str|---|\||é|\u{feff}|[ -~])"#;

    proptest! {
        #[test]
        fn accepted_input_round_trips_and_errors_have_a_place(
            head in "(version: 1\nname: x\n)?",
            parts in prop::collection::vec(PARTS, 0..16),
        ) {
            let text = head + &parts.concat();
            match parse(&text) {
                Ok(profile) => {
                    let written = emit(&profile, &Comments::default());
                    let again = parse(&written).map_err(|problem| problem.message);
                    prop_assert_eq!(again, Ok(profile), "{}", written);
                }
                Err(problem) => {
                    prop_assert!(text.get(problem.span.clone()).is_some(), "{:?}", problem);
                    let line = text.split('\n').nth(problem.line - 1);
                    let columns = line.map_or(0, |line| line.chars().count() + 1);
                    prop_assert!((1..=columns).contains(&problem.column), "{:?}", problem);
                }
            }
        }
    }
}
