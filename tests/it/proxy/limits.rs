//! What a client can take up, and who may be one at all.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::{ALL, CLOSE, request};
use crate::support::{Server, World, exchange, read_until, wait_for};

fn enforcer(world: &World, more: &[&str]) -> Server {
    world.write("p.yaml", ALL);
    world.serve(&[&["enforce", "p.yaml", "-q"], more].concat())
}

/// A connection whose request is being answered for as long as it is open.
fn streaming(server: &Server) -> std::os::unix::net::UnixStream {
    let mut streaming = None;
    wait_for("a stream", || {
        let mut stream = server.connect();
        stream.write_all(&request("GET", "/v1.41/containers/web/stats", "", "")).unwrap();
        let head = read_until(&mut stream, "\r\n\r\n");
        streaming = head.starts_with("HTTP/1.1 200").then_some(stream);
        streaming.is_some()
    });
    streaming.unwrap()
}

#[test]
fn when_all_connections_are_busy_a_new_one_is_told_so() {
    let world = World::sample();
    let server = enforcer(&world, &["--max-connections", "2"]);
    let busy = [streaming(&server), streaming(&server)];
    let answer = exchange(&mut server.connect(), &request("GET", "/v1.41/containers/json", "", ""));
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("{\"message\":\"dsp: all connections are busy"), "{answer}");
    drop(busy);
    wait_for("the busy ones to end", || {
        let ping = request("GET", "/_ping", CLOSE, "");
        exchange(&mut server.connect(), &ping).starts_with("HTTP/1.1 200")
    });
}

#[test]
fn an_idle_connection_makes_room_for_a_new_one() {
    let world = World::sample();
    let server = enforcer(&world, &["--max-connections", "2"]);
    let busy = streaming(&server);
    let mut silent = server.connect();
    // It says nothing yet, and is there when the next one comes.
    let answer = exchange(&mut server.connect(), &request("GET", "/_ping", CLOSE, ""));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(exchange(&mut silent, b""), "", "the silent one was ended");
    drop(busy);
}

#[test]
fn silent_and_dribbling_clients_do_not_hold_up_others() {
    let world = World::sample();
    let server = enforcer(&world, &[]);
    let silent: Vec<_> = (0..300).map(|_| server.connect()).collect();
    let dribbling: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(b"GET /_ping HTTP/1.1\r\nHo").unwrap();
            stream
        })
        .collect();
    let start = Instant::now();
    let answer = exchange(&mut server.connect(), &request("GET", "/_ping", CLOSE, ""));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Far above what it takes, for a machine that does other things as well.
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    drop((silent, dribbling));
}

#[test]
fn few_file_descriptors_are_enough_for_those_that_ask() {
    let world = World::sample();
    world.write("p.yaml", ALL);
    let server = world.serve_with_files(40, &["enforce", "p.yaml"]);
    let ping = || exchange(&mut server.connect(), &request("GET", "/_ping", CLOSE, ""));
    // With 40 files there is room for four connections, each with one to the engine.
    let silent: Vec<_> = (0..100).map(|_| server.connect()).collect();
    // Those that were ended to make room take a moment to give their files back.
    wait_for("an answer beside silent ones", || ping().starts_with("HTTP/1.1 200"));
    drop(silent);
    let busy = [(); 4].map(|()| streaming(&server));
    assert!(ping().starts_with("HTTP/1.1 503"), "beside busy ones");
    drop(busy);
    wait_for("room again", || ping().starts_with("HTTP/1.1 200"));
    let said = server.stop(rustix::process::Signal::TERM).err;
    assert!(said.contains("turned away: all connections are busy"), "{said}");
}

#[test]
fn a_head_that_is_too_long_is_told_so() {
    let world = World::sample();
    let server = enforcer(&world, &[]);
    let long = format!("X-Long: {}\r\n", "a".repeat(200 << 10));
    let answer = exchange(&mut server.connect(), &request("GET", "/_ping", &long, ""));
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert!(answer.contains("a head that is too long"), "{answer}");
}

#[test]
fn only_the_users_that_are_named_may_connect() {
    let world = World::sample();
    let own = rustix::process::getuid().as_raw();
    let server = enforcer(&world, &["--allow-uid", &own.to_string(), "--mode", "666"]);
    let mode = std::fs::metadata(&server.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
    let ping = request("GET", "/_ping", CLOSE, "");
    assert!(exchange(&mut server.connect(), &ping).starts_with("HTTP/1.1 200"));
    drop(server);
    let server = enforcer(&world, &["--allow-uid", &(own + 1).to_string()]);
    let answer = exchange(&mut server.connect(), &ping);
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    assert!(answer.contains(&format!("user {own}, group ")), "{answer}");
    let tcp = ["enforce", "p.yaml", "--allow-uid", "0", "--listen", "tcp://127.0.0.1:0"];
    let refused = world.dsp(&tcp);
    assert_eq!(refused.status, 1);
    assert!(refused.err.contains("--allow-uid and --allow-gid are for unix sockets"));
}
