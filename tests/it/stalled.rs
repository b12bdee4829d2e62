//! A reader of dsp's output stops reading: dsp continues, or fails closed with an answer, and ends
//! when it is asked to.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use rustix::process::Signal;

use crate::support::{Server, World, exchange, read_until, wait_for};

const PROFILE: &str = "version: 1\nname: p\nallow:\n  - GET /_ping\n";
const PING: &[u8] = b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";

fn deny(stream: &mut UnixStream, number: usize) {
    let path = format!("/v1.41/containers/n{number}{}/json", "a".repeat(400));
    write!(stream, "GET {path} HTTP/1.1\r\nHost: d\r\n\r\n").unwrap();
    let answer = read_until(stream, "}\n");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

fn ping(server: &Server) -> String {
    exchange(&mut server.connect(), PING)
}

/// Ends at TERM, although nothing reads its stderr.
fn ends(server: &Server) {
    server.signal(Signal::TERM);
    let stat = format!("/proc/{}/stat", server.pid().as_raw_nonzero());
    wait_for("the end", || {
        let stat = std::fs::read_to_string(&stat).unwrap();
        stat.rsplit(')').next().unwrap().trim_start().starts_with('Z')
    });
}

#[test]
fn a_reader_of_stderr_that_stalls_stops_nothing() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    // The pipe of its stderr holds 64 KiB, and it is not read before the end.
    let mut server = world.serve(&["enforce", "p.yaml"]);
    let mut client = server.connect();
    (0..900).for_each(|number| deny(&mut client, number));
    assert!(ping(&server).starts_with("HTTP/1.1 200"));
    ends(&server);
    let said = server.wait().err;
    // Lines do not fill the pages of a pipe completely.
    assert!(said.len() >= 48 << 10, "{} bytes", said.len());
}

#[test]
fn a_reader_of_the_audit_log_that_stalls_closes_and_opens_it_again() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    let path = world.path("audit.fifo");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut reader: File = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let server = world.serve(&["enforce", "p.yaml", "-q", "--audit-log", "audit.fifo"]);
    assert!(ping(&server).starts_with("HTTP/1.1 200"));
    let mut client = server.connect();
    (0..300).for_each(|number| deny(&mut client, number));
    let answer = ping(&server);
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("the audit log cannot be written"), "{answer}");
    // Reading resumes.
    let mut read = vec![0; 48 << 10];
    reader.read_exact(&mut read).unwrap();
    wait_for("an answer", || ping(&server).starts_with("HTTP/1.1 200"));
    (0..300).for_each(|number| deny(&mut client, 1000 + number));
    ends(&server);
}
