//! Rules about own objects on podman, through both of its APIs: what others made is not there.

use super::own::{self, run};
use super::podman::podman_or_none;
use crate::support::World;

const PROFILE: &str = r#"version: 1
name: own-test
engine: podman
allow:
  - HEAD /_ping
  - GET /_ping
  - GET /libpod/_ping
  - POST /containers/create:
      image: ["busybox:latest", "@own"]
      mounts: ["@own", "from=@own"]
      network: ["@own", "container:@own", "mode=container:@own", "host"]
      namespaces: ["pid=container:@own"]
  - GET /containers/@own/json
  - GET /containers/@own/logs
  - POST /containers/@own/start
  - POST /containers/@own/kill
  - POST /containers/@own/rename
  - POST /containers/@own/wait
  - POST /containers/@own/attach
  - DELETE /containers/@own
  - HEAD /containers/@own/archive: {path: any}
  - GET /containers/@own/archive: {path: any}
  - POST /containers/@own/exec: {}
  - POST /exec/@own/start
  - GET /exec/@own/json
  - POST /build:
      image: ["dsp-own:*"]
      network: any
      namespaces: any
      source: any
  - DELETE /images/@own
  - GET /images/@own/json
  - POST /networks/create: {}
  - GET /networks/@own
  - DELETE /networks/@own
  - POST /networks/@own/connect: {container: ["@own"]}
  - POST /networks/@own/disconnect: {container: ["@own"]}
  - POST /volumes/create: {}
  - GET /volumes/@own
  - DELETE /volumes/@own
  - POST /libpod/containers/create:
      image: ["busybox:latest", "@own"]
      mounts: ["@own", "from=@own", "secret=@own"]
      network: ["@own", "mode=container:@own"]
      namespaces: ["pid=container:@own", "pod=@own"]
      runtime: any
      source: any
  - GET /libpod/containers/json
  - GET /libpod/containers/@own/json
  - GET /libpod/containers/@own/exists
  - GET /libpod/containers/@own/logs
  - POST /libpod/containers/@own/start
  - POST /libpod/containers/@own/kill
  - POST /libpod/containers/@own/rename
  - POST /libpod/containers/@own/wait
  - POST /libpod/containers/@own/attach
  - DELETE /libpod/containers/@own
  - HEAD /libpod/containers/@own/archive: {path: any}
  - GET /libpod/containers/@own/archive: {path: any}
  - POST /libpod/containers/@own/exec: {}
  - POST /libpod/exec/@own/start
  - POST /libpod/exec/@own/remove
  - GET /libpod/exec/@own/json
  - POST /libpod/commit: {image: ["dsp-own:*"], container: ["@own"]}
  - POST /libpod/images/pull: {image: ["busybox:latest", "@own"]}
  - GET /libpod/images/@own/json
  - GET /libpod/images/@own/exists
  - GET /libpod/images/busybox:latest/json
  - DELETE /libpod/images/remove: {image: ["@own"]}
  - POST /libpod/networks/create: {}
  - GET /libpod/networks/@own/json
  - GET /libpod/networks/@own/exists
  - DELETE /libpod/networks/@own
  - POST /libpod/networks/@own/connect: {container: ["@own"]}
  - POST /libpod/networks/@own/disconnect: {container: ["@own"]}
  - POST /libpod/volumes/create: {}
  - GET /libpod/volumes/@own/json
  - GET /libpod/volumes/@own/exists
  - DELETE /libpod/volumes/@own
  - POST /libpod/pods/create: {}
  - GET /libpod/pods/json
  - GET /libpod/pods/@own/json
  - GET /libpod/pods/@own/exists
  - POST /libpod/pods/@own/start
  - POST /libpod/pods/@own/stop
  - DELETE /libpod/pods/@own
  - POST /libpod/secrets/create: {}
  - GET /libpod/secrets/@own/json
  - DELETE /libpod/secrets/@own
"#;

/// What others have.
const OTHERS: &str = "set -e
podman network create theirs-net
podman volume create theirs-data
podman pod create --infra=false theirs-pod
echo theirs | podman secret create theirs-secret -
podman run -d --name theirs --network theirs-net -v theirs-data:/d busybox:latest sleep 1000
podman commit -q theirs theirs-image:1
";

/// What a program does through Docker's API.
const DOCKER_JOB: &str = "set -e
docker network create mine-net
docker volume create mine-data
docker run -d --name mine --network mine-net -v mine-data:/a -v mine-new:/b busybox sleep 1000
docker exec mine true
docker network create mine-second
docker network connect mine-second mine
docker network disconnect mine-second mine
docker run --rm --network container:mine --pid container:mine --volumes-from mine busybox true
docker cp mine:/etc/passwd - >/dev/null
mkdir -p context && printf 'FROM busybox\\nCOPY Dockerfile /\\n' >context/Dockerfile
DOCKER_BUILDKIT=0 docker build -q -t dsp-own:1 context
docker run --rm --network container:mine dsp-own:1 true
docker rename mine mine-2
docker logs mine-2
docker inspect $(docker inspect -f '{{.Id}}' mine-2 | cut -c1-12) >/dev/null
";

const DOCKER_END: &str = "set -e
docker rm -f mine-2
docker rmi dsp-own:1
docker network rm mine-net mine-second
docker volume rm mine-data mine-new
";

/// The same through podman's own API, with what only podman has.
const PODMAN_JOB: &str = "set -e
podman network create mine-net
podman volume create mine-data
podman pod create --infra=false mine-pod
echo mine | podman secret create mine-secret -
podman run -d --name mine --network mine-net -v mine-data:/a -v mine-new:/b --secret mine-secret \
    busybox:latest sleep 1000
podman exec mine true
podman network create mine-second
podman network connect mine-second mine
podman network disconnect mine-second mine
podman run --rm --network container:mine --pid container:mine --volumes-from mine busybox:latest true
podman create --pod mine-pod --network none --name mine-inpod busybox:latest true
podman cp mine:/etc/passwd - >/dev/null
podman commit -q mine dsp-own:1
podman run --rm --network container:mine dsp-own:1 true
podman rename mine mine-2
podman logs mine-2
podman inspect $(podman inspect -f '{{.Id}}' mine-2 | cut -c1-12) >/dev/null
";

const PODMAN_END: &str = "set -e
podman rm -f mine-inpod mine-2
podman pod rm mine-pod
podman rmi dsp-own:1
podman network rm mine-net mine-second
podman volume rm mine-data mine-new
podman secret rm mine-secret
";

/// What is asked of the engine, to see the labels: `podman inspect` of what the jobs made.
const LABELS: &str = "{
podman inspect --format '{{json .Config.Labels}}' mine-2
podman network inspect --format '{{json .Labels}}' mine-net
podman volume inspect --format '{{json .Labels}}' mine-data
podman volume inspect --format '{{json .Labels}}' mine-new
podman image inspect --format '{{json .Config.Labels}}' dsp-own:1
} | grep -c 'own-test'";

/// What must not work, each a line. `ID` and `SHORT` are the ID of the others' container.
const REFUSED: &str = "docker logs theirs
docker logs ID
docker logs SHORT
docker exec theirs true
docker cp theirs:/etc/passwd -
docker kill theirs
docker rm -f theirs
docker rename theirs x
docker inspect --type container theirs
docker network inspect theirs-net
docker network rm theirs-net
docker network connect mine-net theirs
docker volume inspect theirs-data
docker volume rm theirs-data
docker volume rm -f theirs-data
docker volume create theirs-data
docker rmi theirs-image:1
docker run --rm --network theirs-net busybox true
docker run --rm --network container:theirs busybox true
docker run --rm --pid container:theirs busybox true
docker run --rm --volumes-from theirs busybox true
docker run --rm -v theirs-data:/d busybox true
docker run --rm theirs-image:1 true
podman logs theirs
podman logs ID
podman logs SHORT
podman exec theirs true
podman cp theirs:/etc/passwd -
podman kill theirs
podman rm -f theirs
podman rename theirs x
podman commit -q theirs dsp-own:2
podman network inspect theirs-net
podman network rm theirs-net
podman network connect mine-net theirs
podman network connect theirs-net mine-2
podman volume inspect theirs-data
podman volume rm theirs-data
podman volume create theirs-data
podman volume create --ignore theirs-data
podman network create --ignore theirs-net
podman rmi theirs-image:1
podman pod inspect theirs-pod
podman pod rm -f theirs-pod
podman secret inspect theirs-secret
podman secret rm theirs-secret
podman run --rm --network theirs-net busybox:latest true
podman run --rm --network container:theirs busybox:latest true
podman run --rm --pid container:theirs busybox:latest true
podman run --rm --volumes-from theirs busybox:latest true
podman run --rm -v theirs-data:/d busybox:latest true
podman run --rm --network container:mine-2 --secret theirs-secret busybox:latest true
podman create --network none --pod theirs-pod busybox:latest true
podman run --rm theirs-image:1 true
";

/// What is there, whoever made it.
const STATE: &str = "{ podman inspect -f '{{.Id}} {{.Name}} {{.State.Status}}' $(podman ps -aq); \
                     podman network ls --no-trunc --format '{{.ID}} {{.Name}}'; \
                     podman volume ls --format '{{.Name}}'; podman pod ps --format '{{.Name}}'; \
                     podman secret ls --format '{{.Name}}'; \
                     podman images --no-trunc -a --format '{{.ID}} {{.Repository}} {{.Tag}}'; } | sort; \
                     podman inspect -f '{{json .NetworkSettings.Networks}}' theirs";

/// Runs a script as a client of the engine itself.
fn engine(world: &World, script: &str) -> String {
    own::engine(world, &format!("export CONTAINER_HOST=$DOCKER_HOST\n{script}"))
}

#[test]
fn what_others_made_is_not_there_on_podman() {
    let Some((world, _engine)) = podman_or_none("ownpod") else { return };
    engine(&world, OTHERS);
    let theirs = engine(&world, "podman inspect -f '{{.Id}}' theirs");
    world.write("p.yaml", PROFILE);
    let enforce = ["enforce", "p.yaml"];

    for (job, end) in [(DOCKER_JOB, DOCKER_END), (PODMAN_JOB, PODMAN_END)] {
        let (status, said) = run(&world, &enforce, job);
        assert_eq!(status, 0, "{said}");
        assert_eq!(engine(&world, LABELS), "5", "{job}");
        // The owner outlives dsp, and another one sees nothing of it.
        for line in [
            "docker logs mine-2",
            "podman volume inspect mine-new",
            "docker exec mine-2 true",
            "podman exec mine-2 true",
        ] {
            let (status, said) = run(&world, &enforce, line);
            assert_eq!(status, 0, "{line}: {said}");
            assert_ne!(run(&world, &["enforce", "p.yaml", "--own", "else"], line).0, 0, "{line}");
        }
        let client = &job["set -e\n".len()..][..6];
        let before = engine(&world, STATE);
        for line in REFUSED.lines().filter(|line| line.starts_with(client)) {
            let line = line.replace("ID", &theirs).replace("SHORT", &theirs[..12]);
            let (_, said) = run(&world, &enforce, &line);
            // Older clients cannot ask for all of this.
            let is_denied = said.contains("denied:") || said.contains("unknown flag");
            assert!(is_denied, "{line}: {said}");
            assert_eq!(engine(&world, STATE), before, "{line}");
        }
        let (status, said) = run(&world, &enforce, end);
        assert_eq!(status, 0, "{said}");
        assert_eq!(engine(&world, "podman ps -q --no-trunc"), theirs);
    }
}

/// What a recording made is learned as own, and runs as such.
#[test]
fn what_a_recording_made_is_learned_as_own_on_podman() {
    let Some((world, _engine)) = podman_or_none("ownlearn") else { return };
    let job = world.write("job", &format!("{PODMAN_JOB}{PODMAN_END}")).display().to_string();
    for recording in ["1.jsonl", "2.jsonl"] {
        let done = world.dsp(&["record", "-q", "-o", recording, "--", "sh", &job]);
        assert_eq!(done.status, 0, "{}{}", done.out, done.err);
    }
    let done = world.dsp(&["generate", "1.jsonl", "2.jsonl", "-o", "p.yaml"]);
    assert_eq!(done.status, 0, "{}", done.err);
    let profile = world.read("p.yaml");
    for part in [
        "POST /libpod/containers/@own/exec",
        "POST /libpod/exec/@own/start",
        "DELETE /libpod/containers/@own ",
        "DELETE /libpod/networks/@own ",
        "DELETE /libpod/volumes/@own ",
        "DELETE /libpod/pods/@own ",
        "DELETE /libpod/secrets/@own ",
        "- pod=@own",
        "- secret=@own",
        "- from=@own",
        "- mode=container:@own",
    ] {
        assert!(profile.contains(part), "{part}: {profile}");
    }
    engine(&world, OTHERS);
    let done = world.dsp(&["enforce", "p.yaml", "--", "sh", "-x", &job]);
    assert_eq!(done.status, 0, "{profile}\n{}{}", done.out, done.err);
    for line in ["podman logs theirs", "podman volume rm theirs-data", "podman pod rm theirs-pod"] {
        let (_, said) = run(&world, &["enforce", "p.yaml"], line);
        assert!(said.contains("denied:"), "{line}: {said}");
    }
}
