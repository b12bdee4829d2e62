//! The proxy on the wire, with the sample engine: each test checks one promise.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::JoinHandle;

use crate::support::{PATIENCE, Server, World, read_until};

/// The service of a client depends on its identity.
mod admission;
/// Chunks in other forms than libraries write.
pub mod chunks;
/// Denials on the wire.
mod denials;
/// Either side leaves, or ends only its own direction.
mod ends;
/// Streams and uploads, piece by piece.
mod flow;
/// Answers of which something is hidden.
mod hide;
/// Connections that stop being HTTP.
mod hijack;
/// The resources that a client can use, and which clients are admitted.
mod limits;
/// Heads, lengths and the other details of single messages.
mod messages;
/// Requests that a browser sends for a web page are refused over TCP.
mod tcp;
/// A recorder changes nothing.
pub mod verbatim;

const ALL: &str = "version: 1\nname: all\nallow:\n  - HEAD /_ping\n  - GET /_ping\n  - GET /containers/json\n  \
    - GET /containers/*/stats\n  - GET /events\n  - POST /containers/*/exec\n  - POST /exec/*/start\n  \
    - GET /exec/*/json\n  - POST /build\n  - POST /containers/*/attach\n  - POST /containers/*/wait\n  - POST /session\n  \
    - POST /grpc\n";

fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length =
        if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nHost: docker\r\n{headers}{length}\r\n{body}").into_bytes()
}

const CLOSE: &str = "Connection: close\r\n";
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n";

/// A recorder and an enforcer of [`ALL`], each in its own world: both must behave in the same way.
fn both() -> [(World, Server); 2] {
    let recorded = World::sample();
    let enforced = World::sample();
    enforced.write("p.yaml", ALL);
    let servers = [recorded.serve(&["record", "-q"]), enforced.serve(&["enforce", "p.yaml", "-q"])];
    let [recorder, enforcer] = servers;
    [(recorded, recorder), (enforced, enforcer)]
}

/// An engine that replaces the sample one and follows a script for one connection.
fn scripted_engine<T: Send + 'static>(
    world: &mut World,
    script: impl FnOnce(UnixStream) -> T + Send + 'static,
) -> JoinHandle<T> {
    world.stop_engine();
    let path = world.path("e.sock");
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        script(stream)
    })
}

/// An engine for one request: answers with these bytes, and returns the received head.
fn answering_engine(world: &mut World, answer: &'static str) -> JoinHandle<String> {
    scripted_engine(world, move |mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
        let _ = stream.shutdown(Shutdown::Write);
        // Until the proxy has read the answer and leaves.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        head
    })
}
