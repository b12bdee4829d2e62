//! An engine that keeps every byte it receives.

use std::collections::VecDeque;
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::wire::{Wire, header, is_bodiless, status};
use crate::support::{PATIENCE, wait_for};
use parking_lot::Mutex;

/// The answer to every request without a prepared one.
const YES: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n\
    Content-Length: 2\r\n\r\n";

/// A request as received, and what followed it once the connection was no longer HTTP.
#[derive(Debug)]
pub struct Seen {
    pub message: Vec<u8>,
    pub is_whole: bool,
    pub tunnel: Option<Vec<u8>>,
}

/// Answers on a unix socket until it is dropped.
pub struct RecordingEngine {
    socket: PathBuf,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

struct State {
    version: String,
    answers: VecDeque<Vec<u8>>,
    seen: Vec<Seen>,
    open: usize,
    is_ending: bool,
}

impl RecordingEngine {
    /// Starts an engine that reports itself as podman, or as Docker Engine.
    pub fn start(socket: &Path, is_podman: bool) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let part = if is_podman { "Podman Engine" } else { "Engine" };
        let body = format!(
            "{{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\",\
             \"Components\":[{{\"Name\":\"{part}\"}}]}}"
        );
        let length = body.len();
        let version = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        let state = Arc::new(Mutex::new(State {
            version,
            answers: VecDeque::new(),
            seen: Vec::new(),
            open: 0,
            is_ending: false,
        }));
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.lock().is_ending {
                    return;
                }
                shared.lock().open += 1;
                let (stream, shared) = (stream.unwrap(), Arc::clone(&shared));
                std::thread::spawn(move || {
                    serve(stream, &shared);
                    shared.lock().open -= 1;
                });
            }
        });
        Self { socket: socket.to_owned(), state, thread: Some(thread) }
    }

    /// Clears the received requests and sets the answers to the next ones.
    pub fn prepare(&self, answers: &[Vec<u8>]) {
        self.wait_until_idle();
        let mut state = self.state.lock();
        state.seen.clear();
        state.answers = answers.iter().cloned().collect();
    }

    /// The received requests, once every connection has ended.
    pub fn seen(&self) -> Vec<Seen> {
        self.wait_until_idle();
        std::mem::take(&mut self.state.lock().seen)
    }

    fn wait_until_idle(&self) {
        wait_for("dsp to leave the engine", || self.state.lock().open == 0);
    }
}

impl Drop for RecordingEngine {
    fn drop(&mut self) {
        self.state.lock().is_ending = true;
        // Wakes the thread, which then sees that it should end.
        if UnixStream::connect(&self.socket).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

/// Serves one connection. A client that leaves early has seen enough.
fn serve(stream: UnixStream, state: &Mutex<State>) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut wire = Wire::new(stream);
    loop {
        let mut message = Vec::new();
        let is_whole = request(&mut wire, &mut message).is_ok();
        if !is_whole {
            message.extend(wire.unread());
        }
        if message.is_empty() {
            return;
        }
        let (answer, place) = {
            let mut state = state.lock();
            let answer = is_whole.then(|| answer_to(&message, &mut state));
            state.seen.push(Seen { message, is_whole, tunnel: None });
            (answer, state.seen.len() - 1)
        };
        let Some(answer) = answer.filter(|answer| wire.stream.write_all(answer).is_ok()) else {
            return;
        };
        if is_switch(&answer) {
            let _ = wire.stream.shutdown(Shutdown::Write);
            let tunnel = wire.rest().unwrap_or_else(|_| b"(no end)".to_vec());
            // Another connection may have brought a request in the meantime.
            if let Some(own) = state.lock().seen.get_mut(place) {
                own.tunnel = Some(tunnel);
            }
            return;
        }
        if has_no_end(&answer) {
            return;
        }
    }
}

fn request(wire: &mut Wire, message: &mut Vec<u8>) -> std::io::Result<()> {
    let head = wire.head()?;
    message.extend_from_slice(&head);
    if header(&head, "expect").is_some() {
        wire.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    wire.body(&head, message)
}

fn answer_to(message: &[u8], state: &mut State) -> Vec<u8> {
    if message.starts_with(b"GET /version HTTP/1.1\r\n") {
        return state.version.clone().into_bytes();
    }
    let is_head = message.starts_with(b"HEAD ");
    state.answers.pop_front().unwrap_or_else(|| {
        let body = if is_head { "" } else { "{}" };
        [YES, body].concat().into_bytes()
    })
}

fn is_switch(answer: &[u8]) -> bool {
    let kind = header(answer, "content-type").unwrap_or_default();
    match status(answer) {
        Some(101) => true,
        Some(200) => kind.ends_with("-stream"),
        _ => false,
    }
}

fn has_no_end(answer: &[u8]) -> bool {
    !status(answer).is_some_and(is_bodiless)
        && header(answer, "content-length").is_none()
        && header(answer, "transfer-encoding").is_none()
}
