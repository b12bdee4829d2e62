//! podman, which serves Docker's API and its own: a second real engine.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use dsp::api::{CanonicalRequest, EngineKind, Operation};

use super::{OwnEngine, engine_version, numbers};
use crate::support::{Done, World, left_out};

/// The output of both clients about an engine is the same each time, except for IDs.
const WORK: &str = r#"
set -e
docker create --name dsp-p busybox sleep 1000 >/dev/null
docker start dsp-p
docker exec dsp-p echo in
echo abc | docker exec -i dsp-p wc -c
docker cp dsp-p:/etc/passwd - | tar -x -O
docker ps --format '{{.Names}} {{.Image}}'
docker kill dsp-p
docker rm dsp-p
docker run --rm busybox echo run
podman run --rm busybox:latest echo podman
echo abc | podman run -i --rm busybox:latest wc -c
podman manifest create create >/dev/null
podman manifest exists create && echo exists
podman manifest rm create | sed -n 's/^Untagged: //p'
podman pod create --infra=false dsp-pod >/dev/null
podman pod ps --format '{{.Name}}'
podman pod rm dsp-pod >/dev/null
podman volume create dsp-volume
podman volume rm dsp-volume
"#;

pub(super) fn podman_or_none(name: &str) -> Option<(World, OwnEngine)> {
    let mut world = World::real()?;
    let there = Command::new("podman").arg("--version").output().is_ok();
    let required = std::env::var("DSP_TEST_ENGINE").is_ok_and(|value| value == "required");
    assert!(there || !required, "podman is not installed; run scripts/test");
    if !there {
        left_out("podman is not installed");
        return None;
    }
    let engine = OwnEngine::start_kind(&mut world, name, "podman");
    Some((world, engine))
}

#[test]
fn docker_and_podman_clients_see_the_same() {
    let Some((world, _engine)) = podman_or_none("podman") else { return };
    let seen = |done: &Done| (done.status, done.out.clone());
    let script = world.write("work", WORK).display().to_string();
    let mut command = world.command("sh", &[&script]);
    command.env("CONTAINER_HOST", &world.host);
    let direct = world.finish(command);
    assert_eq!(direct.status, 0, "{}", direct.err);

    let recorded = world.dsp(&["record", "-q", "--", "sh", &script]);
    assert_eq!(seen(&recorded), seen(&direct), "{}", recorded.err);
    let generated = world.dsp(&["generate", "-o", "p.yaml"]);
    assert_eq!(generated.status, 0, "{}", generated.err);
    let profile = world.read("p.yaml");
    for line in [
        "engine: podman",
        "  - POST /containers/create",
        "  - POST /libpod/containers/create",
        "  - POST /libpod/manifests/*",
    ] {
        assert!(profile.lines().any(|written| written.starts_with(line)), "{line}: {profile}");
    }
    let enforced = world.dsp(&["enforce", "p.yaml", "--", "sh", &script]);
    assert_eq!(seen(&enforced), seen(&direct), "{}", enforced.err);
    // The client of 4.3 sends a request to which its engine answers 405. That is not evidence of a
    // need, and denying it makes no difference to the client.
    let denied = enforced.err.lines().filter(|line| line.starts_with("  "));
    for line in denied {
        assert!(line.contains("/shouldrestart is not a known operation"), "{}", enforced.err);
    }
    assert_eq!(world.dsp(&["check", "p.yaml", "recording.jsonl"]).status, 0);

    let denied = world.dsp(&["enforce", "p.yaml", "--", "podman", "images"]);
    assert_ne!(denied.status, 0);
    let rule = "to allow it: - GET /libpod/images/json";
    assert!(denied.err.contains(rule), "{}", denied.err);
}

/// Unlike the other way round, which an engine refuses: podman has most of Docker's API.
#[test]
fn a_profile_for_docker_is_used_with_a_warning() {
    let Some((world, _engine)) = podman_or_none("podwarn") else { return };
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    let done = world.dsp(&["enforce", "p.yaml", "--", "true"]);
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.err.contains("is podman, which returns more for some requests"), "{}", done.err);
}

/// Each operation of the catalogue has a route in podman, for names that are words of the API;
/// requests that are not in the catalogue have none.
#[test]
fn the_catalogue_is_what_podman_routes() {
    let Some((world, _engine)) = podman_or_none("podroute") else { return };
    let socket = world.host.trim_start_matches("unix://").to_owned();
    let release = engine_version(&world);
    let mut wrong = Vec::new();
    for (method, target) in targets() {
        // Up to 5.7 podman's route without a version is misspelled.
        if method == "DELETE" && target.starts_with("/secrets/") && release < (5, 8) {
            continue;
        }
        let request = CanonicalRequest::parse(EngineKind::Podman, method, &target).unwrap();
        let operation = request.locate().map(|located| located.operation);
        let is_newer =
            |one: &Operation| one.since_release.is_some_and(|since| release < numbers(since));
        // Requests that Docker has and podman answers with an error are operations.
        let is_no_handler = |one: &Operation| one.permits.starts_with("learn that podman");
        if operation.is_some_and(|one| is_newer(one) || is_no_handler(one)) {
            continue;
        }
        // podman distinguishes the two kinds of this request by its query.
        let is_create = operation.is_some_and(|one| one.name == "ImageCreate");
        let query = if is_create { "?fromImage=x" } else { "" };
        let routed = is_routed(&socket, method, &format!("{}{query}", request.target()));
        if routed != operation.is_some() {
            let name = operation.map(|one| one.name);
            wrong.push(format!("{method} {target}: {name:?}, routed: {routed}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The names in podman's handlers that are not parameters of requests: fields of bodies, of forms and of
/// answers, and parts of options.
const NOT_PARAMETERS: [&str; 21] = [
    "-",
    "artifact_annotations",
    "artifact_config",
    "artifact_config_type",
    "artifact_exclude_titles",
    "artifact_layer_type",
    "artifact_subject",
    "artifact_type",
    "features",
    "files",
    "gid",
    "ignoreifexist",
    "index_annotation",
    "index_annotations",
    "label",
    "operation",
    "opts",
    "os_features",
    "os_version",
    "subject",
    "uid",
];

/// What a request contains is only known if all of its parameters are. podman's program has the name of
/// each parameter in it, as the tag that its decoder of queries looks for.
#[test]
fn the_catalogue_has_every_parameter_that_podman_reads() {
    let Some((_world, engine)) = podman_or_none("podquery") else { return };
    let pid = std::fs::read_to_string(format!("{}/pid", engine.folder)).unwrap();
    let program = std::fs::read(format!("/proc/{}/exe", pid.trim())).unwrap();
    let tag = b"schema:\"";
    let places = memchr::memmem::find_iter(&program, tag).map(|at| at + tag.len());
    let names = places.filter_map(|at| {
        let length = program[at..].iter().position(|byte| *byte == b'"')?;
        String::from_utf8(program[at..at + length].to_owned()).ok()
    });
    let is_name = |name: &String| {
        !name.is_empty()
            && name.bytes().all(|byte| b"_-".contains(&byte) || byte.is_ascii_alphanumeric())
    };
    // podman ignores case here.
    let read: BTreeSet<String> = names.filter(is_name).map(|name| name.to_lowercase()).collect();
    assert!(read.len() > 150, "{read:?}");
    let operations = EngineKind::Podman.catalogue().operations().iter();
    let known: BTreeSet<String> = operations
        .flat_map(|operation| operation.query.iter().map(|name| name.to_lowercase()))
        .chain(NOT_PARAMETERS.map(str::to_owned))
        .collect();
    let unknown: Vec<_> = read.difference(&known).collect();
    assert!(unknown.is_empty(), "the catalogue lacks {unknown:?}");
}

fn targets() -> Vec<(&'static str, String)> {
    let names = ["json", "create", "libpod", "push", "scp%2Fpush", "a/exists"];
    let mut targets = Vec::new();
    for operation in EngineKind::Podman.catalogue().operations() {
        for name in names {
            let path = operation.template.fill(|_| name.into());
            for version in ["", "/v1.41", "/v3.4.4", "/v4.3.1", "/v4.0.0-dev", "/v10.0.0"] {
                targets.push((operation.method.as_str(), format!("{version}{path}")));
            }
        }
    }
    targets.sort();
    targets.dedup();
    targets
}

/// Whether some handler answers. Every one sends the API version, except those that hijack the
/// connection and the one that reports that podman has no swarm.
fn is_routed(socket: &str, method: &str, target: &str) -> bool {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&buffer[..length]),
            Err(error) => panic!("{method} {target}: {error}"),
        }
    }
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 "), "{method} {target}: {text}");
    text.contains("Api-Version: ") || text.contains("application/vnd.docker.raw-stream")
}
