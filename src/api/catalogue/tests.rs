//! Unit tests.

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
            assert!(!operation.permits.is_empty() && !operation.reason.is_empty(), "{operation}");
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
            for version in [None, Some(ApiVersion::full(3, 0, 0)), Some(ApiVersion::full(4, 0, 0))]
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
        (Method::Delete, "/containers/a/checkpoints/b", "ContainerCheckpointDelete", &["a", "b"]),
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
