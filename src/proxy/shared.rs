//! State that all connections of a proxy share.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::listening::admitting::Admitting;
use super::load::limits::Limits;
use super::load::registry::Registry;
use super::load::workers::Workers;
use super::observe::Observe;

/// State that all connections of a proxy share, whichever service each of them has.
pub(super) struct Shared {
    pub(super) registry: Arc<Registry>,
    pub(super) workers: Arc<Workers>,
    pub(super) observer: Arc<dyn Observe>,
    pub(super) stop: Stop,
    /// The number of connections being turned away.
    pub(super) turned_away: Arc<AtomicUsize>,
    /// The number of connections waiting for room.
    pub(super) waiting: Arc<AtomicUsize>,
    /// The clients that are being found out about.
    pub(super) admitting: Arc<Admitting>,
    connections: AtomicU64,
}

/// Stops a proxy in two steps: first it accepts no new connections, then every connection is cut. In
/// between, each connection is asked to end.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    pub(super) accepting: CancellationToken,
    pub(super) open: CancellationToken,
    pub(super) listeners: TaskTracker,
    pub(super) tasks: TaskTracker,
}

impl Shared {
    pub(super) fn new(limits: Limits, workers: Arc<Workers>, observer: Arc<dyn Observe>) -> Self {
        Self {
            registry: Arc::new(Registry::new(limits)),
            workers,
            observer,
            stop: Stop::default(),
            turned_away: Arc::default(),
            waiting: Arc::default(),
            admitting: Arc::default(),
            connections: AtomicU64::new(0),
        }
    }

    /// How much load the proxy accepts at once.
    pub(super) fn limits(&self) -> Limits {
        self.registry.limits
    }

    /// Returns the number of the next connection, starting at 1.
    pub(super) fn next_number(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Spawns a task that belongs to a connection and is cancelled when the proxy ends.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let open = self.stop.open.clone();
        self.stop.tasks.spawn(async move {
            open.run_until_cancelled(task).await;
        });
    }
}
