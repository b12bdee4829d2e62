use rustix::process::Signal;

use crate::support::{Server, World, exchange, wait_for};

const PROFILE: &str =
    "version: 1\nname: look\nallow:\n  - HEAD /_ping\n  - GET /_ping\n  - GET /containers/json\n";

fn curl(path: &str) -> String {
    format!("curl -s --unix-socket ${{DOCKER_HOST#unix://}} http://docker{path}")
}

#[test]
fn a_command_is_confined_and_its_status_returned() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    let line = format!(
        "{} -o /dev/null -w '%{{http_code}}\\n'; {}; {} -X POST; exit 5",
        curl("/v1.41/containers/json"),
        curl("/v1.41/images/json"),
        curl("/v1.41/containers/web/exec"),
    );
    let done = world.dsp(&["enforce", "p.yaml", "--", "sh", "-c", &line]);
    assert_eq!(done.status, 5);
    insta::assert_snapshot!(done.out, @r#"
    200
    {"message":"dsp: GET /images/json is not allowed by profile \"look\"; to allow it: - GET /images/json"}
    {"message":"dsp: POST /containers/web/exec is not allowed by profile \"look\"; to allow it: - POST /containers/*/exec"}
    "#);
    insta::assert_snapshot!(done.err, @r#"
    dsp: 2 requests denied:
      GET /images/json is not allowed by profile "look"; to allow it: - GET /images/json
      POST /containers/web/exec is not allowed by profile "look"; to allow it: - POST /containers/*/exec
    "#);
}

#[test]
fn an_audit_denies_nothing_and_reports() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    let line = format!(
        "for i in 1 2; do {} -o /dev/null -w '%{{http_code}} '; done",
        curl("/v1.41/images/json")
    );
    let done = world.dsp(&["enforce", "p.yaml", "--audit", "--", "sh", "-c", &line]);
    assert_eq!((done.status, done.out.as_str()), (0, "200 200 "));
    insta::assert_snapshot!(done.err, @r#"
    dsp: 2 requests would have been denied:
      GET /images/json is not allowed by profile "look"; to allow it: - GET /images/json (2 times)
    "#);
}

#[test]
fn a_listener_logs_each_denial_and_ends_in_order() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    let server = world.serve(&["enforce", "p.yaml"]);
    let ask = |line: &str| {
        let request = format!("{line} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
        exchange(&mut server.connect(), request.as_bytes())
    };
    assert!(ask("GET /_ping").starts_with("HTTP/1.1 200"));
    assert!(ask("GET /v1.41/info?token=hunter2").starts_with("HTTP/1.1 403"));
    let done = server.stop(Signal::TERM);
    assert_eq!(done.status, 0);
    assert!(done.err.contains("enforcing profile \"look\" (3 rules)"), "{}", done.err);
    assert!(
        done.err.contains("WARN") && done.err.contains("GET /info is not allowed"),
        "{}",
        done.err
    );
    assert!(!done.err.contains("hunter2") && !done.err.contains("_ping"), "{}", done.err);
}

#[test]
fn several_listeners_serve_one_profile() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    let server = world.serve(&["enforce", "p.yaml", "--listen", "tcp://127.0.0.1:0"]);
    let done = server.stop(Signal::INT);
    let hosts: Vec<&str> = done.out.lines().collect();
    assert!(
        hosts[0].starts_with("DOCKER_HOST=tcp://127.0.0.1:") && !hosts[0].ends_with(":0"),
        "{hosts:?}"
    );
    assert!(hosts[1].starts_with("DOCKER_HOST=unix://"), "{hosts:?}");
}

#[test]
fn tcp_that_others_reach_needs_to_be_asked_for() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    let done = world.dsp(&["enforce", "p.yaml", "--listen", "tcp://0.0.0.0:0"]);
    assert_eq!(done.status, 1);
    assert!(done.err.contains("say --insecure-tcp"), "{}", done.err);
}

/// The status of a GET for this path.
fn status(server: &Server, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
    exchange(&mut server.connect(), request.as_bytes())[9..12].to_owned()
}

#[test]
fn a_listener_serves_before_the_engine_is_there() {
    let mut world = World::without_engine();
    world.write("p.yaml", PROFILE);
    let server = world.serve(&["enforce", "p.yaml", "--audit-log", "audit.jsonl"]);
    assert_eq!(status(&server, "/containers/json"), "502");
    assert_eq!(status(&server, "/images/json"), "502");
    // The profile can change meanwhile.
    world.write("p.yaml", &PROFILE.replace("- GET /_ping", "- GET /images/json"));
    server.signal(Signal::HUP);
    let sessions = |world: &World| world.read("audit.jsonl").matches("\"session\":{").count();
    wait_for("the reload", || sessions(&world) == 2);
    world.start_engine();
    wait_for("the engine", || status(&server, "/containers/json") == "200");
    assert_eq!(status(&server, "/images/json"), "200");
    assert_eq!(status(&server, "/_ping"), "403");
    let done = server.stop(Signal::TERM);
    assert_eq!(done.status, 0, "{}", done.err);
    for line in [
        "no Docker Engine answers at",
        "requests are answered with 502 until the engine",
        "dsp: the engine answers now: ",
    ] {
        assert_eq!(done.err.matches(line).count(), 1, "{line}: {}", done.err);
    }
    let log = world.read("audit.jsonl");
    let engines: Vec<bool> = log
        .lines()
        .filter(|line| line.contains("\"session\":{"))
        .map(|line| line.contains("\"engine\":{"))
        .collect();
    assert_eq!(engines, [false, false, true], "{log}");
}

#[test]
fn a_listener_ends_if_the_engine_that_comes_is_not_the_one_of_the_profile() {
    let mut world = World::without_engine();
    world.write("p.yaml", &PROFILE.replace("name: look", "name: look\nengine: podman"));
    let mut server = world.serve(&["enforce", "p.yaml"]);
    assert_eq!(status(&server, "/containers/json"), "502");
    world.start_engine();
    let done = server.wait();
    assert_eq!(done.status, 1, "{}", done.err);
    assert!(done.err.contains("is for podman"), "{}", done.err);
    assert!(!world.path("p.sock").exists());
}

/// It would only get errors, and its exit status would be about them.
#[test]
fn a_command_is_not_started_without_an_engine() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    let done = world.dsp(&["enforce", "p.yaml", "--", "touch", "started"]);
    assert_eq!(done.status, 125, "{}", done.err);
    assert!(done.err.contains("no Docker Engine answers"), "{}", done.err);
    assert!(!world.path("started").exists());
}

#[test]
fn an_engine_that_does_not_say_who_it_is_is_used() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    let outer = world.serve(&["enforce", "p.yaml"]);
    let line = curl("/containers/json") + " -o /dev/null -w '%{http_code}'";
    let mut command = world.dsp_command(&["enforce", "p.yaml", "--", "sh", "-c", &line]);
    command.env("DOCKER_HOST", format!("unix://{}", outer.socket.display()));
    let done = world.finish(command);
    assert_eq!((done.status, done.out.as_str()), (0, "200"), "{}", done.err);
    assert!(done.err.contains("does not say which engine it is"), "{}", done.err);
    // A listener, too.
    let listen = format!("unix://{}", world.path("inner.sock").display());
    let mut command = world.dsp_command(&["enforce", "p.yaml", "--listen", &listen]);
    command.env("DOCKER_HOST", format!("unix://{}", outer.socket.display()));
    let inner = World::served(command, world.path("inner.sock"), 1);
    assert_eq!(status(&inner, "/containers/json"), "200");
}
