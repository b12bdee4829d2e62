//! Where answers have secrets: a data file, compiled in, with a row for each field.
//!
//! A row applies to the operation with its name, and to podman's own equivalent, whose name has the
//! prefix `Libpod`. Rows for podman alone, or for the longer name, take precedence. A path names
//! fields of objects. Lists are not written: `Volumes.Options` is a field of each volume.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Hidden, Kind};
use crate::api::{EngineKind, Operation, Risk, RiskFact, data_keys};

const DATA: &str = include_str!("places.tsv");

/// The rows of each operation.
static ROWS: LazyLock<HashMap<(bool, &'static str), Vec<Row>>> = LazyLock::new(|| {
    let mut rows: HashMap<_, Vec<Row>> = HashMap::new();
    for (key, row) in DATA.lines().skip(1).filter_map(parse_row) {
        rows.entry(key).or_default().push(row);
    }
    rows
});

/// The answers that have secrets, by the engine and the index of the operation.
static ANSWERS: LazyLock<HashMap<(EngineKind, usize), Answer>> = LazyLock::new(|| {
    let operations = EngineKind::ALL.into_iter().flat_map(|engine| engine.catalogue().operations());
    let answers = operations.filter_map(|operation| {
        // podman answers operations that it lacks with an error.
        let rows = data_keys(operation).into_iter().find_map(|key| ROWS.get(&key))?;
        let answer = (operation.risk > Risk::Info).then(|| Answer::of_rows(rows))?;
        Some(((operation.engine, operation.index), answer))
    });
    answers.collect()
});

/// A place in an answer.
#[derive(Debug)]
struct Row {
    path: &'static str,
    /// The kinds of which it is; any of them hides it.
    kinds: Hidden,
}

/// The places in the answer to an operation that have secrets.
#[derive(Debug, Default)]
pub struct Answer {
    /// The places, and those on the way to them. The first one is the whole answer.
    nodes: Vec<Node>,
}

/// A place in an answer.
#[derive(Debug, Default)]
struct Node {
    /// The kinds of what is there; empty if it only leads to other places.
    kinds: Hidden,
    /// The fields that lead on, in lower case.
    fields: Vec<(String, usize)>,
}

/// A position in the places of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place(usize);

impl Answer {
    /// The places of an operation; `None` if its answer has none.
    #[must_use]
    pub fn of(operation: &Operation) -> Option<&'static Self> {
        ANSWERS.get(&(operation.engine, operation.index))
    }

    /// The kinds of secrets that an operation's answer has and that can be hidden.
    #[must_use]
    pub fn kinds_of(operation: &Operation) -> Hidden {
        Self::of(operation).map_or(Hidden::NOTHING, Self::kinds)
    }

    /// Whether hiding these kinds leaves nothing of the secrets of a kind, of which there are some.
    fn hides_all(&self, kind: Kind, hidden: Hidden) -> bool {
        let mut of_kind = self.nodes.iter().filter(|node| node.kinds.has(kind)).peekable();
        of_kind.peek().is_some() && of_kind.all(|node| !node.kinds.and(hidden).is_empty())
    }

    fn kinds(&self) -> Hidden {
        self.nodes.iter().fold(Hidden::NOTHING, |all, node| all.or(node.kinds))
    }

    /// The whole answer.
    pub(super) fn whole() -> Place {
        Place(0)
    }

    /// The place of a field, whose name is in lower case.
    pub(super) fn field(&self, place: Place, name: &str) -> Option<Place> {
        let fields = self.nodes.get(place.0)?.fields.iter();
        fields.clone().find(|(own, _)| own == name).map(|(_, next)| Place(*next))
    }

    /// Whether hiding these kinds hides what is at a place.
    pub(super) fn is_hidden(&self, place: Place, hidden: Hidden) -> bool {
        self.nodes.get(place.0).is_some_and(|node| !node.kinds.and(hidden).is_empty())
    }

    fn of_rows(rows: &[Row]) -> Self {
        let mut answer = Self { nodes: vec![Node::default()] };
        for row in rows {
            let mut at = 0;
            for name in row.path.split('.') {
                let name = name.to_ascii_lowercase();
                at = match answer.field(Place(at), &name) {
                    Some(Place(next)) => next,
                    None => {
                        let next = answer.nodes.len();
                        answer.nodes.push(Node::default());
                        if let Some(node) = answer.nodes.get_mut(at) {
                            node.fields.push((name, next));
                        }
                        next
                    }
                };
            }
            if let Some(node) = answer.nodes.get_mut(at) {
                node.kinds = node.kinds.or(row.kinds);
            }
        }
        answer
    }
}

/// The risk of an operation whose answers hide these kinds: what is left of its facts, and at least
/// that it reads something.
#[must_use]
pub fn risk_hiding(operation: &Operation, hidden: Hidden) -> Risk {
    let (Some(answer), Some(grounds)) = (Answer::of(operation), operation.grounds()) else {
        return operation.risk;
    };
    let is_left = |fact: &&RiskFact| {
        let mut kinds = Kind::ALL.into_iter().filter(|kind| kind.is_of(**fact));
        !kinds.any(|kind| answer.hides_all(kind, hidden))
    };
    let left = grounds.facts.iter().filter(is_left).map(|fact| fact.risk());
    left.fold(Risk::Read, Risk::max).min(operation.risk)
}

/// Parses a row; a test checks that every row parses.
fn parse_row(row: &'static str) -> Option<((bool, &'static str), Row)> {
    let columns: Vec<&'static str> = row.split('\t').collect();
    let [engine, operation, path, kinds, _source] = <[&'static str; 5]>::try_from(columns).ok()?;
    let for_podman = match engine {
        "any" => false,
        "podman" => true,
        _ => return None,
    };
    let kinds = kinds.split(',').map(str::parse).collect::<Result<Hidden, ()>>().ok()?;
    Some(((for_podman, operation), Row { path, kinds }))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn operations() -> impl Iterator<Item = &'static Operation> {
        EngineKind::ALL.into_iter().flat_map(|engine| engine.catalogue().operations())
    }

    #[test]
    fn every_row_parses_once_and_is_used() {
        assert_eq!(ROWS.values().map(Vec::len).sum::<usize>(), DATA.lines().count() - 1);
        let used: HashSet<_> = operations()
            .filter(|operation| Answer::of(operation).is_some())
            .filter_map(|operation| {
                data_keys(operation).into_iter().find(|key| ROWS.contains_key(key))
            })
            .collect();
        for (key, rows) in ROWS.iter() {
            assert!(used.contains(key), "{key:?} matches no operation");
            let paths: HashSet<_> = rows.iter().map(|row| row.path).collect();
            assert_eq!(paths.len(), rows.len(), "{key:?} has a path twice");
            assert!(rows.iter().all(|row| !row.kinds.is_empty()), "{key:?}");
        }
        assert!(DATA.lines().skip(1).all(|row| !row.ends_with('\t')), "a row has no source");
    }

    /// What is hidden is in answers that are read as JSON, and nothing else is risky about them.
    #[test]
    fn only_operations_that_read_have_places() {
        for operation in operations().filter(|operation| Answer::of(operation).is_some()) {
            assert!(operation.risk <= Risk::Secrets, "{operation}");
            let traits = operation.traits;
            assert!(!traits.hijack && !traits.stream && !traits.tar_out, "{operation}");
        }
    }

    #[test]
    fn hiding_leaves_the_risk_of_what_is_left() {
        let risk = |engine: EngineKind, name: &str, hidden: Hidden| {
            risk_hiding(engine.catalogue().named(name).unwrap(), hidden).as_str()
        };
        let (docker, podman) = (EngineKind::Docker, EngineKind::Podman);
        let environment = Hidden::from(Kind::Environment);
        let mut said = Vec::new();
        for operation in operations().filter(|operation| operation.risk == Risk::Secrets) {
            let Some(answer) = Answer::of(operation) else { continue };
            // Hiding everything leaves no secret.
            let least = risk_hiding(operation, answer.kinds());
            said.push((operation.name, least));
            assert_eq!(least, Risk::Read, "{} {operation}", operation.engine);
        }
        assert!(said.len() > 20, "{said:?}");
        assert_eq!(risk(docker, "ContainerInspect", environment), "read");
        assert_eq!(risk(podman, "LibpodContainerInspect", environment), "read");
        assert_eq!(risk(docker, "ContainerInspect", Kind::Commands.into()), "secrets");
        assert_eq!(risk(docker, "ContainerList", Kind::Commands.into()), "read");
        assert_eq!(risk(docker, "ContainerTop", Hidden::EVERYTHING), "secrets");
        assert_eq!(risk(docker, "ConfigInspect", Kind::Credentials.into()), "read");
        assert_eq!(risk(docker, "SystemPing", Hidden::EVERYTHING), "info");
    }

    /// What is left as it was said to be is hidden somewhere, or a reason why it cannot be is known.
    #[test]
    fn operations_that_reveal_an_environment_can_hide_it_or_are_named_here() {
        const CANNOT: [&str; 8] = [
            // The options of ps decide on the columns.
            "ContainerTop",
            "LibpodContainerTop",
            "LibpodPodTop",
            // Texts that are not JSON, or of which the values are texts in another language.
            "LibpodGenerateKube",
            "LibpodKubeGenerate",
            "LibpodGenerateSystemd",
            "LibpodQuadletFile",
            "PluginSet",
        ];
        for operation in operations() {
            let facts = &operation.grounds().unwrap().facts;
            let reveals = facts.contains(&RiskFact::Environment);
            let hides = Answer::kinds_of(operation).has(Kind::Environment);
            let is_known = CANNOT.contains(&operation.name);
            assert!(!reveals || hides != is_known, "{} {operation}", operation.engine);
        }
    }
}
