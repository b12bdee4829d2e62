//! The open connections: how many there may be, which of them are evicted to make room for new ones,
//! and what requests they have open.
//!
//! The largest consumer makes room: the party with the most connections, and within it the process with
//! the most. Of its connections, those that never had a request permitted go first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::control::Control;
use super::party::{Party, Process};
use crate::peer::Peer;
use parking_lot::Mutex;

/// How long a new connection is protected from eviction. A client that connects sends its request at
/// once.
const YOUNG: Duration = Duration::from_millis(20);

/// How long to assume that no connection can make room after a search found none.
const BARREN: Duration = Duration::from_millis(5);

/// The maximum number of processes and users whose search results are kept.
const MOST_SEARCHES: usize = 64;

/// The smallest connection limit at which a share is reserved for others.
const FEWEST_SHARED: usize = 16;

/// One connection to evict is picked per this many open connections in each search, so that each new
/// connection costs a look at about this many others, however many are open.
const LOOKED_AT: usize = 64;

/// How much load a proxy accepts at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The maximum number of connections that are open at the same time. From 16 on, one process gets
    /// at most seven eighths of them, and one user or machine fifteen sixteenths.
    pub connections: usize,
    /// How long the body of a permitted request may make no progress; `None` for no limit.
    pub body: Option<Duration>,
}

impl Limits {
    /// Far more connections than Docker clients open, and little memory while they are idle.
    pub const DEFAULT: Self = Self { connections: 16_384, body: Some(Duration::from_secs(60)) };

    fn of_process(self) -> usize {
        self.share(8)
    }

    fn of_party(self) -> usize {
        self.share(16)
    }

    /// All connections but one of `parts` equal parts.
    fn share(self, parts: usize) -> usize {
        let most = self.most();
        if most < FEWEST_SHARED { most } else { most - most / parts }
    }

    fn most(self) -> usize {
        self.connections.max(1)
    }
}

/// A request that is being answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenRequest {
    /// The number of its connection.
    pub connection: u64,
    /// The method as received.
    pub method: String,
    /// The target as received.
    pub target: String,
}

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

/// The open connections by number, oldest first.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<u64, Entry>,
    parties: HashMap<Party, usize>,
    processes: HashMap<Process, usize>,
    /// The results of earlier searches for room.
    searches: HashMap<Scope, Search>,
    /// Until when to assume that no other connection can free memory.
    relieved: Option<Instant>,
    /// The total number of connections looked at.
    #[cfg(test)]
    looked_at: usize,
}

/// The result of a search for connections to evict.
#[derive(Debug, Default)]
struct Search {
    /// The connections to evict next, starting with the last.
    doomed: Vec<u64>,
    /// Until when to assume that no other connection can make room, and the answer until then.
    barren: Option<(Instant, Room)>,
}

#[derive(Debug)]
struct Entry {
    control: Arc<Control>,
    peer: Peer,
    since: Instant,
}

/// The connections to search for room.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Scope {
    Process(Process),
    Party(Party),
    All,
}

/// Removes a connection from the registry when it has ended.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) registry: Arc<Registry>,
    /// The connection's number.
    pub(crate) number: u64,
    /// The client at the other end.
    pub(crate) peer: Peer,
    /// The orders for the connection.
    pub(crate) control: Arc<Control>,
}

impl Registry {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default() }
    }

    /// Finds room for one more connection of a peer, evicting another connection if necessary.
    pub(crate) fn room(&self, peer: &Peer) -> Room {
        let mut state = self.state.lock();
        let (party, process) = (peer.party(), peer.process());
        let has = |process| state.processes.get(&process).copied().unwrap_or_default();
        let scope = if let Some(process) = process
            && has(process) >= self.limits.of_process()
        {
            Scope::Process(process)
        } else if state.parties.get(&party).is_some_and(|has| *has >= self.limits.of_party()) {
            Scope::Party(party)
        } else if state.open.len() >= self.limits.most() {
            Scope::All
        } else {
            return Room::Free;
        };
        state.make_room(scope)
    }

    /// Evicts a connection if one can make room.
    pub(crate) fn make_room(&self) -> Room {
        self.state.lock().make_room(Scope::All)
    }

    /// Evicts connections that together use `bytes` bytes of memory, starting with those of the party
    /// that uses the most. Connections that must not make room are skipped.
    pub(crate) fn relieve(&self, mut bytes: usize) {
        let mut state = self.state.lock();
        let now = Instant::now();
        if state.relieved.is_some_and(|until| now < until) {
            return;
        }
        let mut parties: HashMap<Party, usize> = HashMap::new();
        let mut processes: HashMap<Process, usize> = HashMap::new();
        for entry in state.open.values() {
            *parties.entry(entry.peer.party()).or_default() += entry.control.held();
            if let Some(process) = entry.peer.process() {
                *processes.entry(process).or_default() += entry.control.held();
            }
        }
        let candidates = state.open.iter().filter(|(_, entry)| entry.control.held() > 0);
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
            if state.evict(number) {
                bytes = bytes.saturating_sub(held);
            }
        }
        if bytes > 0 {
            state.relieved = Some(now + BARREN);
        }
    }

    pub(crate) fn register(registry: &Arc<Self>, number: u64, peer: Peer) -> Registered {
        let control = Arc::new(Control::default());
        let entry = Entry { control: Arc::clone(&control), peer, since: Instant::now() };
        registry.state.lock().insert(number, entry);
        Registered { registry: Arc::clone(registry), number, peer, control }
    }

    /// Applies `order` to every connection.
    pub(crate) fn each(&self, order: impl Fn(&Control)) {
        self.state.lock().open.values().for_each(|entry| order(&entry.control));
    }

    /// The requests that are being answered.
    pub(crate) fn requests(&self) -> Vec<OpenRequest> {
        let state = self.state.lock();
        let asked = state.open.iter().filter_map(|(number, entry)| {
            let (method, target) = entry.control.asked()?;
            Some(OpenRequest { connection: *number, method, target })
        });
        asked.collect()
    }

    /// Ends a connection.
    pub(crate) fn cut(&self, connection: u64) {
        if let Some(entry) = self.state.lock().open.get(&connection) {
            entry.control.cut();
        }
    }
}

impl State {
    fn insert(&mut self, number: u64, entry: Entry) {
        *self.parties.entry(entry.peer.party()).or_default() += 1;
        if let Some(process) = entry.peer.process() {
            *self.processes.entry(process).or_default() += 1;
        }
        self.open.insert(number, entry);
    }

    fn remove(&mut self, number: u64) {
        let Some(entry) = self.open.remove(&number) else { return };
        less(&mut self.parties, entry.peer.party());
        if let Some(process) = entry.peer.process() {
            less(&mut self.processes, process);
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

    fn make_room(&mut self, scope: Scope) -> Room {
        let now = Instant::now();
        let mut search = self.searches.remove(&scope).unwrap_or_default();
        let room = if let Some((until, room)) = search.barren
            && now < until
        {
            room
        } else if self.evict_one(&mut search.doomed) {
            Room::Made
        } else {
            let is_any_young = self.look(scope, now, &mut search.doomed);
            if self.evict_one(&mut search.doomed) {
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

    fn evict_one(&mut self, doomed: &mut Vec<u64>) -> bool {
        while let Some(number) = doomed.pop() {
            if self.evict(number) {
                return true;
            }
        }
        false
    }

    /// Searches all connections for the next ones to evict. Returns whether younger ones could make
    /// room later.
    fn look(&mut self, scope: Scope, now: Instant, doomed: &mut Vec<u64>) -> bool {
        #[cfg(test)]
        {
            self.looked_at += self.open.len();
        }
        let mut is_any_young = false;
        let mut candidates: Vec<_> = self
            .open
            .iter()
            .filter(|(_, entry)| scope.holds(&entry.peer))
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
        doomed.clear();
        doomed.extend(candidates.into_iter().rev().map(|(_, _, number)| number));
        is_any_young
    }
}

impl Scope {
    fn holds(self, peer: &Peer) -> bool {
        match self {
            Self::Process(process) => peer.process() == Some(process),
            Self::Party(party) => peer.party() == party,
            Self::All => true,
        }
    }
}

/// Decrements a count.
fn less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.state.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn registry(connections: usize) -> Arc<Registry> {
        Arc::new(Registry::new(Limits { connections, ..Limits::DEFAULT }))
    }

    fn process(user: u32, process: u32) -> Peer {
        Peer::Process { user, group: user, process: NonZeroU32::new(process) }
    }

    /// Connections that are old enough to be evicted.
    fn old(
        registry: &Arc<Registry>,
        numbers: impl IntoIterator<Item = u64>,
        peer: Peer,
    ) -> Vec<Registered> {
        let numbers = numbers.into_iter();
        let all = numbers.map(|number| {
            let registered = Registry::register(registry, number, peer);
            registry.state.lock().open.get_mut(&number).unwrap().since = Instant::now() - YOUNG;
            registered
        });
        all.collect()
    }

    #[test]
    fn the_oldest_idle_connection_makes_room() {
        let registry = registry(2);
        let peer = Peer::Unknown;
        assert_eq!(registry.room(&peer), Room::Free);
        let busy = old(&registry, [1], peer);
        busy[0].control.begin(false);
        let idle = old(&registry, [2], peer);
        assert_eq!(registry.room(&peer), Room::Made);
        assert!(idle[0].control.is_cut() && !busy[0].control.is_cut());
        let third = old(&registry, [3], peer);
        third[0].control.begin(false);
        assert_eq!(registry.room(&peer), Room::Full, "nobody is idle");
        drop(busy);
        assert_eq!(registry.room(&peer), Room::Free);
    }

    #[test]
    fn one_that_has_just_come_may_say_something_first() {
        let registry = registry(1);
        let _fresh = Registry::register(&registry, 1, Peer::Unknown);
        assert_eq!(registry.room(&Peer::Unknown), Room::Soon { is_own: true });
    }

    /// Each new connection of a client at its limit looks at few others, whoever else connects.
    #[test]
    fn making_room_among_thousands_costs_little() {
        const MOST: u64 = 8_000;
        let registry = registry(MOST as usize);
        let (first, second) = (process(0, 1), process(7, 2));
        let mut all = old(&registry, 0..MOST, first);
        let mut made = 0;
        for number in MOST..MOST + 1_000 {
            for peer in [first, second] {
                match registry.room(&peer) {
                    Room::Made => made += 1,
                    Room::Free => {}
                    room => panic!("{room:?}"),
                }
            }
            all.extend(old(&registry, [number], second));
        }
        let looked_at = registry.state.lock().looked_at;
        assert!(made >= 1_000 && looked_at < made * LOOKED_AT * 2, "{looked_at} for {made}");
    }

    /// The same when no connection can make room yet.
    #[test]
    fn finding_no_room_costs_little() {
        const MOST: u64 = 8_000;
        let registry = registry(MOST as usize);
        let _fresh: Vec<_> =
            (0..MOST).map(|number| Registry::register(&registry, number, process(0, 1))).collect();
        registry
            .state
            .lock()
            .open
            .values_mut()
            .for_each(|entry| entry.since = Instant::now() + YOUNG);
        let start = Instant::now();
        for _ in 0..1_000 {
            assert_eq!(registry.room(&process(0, 1)), Room::Soon { is_own: true });
        }
        let looks = registry.state.lock().looked_at / MOST as usize;
        let most = start.elapsed().div_duration_f64(BARREN) as usize + 1;
        assert!(looks <= most, "{looks} looks");
    }

    #[test]
    fn room_is_made_by_whoever_has_the_most() {
        let registry = registry(10);
        let honest = old(&registry, 1..3, process(0, 1));
        let many = old(&registry, 3..11, process(0, 2));
        let newer: Vec<_> = (11..17)
            .flat_map(|number| {
                assert_eq!(registry.room(&process(0, 3)), Room::Made);
                old(&registry, [number], process(0, 3))
            })
            .collect();
        assert!(honest.iter().all(|one| !one.control.is_cut()), "the oldest, but only two");
        let cut = |all: &[Registered]| all.iter().filter(|one| one.control.is_cut()).count();
        assert_eq!((cut(&many), cut(&newer)), (5, 1));
    }

    #[test]
    fn a_user_with_many_processes_makes_room_for_another_user() {
        let registry = registry(10);
        let honest = old(&registry, 1..4, process(1000, 1));
        let _many: Vec<_> = (4..11)
            .flat_map(|number| old(&registry, [number], process(2000, number as u32)))
            .collect();
        assert_eq!(registry.room(&process(1000, 1)), Room::Made);
        assert!(honest.iter().all(|one| !one.control.is_cut()));
    }

    #[test]
    fn what_was_never_permitted_anything_goes_before_what_was() {
        let registry = registry(2);
        let served = old(&registry, [1], Peer::Unknown);
        served[0].control.begin(false);
        served[0].control.end();
        let silent = old(&registry, [2], Peer::Unknown);
        assert_eq!(registry.room(&Peer::Unknown), Room::Made);
        assert!(silent[0].control.is_cut() && !served[0].control.is_cut());
    }

    #[test]
    fn one_process_and_one_user_leave_room_for_others() {
        let registry = registry(64);
        let busy = |registered: &[Registered]| {
            registered.iter().for_each(|one| assert!(one.control.begin(false)));
        };
        let first = old(&registry, 0..56, process(0, 1));
        busy(&first);
        assert_eq!(registry.room(&process(0, 1)), Room::Full);
        assert_eq!(registry.room(&process(0, 2)), Room::Free);
        let second = old(&registry, 56..60, process(0, 2));
        busy(&second);
        assert_eq!(registry.room(&process(0, 3)), Room::Full, "the user has its share");
        assert_eq!(registry.room(&process(7, 3)), Room::Free);
    }

    #[test]
    fn what_holds_the_most_memory_ends_first() {
        let registry = registry(16);
        let small = old(&registry, 1..3, process(0, 1));
        let large = old(&registry, 3..6, process(0, 2));
        small.iter().for_each(|one| one.control.hold(10));
        large.iter().for_each(|one| one.control.hold(100));
        large[0].control.begin(false);
        registry.relieve(150);
        assert!(small.iter().all(|one| !one.control.is_cut()));
        assert!(!large[0].control.is_cut(), "a request is under way");
        assert!(large[1].control.is_cut() && large[2].control.is_cut());
    }
}
