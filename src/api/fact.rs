//! The facts behind the risk levels: a data file, compiled in, that says for every operation what
//! its worst request does or reveals, and the source for that.
//!
//! The level of an operation is the highest level of its facts, which a test checks. A row applies
//! to the operation with its name, and to podman's own equivalent, whose name has the prefix
//! `Libpod`. A row for podman alone takes precedence.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::advice::keys;
use super::{Operation, Risk};
use crate::text::words;

const DATA: &str = include_str!("risks.tsv");

static GROUNDS: LazyLock<HashMap<(bool, &'static str), Grounds>> =
    LazyLock::new(|| DATA.lines().skip(1).filter_map(parse_row).collect());

/// What the worst request for an operation does or reveals.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RiskFact {
    /// Runs something that the caller chooses.
    Runs,
    /// Opens a path of the host.
    Path,
    /// Puts files where others use them.
    Writes,
    /// Decides what a name refers to.
    Names,
    /// Gives control over the engine or the cluster.
    Control,
    /// Opens a tunnel to another API.
    Opaque,
    /// Changes something that lasts.
    Alters,
    /// Connects to an address that the caller chooses.
    Reaches,
    /// Reveals environment variables.
    Environment,
    /// Reveals the contents of files.
    Contents,
    /// Reveals the output of programs.
    Output,
    /// Reveals command lines.
    Arguments,
    /// Reveals tokens, keys and passwords.
    Credential,
    /// Reveals anything else about the host.
    State,
    /// Does and reveals nothing.
    Nothing,
}

/// Why an operation has its level.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grounds {
    /// The facts that apply; at least one.
    pub facts: Vec<RiskFact>,
    /// The source.
    pub source: &'static str,
}

words!(RiskFact, () = (), {
    Runs = "runs",
    Path = "path",
    Writes = "writes",
    Names = "names",
    Control = "control",
    Opaque = "opaque",
    Alters = "alters",
    Reaches = "reaches",
    Environment = "environment",
    Contents = "contents",
    Output = "output",
    Arguments = "arguments",
    Credential = "credential",
    State = "state",
    Nothing = "nothing",
});

impl RiskFact {
    /// The risk level that it implies.
    #[must_use]
    pub fn risk(self) -> Risk {
        match self {
            Self::Runs | Self::Path | Self::Writes | Self::Names | Self::Control | Self::Opaque => {
                Risk::Root
            }
            Self::Alters | Self::Reaches => Risk::Change,
            Self::Environment
            | Self::Contents
            | Self::Output
            | Self::Arguments
            | Self::Credential => Risk::Secrets,
            Self::State => Risk::Read,
            Self::Nothing => Risk::Info,
        }
    }

    /// The condition for it: "the worst request ...".
    #[must_use]
    pub fn applies(self) -> &'static str {
        match self {
            Self::Runs => {
                "runs a command, a program or settings of the caller's choice: it creates or changes \
                 a container, pod, service, plugin, unit or build step, or it sends bytes of the \
                 caller's choice to the standard input of a program that runs"
            }
            Self::Path => {
                "makes the engine open, read, list, write, create or delete a file or folder of the \
                 host whose path comes from the caller, in the query, the body or an archive"
            }
            Self::Writes => {
                "puts files of the caller's choice into a container or volume that others use"
            }
            Self::Names => {
                "points the name of an image, manifest list or artifact to content that the caller \
                 chooses, which the next user of the name then gets. A pull does not: the registry \
                 in the name decides what the name means"
            }
            Self::Control => {
                "gives control of the engine or the cluster to another machine, key or \
                 certificate"
            }
            Self::Opaque => "opens a tunnel to another API of the engine",
            Self::Alters => {
                "creates, ends, deletes, moves, renames, freezes or alters something that lasts or \
                 that others depend on, or runs what others chose"
            }
            Self::Reaches => {
                "makes the engine connect to an address from the caller, or sends content of the \
                 host to one"
            }
            Self::Environment => {
                "reveals environment variables, or a unit or YAML file that contains them"
            }
            Self::Contents => {
                "reveals the contents of files of a container, image, volume, artifact or config"
            }
            Self::Output => "reveals what a program has printed",
            Self::Arguments => {
                "reveals command lines of processes, or of commands that someone ran or \
                 prepared. The command with which a container was created is not one of them: it \
                 is part of the container's description, like its labels"
            }
            Self::Credential => {
                "reveals tokens, keys, secrets, options of volume drivers, or addresses that \
                 contain a user and a password"
            }
            Self::State => {
                "reveals anything else about the host, even if only whether an object of a given \
                 name exists, or tells a terminal its size"
            }
            Self::Nothing => {
                "does none of these: the answer is the same on every host with this engine, or \
                 always an error"
            }
        }
    }
}

impl Operation {
    /// Why it has its level; `None` if the row is missing, which a test rules out.
    #[must_use]
    pub fn grounds(&self) -> Option<&'static Grounds> {
        keys(self).iter().find_map(|key| GROUNDS.get(key))
    }
}

/// Parses a row; a test checks that every row parses.
fn parse_row(row: &'static str) -> Option<((bool, &'static str), Grounds)> {
    let columns: Vec<&'static str> = row.split('\t').collect();
    let [engine, operation, facts, source] = <[&'static str; 4]>::try_from(columns).ok()?;
    let for_podman = match engine {
        "any" => false,
        "podman" => true,
        _ => return None,
    };
    let fact = |word: &str| RiskFact::ALL.into_iter().find(|fact| fact.as_str() == word);
    let facts = facts.split(',').map(fact).collect::<Option<_>>()?;
    Some(((for_podman, operation), Grounds { facts, source }))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::api::EngineKind;

    fn operations() -> impl Iterator<Item = &'static Operation> {
        EngineKind::ALL.into_iter().flat_map(|engine| engine.catalogue().operations())
    }

    fn facts(operation: &Operation) -> &'static [RiskFact] {
        &operation.grounds().unwrap_or_else(|| panic!("{operation} has no row")).facts
    }

    #[test]
    fn every_row_parses_once_and_is_used() {
        assert_eq!(GROUNDS.len(), DATA.lines().count() - 1);
        let used: HashSet<_> = operations()
            .filter_map(|operation| {
                keys(operation).into_iter().find(|key| GROUNDS.contains_key(key))
            })
            .collect();
        for key in GROUNDS.keys() {
            assert!(used.contains(key), "{key:?} matches no operation");
        }
    }

    /// The level of each of the 349 operations follows from its facts, and the facts have sources.
    #[test]
    fn a_level_is_the_highest_of_its_facts() {
        for operation in operations() {
            let highest = facts(operation).iter().map(|fact| fact.risk()).max();
            assert_eq!(highest, Some(operation.risk), "{} {operation}", operation.engine);
            let grounds = operation.grounds().unwrap();
            assert!(!grounds.source.is_empty(), "{operation}");
            let distinct: HashSet<_> = grounds.facts.iter().collect();
            assert_eq!(distinct.len(), grounds.facts.len(), "{operation} has a fact twice");
            // `Nothing` excludes other facts.
            let is_alone = grounds.facts.len() == 1 || !grounds.facts.contains(&RiskFact::Nothing);
            assert!(is_alone, "{operation}");
        }
    }

    /// Every operation that can make a tag refer to other content has the same level.
    #[test]
    fn operations_that_can_move_a_tag_have_one_level() {
        for operation in operations() {
            let has = |key: &str| operation.query.contains(&key);
            let sets_a_name = (has("repo") && has("tag") && !operation.name.contains("Untag"))
                || has("fromSrc")
                || has("createImage")
                || (has("t") && operation.name.contains("Build"))
                || operation.name.ends_with("ImageLoad")
                || operation.name.ends_with("ImageLoadLocal")
                || operation.name.ends_with("ImageImport")
                || operation.name.ends_with("ImageScp")
                || operation.name.ends_with("ImageTag")
                || operation.name.contains("ManifestCreate")
                || operation.name.contains("ManifestAdd")
                || operation.name.contains("ManifestModify")
                || operation.name.contains("ArtifactAdd");
            let is_podmans_error = operation.risk == Risk::Info;
            assert_eq!(
                facts(operation).contains(&RiskFact::Names),
                sets_a_name && !is_podmans_error,
                "{} {operation}",
                operation.engine
            );
        }
    }

    /// The query parameters that are paths of the host. `checkpoint-dir` of a start is not among
    /// them: the engine rejects it unless its experimental features are on.
    const PATHS: [&str; 7] = [
        "dir",
        "localcontextdir",
        "kubeConfig",
        "kubeconfig",
        "caCertFile",
        "rusagelogfile",
        "volume",
    ];

    /// Every operation that can name a path of the host is `root`. So is every operation that
    /// accepts the settings of a container, service or plugin, because these contain such paths.
    #[test]
    fn operations_that_can_name_a_path_of_the_host_are_root() {
        let mut seen = 0;
        for operation in operations() {
            let has_path = operation.query.iter().any(|key| PATHS.contains(key))
                || (operation.query.contains(&"path") && operation.name.ends_with("Local"))
                || [
                    "ContainerCreate",
                    "ServiceCreate",
                    "ServiceUpdate",
                    "VolumeCreate",
                    "PluginSet",
                ]
                .iter()
                .any(|name| operation.name.ends_with(name))
                || operation.name.contains("PodCreate")
                || operation.name.ends_with("CheckpointCreate");
            if has_path && operation.risk != Risk::Info {
                assert_eq!(operation.risk, Risk::Root, "{} {operation}", operation.engine);
                seen += 1;
            }
        }
        assert!(seen > 15, "{seen}");
    }

    /// podman's routes have the level of Docker's with the same name, unless a row for podman gives
    /// a reason.
    #[test]
    fn twins_have_one_level_unless_a_fact_says_otherwise() {
        let mut twins = 0;
        let docker = EngineKind::Docker.catalogue();
        for operation in EngineKind::Podman.catalogue().operations() {
            let base = operation.name.strip_prefix("Libpod").unwrap_or(operation.name);
            let Some(twin) = docker.named(base) else { continue };
            twins += 1;
            let differs = GROUNDS.contains_key(&(true, operation.name))
                || GROUNDS.contains_key(&(true, base));
            assert!(
                differs || (operation.risk, facts(operation)) == (twin.risk, facts(twin)),
                "{operation} and {twin}"
            );
        }
        assert!(twins > 120, "{twins}");
    }

    /// An operation that always answers with an error has the lowest level, and no other operation
    /// is described like that.
    #[test]
    fn operations_that_podman_lacks_reveal_nothing() {
        for operation in operations() {
            let is_error = operation.permits.starts_with("learn that podman");
            assert!(!is_error || operation.risk == Risk::Info, "{operation}");
        }
    }

    /// An operation that opens a tunnel has the level of what the tunnel permits. So has one that
    /// differs from such an operation only in its name.
    #[test]
    fn a_tunnel_that_can_be_written_to_is_root() {
        for operation in operations().filter(|operation| operation.traits.hijack) {
            assert_eq!(operation.risk, Risk::Root, "{} {operation}", operation.engine);
        }
    }

    /// The same field is equally secret wherever it is revealed.
    #[test]
    fn a_secret_is_one_wherever_it_is_revealed() {
        for operation in operations() {
            let permits = operation.permits;
            let gives = |words: &[&str]| words.iter().any(|word| permits.contains(word));
            if gives(&["environment", "driver options", "join tokens", "key that unlocks"]) {
                assert!(operation.risk >= Risk::Secrets, "{} {operation}", operation.engine);
            }
            if operation.traits.tar_out || gives(&["has printed"]) {
                assert!(operation.risk >= Risk::Secrets, "{} {operation}", operation.engine);
            }
        }
    }
}
