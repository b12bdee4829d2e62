//! Accepts connections, and ends them in order.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Client;
use super::ends::ClientStream;
use super::exchange::Sink;
use super::intake::Intake;
use super::link::Link;
use super::listener::Listener;
use super::often::Often;
use super::registry::{Limits, OpenRequest, Registered, Registry};
use super::stream::Stream;
use crate::api::Address;
use crate::policy::Gate;

/// How long a client may be idle between two requests; the engine's own limit (moby
/// daemon/command/daemon.go, `ReadHeaderTimeout`).
const IDLE_TIME: Duration = Duration::from_secs(5 * 60);

/// How long the head of a request may take once its first byte has come. Clients send heads at once.
const HEAD_TIME: Duration = Duration::from_secs(20);

/// How long the end of a connection waits for a client that is still sending (Go's
/// `rstAvoidanceDelay`).
const LINGER: Duration = Duration::from_millis(500);

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

/// The three steps of an end: nothing new, nothing more on a connection, nothing at all.
#[derive(Clone, Debug, Default)]
struct Stop {
    accepting: CancellationToken,
    serving: CancellationToken,
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
    let stop = Stop::default();
    let connections = AtomicU64::new(0);
    let registry = Arc::new(Registry::new(limits));
    let shared = Arc::new(Shared {
        gate,
        sink,
        engine,
        connections,
        registry: Arc::clone(&registry),
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
        self.stop.serving.cancel();
        // The listeners end at once. Waiting for them makes sure that their sockets' files are
        // gone when the process is, and that no connection comes after those counted below.
        self.stop.listeners.close();
        self.stop.listeners.wait().await;
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
            Ok(stream) => {
                if let Err(stranger) = listener.admits(&stream) {
                    tracing::warn!(address = %listener.address(), "turned away: {stranger}");
                    let message = format!("dsp: {stranger}");
                    shared.spawn(turn_away(stream, StatusCode::FORBIDDEN, message));
                } else if shared.registry.has_room() {
                    let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
                    let link = Arc::new(Link::default());
                    // Now, for the next one that comes counts it.
                    let registered = Registry::register(&shared.registry, number, &link);
                    shared.spawn(serve(stream, Arc::clone(shared), link, registered));
                } else {
                    if let Some(times) = full.once_more() {
                        tracing::warn!(times, "turned away: all connections are busy");
                    }
                    let message = "dsp: all connections are busy; try again later".to_owned();
                    shared.spawn(turn_away(stream, StatusCode::SERVICE_UNAVAILABLE, message));
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
async fn turn_away(mut stream: Stream, status: StatusCode, message: String) {
    let body = serde_json::json!({ "message": message }).to_string() + "\n";
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    if stream.write_all((head + &body).as_bytes()).await.is_ok() {
        linger(&mut stream).await;
    }
}

async fn serve<S: Sink>(
    stream: Stream,
    shared: Arc<Shared<S>>,
    link: Arc<Link>,
    registered: Registered,
) {
    let number = registered.number;
    let serving = shared.stop.serving.clone();
    let is_strict = shared.gate.refuses_flaws();
    let intake = Intake::new(Arc::clone(&link), is_strict);
    let stream =
        ClientStream::new(stream, Arc::clone(&link), intake, is_strict.then_some(HEAD_TIME));
    let client = Arc::new(Client::new(shared, number, Arc::clone(&link)));
    let handler = Arc::clone(&client);
    let arriving = Arc::clone(&link);
    let service = service_fn(move |request: Request<Incoming>| {
        // Now, and not when the future is first polled: hyper may read on before that.
        arriving.begin(request.body().is_end_stream());
        Arc::clone(&handler).handle(request)
    });
    let mut connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIME)
        .preserve_header_case(true)
        .title_case_headers(true)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    // An error here is a client that broke off or sent no HTTP; the sink knows of its requests.
    let result = tokio::select! {
        result = &mut connection => result,
        () = registered.cut.cancelled() => return,
        () = serving.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    if let Err(error) = &result {
        tracing::debug!(%error, connection = number, "a client connection ended early");
    }
    let parts = connection.into_parts();
    let (mut stream, held, is_refused) = parts.io.into_inner().into_parts();
    let mut unread = result.is_err() || link.unread() || is_refused;
    if let Some(tunnel) = client.take_tunnel() {
        let early = [parts.read_buf, held].concat();
        stream = tokio::select! {
            stream = tunnel.run(stream, &early) => stream,
            () = registered.cut.cancelled() => return,
        };
        unread = true;
    }
    if unread {
        linger(&mut stream).await;
    }
}

/// Ends a connection on which the client may still be sending. Closing it with bytes unread would
/// reset it, and a reset takes away what the client has not yet read of its answer.
async fn linger(stream: &mut Stream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let rest = async {
        let mut buffer = [0; 4 << 10];
        while let Ok(1..) = stream.read(&mut buffer).await {}
    };
    let _ = tokio::time::timeout(LINGER, rest).await;
}
