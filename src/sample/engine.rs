//! The state that all connections share: containers, their programs, execs and events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::sync::mpsc::channel;
use tokio_util::sync::CancellationToken;

use super::Seen;
use super::commands::{self, BACKLOG};
use super::containers::{Container, words};

/// The number of request heads that `SampleEngine::seen` returns.
const SEEN_LIMIT: usize = 10_000;

/// The number of execs that are kept; the oldest is dropped first.
const EXEC_LIMIT: usize = 1_000;

/// The state that all connections share.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) tick: Duration,
    ending: CancellationToken,
    seen: Mutex<VecDeque<Seen>>,
    received: AtomicU64,
    containers: Mutex<Vec<Arc<Container>>>,
    execs: Mutex<VecDeque<Arc<Exec>>>,
    events: broadcast::Sender<Value>,
    made: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Exec {
    pub(super) id: String,
    pub(super) container: Arc<Container>,
    pub(super) command: Vec<String>,
    pub(super) tty: bool,
    pub(super) stdin: bool,
    /// Whether it was started, and its exit code.
    state: Mutex<(bool, Option<i64>)>,
}

// === impl Engine ===

impl Engine {
    /// Creates an engine in which the containers `web` and `db` are running.
    pub(super) fn new(tick: Duration, ending: CancellationToken) -> Arc<Self> {
        let engine = Arc::new(Self {
            tick,
            ending,
            seen: Mutex::default(),
            received: AtomicU64::new(0),
            containers: Mutex::default(),
            execs: Mutex::default(),
            events: broadcast::Sender::new(256),
            made: AtomicU64::new(0),
        });
        for (name, image, program) in
            [("web", "nginx:alpine", "nginx"), ("db", "postgres:16", "postgres")]
        {
            let request = json!({ "Image": image, "Cmd": [program] });
            let container = engine.create(name, &request);
            container.greet();
            engine.start(&container);
        }
        engine
    }

    pub(super) fn note(&self, head: &Seen) {
        let mut seen = self.seen.lock();
        if seen.len() == SEEN_LIMIT {
            seen.pop_front();
        }
        seen.push_back(head.clone());
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().iter().cloned().collect()
    }

    pub(super) fn count(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub(super) fn containers(&self) -> Vec<Arc<Container>> {
        self.containers.lock().clone()
    }

    /// Finds a container by full ID, name, or unique prefix of an ID, in this order.
    pub(super) fn container(&self, name: &str) -> Option<Arc<Container>> {
        let containers = self.containers.lock();
        let bare = name.strip_prefix('/').unwrap_or(name);
        let exact = containers
            .iter()
            .find(|found| found.id == name)
            .or_else(|| containers.iter().find(|found| found.name == bare));
        if let Some(found) = exact {
            return Some(found.clone());
        }
        let mut matching = containers.iter().filter(|found| found.id.starts_with(name));
        match (matching.next(), matching.next()) {
            (Some(only), None) if !name.is_empty() => Some(only.clone()),
            _ => None,
        }
    }

    /// Creates a container from the body of a create request; the name must be free.
    pub(super) fn create(&self, name: &str, request: &Value) -> Arc<Container> {
        let container = Arc::new(Container::new(self.new_id(), name, request));
        self.containers.lock().insert(0, container.clone());
        self.event(&container, "create", &[]);
        container
    }

    /// Runs the container's program; returns `false` if it is running already.
    pub(super) fn start(self: &Arc<Self>, container: &Arc<Container>) -> bool {
        let Some((stdin, killed)) = container.ready() else { return false };
        self.event(container, "start", &[]);
        let container = container.clone();
        let tick = self.tick;
        self.spawn(async move |engine: Arc<Self>| {
            let (sender, receiver) = channel(BACKLOG);
            let program = async {
                tokio::select! {
                    () = killed.cancelled() => 137,
                    code = commands::run(&container.command, stdin, sender, tick) => code,
                }
            };
            let (code, ()) = tokio::join!(program, container.collect(receiver));
            container.exit(code);
            engine.event(&container, "die", &[("exitCode", code.to_string())]);
            if container.auto_remove {
                engine.remove(&container);
            }
        });
        true
    }

    pub(super) fn remove(&self, container: &Arc<Container>) {
        container.kill();
        self.containers.lock().retain(|found| found.id != container.id);
        container.status.send_modify(|status| status.removed = true);
        self.event(container, "destroy", &[]);
    }

    pub(super) fn create_exec(&self, container: &Arc<Container>, request: &Value) -> Arc<Exec> {
        let set = |key: &str| request.get(key).and_then(Value::as_bool) == Some(true);
        let exec = Arc::new(Exec {
            id: self.new_id(),
            container: container.clone(),
            command: words(request),
            tty: set("Tty"),
            stdin: set("AttachStdin"),
            state: Mutex::new((false, None)),
        });
        let mut execs = self.execs.lock();
        if execs.len() == EXEC_LIMIT {
            execs.pop_front();
        }
        execs.push_back(exec.clone());
        drop(execs);
        self.exec_event(&exec, "exec_create");
        exec
    }

    pub(super) fn exec(&self, id: &str) -> Option<Arc<Exec>> {
        self.execs.lock().iter().find(|exec| exec.id == id).cloned()
    }

    pub(super) fn events(&self) -> broadcast::Receiver<Value> {
        self.events.subscribe()
    }

    pub(super) fn exec_event(&self, exec: &Exec, action: &str) {
        let action = match action {
            "exec_die" => action.to_owned(),
            _ => format!("{action}: {} ", exec.command.join(" ")),
        };
        self.event(&exec.container, &action, &[("execID", exec.id.clone())]);
    }

    /// Sends an event about a container to all listeners.
    pub(super) fn event(&self, container: &Container, action: &str, more: &[(&str, String)]) {
        // An error means that there are no listeners.
        let _ = self.events.send(container.event(action, more));
    }

    /// Runs a task concurrently with the connections, until the engine ends.
    pub(super) fn spawn<F>(self: &Arc<Self>, task: impl FnOnce(Arc<Self>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let ending = self.ending.clone();
        let task = task(self.clone());
        tokio::spawn(async move { ending.run_until_cancelled(task).await });
    }

    /// A new ID of 64 hexadecimal digits; the sequence is the same in every run.
    fn new_id(&self) -> String {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        constant_id(number)
    }
}

// === impl Exec ===

impl Exec {
    /// Marks it as started; `false` if it was started already.
    pub(super) fn begin(&self) -> bool {
        !std::mem::replace(&mut self.state.lock().0, true)
    }

    pub(super) fn end(&self, code: i64) {
        self.state.lock().1 = Some(code);
    }

    pub(super) fn running(&self) -> bool {
        matches!(*self.state.lock(), (true, None))
    }

    pub(super) fn code(&self) -> Option<i64> {
        self.state.lock().1
    }
}

/// The constant ID with this number: 64 digits that look like any other ID.
pub(super) fn constant_id(number: u64) -> String {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = number.wrapping_mul(4).wrapping_mul(STEP).wrapping_add(0xd5b0);
    let mut id = String::with_capacity(64);
    for _ in 0..4 {
        // The output function of SplitMix64.
        state = state.wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        id.push_str(&format!("{:016x}", mixed ^ (mixed >> 31)));
    }
    id
}
