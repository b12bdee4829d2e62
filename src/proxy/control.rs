//! What others may ask of one connection, and what they may know of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;

/// One connection as the registry sees it.
#[derive(Debug, Default)]
pub(super) struct Control {
    order: AtomicU8,
    is_busy: AtomicBool,
    asked: Mutex<Asked>,
    /// Told when a decision has been taken.
    decision: Condvar,
    waker: AtomicWaker,
}

/// The request that is being answered. The texts keep their room for the next one, if it is little.
#[derive(Debug, Default)]
struct Asked {
    state: State,
    method: String,
    target: String,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    /// There is none.
    #[default]
    None,
    /// The gate is asked about it.
    Deciding,
    /// The engine is asked.
    Open,
}

/// The most room in bytes that the texts of a request keep for the next one.
const KEPT_ROOM: usize = 1024;

/// How long a decision is waited for that is under way. It takes microseconds, unless the log that it
/// is written to blocks.
const LONGEST_DECISION: Duration = Duration::from_secs(1);

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

    /// The gate is to decide on a request. Said before it is asked: a reload that puts another gate in
    /// its place and then looks here sees each request that the one before decided on, because what
    /// is asked after this look is asked of the new one.
    pub(super) fn ask(&self, method: &str, target: &str) {
        let mut asked = self.lock();
        asked.state = State::Deciding;
        asked.method.clear();
        asked.method.push_str(method);
        asked.target.clear();
        asked.target.push_str(target);
    }

    /// The gate has decided: the request goes to the engine, or does not.
    pub(super) fn decided(&self, is_forwarded: bool) {
        let mut asked = self.lock();
        asked.state = if is_forwarded { State::Open } else { State::None };
        drop(asked);
        self.decision.notify_all();
    }

    /// The request has its answer, or will not get one.
    pub(super) fn end(&self) {
        let mut asked = self.lock();
        asked.state = State::None;
        let Asked { method, target, .. } = &mut *asked;
        for text in [method, target] {
            if text.capacity() > KEPT_ROOM {
                *text = String::new();
            }
        }
        drop(asked);
        self.is_busy.store(false, Ordering::Release);
    }

    /// Whether no request is under way.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_busy.load(Ordering::Acquire)
    }

    /// Method and target of the request that the engine is answering. One that is being decided over
    /// is waited for; when that takes too long it counts, for it may go on.
    pub(super) fn asked(&self) -> Option<(String, String)> {
        let until = Instant::now() + LONGEST_DECISION;
        let mut asked = self.lock();
        while asked.state == State::Deciding {
            let Some(left) = until.checked_duration_since(Instant::now()) else { break };
            let waited = self.decision.wait_timeout(asked, left);
            asked = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        (asked.state != State::None).then(|| (asked.method.clone(), asked.target.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    #[test]
    fn a_request_that_is_being_decided_over_is_waited_for() {
        for is_forwarded in [true, false] {
            let control = Arc::new(Control::default());
            control.ask("GET", "/events");
            let (told, heard) = mpsc::channel();
            let looking = std::thread::spawn({
                let control = Arc::clone(&control);
                move || {
                    told.send(()).unwrap();
                    control.asked()
                }
            });
            heard.recv().unwrap();
            control.decided(is_forwarded);
            let open = is_forwarded.then(|| ("GET".to_owned(), "/events".to_owned()));
            assert_eq!(looking.join().unwrap(), open);
            control.end();
            assert_eq!(control.asked(), None);
        }
    }

    #[test]
    fn a_decision_that_never_comes_is_not_waited_for_without_end() {
        let control = Control::default();
        control.ask("GET", "/events");
        assert_eq!(control.asked(), Some(("GET".to_owned(), "/events".to_owned())));
    }

    #[test]
    fn a_long_target_leaves_no_room_behind() {
        let control = Control::default();
        control.ask("GET", &"x".repeat(KEPT_ROOM * 8));
        control.decided(false);
        control.end();
        assert!(control.lock().target.capacity() <= KEPT_ROOM);
    }

    /// The gate is a number here. Whatever gate decided over a request, its replacement either sees
    /// the request open or the request sees the replacement.
    #[test]
    fn no_decision_falls_between_a_gate_and_the_next() {
        use std::sync::atomic::AtomicU64;
        let (gate, control) = (Arc::new(AtomicU64::new(0)), Arc::new(Control::default()));
        let asker = std::thread::spawn({
            let (gate, control) = (Arc::clone(&gate), Arc::clone(&control));
            move || {
                let (mut by, mut number) = (0, 0_u64);
                while by < 2_000 {
                    number += 1;
                    control.ask("GET", "/events");
                    // Relaxed, so that nothing but the lock of `ask` orders it.
                    by = gate.load(Ordering::Relaxed);
                    control.lock().target = format!("{by} {number}");
                    control.decided(true);
                    control.end();
                }
            }
        });
        for next in 1..=2_000_u64 {
            gate.store(next, Ordering::Relaxed);
            // What an older gate decided over is seen now or never.
            let first = control.asked();
            let second = control.asked();
            let by =
                second.as_ref().and_then(|(_, told)| told.split(' ').next()?.parse::<u64>().ok());
            assert!(by.is_none_or(|by| by >= next) || first == second, "{second:?} after {next}");
        }
        asker.join().unwrap();
    }
}
