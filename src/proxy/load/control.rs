//! What other tasks may ask of a connection, and what they can see of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use parking_lot::{Condvar, Mutex};

use super::turns::Turns;

/// How long a body may take to start before its speed counts.
const START: Duration = Duration::from_secs(4);

/// The slowest speed, in bytes per second, at which an incomplete body protects its connection from
/// eviction.
const SLOWEST: u64 = 1 << 10;

/// One connection as the registry sees it.
#[derive(Debug, Default)]
pub(crate) struct Control {
    finishes: AtomicBool,
    stage: AtomicU8,
    /// How many bytes of the current body have arrived.
    received: AtomicU64,
    /// The memory counted for it, in bytes.
    held: AtomicUsize,
    asked: Mutex<Asked>,
    /// Notified when a decision has been made.
    decision: Condvar,
    waker: AtomicWaker,
}

/// The current request. The strings keep their capacity for the next request if it is small.
#[derive(Debug, Default)]
struct Asked {
    state: State,
    since: Option<Instant>,
    method: String,
    target: String,
}

/// The state of the current request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    /// There is no request.
    #[default]
    None,
    /// The gate is deciding on it.
    Deciding,
    /// The engine is answering it.
    Open,
}

/// The largest capacity, in bytes, that a string keeps for the next request.
const KEPT_ROOM: usize = 1024;

/// How long to wait for a pending decision. A decision takes microseconds, unless writing to the log
/// blocks.
const LONGEST_DECISION: Duration = Duration::from_secs(1);

/// No request has been permitted yet.
const NEW: u8 = 0;
/// A request was permitted before, and none is in progress.
const IDLE: u8 = 1;
/// A permitted request is in progress, and its body is incomplete.
const AWAITED: u8 = 2;
/// A permitted request is in progress, and it has arrived completely.
const BUSY: u8 = 3;
/// The connection ends at once. The current request is dropped, and no new one begins.
const CUT: u8 = 4;

/// What is lost when a connection is evicted, smallest loss first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Loss {
    /// It never had a request permitted, or does not send the body that it announced.
    Nothing,
    /// It is idle between requests.
    AnIdleConnection,
}

impl Control {
    /// Asks the connection to end as soon as no request is in progress.
    pub(crate) fn finish(&self) {
        self.finishes.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Ends the connection immediately, whatever it is doing.
    pub(crate) fn cut(&self) {
        self.stage.store(CUT, Ordering::Release);
        self.waker.wake();
    }

    /// Ends the connection, unless a request is in progress that is complete or arrives fast enough.
    /// Returns whether the connection ends.
    pub(crate) fn evict(&self) -> bool {
        let stage = self.stage.load(Ordering::Acquire);
        if self.loss_in(stage).is_none() {
            return false;
        }
        // If a request begins right now, either it is not ended or it is not forwarded.
        let (to, order) = (CUT, Ordering::AcqRel);
        let is_evicted = self.stage.compare_exchange(stage, to, order, Ordering::Acquire).is_ok();
        if is_evicted {
            self.waker.wake();
        }
        is_evicted
    }

    /// What would be lost if the connection were evicted; `None` if it must not be.
    pub(crate) fn loss(&self) -> Option<Loss> {
        self.loss_in(self.stage.load(Ordering::Acquire))
    }

    fn loss_in(&self, stage: u8) -> Option<Loss> {
        match stage {
            NEW => Some(Loss::Nothing),
            IDLE => Some(Loss::AnIdleConnection),
            AWAITED if self.is_slow() => Some(Loss::Nothing),
            _ => None,
        }
    }

    fn is_slow(&self) -> bool {
        let received = self.received.load(Ordering::Relaxed);
        let since = self.asked.lock().since;
        let counts = since.map_or(Duration::ZERO, |since| since.elapsed().saturating_sub(START));
        received == 0 || received < counts.as_secs().saturating_mul(SLOWEST)
    }

    /// Whether the connection should end once no request is in progress.
    pub(crate) fn finishes(&self) -> bool {
        self.finishes.load(Ordering::Acquire)
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.stage.load(Ordering::Acquire) == CUT
    }

    /// Runs the connection, whenever it is its turn, until it ends or is cut. Each order polls it
    /// again. The future is boxed because a future passed by value takes up twice its size.
    pub(crate) async fn run(
        &self,
        mut turns: Turns,
        mut connection: Pin<Box<impl Future<Output = ()>>>,
    ) {
        std::future::poll_fn(|context| {
            self.waker.register(context.waker());
            if self.is_cut() {
                return Poll::Ready(());
            }
            turns.poll(context, |context| connection.as_mut().poll(context))
        })
        .await;
    }

    /// Announces that the gate is about to decide on a request. This must be called before the gate is
    /// asked. A reload first replaces the gate and then checks here, so it sees every request that the
    /// previous gate decided on: any request announced after the check is decided by the new gate.
    pub(crate) fn ask(&self, method: &str, target: &str) {
        let mut asked = self.asked.lock();
        asked.state = State::Deciding;
        asked.method.clear();
        asked.method.push_str(method);
        asked.target.clear();
        asked.target.push_str(target);
    }

    /// Announces that a request is about to be forwarded. Returns false if the connection is ending
    /// and the request must not be forwarded.
    pub(crate) fn begin(&self, has_body: bool) -> bool {
        self.asked.lock().since = Some(Instant::now());
        self.received.store(0, Ordering::Relaxed);
        self.go_to(if has_body { AWAITED } else { BUSY })
    }

    /// Sets how much of the current body has arrived, and whether it is complete.
    pub(crate) fn receives(&self, bytes: u64, is_whole: bool) {
        self.received.store(bytes, Ordering::Relaxed);
        if is_whole {
            self.go_to(BUSY);
        }
    }

    /// Reports the gate's decision: whether the request is forwarded.
    pub(crate) fn decided(&self, is_forwarded: bool) {
        let mut asked = self.asked.lock();
        asked.state = if is_forwarded { State::Open } else { State::None };
        drop(asked);
        self.decision.notify_all();
    }

    /// Reports that the request has its answer, or will not get one.
    pub(crate) fn end(&self) {
        let mut asked = self.asked.lock();
        asked.state = State::None;
        let Asked { method, target, .. } = &mut *asked;
        for text in [method, target] {
            if text.capacity() > KEPT_ROOM {
                *text = String::new();
            }
        }
        if asked.since.take().is_some() {
            self.go_to(IDLE);
        }
    }

    /// Enters a stage, unless the connection is being cut.
    fn go_to(&self, stage: u8) -> bool {
        let next = |now| (now != CUT).then_some(stage);
        self.stage.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_ok()
    }

    /// The memory counted for the connection, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Sets the memory counted for the connection, in bytes.
    pub(crate) fn hold(&self, bytes: usize) {
        self.held.store(bytes, Ordering::Relaxed);
    }

    /// The method and the target of the request that the engine is answering. Waits for a pending
    /// decision; if that takes too long, the request counts, because it may yet be forwarded.
    pub(crate) fn asked(&self) -> Option<(String, String)> {
        let until = Instant::now() + LONGEST_DECISION;
        let mut asked = self.asked.lock();
        let is_deciding = |asked: &mut Asked| asked.state == State::Deciding;
        self.decision.wait_while_until(&mut asked, is_deciding, until);
        (asked.state != State::None).then(|| (asked.method.clone(), asked.target.clone()))
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
            let (begun, has_begun) = mpsc::channel();
            let looking = std::thread::spawn({
                let control = Arc::clone(&control);
                move || {
                    begun.send(()).unwrap();
                    control.asked()
                }
            });
            has_begun.recv().unwrap();
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
    fn the_room_for_a_long_target_is_freed() {
        let control = Control::default();
        control.ask("GET", &"x".repeat(KEPT_ROOM * 8));
        control.decided(false);
        control.end();
        assert!(control.asked.lock().target.capacity() <= KEPT_ROOM);
    }

    /// The gate is a number here. Whichever gate decided on a request, either its replacement sees the
    /// request as open, or the request sees the replacement.
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
                    // Relaxed, so that only the lock in `ask` orders it.
                    by = gate.load(Ordering::Relaxed);
                    control.asked.lock().target = format!("{by} {number}");
                    control.decided(true);
                    control.end();
                }
            }
        });
        for next in 1..=2_000_u64 {
            gate.store(next, Ordering::Relaxed);
            // A decision of an older gate is seen now or never.
            let first = control.asked();
            let second = control.asked();
            let by = second
                .as_ref()
                .and_then(|(_, target)| target.split(' ').next()?.parse::<u64>().ok());
            assert!(by.is_none_or(|by| by >= next) || first == second, "{second:?} after {next}");
        }
        asker.join().unwrap();
    }

    #[test]
    fn what_has_all_come_makes_no_room() {
        let control = Control::default();
        assert_eq!(control.loss(), Some(Loss::Nothing));
        assert!(control.begin(false));
        assert_eq!(control.loss(), None);
        assert!(!control.evict());
        control.end();
        assert_eq!(control.loss(), Some(Loss::AnIdleConnection));
    }

    #[test]
    fn a_body_that_does_not_come_makes_room() {
        let control = Control::default();
        assert!(control.begin(true));
        assert_eq!(control.loss(), Some(Loss::Nothing), "nothing has come");
        control.receives(1, false);
        assert_eq!(control.loss(), None, "it has just begun");
        control.asked.lock().since = Instant::now().checked_sub(Duration::from_secs(60));
        assert_eq!(control.loss(), Some(Loss::Nothing), "one byte in a minute");
        control.receives(1 << 20, false);
        assert_eq!(control.loss(), None);
        control.receives(1, true);
        assert_eq!(control.loss(), None, "it is whole, however long it took");
    }

    #[test]
    fn nothing_is_begun_on_a_connection_that_ends() {
        let control = Control::default();
        assert!(control.evict());
        assert!(!control.begin(false));
        control.end();
        assert!(control.is_cut());
    }
}
