//! A recorder changes nothing: engine and client receive exactly the bytes of the other side,
//! whatever they are.

use std::io::{Read, Write};
use std::net::Shutdown;

use rustix::process::Signal;

use super::{ALL, scripted_engine};
use crate::support::{Server, World, read_until};

/// Requests that an engine accepts or answers in its own way, and what a recording contains: the
/// number of requests, the operation of the last one, and why `enforce` would refuse it.
pub const REQUESTS: [(&str, usize, &str, &str); 31] = [
    ("GET /_ping HTTP/1.0\r\n\r\n", 1, "SystemPing", ""),
    ("GET /_ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 1, "SystemPing", ""),
    ("GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n", 1, "SystemPing", ""),
    (
        "GET /_ping HTTP/1.1\r\nHOST:  d \r\nx-odd:y\t\r\nX-Odd: \r\nKeep-Alive: 5\r\n\r\n",
        1,
        "SystemPing",
        "",
    ),
    (
        "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nTE: gzip\r\nProxy-Connection: keep-alive\r\n\r\n",
        1,
        "SystemPing",
        "",
    ),
    (
        "GET http://proxy.example:2375/_ping HTTP/1.1\r\nHost: proxy.example:2375\r\n\r\n",
        1,
        "SystemPing",
        "",
    ),
    (
        "GET https://d/_ping HTTP/1.1\r\nHost: d\r\n\r\n",
        1,
        "",
        "a request target that is not a plain /path",
    ),
    ("OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n", 1, "", "a request target that is not a plain /path"),
    (
        "CONNECT d:2375 HTTP/1.1\r\nHost: d\r\n\r\n",
        1,
        "",
        "a request target that is not a plain /path",
    ),
    (
        "get /_ping HTTP/1.1\r\nHost: d\r\n\r\n",
        1,
        "",
        "the method is not a method of the Engine API (DELETE, GET, HEAD, OPTIONS, POST, PUT)",
    ),
    (
        "GET /_ping#x HTTP/1.1\r\nHost: d\r\n\r\n",
        1,
        "",
        "a character in the request target that has to be escaped",
    ),
    (
        "GET /_ping HTTP/1.2\r\nHost: d\r\n\r\n",
        1,
        "SystemPing",
        "a version of HTTP other than 1.0 and 1.1",
    ),
    (
        "GET /_ping HTTP/2.0\r\nHost: d\r\n\r\n",
        1,
        "SystemPing",
        "a version of HTTP other than 1.0 and 1.1",
    ),
    ("GET /_ping\r\n", 1, "SystemPing", "a request line that is not METHOD, target and version"),
    ("GET /_ping HTTP/1.1\r\n\r\n", 1, "SystemPing", "not exactly one Host header"),
    (
        "GET /_ping HTTP/1.1\r\nHost: d\r\nHost: d\r\n\r\n",
        1,
        "SystemPing",
        "not exactly one Host header",
    ),
    ("GET /_ping HTTP/1.0\n\n", 1, "SystemPing", ""),
    ("GET /_ping HTTP/1.0\r\n\n", 1, "SystemPing", ""),
    (
        "GET /_ping HTTP/1.1\r\nHost: d\r\nX: a\r\n b\r\n\r\n",
        1,
        "SystemPing",
        "a header that continues on the next line",
    ),
    (
        "GET  /_ping HTTP/1.1\r\nHost: d\r\n\r\n",
        1,
        "",
        "a request line that is not METHOD, target and version",
    ),
    (
        "\r\nGET /_ping HTTP/1.1\r\nHost: d\r\n\r\n",
        1,
        "",
        "a request line that is not METHOD, target and version",
    ),
    (
        "GET /_ping HTTP/1.1\r\nHost: d\r\nX : a\r\n\r\n",
        1,
        "SystemPing",
        "a header without a proper name",
    ),
    (
        "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\nGET /v1.41/events HTTP/1.1\r\nHost: d\r\n\r\n",
        2,
        "SystemEvents",
        "",
    ),
    (
        "GET /_ping HTTP/1.1\r\nHost: d\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n",
        1,
        "SystemPing",
        "",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n4;a=b\r\nbody\r\n00\r\nX: y\r\nZ: z\r\n\r\n",
        1,
        "ImageBuild",
        "a chunked body that is not in order",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n4\nbody\n0\n\n",
        1,
        "ImageBuild",
        "a chunked body that is not in order",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        1,
        "ImageBuild",
        "a chunked body that is not in order",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        1,
        "ImageBuild",
        "both Content-Length and Transfer-Encoding",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        1,
        "ImageBuild",
        "not exactly one plain Content-Length",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        1,
        "ImageBuild",
        "a Transfer-Encoding other than one chunked of HTTP/1.1",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nq=1",
        1,
        "ImageBuild",
        "a form as the body, which the engine would read instead of the query",
    ),
];

/// Answers of an engine to well-formed requests; whether each ends the connection, and why
/// `enforce` would not forward it.
const ANSWERS: [(&str, &str, bool, &str); 17] = [
    (
        "GET",
        "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\ncontent-LENGTH:2\r\nKeep-Alive: timeout=5\r\nConnection: keep-alive\r\n\r\n{}",
        false,
        "",
    ),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", true, ""),
    ("GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", true, ""),
    ("GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", false, ""),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end", true, ""),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nTrailer: X\r\n\r\n2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n",
        false,
        "an answer that is not in order",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 9\r\n\r\nwhat follows",
        true,
        "an answer that is not in order",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        true,
        "an answer that is not in order",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        true,
        "an answer that is not in order",
    ),
    (
        "GET",
        "HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
        false,
        "",
    ),
    (
        "GET",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI",
        true,
        "a change of protocol that its operation does not have",
    ),
    ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: X\r\nX: y\r\n\r\n", false, ""),
    ("GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, ""),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        false,
        "an answer that is not in order",
    ),
    (
        "HEAD",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        true,
        "an answer that is not in order",
    ),
    ("GET", "not HTTP at all\r\n", true, "an answer that is not in order"),
    ("GET", "", true, ""),
];

/// Both modes that forward everything.
pub(super) fn watchers() -> [(World, Server, &'static str); 2] {
    let (recorded, audited) = (World::sample(), World::sample());
    audited.write("p.yaml", ALL);
    let recorder = recorded.serve(&["record", "-q", "-o", "log"]);
    let auditor = audited.serve(&["enforce", "p.yaml", "-q", "--audit", "--audit-log", "log"]);
    [(recorded, recorder, "record"), (audited, auditor, "--audit")]
}

/// Sends a message and an answer, byte by byte or all at once; returns what the engine and the
/// client received.
fn through(
    world: &mut World,
    server: &Server,
    message: &[u8],
    answer: &[u8],
    ends: bool,
) -> [Vec<u8>; 2] {
    let (length, said) = (message.len(), answer.to_vec());
    let engine = scripted_engine(world, move |mut stream| {
        let mut got = vec![0; length];
        stream.read_exact(&mut got).unwrap();
        stream.write_all(&said).unwrap();
        if ends {
            stream.shutdown(Shutdown::Write).unwrap();
        }
        // Anything after the message would come from dsp.
        let _ = stream.read_to_end(&mut got);
        got
    });
    let mut client = server.connect();
    client.write_all(message).unwrap();
    let mut got = vec![0; answer.len()];
    client.read_exact(&mut got).unwrap();
    if ends {
        client.read_to_end(&mut got).unwrap();
    }
    client.shutdown(Shutdown::Write).unwrap();
    client.read_to_end(&mut got).unwrap();
    drop(client);
    [engine.join().unwrap(), got]
}

pub(super) fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// What a log says about its requests: their number, the operation of the last one, and why
/// `enforce` would refuse something, either the head or what follows.
pub(super) fn told(log: &str) -> (usize, String, String) {
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let (mut requests, mut operation, mut refused) = (0, String::new(), String::new());
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    for line in lines {
        if let Some(request) = line.get("request") {
            requests += 1;
            (operation, refused) = (text(&request["operation"]), text(&request["refused"]));
        }
        if let Some(response) = line.get("response") {
            refused.push_str(&text(&response["refused"]));
        }
        assert!(line.get("repeat").is_none(), "{line}");
    }
    (requests, operation, refused)
}

#[test]
fn the_engine_gets_the_clients_bytes_and_the_recording_says_so() {
    let mut wrong = Vec::new();
    for (message, requests, operation, refused) in REQUESTS {
        for (mut world, server, by) in watchers() {
            let answers = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".repeat(requests);
            let [engine, client] = if requests == 1 {
                through(&mut world, &server, message.as_bytes(), answers.as_bytes(), false)
            } else {
                pipelined(&mut world, &server, message)
            };
            assert_eq!(text(&engine), text(message.as_bytes()), "{by}");
            assert_eq!(text(&client), text(answers.as_bytes()), "{by}: {message:?}");
            server.stop(Signal::TERM);
            let expected = (requests, operation.to_owned(), refused.to_owned());
            let told = told(&world.read("log"));
            if told != expected {
                wrong.push(format!("{by}: {message:?}: {told:?}"));
            }
            // If `enforce` would refuse something, nothing is complete.
            let generated = world.dsp(&["generate", "--allow-lossy", "log"]);
            let is_complete = generated.err.contains("complete, ");
            assert_eq!(is_complete, refused.is_empty(), "{by}: {message:?}: {}", generated.err);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Two requests at once; the engine receives the second one after it has answered the first.
fn pipelined(world: &mut World, server: &Server, message: &str) -> [Vec<u8>; 2] {
    let first = message.find("\r\n\r\n").unwrap() + 4;
    let second = message.len() - first;
    let engine = scripted_engine(world, move |mut stream| {
        let mut got = Vec::new();
        for length in [first, second] {
            let mut part = vec![0; length];
            stream.read_exact(&mut part).unwrap();
            got.extend(part);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
        let _ = stream.read_to_end(&mut got);
        got
    });
    let mut client = server.connect();
    client.write_all(message.as_bytes()).unwrap();
    let mut got = vec![0; 2 * "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".len()];
    client.read_exact(&mut got).unwrap();
    drop(client);
    [engine.join().unwrap(), got]
}

#[test]
fn the_client_gets_the_engines_bytes() {
    for (method, answer, ends, refused) in ANSWERS {
        for (mut world, server, by) in watchers() {
            let message = format!("{method} /_ping HTTP/1.1\r\nHost: d\r\nTE: trailers\r\n\r\n");
            let [engine, client] =
                through(&mut world, &server, message.as_bytes(), answer.as_bytes(), ends);
            assert_eq!(text(&client), text(answer.as_bytes()), "{by}");
            assert_eq!(text(&engine), text(message.as_bytes()), "{by}: {answer:?}");
            server.stop(Signal::TERM);
            let operation = if method == "HEAD" { "SystemPingHead" } else { "SystemPing" };
            let expected = (1, operation.to_owned(), refused.to_owned());
            assert_eq!(told(&world.read("log")), expected, "{by}: {answer:?}");
        }
    }
}

/// A malformed chunk is found after the line of its request was written, or after the request was
/// counted by the table or by a thread. The evidence has a gap in each case, and one line gives the
/// reason.
#[test]
fn a_malformed_body_is_a_gap_however_often_its_head_was_seen() {
    const HEAD: &str = "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n";
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for before in 0..4 {
        for (mut world, server, by) in watchers() {
            let engine = scripted_engine(&mut world, move |mut stream| {
                for _ in 0..before {
                    read_until(&mut stream, "\r\n0\r\n\r\n");
                    stream.write_all(ANSWER.as_bytes()).unwrap();
                }
                read_until(&mut stream, "xyz");
                stream.write_all(ANSWER.as_bytes()).unwrap();
                let mut rest = String::new();
                stream.read_to_string(&mut rest).unwrap();
                rest
            });
            let mut client = server.connect();
            for _ in 0..before {
                client.write_all(format!("{HEAD}1\r\na\r\n0\r\n\r\n").as_bytes()).unwrap();
                read_until(&mut client, ANSWER);
            }
            client.write_all(format!("{HEAD}xyz").as_bytes()).unwrap();
            read_until(&mut client, ANSWER);
            client.write_all(b"GET /v1.41/containers/x/json HTTP/1.1\r\n\r\n").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert!(engine.join().unwrap().contains("/containers/x/json"), "{by} {before}");
            drop(client);
            let done = server.stop(Signal::TERM);
            let log = world.read("log");
            let reason = "\"refused\":\"a chunked body that is not in order\"";
            assert_eq!(log.matches(reason).count(), 1, "{by} {before}: {log}");
            assert!(log.starts_with("{\"session\":") && log.contains("\"lossy\":true"), "{log}");
            let generated = world.dsp(&["generate", "log"]);
            assert_eq!(generated.status, 4, "{by} {before}: {}", generated.err);
            let coverage = world.dsp(&["coverage", "log"]).out;
            assert!(
                coverage.contains("POST /build: a chunked body that is not in order"),
                "{by} {before}: {coverage}"
            );
            if by == "record" {
                assert!(done.status != 0 && done.err.contains("marked as lossy"), "{}", done.err);
            }
        }
    }
}

/// Clients that repeat malformed messages do not fill the disk.
#[test]
fn a_repeated_flaw_has_one_line() {
    for (world, server, by) in watchers() {
        for _ in 0..20 {
            let mut client = server.connect();
            client
                .write_all(
                    b"POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nxyz",
                )
                .unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            client.read_to_end(&mut Vec::new()).unwrap();
        }
        server.stop(Signal::TERM);
        let log = world.read("log");
        // The audit log has a line for each request that changes something.
        let most = if by == "record" { 2 } else { 20 };
        assert!(log.matches("not in order").count() <= most, "{by}: {log}");
        assert_eq!(world.dsp(&["generate", "log"]).status, 4, "{by}");
    }
}

/// `enforce` cuts malformed messages, and its log and its summary say why.
#[test]
fn enforce_reports_a_body_that_it_cuts() {
    let mut world = World::sample();
    world.write("p.yaml", ALL);
    let server = world.serve(&["enforce", "p.yaml", "--audit-log", "log"]);
    let engine = scripted_engine(&mut world, |mut stream| {
        let mut got = String::new();
        stream.read_to_string(&mut got).unwrap();
        got
    });
    let mut client = server.connect();
    client
        .write_all(
            b"POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nGET /x",
        )
        .unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    assert!(!engine.join().unwrap().contains("xyz"));
    let done = server.stop(Signal::TERM);
    assert!(done.err.contains("the request is refused: a chunked body"), "{}", done.err);
    let log = world.read("log");
    assert_eq!(told(&log).2, "a chunked body that is not in order");
    assert!(log.contains("\"lossy\":false"), "nothing went on without a look: {log}");
    let generated = world.dsp(&["generate", "log"]);
    assert!(generated.err.contains("1 request that enforce refuses"), "{}", generated.err);
}

/// An engine answers a truncated head.
#[test]
fn a_head_that_breaks_off_reaches_the_engine() {
    for (mut world, server, by) in watchers() {
        let engine = scripted_engine(&mut world, |mut stream| {
            let mut got = Vec::new();
            stream.read_to_end(&mut got).unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            got
        });
        let mut client = server.connect();
        client.write_all(b"GET /_ping HTT").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert_eq!(text(&got), "HTTP/1.1 400 Bad Request\\r\\n\\r\\n", "{by}");
        assert_eq!(text(&engine.join().unwrap()), "GET /_ping HTT", "{by}");
        assert!(world.read("log").contains("breaks off"), "{by}");
    }
}
