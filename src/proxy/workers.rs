//! The threads that serve connections: one for each core, each with a runtime of its own.
//!
//! A connection stays on the thread that it was given to, and its way to the engine with it, so that
//! nothing is handed over between threads while requests go through.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// More threads than this serve no engine faster, and each one costs memory.
const MOST: usize = 8;

/// The threads, the caller's first.
#[derive(Debug)]
pub struct Workers {
    all: Vec<Worker>,
    /// Ends the threads that were started for this.
    end: CancellationToken,
}

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    /// How many connections it serves.
    open: Arc<AtomicUsize>,
}

/// Counts a connection as long as it is served.
struct Counted(Arc<AtomicUsize>);

impl Workers {
    /// The runtime that this is called in, and a thread for each other core. A thread that cannot be
    /// had is done without.
    #[must_use]
    pub fn start() -> Self {
        let end = CancellationToken::new();
        let mut all = vec![Worker::new(Handle::current())];
        let cores = thread::available_parallelism().map_or(1, usize::from).min(MOST);
        for _ in 1..cores {
            match start_thread(end.clone()) {
                Ok(runtime) => all.push(Worker::new(runtime)),
                Err(error) => tracing::warn!(%error, "goes on with fewer threads"),
            }
        }
        Self { all, end }
    }

    /// Serves a connection where the fewest are served.
    pub(super) fn spawn(
        &self,
        tasks: &TaskTracker,
        connection: impl Future<Output = ()> + Send + 'static,
    ) {
        let freest = self.all.iter().min_by_key(|worker| worker.open.load(Ordering::Relaxed));
        let Some(worker) = freest else { return };
        worker.open.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(Arc::clone(&worker.open));
        let served = async move {
            let _counted = counted;
            connection.await;
        };
        tasks.spawn_on(served, &worker.runtime);
    }
}

impl Worker {
    fn new(runtime: Handle) -> Self {
        Self { runtime, open: Arc::default() }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn start_thread(end: CancellationToken) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("dsp-worker".to_owned())
        .spawn(move || runtime.block_on(end.cancelled()))?;
    Ok(handle)
}
