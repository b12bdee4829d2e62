//! The proxy on the wire, against the sample engine: one test is one promise.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use crate::support::{PATIENCE, Server, World, exchange, read_until, wait_for};

const ALL: &str = "version: 1\nname: all\nallow:\n  - HEAD /_ping\n  - GET /_ping\n  - GET /containers/json\n  \
    - GET /containers/*/stats\n  - GET /events\n  - POST /containers/*/exec\n  - POST /exec/*/start\n  \
    - GET /exec/*/json\n  - POST /build\n  - POST /containers/*/attach\n";

fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length =
        if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nHost: docker\r\n{headers}{length}\r\n{body}").into_bytes()
}

const CLOSE: &str = "Connection: close\r\n";
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n";

/// A recorder and an enforcer of [`ALL`], each in a world of its own: what holds for one holds for
/// the other.
fn both() -> [(World, Server); 2] {
    let recorded = World::sample();
    let enforced = World::sample();
    enforced.write("p.yaml", ALL);
    let servers = [recorded.serve(&["record", "-q"]), enforced.serve(&["enforce", "p.yaml", "-q"])];
    let [recorder, enforcer] = servers;
    [(recorded, recorder), (enforced, enforcer)]
}

/// Makes an exec in the sample engine and returns its id.
fn exec(server: &Server, command: &str) -> String {
    let body = format!("{{\"AttachStdin\":true,\"AttachStdout\":true,\"Cmd\":{command}}}");
    let headers = format!("{CLOSE}Content-Type: application/json\r\n");
    let answer = exchange(
        &mut server.connect(),
        &request("POST", "/v1.41/containers/web/exec", &headers, &body),
    );
    let id = answer.split("\"Id\":\"").nth(1).unwrap_or_else(|| panic!("{answer}"));
    id.split('"').next().unwrap().to_owned()
}

fn start(id: &str, detach: bool) -> Vec<u8> {
    let body = format!("{{\"Detach\":{detach},\"Tty\":false}}");
    request("POST", &format!("/v1.41/exec/{id}/start"), UPGRADE, &body)
}

/// The contents of multiplexed frames.
fn unframed(mut bytes: &[u8]) -> String {
    let mut text = Vec::new();
    while let [_, _, _, _, a, b, c, d, rest @ ..] = bytes {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        text.extend_from_slice(&rest[..length]);
        bytes = &rest[length..];
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn requests_of_one_connection_are_answered_in_order() {
    for (_world, server) in both() {
        let mut pipelined = request("GET", "/_ping", "", "");
        pipelined.extend(request("HEAD", "/_ping", "", ""));
        pipelined.extend(request("GET", "/v1.41/containers/json", CLOSE, ""));
        let answer = exchange(&mut server.connect(), &pipelined);
        assert_eq!(answer.matches("HTTP/1.1 200 OK\r\n").count(), 3, "{answer}");
        assert!(
            answer.contains("Api-Version: 1.41\r\n"),
            "the engine's headers keep their case: {answer}"
        );
        assert_eq!(
            answer.to_lowercase().matches("\r\ndate:").count(),
            3,
            "only the engine's dates"
        );
    }
}

#[test]
fn each_piece_of_a_stream_arrives_at_once() {
    for (_world, server) in both() {
        let mut stream = server.connect();
        stream.write_all(&request("GET", "/v1.41/containers/web/stats", "", "")).unwrap();
        let head = read_until(&mut stream, "\r\n\r\n");
        assert!(head.to_lowercase().contains("transfer-encoding: chunked"), "{head}");
        for _ in 0..3 {
            read_until(&mut stream, "\"read\":");
        }
    }
}

#[test]
fn a_client_that_goes_closes_the_engines_side() {
    for (world, server) in both() {
        let mut stream = server.connect();
        stream.write_all(&request("GET", "/v1.41/events", "", "")).unwrap();
        read_until(&mut stream, "\r\n\r\n");
        assert_eq!(world.engine().open_connections(), 1);
        drop(stream);
        wait_for("the engine's side to close", || world.engine().open_connections() == 0);
    }
}

#[test]
fn a_hijack_is_a_tunnel_whose_ends_close_one_by_one() {
    for (_world, server) in both() {
        let id = exec(&server, "[\"wc\",\"-c\"]");
        let mut stream = server.connect();
        // The first input comes in one piece with the request, before the engine has switched.
        let mut sent = start(&id, false);
        sent.extend_from_slice(b"12345");
        stream.write_all(&sent).unwrap();
        let head = read_until(&mut stream, "\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 101 UPGRADED\r\n"), "{head}");
        assert!(
            head.contains("Upgrade: tcp\r\n") && head.contains("Connection: Upgrade\r\n"),
            "{head}"
        );
        stream.write_all(b"678").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut output = Vec::new();
        stream.read_to_end(&mut output).unwrap();
        assert_eq!(unframed(&output).trim(), "8");
    }
}

#[test]
fn an_exec_that_detaches_stays_http_and_the_next_request_is_decided() {
    for (_world, server) in both() {
        let id = exec(&server, "[\"true\"]");
        let mut pipelined = start(&id, true);
        pipelined.extend(request("GET", "/_ping", CLOSE, ""));
        let answer = exchange(&mut server.connect(), &pipelined);
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
    }
    let [_, (world, server)] = both();
    let mut pipelined = start("nosuch", false);
    pipelined.extend(request("GET", "/v1.41/info", CLOSE, ""));
    let answer = exchange(&mut server.connect(), &pipelined);
    assert!(answer.starts_with("HTTP/1.1 404 Not Found"), "{answer}");
    assert!(answer.contains("GET /info is not allowed by profile"), "{answer}");
    assert!(world.engine().seen().iter().all(|seen| !seen.target.contains("/info")));
}

#[test]
fn the_old_form_of_a_hijack_gives_its_output_and_closes() {
    for (_world, server) in both() {
        let id = exec(&server, "[\"echo\",\"hello\"]");
        let body = "{\"Detach\":false,\"Tty\":false}";
        let headers = "Content-Type: application/json\r\n";
        let path = format!("/v1.41/exec/{id}/start");
        let mut stream = server.connect();
        // Input that looks like a request must not become one.
        let mut sent = request("POST", &path, headers, body);
        sent.extend(request("GET", "/v1.41/containers/json", "", ""));
        stream.write_all(&sent).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        assert!(head.contains(" 200 OK\r\n") && !head.to_lowercase().contains("chunked"), "{head}");
        assert_eq!(unframed(&answer[end..]), "hello\n");
    }
}

#[test]
fn uploads_flow_while_the_answer_comes() {
    for (world, server) in both() {
        let mut stream = server.connect();
        let head = "POST /v1.41/build HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\
                    Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let piece = vec![b'x'; 65_536];
        for _ in 0..64 {
            stream.write_all(b"10000\r\n").unwrap();
            stream.write_all(&piece).unwrap();
            stream.write_all(b"\r\n").unwrap();
        }
        wait_for("the upload to reach the engine before it ends", || {
            world.engine().received() >= 60 * 65_536
        });
        stream.write_all(b"0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("4194304"), "{answer}");
    }
}

#[test]
fn a_denial_is_json_with_the_rule_and_reaches_no_engine() {
    let [_, (world, server)] = both();
    let mut pipelined = request("POST", "/v1.41/containers/create", "", "{}");
    pipelined.extend(request("GET", "/_ping", CLOSE, ""));
    let answer = exchange(&mut server.connect(), &pipelined);
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    assert!(
        answer.contains("content-type: application/json")
            || answer.contains("Content-Type: application/json")
    );
    assert!(answer.contains(
        "{\"message\":\"dsp: POST /containers/create is not allowed by profile \\\"all\\\"; to allow it: - POST /containers/create\"}"
    ), "{answer}");
    assert!(answer.contains("HTTP/1.1 200 OK"), "the connection goes on: {answer}");
    let targets: Vec<String> = world.engine().seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets.iter().filter(|target| target.contains("create")).count(), 0, "{targets:?}");
    // A denied HEAD has no body.
    let answer = exchange(
        &mut server.connect(),
        &request("HEAD", "/v1.41/containers/web/archive?path=/", CLOSE, ""),
    );
    assert!(answer.starts_with("HTTP/1.1 403") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn a_denied_upload_hears_its_denial() {
    let world = World::sample();
    world.write("p.yaml", "version: 1\nname: p\nallow: []\n");
    let server = world.serve(&["enforce", "p.yaml", "-q"]);
    let body = "x".repeat(500_000);
    let answer = exchange(&mut server.connect(), &request("POST", "/v1.41/build", CLOSE, &body));
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden"), "{answer}");
}

#[test]
fn what_goes_upstream_is_the_canonical_form() {
    let [_, (world, server)] = both();
    let sent = request(
        "GET",
        "/%76%31.41/%63ontainers%2Fjson?fil%74ers=%7b%7d",
        "Connection: close, X-Hop\r\nX-Hop: 1\r\nX-Kept: 2\r\n",
        "",
    );
    let answer = exchange(&mut server.connect(), &sent);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let seen = world.engine().seen().pop().unwrap();
    assert_eq!(seen.target, "/v1.41/containers/json?filters=%7B%7D");
    assert_eq!(seen.header("host"), Some("docker"));
    assert_eq!((seen.header("x-hop"), seen.header("X-Kept")), (None, Some("2")));
    assert!(seen.headers.iter().any(|(name, _)| name == "X-Kept"), "{seen:?}");
    for target in [
        "/v1.41//containers/json",
        "/v1.41/containers/../containers/json",
        "/containers/json/",
        "/v1.23/containers/json",
        "http://x/containers/json",
    ] {
        let answer = exchange(&mut server.connect(), &request("GET", target, CLOSE, ""));
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request"), "{target}: {answer}");
    }
    // The other one is dsp's own question for the engine's version, at its start.
    let targets: Vec<String> = world.engine().seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/version", "/v1.41/containers/json?filters=%7B%7D"]);
}

#[test]
fn a_recorder_sends_on_what_it_was_sent() {
    let [(world, server), _] = both();
    let target = "/v1.41/%63ontainers/json?filters=%7b%7d&all";
    exchange(
        &mut server.connect(),
        &request("GET", target, "X-Odd-CASE: 1\r\nConnection: close\r\n", ""),
    );
    let seen = world.engine().seen().pop().unwrap();
    assert_eq!(seen.target, target);
    let names: Vec<&str> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Host", "X-Odd-CASE"]);
}

#[test]
fn an_engine_that_goes_away_is_a_502_and_the_proxy_lives_on() {
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    let mut kept = server.connect();
    kept.write_all(&request("GET", "/_ping", "", "")).unwrap();
    read_until(&mut kept, "\r\n\r\nOK");
    world.stop_engine();
    for stream in [&mut kept, &mut server.connect()] {
        let answer = exchange(stream, &request("GET", "/v1.41/info", CLOSE, ""));
        assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway"), "{answer}");
        assert!(
            answer.contains("{\"message\":\"dsp: cannot reach the engine at unix://"),
            "{answer}"
        );
    }
}

#[test]
fn an_engine_that_comes_back_is_used_again_on_the_same_connection() {
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    let mut kept = server.connect();
    kept.write_all(&request("GET", "/_ping", "", "")).unwrap();
    read_until(&mut kept, "\r\n\r\nOK");
    world.stop_engine();
    let engine = fake_engine(&world, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain");
    let answer = exchange(&mut kept, &request("GET", "/_ping", CLOSE, ""));
    assert!(answer.ends_with("again"), "{answer}");
    engine.join().unwrap();
}

#[test]
fn an_upgrade_that_nobody_asked_for_is_a_502() {
    let mut world = World::sample();
    world.write("p.yaml", ALL);
    let server = world.serve(&["enforce", "p.yaml", "-q"]);
    world.stop_engine();
    for sent in [
        request("GET", "/v1.41/containers/json", CLOSE, ""),
        // An upgrade on an operation that is no hijack is taken off.
        request(
            "GET",
            "/v1.41/containers/json",
            "Connection: Upgrade, close\r\nUpgrade: tcp\r\n",
            "",
        ),
        // And one that could be, but did not ask.
        request("POST", "/v1.41/exec/1/start", CLOSE, ""),
    ] {
        let engine = fake_engine(
            &world,
            "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw",
        );
        let answer = exchange(&mut server.connect(), &sent);
        assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway"), "{answer}");
        let seen = engine.join().unwrap();
        assert!(!seen.to_lowercase().contains("upgrade"), "{seen}");
    }
}

#[test]
fn an_answer_that_breaks_off_is_not_completed() {
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    world.stop_engine();
    let engine =
        fake_engine(&world, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    let answer = exchange(&mut server.connect(), &request("GET", "/v1.41/info", CLOSE, ""));
    assert!(answer.contains("abc") && !answer.contains("0\r\n\r\n"), "{answer}");
    engine.join().unwrap();
}

/// An engine for one request, in the place of the sample one: answers with these bytes, and returns
/// the head that it got.
fn fake_engine(world: &World, answer: &'static str) -> std::thread::JoinHandle<String> {
    let path = world.path("e.sock");
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _): (UnixStream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = read_until(&mut stream, "\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read(&mut [0; 64]);
        head
    })
}
