//! What rules hide in the answers of a real engine: no client sees it, and every client reads the rest.

use rustix::process::Signal;

use super::podman::podman_or_none;
use super::{Container, real_or_return};
use crate::support::World;

const PROFILE: &str = "version: 1
name: hide-test
allow:
  - HEAD /_ping
  - GET /_ping
  - GET /containers/json: {hide: [commands]}
  - GET /containers/*/json: {hide: [environment, commands]}
  - GET /images/*/json: {hide: [environment, commands]}
  - GET /images/*/history: {hide: [environment, commands]}
  - GET /volumes: {hide: [credentials]}
  - GET /info: {hide: [credentials]}
  - GET /version
";

const SECRET: &str = "hunter2-of-the-test";

/// Requests that a client sends in every form that HTTP has for it, with the bodies of the answers.
fn curl(world: &World, socket: &str, options: &str, path: &str) -> String {
    let done = world.shell(&format!(
        "curl --silent --max-time 20 {options} --unix-socket {socket} http://d{path}"
    ));
    assert!(done.status == 0 || options.contains("HEAD"), "{options} {path}: {}", done.err);
    done.out
}

/// From a recording to a client that sees nothing of the environment.
#[test]
fn a_generated_profile_hides_what_was_asked_for() {
    let world = real_or_return!();
    let name = "dsp-hide-generated";
    world.shell(&format!("docker rm -f {name}"));
    let run = format!("docker run -d --name {name} -e PASSWORD={SECRET} busybox sleep 1000");
    let done = world.shell(&run);
    assert_eq!(done.status, 0, "{}", done.err);
    let _container = Container { world: &world, name: name.to_owned() };
    let inspect = ["--", "docker", "inspect", name];
    let done = world.dsp(&[&["record", "-q", "-o", "r.jsonl"][..], &inspect].concat());
    assert!(done.out.contains(SECRET), "{}", done.err);
    assert!(!world.read("r.jsonl").contains(SECRET));
    let generate = ["generate", "r.jsonl", "--name", "p", "--hide", "environment", "-o", "p.yaml"];
    let done = world.dsp(&generate);
    assert_eq!(done.status, 0, "{}", done.err);
    let profile = world.read("p.yaml");
    assert!(profile.contains("hide:\n        - environment"), "{profile}");
    let done = world.dsp(&[&["enforce", "p.yaml", "-q"][..], &inspect].concat());
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.out.contains(name) && done.out.contains("\"Env\": []"), "{}", done.out);
    assert!(!done.out.contains(SECRET));
    let done = world.dsp(&["check", "p.yaml", "r.jsonl", "--severity", "unreviewed=off"]);
    assert_eq!(done.status, 0, "{}", done.out);
}

#[test]
fn no_client_sees_an_environment_that_is_hidden() {
    let world = real_or_return!();
    let name = "dsp-hide";
    world.shell(&format!("docker rm -f {name}"));
    let command = format!(
        "docker run -d --name {name} -e PASSWORD={SECRET} --label kept=1 busybox sleep 1000 {SECRET}"
    );
    let done = world.shell(&command);
    // sleep takes a second number only if it is one, so the container may have ended, which is as good.
    assert_eq!(done.status, 0, "{}", done.err);
    let _container = Container { world: &world, name: name.to_owned() };
    let direct = world.shell(&format!("docker inspect {name}"));
    assert!(direct.out.contains(SECRET), "{}", direct.out);

    world.write("p.yaml", PROFILE);
    let server = world.serve(&["enforce", "p.yaml", "-q"]);
    let socket = server.first_address();
    let socket = socket.trim_start_matches("unix://");
    for command in [
        format!("docker inspect {name}"),
        "docker ps -a --no-trunc".to_owned(),
        format!("docker ps -a --format json --filter name={name}"),
        format!(
            "docker inspect --format '{{{{json .Config.Env}}}} {{{{.Config.Labels.kept}}}}' {name}"
        ),
        "docker info".to_owned(),
        "docker volume ls".to_owned(),
        "docker image inspect busybox".to_owned(),
        "docker history busybox".to_owned(),
    ] {
        let done = world.shell(&format!("DOCKER_HOST=unix://{socket} {command}"));
        assert_eq!(done.status, 0, "{command}: {}", done.err);
        assert!(!done.out.contains(SECRET), "{command}: {}", done.out);
        assert!(!done.out.contains("PATH="), "{command}: {}", done.out);
        if command.contains(".Config.Env") {
            assert_eq!(done.out.trim(), "[] 1");
        }
    }
    let path = format!("/containers/{name}/json");
    for options in ["", "--compressed", "--http1.0", "-H 'Range: bytes=0-100'", "--head", "-i"] {
        let got = curl(&world, socket, options, &path);
        assert!(!got.contains(SECRET) && !got.contains("PATH="), "{options}: {got}");
        if matches!(options, "" | "--compressed" | "--http1.0") {
            let read: serde_json::Value = serde_json::from_str(&got).unwrap();
            assert_eq!(read["Config"]["Env"], serde_json::json!([]));
            assert_eq!(read["Config"]["Labels"]["kept"], "1");
            assert_eq!(read["Name"], format!("/{name}"));
        }
    }
    let missing = curl(&world, socket, "", "/containers/dsp-nobody/json");
    assert!(missing.contains("No such container") || missing.contains("no such container"));
    // Everything else is as without dsp.
    let direct = curl(&world, world.host.trim_start_matches("unix://"), "", &path);
    let hidden = curl(&world, socket, "", &path);
    let read = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
    let (mut direct, hidden) = (read(&direct), read(&hidden));
    for pointer in ["/Config/Env", "/Config/Cmd", "/Args"] {
        *direct.pointer_mut(pointer).unwrap() = serde_json::json!([]);
    }
    *direct.pointer_mut("/Path").unwrap() = "".into();
    for healthcheck in ["/Config/Entrypoint"] {
        if let Some(list @ serde_json::Value::Array(_)) = direct.pointer_mut(healthcheck) {
            *list = serde_json::json!([]);
        }
    }
    assert_eq!(hidden, direct);
    server.stop(Signal::TERM);
}

#[test]
fn no_client_of_podman_sees_an_environment_that_is_hidden() {
    let Some((world, _engine)) = podman_or_none("hide") else { return };
    let name = "dsp-hide";
    let podman = |url: &str, words: &str| world.shell(&format!("podman --url {url} {words}"));
    let run = format!("run -d --name {name} -e PASSWORD={SECRET} --label kept=1 busybox sleep 100");
    let done = podman(&world.host, &run);
    assert_eq!(done.status, 0, "{}", done.err);
    let profile = "version: 1\nname: hide-test\nengine: podman\nallow:\n  - HEAD /_ping\n  - GET /_ping\n  \
        - GET /libpod/_ping\n  - GET /containers/*/json: {hide: [environment]}\n  \
        - GET /libpod/containers/*/json: {hide: [environment]}\n  - GET /libpod/containers/json\n  \
        - GET /libpod/images/*/json: {hide: [environment]}\n  - GET /libpod/volumes/json\n  \
        - GET /libpod/containers/*/exists\n  - GET /libpod/images/*/exists\n";
    world.write("p.yaml", profile);
    let server = world.serve(&["enforce", "p.yaml", "-q"]);
    let address = server.first_address();
    let done = podman(&address, &format!("container inspect {name}"));
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(!done.out.contains(SECRET), "{}", done.out);
    let read: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(read[0]["Config"]["Env"], serde_json::json!([]));
    // The command line is there only if podman itself made the container.
    let command = &read[0]["Config"]["CreateCommand"];
    assert!(command.is_null() || *command == serde_json::json!([]), "{command}");
    assert_eq!(read[0]["Config"]["Labels"]["kept"], "1");
    let done = podman(&address, "image inspect busybox");
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(!done.out.contains("PATH="), "{}", done.out);
    let socket = address.trim_start_matches("unix://");
    let got = curl(&world, socket, "", &format!("/v1.41/containers/{name}/json"));
    assert!(got.contains("\"Env\":[]") && !got.contains(SECRET), "{got}");
    server.stop(Signal::TERM);
    podman(&world.host, &format!("rm -f -t 0 {name}"));
}
