use std::io::{Read, Write};
use std::time::Duration;

use super::{both, request, scripted_engine};
use crate::support::{World, read_until, wait_for};

#[test]
fn each_piece_of_a_stream_arrives_at_once() {
    for (_world, server) in both() {
        let mut stream = server.connect();
        stream.write_all(&request("GET", "/v1.41/containers/web/stats", "", "")).unwrap();
        let head = read_until(&mut stream, "\r\n\r\n");
        assert!(head.contains("\r\nTransfer-Encoding: chunked\r\n"), "{head}");
        for _ in 0..3 {
            read_until(&mut stream, "\"read\":");
        }
    }
}

#[test]
fn uploads_flow_while_the_answer_comes() {
    for (world, server) in both() {
        let mut stream = server.connect();
        let head = "POST /v1.41/build HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\
                    Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let piece = vec![b'x'; 65_536];
        for _ in 0..64 {
            stream.write_all(b"10000\r\n").unwrap();
            stream.write_all(&piece).unwrap();
            stream.write_all(b"\r\n").unwrap();
        }
        wait_for("the upload to reach the engine before it ends", || {
            world.engine().received() >= 60 * 65_536
        });
        stream.write_all(b"0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("4194304"), "{answer}");
    }
}

#[test]
fn an_early_answer_does_not_end_the_upload() {
    for (_world, server) in both() {
        let mut stream = server.connect();
        let head = "POST /v1.41/build HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\
                    Content-Length: 4194304\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        for told in 1..4 {
            stream.write_all(&vec![b'x'; 1 << 20]).unwrap();
            read_until(&mut stream, &format!("{told} MiB"));
        }
        stream.write_all(&vec![b'x'; 1 << 20]).unwrap();
        read_until(&mut stream, "read 4194304 bytes");
    }
}

#[test]
fn the_head_of_an_answer_does_not_wait_for_its_body() {
    for (_world, server) in both() {
        let mut stream = server.connect();
        let path = "/v1.41/containers/web/wait?condition=removed";
        stream.write_all(&request("POST", path, "", "")).unwrap();
        let head = read_until(&mut stream, "\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    }
}

#[test]
fn a_slow_client_slows_the_engine() {
    let mut world = World::sample();
    let server = world.serve(&["record", "-q"]);
    let engine = scripted_engine(&mut world, |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n").unwrap();
        // Writes until nothing is accepted for a while, then until the client has left.
        stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut taken = 0;
        while let Ok(length) = stream.write(&[0; 65_536]) {
            taken += length;
            assert!(taken < 64 << 20, "the proxy accepts what is not read");
        }
        taken
    });
    let mut stream = server.connect();
    stream.write_all(&request("GET", "/v1.41/images/get", "", "")).unwrap();
    read_until(&mut stream, "\r\n\r\n");
    let taken = engine.join().unwrap();
    assert!(taken < 4 << 20, "{taken} bytes are on their way to a client that does not read");
}
