//! An engine that accepts everything, and counts what it received.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use crate::support::PATIENCE;

/// The header that marks its answers.
pub const REACHED: &str = "x-reached: yes";

/// The header that repeats the `Upgrade` of a request for an operation without a tunnel.
pub const UPGRADE: &str = "x-upgrade: ";

/// Answers on a unix socket until it is dropped: 200 to every request, and 101 to a request that
/// starts an exec or attaches. There it counts the bytes until the client has ended its direction.
pub struct Upstream {
    socket: PathBuf,
    ending: Arc<AtomicBool>,
    /// The number of requests that arrived.
    arrived: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    pub fn start(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let ending = Arc::new(AtomicBool::new(false));
        let end = ending.clone();
        let arrived = Arc::new(AtomicUsize::new(0));
        let count = arrived.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let stream = stream.unwrap();
                let count = count.clone();
                std::thread::spawn(move || answer(stream, &count));
            }
        });
        Self { socket: socket.to_owned(), ending, arrived, thread: Some(thread) }
    }

    /// The number of requests that arrived.
    pub fn arrived(&self) -> usize {
        self.arrived.load(Ordering::SeqCst)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        // Wakes the thread, which then sees that it should end.
        if UnixStream::connect(&self.socket).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

/// Answers one request and ends the connection. A client that leaves early has seen enough.
fn answer(mut stream: UnixStream, arrived: &AtomicUsize) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    arrived.fetch_add(1, Ordering::SeqCst);
    let head = String::from_utf8_lossy(&head).into_owned();
    let upgrade = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("upgrade").then(|| value.to_owned())
    });
    let tunnel = head
        .lines()
        .next()
        .is_some_and(|line| line.contains("/start HTTP") || line.contains("/attach HTTP"));
    if upgrade.is_some() && tunnel {
        let _ = stream.write_all(
            b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nready\n",
        );
        let mut input = Vec::new();
        let _ = stream.read_to_end(&mut input);
        let _ = stream.write_all(format!("{} bytes\n", input.len()).as_bytes());
        return;
    }
    let upgrade = upgrade.unwrap_or_default();
    let _ = stream.write_all(
        format!(
            "HTTP/1.1 200 OK\r\n{REACHED}\r\n{UPGRADE}{upgrade}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .as_bytes(),
    );
}
