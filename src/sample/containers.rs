//! A container: the state, output and input of its program.

use std::collections::VecDeque;

use bytes::Bytes;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::commands::{BACKLOG, GREETING, Piece};

/// The number of pieces of output that a container's log keeps.
const LOG_LIMIT: usize = 256;

#[derive(Debug)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) image: String,
    pub(super) command: Vec<String>,
    pub(super) config: Value,
    pub(super) tty: bool,
    pub(super) created: Timestamp,
    pub(super) status: watch::Sender<Status>,
    pub(super) auto_remove: bool,
    /// Ends the current run of the program.
    killed: Mutex<CancellationToken>,
    output: Mutex<Output>,
    stdin: Mutex<Stdin>,
}

/// The state of a container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    pub(super) phase: Phase,
    /// The exit code of the last run.
    pub(super) code: i64,
    /// The number of runs that have ended.
    pub(super) exits: u64,
    pub(super) removed: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    Created,
    Exited,
    Running,
}

#[derive(Debug, Default)]
struct Output {
    log: VecDeque<Piece>,
    followers: Vec<Sender<Piece>>,
    ended: bool,
}

/// Both ends of a program's standard input, until they are taken.
#[derive(Debug)]
struct Stdin {
    /// For the first client that attaches; `None` if stdin is closed.
    writer: Option<Sender<Bytes>>,
    /// For the program.
    reader: Option<Receiver<Bytes>>,
}

impl Container {
    /// Creates a container from the body of a create request.
    pub(super) fn new(id: String, name: &str, request: &Value) -> Self {
        let text = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default();
        let set = |key: &str| request.get(key).and_then(Value::as_bool) == Some(true);
        let auto_remove = request.pointer("/HostConfig/AutoRemove").and_then(Value::as_bool);
        let (sender, receiver) = channel(BACKLOG);
        let name = if name.is_empty() {
            format!("sample_{}", id.get(..6).unwrap_or(""))
        } else {
            name.to_owned()
        };
        Self {
            name,
            image: text("Image").to_owned(),
            command: words(request),
            config: request.clone(),
            tty: set("Tty"),
            created: Timestamp::now(),
            status: watch::Sender::new(Status {
                phase: Phase::Created,
                code: 0,
                exits: 0,
                removed: false,
            }),
            auto_remove: auto_remove == Some(true),
            killed: Mutex::default(),
            output: Mutex::default(),
            stdin: Mutex::new(Stdin {
                writer: set("OpenStdin").then_some(sender),
                reader: Some(receiver),
            }),
            id,
        }
    }

    /// Changes the state to running and returns the program's stdin and what ends the program.
    /// `None` if it is running already.
    pub(super) fn ready(&self) -> Option<(Receiver<Bytes>, CancellationToken)> {
        let is_new = self.status.send_if_modified(|status| {
            std::mem::replace(&mut status.phase, Phase::Running) != Phase::Running
        });
        if !is_new {
            return None;
        }
        // In a second run, stdin is closed.
        let stdin = self.stdin.lock().reader.take().unwrap_or_else(|| channel(1).1);
        let killed = CancellationToken::new();
        *self.killed.lock() = killed.clone();
        self.output.lock().ended = false;
        Some((stdin, killed))
    }

    /// Fills the log as if the program had run for a while.
    pub(super) fn greet(&self) {
        let greeting = GREETING.map(|(stream, text)| (stream, Bytes::from_static(text.as_bytes())));
        self.output.lock().log.extend(greeting);
    }

    pub(super) fn exit(&self, code: i64) {
        self.status.send_modify(|status| {
            status.phase = Phase::Exited;
            status.code = code;
            status.exits += 1;
        });
    }

    /// The output so far, and a receiver for the rest.
    pub(super) fn follow(&self) -> (Vec<Piece>, Receiver<Piece>) {
        let (sender, receiver) = channel(BACKLOG);
        let mut output = self.output.lock();
        if !output.ended {
            output.followers.push(sender);
        }
        (output.log.iter().cloned().collect(), receiver)
    }

    /// The sender for the program's stdin, for the first caller.
    pub(super) fn take_stdin(&self) -> Option<Sender<Bytes>> {
        self.stdin.lock().writer.take()
    }

    pub(super) fn kill(&self) {
        self.killed.lock().cancel();
    }

    pub(super) fn is_killed(&self) -> bool {
        self.killed.lock().is_cancelled()
    }

    pub(super) fn status(&self) -> Status {
        *self.status.borrow()
    }

    pub(super) fn event(&self, action: &str, more: &[(&str, String)]) -> Value {
        let now = Timestamp::now();
        let mut attributes = json!({ "image": self.image, "name": self.name });
        if let Some(map) = attributes.as_object_mut() {
            map.extend(more.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
        }
        json!({
            "status": action, "id": self.id, "from": self.image, "Type": "container",
            "Action": action, "Actor": { "ID": self.id, "Attributes": attributes },
            "scope": "local", "time": now.as_second(),
            "timeNano": i64::try_from(now.as_nanosecond()).unwrap_or_default(),
        })
    }

    /// Appends the program's output to the log and sends it to all followers. The slowest follower
    /// sets the pace.
    pub(super) async fn collect(&self, mut pieces: Receiver<Piece>) {
        while let Some(piece) = pieces.recv().await {
            let followers = {
                let mut output = self.output.lock();
                if output.log.len() == LOG_LIMIT {
                    output.log.pop_front();
                }
                output.log.push_back(piece.clone());
                output.followers.retain(|follower| !follower.is_closed());
                output.followers.clone()
            };
            for follower in followers {
                // An error means that the follower has just left.
                let _ = follower.send(piece.clone()).await;
            }
        }
        let mut output = self.output.lock();
        output.ended = true;
        output.followers.clear();
    }
}

/// The command line of a create request: entrypoint, then command.
pub(super) fn words(request: &Value) -> Vec<String> {
    let list = |key: &str| match request.get(key) {
        Some(Value::String(word)) => vec![word.clone()],
        Some(Value::Array(words)) => {
            words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    };
    [list("Entrypoint"), list("Cmd")].concat()
}
