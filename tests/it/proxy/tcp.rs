use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;

use super::ALL;
use crate::support::{PATIENCE, Server, World, exchange};

/// A recorder, an auditor and an enforcer, each also on a TCP address.
fn all(more: &[&str]) -> Vec<(World, Server)> {
    let ways: [&[&str]; 3] = [
        &["record", "-o", "log"],
        &["enforce", "p.yaml", "--audit", "--audit-log", "log"],
        &["enforce", "p.yaml", "--audit-log", "log"],
    ];
    let start = |args: &&[&str]| {
        let world = World::sample();
        world.write("p.yaml", ALL);
        let server = world.serve(&[args, more].concat());
        (world, server)
    };
    ways.iter().map(start).collect()
}

const LOOPBACK: [&str; 2] = ["--listen", "tcp://127.0.0.1:0"];

/// The answer from the TCP address.
fn ask(server: &Server, request: &str) -> String {
    let address = server.first_address();
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn ping(headers: &str) -> String {
    format!("GET /_ping HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")
}

#[test]
fn requests_of_web_pages_do_not_reach_the_engine() {
    let long = format!(
        "GET /_ping?{} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://e.test\r\n\r\n",
        "a".repeat(200_000)
    );
    for (world, server) in all(&LOOPBACK) {
        for request in [
            ping("Host: localhost\r\nOrigin: http://evil.test\r\n"),
            ping("Host: localhost\r\nOrigin: null\r\n"),
            ping("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n"),
            ping("Host: localhost\r\nSec-Fetch-Site: same-origin\r\n"),
            ping("Host: localhost\r\nReferer: http://evil.test/\r\n"),
            ping("Host: evil.test:2375\r\n"),
            ping("Host: 127.0.0.1.evil.test\r\n"),
            ping("Host: 10.0.0.1\r\n"),
            ping("Host: u@localhost\r\n"),
            "GET http://evil.test/_ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(),
            // A preflight, and the socket of a page.
            "OPTIONS /_ping HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.test\r\n\
             Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n".to_owned(),
            "GET /v1.41/containers/a/attach/ws HTTP/1.1\r\nHost: localhost\r\nConnection: close, Upgrade\r\n\
             Upgrade: websocket\r\nOrigin: http://evil.test\r\n\r\n".to_owned(),
            // A head that cannot be read is not examined.
            "GET /_ping HTTP/1.1\r\nHost: localhost\r\nX:\r\n y\r\nOrigin: http://evil.test\r\n\r\n".to_owned(),
            long.clone(),
        ] {
            let answer = ask(&server, &request);
            let is_refused = ["HTTP/1.1 403", "HTTP/1.1 400", "HTTP/1.1 431"];
            assert!(is_refused.iter().any(|status| answer.starts_with(status)), "{request}: {answer}");
            assert!(answer.contains("dsp: "), "{answer}");
        }
        let paths: Vec<String> =
            world.engine().seen().into_iter().map(|seen| seen.target).collect();
        assert_eq!(paths, ["/version"], "dsp's own question");
        assert!(world.read("log").contains("\"denied\":\"dsp: the request has the header Origin"));
        let generated = world.dsp(&["generate", "log"]);
        assert!(!generated.out.contains("_ping"), "it is no need of anybody: {}", generated.out);
    }
}

#[test]
fn programs_come_in_over_tcp() {
    for (_world, server) in all(&LOOPBACK) {
        for request in [
            ping("Host: localhost\r\n"),
            ping("Host: 127.0.0.1:2375\r\nSec-Fetch-Site: none\r\n"),
            ping("Host:\r\n"),
            "GET /_ping HTTP/1.0\r\n\r\n".to_owned(),
        ] {
            let answer = ask(&server, &request);
            assert!(answer.contains(" 200 OK\r\n"), "{request}: {answer}");
        }
        // A web page cannot use a unix socket.
        let page = ping("Host: evil.test\r\nOrigin: http://evil.test\r\n");
        assert!(exchange(&mut server.connect(), page.as_bytes()).contains(" 200 OK\r\n"));
        let said = server.stop(Signal::TERM).err;
        assert!(
            said.contains(
                "every user and every program on this machine can connect to tcp://127.0.0.1:"
            ),
            "{said}"
        );
    }
}

#[test]
fn names_that_were_asked_for_come_in() {
    let asked = ["--allow-host", "docker.example"];
    for (_world, server) in all(&[LOOPBACK, asked].concat()) {
        assert!(ask(&server, &ping("Host: Docker.Example:2375\r\n")).contains(" 200 OK\r\n"));
        let other = ask(&server, &ping("Host: socket-proxy:2375\r\n"));
        assert!(other.starts_with("HTTP/1.1 403"), "{other}");
        assert!(other.contains("start dsp with --allow-host socket-proxy"), "{other}");
    }
    // A container reaches another one by its name.
    for (_world, server) in all(&["--listen", "tcp://0.0.0.0:0", "--insecure-tcp"]) {
        for host in ["socket-proxy:2375", "192.168.1.5:2375"] {
            assert!(
                ask(&server, &ping(&format!("Host: {host}\r\n"))).contains(" 200 OK\r\n"),
                "{host}"
            );
        }
        assert!(ask(&server, &ping("Host: evil.test:2375\r\n")).starts_with("HTTP/1.1 403"));
        let said = server.stop(Signal::TERM).err;
        assert!(said.contains("from other machines too, can connect to tcp://0.0.0.0:"), "{said}");
    }
}
