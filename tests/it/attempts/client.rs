//! Performs an attempt and checks the answers.

use std::collections::VecDeque;
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use super::engine::Seen;
use super::file::{Answer, Attempt, Expected, Step};
use super::wire::{Wire, header, is_bodiless, spelled, status};

/// How long an attempt waits for a byte.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that answers this request is still open.
const STILL_OPEN: &str = "GET /_ping?still=open HTTP/1.1";

/// What to check.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Against {
    /// Every answer and its text.
    Everything,
    /// The statuses that a real engine produces.
    RealStatuses,
}

/// Runs an attempt. An error shows what was sent and received.
pub fn run(
    attempt: &Attempt,
    against: Against,
    connect: impl Fn() -> UnixStream,
) -> Result<(), String> {
    let mut real = attempt.real.clone().unwrap_or_default().into_iter();
    let mut current: Option<Connection> = None;
    for step in &attempt.steps {
        let connection = current.get_or_insert_with(|| Connection::new(connect(), attempt.pieces));
        let done = match (step, against) {
            (Step::Answer(answer), Against::RealStatuses) => {
                let status = real.next().unwrap_or(answer.status);
                let (has_body, is_certain) = (answer.has_body, answer.is_certain);
                connection.answer(&Answer { has_body, is_certain, ..Answer::new(status) })
            }
            (step, _) => connection.take(step),
        };
        done.map_err(|error| format!("{error}\n{}", connection.shown()))?;
        if matches!(step, Step::Closed | Step::Open | Step::Tunnel(_) | Step::Gone) {
            current = None;
        }
    }
    Ok(())
}

/// Compares the requests that the engine received with the file.
pub fn check_seen(attempt: &Attempt, mut seen: Vec<Seen>) -> Result<(), String> {
    let shown: Vec<String> = seen.iter().map(|seen| format!("    {}", shown(seen))).collect();
    let before = seen.len();
    seen.retain(|seen| !line(seen).starts_with(STILL_OPEN));
    let opens = attempt.steps.iter().filter(|step| matches!(step, Step::Open)).count();
    let failed = |what: &str| format!("the engine {what}; it saw:\n{}", shown.join("\n"));
    if before - seen.len() != opens {
        return Err(failed(
            "did not get the request that tests whether a connection is still open",
        ));
    }
    let mut seen = VecDeque::from(seen);
    for expected in &attempt.seen {
        match expected {
            Expected::Cut(wanted) => {
                let is_cut = |seen: &Seen| line(seen) == *wanted && !seen.is_whole;
                if let Some(at) = seen.iter().position(is_cut) {
                    seen.remove(at);
                }
            }
            Expected::Request { line: wanted, message, tunnel } => {
                let Some(found) = seen.pop_front() else {
                    return Err(failed(&format!("did not see {wanted}")));
                };
                if line(&found) != *wanted || !found.is_whole {
                    return Err(failed(&format!("did not see exactly {wanted}")));
                }
                if message.as_ref().is_some_and(|message| *message != found.message) {
                    return Err(failed(&format!("did not see {wanted} byte for byte")));
                }
                if *tunnel != found.tunnel {
                    return Err(failed("did not get exactly that through a tunnel"));
                }
            }
        }
    }
    match seen.pop_front() {
        Some(more) => Err(failed(&format!("should not have seen {}", line(&more)))),
        None => Ok(()),
    }
}

fn line(seen: &Seen) -> String {
    let text = String::from_utf8_lossy(&seen.message);
    text.split("\r\n").next().unwrap_or_default().to_owned()
}

fn shown(seen: &Seen) -> String {
    let end = if seen.is_whole { "" } else { " (without its end)" };
    let tunnel = seen.tunnel.as_ref().map(|bytes| format!("\n    tunnel: {}", spelled(bytes)));
    format!("{}{end}{}", spelled(&seen.message), tunnel.unwrap_or_default())
}

/// A connection to dsp.
struct Connection {
    wire: Wire,
    sent: Vec<u8>,
    pieces: Option<usize>,
    writer: Option<JoinHandle<()>>,
}

impl Connection {
    fn new(stream: UnixStream, pieces: Option<usize>) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { wire: Wire::new(stream), sent: Vec::new(), pieces, writer: None }
    }

    fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Send(bytes) => self.send(bytes),
            Step::EndSending => self.end_sending(),
            Step::Answer(answer) => return self.answer(answer),
            Step::Closed => return self.rest(b""),
            Step::Open => return self.still_open(),
            Step::Tunnel(bytes) => {
                self.end_sending();
                return self.rest(bytes);
            }
            Step::Gone => self.join(),
        }
        Ok(())
    }

    /// Writes in parallel with reading: a client that is refused early may not be able to send
    /// everything.
    fn send(&mut self, bytes: &[u8]) {
        self.join();
        self.sent.extend_from_slice(bytes);
        let mut stream = self.wire.stream.try_clone().unwrap();
        let pieces = self.pieces.unwrap_or(usize::MAX);
        let bytes = bytes.to_vec();
        self.writer = Some(std::thread::spawn(move || {
            for piece in bytes.chunks(pieces) {
                if stream.write_all(piece).is_err() {
                    return;
                }
                std::thread::yield_now();
            }
        }));
    }

    fn join(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.join().unwrap();
        }
    }

    fn end_sending(&mut self) {
        self.join();
        let _ = self.wire.stream.shutdown(Shutdown::Write);
    }

    fn answer(&mut self, expected: &Answer) -> Result<(), String> {
        let wanted = expected.status;
        if !expected.is_certain && self.wire.has_ended().map_err(|error| error.to_string())? {
            return Ok(());
        }
        let head = self.wire.head().map_err(|error| format!("no {wanted} came: {error}"))?;
        let found = status(&head);
        if found != Some(wanted) {
            return Err(format!("the answer is not {wanted}"));
        }
        let mut message = head.clone();
        if expected.has_body && !is_bodiless(wanted) && !is_raw(&head) {
            self.wire
                .body(&head, &mut message)
                .map_err(|error| format!("the answer {wanted} broke off: {error}"))?;
        }
        let text = String::from_utf8_lossy(&message);
        for part in &expected.contains {
            if !text.contains(part) {
                return Err(format!("the answer {wanted} does not contain: {part}"));
            }
        }
        for part in &expected.lacks {
            if text.contains(part) {
                return Err(format!("the answer {wanted} contains: {part}"));
            }
        }
        Ok(())
    }

    fn rest(&mut self, expected: &[u8]) -> Result<(), String> {
        let rest =
            self.wire.rest().map_err(|error| format!("the connection has no end: {error}"))?;
        if rest != expected {
            return Err(format!("the connection ends with: {}", spelled(&rest)));
        }
        Ok(())
    }

    fn still_open(&mut self) -> Result<(), String> {
        self.send(format!("{STILL_OPEN}\r\nHost: d\r\nConnection: close\r\n\r\n").as_bytes());
        self.answer(&Answer::new(200))
            .map_err(|error| format!("the connection is not open: {error}"))?;
        self.rest(b"")
    }

    fn shown(&self) -> String {
        format!("  sent:\n    {}\n  got:\n    {}", spelled(&self.sent), spelled(&self.wire.got))
    }
}

fn is_raw(head: &[u8]) -> bool {
    header(head, "content-type").is_some_and(|kind| kind.ends_with("-stream"))
        && header(head, "transfer-encoding").is_none()
}
