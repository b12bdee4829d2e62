//! The catalogues of operations: data files, compiled in, and the lookup by position.
//!
//! An ID is never recognized by what it looks like. A container may be called `json`, `create` or
//! `deadbeefcafe`; only the route grammar says which segment is a parameter, and literals take
//! precedence.

use std::sync::LazyLock;

use super::operation::{Made, Traits, Versions};
use super::template::{Parameters, Part, Template};
use super::{ApiVersion, EngineKind, Method, Operation};

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
        query: list(query),
        secret_query: list(secret),
        risk: risk.parse().ok()?,
        permits,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A request path for an operation, its parameters filled with `name`.
    fn example(operation: &Operation, name: &str) -> Vec<String> {
        let path = operation.template.fill(|_| name.to_owned().into());
        path.split('/').skip(1).map(str::to_owned).collect()
    }

    fn located_in(
        engine: EngineKind,
        method: Method,
        version: Option<ApiVersion>,
        path: &str,
    ) -> Option<(&'static str, Vec<String>)> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let found = engine.catalogue().locate(method, version, &segments)?;
        let values = found.parameters.into_iter().map(|range| segments[range].join("/")).collect();
        Some((found.operation.name, values))
    }

    fn located(method: Method, path: &str) -> Option<(&'static str, Vec<String>)> {
        located_in(EngineKind::Docker, method, None, path)
    }

    #[test]
    fn every_row_parses_and_says_what_it_permits_and_why_it_is_risky() {
        for (engine, data) in [(EngineKind::Docker, DOCKER), (EngineKind::Podman, PODMAN)] {
            let operations = engine.catalogue().operations();
            assert_eq!(operations.len(), data.lines().count() - 1, "{engine}");
            let mut names = HashSet::new();
            for operation in operations {
                assert!(names.insert(operation.name), "{} appears twice", operation.name);
                assert!(
                    !operation.permits.is_empty() && !operation.reason.is_empty(),
                    "{operation}"
                );
                for secret in &operation.secret_query {
                    assert!(operation.query.contains(secret), "{operation}: {secret}");
                }
            }
        }
    }

    #[test]
    fn the_index_agrees_with_trying_every_template() {
        let names = [
            "web",
            "json",
            "create",
            "prune",
            "deadbeefcafe",
            "get",
            "start",
            "privileges",
            "a/registry/b",
            "scp/push",
            "libpod",
            "web/alias",
            "a/checkpoints/b",
            "json/json",
        ];
        for engine in EngineKind::ALL {
            let operations = engine.catalogue().operations();
            for (operation, name) in
                operations.iter().flat_map(|operation| names.map(|name| (operation, name)))
            {
                let segments = example(operation, name);
                for version in
                    [None, Some(ApiVersion::full(3, 0, 0)), Some(ApiVersion::full(4, 0, 0))]
                {
                    let expected = operations
                        .iter()
                        .filter(|other| other.method == operation.method)
                        .filter(|other| other.versions.serve(version))
                        .filter(|other| other.template.captures(&segments).is_some())
                        .min_by_key(|other| other.template.precedence());
                    let found = engine.catalogue().locate(operation.method, version, &segments);
                    let found = found.map(|found| found.operation);
                    assert_eq!(found, expected, "{operation} {name} {version:?}");
                }
            }
        }
    }

    /// If two templates of one method matched the same path, their order would decide. The only
    /// permitted cases are a literal in the position of a parameter, where the literal wins, and a
    /// name that spans segments, where the literal after it decides.
    #[test]
    fn no_two_operations_take_the_same_path_unless_a_literal_decides() {
        let shape = |operation: &Operation| -> Vec<Option<&'static str>> {
            let literal = |part: &Part| match part {
                Part::Literal(word) => Some(*word),
                Part::One(_) | Part::Several(_) | Part::Many(_) => None,
            };
            operation.template.parts().iter().map(literal).collect()
        };
        for engine in EngineKind::ALL {
            let mut shapes = HashSet::new();
            for operation in engine.catalogue().operations() {
                assert!(shapes.insert((operation.method, shape(operation))), "{operation}");
            }
        }
    }

    #[test]
    fn literals_come_first_and_only_for_their_own_method() {
        assert_eq!(located(Method::Get, "/containers/json"), Some(("ContainerList", vec![])));
        assert_eq!(
            located(Method::Delete, "/containers/json"),
            Some(("ContainerDelete", vec!["json".into()]))
        );
        assert_eq!(
            located(Method::Get, "/networks/prune"),
            Some(("NetworkInspect", vec!["prune".into()]))
        );
        assert_eq!(located(Method::Post, "/networks/prune"), Some(("NetworkPrune", vec![])));
    }

    #[test]
    fn the_last_literal_decides_after_a_name_that_spans_segments() {
        assert_eq!(
            located(Method::Get, "/images/a/get/json"),
            Some(("ImageInspect", vec!["a/get".into()]))
        );
        assert_eq!(
            located(Method::Get, "/images/getmeili/meilisearch/json"),
            Some(("ImageInspect", vec!["getmeili/meilisearch".into()]))
        );
        assert_eq!(
            located(Method::Delete, "/images/reg:5000/a/b@sha256:00"),
            Some(("ImageDelete", vec!["reg:5000/a/b@sha256:00".into()]))
        );
        assert_eq!(located(Method::Get, "/images/json"), Some(("ImageList", vec![])));
    }

    /// The engine's own routes for containers, networks and volumes accept names with slashes. The
    /// exception is the deletion of a checkpoint: with a slash in the name of its container, that
    /// path means a container.
    #[test]
    fn containers_networks_and_volumes_may_have_slashes_where_the_engine_s_routes_have_them() {
        for (method, path, operation, values) in [
            (Method::Get, "/containers/web/db/json", "ContainerInspect", &["web/db"][..]),
            (Method::Get, "/containers/json/json", "ContainerInspect", &["json"]),
            (Method::Get, "/containers/a/json/json", "ContainerInspect", &["a/json"]),
            (Method::Post, "/containers/web/exec/start", "ContainerStart", &["web/exec"]),
            (Method::Post, "/containers/create/start", "ContainerStart", &["create"]),
            (Method::Get, "/containers/a/b/attach/ws", "ContainerAttachWebsocket", &["a/b"]),
            (Method::Head, "/containers/a/b/archive", "ContainerArchiveInfo", &["a/b"]),
            (Method::Delete, "/containers/a/b", "ContainerDelete", &["a/b"]),
            (Method::Delete, "/containers/a/checkpoints", "ContainerDelete", &["a/checkpoints"]),
            (
                Method::Delete,
                "/containers/a/checkpoints/b",
                "ContainerCheckpointDelete",
                &["a", "b"],
            ),
            (
                Method::Delete,
                "/containers/a/b/checkpoints/c",
                "ContainerDelete",
                &["a/b/checkpoints/c"],
            ),
            (
                Method::Delete,
                "/containers/a/checkpoints/b/c",
                "ContainerDelete",
                &["a/checkpoints/b/c"],
            ),
            (Method::Get, "/networks/team/net", "NetworkInspect", &["team/net"]),
            (Method::Get, "/networks/create/connect", "NetworkInspect", &["create/connect"]),
            (Method::Post, "/networks/team/net/connect", "NetworkConnect", &["team/net"]),
            (Method::Delete, "/volumes/a/b", "VolumeDelete", &["a/b"]),
            (Method::Put, "/volumes/a/b", "VolumeUpdate", &["a/b"]),
        ] {
            let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            // podman's routes accept one segment.
            if values.iter().any(|value| value.contains('/')) {
                let in_podman = located_in(EngineKind::Podman, method, None, path);
                assert_eq!(in_podman, None, "{method} {path}");
            }
            assert_eq!(located(method, path), Some((operation, values)), "{method} {path}");
        }
        for (method, path) in [
            (Method::Get, "/exec/a/b/json"),
            (Method::Get, "/services/a/b"),
            (Method::Post, "/containers/a/create"),
            (Method::Post, "/networks/a/create"),
        ] {
            assert_eq!(located(method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn podman_s_own_routes_need_a_version_and_some_go_by_it() {
        let of = |version, path| {
            let found = located_in(EngineKind::Podman, Method::Post, version, path);
            found.map(|(name, values)| format!("{name} {}", values.join(" ")))
        };
        let (three, four) = (Some(ApiVersion::full(3, 4, 0)), Some(ApiVersion::full(4, 3, 1)));
        assert_eq!(of(None, "/libpod/build"), None);
        assert_eq!(of(four, "/libpod/build").as_deref(), Some("LibpodImageBuild "));
        assert_eq!(of(None, "/build").as_deref(), Some("ImageBuild "));
        let create = "/libpod/manifests/create";
        assert_eq!(of(three, create).as_deref(), Some("LibpodManifestCreateV3 "));
        assert_eq!(of(four, create).as_deref(), Some("LibpodManifestCreate create"));
        let push = "/libpod/manifests/a/registry/b/registry/c";
        assert_eq!(of(four, push).as_deref(), Some("LibpodManifestPush a/registry/b c"));
        assert_eq!(of(three, push), None);
        let ten = Some(ApiVersion::full(10, 0, 0));
        assert_eq!(of(ten, create).as_deref(), Some("LibpodManifestCreateV3 "));
        // podman tries routes with a literal after the name first.
        let scp = "/libpod/images/scp/push";
        assert_eq!(of(four, scp).as_deref(), Some("LibpodImagePush scp"));
        assert_eq!(of(four, "/libpod/images/scp/a/b").as_deref(), Some("LibpodImageScp a/b"));
    }

    #[test]
    fn other_requests_are_not_found() {
        for (method, path) in [
            (Method::Head, "/containers/json"),
            (Method::Get, "/containers/json/exec"),
            (Method::Get, "/volumes/"),
            (Method::Get, "/Containers/json"),
            (Method::Post, "/services/x/create/update"),
            (Method::Get, "/"),
        ] {
            assert_eq!(located(method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn the_nearest_operations_are_offered() {
        let nearest = Catalogue::docker().nearest("GET /container/*/json");
        assert_eq!(nearest.first().map(|operation| operation.name), Some("ContainerInspect"));
    }
}
