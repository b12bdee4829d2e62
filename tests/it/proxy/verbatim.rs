//! A recorder changes nothing: what an engine gets through it, and what a client gets, are the bytes
//! of the other side, whatever they are.

use std::io::{Read, Write};
use std::net::Shutdown;

use super::{ALL, scripted_engine};
use crate::support::{Server, World};

/// What clients send that an engine takes or answers in its own way, and what of it a recording says:
/// how many requests, and a text of the last one.
const REQUESTS: [(&str, usize, &str); 31] = [
    ("GET /_ping HTTP/1.0\r\n\r\n", 1, "SystemPing"),
    ("GET /_ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 1, "SystemPing"),
    ("GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n", 1, "SystemPing"),
    (
        "GET /_ping HTTP/1.1\r\nHOST:  d \r\nx-odd:y\t\r\nX-Odd: \r\nKeep-Alive: 5\r\n\r\n",
        1,
        "SystemPing",
    ),
    (
        "GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nTE: gzip\r\nProxy-Connection: keep-alive\r\n\r\n",
        1,
        "SystemPing",
    ),
    (
        "GET http://proxy.example:2375/_ping HTTP/1.1\r\nHost: proxy.example:2375\r\n\r\n",
        1,
        "\"path\":\"/_ping\",\"operation\"",
    ),
    ("GET https://d/_ping HTTP/1.1\r\nHost: d\r\n\r\n", 1, "not a plain /path"),
    ("OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n", 1, "not a plain /path"),
    ("CONNECT d:2375 HTTP/1.1\r\nHost: d\r\n\r\n", 1, "refused"),
    ("get /_ping HTTP/1.1\r\nHost: d\r\n\r\n", 1, "not a method"),
    ("GET /_ping#x HTTP/1.1\r\nHost: d\r\n\r\n", 1, "has to be escaped"),
    ("GET /_ping HTTP/1.2\r\nHost: d\r\n\r\n", 1, "version of HTTP"),
    ("GET /_ping HTTP/2.0\r\nHost: d\r\n\r\n", 1, "version of HTTP"),
    ("GET /_ping\r\n", 1, "request line"),
    ("GET /_ping HTTP/1.1\r\n\r\n", 1, "Host header"),
    ("GET /_ping HTTP/1.1\r\nHost: d\r\nHost: d\r\n\r\n", 1, "Host header"),
    ("GET /_ping HTTP/1.0\n\n", 1, "SystemPing"),
    ("GET /_ping HTTP/1.0\r\n\n", 1, "SystemPing"),
    ("GET /_ping HTTP/1.1\r\nHost: d\r\nX: a\r\n b\r\n\r\n", 1, "goes on in the next line"),
    ("GET  /_ping HTTP/1.1\r\nHost: d\r\n\r\n", 1, "request line"),
    ("\r\nGET /_ping HTTP/1.1\r\nHost: d\r\n\r\n", 1, "request line"),
    ("GET /_ping HTTP/1.1\r\nHost: d\r\nX : a\r\n\r\n", 1, "proper name"),
    (
        "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\nGET /v1.41/events HTTP/1.1\r\nHost: d\r\n\r\n",
        2,
        "SystemEvents",
    ),
    (
        "GET /_ping HTTP/1.1\r\nHost: d\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AA\r\n\r\n",
        1,
        "SystemPing",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n4;a=b\r\nbody\r\n00\r\nX: y\r\nZ: z\r\n\r\n",
        1,
        "ImageBuild",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n4\nbody\n0\n\n",
        1,
        "ImageBuild",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        1,
        "ImageBuild",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        1,
        "both Content-Length",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        1,
        "plain Content-Length",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        1,
        "Transfer-Encoding",
    ),
    (
        "POST /build HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nq=1",
        1,
        "a form as the body",
    ),
];

/// What an engine may say, each to a request that is in order, and whether it ends the connection.
const ANSWERS: [(&str, &str, bool); 15] = [
    (
        "GET",
        "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\ncontent-LENGTH:2\r\nKeep-Alive: timeout=5\r\nConnection: keep-alive\r\n\r\n{}",
        false,
    ),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", true),
    ("GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", true),
    ("GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}", false),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end", true),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nTrailer: X\r\n\r\n2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n",
        false,
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 9\r\n\r\nwhat follows",
        true,
    ),
    ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", true),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", true),
    (
        "GET",
        "HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
        false,
    ),
    (
        "GET",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI",
        true,
    ),
    ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: X\r\nX: y\r\n\r\n", false),
    ("GET", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false),
    ("GET", "not HTTP at all\r\n", true),
    ("GET", "", true),
];

/// Both that let everything through.
fn watchers() -> [(World, Server, &'static str); 2] {
    let (recorded, audited) = (World::sample(), World::sample());
    audited.write("p.yaml", ALL);
    let recorder = recorded.serve(&["record", "-q", "-o", "log"]);
    let auditor = audited.serve(&["enforce", "p.yaml", "-q", "--audit", "--audit-log", "log"]);
    [(recorded, recorder, "record"), (audited, auditor, "--audit")]
}

/// Sends a message and takes an answer, one byte after the other or all at once; what the engine and
/// the client got.
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
        // What comes behind the message would be dsp's own.
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

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn the_engine_gets_the_clients_bytes_and_the_recording_says_so() {
    for (mut world, server, by) in watchers() {
        for (message, requests, noted) in REQUESTS {
            let before = world.read("log").matches("{\"request\":").count();
            let answers = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".repeat(requests);
            let [engine, client] = if requests == 1 {
                through(&mut world, &server, message.as_bytes(), answers.as_bytes(), false)
            } else {
                pipelined(&mut world, &server, message)
            };
            assert_eq!(text(&engine), text(message.as_bytes()), "{by}");
            assert_eq!(text(&client), text(answers.as_bytes()), "{by}: {message:?}");
            let log = world.read("log");
            let told = log.matches("{\"request\":").count() + log.matches("{\"repeat\":").count();
            assert!(told > before, "{by}: {message:?} is not noted");
            assert!(log.contains(noted), "{by}: {message:?} is noted without {noted}");
        }
    }
}

/// Two requests at once, of which the engine sees the second when it has answered the first.
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
    for (mut world, server, by) in watchers() {
        for (method, answer, ends) in ANSWERS {
            let message = format!("{method} /_ping HTTP/1.1\r\nHost: d\r\nTE: trailers\r\n\r\n");
            let [engine, client] =
                through(&mut world, &server, message.as_bytes(), answer.as_bytes(), ends);
            assert_eq!(text(&client), text(answer.as_bytes()), "{by}");
            assert_eq!(text(&engine), text(message.as_bytes()), "{by}: {answer:?}");
        }
    }
}

/// An engine answers to what it has of a head that breaks off.
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
