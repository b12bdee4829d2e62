//! What others may ask of one connection, and what they may know of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use atomic_waker::AtomicWaker;

/// One connection as the registry sees it.
#[derive(Debug, Default)]
pub(super) struct Control {
    order: AtomicU8,
    is_busy: AtomicBool,
    asked: Mutex<Asked>,
    waker: AtomicWaker,
}

/// The request that is being answered. The texts keep their room for the next one.
#[derive(Debug, Default)]
struct Asked {
    is_open: bool,
    method: String,
    target: String,
}

/// End once no request is under way.
const FINISH: u8 = 1;
/// End at once.
const CUT: u8 = 2;

impl Control {
    /// Has the connection end as soon as no request is under way.
    pub(super) fn finish(&self) {
        self.order.fetch_or(FINISH, Ordering::AcqRel);
        self.waker.wake();
    }

    /// Ends the connection in the middle of whatever it does.
    pub(super) fn cut(&self) {
        self.order.fetch_or(CUT, Ordering::AcqRel);
        self.waker.wake();
    }

    /// Whether the connection is to end once no request is under way.
    pub(super) fn finishes(&self) -> bool {
        self.order.load(Ordering::Acquire) & FINISH != 0
    }

    pub(super) fn is_cut(&self) -> bool {
        self.order.load(Ordering::Acquire) & CUT != 0
    }

    /// Runs the connection until it ends or is cut. It is polled anew at each order. It comes in a
    /// box, because a future that is handed on takes its room twice.
    pub(super) async fn run(&self, mut connection: Pin<Box<impl Future<Output = ()>>>) {
        std::future::poll_fn(|context| {
            self.waker.register(context.waker());
            if self.is_cut() { Poll::Ready(()) } else { connection.as_mut().poll(context) }
        })
        .await;
    }

    /// The head of a request has come.
    pub(super) fn begin(&self) {
        self.is_busy.store(true, Ordering::Release);
    }

    /// A request goes to the engine.
    pub(super) fn ask(&self, method: &str, target: &str) {
        let mut asked = self.lock();
        asked.is_open = true;
        asked.method.clear();
        asked.method.push_str(method);
        asked.target.clear();
        asked.target.push_str(target);
    }

    /// The request has its answer, or will not get one.
    pub(super) fn end(&self) {
        self.lock().is_open = false;
        self.is_busy.store(false, Ordering::Release);
    }

    /// Whether no request is under way.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_busy.load(Ordering::Acquire)
    }

    /// Method and target of the request that the engine is answering.
    pub(super) fn asked(&self) -> Option<(String, String)> {
        let asked = self.lock();
        asked.is_open.then(|| (asked.method.clone(), asked.target.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
