//! Tests of the sample engine on the wire, with raw sockets.

use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A sample engine with short ticks, in its own folder.
fn engine() -> (SampleEngine, PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let options = Options { tick: Duration::from_millis(20) };
    (SampleEngine::start_with(&socket, options).unwrap(), socket, folder)
}

async fn send(socket: &Path, request: &str) -> UnixStream {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    stream.write_all(request.replace('\n', "\r\n").as_bytes()).await.unwrap();
    stream
}

/// Reads from the engine until `end` or until it closes the connection.
async fn read_until(stream: &mut UnixStream, end: &str) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            bytes.extend_from_slice(&buffer[..length]);
            if !end.is_empty() && String::from_utf8_lossy(&bytes).contains(end) {
                break;
            }
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(5), reading).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(waited.is_ok(), "no {end:?} within five seconds, but {text:?}");
    text
}

async fn whole(socket: &Path, request: &str) -> String {
    let request = request.replacen("\n", "\nHost: d\nConnection: close\n", 1);
    read_until(&mut send(socket, &request).await, "").await
}

async fn exec(socket: &Path, command: &str) -> String {
    let body = format!("{{\"AttachStdin\":true,\"Cmd\":{command}}}");
    let length = body.len();
    let answer = whole(socket, &format!("POST /containers/web/exec HTTP/1.1\nContent-Type: application/json\nContent-Length: {length}\n\n{body}")).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    answer.split('"').rev().nth(1).unwrap().to_owned()
}

fn start(id: &str, upgrade: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /exec/{id}/start HTTP/1.1\nHost: d\n{upgrade}Content-Type: application/json\nContent-Length: {length}\n\n{body}"
    )
}

const UPGRADE: &str = "Connection: Upgrade\nUpgrade: tcp\n";

#[tokio::test]
async fn ping_is_answered_as_dockerd_does() {
    let (_engine, socket, _folder) = engine();
    let answer = whole(&socket, "GET /_ping HTTP/1.1\n\n").await;
    let lines: Vec<_> = answer.split("\r\n").filter(|line| !line.starts_with("Date: ")).collect();
    assert_eq!(
        lines,
        [
            "HTTP/1.1 200 OK",
            "Api-Version: 1.41",
            "Cache-Control: no-cache, no-store, must-revalidate",
            "Content-Type: text/plain; charset=utf-8",
            "Docker-Experimental: false",
            "Ostype: linux",
            "Pragma: no-cache",
            "Server: Docker/20.10.24 (linux)",
            "Connection: close",
            "Content-Length: 2",
            "",
            "OK",
        ]
    );
}

#[tokio::test]
async fn received_heads_keep_their_spelling() {
    let (engine, socket, _folder) = engine();
    let request = "GET /v1.41/info?x=%41 HTTP/1.1\nhOST: d\nX-b: 2\nX-A: 1\nx-B: 3\n\n";
    read_until(&mut send(&socket, request).await, "ServerVersion").await;
    let seen = engine.seen().pop().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("GET", "/v1.41/info?x=%41"));
    let names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["hOST", "X-b", "X-A", "x-B"]);
    assert_eq!(seen.header("x-a"), Some("1"));
}

#[tokio::test]
async fn unknown_paths_and_versions_are_refused_in_the_words_of_the_engine() {
    let (_engine, socket, _folder) = engine();
    let unrouted = whole(&socket, "GET /v1.50/nope HTTP/1.1\n\n").await;
    assert!(unrouted.starts_with("HTTP/1.1 404 Not Found\r\n"), "{unrouted}");
    assert!(unrouted.ends_with("\r\n\r\n{\"message\":\"page not found\"}\n"), "{unrouted}");
    assert!(!unrouted.contains("Api-Version"), "{unrouted}");
    let new = whole(&socket, "GET /v1.50/info HTTP/1.1\n\n").await;
    assert!(new.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{new}");
    assert!(new.ends_with("{\"message\":\"client version 1.50 is too new. Maximum supported API version is 1.41\"}\n"), "{new}");
    let old = whole(&socket, "GET /v1.11/info HTTP/1.1\n\n").await;
    assert!(old.contains("client version 1.11 is too old"), "{old}");
    let missing = whole(&socket, "GET /containers/nope/json HTTP/1.1\n\n").await;
    assert!(missing.ends_with("{\"message\":\"No such container: nope\"}\n"), "{missing}");
}

#[tokio::test]
async fn a_stream_arrives_tick_by_tick_and_ends_with_its_client() {
    let (engine, socket, _folder) = engine();
    let mut stream = send(&socket, "GET /containers/web/stats HTTP/1.1\nHost: d\n\n").await;
    for count in 1..4 {
        let text = read_until(&mut stream, &format!("\"total_usage\":{}0000000,", 3 * count)).await;
        assert!(!text.contains("\r\n0\r\n"), "{text}");
    }
    drop(stream);
    while engine.open_connections() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn half_close_is_the_end_of_stdin_in_both_forms() {
    let (_engine, socket, _folder) = engine();
    for (upgrade, status) in [(UPGRADE, "HTTP/1.1 101 UPGRADED\r\n"), ("", "HTTP/1.1 200 OK\r\n")] {
        let id = exec(&socket, r#"["wc","-c"]"#).await;
        // The first bytes of stdin arrive in the same segment as the request.
        let request = start(&id, upgrade, "{}") + "hello";
        let mut stream = send(&socket, &request).await;
        let head = read_until(&mut stream, "\r\n\r\n").await;
        assert!(head.starts_with(status), "{head}");
        assert!(!head.contains("Transfer-Encoding") && !head.contains("Content-Length"), "{head}");
        stream.write_all(b" again").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(read_until(&mut stream, "").await, "\x01\0\0\0\0\0\0\x0311\n");
        let state = whole(&socket, &format!("GET /exec/{id}/json HTTP/1.1\n\n")).await;
        assert!(state.contains("\"ExitCode\":0"), "{state}");
    }
}

#[tokio::test]
async fn output_arrives_although_stdin_was_not_read() {
    let (_engine, socket, _folder) = engine();
    let id = exec(&socket, r#"["echo","out"]"#).await;
    let mut stream = send(&socket, &start(&id, UPGRADE, "{}")).await;
    stream.write_all(&[b'x'; 100_000]).await.unwrap();
    assert!(read_until(&mut stream, "").await.ends_with("\x01\0\0\0\0\0\0\x04out\n"));
    stream.write_all(b"more").await.unwrap();
}

#[tokio::test]
async fn a_detached_exec_leaves_the_connection_http() {
    let (_engine, socket, _folder) = engine();
    let id = exec(&socket, r#"["false"]"#).await;
    let mut stream = send(&socket, &start(&id, UPGRADE, "{\"Detach\":true}")).await;
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\nApi-Version"), "{head}");
    stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n").await.unwrap();
    read_until(&mut stream, "\r\n\r\nOK").await;
}

#[tokio::test]
async fn a_container_runs_from_create_to_removal() {
    let (engine, socket, _folder) = engine();
    let body = r#"{"Image":"busybox","Cmd":["echo","hi"],"HostConfig":{"AutoRemove":true}}"#;
    let length = body.len();
    let made = whole(&socket, &format!("POST /containers/create?name=one HTTP/1.1\nContent-Type: application/json\nContent-Length: {length}\n\n{body}")).await;
    assert!(made.starts_with("HTTP/1.1 201 Created\r\n"), "{made}");
    let attach =
        format!("POST /containers/one/attach?stream=1&stdout=1 HTTP/1.1\nHost: d\n{UPGRADE}\n");
    let mut attached = send(&socket, &attach).await;
    let head = read_until(&mut attached, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 UPGRADED\r\n"), "{head}");
    let wait = "POST /containers/one/wait?condition=removed HTTP/1.1\nHost: d\n\n";
    let mut waiting = send(&socket, wait).await;
    read_until(&mut waiting, "\r\n\r\n").await;
    let started = whole(&socket, "POST /containers/one/start HTTP/1.1\n\n").await;
    assert!(started.starts_with("HTTP/1.1 204 No Content\r\n"), "{started}");
    assert_eq!(read_until(&mut attached, "").await, "\x01\0\0\0\0\0\0\x03hi\n");
    assert!(read_until(&mut waiting, "0\r\n\r\n").await.contains("\"StatusCode\":0}"));
    assert!(engine.engine.container("one").is_none());
}

#[tokio::test]
async fn a_container_can_be_stopped_and_started_again() {
    let (_engine, socket, _folder) = engine();
    for _ in 0..2 {
        let stopped = whole(&socket, "POST /containers/db/stop HTTP/1.1\n\n").await;
        assert!(stopped.starts_with("HTTP/1.1 204 No Content\r\n"), "{stopped}");
        let state = whole(&socket, "GET /containers/db/json HTTP/1.1\n\n").await;
        assert!(state.contains("\"Status\":\"exited\""), "{state}");
        let started = whole(&socket, "POST /containers/db/start HTTP/1.1\n\n").await;
        assert!(started.starts_with("HTTP/1.1 204 No Content\r\n"), "{started}");
        let again = whole(&socket, "POST /containers/db/start HTTP/1.1\n\n").await;
        assert!(again.starts_with("HTTP/1.1 304 Not Modified\r\n"), "{again}");
    }
}

#[tokio::test]
async fn a_build_answers_while_it_reads() {
    let (engine, socket, _folder) = engine();
    let request = "POST /build HTTP/1.1\nHost: d\nTransfer-Encoding: chunked\n\n5\nhello\n";
    let mut stream = send(&socket, request).await;
    read_until(&mut stream, "Step 1/1").await;
    stream.write_all(b"6\r\n again\r\n0\r\n\r\n").await.unwrap();
    read_until(&mut stream, "read 11 bytes").await;
    assert_eq!(engine.received(), 11);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let (_engine, socket, _folder) = engine();
    let size = (1 << 20) + 1;
    let request = format!(
        "POST /containers/create HTTP/1.1\nContent-Type: application/json\nContent-Length: {size}\n\n{}",
        " ".repeat(size)
    );
    let answer = whole(&socket, &request).await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
}

#[tokio::test]
async fn stop_ends_connections_and_removes_the_socket() {
    let (engine, socket, _folder) = engine();
    let mut stream = send(&socket, "GET /events HTTP/1.1\nHost: d\n\n").await;
    read_until(&mut stream, "\r\n\r\n").await;
    engine.stop().await;
    read_until(&mut stream, "").await;
    assert!(!socket.exists());
}
