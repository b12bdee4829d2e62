//! `enforce` reloads its profile at HUP.

use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;

use crate::support::{Server, World, exchange, read_until, wait_for};

const BEFORE: &str = "version: 1\nname: p\nallow:\n  - GET /_ping\n  - GET /containers/*/stats\n";
const AFTER: &str = "version: 1\nname: p\nallow:\n  - GET /_ping\n  - GET /containers/json\n";

/// The status of a GET for this path; empty if the request was cut, as `--drop-denied` does to one that is
/// answered while a profile that denies it is put in force.
fn status(server: &Server, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
    let answer = exchange(&mut server.connect(), request.as_bytes());
    answer.get(9..12).unwrap_or_default().to_owned()
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
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 1, "the stream continues");
    drop(stream);
    let said = server.stop(Signal::TERM).err;
    assert!(said.contains("dsp: reloaded profile \"p\" (2 rules)\n"), "{said}");
    let told = "warning: goes on, although the new profile denies it: GET /containers/web/stats";
    assert!(said.contains(told), "{said}");
}

#[test]
fn streams_that_a_new_profile_denies_are_ended_on_request() {
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
    // The audit log starts a new session once the new profile has been checked.
    let sessions = || world.read("audit.jsonl").matches("{\"session\":{").count();
    wait_for("the first signal", || sessions() == 2);
    assert_eq!(status(&server, "/_ping"), "200");
    world.write("p.yaml", AFTER);
    server.signal(Signal::HUP);
    wait_for("the next profile", || status(&server, "/containers/json") == "200");
    let said = server.stop(Signal::TERM).err;
    assert!(said.contains("p.yaml:4:5") && said.contains("did you mean"), "{said}");
    assert!(said.contains("the previous one stays in force"), "{said}");
}

#[test]
fn the_audit_log_continues_in_the_file_with_its_name() {
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
fn root_operations_are_reported_at_the_start() {
    let world = World::sample();
    let text = "version: 1\nname: p\nallow:\n  - GET /_ping\n  - POST /containers/create\n  - POST /exec/*/start\n";
    world.write("p.yaml", text);
    let said = world.serve(&["enforce", "p.yaml"]).stop(Signal::TERM).err;
    let told = "warning: anyone who can use this socket can become root on the host, by POST /containers/create, POST /exec/*/start\n";
    assert!(said.contains(told), "{said}");
    world.write("p.yaml", BEFORE);
    let said = world.serve(&["enforce", "p.yaml"]).stop(Signal::TERM).err;
    assert!(!said.contains("root"), "{said}");
}

/// A rule with a name that may be a prefix of an ID, and a denial next to a wider rule, are
/// reported at the start and at a reload.
#[test]
fn ambiguous_names_are_reported() {
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

/// An engine that answers everything with its version.
fn engine_of_version(world: &mut World, version: &'static str) {
    let socket = world.path("version.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    world.host = format!("unix://{}", socket.display());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            let _ = write!(
                client,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{version}",
                version.len()
            );
        }
    });
}

const DOCKER: &str = r#"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#;
const PODMAN: &str = r#"{"Version":"4.3.1","ApiVersion":"1.41","MinAPIVersion":"1.24",
    "Components":[{"Name":"Podman Engine","Version":"4.3.1"}]}"#;

/// Whether the start, or the reload, of a profile warns that its `min_api` is above what the engine
/// speaks, and what it advises.
#[test]
fn a_min_api_above_the_engine_is_warned_of_at_the_start_and_at_a_reload() {
    for (engine, kind, above, most) in [
        (DOCKER, "", "1.42", "1.41"),
        (PODMAN, "engine: podman\n", "1.42", "1.41"),
        // podman counts the versions of its own API as its releases.
        (PODMAN, "engine: podman\n", "4.4.0", "4.3.1"),
    ] {
        let mut world = World::without_engine();
        engine_of_version(&mut world, engine);
        let rules = "allow:\n  - GET /_ping\n  - GET /version\n";
        let profile =
            |least: &str| format!("version: 1\nname: p\n{kind}min_api: \"{least}\"\n{rules}");
        let warning = format!(
            "warning: the profile denies every request that names an API version: its min_api is \
             \"{above}\", and {} supports {most} at most\n  help: remove min_api from the profile (versions \
             below 1.24 are always refused), or write min_api: \"{most}\"\n",
            world.host
        );
        // At the start, with and without a command, and also where nothing else is said.
        world.write("p.yaml", &profile(above));
        for options in [&["enforce", "p.yaml"][..], &["enforce", "-q", "p.yaml"]] {
            let said = world.serve(options).stop(Signal::TERM).err;
            assert_eq!(said.matches(&warning).count(), 1, "{said}");
            let done = world.dsp(&[options, &["--", "true"]].concat());
            let warning = warning.replace(world.folder.path().to_str().unwrap(), "[DIR]");
            assert_eq!((done.status, done.err.matches(&warning).count()), (0, 1), "{}", done.err);
        }
        // At a reload: the profile that the engine can speak to is no reason for a word.
        world.write("p.yaml", &profile(most));
        let server = world.serve(&["enforce", "p.yaml"]);
        let asked = format!("/v{most}/version");
        assert_eq!(status(&server, &asked), "200");
        world.write("p.yaml", &profile(above));
        server.signal(Signal::HUP);
        wait_for("the new profile", || status(&server, &asked) == "403");
        world.write("p.yaml", &profile(most));
        server.signal(Signal::HUP);
        wait_for("the old profile", || status(&server, &asked) == "200");
        let said = server.stop(Signal::TERM).err;
        let parts: Vec<&str> = said.split("reloaded profile").collect();
        let told: Vec<usize> = parts.iter().map(|part| part.matches(&warning).count()).collect();
        // A reload says that it is done after what it warns of.
        assert_eq!(told, [1, 0, 0], "{said}");
        assert!(said.find(&warning).unwrap() > said.find("enforcing profile").unwrap(), "{said}");
    }
}

/// How many connections each client has. A reload looks at one after the other, and a request on one that
/// it has looked at already is the one that could get lost.
const CONNECTIONS: usize = 50;

/// More bytes than a stream sends before it is ended; those of a few seconds.
const MOST_BYTES: u64 = 64 << 10;

/// Asks for a stream on each connection, without waiting for the answers, so that as many decisions as
/// can be are taken while the profile is replaced.
fn ask_for_streams(connections: &mut [UnixStream], asked: &AtomicUsize) {
    for stream in connections {
        stream.write_all(b"GET /containers/web/stats HTTP/1.1\r\nHost: d\r\n\r\n").unwrap();
        asked.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether a stream was allowed. One that was ended before its answer came was allowed too.
fn is_allowed(stream: &mut UnixStream) -> bool {
    let mut head = [0; 12];
    match stream.read_exact(&mut head) {
        Ok(()) => match &head[9..] {
            b"200" => true,
            b"403" => false,
            other => panic!("{other:?}"),
        },
        Err(error) => {
            assert!(!matches!(error.kind(), WouldBlock | TimedOut), "no answer: {error}");
            true
        }
    }
}

/// Profiles that allow the streams, and profiles that do not, come in turns while clients open some.
/// Each stream that one profile has allowed is denied, ended or told of by the next: none falls between
/// the two.
#[test]
fn a_request_that_is_decided_on_during_a_reload_is_told_of_or_denied() {
    const CLIENTS: usize = 4;
    const ROUNDS: usize = 25;
    for ends in [true, false] {
        let world = World::sample();
        world.write("p.yaml", BEFORE);
        let mut options = vec!["enforce", "p.yaml"];
        options.extend(ends.then_some("--drop-denied"));
        let server = world.serve(&options);
        let mut open = Vec::new();
        for _ in 0..ROUNDS {
            world.write("p.yaml", AFTER);
            let asked = Arc::new(AtomicUsize::new(0));
            let connections = [(); CLIENTS].map(|()| [(); CONNECTIONS].map(|()| server.connect()));
            let clients = connections.map(|mut connections| {
                let asked = Arc::clone(&asked);
                std::thread::spawn(move || {
                    ask_for_streams(&mut connections, &asked);
                    connections
                })
            });
            // Busily, for the clients are as fast as a reload.
            while asked.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            server.signal(Signal::HUP);
            let streams = clients.map(|client| client.join().unwrap());
            wait_for("the new profile", || status(&server, "/containers/json") == "200");
            let streams = streams.into_iter().flatten();
            let mut streams: Vec<UnixStream> = streams.collect();
            streams.retain_mut(is_allowed);
            open.push(streams.len());
            for mut stream in streams.into_iter().filter(|_| ends) {
                // One that fell between the two profiles would send on without end.
                let mut rest = Vec::new();
                let _ = (&mut stream).take(MOST_BYTES).read_to_end(&mut rest);
                assert!((rest.len() as u64) < MOST_BYTES, "a stream goes on");
            }
            wait_for("the end of the streams", || world.engine().open_connections() == 0);
            world.write("p.yaml", BEFORE);
            server.signal(Signal::HUP);
            wait_for("the old profile", || status(&server, "/containers/json") == "403");
        }
        let said = server.stop(Signal::TERM).err;
        let reloads: Vec<&str> = said.split("reloaded profile").skip(1).step_by(2).collect();
        let told: Vec<usize> = reloads.iter().map(|said| told_of(said)).collect();
        assert_eq!(told, open, "{said}");
    }
}

/// How many requests a reload says that the new profile denies.
fn told_of(said: &str) -> usize {
    let number = |line: &str| {
        let before = line.split(" so far").next()?.split(" requests in all").next()?;
        before.rsplit(' ').next()?.parse().ok()
    };
    // The first one is told without a number.
    let last = said.lines().rfind(|line| line.contains("the new profile denies"));
    last.map_or(0, |line| number(line).unwrap_or(1))
}
