use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{ALL, CLOSE, UPGRADE, answering_engine, both, request, scripted_engine};
use crate::support::{PATIENCE, Server, World, exchange, read_until, wait_for};

/// Creates an exec in the sample engine and returns its ID.
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

/// Sends the rest of the input and returns the output, which comes when the input has ended.
fn counted_with(mut stream: UnixStream, last: &[u8]) -> String {
    stream.write_all(last).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut output = Vec::new();
    stream.read_to_end(&mut output).unwrap();
    unframed(&output).trim().to_owned()
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
fn a_hijack_is_a_tunnel_whose_ends_close_one_by_one() {
    for (_world, server) in both() {
        let id = exec(&server, "[\"wc\",\"-c\"]");
        let mut stream = server.connect();
        // The first input arrives together with the request, before the engine has switched.
        let mut sent = start(&id, false);
        sent.extend_from_slice(b"12345");
        stream.write_all(&sent).unwrap();
        let head = read_until(&mut stream, "\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 101 UPGRADED\r\n"), "{head}");
        // In the engine's order, with the headers that follow them.
        assert!(
            head.contains("\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nApi-Version: "),
            "{head}"
        );
        assert_eq!(counted_with(stream, b"678"), "8");
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
fn an_unrequested_upgrade_is_a_502() {
    let mut world = World::sample();
    world.write("p.yaml", ALL);
    let server = world.serve(&["enforce", "p.yaml", "-q"]);
    for sent in [
        request("GET", "/v1.41/containers/json", CLOSE, ""),
        // An upgrade on an operation that is not a hijack is removed.
        request(
            "GET",
            "/v1.41/containers/json",
            "Connection: Upgrade, close\r\nUpgrade: tcp\r\n",
            "",
        ),
        // And one for an operation that is a hijack, but did not ask.
        request("POST", "/v1.41/exec/1/start", CLOSE, ""),
    ] {
        let engine = answering_engine(
            &mut world,
            "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw",
        );
        let answer = exchange(&mut server.connect(), &sent);
        assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway"), "{answer}");
        let seen = engine.join().unwrap();
        assert!(!seen.to_lowercase().contains("upgrade"), "{seen}");
    }
}

#[test]
fn the_old_form_of_a_hijack_carries_its_input() {
    for (_world, server) in both() {
        let id = exec(&server, "[\"wc\",\"-c\"]");
        let path = format!("/v1.41/exec/{id}/start");
        let body = "{\"Detach\":false,\"Tty\":false}";
        let mut sent = request("POST", &path, "Content-Type: application/json\r\n", body);
        sent.extend(b"12345");
        let mut stream = server.connect();
        stream.write_all(&sent).unwrap();
        read_until(&mut stream, "\r\n\r\n");
        assert_eq!(counted_with(stream, b"678"), "8");
    }
}

#[test]
fn input_waits_until_the_engine_has_switched() {
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    let engine = scripted_engine(&mut world, |mut stream| {
        read_until(&mut stream, "{}");
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let early = stream.read(&mut [0; 16]).map_err(|error| error.kind());
        let head = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nengine";
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let late = read_until(&mut stream, "client");
        (early, late)
    });
    let mut sent = request("POST", "/v1.41/exec/1/start", UPGRADE, "{}");
    sent.extend(b"client");
    let mut stream = server.connect();
    stream.write_all(&sent).unwrap();
    read_until(&mut stream, "engine");
    let (early, late) = engine.join().unwrap();
    assert_eq!((early, late.as_str()), (Err(ErrorKind::WouldBlock), "client"));
}

#[test]
fn output_survives_a_program_that_ends_before_its_input() {
    const OUTPUT: usize = 300_000;
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    let engine = scripted_engine(&mut world, |mut stream| {
        read_until(&mut stream, "{}");
        let head = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b'o'; OUTPUT]).unwrap();
        // Closed with unread input, as by `yes | docker exec -i web head`.
    });
    let mut stream = server.connect();
    stream.write_all(&request("POST", "/v1.41/exec/1/start", UPGRADE, "{}")).unwrap();
    read_until(&mut stream, "\r\n\r\n");
    let mut input = stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || while input.write_all(&[b'i'; 4096]).is_ok() {});
    let mut output = vec![0; OUTPUT];
    stream.read_exact(&mut output).unwrap();
    assert!(output.iter().all(|byte| *byte == b'o'));
    writer.join().unwrap();
    engine.join().unwrap();
}

#[test]
fn a_side_that_vanishes_takes_the_other_with_it() {
    let head = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nready";
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    // The client leaves: an engine with nothing to send still notices, because writing fails.
    let engine = scripted_engine(&mut world, move |mut stream| {
        read_until(&mut stream, "{}");
        stream.write_all(head.as_bytes()).unwrap();
        assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0, "the input has ended");
        wait_for("the proxy to go", || stream.write_all(b"\0").is_err());
    });
    let mut stream = server.connect();
    stream.write_all(&request("POST", "/v1.41/exec/1/start", UPGRADE, "{}")).unwrap();
    read_until(&mut stream, "ready");
    drop(stream);
    engine.join().unwrap();
    // The engine leaves: the whole connection ends, not only the engine's direction.
    let engine = scripted_engine(&mut world, move |mut stream| {
        read_until(&mut stream, "{}");
        stream.write_all(head.as_bytes()).unwrap();
    });
    let mut stream = server.connect();
    stream.write_all(&request("POST", "/v1.41/exec/1/start", UPGRADE, "{}")).unwrap();
    read_until(&mut stream, "ready");
    engine.join().unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0);
    wait_for("the proxy to go", || stream.write_all(b"\0").is_err());
}

#[test]
fn buildkit_speaks_http2_inside_its_tunnel() {
    const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (_world, server) in both() {
        for path in ["/session", "/grpc"] {
            let mut stream = server.connect();
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: \r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\
                 Content-Length: 0\r\n\r\n{PREFACE}"
            );
            stream.write_all(head.as_bytes()).unwrap();
            let answer = read_until(&mut stream, "\r\n\r\n");
            assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
            assert!(answer.contains("Upgrade: h2c\r\n"), "{answer}");
            stream.shutdown(Shutdown::Write).unwrap();
            let mut rest = String::new();
            stream.read_to_string(&mut rest).unwrap();
            let expected = if path == "/session" { PREFACE.repeat(2) } else { PREFACE.to_owned() };
            assert_eq!(rest, expected, "{path}");
        }
    }
}

#[test]
fn an_answer_without_an_end_is_not_a_hijack_unless_the_engine_says_so() {
    let mut world = World::sample();
    world.write("p.yaml", ALL);
    let server = world.serve(&["enforce", "p.yaml", "-q"]);
    let engine = scripted_engine(&mut world, |mut stream| {
        read_until(&mut stream, "{}");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        rest
    });
    let types = "Content-Type: application/json\r\n";
    let mut pipelined = request("POST", "/v1.41/exec/1/start", types, "{}");
    pipelined.extend(request("DELETE", "/v1.41/containers/web", CLOSE, ""));
    let answer = exchange(&mut server.connect(), &pipelined);
    assert!(answer.contains("to the end"), "{answer}");
    assert!(answer.contains("DELETE /containers/web is not allowed"), "{answer}");
    assert_eq!(engine.join().unwrap(), "", "nothing undecided reaches the engine");
}

#[test]
fn unread_bytes_of_a_request_come_first_in_the_tunnel() {
    const BODY: usize = 4 << 20;
    for command in [vec!["record", "-q"], vec!["enforce", "p.yaml", "-q"]] {
        let mut world = World::sample();
        world.write("p.yaml", ALL);
        let server = world.serve(&command);
        let engine = scripted_engine(&mut world, |mut stream| {
            read_until(&mut stream, "\r\n\r\n");
            let switch = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
            stream.write_all(switch).unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).unwrap();
            rest
        });
        let body = "b".repeat(BODY);
        let mut stream = server.connect();
        let mut writer = stream.try_clone().unwrap();
        let upload = std::thread::spawn(move || {
            writer.write_all(&request("POST", "/v1.41/exec/1/start", UPGRADE, &body)).unwrap();
            writer.write_all(b"input").unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 101 "));
        upload.join().unwrap();
        let rest = engine.join().unwrap();
        assert_eq!(rest.len(), BODY + "input".len());
        assert!(rest.ends_with(b"bbbinput"));
    }
}
