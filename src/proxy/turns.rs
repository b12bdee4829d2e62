//! Whose turn it is on a thread: the connections of one process take turns with those of others, however
//! many it has and however much each of them sends.
//!
//! A connection runs at once as long as its process has not used up its share. Then it waits in the line
//! of its process, and in each round every line goes on by about one share. Between two rounds the thread
//! looks for news, so that a process that asks for little waits for one round and not for all requests
//! of the others. What is counted is work and not time, so that the same bytes take the same turns on a
//! slow machine.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

use super::peer::{Party, Process};
use crate::peer::Peer;

/// How much work in bytes a connection does before others are looked at, and a process in a round.
const SHARE: usize = 256 << 10;

/// What each turn costs beside the bytes that it reads.
const TURN_COST: usize = 1 << 10;

/// What the decision on a request costs, and how many times as much as reading it each byte of its target.
const DECISION_COST: usize = 4 << 10;
const TARGET_FACTOR: usize = 4;

/// The most connections of one process that go on in a round.
const MOST_AT_ONCE: usize = 64;

/// Those who share one line.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Who {
    Process(Process),
    Party(Party),
}

impl Who {
    pub(super) fn of(peer: &Peer) -> Self {
        peer.process().map_or_else(|| Self::Party(peer.party()), Self::Process)
    }
}

/// The lines of one thread.
#[derive(Debug)]
struct Lines<K, W> {
    lines: HashMap<K, Line<W>>,
}

#[derive(Debug)]
struct Line<W> {
    /// What was done since the last round, and in how many turns.
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
        Self { lines: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash, W> Lines<K, W> {
    /// Whether somebody may go on at once.
    fn is_free(&self, who: K) -> bool {
        self.lines.get(&who).is_none_or(|line| line.waiting.is_empty() && line.spent < SHARE)
    }

    /// Puts somebody at the end of its line.
    fn wait(&mut self, who: K, waiting: W) {
        self.lines.entry(who).or_default().waiting.push_back(waiting);
    }

    /// Counts work that was done.
    fn spend(&mut self, who: K, work: usize) {
        let line = self.lines.entry(who).or_default();
        line.spent = line.spent.saturating_add(work);
        line.turns += 1;
    }

    /// Begins the next round: those who go on in it, as many of each line as one share is enough for
    /// by what the last ones needed. `goes` tells whether somebody still waits.
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

/// A connection in a line, woken when its turn comes.
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
    /// Whether rounds are being held.
    static IS_BUSY: Cell<bool> = const { Cell::new(false) };
    /// How much work the connection that runs may still do; no end to it outside of a turn.
    static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The turns of one connection. It stays on one thread.
#[derive(Debug)]
pub(super) struct Turns {
    who: Who,
    ticket: Option<Arc<Ticket>>,
}

impl Turns {
    pub(super) fn of(peer: &Peer) -> Self {
        Self { who: Who::of(peer), ticket: None }
    }

    /// Runs something once it is this connection's turn.
    pub(super) fn poll<T>(
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
                hold_rounds();
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

/// A turn under way. Its work is counted when it ends.
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

/// Counts the bytes that the connection that runs has read.
pub(super) fn count(bytes: usize) {
    LEFT.set(LEFT.get().saturating_sub(bytes));
}

/// Counts a request that is decided on, by the length of its target.
pub(super) fn count_decision(target: usize) {
    count(DECISION_COST.saturating_add(target.saturating_mul(TARGET_FACTOR)));
}

/// Ends the turn of a connection that has done its share: it is polled again when it is its turn.
pub(super) fn poll_left(context: &mut Context<'_>) -> Poll<()> {
    if LEFT.get() > 0 {
        return Poll::Ready(());
    }
    context.waker().wake_by_ref();
    Poll::Pending
}

/// Holds rounds on this thread until nobody waits.
fn hold_rounds() {
    if IS_BUSY.replace(true) {
        return;
    }
    let rounds = Rounds;
    tokio::spawn(async move {
        let _rounds = rounds;
        loop {
            // Comes back after the thread has looked for news, and after those who were called.
            tokio::task::yield_now().await;
            LINES.with_borrow_mut(|lines| lines.next_round(call));
            if LINES.with_borrow(Lines::is_empty) {
                break;
            }
        }
    });
}

/// Rounds that are being held. When the thread ends them, nobody is left waiting.
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

/// Has a connection go on; false when it is gone.
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

    /// Holds a round; tells who goes on.
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

    fn peer(process: u32) -> Peer {
        Peer::Process { user: 0, group: 0, process: NonZeroU32::new(process) }
    }

    /// A connection that always has more to do, and counts how often it went on.
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
