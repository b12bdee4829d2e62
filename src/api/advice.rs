//! What a person should know of an operation before permitting it: a data file, compiled in, with
//! a row for each operation that gives something away.
//!
//! A row holds for an operation of this name, and for podman's own operation of the same thing,
//! which has `Libpod` before the name; a row for podman alone comes first.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{EngineKind, Operation, Risk};

const DATA: &str = include_str!("advice.tsv");

static ADVICE: LazyLock<HashMap<(bool, &'static str), Advice>> =
    LazyLock::new(|| DATA.lines().skip(1).filter_map(parse_row).collect());

/// What podman's own operations have before the name of the Docker API's.
const OWN: &str = "Libpod";

/// What to know of an operation.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Advice {
    /// The parts of a request that decide how much it gives away; the others are left out.
    pub matters: Vec<Matter>,
    /// What can be done with it at worst, as in "one can ...".
    pub worst: &'static str,
    /// What to do instead of permitting all of it; empty where nothing is known.
    pub instead: &'static str,
}

/// A part of a request that decides how much it gives away.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Matter {
    /// Where it stands.
    pub place: MatterPlace,
    /// The names of the query parameters, the paths of the fields, or what the body is.
    pub names: Vec<&'static str>,
    /// What it does.
    pub effect: &'static str,
}

/// Where a part of a request stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MatterPlace {
    /// In the body.
    Body,
    /// In the query.
    Query,
}

impl MatterPlace {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Query => "query",
        }
    }
}

impl Operation {
    /// What to know of it before permitting it. Query parameters that this engine's operation does
    /// not have are left out.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        let mut advice = self.row()?.clone();
        for matter in &mut advice.matters {
            if matter.place == MatterPlace::Query {
                matter.names.retain(|name| self.query.contains(name));
            }
        }
        advice.matters.retain(|matter| !matter.names.is_empty());
        Some(advice)
    }

    fn row(&self) -> Option<&'static Advice> {
        // podman answers what it does not have with an error.
        let is_error = self.engine == EngineKind::Podman
            && self.risk == Risk::Info
            && !self.name.starts_with(OWN);
        if is_error {
            return None;
        }
        keys(self).iter().find_map(|key| ADVICE.get(key))
    }
}

/// Under which keys a data file may have the row of an operation, the nearest first: whether the row
/// is for podman alone, and the name.
pub(super) fn keys(operation: &Operation) -> Vec<(bool, &'static str)> {
    let base = operation.name.strip_prefix(OWN);
    match (operation.engine, base) {
        (EngineKind::Docker, _) => vec![(false, operation.name)],
        (EngineKind::Podman, None) => vec![(true, operation.name), (false, operation.name)],
        (EngineKind::Podman, Some(base)) => {
            vec![(true, operation.name), (false, operation.name), (true, base), (false, base)]
        }
    }
}

/// Parses a row; a test holds that every one parses. The key is whether it is for podman alone, and
/// the name of the operation.
fn parse_row(row: &'static str) -> Option<((bool, &'static str), Advice)> {
    let columns: Vec<&'static str> = row.split('\t').collect();
    let [engine, operation, matters, worst, instead] =
        <[&'static str; 5]>::try_from(columns).ok()?;
    let for_podman = match engine {
        "any" => false,
        "podman" => true,
        _ => return None,
    };
    let matters = matters.split(" | ").filter(|matter| !matter.is_empty());
    let matters = matters.map(parse_matter).collect::<Option<_>>()?;
    Some(((for_podman, operation), Advice { matters, worst, instead }))
}

/// Parses `query path, rename: what they do`.
fn parse_matter(text: &'static str) -> Option<Matter> {
    let (place, rest) = text.split_once(' ')?;
    let place = match place {
        "body" => MatterPlace::Body,
        "query" => MatterPlace::Query,
        _ => return None,
    };
    let (names, effect) = rest.split_once(": ")?;
    Some(Matter { place, names: names.split(", ").collect(), effect })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Rule;

    fn named(engine: EngineKind, name: &str) -> &'static Operation {
        engine.catalogue().named(name).unwrap()
    }

    #[test]
    fn every_row_parses_once_and_is_about_an_operation() {
        assert_eq!(ADVICE.len(), DATA.lines().count() - 1);
        for ((for_podman, name), advice) in ADVICE.iter() {
            assert!(!advice.worst.is_empty(), "{name}");
            let engines: &[EngineKind] =
                if *for_podman { &[EngineKind::Podman] } else { &EngineKind::ALL };
            let mut engines = engines.iter();
            let operation = engines.find_map(|engine| engine.catalogue().named(name));
            let operation = operation.unwrap_or_else(|| panic!("{name} is no operation"));
            for matter in &advice.matters {
                assert!(!matter.effect.is_empty(), "{name}");
                for query in matter.names.iter().filter(|_| matter.place == MatterPlace::Query) {
                    assert!(operation.query.contains(query), "{name} has no {query}");
                }
            }
        }
    }

    #[test]
    fn every_operation_that_gives_something_away_says_what_at_worst() {
        for engine in EngineKind::ALL {
            for operation in engine.catalogue().operations() {
                let advice = operation.advice();
                let is_told = operation.risk >= Risk::Secrets;
                assert!(!is_told || advice.is_some(), "{engine}: {operation} has no row");
                // A GET that only reads promises no change, and no request promises itself.
                let instead = advice.map(|advice| advice.instead).unwrap_or_default();
                assert!(!instead.contains(&operation.to_string()), "{operation}: {instead}");
            }
        }
    }

    /// The rules that advice names are ones that a profile for the same engine can have.
    #[test]
    fn every_rule_that_is_advised_names_an_operation() {
        let methods = ["GET ", "HEAD ", "POST ", "PUT ", "DELETE "];
        let mut seen = 0;
        for engine in EngineKind::ALL {
            for operation in engine.catalogue().operations() {
                let Some(advice) = operation.advice() else { continue };
                let text = format!("{} {}", advice.worst, advice.instead);
                for method in methods {
                    for (at, _) in text.match_indices(method) {
                        let rest = &text[at + method.len()..];
                        if !rest.starts_with('/') {
                            continue;
                        }
                        let path: String = rest
                            .chars()
                            .take_while(|character| !" ,;".contains(*character))
                            .collect();
                        let rule = Rule::parse(engine, &format!("{method}{path}"));
                        assert!(rule.is_ok(), "{engine} {operation}: {text}");
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen > 50, "{seen}");
    }

    #[test]
    fn podman_s_own_operations_have_the_advice_of_what_is_the_same_thing() {
        let worst = |engine, name| named(engine, name).advice().map(|advice| advice.worst);
        let (docker, podman) = (EngineKind::Docker, EngineKind::Podman);
        assert_eq!(worst(podman, "LibpodExecStart"), worst(docker, "ExecStart"));
        assert_eq!(worst(podman, "LibpodImageBuild"), worst(podman, "ImageBuild"));
        assert_ne!(worst(podman, "ImageBuild"), worst(docker, "ImageBuild"));
        assert_eq!(worst(podman, "SwarmInit"), None, "podman has no swarm");
        let matters = |engine, name| -> Vec<&str> {
            let advice = named(engine, name).advice().unwrap();
            advice.matters.iter().flat_map(|matter| matter.names.clone()).collect()
        };
        assert!(matters(docker, "ImageBuild").contains(&"networkmode"));
        assert!(matters(podman, "LibpodPutContainerArchive").contains(&"rename"));
    }
}
