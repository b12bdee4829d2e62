//! Which connections are evicted to make room for new ones, or to free memory.
//!
//! The largest consumer makes room: the party with the most connections, and within it the process with
//! the most. Of its connections, those that never had a request permitted go first.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ByClient;
use super::control::Control;
use super::party::{Party, Process};
use crate::peer::Peer;

/// How long a new connection is protected from eviction. A client that connects sends its request at
/// once.
pub(super) const YOUNG: Duration = Duration::from_millis(20);

/// How long to assume that no connection can make room after a search found none.
pub(super) const BARREN: Duration = Duration::from_millis(5);

/// The maximum number of processes and users whose search results are kept.
const MOST_SEARCHES: usize = 64;

/// One connection to evict is picked per this many open connections in each search, so that each new
/// connection costs a look at about this many others, however many are open.
pub(super) const LOOKED_AT: usize = 64;

/// Whether there is room for one more connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Room {
    /// There is room.
    Free,
    /// There is room, because another connection was evicted.
    Made,
    /// Not yet: other connections are new and have not sent a request.
    Soon {
        /// Whether they belong to the same process or user, which has used up its share.
        is_own: bool,
    },
    /// All connections are busy.
    Full,
}

/// The open connections by number, oldest first, and how many each client has.
#[derive(Debug, Default)]
pub(super) struct OpenConnections {
    pub(super) open: BTreeMap<u64, Entry>,
    pub(super) parties: ByClient<Party, usize>,
    pub(super) processes: ByClient<Process, usize>,
    /// The results of earlier searches for room.
    searches: ByClient<Scope, Search>,
    /// Until when to assume that no other connection can free memory.
    relieved: Option<Instant>,
    /// The total number of connections looked at.
    #[cfg(test)]
    pub(super) looked_at: usize,
}

/// The result of a search for connections to evict.
#[derive(Debug, Default)]
struct Search {
    /// The connections to evict next, starting with the last.
    next: Vec<u64>,
    /// Until when to assume that no other connection can make room, and the answer until then.
    barren: Option<(Instant, Room)>,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) control: Arc<Control>,
    pub(super) peer: Peer,
    pub(super) since: Instant,
    /// The number of its service.
    pub(super) service: usize,
}

/// The connections to search for room.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Scope {
    Process(Process),
    Party(Party),
    All,
}

impl OpenConnections {
    /// Adds a connection.
    pub(super) fn insert(&mut self, number: u64, entry: Entry) {
        *self.parties.entry(entry.peer.party()).or_default() += 1;
        if let Some(process) = entry.peer.process() {
            *self.processes.entry(process).or_default() += 1;
        }
        self.open.insert(number, entry);
    }

    /// Removes a connection, if it is still there.
    pub(super) fn remove(&mut self, number: u64) {
        let Some(entry) = self.open.remove(&number) else { return };
        decrement(&mut self.parties, entry.peer.party());
        if let Some(process) = entry.peer.process() {
            decrement(&mut self.processes, process);
        }
    }

    /// Evicts a connection if it can make room.
    fn evict(&mut self, number: u64) -> bool {
        let is_evicted = self.open.get(&number).is_some_and(|entry| entry.control.evict());
        if is_evicted {
            self.remove(number);
        }
        is_evicted
    }

    /// Evicts a connection of this scope, if one can make room.
    pub(super) fn make_room(&mut self, scope: Scope) -> Room {
        let now = Instant::now();
        let mut search = self.searches.remove(&scope).unwrap_or_default();
        let room = if let Some((until, room)) = search.barren
            && now < until
        {
            room
        } else if self.evict_one(&mut search.next) {
            Room::Made
        } else {
            let is_any_young = self.look(scope, now, &mut search.next);
            if self.evict_one(&mut search.next) {
                Room::Made
            } else {
                let soon = Room::Soon { is_own: scope != Scope::All };
                let room = if is_any_young { soon } else { Room::Full };
                search.barren = Some((now + BARREN, room));
                room
            }
        };
        if self.searches.len() >= MOST_SEARCHES {
            self.searches.clear();
        }
        self.searches.insert(scope, search);
        room
    }

    /// Evicts connections that together use `bytes` bytes of memory, starting with those of the party
    /// that uses the most. Connections that must not make room are skipped.
    pub(super) fn relieve(&mut self, mut bytes: usize) {
        let now = Instant::now();
        if self.relieved.is_some_and(|until| now < until) {
            return;
        }
        let mut parties: ByClient<Party, usize> = ByClient::default();
        let mut processes: ByClient<Process, usize> = ByClient::default();
        for entry in self.open.values() {
            *parties.entry(entry.peer.party()).or_default() += entry.control.held();
            if let Some(process) = entry.peer.process() {
                *processes.entry(process).or_default() += entry.control.held();
            }
        }
        let candidates = self.open.iter().filter(|(_, entry)| entry.control.held() > 0);
        let mut candidates: Vec<_> = candidates
            .filter_map(|(number, entry)| {
                entry.control.loss()?;
                let of_party = parties.get(&entry.peer.party()).copied();
                let of_process = entry.peer.process().and_then(|it| processes.get(&it).copied());
                let held = entry.control.held();
                Some((Reverse((of_party, of_process, held)), *number, held))
            })
            .collect();
        candidates.sort_unstable();
        for (_, number, held) in candidates {
            if bytes == 0 {
                break;
            }
            if self.evict(number) {
                bytes = bytes.saturating_sub(held);
            }
        }
        if bytes > 0 {
            self.relieved = Some(now + BARREN);
        }
    }

    fn evict_one(&mut self, next: &mut Vec<u64>) -> bool {
        while let Some(number) = next.pop() {
            if self.evict(number) {
                return true;
            }
        }
        false
    }

    /// Searches all connections for the next ones to evict. Returns whether younger ones could make
    /// room later.
    fn look(&mut self, scope: Scope, now: Instant, next: &mut Vec<u64>) -> bool {
        #[cfg(test)]
        {
            self.looked_at += self.open.len();
        }
        let mut is_any_young = false;
        let mut candidates: Vec<_> = self
            .open
            .iter()
            .filter(|(_, entry)| scope.contains(&entry.peer))
            .filter_map(|(number, entry)| {
                let loss = entry.control.loss()?;
                if now.saturating_duration_since(entry.since) < YOUNG {
                    is_any_young = true;
                    return None;
                }
                let of_party = self.parties.get(&entry.peer.party()).copied();
                let of_process =
                    entry.peer.process().and_then(|it| self.processes.get(&it).copied());
                Some((Reverse((of_party, of_process)), loss, *number))
            })
            .collect();
        // Only a fraction, so that newer connections are considered soon.
        let most = (self.open.len() / LOOKED_AT).max(1);
        if most < candidates.len() {
            candidates.select_nth_unstable(most);
            candidates.truncate(most);
        }
        candidates.sort_unstable();
        next.clear();
        next.extend(candidates.into_iter().rev().map(|(_, _, number)| number));
        is_any_young
    }
}

impl Scope {
    fn contains(self, peer: &Peer) -> bool {
        match self {
            Self::Process(process) => peer.process() == Some(process),
            Self::Party(party) => peer.party() == party,
            Self::All => true,
        }
    }
}

/// Decrements a count.
fn decrement<K: Eq + Hash>(counts: &mut ByClient<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}
