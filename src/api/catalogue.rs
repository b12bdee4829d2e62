//! The catalogues of operations: data files, compiled in, and the lookup by position.
//!
//! An ID is never recognized by what it looks like. A container may be called `json`, `create` or
//! `deadbeefcafe`; only the route grammar says which segment is a parameter, and literals take
//! precedence.

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::operation::{Made, Traits, Versions};
use super::template::{Parameters, Part, Template};
use super::{ApiVersion, EngineKind, Method, ObjectKind, Operation};

const DOCKER: &str = include_str!("docker.tsv");
const PODMAN: &str = include_str!("podman.tsv");

static OF_DOCKER: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::parse(EngineKind::Docker, DOCKER));
static OF_PODMAN: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::parse(EngineKind::Podman, PODMAN));

/// The number of operations that [`Catalogue::nearest`] offers at most.
const NEAREST: usize = 3;

/// The operations of an engine, from a data file with a row for each, and an index over them.
#[derive(Debug)]
pub struct Catalogue {
    operations: Vec<Operation>,
    /// Operations by method and first two literals, in the order in which an engine tries them. The
    /// empty string stands for a parameter or a missing segment.
    index: Index,
}

type Index = Listed<Method, Listed<&'static str, Listed<&'static str, Vec<usize>>>>;

/// A map with so few keys that a linear search is faster than hashing.
#[derive(Debug)]
struct Listed<K, V>(Vec<(K, V)>);

/// An operation, and the segments of the request that are its parameters, in template order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The operation.
    pub operation: &'static Operation,
    /// The range of segments for each parameter.
    pub parameters: Parameters,
}

impl EngineKind {
    /// Its operations.
    #[must_use]
    pub fn catalogue(self) -> &'static Catalogue {
        match self {
            Self::Docker => Catalogue::docker(),
            Self::Podman => Catalogue::podman(),
        }
    }
}

impl Catalogue {
    /// The operations of Docker Engine.
    #[must_use]
    pub fn docker() -> &'static Self {
        &OF_DOCKER
    }

    /// The operations of podman: its part of Docker's API, and its own.
    #[must_use]
    pub fn podman() -> &'static Self {
        &OF_PODMAN
    }

    /// Every operation, in the order of the data file.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation with this name.
    #[must_use]
    pub fn named(&'static self, name: &str) -> Option<&'static Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }

    /// The operation that the engine would run for these segments and this version, if it has one.
    #[must_use]
    pub fn locate<S: AsRef<str>>(
        &'static self,
        method: Method,
        version: Option<ApiVersion>,
        segments: &[S],
    ) -> Option<Found> {
        self.find(method, segments, |operation| operation.versions.serve(version))
    }

    /// The operation that a rule with these segments means. Rules have no version.
    #[must_use]
    pub fn locate_rule<S: AsRef<str>>(
        &'static self,
        method: Method,
        segments: &[S],
    ) -> Option<Found> {
        self.find(method, segments, |_| true)
    }

    fn find<S: AsRef<str>>(
        &'static self,
        method: Method,
        segments: &[S],
        serves: impl Fn(&Operation) -> bool,
    ) -> Option<Found> {
        let of_method = self.index.get(method)?;
        let first = segments.first()?.as_ref();
        let second = segments.get(1).map(S::as_ref).unwrap_or_default();
        // Longer templates are under more words, so the order under one key is enough.
        [[first, second], [first, ""], ["", ""]].into_iter().find_map(|[first, second]| {
            of_method.get(first)?.get(second)?.iter().find_map(|at| {
                let operation = self.operations.get(*at)?;
                if !operation.template.can_match(segments) || !serves(operation) {
                    return None;
                }
                let parameters = operation.template.captures(segments)?;
                Some(Found { operation, parameters })
            })
        })
    }

    /// The operations with the rules most similar to `rule`, as the hint in an error.
    #[must_use]
    pub fn nearest(&self, rule: &str) -> Vec<&Operation> {
        let mut scored: Vec<(f64, &Operation)> = self
            .operations
            .iter()
            .map(|operation| (strsim::jaro_winkler(rule, &operation.to_string()), operation))
            .filter(|(score, _)| *score > 0.8)
            .collect();
        scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        scored.into_iter().take(NEAREST).map(|(_, operation)| operation).collect()
    }

    /// Parses the data file. A row that does not parse is skipped, but a test checks that there is
    /// none. Users cannot cause one, because the file is part of the binary.
    fn parse(engine: EngineKind, data: &'static str) -> Self {
        let mut operations = Vec::new();
        for row in data.lines().skip(1) {
            operations.extend(parse_row(engine, operations.len(), row));
        }
        let mut index = Index::default();
        for operation in &operations {
            let mut parts = operation.template.parts().iter();
            let mut word = || match parts.next() {
                Some(Part::Literal(word)) => *word,
                _ => "",
            };
            let [first, second] = match word() {
                "" => [""; 2],
                first => [first, word()],
            };
            let of_method = index.entry(operation.method);
            let places = of_method.and_then(|words| words.entry(first)?.entry(second));
            places.into_iter().for_each(|places| places.push(operation.index));
        }
        let template = |at: &usize| operations.get(*at).map(|operation| &operation.template);
        let words = index.values_mut().flat_map(Listed::values_mut);
        for places in words.flat_map(Listed::values_mut) {
            places.sort_by_cached_key(|at| template(at).map(Template::precedence));
        }
        Self { operations, index }
    }
}

impl<K, V> Default for Listed<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Copy + PartialEq, V> Listed<K, V> {
    fn get(&self, key: K) -> Option<&V> {
        self.0.iter().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    /// The value for a key, inserted if it is missing.
    fn entry(&mut self, key: K) -> Option<&mut V>
    where
        V: Default,
    {
        if self.get(key).is_none() {
            self.0.push((key, V::default()));
        }
        self.0.iter_mut().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }
}

fn parse_row(engine: EngineKind, index: usize, row: &'static str) -> Option<Operation> {
    let columns: Vec<&'static str> = row.split('\t').collect();
    let [
        method,
        template,
        name,
        section,
        versions,
        since,
        flags,
        query,
        secret,
        risk,
        permits,
        reason,
    ] = <[&'static str; 12]>::try_from(columns).ok()?;
    let list = |text: &'static str| -> Vec<&'static str> {
        text.split(',').filter(|word| !word.is_empty()).collect()
    };
    let mut traits = Traits::default();
    for flag in list(flags) {
        match flag {
            "hijack" => traits.hijack = true,
            "stream" => traits.stream = true,
            "tar_in" => traits.tar_in = true,
            "tar_out" => traits.tar_out = true,
            "handshake" => traits.handshake = true,
            "rename" => traits.rename = true,
            "names_network" => traits.names_network = true,
            "makes_container" => traits.makes = Some(Made::Container),
            "makes_libpod_container" => traits.makes = Some(Made::LibpodContainer),
            "makes_pod" => traits.makes = Some(Made::Pod),
            "makes_kube" => traits.makes = Some(Made::Kube),
            "makes_service" => traits.makes = Some(Made::Service),
            "makes_volume" => traits.makes = Some(Made::Volume),
            _ => return None,
        }
    }
    Some(Operation {
        engine,
        index,
        name,
        method: method.parse().ok()?,
        template: Template::parse(template)?,
        section,
        versions: Versions::parse(versions)?,
        since_release: Some(since).filter(|since| !since.is_empty()),
        traits,
        creates: ObjectKind::created_by(name),
        query: list(query),
        secret_query: list(secret),
        risk: risk.parse().ok()?,
        permits,
        reason,
    })
}
