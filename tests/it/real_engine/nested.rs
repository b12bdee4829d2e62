//! Containers that get a socket of dsp under `enforce`, in the place of the engine's.

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::follow::with_ask;
use super::podman::podman_or_none;
use super::real_or_return;
use crate::support::{Done, Server, World};

const SOCKET: &str = "/var/run/docker.sock";

/// Writes a profile for containers of busybox that mount `$ask`, and what else is given.
fn profile(world: &World, name: &str, engine: &str, mounts: &[&str]) {
    let mounts: String = mounts.iter().map(|mount| format!("        - \"{mount}\"\n")).collect();
    let create = format!(
        "      image:\n        - \"busybox:latest\"\n      mounts:\n        - {}:ro\n{mounts}      \
         network: any\n      labels: any\n",
        world.path("ask").display()
    );
    let mut text = format!(
        "version: 1\nname: {name}\nengine: {engine}\nallow:\n  - HEAD /_ping\n  - GET /_ping\n  - \
         GET /version\n  - POST /containers/create:\n{create}  - POST /containers/*/start\n  - POST \
         /containers/*/wait\n  - POST /containers/*/attach\n  - POST /containers/*/restart\n  - GET \
         /containers/*/json\n  - DELETE /containers/*\n"
    );
    if engine == "podman" {
        text += &format!(
            "  - GET /libpod/_ping\n  - POST /libpod/containers/create:\n{create}      \
                         runtime: any\n      source: any\n"
        );
        for rule in ["POST /libpod/containers/*/start", "POST /libpod/containers/*/wait"] {
            text += &format!("  - {rule}\n");
        }
        text += "  - GET /libpod/containers/json\n  - GET /libpod/info\n  - GET /libpod/version\n  - DELETE /libpod/containers/*\n  - GET /libpod/containers/*/json\n  - GET \
                 /libpod/containers/*/exists\n  - POST /libpod/images/pull\n  - POST \
                 /libpod/containers/*/init\n";
    }
    world.write("p.yaml", &text);
}

/// Runs a shell line with a client of the listener; `$ask` mounts the program that asks.
fn through(world: &World, server: &Server, line: &str) -> Done {
    let (ask, socket) = (world.path("ask"), server.socket.display());
    let (ask, run) = (ask.display(), "run --rm --network none");
    world.shell(&format!(
        "export DOCKER_HOST=unix://{socket}; ask='-v {ask}:/ask:ro'; \
         socket='-v {SOCKET}:{SOCKET}'; run='{run}'; {line}"
    ))
}

/// The path of the host that a container has in a place.
fn source(world: &World, container: &str, place: &str) -> PathBuf {
    let format = format!(
        "{{{{range .Mounts}}}}{{{{if eq .Destination \"{place}\"}}}}{{{{.Source}}}}{{{{end}}}}{{{{end}}}}"
    );
    let done = world.shell(&format!("docker inspect -f '{format}' {container}"));
    assert_eq!(done.status, 0, "{}", done.err);
    PathBuf::from(done.out.trim())
}

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

#[track_caller]
fn assert_done(done: &Done, status: i32) {
    assert_eq!(done.status, status, "{}{}", done.out, done.err);
}

#[test]
fn a_container_has_the_rights_of_the_profile_to_any_depth() {
    let world = with_ask(real_or_return!());
    let inner = "dsp-nested-inner";
    let create = |mounts: &str| {
        let ask = world.path("ask").display().to_string();
        format!(
            "{{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"/ask /s GET /info; test $? = 1 && /ask /s \
             GET /version\"],\"HostConfig\":{{\"NetworkMode\":\"none\",\"Binds\":[\"{SOCKET}:/s\",\
             \"{ask}:/ask:ro\"{mounts}]}}}}"
        )
    };
    world.write("body", &create(""));
    world.write("wide", &create(",\"/etc:/e\""));
    let outer = world.write(
        "outer",
        &format!(
            "set -e\nask() {{ /ask {SOCKET} \"$@\"; }}\nask GET /version >/dev/null\n\
             for target in /info /containers/json; do ! ask GET $target; done\n\
             ! ask POST '/containers/create?name={inner}' \"$(cat /wide)\"\n\
             ask POST '/containers/create?name={inner}' \"$(cat /body)\"\n\
             ask POST /containers/{inner}/start\nask POST /containers/{inner}/wait\n\
             ask DELETE /containers/{inner}\n"
        ),
    );
    let files: Vec<String> =
        ["body", "wide", "outer"].map(|name| format!("{}:ro", world.path(name).display())).into();
    let mounts: Vec<&str> = files.iter().map(String::as_str).chain(["@socket"]).collect();
    profile(&world, "dsp-nested-depth", "docker", &mounts);
    let server = world.serve(&["enforce", "p.yaml", "-v"]);
    let folder = outer.parent().unwrap().display();
    let line = format!(
        "docker $run $ask $socket -v {folder}/body:/body:ro -v {folder}/wide:/wide:ro \
         -v {folder}/outer:/outer:ro busybox sh /outer"
    );
    let done = through(&world, &server, &line);
    assert_done(&done, 0);
    for expected in [
        "dsp: GET /info is not allowed by profile",
        "dsp: GET /containers/json is not allowed by profile",
        "with mounts /etc; to allow it",
        "\"StatusCode\":0}",
    ] {
        assert!(done.out.contains(expected), "{expected}\n{}", done.out);
    }
    let end = server.stop(Signal::TERM);
    assert!(end.err.contains("nested=true"), "{}", end.err);
    assert!(!end.err.contains("still run"), "{}", end.err);
}

#[test]
fn a_container_outlives_dsp_and_reaches_the_next_one() {
    let world = with_ask(real_or_return!());
    let name = "dsp-nested-lasts";
    profile(&world, name, "docker", &["@socket"]);
    world.shell(&format!("docker rm -f {name}"));
    let server = world.serve(&["enforce", "p.yaml"]);
    let run = format!(
        "docker create --name {name} --network none $ask $socket busybox sleep 1000 >/dev/null && \
         docker start {name} >/dev/null"
    );
    assert_done(&through(&world, &server, &run), 0);
    let asked = |target: &str| {
        let done = world.shell(&format!("docker exec {name} /ask {SOCKET} GET {target}"));
        (done.status, done.out + &done.err)
    };
    assert_eq!(asked("/version").0, 0);
    let path = source(&world, name, SOCKET);
    assert!(is_socket(&path), "{}", path.display());

    // It is killed. The container is started again and finds nobody, but it is started.
    server.stop(Signal::KILL);
    assert!(is_socket(&path));
    assert_done(&world.shell(&format!("docker restart -t 0 {name}")), 0);
    assert!(is_socket(&path), "an engine made a folder of it");
    let refused = asked("/version");
    assert!(refused.0 == 2 && refused.1.contains("refused"), "{refused:?}");

    // The next one serves the path; the container has the old file until it is started again.
    let server = world.serve(&["enforce", "p.yaml"]);
    assert_eq!(asked("/version").0, 2);
    assert_done(&world.shell(&format!("docker restart -t 0 {name}")), 0);
    assert_eq!(asked("/version").0, 0);
    let denied = asked("/info");
    assert!(denied.0 == 1 && denied.1.contains("is not allowed by profile"), "{denied:?}");

    // One with the same profile at the same time has a socket of its own.
    let second = world.dsp(&[
        "enforce",
        "p.yaml",
        "--",
        "sh",
        "-c",
        &format!("docker create --name {name}-2 --network none -v {SOCKET}:{SOCKET} busybox true"),
    ]);
    assert_done(&second, 0);
    let other = source(&world, &format!("{name}-2"), SOCKET);
    assert!(other != path && is_socket(&other), "{}", other.display());
    assert_eq!(asked("/version").0, 0);

    // It ends in order: the file stays, because the container may mount it again.
    let end = server.stop(Signal::TERM);
    assert!(end.err.contains(name) && end.err.contains("earlier") | end.err.contains("still run"));
    assert!(end.err.contains(&format!("socket nobody serves any more: {name}\n")), "{}", end.err);
    assert!(is_socket(&path) && is_socket(&other));
    // Both are removed with the containers.
    assert_done(&world.shell(&format!("docker rm -f {name} {name}-2")), 0);
    world.serve(&["enforce", "p.yaml"]).stop(Signal::TERM);
    for path in [path, other] {
        assert!(!path.parent().unwrap().exists(), "{}", path.display());
    }
}

#[test]
fn the_folder_of_the_socket_shows_the_socket_of_dsp() {
    let world = with_ask(real_or_return!());
    let (folder, name) = world.host.trim_start_matches("unix://").rsplit_once('/').unwrap();
    let run = |mounts: &[&str], options: &str| {
        profile(&world, "dsp-nested-folder", "docker", mounts);
        let server = world.serve(&["enforce", "p.yaml"]);
        let line = format!("docker $run $ask {options} busybox /ask /h/{name} GET /info");
        through(&world, &server, &line)
    };
    let read_only = format!("{folder}:ro");
    for options in [
        format!("-v {folder}:/h:ro"),
        format!("-v {folder}/:/h//:ro"),
        format!("--mount type=bind,source={folder},target=/h,readonly"),
    ] {
        let done = run(&["@socket", &read_only], &options);
        assert_done(&done, 1);
        assert!(done.out.contains("is not allowed by profile"), "{}", done.out);
        let done = run(&[&read_only], &options);
        assert_done(&done, 125);
        assert!(done.err.contains("mounts: - \"@socket\""), "{}", done.err);
    }
    let shared = format!("{folder}:rshared");
    let done = run(&["@socket", &shared], &format!("-v {folder}:/h:rshared"));
    assert_done(&done, 125);
    assert!(done.err.contains("not shared"), "{}", done.err);
}

/// A container that cleans up gets less than the program that starts it, and what it removes is what the
/// program made.
#[test]
fn a_container_is_held_to_the_profile_that_the_rule_names() {
    let world = with_ask(real_or_return!());
    let (name, victim) = ("dsp-nested-other", "dsp-nested-victim");
    world.shell(&format!("docker rm -f {name} {victim} {victim}-2"));
    profile(&world, name, "docker", &["@socket:reaper/r.yaml"]);
    std::fs::create_dir(world.path("reaper")).unwrap();
    world.write(
        "reaper/r.yaml",
        "version: 1\nname: reaper\nallow:\n  - GET /_ping\n  - DELETE /containers/@own\n",
    );
    let script = world.write(
        "clean",
        &format!(
            "ask() {{ /ask {SOCKET} \"$@\"; }}\nask GET /_ping || exit 1\n! ask GET /version || exit 2\n\
             ask DELETE '/containers/{victim}?force=1' || exit 3\n\
             ! ask DELETE '/containers/{victim}-2?force=1' || exit 4\n"
        ),
    );
    let text = world.read("p.yaml");
    let script = format!("{}:ro", script.display());
    let line = "        - \"@socket:reaper/r.yaml\"\n";
    world.write("p.yaml", &text.replace(line, &format!("{line}        - \"{script}\"\n")));
    world.shell(&format!("docker create --name {victim}-2 busybox true"));
    let server = world.serve(&["enforce", "p.yaml"]);
    let line = format!(
        "docker create --network none --name {victim} busybox true >/dev/null && \
         docker $run --name {name} $ask $socket -v {}:/clean:ro busybox sh /clean",
        world.path("clean").display()
    );
    let done = through(&world, &server, &line);
    assert_done(&done, 0);
    let denied = "GET /version is not allowed by profile \\\"reaper\\\"";
    assert!(done.out.contains(denied), "{}{}", done.out, done.err);
    let left =
        world.shell(&format!("docker ps -a --format '{{{{.Names}}}}' --filter name={victim}"));
    assert_eq!(left.out, format!("{victim}-2\n"));
    server.stop(Signal::TERM);
    world.shell(&format!("docker rm -f {victim}-2"));
}

/// What a program does is learned from one run, also if it has the engine's path written in.
#[test]
fn the_socket_is_learned_from_a_recording() {
    let world = with_ask(real_or_return!());
    let ask = world.path("ask").display().to_string();
    let socket = world.host.trim_start_matches("unix://");
    let line = format!(
        "docker run --rm --network none -v {ask}:/ask:ro -v {socket}:/s busybox /ask /s GET /version"
    );
    world.write("run", &line);
    assert_done(&world.dsp(&["record", "-o", "r.jsonl", "--", "sh", "run"]), 0);
    let generated = world.dsp(&["generate", "-q", "r.jsonl", "-o", "p.yaml"]);
    assert_done(&generated, 0);
    let learned = world.read("p.yaml");
    assert!(learned.contains("\"@socket\"") && !learned.contains(socket), "{learned}");
    let done = world.dsp(&["enforce", "p.yaml", "--", "sh", "run"]);
    // The container asks for what the program never did.
    assert_done(&done, 1);
    assert!(done.out.contains("dsp: GET /version is not allowed"), "{}{}", done.out, done.err);
}

#[test]
fn containers_of_podman_get_a_socket_in_both_of_its_apis() {
    let Some((world, engine)) = podman_or_none("nested-podman") else { return };
    let world = with_ask(world);
    profile(&world, "dsp-nested-podman", "podman", &["@socket"]);
    let server = world.serve(&["enforce", "p.yaml"]);
    let socket = world.host.trim_start_matches("unix://");
    for (client, mounted) in [("docker", SOCKET), ("podman --remote", socket)] {
        let line = format!(
            "export CONTAINER_HOST=$DOCKER_HOST; {client} create --network none --name one $ask \
             -v {mounted}:/s busybox sh -c '/ask /s GET /version && /ask /s GET /info' >/dev/null && \
             {client} start one >/dev/null && {client} wait one && {client} rm one >/dev/null"
        );
        let done = through(&world, &server, &line);
        assert_done(&done, 0);
        assert_eq!(done.out.trim(), "1", "{client}: {}", done.err);
    }
    drop(engine);
}

/// As testcontainers' Ryuk, which cleans up after the program.
#[test]
fn a_container_that_outlives_the_program_has_its_socket_until_it_stops() {
    let world = with_ask(real_or_return!());
    let name = "dsp-nested-ryuk";
    profile(&world, name, "docker", &["@socket"]);
    let ask = world.path("ask").display().to_string();
    let line = format!(
        "docker create --rm --name {name} --network none -v {ask}:/ask:ro -v {SOCKET}:/s busybox sh -c \
         'sleep 2; /ask /s GET /version && sleep 1' && docker start {name}; exit 3"
    );
    world.shell(&format!("docker rm -f {name}"));
    let done = world.dsp(&["enforce", "p.yaml", "-v", "--", "sh", "-c", &line]);
    assert_done(&done, 3);
    let said =
        format!("the command has ended, and {name} still run: dsp serves their socket until");
    assert!(done.err.contains(&said), "{}", done.err);
    assert!(!done.err.contains("nobody serves"), "{}", done.err);
    let asked = done.err.split(&said).nth(1).unwrap();
    assert!(asked.contains("nested=true") && asked.contains("/version"), "{asked}");
}
