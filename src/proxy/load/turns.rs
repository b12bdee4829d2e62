//! Fair scheduling of the connections on a thread. Processes take turns, no matter how many connections
//! each of them has and how much each connection sends.
//!
//! A connection runs at once as long as its process has not used up its share. After that it waits in
//! its process's line, and each round advances every line by about one share. Between two rounds the
//! thread polls for I/O, so a process with little work waits for one round and not for all requests of
//! the others. The unit is work and not time, so that the same bytes take the same number of turns on a
//! slow machine.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

use super::ByClient;
use super::party::{Party, Process};
use crate::peer::Peer;

/// How much work, in bytes, a connection may do before others run, and a process may do in a round.
const SHARE: usize = 256 << 10;

/// The cost of each turn in addition to the bytes read.
const TURN_COST: usize = 1 << 10;

/// The cost of a decision: a fixed part, and a multiple of the cost of reading the target.
const DECISION_COST: usize = 4 << 10;
const TARGET_FACTOR: usize = 4;

/// The maximum number of connections of one process that run in a round.
const MOST_AT_ONCE: usize = 64;

/// The process or party that shares a line.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Who {
    Process(Process),
    Party(Party),
}

impl Who {
    pub(crate) fn of(peer: &Peer) -> Self {
        peer.process().map_or_else(|| Self::Party(peer.party()), Self::Process)
    }
}

/// With this many lines, those in which nobody waits are removed.
const FEWEST_TO_SWEEP: usize = 64;

/// The lines of a thread.
#[derive(Debug)]
struct Lines<K, W> {
    lines: ByClient<K, Line<W>>,
    /// How many lines there may be before those in which nobody waits are removed. Each run of a command
    /// line is another process, and without a round, its line would stay forever.
    sweep_at: usize,
}

#[derive(Debug)]
struct Line<W> {
    /// The work done since the last round, and the number of turns it took.
    spent: usize,
    turns: usize,
    waiting: VecDeque<W>,
}

impl<W> Default for Line<W> {
    fn default() -> Self {
        Self { spent: 0, turns: 0, waiting: VecDeque::new() }
    }
}

impl<K, W> Default for Lines<K, W> {
    fn default() -> Self {
        Self { lines: ByClient::default(), sweep_at: FEWEST_TO_SWEEP }
    }
}

impl<K: Copy + Eq + Hash, W> Lines<K, W> {
    /// Whether a connection of `who` may run at once.
    fn is_free(&self, who: K) -> bool {
        self.lines.get(&who).is_none_or(|line| line.waiting.is_empty() && line.spent < SHARE)
    }

    /// Adds a waiting connection to the end of the line of `who`.
    fn wait(&mut self, who: K, waiting: W) {
        self.lines.entry(who).or_default().waiting.push_back(waiting);
    }

    /// Records work that was done.
    fn spend(&mut self, who: K, work: usize) {
        if self.lines.len() >= self.sweep_at {
            self.lines.retain(|_, line| !line.waiting.is_empty() || line.spent >= SHARE);
            // A multiple of what is left, so that many lines are not looked at again and again.
            self.sweep_at = FEWEST_TO_SWEEP.max(2 * self.lines.len());
        }
        let line = self.lines.entry(who).or_default();
        line.spent = line.spent.saturating_add(work);
        line.turns += 1;
    }

    /// Starts the next round. From each line, releases as many connections as fit in one share, judging
    /// by the last turns. `goes` returns whether the connection was still waiting.
    fn next_round(&mut self, mut goes: impl FnMut(W) -> bool) {
        self.lines.retain(|_, line| {
            let needed = line.spent / line.turns.max(1);
            let mut left = (SHARE / needed.max(1)).clamp(1, MOST_AT_ONCE);
            (line.spent, line.turns) = (0, 0);
            while left > 0
                && let Some(next) = line.waiting.pop_front()
            {
                left -= usize::from(goes(next));
            }
            !line.waiting.is_empty()
        });
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// A connection in a line. It is woken when its turn comes.
#[derive(Debug)]
struct Waiting {
    waker: Waker,
    ticket: Arc<Ticket>,
}

#[derive(Debug, Default)]
struct Ticket(AtomicU8);

const HELD: u8 = 0;
const CALLED: u8 = 1;
const GIVEN_BACK: u8 = 2;

thread_local! {
    static LINES: RefCell<Lines<Who, Waiting>> = RefCell::default();
    /// Whether rounds are running.
    static IS_BUSY: Cell<bool> = const { Cell::new(false) };
    /// How much work the running connection may still do; unlimited outside of a turn.
    static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The turns of a connection, which stays on one thread.
#[derive(Debug)]
pub(crate) struct Turns {
    who: Who,
    ticket: Option<Arc<Ticket>>,
}

impl Turns {
    pub(crate) fn of(peer: &Peer) -> Self {
        Self { who: Who::of(peer), ticket: None }
    }

    /// Calls `run` once it is this connection's turn.
    pub(crate) fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        run: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        match self.ticket.take() {
            Some(ticket) if ticket.0.load(Ordering::Acquire) == HELD => {
                self.ticket = Some(ticket);
                return Poll::Pending;
            }
            Some(_) => {}
            None if LINES.with_borrow(|lines| lines.is_free(self.who)) => {}
            None => {
                let ticket = Arc::<Ticket>::default();
                let waiting =
                    Waiting { waker: context.waker().clone(), ticket: Arc::clone(&ticket) };
                self.ticket = Some(ticket);
                LINES.with_borrow_mut(|lines| lines.wait(self.who, waiting));
                run_rounds();
                return Poll::Pending;
            }
        }
        let turn = Turn::begin(self.who);
        let polled = run(context);
        drop(turn);
        polled
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        if let Some(ticket) = &self.ticket {
            ticket.0.store(GIVEN_BACK, Ordering::Release);
        }
    }
}

/// A turn in progress. Its work is recorded when it ends.
struct Turn(Who);

impl Turn {
    fn begin(who: Who) -> Self {
        LEFT.set(SHARE);
        Self(who)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let spent = SHARE.saturating_sub(LEFT.replace(usize::MAX));
        LINES.with_borrow_mut(|lines| lines.spend(self.0, spent + TURN_COST));
    }
}

/// Counts bytes that the running connection has read.
pub(crate) fn count(bytes: usize) {
    LEFT.set(LEFT.get().saturating_sub(bytes));
}

/// Counts a decision on a request, by the length of its target.
pub(crate) fn count_decision(target: usize) {
    count(DECISION_COST.saturating_add(target.saturating_mul(TARGET_FACTOR)));
}

/// Ends the turn of a connection that has used up its share. It is polled again when it is its turn.
pub(crate) fn poll_left(context: &mut Context<'_>) -> Poll<()> {
    if LEFT.get() > 0 {
        return Poll::Ready(());
    }
    context.waker().wake_by_ref();
    Poll::Pending
}

/// Runs rounds on this thread until no connection is waiting.
fn run_rounds() {
    if IS_BUSY.replace(true) {
        return;
    }
    let rounds = Rounds;
    tokio::spawn(async move {
        let _rounds = rounds;
        loop {
            // Resumes after the thread has polled for I/O and has run the released connections.
            tokio::task::yield_now().await;
            LINES.with_borrow_mut(|lines| lines.next_round(call));
            if LINES.with_borrow(Lines::is_empty) {
                break;
            }
        }
    });
}

/// Rounds in progress. If the thread stops them, all waiting connections are released.
struct Rounds;

impl Drop for Rounds {
    fn drop(&mut self) {
        IS_BUSY.set(false);
        let left = LINES.take();
        for waiting in left.lines.into_values().flat_map(|line| line.waiting) {
            call(waiting);
        }
    }
}

/// Releases a connection. Returns false if it is gone.
fn call(waiting: Waiting) -> bool {
    let order = Ordering::AcqRel;
    let called = waiting.ticket.0.compare_exchange(HELD, CALLED, order, Ordering::Acquire).is_ok();
    if called {
        waiting.waker.wake();
    }
    called
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    /// Runs a round, and returns who was released.
    fn round(lines: &mut Lines<u8, u32>) -> Vec<u32> {
        let mut called = Vec::new();
        lines.next_round(|next| {
            called.push(next);
            true
        });
        called
    }

    #[test]
    fn one_who_asks_for_little_is_not_held_up_by_thousands() {
        let mut lines = Lines::<u8, u32>::default();
        lines.spend(1, SHARE);
        assert!(!lines.is_free(1));
        for number in 0..5_000 {
            lines.wait(1, number);
        }
        assert!(lines.is_free(2), "another process goes on at once");
        assert_eq!(round(&mut lines), [0], "each of them needed a whole share");
        lines.spend(1, SHARE);
        lines.spend(2, SHARE);
        lines.wait(2, 9_999);
        let mut called = round(&mut lines);
        called.sort_unstable();
        assert_eq!(called, [1, 9_999], "one of each in a round");
    }

    #[test]
    fn many_small_turns_make_one_large_one() {
        let mut lines = Lines::<u8, u32>::default();
        for _ in 0..256 {
            lines.spend(1, SHARE / 16);
        }
        for number in 0..100 {
            lines.wait(1, number);
        }
        assert_eq!(round(&mut lines), (0..16).collect::<Vec<_>>());
        assert!(!lines.is_free(1), "those who wait come first");
        assert_eq!(round(&mut lines).len(), MOST_AT_ONCE, "nothing was spent since");
        assert_eq!(round(&mut lines).len(), 100 - 16 - MOST_AT_ONCE);
        assert!(lines.is_empty());
        assert!(lines.is_free(1));
    }

    #[test]
    fn one_who_is_gone_takes_nobodys_turn() {
        let mut lines = Lines::<u8, u32>::default();
        lines.spend(1, SHARE);
        (0..10).for_each(|number| lines.wait(1, number));
        let mut called = Vec::new();
        lines.next_round(|next| {
            called.push(next);
            next >= 7
        });
        assert_eq!(called, (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn processes_that_come_once_leave_no_lines() {
        let mut lines = Lines::<u32, u32>::default();
        lines.wait(0, 0);
        lines.spend(1, SHARE);
        for process in 2..100_000 {
            lines.spend(process, TURN_COST);
            assert!(lines.lines.len() <= FEWEST_TO_SWEEP);
        }
        assert!(
            !lines.is_free(0) && !lines.is_free(1),
            "one that waits, and one that had its share"
        );
    }

    fn peer(process: u32) -> Peer {
        Peer::Process { user: 0, group: 0, process: NonZeroU32::new(process) }
    }

    /// A connection that always has more to do, and counts its turns.
    async fn greedy(of: Peer, times: Arc<AtomicU8>, most: u8) {
        let mut turns = Turns::of(&of);
        std::future::poll_fn(|context| {
            turns.poll(context, |context| {
                count(SHARE);
                if times.fetch_add(1, Ordering::Relaxed) + 1 >= most {
                    return Poll::Ready(());
                }
                assert!(poll_left(context).is_pending());
                Poll::Pending
            })
        })
        .await;
    }

    #[tokio::test]
    async fn processes_take_turns_whatever_number_of_connections_they_have() {
        let of_many = Arc::new(AtomicU8::new(0));
        let of_one = Arc::new(AtomicU8::new(0));
        for _ in 0..500 {
            tokio::spawn(greedy(peer(1), Arc::clone(&of_many), u8::MAX));
        }
        tokio::task::yield_now().await;
        greedy(peer(2), Arc::clone(&of_one), 20).await;
        let of_many = of_many.load(Ordering::Relaxed);
        assert!((15..=40).contains(&of_many), "20 turns of one, {of_many} of 500 others");
    }

    #[tokio::test]
    async fn rounds_end_and_begin_again() {
        for _ in 0..3 {
            let times = Arc::new(AtomicU8::new(0));
            greedy(peer(1), Arc::clone(&times), 10).await;
            assert_eq!(times.load(Ordering::Relaxed), 10);
            while IS_BUSY.get() {
                tokio::task::yield_now().await;
            }
        }
    }

    #[test]
    fn outside_of_a_turn_nothing_is_held_back() {
        count(usize::MAX - 1);
        LEFT.set(usize::MAX);
        let context = &mut Context::from_waker(Waker::noop());
        assert!(poll_left(context).is_ready());
    }
}
