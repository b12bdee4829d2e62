//! The threads that serve connections: one per core, each with its own runtime.
//!
//! A connection and its connection to the engine stay on the thread they were assigned to, so that no
//! data moves between threads while requests are served.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::proxy::observe::{Event, Observe};

/// More threads would not serve an engine faster, and each one costs memory.
const MOST: usize = 8;

/// The threads, starting with the caller's.
#[derive(Debug)]
pub struct Workers {
    all: Vec<Worker>,
    /// Stops the threads that [`Workers::start`] started.
    end: CancellationToken,
}

#[derive(Debug)]
struct Worker {
    thread: Thread,
    /// The number of connections it serves.
    open: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum Thread {
    /// The caller's.
    Own(Handle),
    /// Another one, which takes connections out of a queue: many of them wake it once. To spawn them there
    /// would be a system call for each.
    Other(UnboundedSender<Connection>),
}

/// A connection on its way to its thread.
type Connection = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Counts a connection while it is served.
struct Counted(Arc<AtomicUsize>);

impl Workers {
    /// Uses the current runtime, and starts a thread for each other core. If a thread cannot be
    /// started, tells the observer and continues without it.
    #[must_use]
    pub fn start(observer: &dyn Observe) -> Self {
        let end = CancellationToken::new();
        let mut all = vec![Worker::new(Thread::Own(Handle::current()))];
        let cores = thread::available_parallelism().map_or(1, usize::from).min(MOST);
        for _ in 1..cores {
            match start_thread(end.clone()) {
                Ok(queue) => all.push(Worker::new(Thread::Other(queue))),
                Err(error) => observer.on(&Event::FewerThreads { error: &error }),
            }
        }
        Self { all, end }
    }

    /// Serves a connection on the thread with the fewest connections.
    pub(crate) fn spawn(
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
        match &worker.thread {
            Thread::Own(runtime) => {
                tasks.spawn_on(served, runtime);
            }
            Thread::Other(queue) => {
                // A thread that has ended serves nothing more.
                let _ = queue.send(Box::pin(tasks.track_future(served)));
            }
        }
    }
}

impl Worker {
    fn new(thread: Thread) -> Self {
        Self { thread, open: Arc::default() }
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

fn start_thread(end: CancellationToken) -> io::Result<UnboundedSender<Connection>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (queue, mut connections) = unbounded_channel();
    let serving = async move {
        while let Some(connection) = connections.recv().await {
            tokio::spawn(connection);
        }
    };
    thread::Builder::new()
        .name("dsp-worker".to_owned())
        .spawn(move || runtime.block_on(end.run_until_cancelled_owned(serving)))?;
    Ok(queue)
}
