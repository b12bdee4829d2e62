//! The identity of a request: the hashes that distinguish it from others.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use super::observation::Observation;
use crate::api::Risk;
use crate::contents::Facts;

/// How many different queries of one path are recorded separately. A poller that asks for
/// `/events?since=<now>` never repeats itself exactly, and its later values add nothing.
const MOST_QUERIES: u32 = 16;

/// How many different denied requests for one operation are recorded separately.
const MOST_DENIED: u32 = 256;

/// Query parameters that contain a time, which changes from one poll to the next.
const TIMES: [&str; 2] = ["since", "until"];

/// The purpose of a recording.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Purpose {
    /// To learn the needs of a program: repeated requests are counted.
    #[default]
    Evidence,
    /// To audit a program later: each request that can change something has a line.
    Audit,
}

/// Keyed hashes, of 128 bits, of what a recording would say about a request. Two requests share a
/// hash only if the recording would say the same about both: without the key, nobody can construct
/// a collision.
#[derive(Debug, Default)]
pub(super) struct Identity {
    pub(super) exact: u128,
    /// The hash that it shares with similar requests, and how many of those are recorded
    /// separately.
    pub(super) like: Option<(u128, u32)>,
    /// The hash of the operation, the user and the decision. Requests are counted by it when too many
    /// others are remembered.
    pub(super) sum: u128,
    pub(super) operation: Option<&'static str>,
    pub(super) is_denied: bool,
    /// Whether it gets a line of its own each time.
    pub(super) is_lasting: bool,
    has_hidden: bool,
    bytes: Vec<u8>,
}

/// From the system's random source, like the keys of `RandomState`.
static KEY: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let mut key = [0; 32];
    for part in key.chunks_mut(8) {
        part.copy_from_slice(&RandomState::new().hash_one(0).to_le_bytes());
    }
    key
});

impl Purpose {
    /// Whether a request gets a line each time it is admitted: it can change something, or its effect is
    /// unknown.
    fn keeps_each(self, observed: &Observation<'_>) -> bool {
        self == Self::Audit && observed.denied.is_none() && changes(observed)
    }
}

impl Identity {
    /// The identity of a request.
    pub(super) fn of(observed: &Observation<'_>, purpose: Purpose) -> Self {
        let mut identity = Self::default();
        identity.set(observed, purpose);
        identity
    }

    fn set(&mut self, observed: &Observation<'_>, purpose: Purpose) {
        self.is_denied = observed.denied.is_some();
        self.is_lasting = purpose.keeps_each(observed);
        let (path, agent) = (observed.path(), observed.agent());
        let unread = observed.unread();
        self.has_hidden = unread > 0
            || path.len() != observed.arrival.target.split('?').next().map_or(0, str::len)
            || agent.as_ref().map(|agent| agent.len()) != observed.arrival.agent.map(str::len);
        for (_, value) in observed.query() {
            self.has_hidden |= value.is_none_or(|value| value.contains(crate::api::HIDDEN));
        }
        self.operation = observed.operation();
        self.bytes.clear();
        self.bytes.extend(observed.who().bytes());
        self.bytes.push(u8::from(observed.refusal.is_some()));
        self.bytes.push(u8::from(observed.would_deny.is_some()));
        self.add(observed.place());
        self.add(self.operation);
        self.sum = hash(4, &self.bytes);
        self.bytes.clear();
        let refused = observed.refusal.map(ToString::to_string);
        self.bytes.extend(observed.who().bytes());
        self.add(observed.place());
        self.bytes.extend(unread.to_le_bytes());
        self.add(refused.as_deref());
        self.add(observed.denied);
        self.add(observed.would_deny);
        self.add(Some(&observed.method()));
        self.add(Some(&path));
        self.add(agent.as_deref());
        if observed.contents.is_some() {
            let unreadable = observed.unreadable();
            self.add(unreadable.as_deref());
            for fact in observed.facts().into_iter().flat_map(Facts::iter) {
                self.add(Some(fact.facet.as_str()));
                self.add(Some(&fact.value));
            }
            self.add(None);
        }
        for (key, _) in observed.query() {
            self.add(Some(&key));
        }
        let end = self.bytes.len();
        self.like = self.like(observed, purpose, end);
        for (_, value) in observed.query() {
            self.add(value.as_deref());
        }
        self.exact = hash(0, &self.bytes);
    }

    /// The hash that a request shares with those it may be counted with, and how many of them are
    /// recorded separately. `end` is where the values of the query begin.
    fn like(
        &mut self,
        observed: &Observation<'_>,
        purpose: Purpose,
        end: usize,
    ) -> Option<(u128, u32)> {
        if self.is_denied {
            let mut bytes = observed.who().bytes().to_vec();
            let place = observed.place().unwrap_or_default();
            bytes.extend(place.len().to_le_bytes());
            bytes.extend(place.as_bytes());
            bytes.extend(observed.operation().unwrap_or_default().as_bytes());
            bytes.push(u8::from(observed.refusal.is_some()));
            return Some((hash(1, &bytes), MOST_DENIED));
        }
        if changes(observed) {
            return None;
        }
        if purpose == Purpose::Evidence {
            return Some((hash(2, &self.bytes), MOST_QUERIES));
        }
        let is_moving = |key: &str, value: &str| {
            let is_time = |byte: u8| byte.is_ascii_digit() || b".:-+TZ".contains(&byte);
            TIMES.contains(&key) && !value.is_empty() && value.bytes().all(is_time)
        };
        let mut moves = false;
        for (key, value) in observed.query() {
            if value.as_ref().is_some_and(|value| is_moving(&key, value)) {
                moves = true;
            } else {
                self.add(value.as_deref());
            }
        }
        let like = moves.then(|| (hash(3, &self.bytes), MOST_QUERIES));
        self.bytes.truncate(end);
        like
    }

    /// Whether part of the request is not recorded because it may be secret.
    pub(super) fn has_hidden(&self) -> bool {
        self.has_hidden
    }

    /// Writes the length before each text, so that two neighbouring texts cannot be confused with two
    /// others. A missing text has a length that no head of a request can reach.
    fn add(&mut self, text: Option<&str>) {
        let length = text.and_then(|text| u32::try_from(text.len()).ok()).unwrap_or(u32::MAX);
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(text.unwrap_or_default().as_bytes());
    }
}

/// Whether a request can change something, or its effect is unknown: it has no known operation, or it is
/// refused because the engine could read it in another way.
fn changes(observed: &Observation<'_>) -> bool {
    observed.refusal.is_some() || observed.risk().is_none_or(|risk| risk >= Risk::Change)
}

/// The first half of a SHA-256 hash that starts with a key. Somebody who saw all of it could extend the
/// hashed text, but it is never shown.
fn hash(kind: u8, bytes: &[u8]) -> u128 {
    let digest =
        Sha256::new().chain_update(*KEY).chain_update([kind]).chain_update(bytes).finalize();
    digest.iter().take(16).fold(0, |hash, byte| hash << 8 | u128::from(*byte))
}
