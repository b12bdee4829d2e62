//! When dockerd writes a request down, which decides on what `--from dockerd` can find of one that is
//! still open.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use dsp::recording::{Format, Holds, Line};

use super::OwnEngine;
use crate::support::{World, wait_for};

#[test]
fn dockerd_logs_a_request_before_it_answers() {
    let Some(mut world) = World::real() else { return };
    let engine = OwnEngine::start(&mut world, "log");
    let created = world.shell("docker create --name held busybox");
    assert_eq!(created.status, 0, "{}", created.err);
    let mut client = UnixStream::connect(world.host.trim_start_matches("unix://")).unwrap();
    // It waits for the body. Since Engine 28, a POST with JSON is logged together with its body.
    let target = "/v1.41/containers/held/archive?path=/";
    write!(
        client,
        "PUT {target} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/x-tar\r\nContent-Length: 9\r\n\r\n"
    )
    .unwrap();
    wait_for("the line", || {
        let log = std::fs::read_to_string(format!("{}/log", engine.folder)).unwrap();
        let lines: Vec<Line> =
            log.lines().flat_map(|line| Format::Dockerd.lines(line)).flatten().collect();
        lines.iter().any(|line| matches!(line, Line::Request(entry) if entry.target == target))
    });
    client.set_nonblocking(true).unwrap();
    let answer = client.read(&mut [0; 1]).map_err(|error| error.kind());
    assert_eq!(answer, Err(ErrorKind::WouldBlock), "there is an answer");
    assert_eq!(Format::Dockerd.holds(), Holds::Begun);
}
