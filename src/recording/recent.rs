//! What one thread saw lately, so that it counts what it sees again without asking anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use indexmap::{Equivalent, IndexMap};

use super::arrival::{Arrival, Identity, Standing};
use super::ledger::Ledger;
use super::tally::{Counted, Tally};

/// How many requests a thread remembers. The table behind it knows more, under a lock.
const MOST_REMEMBERED: usize = 2048;

/// The longest method, target and client name, together and in bytes, that a thread remembers.
const LONGEST_TEXT: usize = 1024;

/// The requests that one thread remembers of one session.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pulse: Pulse,
    tallies: IndexMap<Key<Box<str>>, Arc<Tally>>,
    /// Where the next request to forget stands.
    oldest: usize,
    /// Kept for its memory.
    pub(super) identity: Identity,
}

/// What a thread and its session tell each other beside the tallies.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulse {
    /// Whether the file could not be written when it was last tried.
    pub(super) failing: Arc<AtomicBool>,
    /// How many requests the thread has counted.
    pub(super) counted: Arc<AtomicU64>,
}

/// A request as it arrived, to the byte.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key<T> {
    standing: Standing,
    method: T,
    target: T,
    agent: Option<T>,
}

impl<'a> Key<&'a str> {
    /// The key of a request that is short enough to be remembered.
    pub(super) fn of(arrival: &Arrival<'a>) -> Option<Self> {
        let Arrival { method, target, agent, .. } = *arrival;
        let length = method.len() + target.len() + agent.map_or(0, str::len);
        let standing = arrival.standing();
        (length <= LONGEST_TEXT).then_some(Self { standing, method, target, agent })
    }

    fn to_owned(self) -> Key<Box<str>> {
        let Self { standing, method, target, agent } = self;
        let agent = agent.map(Box::from);
        Key { standing, method: method.into(), target: target.into(), agent }
    }
}

impl Equivalent<Key<Box<str>>> for Key<&str> {
    fn equivalent(&self, other: &Key<Box<str>>) -> bool {
        self.standing == other.standing
            && self.method == &*other.method
            && self.target == &*other.target
            && self.agent == other.agent.as_deref()
    }
}

impl Recent {
    /// Counts a request that is remembered, and tells whether the table has to be asked.
    pub(super) fn count(&mut self, key: &Key<&str>) -> Option<(Arc<Tally>, Counted)> {
        if self.is_failing() {
            return None;
        }
        let tally = self.tallies.get(key)?;
        let counted = tally.once_more();
        if counted == Counted::TooLate {
            self.tallies.clear();
            return None;
        }
        self.pulse.counted.fetch_add(1, Ordering::Relaxed);
        Some((Arc::clone(tally), counted))
    }

    /// Whether the session's file could not be written when it was last tried.
    pub(super) fn is_failing(&self) -> bool {
        self.pulse.failing.load(Ordering::Acquire)
    }

    /// Remembers a request of a session, in the place of the oldest one when there are too many. Those
    /// of another session are forgotten.
    pub(super) fn remember(&mut self, ledger: &Ledger, key: Key<&str>, tally: Arc<Tally>) {
        if !Arc::ptr_eq(&self.pulse.failing, ledger.failing()) {
            self.tallies.clear();
            self.pulse = ledger.pulse();
        }
        if self.tallies.len() >= MOST_REMEMBERED {
            self.oldest = (self.oldest + 1) % MOST_REMEMBERED;
            self.tallies.swap_remove_index(self.oldest);
        }
        self.tallies.insert(key.to_owned(), tally);
    }
}
