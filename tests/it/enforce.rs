use rustix::process::Signal;

use crate::support::{World, exchange};

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
