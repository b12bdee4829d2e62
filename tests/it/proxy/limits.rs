//! The resources that a client can use, and which clients are admitted.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::{ALL, CLOSE, request};
use crate::support::{Server, World, exchange, read_until, wait_for};

fn enforcer(world: &World, more: &[&str]) -> Server {
    world.write("p.yaml", ALL);
    world.serve(&[&["enforce", "p.yaml", "-q"], more].concat())
}

/// A connection whose request is being answered as long as it is open.
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
fn when_all_connections_are_busy_a_new_one_gets_an_error() {
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
    // It is silent so far, but it exists when the next one connects.
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
    // Far above the expected time, for a busy machine.
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
    // Evicted connections take a moment to release their files.
    wait_for("an answer next to silent clients", || ping().starts_with("HTTP/1.1 200"));
    drop(silent);
    let busy = [(); 4].map(|()| streaming(&server));
    assert!(ping().starts_with("HTTP/1.1 503"), "next to busy clients");
    drop(busy);
    wait_for("room again", || ping().starts_with("HTTP/1.1 200"));
    let said = server.stop(rustix::process::Signal::TERM).err;
    assert!(said.contains("turned away: all connections are busy"), "{said}");
}

#[test]
fn a_head_that_is_too_long_gets_an_error() {
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
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("--allow-uid is for unix sockets"));
}

/// Connections that occupy both slots, and the answer to an honest client in the meantime.
fn makes_room_while(world: &World, held: &[u8]) {
    let server = enforcer(world, &["--max-connections", "2"]);
    let holding = [(); 2].map(|()| {
        let mut stream = server.connect();
        stream.write_all(held).unwrap();
        stream
    });
    let ping = request("GET", "/_ping", CLOSE, "");
    let answer = exchange(&mut server.connect(), &ping);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(holding);
}

#[test]
fn a_permitted_request_whose_body_does_not_come_makes_room() {
    let world = World::sample();
    makes_room_while(&world, &request("POST", "/build", "Content-Length: 10\r\n", ""));
}

#[test]
fn a_denied_request_whose_body_does_not_come_makes_room() {
    let world = World::sample();
    makes_room_while(&world, &request("POST", "/info", "Content-Length: 1000000\r\n", ""));
}

#[test]
fn a_malformed_head_makes_room() {
    let world = World::sample();
    makes_room_while(&world, b"GET /_ping HTTP/1.2\r\n\r\n");
}

#[test]
fn unread_denials_make_room() {
    let world = World::sample();
    makes_room_while(&world, &request("GET", "/info", "", "").repeat(200));
}

#[test]
fn a_stalled_body_is_answered_and_ended() {
    let mut world = World::sample();
    let engine = super::scripted_engine(&mut world, |mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n");
        assert!(head.starts_with("GET /version"), "{head}");
        let body = r#"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#;
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    });
    let server = enforcer(&world, &["--body-timeout", "1"]);
    engine.join().unwrap();
    let silent = super::scripted_engine(&mut world, |mut stream| {
        let mut all = Vec::new();
        std::io::Read::read_to_end(&mut stream, &mut all).unwrap();
        all
    });
    let mut client = server.connect();
    let build = request("POST", "/build", "Content-Length: 10\r\n", "");
    let answer = exchange(&mut client, &[&build[..], b"abc"].concat());
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("dsp: nothing came of the body for 1 s"), "{answer}");
    assert!(silent.join().unwrap().ends_with(b"\r\n\r\nabc"), "the engine's side ended too");
}

#[test]
fn a_slow_body_is_not_ended() {
    let world = World::sample();
    let server = enforcer(&world, &["--body-timeout", "1"]);
    let mut client = server.connect();
    client.write_all(&request("POST", "/build", "Content-Length: 6\r\n", "")).unwrap();
    // In total longer than the limit for one pause.
    for byte in b"abcdef" {
        std::thread::sleep(Duration::from_millis(300));
        client.write_all(&[*byte]).unwrap();
    }
    let head = read_until(&mut client, "\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[test]
fn strangers_are_logged_rarely_and_counted() {
    let world = World::sample();
    let own = rustix::process::getuid().as_raw();
    world.write("p.yaml", ALL);
    let server = world.serve(&["enforce", "p.yaml", "--allow-uid", &(own + 1).to_string()]);
    let ping = request("GET", "/_ping", CLOSE, "");
    for _ in 0..250 {
        let _ = server.connect().write_all(&ping);
    }
    let mut last = server.connect();
    assert!(exchange(&mut last, &ping).starts_with("HTTP/1.1 403"));
    let said = server.stop(rustix::process::Signal::TERM).err;
    let lines: Vec<_> = said.lines().filter(|line| line.contains("turned away")).collect();
    assert_eq!(lines.len(), 4, "1, 10, 100 and all: {said}");
    assert!(lines[3].contains("strangers in all") && lines[3].contains("times=251"), "{said}");
}

#[test]
fn heads_that_do_not_end_take_a_bounded_amount_of_memory() {
    let world = World::sample();
    let server = enforcer(&world, &[]);
    let lines: String = (0..15).map(|line| format!("X{line}: {}\r\n", "a".repeat(7990))).collect();
    let head = format!("GET /_ping HTTP/1.1\r\nHost: d\r\n{lines}");
    let mut held = Vec::new();
    for _ in 0..1000 {
        let mut stream = server.connect();
        stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        // Some are evicted during the write.
        let _ = stream.write_all(head.as_bytes());
        held.push(stream);
    }
    let ping = request("GET", "/_ping", CLOSE, "");
    assert!(exchange(&mut server.connect(), &ping).starts_with("HTTP/1.1 200"));
    let status = format!("/proc/{}/status", server.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(status).unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let most: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
    // All bodies together would have 117 MiB, and twice that with spare capacity; 64 MiB are
    // permitted.
    assert!(most < 110 << 10, "{most} KiB");
}
