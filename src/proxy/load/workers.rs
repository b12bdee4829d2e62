//! The threads that serve connections: one per core, each with its own runtime.
//!
//! A connection and its connection to the engine stay on the thread they were assigned to, so that no
//! data moves between threads while requests are served.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;
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
    /// The caller's thread, where connections are accepted.
    own: ThreadId,
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
    /// Another one, which takes connections out of a queue.
    Other(Arc<Queue>),
}

/// The connections that a thread is to serve. To wake the thread is a system call, and often a switch to
/// it, so those that are accepted in one turn wake it once.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Vec<Connection>>,
    /// Wakes the thread.
    has_more: Notify,
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
        Self { all, end, own: thread::current().id() }
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
                if queue.push(Box::pin(tasks.track_future(served))) {
                    self.wake(queue);
                }
            }
        }
    }

    /// Wakes a thread: at the end of this turn, if this is the thread that accepts connections.
    fn wake(&self, queue: &Arc<Queue>) {
        match self.all.first() {
            Some(Worker { thread: Thread::Own(runtime), .. })
                if thread::current().id() == self.own =>
            {
                let queue = Arc::clone(queue);
                runtime.spawn(async move { queue.has_more.notify_one() });
            }
            _ => queue.has_more.notify_one(),
        }
    }
}

impl Queue {
    /// Adds a connection. Returns whether the thread has to be woken for it.
    fn push(&self, connection: Connection) -> bool {
        let mut waiting = self.waiting.lock();
        waiting.push(connection);
        waiting.len() == 1
    }

    /// Serves connections as they come.
    async fn serve(&self) {
        loop {
            self.has_more.notified().await;
            let waiting = std::mem::take(&mut *self.waiting.lock());
            for connection in waiting {
                tokio::spawn(connection);
            }
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Queue").finish_non_exhaustive()
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

fn start_thread(end: CancellationToken) -> io::Result<Arc<Queue>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let queue = Arc::<Queue>::default();
    let of_thread = Arc::clone(&queue);
    let serving = async move { of_thread.serve().await };
    thread::Builder::new()
        .name("dsp-worker".to_owned())
        .spawn(move || runtime.block_on(end.run_until_cancelled_owned(serving)))?;
    Ok(queue)
}
