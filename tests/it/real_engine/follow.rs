//! `record --follow`: programs in containers, recorded by name.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use super::podman::podman_or_none;
use super::{OwnEngine, api_version, real_or_return};
use crate::support::{Done, World, left_out};

const SOCKET: &str = "/var/run/docker.sock";

/// The world with a static program that runs in any container: `$ask` in the shell line of
/// [`follow`] mounts it, and `/ask SOCKET METHOD TARGET [BODY]` runs it.
pub(super) fn with_ask(world: World) -> World {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/real_engine/ask.c");
    let ask = world.path("ask");
    let compiled =
        Command::new("cc").args(["-static", "-O1", "-o"]).arg(&ask).arg(source).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    world
}

/// Runs a shell line under `record --follow`, with the options of `docker run` that give a
/// container the engine's socket.
fn follow(world: &World, line: &str) -> Done {
    let ask = world.path("ask").display().to_string();
    let engine = &world.host;
    let line =
        format!("ENGINE={engine}; ask='-v {ask}:/ask:ro'; socket='-v {SOCKET}:{SOCKET}'; {line}");
    world.dsp(&["record", "--follow", "--split", "rec", "--", "sh", "-c", &line])
}

/// The operations in a container's recording.
fn operations(world: &World, name: &str) -> Vec<String> {
    let recording = world.read(&format!("rec/{name}.jsonl"));
    let named = recording.split("\"operation\":\"").skip(1);
    named.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

/// Checks that there is no warning about this container. Other tests have containers on the same
/// engine, about which dsp may warn.
fn assert_no_warning(done: &Done, name: &str) {
    let warnings: Vec<&str> = done
        .err
        .lines()
        .filter(|line| line.starts_with("warning") && line.contains(name))
        .collect();
    assert!(warnings.is_empty(), "{warnings:?}");
}

/// Checks that no socket of dsp is left, nor a folder that an engine created in its place.
fn assert_clean(done: &Done) {
    assert_eq!(done.status, 0, "{}{}", done.out, done.err);
    assert!(!Path::new(SOCKET).is_dir(), "an engine made a folder of it");
}

#[test]
fn a_volume_and_a_mount_are_followed_and_the_profile_is_enough() {
    let world = with_ask(real_or_return!());
    let done = follow(
        &world,
        "docker run --rm --name dsp-follow-v $ask $socket busybox \
             /ask /var/run/docker.sock GET /v1.41/containers/json && \
         docker run --rm --name dsp-follow-m $ask \
             --mount type=bind,source=/run/docker.sock,target=/s,readonly busybox /ask /s GET /info",
    );
    assert_clean(&done);
    assert!(done.out.contains("\"ID\""), "{}", done.out);
    assert_eq!(operations(&world, "dsp-follow-v"), ["ContainerList"]);
    assert_eq!(operations(&world, "dsp-follow-m"), ["SystemInfo"]);
    assert!(
        done.err.contains("dsp: container dsp-follow-v: 1 request, 1 operation recorded in rec/"),
        "{}",
        done.err
    );

    let generated = world.dsp(&["generate", "-q", "rec/dsp-follow-v.jsonl", "-o", "p.yaml"]);
    assert_eq!(generated.status, 0, "{}", generated.err);
    let server = world.serve(&["enforce", "p.yaml"]);
    let ask = world.path("ask").display().to_string();
    let run = |target: &str| {
        let socket = server.socket.display();
        world.shell(&format!(
            "docker run --rm -v {ask}:/ask:ro -v {socket}:{SOCKET} busybox /ask {SOCKET} GET {target}"
        ))
    };
    let allowed = run("/containers/json");
    assert_eq!(allowed.status, 0, "{}{}", allowed.out, allowed.err);
    let denied = run("/info");
    assert_eq!(denied.status, 1, "{}", denied.out);
    assert!(denied.out.contains("dsp: GET /info is not allowed"), "{}", denied.out);
    server.stop(Signal::TERM);
}

/// As cAdvisor is configured, and as `Mounts` spell it.
#[test]
fn a_container_with_the_folder_of_the_socket_is_followed_too() {
    let world = with_ask(real_or_return!());
    let socket = world.host.trim_start_matches("unix://");
    let (folder, name) = socket.rsplit_once('/').unwrap();
    let done = follow(
        &world,
        &format!(
            "docker run --rm --name dsp-follow-folder $ask -v {folder}:/run/engine:ro busybox \
                 /ask /run/engine/{name} GET /v1.41/containers/json && \
             docker run --rm --name dsp-follow-folders $ask \
                 --mount type=bind,source={folder},target=/s busybox /ask /s/{name} GET /info"
        ),
    );
    assert_clean(&done);
    assert!(done.out.contains("\"ID\""), "{}", done.out);
    assert_eq!(operations(&world, "dsp-follow-folder"), ["ContainerList"]);
    assert_eq!(operations(&world, "dsp-follow-folders"), ["SystemInfo"]);
    assert_no_warning(&done, "dsp-follow-folder");
}

/// Up to 26.1, an engine also reads the fields of `HostConfig` at the top level. Newer ones do not, so
/// that the container cannot start.
#[test]
fn mounts_at_the_top_of_the_body_are_followed_too() {
    let world = with_ask(real_or_return!());
    // That of 26.1.
    let is_read = api_version(&world) <= (1, 45);
    let ask = world.path("ask").display().to_string();
    let name = "dsp-follow-top";
    let body = format!(
        "{{\"Image\":\"busybox\",\"Cmd\":[\"/ask\",\"/s\",\"GET\",\"/images/json\"],\"HostConfig\":null,\
         \"Binds\":[\"{SOCKET}:/s\",\"{ask}:/ask:ro\"]}}"
    );
    world.write("body", &body);
    let done = follow(
        &world,
        &format!(
            "ask() {{ ./ask ${{DOCKER_HOST#unix://}} \"$@\" >/dev/null; }}\n\
             ask POST '/v1.41/containers/create?name={name}' \"$(cat body)\" && \
             ask POST /v1.41/containers/{name}/start && ask POST /v1.41/containers/{name}/wait && \
             ask DELETE /v1.41/containers/{name}"
        ),
    );
    if !is_read {
        world.shell(&format!("docker rm -f {name}"));
        assert_ne!(done.status, 0, "{}{}", done.out, done.err);
        assert!(done.err.contains(&format!("{name}: no request came through")), "{}", done.err);
        return;
    }
    assert_clean(&done);
    assert_eq!(operations(&world, name), ["ImageList"]);
    assert_no_warning(&done, "dsp-follow-top");
}

/// If dsp does not replace a mount, or cannot decide, it says so.
#[test]
fn other_ways_to_the_socket_are_named() {
    let world = with_ask(real_or_return!());
    let socket = world.host.trim_start_matches("unix://");
    let (folder, _) = socket.rsplit_once('/').unwrap();
    let done = follow(
        &world,
        &format!(
            "docker volume create -o type=none -o o=bind -o device={folder} dsp-follow-bound >/dev/null
             docker volume rm dsp-follow-bound >/dev/null
             docker create --name dsp-follow-process -v /proc/self/cwd/e.sock:/s busybox >/dev/null
             docker rm dsp-follow-process >/dev/null
             ./ask ${{DOCKER_HOST#unix://}} POST '/v1.41/containers/create?name=dsp-follow-bytes' \
                 \"$(printf '{{\"Image\":\"\\351\"}}')\" >/dev/null; true"
        ),
    );
    assert_clean(&done);
    for expected in [
        format!("warning: volume dsp-follow-bound has {folder} in DriverOpts.device, which is the"),
        "warning: container dsp-follow-process mounts /proc/self/cwd/e.sock, which dsp may not look"
            .to_owned(),
        "warning: the request that creates container dsp-follow-bytes has bytes that are not UTF-8"
            .to_owned(),
    ] {
        assert!(done.err.contains(&expected), "{expected}\n{}", done.err);
    }
}

#[test]
fn a_container_in_a_container_is_followed_too() {
    let world = with_ask(real_or_return!());
    let ask = world.path("ask").display().to_string();
    let body = format!(
        "{{\"Image\":\"busybox\",\"Cmd\":[\"/ask\",\"/s\",\"GET\",\"/images/json\"],\"HostConfig\":\
         {{\"Binds\":[\"{SOCKET}:/s\",\"{ask}:/ask:ro\"]}}}}"
    );
    world.write("body", &body);
    let inner = "dsp-follow-inner";
    world.write(
        "outer",
        &format!(
            "set -e\nask() {{ /ask {SOCKET} \"$@\" >/dev/null; }}\n\
             ask POST '/containers/create?name={inner}' \"$(cat /body)\"\n\
             ask POST /containers/{inner}/start\nask POST /containers/{inner}/wait\n\
             ask DELETE /containers/{inner}\n"
        ),
    );
    let done = follow(
        &world,
        "docker run --rm --name dsp-follow-outer $ask $socket -v $PWD/body:/body:ro \
         -v $PWD/outer:/outer:ro busybox sh /outer",
    );
    assert_clean(&done);
    let outer = ["ContainerCreate", "ContainerStart", "ContainerWait", "ContainerDelete"];
    assert_eq!(operations(&world, "dsp-follow-outer"), outer);
    assert_eq!(operations(&world, inner), ["ImageList"]);
}

#[test]
fn users_without_access_to_the_socket_have_none_to_its_replacement() {
    let world = with_ask(real_or_return!());
    let engine = std::fs::metadata(world.host.trim_start_matches("unix://")).unwrap();
    // The engine's group, as users give it to a container without root.
    let run = |groups: &str| {
        let user = engine.uid() + 65534;
        let line = format!(
            "docker run --rm --name dsp-follow-user -u {user}:{user} {groups} $ask $socket busybox \
             /ask {SOCKET} GET /version"
        );
        follow(&world, &line)
    };
    let done = run("");
    assert_eq!(done.status, 2, "{}{}", done.out, done.err);
    assert!(done.err.contains("Permission denied"), "{}", done.err);
    assert!(done.err.contains("dsp-follow-user: no request came through"), "{}", done.err);
    let done = run(&format!("--group-add {}", engine.gid()));
    assert_eq!(done.status, 0, "{}{}", done.out, done.err);
    assert_eq!(operations(&world, "dsp-follow-user"), ["SystemVersion"]);
}

#[test]
fn a_container_that_stays_is_recorded_until_dsp_gets_a_signal() {
    let world = with_ask(real_or_return!());
    let done = follow(
        &world,
        "docker run -d --name dsp-follow-stays $ask $socket busybox sleep 1000 >/dev/null && \
         docker exec dsp-follow-stays /ask /var/run/docker.sock GET /networks >/dev/null && \
         docker rename dsp-follow-stays dsp-follow-renamed
         # After the command: the container asks once more, and then dsp is told to end.
         (while kill -0 $$ 2>/dev/null; do sleep .1; done
          docker -H $ENGINE exec dsp-follow-renamed /ask /var/run/docker.sock GET /volumes
          while kill -INT $PPID; do sleep .2; done) >/dev/null 2>&1 &",
    );
    let socket = world.shell(
        "docker inspect -f '{{range .Mounts}}{{println .Source}}{{end}}' dsp-follow-renamed | grep sock",
    );
    let (socket, restart) =
        (socket.out.trim().to_owned(), world.shell("docker restart -t 0 dsp-follow-renamed"));
    let is_socket =
        || std::fs::symlink_metadata(&socket).is_ok_and(|found| found.file_type().is_socket());
    assert!(restart.status == 0 && is_socket(), "{socket}: an engine made a folder of it");
    world.shell("docker rm -f dsp-follow-stays dsp-follow-renamed");
    std::fs::remove_dir_all(Path::new(&socket).parent().unwrap()).unwrap();
    assert_clean(&done);
    assert!(
        done.err.contains("the command has ended, and dsp-follow-renamed still run"),
        "{}",
        done.err
    );
    assert_eq!(operations(&world, "dsp-follow-stays"), ["NetworkList", "VolumeList"]);
    assert!(done.err.contains("recording socket is gone: dsp-follow-renamed\n"), "{}", done.err);
    assert!(done.err.contains("docker rm -f dsp-follow-renamed"), "{}", done.err);
}

#[test]
fn containers_of_compose_are_followed() {
    let mut world = with_ask(real_or_return!());
    let clients = std::env::var("DSP_TEST_CLIENTS").unwrap_or_default();
    if !Path::new(&clients).join("docker-config/cli-plugins/docker-compose").exists() {
        return left_out("compose is not installed");
    }
    let engine = OwnEngine::start(&mut world, "follow");
    world.write(
        "compose.yaml",
        "name: dsp-follow\nservices:\n  watch:\n    image: busybox\n    network_mode: none\n    \
         command: [/ask, /s, GET, $TARGET]\n    volumes:\n      - ./ask:/ask:ro\n      \
         - /var/run/docker.sock:/s:ro\n  named:\n    image: busybox\n    network_mode: none\n    \
         container_name: dsp-follow-named\n    command: [/ask, /run/docker.sock, GET, /info]\n    \
         volumes:\n      - ./ask:/ask:ro\n      - {type: bind, source: /var/run/docker.sock, target: \
         /run/docker.sock}\n",
    );
    let up = |target: &str| {
        let words = ["record", "--follow", "--split", "rec", "--", "docker", "compose", "up"];
        let mut command = world.dsp_command(&words);
        command.env("DOCKER_CONFIG", Path::new(&clients).join("docker-config"));
        command.env("TARGET", target);
        world.finish(command)
    };
    let done = up("/volumes");
    assert_eq!(done.status, 0, "{}", done.err);
    assert_eq!(operations(&world, "dsp-follow-watch-1"), ["VolumeList"]);
    assert_eq!(operations(&world, "dsp-follow-named"), ["SystemInfo"]);
    // Recreated, under another name at first.
    let done = up("/images/json");
    assert_eq!(done.status, 0, "{}", done.err);
    assert_eq!(operations(&world, "dsp-follow-watch-1"), ["VolumeList", "ImageList"]);
    // The other one has not changed, and neither has the path of its socket.
    assert_eq!(operations(&world, "dsp-follow-named"), ["SystemInfo", "SystemInfo"]);
    drop(engine);
}

#[test]
fn containers_of_podman_are_followed_in_both_of_its_apis() {
    let Some((world, engine)) = podman_or_none("follow-podman") else { return };
    let world = with_ask(world);
    let (folder, name) = world.host.trim_start_matches("unix://").rsplit_once('/').unwrap();
    let run = "run --rm --network none $ask";
    let done = follow(
        &world,
        &format!(
            "docker {run} $socket --name one busybox /ask {SOCKET} GET /containers/json >/dev/null && \
             podman --remote {run} $socket --name two busybox \
                 /ask {SOCKET} GET /v4.0.0/libpod/pods/json && \
             podman --remote {run} -v {folder}:/s:ro --name three busybox /ask /s/{name} GET /info"
        ),
    );
    assert_eq!(done.status, 0, "{}{}", done.out, done.err);
    assert_eq!(operations(&world, "one"), ["ContainerList"]);
    assert_eq!(operations(&world, "two"), ["LibpodPodList"]);
    assert_eq!(operations(&world, "three"), ["SystemInfo"]);
    drop(engine);
}
