//! Answers of which something is hidden.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::mpsc;

use rustix::process::Signal;

use super::{answering_engine, scripted_engine};
use crate::support::{World, read_until};

const PROFILE: &str = "version: 1\nname: p\nallow:\n  - GET /containers/*/json: {hide: [environment]}\n  \
    - GET /containers/json\n  - GET /images/*/json: {hide: [environment, commands]}\n";

const SECRET: &str = "PASSWORD=hunter2";

/// An inspection as Docker Engine answers it.
const BODY: &str =
    r#"{"Id":"4f5e","Config":{"Env":["PASSWORD=hunter2"],"Labels":{"a":"b"}},"Mounts":[]}"#;
const LEFT: &str = r#"{"Id":"4f5e","Config":{"Env":[],"Labels":{"a":"b"}},"Mounts":[]}"#;

const JSON: &str = "Api-Version: 1.41\r\nContent-Type: application/json\r\n";

fn world() -> World {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    world
}

/// What a client gets for this request if the engine answers with these bytes, and what the engine gets.
fn asked(request: &str, answer: &str) -> (String, String) {
    let mut world = world();
    let server = world.serve(&["enforce", "p.yaml", "-q"]);
    let engine = answering_engine(&mut world, answer.to_owned().leak());
    let mut client = server.connect();
    client.write_all(request.as_bytes()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut got = Vec::new();
    let _ = client.read_to_end(&mut got);
    let head = engine.join().unwrap();
    server.stop(Signal::TERM);
    (String::from_utf8_lossy(&got).into_owned(), head)
}

fn inspect(headers: &str) -> String {
    format!("GET /v1.41/containers/web/json HTTP/1.1\r\nHost: d\r\n{headers}\r\n")
}

fn of_length(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// The head and the data of an answer in chunks, as far as it came.
fn parts(answer: &str) -> (&str, String, bool) {
    let (head, mut rest) = answer.split_once("\r\n\r\n").unwrap();
    let (mut data, mut is_whole) = (String::new(), false);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            is_whole = after == "\r\n";
            break;
        }
        data += &after[..size];
        rest = after[size..].strip_prefix("\r\n").unwrap();
    }
    (head, data, is_whole)
}

#[test]
fn an_answer_of_any_length_is_sent_in_chunks_without_what_is_hidden() {
    let chunked = |size: usize| {
        let chunks = BODY.as_bytes().chunks(size).map(|chunk| {
            format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap())
        });
        let chunks: String = chunks.collect();
        format!("HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
    };
    let answers = [
        of_length(BODY),
        chunked(1),
        chunked(7),
        chunked(1000),
        format!("HTTP/1.1 200 OK\r\n{JSON}\r\n{BODY}"),
        of_length(BODY).replace("application/json", "Application/JSON; charset=UTF-8"),
        of_length(BODY).replace("Api-Version", "Content-Encoding: identity\r\nApi-Version"),
    ];
    for answer in answers {
        let (got, _) = asked(&inspect(""), &answer);
        let (head, data, is_whole) = parts(&got);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
        assert!(head.contains("Transfer-Encoding: chunked"), "{got}");
        assert!(!head.to_lowercase().contains("content-length"), "{got}");
        assert!(head.contains("Api-Version: 1.41"), "{got}");
        assert_eq!((data.as_str(), is_whole), (LEFT, true), "{got}");
    }
}

#[test]
fn an_old_client_gets_it_until_the_connection_ends() {
    let request = inspect("Connection: keep-alive\r\n").replace("HTTP/1.1", "HTTP/1.0");
    for answer in [of_length(BODY), format!("HTTP/1.1 200 OK\r\n{JSON}\r\n{BODY}")] {
        let (got, _) = asked(&request, &answer);
        let (head, body) = got.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{got}");
        let lower = head.to_lowercase();
        assert!(!lower.contains("length") && !lower.contains("chunked"), "{got}");
        assert!(!lower.contains("keep-alive"), "{got}");
        assert_eq!(body, LEFT);
    }
}

#[test]
fn what_asks_for_another_form_does_not_reach_the_engine() {
    let headers =
        "Accept: application/json\r\nAccept-Encoding: gzip\r\nRange: bytes=0-9\r\nX-A: b\r\n";
    let (_, head) = asked(&inspect(headers), &of_length(BODY));
    assert!(head.contains("Accept: application/json\r\n") && head.contains("X-A: b"), "{head}");
    assert!(!head.contains("gzip") && !head.contains("Range"), "{head}");
    // Where nothing is hidden, it does.
    let list = "GET /containers/json HTTP/1.1\r\nHost: d\r\nAccept-Encoding: gzip\r\n\r\n";
    let (got, head) = asked(list, &of_length("[]"));
    assert!(head.contains("Accept-Encoding: gzip\r\n"), "{head}");
    assert!(got.contains("Content-Length: 2\r\n") && got.ends_with("\r\n\r\n[]"), "{got}");
}

#[test]
fn an_answer_that_cannot_be_read_is_refused() {
    let with =
        |header: &str| of_length(BODY).replace("Api-Version", &format!("{header}\r\nApi-Version"));
    let answers = [
        with("Content-Encoding: gzip"),
        with("Content-Range: bytes 0-9/20"),
        of_length(BODY).replace("200 OK", "206 Partial Content"),
        of_length(BODY).replace("application/json", "text/plain"),
        of_length(BODY).replace("application/json", "application/json; charset=utf-16"),
        of_length(BODY).replace("Content-Type: application/json\r\n", ""),
        of_length(BODY).replace("200 OK", "302 Found"),
        of_length(&format!("{BODY}{BODY}")),
        of_length(&BODY.replace("[\"", "[")),
        of_length(&format!("\u{feff}{BODY}")),
        of_length(&BODY[..BODY.len() - 1]),
        of_length(&format!("{{\"a\":{}", "[".repeat(200))),
    ];
    for answer in answers {
        let (got, _) = asked(&inspect(""), &answer);
        assert!(got.starts_with("HTTP/1.1 502 "), "{answer}: {got}");
        assert!(got.contains("an answer that cannot be read"), "{got}");
        assert!(!got.contains(SECRET) && !got.contains("Labels"), "{got}");
    }
}

#[test]
fn errors_and_answers_without_a_body_pass() {
    let error = r#"{"message":"No such container: web"}"#;
    let answer = of_length(error).replace("200 OK", "404 Not Found");
    let (got, _) = asked(&inspect(""), &answer);
    assert!(got.starts_with("HTTP/1.1 404 ") && got.ends_with(error), "{got}");
    assert!(got.contains(&format!("Content-Length: {}\r\n", error.len())), "{got}");
    let text = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\noops";
    assert!(asked(&inspect(""), text).0.ends_with("\r\n\r\noops"));
    let unchanged = format!(
        "HTTP/1.1 304 Not Modified\r\nEtag: \"a\"\r\nContent-Length: {}\r\n\r\n",
        BODY.len()
    );
    let (got, _) = asked(&inspect("If-None-Match: \"a\"\r\n"), &unchanged);
    assert!(got.starts_with("HTTP/1.1 304 ") && !got.contains("Content-Length"), "{got}");
    let (got, _) = asked(&inspect(""), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert!(got.contains("Content-Length: 0\r\n") && got.ends_with("\r\n\r\n"), "{got}");
}

#[test]
fn an_answer_that_turns_unreadable_halfway_is_cut() {
    for rest in ["\n\"]}}", "\"}}", ""] {
        let mut world = world();
        let server = world.serve(&["enforce", "p.yaml", "-q"]);
        let (goes_on, wait) = mpsc::channel();
        let engine = scripted_engine(&mut world, move |mut stream| {
            read_until(&mut stream, "\r\n\r\n");
            let head = format!("HTTP/1.1 200 OK\r\n{JSON}Content-Length: 4096\r\n\r\n");
            let begin = format!("{{\"Id\":\"4f5e\",\"Config\":{{\"Env\":[\"{SECRET}");
            stream.write_all(format!("{head}{begin}").as_bytes()).unwrap();
            wait.recv().unwrap();
            let _ = stream.write_all(rest.as_bytes());
            let _ = stream.shutdown(Shutdown::Write);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
        let mut client = server.connect();
        client.write_all(inspect("").as_bytes()).unwrap();
        let mut got = read_until(&mut client, "\"Env\":[]\r\n");
        goes_on.send(()).unwrap();
        let mut left = Vec::new();
        let _ = client.read_to_end(&mut left);
        got += &String::from_utf8(left).unwrap();
        let (head, data, is_whole) = parts(&got);
        assert!(head.starts_with("HTTP/1.1 200 "), "{got}");
        assert!(!is_whole && !got.contains(SECRET), "{got}");
        assert_eq!(data, "{\"Id\":\"4f5e\",\"Config\":{\"Env\":[]", "{rest:?}");
        drop(client);
        engine.join().unwrap();
        server.stop(Signal::TERM);
    }
}

/// The connection to the engine and that of the client stay, and the next answer is whole.
#[test]
fn the_next_request_on_the_connection_has_its_own_answer() {
    let mut world = world();
    let server = world.serve(&["enforce", "p.yaml", "-q"]);
    let engine = scripted_engine(&mut world, |mut stream| {
        for answer in [of_length(BODY), of_length("[]"), of_length(BODY)] {
            read_until(&mut stream, "\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let mut client = server.connect();
    for (path, left) in
        [("containers/a/json", LEFT), ("containers/json", "[]"), ("images/a/json", LEFT)]
    {
        client.write_all(format!("GET /{path} HTTP/1.1\r\nHost: d\r\n\r\n").as_bytes()).unwrap();
        let end = if path == "containers/json" { "\r\n\r\n[]" } else { "0\r\n\r\n" };
        let got = read_until(&mut client, end);
        assert!(got.contains(left) && !got.contains(SECRET), "{path}: {got}");
    }
    engine.join().unwrap();
    server.stop(Signal::TERM);
}

/// An answer of many megabytes passes without being kept.
#[test]
fn a_long_answer_is_not_kept() {
    const ITEMS: usize = 200_000;
    let mut world = world();
    let server = world.serve(&["enforce", "p.yaml", "-q"]);
    let engine = scripted_engine(&mut world, |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        write!(stream, "HTTP/1.1 200 OK\r\n{JSON}\r\n{{\"Mounts\":[0").unwrap();
        let item = format!(",{{\"Source\":\"{}\"}}", "x".repeat(80));
        for _ in 0..ITEMS {
            stream.write_all(item.as_bytes()).unwrap();
        }
        write!(stream, "],\"Config\":{{\"Env\":[\"{SECRET}\"]}}}}").unwrap();
    });
    let status = format!("/proc/{}/status", server.pid().as_raw_nonzero());
    let most = || -> u64 {
        let status = std::fs::read_to_string(&status).unwrap();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        most.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let before = most();
    let mut client = server.connect();
    client.write_all(inspect("").as_bytes()).unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"0\r\n\r\n") {
        let mut part = [0; 1 << 16];
        let length = client.read(&mut part).unwrap();
        assert!(length > 0, "the answer ended early");
        got.extend_from_slice(&part[..length]);
    }
    let got = String::from_utf8(got).unwrap();
    assert!(got.len() > 80 * ITEMS, "{}", got.len());
    assert!(got.contains("\"Config\":{\"Env\":[]}}") && !got.contains(SECRET));
    let more = most() - before;
    // The answer has 19 MiB. How much the program itself takes depends on its size.
    assert!(more < 12 << 10, "{more} KiB");
    engine.join().unwrap();
    server.stop(Signal::TERM);
}
