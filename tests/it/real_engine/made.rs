//! A recording says what each create made, as the engine itself names it.

use std::collections::BTreeSet;

use dsp::recording::{Event, Reader};

use super::podman::podman_or_none;
use super::real_or_return;
use crate::support::World;

/// Makes one of each kind, two of them with requests that are the same, and prints what the engine says of
/// them.
const DOCKER: &str = r#"
set -e
docker network create dsp-made-net >/dev/null
docker volume create dsp-made-data >/dev/null
docker create --name dsp-made --network dsp-made-net busybox sleep 1000 >/dev/null
docker start dsp-made >/dev/null
docker exec dsp-made true
docker exec dsp-made true
docker commit dsp-made dsp-made:1 >/dev/null
printf 'FROM busybox\nLABEL made=yes\n' >Dockerfile
DOCKER_BUILDKIT=0 docker build -q --network none -t dsp-made:2 -t dsp-made:3 . >/dev/null
docker pull busybox >/dev/null 2>&1 || true
echo "container $(docker inspect -f '{{.Id}}' dsp-made) dsp-made"
echo "network $(docker network inspect -f '{{.Id}}' dsp-made-net) dsp-made-net"
echo "volume dsp-made-data"
for tag in 1 2 3; do echo "image $(docker image inspect -f '{{.Id}}' dsp-made:$tag) dsp-made:$tag"; done
docker rm -f dsp-made >/dev/null
docker volume rm dsp-made-data >/dev/null
docker network rm dsp-made-net >/dev/null
docker rmi -f dsp-made:1 dsp-made:2 dsp-made:3 >/dev/null
"#;

/// The same with podman's own client.
const PODMAN: &str = r#"
set -e
podman network create dsp-made-net >/dev/null
podman volume create dsp-made-data >/dev/null
podman create --name dsp-made busybox:latest sleep 1000 >/dev/null
podman pod create --infra=false dsp-made-pod >/dev/null
echo hidden | podman secret create dsp-made-key - >/dev/null
podman commit -q dsp-made dsp-made:1 >/dev/null
echo "container $(podman inspect -f '{{.Id}}' dsp-made) dsp-made"
echo "network $(podman network inspect dsp-made-net | sed -n 's/.*"id": "\(.*\)",/\1/p') dsp-made-net"
echo "volume dsp-made-data"
echo "pod $(podman pod inspect -f '{{.ID}}' dsp-made-pod) dsp-made-pod"
echo "secret $(podman secret inspect -f '{{.ID}}' dsp-made-key) dsp-made-key"
echo "image $(podman image inspect -f '{{.Id}}' dsp-made:1) dsp-made:1"
podman rm -f dsp-made >/dev/null
podman pod rm dsp-made-pod >/dev/null
podman secret rm dsp-made-key >/dev/null
podman volume rm dsp-made-data >/dev/null
podman network rm dsp-made-net >/dev/null
podman rmi dsp-made:1 >/dev/null
"#;

/// What a recording says was made, without execs, and how many execs.
fn made(world: &World, recording: &str) -> (BTreeSet<String>, usize) {
    let mut objects = BTreeSet::new();
    let mut execs = BTreeSet::new();
    for event in Reader::open(&world.path(recording)).unwrap() {
        let Event::Made(made) = event.unwrap() else { continue };
        if made.kind.as_str() == "exec" {
            execs.insert(made.id.into_owned());
            continue;
        }
        // Newer clients spell the registry out.
        let name = made.name.map(|name| name.replace("docker.io/library/", ""));
        let id = made.id.trim_start_matches("sha256:").to_owned();
        let name = name.map(|name| format!(" {name}")).unwrap_or_default();
        objects.insert(format!("{} {id}{name}", made.kind));
    }
    (objects, execs.len())
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(|line| line.replace("sha256:", "")).collect()
}

#[test]
fn what_creates_make_is_recorded() {
    let world = real_or_return!();
    let script = world.write("make", DOCKER).display().to_string();
    let done = world.dsp(&["record", "-q", "--", "sh", &script]);
    assert_eq!(done.status, 0, "{}", done.err);
    assert_eq!(made(&world, "recording.jsonl"), (lines(&done.out), 2));

    let generated = world.dsp(&["generate", "-o", "p.yaml"]);
    assert_eq!(generated.status, 0, "{}", generated.err);
    let command = ["enforce", "p.yaml", "--audit-log", "audit.jsonl", "--", "sh", &script];
    let done = world.dsp(&command);
    assert_eq!(done.status, 0, "{}", done.err);
    assert_eq!(made(&world, "audit.jsonl"), (lines(&done.out), 2));
}

#[test]
fn what_creates_make_is_recorded_from_podman() {
    let Some((world, _engine)) = podman_or_none("podmade") else { return };
    let script = world.write("make", PODMAN).display().to_string();
    let done = world.dsp(&["record", "-q", "--", "sh", &script]);
    assert_eq!(done.status, 0, "{}", done.err);
    assert_eq!(made(&world, "recording.jsonl"), (lines(&done.out), 0));
}
