//! What one thread saw lately, so that it counts what it sees again without asking anybody.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use indexmap::{Equivalent, IndexMap};

use super::arrival::Arrival;
use super::identity::Identity;
use super::ledger::Ledger;
use super::tally::{Counted, Tally};
use crate::api::{Refusal, RefusalKind};

/// How many requests a thread remembers: 2 MiB at most. The table behind it knows more, under a lock.
const MOST_REMEMBERED: usize = 2048;

/// The longest method, target, client name and denial, together and in bytes, that a thread remembers.
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

/// A request as it arrived, to the byte, and what was decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Key<T> {
    /// See [`Who::packed`](super::peer::Who::packed).
    who: (u8, u128),
    method: T,
    target: T,
    agent: Option<T>,
    denied: Option<T>,
    would_deny: Option<T>,
    refusal: Option<RefusalKind>,
}

impl<'a> Key<&'a str> {
    /// The key of a request that is short enough to be remembered.
    pub(super) fn of(arrival: &Arrival<'a>) -> Option<Self> {
        let Arrival { method, target, agent, denied, would_deny, .. } = *arrival;
        let others = [agent, denied, would_deny].map(|text| text.map_or(0, str::len));
        let length = method.len() + target.len() + others.iter().sum::<usize>();
        let (who, refusal) = (arrival.who().packed(), arrival.refusal.map(Refusal::kind));
        let key = Self { who, method, target, agent, denied, would_deny, refusal };
        (length <= LONGEST_TEXT).then_some(key)
    }

    fn to_owned(self) -> Key<Box<str>> {
        let Self { who, method, target, agent, denied, would_deny, refusal } = self;
        let [agent, denied, would_deny] =
            [agent, denied, would_deny].map(|text| text.map(Box::from));
        let (method, target) = (method.into(), target.into());
        Key { who, method, target, agent, denied, would_deny, refusal }
    }
}

/// What most requests differ in, in few writes: each costs as much as some bytes.
impl<T: AsRef<str>> Hash for Key<T> {
    fn hash<H: Hasher>(&self, to: &mut H) {
        let (target, method) = (self.target.as_ref(), self.method.as_ref());
        let agent = self.agent.as_ref().map_or("", AsRef::as_ref);
        // Lengths are below 2048, so that the three of them and a number are told apart.
        let lengths = (target.len() << 12 | agent.len()) << 8 | method.len();
        to.write(target.as_bytes());
        to.write(agent.as_bytes());
        to.write_u64((self.who.1 as u64).rotate_left(20) ^ lengths as u64);
    }
}

impl Equivalent<Key<Box<str>>> for Key<&str> {
    fn equivalent(&self, other: &Key<Box<str>>) -> bool {
        self.who == other.who
            && self.refusal == other.refusal
            && self.method == &*other.method
            && self.target == &*other.target
            && self.agent == other.agent.as_deref()
            && self.denied == other.denied.as_deref()
            && self.would_deny == other.would_deny.as_deref()
    }
}

impl Recent {
    /// Counts a request that is remembered, and tells whether the table has to be asked.
    pub(super) fn count(
        &mut self,
        key: &Key<&str>,
        arrival: &Arrival<'_>,
    ) -> Option<(Arc<Tally>, Counted)> {
        if self.is_failing() {
            return None;
        }
        let tally = self.tallies.get(key)?;
        let counted = tally.once_more(arrival);
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
