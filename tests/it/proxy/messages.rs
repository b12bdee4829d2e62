use std::io::Write;

use super::{CLOSE, answering_engine, both, request, scripted_engine};
use crate::support::{World, exchange, read_until};

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
fn a_recorder_forwards_what_it_received() {
    let [(world, server), _] = both();
    let target = "/v1.41/%63ontainers/json?filters=%7b%7d&all";
    exchange(
        &mut server.connect(),
        &request("GET", target, "X-Odd-CASE: 1\r\nConnection: close\r\n", ""),
    );
    let seen = world.engine().seen().pop().unwrap();
    assert_eq!(seen.target, target);
    let names: Vec<&str> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Host", "X-Odd-CASE", "Connection"]);
}

#[test]
fn a_recorder_forwards_a_malformed_body() {
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    // Leading zeros and an extension; enforce would refuse the extension.
    let body = "0004\r\nbody\r\n3;name=value\r\nend\r\n0\r\n\r\n";
    let engine = scripted_engine(&mut world, |mut stream| {
        let seen = read_until(&mut stream, "0\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        seen
    });
    let mut bytes = request("POST", "/v1.41/build", "Transfer-Encoding: chunked\r\n", "");
    bytes.extend(body.as_bytes());
    let mut stream = server.connect();
    stream.write_all(&bytes).unwrap();
    assert!(read_until(&mut stream, "{}").starts_with("HTTP/1.1 200 OK"));
    let seen = engine.join().unwrap();
    assert!(seen.ends_with(&format!("\r\n\r\n{body}")), "{seen}");
}

#[test]
fn the_canonical_form_goes_upstream() {
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
        "https://x/containers/json",
    ] {
        let answer = exchange(&mut server.connect(), &request("GET", target, CLOSE, ""));
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request"), "{target}: {answer}");
    }
    // The other one is dsp's own request for the engine's version at the start.
    let targets: Vec<String> = world.engine().seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/version", "/v1.41/containers/json?filters=%7B%7D"]);
}

const EXPECTS: &str = "Expect: 100-continue\r\n";

#[test]
fn a_body_is_asked_for_when_the_engine_asks_for_it() {
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    let engine = scripted_engine(&mut world, |mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n");
        assert!(head.contains(EXPECTS), "{head}");
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        read_until(&mut stream, "body");
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    });
    let mut stream = server.connect();
    let head = format!("POST /build HTTP/1.1\r\nHost: d\r\n{EXPECTS}Content-Length: 4\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(read_until(&mut stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n");
    assert_eq!(answer, "HTTP/1.1 204 No Content\r\n\r\n");
    engine.join().unwrap();
}

#[test]
fn a_body_that_the_engine_does_not_want_is_not_requested() {
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    let engine = answering_engine(
        &mut world,
        "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
    );
    let head = format!("POST /build HTTP/1.1\r\nHost: d\r\n{EXPECTS}Content-Length: 4\r\n\r\n");
    let answer = exchange(&mut server.connect(), head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nno"), "{answer}");
    engine.join().unwrap();
}

#[test]
fn a_body_is_sent_after_a_while_without_a_request_for_it() {
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    let engine = scripted_engine(&mut world, |mut stream| {
        read_until(&mut stream, "body");
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    });
    let mut stream = server.connect();
    let head = format!("POST /build HTTP/1.1\r\nHost: d\r\n{EXPECTS}Content-Length: 4\r\n\r\nbody");
    stream.write_all(head.as_bytes()).unwrap();
    read_until(&mut stream, "HTTP/1.1 204 No Content\r\n\r\n");
    engine.join().unwrap();
}

#[test]
fn trailers_pass_both_ways() {
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    let engine = scripted_engine(&mut world, |mut stream| {
        let request = read_until(&mut stream, "\r\nX-Sum: 1\r\n\r\n");
        let answer = "HTTP/1.1 200 OK\r\nTrailer: X-End\r\nTransfer-Encoding: chunked\r\n\r\n\
                      2\r\nok\r\n0\r\nX-End: 2\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
        request
    });
    let mut stream = server.connect();
    let sent = "POST /build HTTP/1.1\r\nHost: d\r\nTE: trailers\r\nTrailer: X-Sum\r\n\
                Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n";
    stream.write_all(sent.as_bytes()).unwrap();
    let answer = read_until(&mut stream, "0\r\nX-End: 2\r\n\r\n");
    assert!(answer.contains("Trailer: X-End\r\n"), "{answer}");
    let seen = engine.join().unwrap();
    assert!(seen.contains("Trailer: X-Sum\r\n") && seen.contains("TE: trailers\r\n"), "{seen}");
}

/// Answers whose head must be forwarded byte for byte, including the headers that frame them.
const ANSWERS: [(&str, &str); 5] = [
    ("GET", "HTTP/1.1 200 OK\r\nX-b: 1\r\nx-A: 2\r\nContent-Length: 2\r\nSERVER: x\r\n\r\nok"),
    ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-Stat: e30=\r\n\r\n"),
    ("HEAD", "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\n"),
    ("POST", "HTTP/1.1 204 No Content\r\nApi-Version: 1.41\r\n\r\n"),
    ("POST", "HTTP/1.1 304 Not Modified\r\nApi-Version: 1.41\r\n\r\n"),
];

#[test]
fn the_heads_of_answers_come_through_as_they_are() {
    for (method, answer) in ANSWERS {
        let mut world = World::sample();
        let server = world.serve(&["record", "-q"]);
        let engine = answering_engine(&mut world, answer);
        let mut stream = server.connect();
        stream.write_all(&request(method, "/v1.41/containers/x/start", "", "")).unwrap();
        assert_eq!(read_until(&mut stream, answer), answer);
        drop(stream);
        engine.join().unwrap();
    }
}

const CONNECT: &str = "version: 1\nname: p\nallow:\n  - POST /networks/own/connect\n";

/// Sends a request to connect a container to a network, and returns the answer and what the engine got.
fn connected(head: &str, body: &str) -> (String, Option<String>) {
    let mut world = World::sample();
    world.write("p.yaml", CONNECT);
    let server = world.serve(&["enforce", "p.yaml", "-q", "--body-timeout", "1"]);
    let (sender, receiver) = std::sync::mpsc::channel();
    let _engine = scripted_engine(&mut world, move |mut stream| {
        let request = read_until(&mut stream, "}");
        sender.send(request).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let mut stream = server.connect();
    let lines = format!("POST /v1.41/networks/own/connect HTTP/1.1\r\nHost: d\r\n{head}\r\n");
    stream.write_all(lines.as_bytes()).unwrap();
    if head.contains(EXPECTS) {
        assert_eq!(read_until(&mut stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    }
    stream.write_all(body.as_bytes()).unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n");
    (answer.lines().next().unwrap().to_owned(), receiver.try_recv().ok())
}

#[test]
fn a_body_that_decides_is_read_first_and_written_again() {
    let body = "{\"container\" : \"c\",\"New\":null}";
    let length = format!("Content-Length: {}\r\n", body.len());
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for (head, sent) in [
        (length.clone(), body),
        (format!("{EXPECTS}{length}"), body),
        ("Transfer-Encoding: chunked\r\n".to_owned(), &chunked),
    ] {
        let (answer, got) = connected(&head, sent);
        assert_eq!(answer, "HTTP/1.1 200 OK", "{head}");
        let expected = "POST /v1.41/networks/own/connect HTTP/1.1\r\nHost: docker\r\n\
                        Content-Length: 17\r\n\r\n{\"Container\":\"c\"}";
        let got = got.unwrap();
        assert_eq!(got, expected, "{head}");
    }
}

#[test]
fn a_body_that_names_another_network_or_cannot_be_read_goes_nowhere() {
    let other = "{\"Container\":\"c\",\"EndpointConfig\":{\"NetworkID\":\"theirs\"}}";
    let twice = "{\"Container\":\"c\",\"Container\":\"d\"}";
    let length = |length: usize| format!("Content-Length: {length}\r\n");
    for (head, body, status) in [
        (length(other.len()), other, "HTTP/1.1 403 Forbidden"),
        (length(twice.len()), twice, "HTTP/1.1 400 Bad Request"),
        (length(5_000_000), "{", "HTTP/1.1 413 Payload Too Large"),
        (length(100), "{", "HTTP/1.1 408 Request Timeout"),
        ("Transfer-Encoding: chunked\r\n".to_owned(), "zz\r\n", "HTTP/1.1 400 Bad Request"),
    ] {
        assert_eq!(connected(&head, body), (status.to_owned(), None), "{head}{body}");
    }
}
