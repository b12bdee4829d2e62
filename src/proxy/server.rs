//! Accepts connections, and ends them in order.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::{self, Form};
use super::connection::Connection;
use super::control::Control;
use super::door::Door;
use super::exchange::Sink;
use super::listener::Listener;
use super::next::Client;
use super::often::Often;
use super::registry::{Limits, OpenRequest, Registered, Registry};
use super::stream::{Moving, Stream};
use super::workers::Workers;
use crate::api::Address;
use crate::policy::Gate;

/// How long accepting pauses when the system has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long it pauses for a connection that was ended to make room.
const SHORT_PAUSE: Duration = Duration::from_millis(1);

/// What all connections share.
pub(super) struct Shared<S: Sink> {
    pub(super) gate: Arc<dyn Gate>,
    pub(super) sink: Arc<S>,
    pub(super) engine: Address,
    connections: AtomicU64,
    registry: Arc<Registry>,
    workers: Arc<Workers>,
    stop: Stop,
}

/// A proxy at work.
#[derive(Debug)]
pub struct Running {
    registry: Arc<Registry>,
    stop: Stop,
}

/// How many connections had to be cut when a proxy ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Drained {
    /// Connections that were still open after the grace time.
    pub cut: usize,
}

/// The two steps of an end: nothing new, nothing at all. Between them each connection is asked to
/// end.
#[derive(Clone, Debug, Default)]
struct Stop {
    accepting: CancellationToken,
    open: CancellationToken,
    listeners: TaskTracker,
    tasks: TaskTracker,
}

/// Serves the listeners until [`Running::drain`] is called.
pub fn start<S: Sink>(
    listeners: Vec<Listener>,
    engine: Address,
    gate: Arc<dyn Gate>,
    sink: Arc<S>,
    limits: Limits,
) -> Running {
    start_on(&Arc::new(Workers::start()), listeners, engine, gate, sink, limits)
}

/// Like [`start`], with threads that serve other listeners too.
pub fn start_on<S: Sink>(
    workers: &Arc<Workers>,
    listeners: Vec<Listener>,
    engine: Address,
    gate: Arc<dyn Gate>,
    sink: Arc<S>,
    limits: Limits,
) -> Running {
    let stop = Stop::default();
    let connections = AtomicU64::new(0);
    let registry = Arc::new(Registry::new(limits));
    let shared = Arc::new(Shared {
        gate,
        sink,
        engine,
        connections,
        registry: Arc::clone(&registry),
        workers: Arc::clone(workers),
        stop: stop.clone(),
    });
    for listener in listeners {
        let shared = Arc::clone(&shared);
        stop.listeners.spawn(async move {
            let accepting = shared.stop.accepting.clone();
            accepting.run_until_cancelled(accept(&listener, &shared)).await;
        });
    }
    Running { registry, stop }
}

impl Running {
    /// How many connections and tunnels are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.stop.tasks.len()
    }

    /// The requests that are being answered, tunnels among them.
    #[must_use]
    pub fn requests(&self) -> Vec<OpenRequest> {
        self.registry.requests()
    }

    /// Ends a connection in the middle of whatever it does.
    pub fn cut(&self, connection: u64) {
        self.registry.cut(connection);
    }

    /// Ends the proxy: nothing new is accepted, idle connections are closed, and running requests
    /// get `grace` or until `hurry` is done, whichever is first. Then the rest is cut.
    pub async fn drain(&self, grace: Duration, hurry: impl Future<Output = ()>) -> Drained {
        self.stop.accepting.cancel();
        // The listeners end at once. Waiting for them makes sure that their sockets' files are
        // gone when the process is, and that no connection comes after those counted below.
        self.stop.listeners.close();
        self.stop.listeners.wait().await;
        self.registry.each(Control::finish);
        self.stop.tasks.close();
        let in_time = async {
            tokio::select! {
                () = self.stop.tasks.wait() => {}
                () = tokio::time::sleep(grace) => {}
                () = hurry => {}
            }
        };
        in_time.await;
        let cut = self.stop.tasks.len();
        self.registry.each(Control::cut);
        self.stop.open.cancel();
        self.stop.tasks.wait().await;
        Drained { cut }
    }
}

impl<S: Sink> Shared<S> {
    /// Runs a task that belongs to a connection and ends with the proxy.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let open = self.stop.open.clone();
        self.stop.tasks.spawn(async move {
            open.run_until_cancelled(task).await;
        });
    }
}

async fn accept<S: Sink>(listener: &Listener, shared: &Arc<Shared<S>>) {
    let (mut full, mut failed) = (Often::default(), Often::default());
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(stranger) = listener.admits(peer) {
                    tracing::warn!(address = %listener.address(), "turned away: {stranger}");
                    shared.spawn(turn_away(stream, 403, format!("dsp: {stranger}")));
                } else if shared.registry.has_room() {
                    let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
                    // Now, for the next one that comes counts it.
                    let registered = Registry::register(&shared.registry, number, peer);
                    if let Ok(stream) = stream.leave() {
                        let connection =
                            serve(stream, Arc::clone(shared), registered, listener.door());
                        shared.workers.spawn(&shared.stop.tasks, connection);
                    }
                } else {
                    if let Some(times) = full.once_more() {
                        tracing::warn!(times, "turned away: all connections are busy");
                    }
                    let message = "dsp: all connections are busy; try again later".to_owned();
                    shared.spawn(turn_away(stream, 503, message));
                }
            }
            // The client has gone again before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Out of file descriptors or memory: connections that end make room.
                let pause = if shared.registry.end_idle() { SHORT_PAUSE } else { ACCEPT_PAUSE };
                if let Some(times) = failed.once_more() {
                    let address = listener.address();
                    tracing::warn!(%error, %address, times, "cannot accept a connection");
                }
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Answers a connection that is not taken on. It has sent a request or soon will, and would see
/// nothing but a reset if it were closed with that unread.
async fn turn_away(mut stream: Stream, status: u16, message: String) {
    let mut bytes = Vec::new();
    answer::write(status, &message, Form { closes: true, ..Form::default() }, &mut bytes);
    if stream.write_all(&bytes).await.is_ok() {
        stream.linger().await;
    }
}

async fn serve<S: Sink>(
    stream: Moving,
    shared: Arc<Shared<S>>,
    registered: Registered,
    door: Option<Arc<Door>>,
) {
    let Ok(stream) = stream.arrive() else { return };
    let control = Arc::clone(&registered.control);
    let (number, peer) = (registered.number, registered.peer);
    let connection =
        Connection::new(shared, Client { number, peer, door }, Arc::clone(&control), stream);
    control.run(Box::pin(connection.serve())).await;
}
