//! The open connections: how many there may be, and what requests they have open.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::control::Control;
use super::eviction::{Entry, OpenConnections, Room, Scope};
use super::limits::Limits;
use crate::peer::Peer;

/// A request that is being answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenRequest {
    /// The number of its connection.
    pub connection: u64,
    /// The number of the service that it has.
    pub service: usize,
    /// The method as received.
    pub method: String,
    /// The target as received.
    pub target: String,
}

/// The open connections.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) limits: Limits,
    state: Mutex<OpenConnections>,
}

/// Removes a connection from the registry when it has ended.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) registry: Arc<Registry>,
    /// The connection's number.
    pub(crate) number: u64,
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
    pub(super) fn relieve(&self, bytes: usize) {
        self.state.lock().relieve(bytes);
    }

    /// Adds a connection with this number, of this peer and with the service of this number.
    pub(crate) fn register(
        registry: &Arc<Self>,
        number: u64,
        peer: Peer,
        service: usize,
    ) -> Registered {
        let control = Arc::new(Control::default());
        let entry = Entry { control: Arc::clone(&control), peer, since: Instant::now(), service };
        registry.state.lock().insert(number, entry);
        Registered { registry: Arc::clone(registry), number, control }
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
            Some(OpenRequest { connection: *number, service: entry.service, method, target })
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

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.state.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::super::eviction::{BARREN, LOOKED_AT, YOUNG};
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
            let registered = Registry::register(registry, number, peer, 0);
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
        let _fresh = Registry::register(&registry, 1, Peer::Unknown, 0);
        assert_eq!(registry.room(&Peer::Unknown), Room::Soon { is_own: true });
    }

    /// Each new connection of a client at its limit looks at few others, however many other clients
    /// connect.
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
        let _fresh: Vec<_> = (0..MOST)
            .map(|number| Registry::register(&registry, number, process(0, 1), 0))
            .collect();
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
