use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use super::{ALL, CLOSE, answering_engine, both, request, scripted_engine};
use crate::support::{World, exchange, read_until, wait_for};

#[test]
fn a_client_that_leaves_closes_the_engines_side() {
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
fn an_engine_that_disappears_is_a_502_and_the_proxy_continues() {
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
    let engine = answering_engine(&mut world, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain");
    let answer = exchange(&mut kept, &request("GET", "/_ping", CLOSE, ""));
    assert!(answer.ends_with("again"), "{answer}");
    engine.join().unwrap();
}

#[test]
fn a_truncated_answer_is_not_completed() {
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    let engine = answering_engine(
        &mut world,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    );
    let answer = exchange(&mut server.connect(), &request("GET", "/v1.41/info", CLOSE, ""));
    assert!(answer.contains("abc") && !answer.contains("0\r\n\r\n"), "{answer}");
    engine.join().unwrap();
}

#[test]
fn a_client_that_has_stopped_sending_still_gets_its_answers() {
    for (world, server) in both() {
        let mut pipelined = request("GET", "/_ping", "", "");
        pipelined.extend(request("GET", "/v1.41/containers/json", "", ""));
        for (sent, answers) in [
            (request("GET", "/_ping", "", ""), 1),
            (pipelined, 2),
            (request("POST", "/v1.41/build", "", "context"), 1),
        ] {
            let mut stream = server.connect();
            stream.write_all(&sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), answers, "{answer}");
        }
        wait_for("the engine's side to close", || world.engine().open_connections() == 0);
    }
    let [_, (_world, server)] = both();
    let mut stream = server.connect();
    stream.write_all(&request("DELETE", "/v1.41/containers/web", "", "")).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden"), "{answer}");
}

#[test]
fn an_engine_learns_that_its_client_has_stopped_sending() {
    for (world, server) in both() {
        let mut stream = server.connect();
        stream.write_all(&request("GET", "/v1.41/events", "", "")).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // The engine takes this for the end of the client and ends its answer, which otherwise has
        // no end.
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
        wait_for("the engine's side to close", || world.engine().open_connections() == 0);
    }
}

#[test]
fn a_client_that_stops_sending_and_then_leaves_is_noticed() {
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    let engine = scripted_engine(&mut world, |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
        stream.write_all(start.as_bytes()).unwrap();
        assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0, "the client's direction has ended");
        // An engine that ignores it, and has nothing to send.
        wait_for("the proxy to go", || stream.write_all(b"").is_err() || gone(&stream));
    });
    let mut stream = server.connect();
    stream.write_all(&request("GET", "/v1.41/events", "", "")).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    read_until(&mut stream, "abc");
    drop(stream);
    engine.join().unwrap();
}

/// Whether the other side has closed both directions.
fn gone(stream: &std::os::unix::net::UnixStream) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut watched = [PollFd::new(stream, PollFlags::empty())];
    poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap();
    watched[0].revents().contains(PollFlags::HUP)
}

#[test]
fn a_slow_client_that_has_stopped_sending_gets_the_whole_answer() {
    const LENGTH: usize = 8 << 20;
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    let engine = scripted_engine(&mut world, |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b'x'; LENGTH]).unwrap();
    });
    let mut stream = server.connect();
    stream.write_all(&request("GET", "/v1.41/images/get", "", "")).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let head = read_until(&mut stream, "\r\n\r\n");
    let mut body = vec![0; 64 << 10];
    let mut length = 0;
    loop {
        match stream.read(&mut body).unwrap() {
            0 => break,
            read => length += read,
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    assert_eq!(length, LENGTH, "{head}");
    engine.join().unwrap();
}

#[test]
fn an_engine_that_answers_and_hangs_up_on_an_upload_is_heard() {
    for _ in 0..3 {
        let mut world = World::sample();
        let server = world.serve(&["record", "-q"]);
        let engine = scripted_engine(&mut world, |mut stream| {
            read_until(&mut stream, "\r\n\r\n");
            let answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\
                          Connection: close\r\n\r\nno!";
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let mut stream = server.connect();
        let head = "POST /v1.41/build HTTP/1.1\r\nHost: d\r\nContent-Length: 100000000\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut upload = stream.try_clone().unwrap();
        let writer = std::thread::spawn(move || while upload.write_all(&[b'u'; 65_536]).is_ok() {});
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 400") && answer.ends_with("no!"), "{answer}");
        drop(stream);
        writer.join().unwrap();
        engine.join().unwrap();
    }
}

/// The requests at an engine that ends each connection after its first answer without announcing
/// it.
fn requests_of_two_connections(method: &str, path: &str) -> (String, Vec<String>) {
    let mut world = World::sample();
    world.write("p.yaml", ALL);
    let server = world.serve(&["enforce", "p.yaml", "-q"]);
    world.stop_engine();
    let socket = world.path("e.sock");
    let _ = std::fs::remove_file(&socket);
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let engine = std::thread::spawn(move || {
        let answer = |_| {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
            let head = read_until(&mut stream, "\r\n\r\n");
            // Input that arrives now is refused, and was not read.
            stream.shutdown(Shutdown::Read).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
            head.lines().next().unwrap().to_owned()
        };
        (0..2).map(answer).collect()
    });
    // Both at once, so that the end is not visible before the second one is sent.
    let mut both = request("GET", "/v1.41/containers/json", "", "");
    both.extend(request(method, path, CLOSE, ""));
    let answers = exchange(&mut server.connect(), &both);
    (answers, engine.join().unwrap())
}

#[test]
fn a_request_that_the_engine_never_had_is_sent_again() {
    for (method, path) in [("GET", "/v1.41/events"), ("POST", "/v1.41/containers/web/wait")] {
        let (answers, seen) = requests_of_two_connections(method, path);
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
        assert_eq!(
            seen,
            ["GET /v1.41/containers/json HTTP/1.1", &format!("{method} {path} HTTP/1.1")]
        );
    }
}
