//! The requests that were repeated recently, found by their text before it is parsed.

use std::hash::{Hash, Hasher};

use indexmap::{Equivalent, IndexMap};

use super::observation::Observation;
use crate::api::{Refusal, RefusalKind};
use crate::http1::Arrival;

/// How many requests are remembered. They take 5 MiB at most, given the longest text below. [`Repeats`]
/// remembers more of them, by a hash that takes longer to compute.
///
/// [`Repeats`]: super::repeats::Repeats
const MOST_REMEMBERED: usize = 4096;

/// A request is remembered only if its method, target, client name and denial together have at most
/// this many bytes.
const LONGEST_TEXT: usize = 1024;

/// Where the counts of recently repeated requests are.
#[derive(Debug, Default)]
pub(super) struct Recent {
    places: IndexMap<Key<Box<str>>, usize>,
    /// The entry that the next one replaces.
    oldest: usize,
}

/// A request exactly as it arrived, and the decision on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Key<T> {
    /// See [`Who::packed`](super::peer::Who::packed).
    who: (u8, u128),
    /// See [`Observation::place`].
    place: Option<T>,
    method: T,
    target: T,
    agent: Option<T>,
    denied: Option<T>,
    would_deny: Option<T>,
    refusal: Option<RefusalKind>,
}

impl<'a> Key<&'a str> {
    /// The key of a request, if it is short enough to be remembered.
    pub(super) fn of(observed: &Observation<'a>) -> Option<Self> {
        // What a body says is not in the text.
        if observed.contents.is_some() {
            return None;
        }
        let Observation { arrival, denied, would_deny, .. } = *observed;
        let Arrival { method, target, agent, .. } = arrival;
        let place = observed.place();
        let others = [agent, denied, would_deny, place].map(|text| text.map_or(0, str::len));
        let length = method.len() + target.len() + others.iter().sum::<usize>();
        let (who, refusal) = (observed.who().packed(), observed.refusal.map(Refusal::kind));
        let key = Self { who, place, method, target, agent, denied, would_deny, refusal };
        (length <= LONGEST_TEXT).then_some(key)
    }

    fn to_owned(self) -> Key<Box<str>> {
        let Self { who, place, method, target, agent, denied, would_deny, refusal } = self;
        let [place, agent, denied, would_deny] =
            [place, agent, denied, would_deny].map(|text| text.map(Box::from));
        let (method, target) = (method.into(), target.into());
        Key { who, place, method, target, agent, denied, would_deny, refusal }
    }
}

/// Hashes only the parts in which most requests differ, because each call to a hasher costs as much as
/// hashing a few more bytes.
impl<T: AsRef<str>> Hash for Key<T> {
    fn hash<H: Hasher>(&self, to: &mut H) {
        let (target, method) = (self.target.as_ref(), self.method.as_ref());
        let agent = self.agent.as_ref().map_or("", AsRef::as_ref);
        // All lengths are below 2048, so they do not overlap.
        let lengths = (target.len() << 12 | agent.len()) << 8 | method.len();
        to.write(target.as_bytes());
        to.write(agent.as_bytes());
        to.write_u64((self.who.1 as u64).rotate_left(20) ^ lengths as u64);
    }
}

impl Equivalent<Key<Box<str>>> for Key<&str> {
    fn equivalent(&self, other: &Key<Box<str>>) -> bool {
        self.who == other.who
            && self.place == other.place.as_deref()
            && self.refusal == other.refusal
            && self.method == &*other.method
            && self.target == &*other.target
            && self.agent == other.agent.as_deref()
            && self.denied == other.denied.as_deref()
            && self.would_deny == other.would_deny.as_deref()
    }
}

impl Recent {
    /// The index of a request's count, if the request is remembered.
    pub(super) fn find(&self, key: &Key<&str>) -> Option<usize> {
        self.places.get(key).copied()
    }

    /// Remembers the index of a request's count. If there are too many, it replaces the oldest one.
    pub(super) fn remember(&mut self, key: Key<&str>, place: usize) {
        if self.places.len() >= MOST_REMEMBERED {
            self.oldest = (self.oldest + 1) % MOST_REMEMBERED;
            self.places.swap_remove_index(self.oldest);
        }
        self.places.insert(key.to_owned(), place);
    }
}
