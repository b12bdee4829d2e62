//! `enforce` reads its profile anew at HUP.

use std::io::{Read, Write};

use rustix::process::Signal;

use crate::support::{Server, World, exchange, read_until, wait_for};

const BEFORE: &str = "version: 1\nname: p\nallow:\n  - GET /_ping\n  - GET /containers/*/stats\n";
const AFTER: &str = "version: 1\nname: p\nallow:\n  - GET /_ping\n  - GET /containers/json\n";

fn status(server: &Server, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
    exchange(&mut server.connect(), request.as_bytes())[9..12].to_owned()
}

fn streaming(server: &Server) -> std::os::unix::net::UnixStream {
    let mut stream = server.connect();
    stream.write_all(b"GET /containers/web/stats HTTP/1.1\r\nHost: d\r\n\r\n").unwrap();
    read_until(&mut stream, "\r\n\r\n");
    stream
}

#[test]
fn a_new_profile_is_in_force_and_running_streams_go_on() {
    let world = World::sample();
    world.write("p.yaml", BEFORE);
    let server = world.serve(&["enforce", "p.yaml"]);
    let mut stream = streaming(&server);
    assert_eq!(status(&server, "/containers/json"), "403");
    world.write("p.yaml", AFTER);
    server.signal(Signal::HUP);
    wait_for("the new profile", || status(&server, "/containers/json") == "200");
    assert_eq!(status(&server, "/containers/web/stats"), "403");
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 1, "the stream goes on");
    drop(stream);
    let said = server.stop(Signal::TERM).err;
    assert!(said.contains("dsp: reloaded profile \"p\" (2 rules)\n"), "{said}");
    let told = "warning: goes on, although the new profile denies it: GET /containers/web/stats";
    assert!(said.contains(told), "{said}");
}

#[test]
fn what_a_new_profile_denies_is_ended_when_asked_for() {
    let world = World::sample();
    world.write("p.yaml", BEFORE);
    let server = world.serve(&["enforce", "p.yaml", "--drop-denied"]);
    let mut stream = streaming(&server);
    world.write("p.yaml", AFTER);
    server.signal(Signal::HUP);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert_eq!(status(&server, "/containers/json"), "200", "only that one was ended");
    let said = server.stop(Signal::TERM).err;
    let told = "warning: ended, as the new profile denies it: GET /containers/web/stats";
    assert!(said.contains(told), "{said}");
}

#[test]
fn a_bad_profile_leaves_the_old_one_in_force() {
    let world = World::sample();
    world.write("p.yaml", BEFORE);
    let server = world.serve(&["enforce", "p.yaml", "--audit-log", "audit.jsonl"]);
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /containers/*/stat\n");
    server.signal(Signal::HUP);
    // The session in the audit log is begun anew when the profile has been looked at.
    let sessions = || world.read("audit.jsonl").matches("{\"session\":{").count();
    wait_for("the first signal", || sessions() == 2);
    assert_eq!(status(&server, "/_ping"), "200");
    world.write("p.yaml", AFTER);
    server.signal(Signal::HUP);
    wait_for("the next profile", || status(&server, "/containers/json") == "200");
    let said = server.stop(Signal::TERM).err;
    assert!(said.contains("p.yaml:4:5") && said.contains("did you mean"), "{said}");
    assert!(said.contains("the one before stays in force"), "{said}");
}

#[test]
fn the_audit_log_goes_on_in_the_file_that_has_its_name() {
    let world = World::sample();
    world.write("p.yaml", BEFORE);
    let server = world.serve(&["enforce", "p.yaml", "-q", "--audit-log", "audit.jsonl"]);
    assert_eq!(status(&server, "/_ping"), "200");
    std::fs::rename(world.path("audit.jsonl"), world.path("old.jsonl")).unwrap();
    server.signal(Signal::HUP);
    wait_for("a new file", || world.path("audit.jsonl").exists());
    assert_eq!(status(&server, "/info"), "403");
    server.stop(Signal::TERM);
    for (name, path) in [("old.jsonl", "/_ping"), ("audit.jsonl", "/info")] {
        let log = world.read(name);
        assert_eq!(log.matches("\"request\":").count(), 1, "{log}");
        assert!(log.contains(path) && log.contains("{\"end\":"), "{log}");
    }
}

#[test]
fn what_is_root_is_said_at_the_start() {
    let world = World::sample();
    let text = "version: 1\nname: p\nallow:\n  - GET /_ping\n  - POST /containers/create\n  - POST /exec/*/start\n";
    world.write("p.yaml", text);
    let said = world.serve(&["enforce", "p.yaml"]).stop(Signal::TERM).err;
    let told = "warning: whoever uses this socket is root on the host, by POST /containers/create, POST /exec/*/start\n";
    assert!(said.contains(told), "{said}");
    world.write("p.yaml", BEFORE);
    let said = world.serve(&["enforce", "p.yaml"]).stop(Signal::TERM).err;
    assert!(!said.contains("root"), "{said}");
}

/// A rule on a name that an id can begin with, and a denial beside a wider rule, are told at the start
/// and when they come with a new profile.
#[test]
fn what_a_name_does_not_hold_is_told() {
    let world = World::sample();
    let profile = "version: 1\nname: p\nallow:\n  - GET /_ping\n  - DELETE /containers/db\n";
    world.write("p.yaml", profile);
    let server = world.serve(&["enforce", "p.yaml"]);
    let wider = "  - GET /containers/*/json\ndeny:\n  - GET /containers/keep/json\n";
    world.write("p.yaml", &format!("{profile}{wider}"));
    server.signal(Signal::HUP);
    wait_for("the new profile", || status(&server, "/containers/x/json") != "403");
    let said = server.stop(Signal::TERM).err;
    let (start, reload) = said.split_once("reloaded profile").unwrap();
    let id = "warning: DELETE /containers/db also matches any container";
    let denied =
        "warning: GET /containers/keep/json is denied, but GET /containers/*/json still allows";
    assert!(start.contains(id) && !start.contains(denied), "{said}");
    assert!(reload.contains(id) && reload.contains(denied), "{said}");
}
