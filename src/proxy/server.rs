//! Accepts connections, and ends them in order.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::{self, Form};
use super::connection::Connection;
use super::control::Control;
use super::door::Door;
use super::exchange::Sink;
use super::listener::Listener;
use super::log_throttle::LogThrottle;
use super::next::Client;
use super::registry::{Limits, OpenRequest, Registered, Registry, Room};
use super::stream::{Moving, Stream};
use super::turns::Turns;
use super::workers::Workers;
use crate::api::Address;
use crate::peer::Peer;
use crate::policy::Gate;

/// How long accepting pauses when the system has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long it pauses for a connection that was ended to make room.
const SHORT_PAUSE: Duration = Duration::from_millis(1);

/// How long accepting pauses for those that have just come, and how often at a time.
const YOUNG_PAUSE: Duration = Duration::from_millis(5);
const MOST_PAUSES: u32 = 20;

/// How many connections wait for room at the same time, and how many of those that a process or a user
/// has too many of. Accepting never waits for them.
const MOST_WAITING: usize = 256;
const MOST_OWN_WAITING: usize = MOST_WAITING / 4 * 3;

/// After how many connections that were ended to make room accepting lets them go.
const MADE_IN_A_ROW: u32 = 16;

/// How many connections that are not taken on are waited for until they have read why.
const MOST_TURNED_AWAY: usize = 64;

/// What all connections share.
pub(super) struct Shared<S: Sink> {
    pub(super) gate: Arc<dyn Gate>,
    pub(super) sink: Arc<S>,
    pub(super) engine: Address,
    connections: AtomicU64,
    pub(super) registry: Arc<Registry>,
    workers: Arc<Workers>,
    stop: Stop,
    flaws: Mutex<LogThrottle>,
    silences: Mutex<LogThrottle>,
    /// How many connections are being turned away.
    turned_away: Arc<AtomicUsize>,
    /// How many connections wait for room.
    waiting: Arc<AtomicUsize>,
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
        flaws: Mutex::default(),
        silences: Mutex::default(),
        turned_away: Arc::default(),
        waiting: Arc::default(),
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
    /// How much is taken on at once.
    pub(super) fn limits(&self) -> Limits {
        self.registry.limits
    }

    /// Runs a task that belongs to a connection and ends with the proxy.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let open = self.stop.open.clone();
        self.stop.tasks.spawn(async move {
            open.run_until_cancelled(task).await;
        });
    }

    /// Tells of something that nobody could read and that went on as it is.
    pub(super) fn tell_of_flaw(&self, connection: u64, flaw: &dyn fmt::Display) {
        let mut flaws = self.flaws.lock();
        if let Some(times) = flaws.once_more() {
            tracing::warn!(connection, times, "passed on without a look: {flaw}");
        }
    }

    /// Tells of a request that the engine did not answer, where the client sees what it would have seen
    /// without dsp.
    pub(super) fn tell_of_silence(&self, connection: u64, error: &io::Error) {
        let mut silences = self.silences.lock();
        if let Some(times) = silences.once_more() {
            tracing::warn!(connection, times, "the engine gave no answer: {error}");
        }
    }

    /// Waits until there is room for one more connection of a peer; false when there is none.
    async fn wait_for_room(&self, peer: &Peer) -> bool {
        for _ in 0..MOST_PAUSES {
            tokio::time::sleep(YOUNG_PAUSE).await;
            match self.registry.room(peer) {
                Room::Free | Room::Made => return true,
                Room::Soon { .. } => {}
                Room::Full => return false,
            }
        }
        false
    }

    /// A place among those that wait for room, if there is one.
    fn place_to_wait(&self, is_own: bool) -> Option<Placed> {
        let most = if is_own { MOST_OWN_WAITING } else { MOST_WAITING };
        Placed::of(&self.waiting, most)
    }

    /// Serves a connection for which there is room.
    fn take_on(self: &Arc<Self>, stream: Stream, peer: Peer, door: Option<Arc<Door>>) {
        let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        // Now, for the next one that comes counts it.
        let registered = Registry::register(&self.registry, number, peer);
        if let Ok(stream) = stream.leave() {
            let connection = serve(stream, Arc::clone(self), registered, door);
            self.workers.spawn(&self.stop.tasks, connection);
        }
    }

    /// Takes a connection on as soon as there is room.
    fn take_on_soon(
        self: &Arc<Self>,
        placed: Placed,
        stream: Stream,
        peer: Peer,
        door: Option<Arc<Door>>,
        full: &Arc<Mutex<Told>>,
    ) {
        let (shared, full) = (Arc::clone(self), Arc::clone(full));
        self.spawn(async move {
            let has_room = shared.wait_for_room(&peer).await;
            drop(placed);
            if has_room {
                shared.take_on(stream, peer, door);
            } else {
                shared.refuse(stream, &full);
            }
        });
    }

    /// Turns a connection away for which there is no room.
    fn refuse(&self, stream: Stream, full: &Mutex<Told>) {
        let mut full = full.lock();
        if let Some(times) = full.throttle.once_more() {
            tracing::warn!(address = %full.address, times, "{}", full.what);
        }
        drop(full);
        self.turn_away(stream, 503, "dsp: all connections are busy; try again later");
    }

    /// Answers a connection that is not taken on, and waits for the client to read that, as long as
    /// there are few of them.
    fn turn_away(&self, stream: Stream, status: u16, message: &str) {
        let mut bytes = Vec::new();
        answer::write(status, message, Form { closes: true, ..Form::default() }, &mut bytes);
        let Some(placed) = Placed::of(&self.turned_away, MOST_TURNED_AWAY) else {
            let _ = stream.leave().and_then(|stream| stream.send_now(&bytes));
            return;
        };
        self.spawn(async move {
            let _placed = placed;
            tell(stream, &bytes).await;
        });
    }
}

/// One of those of whom there are so many at most.
struct Placed(Arc<AtomicUsize>);

impl Placed {
    fn of(count: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let more = |count| (count < most).then_some(count + 1);
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self(Arc::clone(count)))
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Something that clients cause, told of seldom and, at the end, in all.
struct Told {
    throttle: LogThrottle,
    address: Address,
    what: &'static str,
}

impl Told {
    fn new(address: &Address, what: &'static str) -> Self {
        Self { throttle: LogThrottle::default(), address: address.clone(), what }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(times) = self.throttle.untold() {
            tracing::warn!(address = %self.address, times, "{} in all", self.what);
        }
    }
}

async fn accept<S: Sink>(listener: &Listener, shared: &Arc<Shared<S>>) {
    let address = listener.address();
    let mut strangers = Told::new(address, "turned away: strangers");
    let full = Told::new(address, "turned away: all connections are busy");
    let full = Arc::new(Mutex::new(full));
    let mut failed = Told::new(address, "cannot accept a connection");
    let mut made = 0;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(stranger) = listener.admits(peer) {
                    if let Some(times) = strangers.throttle.once_more() {
                        tracing::warn!(%address, times, "turned away: {stranger}");
                    }
                    shared.turn_away(stream, 403, &format!("dsp: {stranger}"));
                    continue;
                }
                let room = shared.registry.room(&peer);
                let place = match room {
                    Room::Soon { is_own } => shared.place_to_wait(is_own),
                    Room::Free | Room::Made | Room::Full => None,
                };
                match (room, place) {
                    (Room::Free | Room::Made, _) => shared.take_on(stream, peer, listener.door()),
                    (_, Some(placed)) => {
                        shared.take_on_soon(placed, stream, peer, listener.door(), &full);
                    }
                    (_, None) => shared.refuse(stream, &full),
                }
                made += u32::from(room == Room::Made);
                if made >= MADE_IN_A_ROW {
                    made = 0;
                    // Those that end give their files back.
                    tokio::task::yield_now().await;
                }
            }
            // The client has gone again before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Out of file descriptors or memory: connections that end make room.
                let made = shared.registry.make_room() == Room::Made;
                if let Some(times) = failed.throttle.once_more() {
                    tracing::warn!(%error, %address, times, "cannot accept a connection");
                }
                tokio::time::sleep(if made { SHORT_PAUSE } else { ACCEPT_PAUSE }).await;
            }
        }
    }
}

/// Answers a connection that is not taken on. It has sent a request or soon will, and would see
/// nothing but a reset if it were closed with that unread.
async fn tell(mut stream: Stream, bytes: &[u8]) {
    if stream.write_all(bytes).await.is_ok() {
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
    control.run(Turns::of(&peer), Box::pin(connection.serve())).await;
}
