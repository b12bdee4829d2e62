//! What a person should know about an operation before allowing it: a data file, compiled in, with
//! a row for each operation that gives something away.
//!
//! A row applies to the operation with its name, and to podman's own equivalent, whose name has the
//! prefix `Libpod`. A row for podman alone takes precedence.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{EngineKind, Operation, Risk};

const DATA: &str = include_str!("advice.tsv");

static ADVICE: LazyLock<HashMap<(bool, &'static str), Advice>> =
    LazyLock::new(|| DATA.lines().skip(1).filter_map(parse_row).collect());

/// The prefix that podman's own operations have, compared to the names in Docker's API.
const OWN: &str = "Libpod";

/// What to know about an operation.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Advice {
    /// The parts of a request that decide how much it gives away.
    pub matters: Vec<Matter>,
    /// The worst that can be done with it, to complete the sentence "one can ...".
    pub worst: &'static str,
    /// What to do instead of allowing the whole operation; empty if there is no advice.
    pub instead: &'static str,
}

/// A part of a request that decides how much it gives away.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Matter {
    /// Its place.
    pub place: MatterPlace,
    /// The names of the query parameters, the paths of the fields, or a description of the body.
    pub names: Vec<&'static str>,
    /// The effect.
    pub effect: &'static str,
}

/// The place of a part of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MatterPlace {
    /// In the body.
    Body,
    /// In the query.
    Query,
}

impl MatterPlace {
    /// The word for the place.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Query => "query",
        }
    }
}

impl Operation {
    /// What to know about the operation before allowing it. Query parameters that this engine does
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
        // podman answers operations that it lacks with an error.
        let is_error = self.engine == EngineKind::Podman
            && self.risk == Risk::Info
            && !self.name.starts_with(OWN);
        if is_error {
            return None;
        }
        keys(self).iter().find_map(|key| ADVICE.get(key))
    }
}

/// The keys under which a data file may have the row of an operation, most specific first: whether
/// the row is for podman alone, and the name.
pub(crate) fn keys(operation: &Operation) -> Vec<(bool, &'static str)> {
    let base = operation.name.strip_prefix(OWN);
    match (operation.engine, base) {
        (EngineKind::Docker, _) => vec![(false, operation.name)],
        (EngineKind::Podman, None) => vec![(true, operation.name), (false, operation.name)],
        (EngineKind::Podman, Some(base)) => {
            vec![(true, operation.name), (false, operation.name), (true, base), (false, base)]
        }
    }
}

/// Parses a row; a test checks that every row parses. The key consists of whether the row is for
/// podman alone and the name of the operation.
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
            let operation = operation.unwrap_or_else(|| panic!("{name} is not an operation"));
            for matter in &advice.matters {
                assert!(!matter.effect.is_empty(), "{name}");
                for query in matter.names.iter().filter(|_| matter.place == MatterPlace::Query) {
                    assert!(operation.query.contains(query), "{name} has no {query}");
                }
            }
        }
    }

    /// The list has the fields and parameters each of which is enough to take over the host. Its
    /// rows were measured on engines or read in their sources, see `docs/engine-api.md`.
    #[test]
    fn every_field_that_gives_the_host_away_is_named() {
        let list = include_str!("root_fields.tsv");
        let mut missing = Vec::new();
        for row in list.lines().skip(1) {
            let [engine, operation, place, field] = row.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{row}")
            };
            let engine = engine.parse().unwrap();
            let advice = named(engine, operation).advice().unwrap_or_default();
            let covers = |name: &str| {
                field
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let is_named = advice.matters.iter().any(|matter| {
                matter.place.as_str() == place && matter.names.iter().any(|name| covers(name))
            });
            if !is_named {
                missing.push(row);
            }
        }
        assert!(missing.is_empty(), "{missing:#?}");
        assert!(list.lines().count() > 130);
    }

    #[test]
    fn every_operation_that_gives_something_away_says_what_at_worst() {
        for engine in EngineKind::ALL {
            for operation in engine.catalogue().operations() {
                let advice = operation.advice();
                let is_told = operation.risk >= Risk::Secrets;
                assert!(!is_told || advice.is_some(), "{engine}: {operation} has no row");
                // A GET that only reads does not promise a change, and no request recommends
                // itself.
                let instead = advice.map(|advice| advice.instead).unwrap_or_default();
                assert!(!instead.contains(&operation.to_string()), "{operation}: {instead}");
            }
        }
    }

    /// The rules in the advice are valid in a profile for the same engine.
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
    fn podman_s_own_operations_have_the_advice_of_their_equivalents() {
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
