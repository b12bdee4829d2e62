//! Chunks in other forms than libraries write. `enforce` refuses all of them. A recorder forwards them,
//! and reads on only where every engine agrees about their end.

use std::io::{Read, Write};
use std::net::Shutdown;

use rustix::process::Signal;

use super::verbatim::{text, told, watchers};
use super::{ALL, scripted_engine};
use crate::support::{World, read_until};

/// Chunked bodies with the data `{}`, and whether every engine finds the same end
/// (docs/engine-api.md#chunks).
pub const ODD: [(&str, bool); 25] = [
    ("2;a=b\r\n{}\r\n0;c\r\n\r\n", true),
    ("2;a=\"b\"\r\n{}\r\n0\r\n\r\n", true),
    ("2 \t\r\n{}\r\n0 \r\n\r\n", true),
    ("2\r\n{}\r\n0;\r\nX: y\r\n\r\n", true),
    ("2\r\n{}\r\n0\r\n\n", false),
    ("2\r\n{}\r\n0\r\nX: y\n\r\n", false),
    ("2\n{}\n0\n\n", false),
    ("2\n{}\r\n0\r\n\r\n", false),
    ("2\r\n{}\n0\r\n\r\n", false),
    ("2\r\n{}\r\n0\n\r\n", false),
    ("2;a\n{}\r\n0\r\n\r\n", false),
    ("2;a\rb\r\n{}\r\n0\r\n\r\n", false),
    ("2;a\u{1}b\r\n{}\r\n0\r\n\r\n", false),
    ("2 ;a\r\n{}\r\n0\r\n\r\n", false),
    (" 2\r\n{}\r\n0\r\n\r\n", false),
    ("2\r\r\n{}\r\n0\r\n\r\n", false),
    ("2\r{}\r0\r\r", false),
    ("0x2\r\n{}\r\n0\r\n\r\n", false),
    ("00000000000000002\r\n{}\r\n0\r\n\r\n", false),
    ("\r\n2\r\n{}\r\n0\r\n\r\n", false),
    ("2\r\n{} \r\n0\r\n\r\n", false),
    ("2\r\n{}\r\n0\r\n X: y\r\n\r\n", false),
    ("2\r\n{}\r\n0\r\nX\r\nZ: z\r\n\r\n", false),
    ("2\r\n{}\r\n0\r\nX: y\rz\r\n\r\n", false),
    ("2\r\n{}\r\n0\r\nX: \u{1}\r\n\r\n", false),
];

const HEAD: &str = "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n";
const NEXT: &str = "GET /v1.41/containers/x/json HTTP/1.1\r\nHost: d\r\n\r\n";
const REASON: &str = "a chunked body that is not in order";

#[test]
fn the_next_request_is_recorded_if_every_engine_agrees_where_it_begins() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (body, _) in ODD.iter().filter(|(_, is_certain)| *is_certain) {
        for (mut world, server, by) in watchers() {
            let first = format!("{HEAD}{body}");
            let length = first.len();
            let engine = scripted_engine(&mut world, move |mut stream| {
                let mut got = vec![0; length];
                stream.read_exact(&mut got).unwrap();
                stream.write_all(ANSWER.as_bytes()).unwrap();
                let next = read_until(&mut stream, "\r\n\r\n");
                stream.write_all(ANSWER.as_bytes()).unwrap();
                [text(&got), text(next.as_bytes())]
            });
            let mut client = server.connect();
            client.write_all(format!("{first}{NEXT}").as_bytes()).unwrap();
            let mut got = vec![0; 2 * ANSWER.len()];
            client.read_exact(&mut got).unwrap();
            drop(client);
            let expected = [text(first.as_bytes()), text(NEXT.as_bytes())];
            assert_eq!(engine.join().unwrap(), expected, "{by}");
            assert_eq!(text(&got), text(ANSWER.repeat(2).as_bytes()), "{by}");
            server.stop(Signal::TERM);
            let log = world.read("log");
            assert_eq!(told(&log).0, 2, "{by}: {body:?}: {log}");
            assert!(log.contains(REASON) && log.contains("\"lossy\":false"), "{by}: {log}");
        }
    }
}

/// An engine that finds another end of the body than dsp answers more often than dsp expects, as Docker
/// Engine 29 does: 500 for the request, and 400 for the rest of its body.
#[test]
fn everything_passes_both_ways_if_engines_disagree_where_the_next_request_begins() {
    const ANSWERS: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}\
        HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n400 Bad Request";
    for (body, _) in ODD.iter().filter(|(_, is_certain)| !*is_certain) {
        // The engine answers once or twice before it gets more.
        for at_once in [ANSWERS.len(), ANSWERS.find("HTTP/1.1 400").unwrap()] {
            for (mut world, server, by) in watchers() {
                let message = format!("{HEAD}{body}{NEXT}");
                let length = message.len();
                let engine = scripted_engine(&mut world, move |mut stream| {
                    let mut got = vec![0; length];
                    stream.read_exact(&mut got).unwrap();
                    let (first, second) = ANSWERS.as_bytes().split_at(at_once);
                    stream.write_all(first).unwrap();
                    stream.read_to_end(&mut got).unwrap();
                    stream.write_all(second).unwrap();
                    stream.write_all(b" and more").unwrap();
                    got
                });
                let mut client = server.connect();
                client.write_all(message.as_bytes()).unwrap();
                let mut got = vec![0; at_once];
                client
                    .read_exact(&mut got)
                    .unwrap_or_else(|error| panic!("{by}: {body:?}: {error}"));
                client.write_all(b"\x16\x03 not HTTP").unwrap();
                client.shutdown(Shutdown::Write).unwrap();
                client.read_to_end(&mut got).unwrap();
                let sent = [message.as_bytes(), b"\x16\x03 not HTTP"].concat();
                assert_eq!(text(&engine.join().unwrap()), text(&sent), "{by}");
                let expected = format!("{ANSWERS} and more");
                assert_eq!(text(&got), text(expected.as_bytes()), "{by}: {body:?}");
                drop(client);
                server.stop(Signal::TERM);
                let log = world.read("log");
                let expected = (1, "ImageBuild".to_owned(), REASON.to_owned());
                assert_eq!(told(&log), expected, "{by}: {body:?}");
                assert!(log.contains("\"status\":500") && log.contains("\"lossy\":true"), "{log}");
            }
        }
    }
}

#[test]
fn enforce_forwards_nothing_from_the_first_odd_byte_on() {
    for (body, _) in ODD {
        let mut world = World::sample();
        world.write("p.yaml", ALL);
        let server = world.serve(&["enforce", "p.yaml", "-q"]);
        let engine = scripted_engine(&mut world, |mut stream| {
            let mut got = String::new();
            stream.read_to_string(&mut got).unwrap();
            got
        });
        let mut client = server.connect();
        client.write_all(format!("{HEAD}{body}{NEXT}").as_bytes()).unwrap();
        let mut got = String::new();
        client.read_to_string(&mut got).unwrap();
        let forwarded = engine.join().unwrap();
        assert_eq!(got, "", "{body:?}");
        let (_, forwarded) = forwarded.split_once("\r\n\r\n").unwrap();
        // At most the chunk before it, as dsp writes chunks.
        assert!(["", "2\r\n{}\r\n"].contains(&forwarded), "{body:?}: {forwarded:?}");
    }
}
