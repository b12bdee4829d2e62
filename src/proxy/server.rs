//! Starting and stopping a proxy.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::listening::accept::Acceptor;
use super::listening::listener::Listener;
use super::load::control::Control;
use super::load::limits::Limits;
use super::load::registry::{OpenRequest, Registry};
use super::load::workers::Workers;
use super::observe::Observe;
use super::record::Record;
use super::service::Admission;
use super::shared::{Shared, Stop};

/// A proxy that has not been started.
pub struct Proxy {
    listeners: Vec<Listener>,
    limits: Limits,
    workers: Option<Arc<Workers>>,
    observer: Arc<dyn Observe>,
}

/// A running proxy.
pub struct Running {
    registry: Arc<Registry>,
    stop: Stop,
    shared: Arc<Shared>,
}

/// A listener that is being served. It goes on when this is dropped.
#[derive(Clone, Debug)]
pub struct Listening {
    accepting: CancellationToken,
}

/// How a proxy ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Drained {
    /// The number of connections that were still open after the grace period, and were cut.
    pub cut: usize,
}

impl Proxy {
    /// Creates a proxy for the clients of these listeners, with [`Limits::DEFAULT`].
    #[must_use]
    pub fn new(listeners: Vec<Listener>) -> Self {
        Self { listeners, limits: Limits::DEFAULT, workers: None, observer: Arc::new(()) }
    }

    /// Sets how much load the proxy accepts at once.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Also tells this observer what happens to connections.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn Observe>) -> Self {
        Self { observer, ..self }
    }

    /// Serves the connections on these threads, which other proxies may share, instead of on its own.
    #[must_use]
    pub fn on(self, workers: &Arc<Workers>) -> Self {
        Self { workers: Some(Arc::clone(workers)), ..self }
    }

    /// Starts the proxy in the current runtime. Each connection is served with what `admission` chooses
    /// for its client, until [`Running::drain`] is called.
    pub fn serve<R: Record>(self, admission: impl Admission<R>) -> Running {
        let (listeners, running) = self.start_with_listeners();
        let _ = running.listen(listeners, admission);
        running
    }

    /// Starts the proxy without serving anything yet; [`Running::listen`] does that.
    #[must_use]
    pub fn start(self) -> Running {
        self.start_with_listeners().1
    }

    fn start_with_listeners(self) -> (Vec<Listener>, Running) {
        let workers = self.workers.unwrap_or_else(|| Arc::new(Workers::start(&self.observer)));
        let shared = Arc::new(Shared::new(self.limits, workers, self.observer));
        let (registry, stop) = (Arc::clone(&shared.registry), shared.stop.clone());
        (self.listeners, Running { registry, stop, shared })
    }
}

fn accept<R: Record>(
    listener: Listener,
    admission: &Arc<dyn Admission<R>>,
    shared: &Arc<Shared>,
) -> Listening {
    let acceptor = Acceptor::new(listener, Arc::clone(admission), Arc::clone(shared));
    let accepting = shared.stop.accepting.child_token();
    shared.stop.listeners.spawn(acceptor.run(accepting.clone()));
    Listening { accepting }
}

impl Listening {
    /// Accepts no more connections, and closes the socket soon. Open connections go on.
    pub fn close(&self) {
        self.accepting.cancel();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Running").field("stop", &self.stop).finish_non_exhaustive()
    }
}

impl Running {
    /// Also serves these listeners, in the current runtime. Each of their connections is served with what
    /// `admission` chooses, and counts like the others. Returns what closes each of them.
    pub fn listen<R: Record>(
        &self,
        listeners: Vec<Listener>,
        admission: impl Admission<R>,
    ) -> Vec<Listening> {
        let admission: Arc<dyn Admission<R>> = Arc::new(admission);
        let listeners = listeners.into_iter();
        listeners.map(|listener| accept(listener, &admission, &self.shared)).collect()
    }

    /// The number of open connections and tunnels.
    #[must_use]
    pub fn open(&self) -> usize {
        self.stop.tasks.len()
    }

    /// The requests that are being answered, including tunnels.
    #[must_use]
    pub fn requests(&self) -> Vec<OpenRequest> {
        self.registry.requests()
    }

    /// Ends a connection immediately, whatever it is doing.
    pub fn cut(&self, connection: u64) {
        self.registry.cut(connection);
    }

    /// Stops the proxy: no new connections are accepted, idle connections are closed, and open requests
    /// may go on until `grace` has passed or `hurry` completes, whichever is first. The rest are then
    /// cut.
    pub async fn drain(&self, grace: Duration, hurry: impl Future<Output = ()>) -> Drained {
        self.stop.accepting.cancel();
        // The listeners end at once. Once they have ended, their socket files are gone, and no
        // connection is added to those counted below.
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
