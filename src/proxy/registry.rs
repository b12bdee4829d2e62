//! The connections that are open: how many there may be, which of them make room for new ones, and
//! what they are waiting for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::control::Control;
use super::peer::Peer;
use indexmap::IndexMap;

/// How much a proxy takes on at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The most connections that are open at the same time.
    pub connections: usize,
}

impl Limits {
    /// Far more than any number of Docker clients open, and little memory while they are idle.
    pub const DEFAULT: Self = Self { connections: 16_384 };
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

/// The open connections by their number, the oldest first.
#[derive(Debug)]
pub(super) struct Registry {
    most: usize,
    open: Mutex<IndexMap<u64, Arc<Control>>>,
}

/// Takes a connection off the registry when it has ended.
#[derive(Debug)]
pub(super) struct Registered {
    registry: Arc<Registry>,
    /// The connection's number.
    pub(super) number: u64,
    /// Who is at its other end.
    pub(super) peer: Peer,
    /// What others ask of it.
    pub(super) control: Arc<Control>,
}

impl Registry {
    pub(super) fn new(limits: Limits) -> Self {
        Self { most: limits.connections.max(1), open: Mutex::default() }
    }

    /// Whether there is room for one more connection, if need be in the place of an idle one.
    pub(super) fn has_room(&self) -> bool {
        self.lock().len() < self.most || self.end_idle()
    }

    /// Ends the connection that has been there for the longest without a request under way. A
    /// client that says nothing thereby costs those that do nothing.
    pub(super) fn end_idle(&self) -> bool {
        let mut open = self.lock();
        let Some(at) = open.values().position(|open| open.is_idle()) else { return false };
        if let Some((_, idle)) = open.shift_remove_index(at) {
            idle.cut();
        }
        true
    }

    pub(super) fn register(registry: &Arc<Self>, number: u64, peer: Peer) -> Registered {
        let control = Arc::new(Control::default());
        registry.lock().insert(number, Arc::clone(&control));
        Registered { registry: Arc::clone(registry), number, peer, control }
    }

    /// Gives an order to every connection.
    pub(super) fn each(&self, order: impl Fn(&Control)) {
        self.lock().values().for_each(|control| order(control));
    }

    /// The requests that are being answered.
    pub(super) fn requests(&self) -> Vec<OpenRequest> {
        let open = self.lock();
        let asked = open.iter().filter_map(|(number, open)| {
            let (method, target) = open.asked()?;
            Some(OpenRequest { connection: *number, method, target })
        });
        asked.collect()
    }

    /// Ends a connection.
    pub(super) fn cut(&self, connection: u64) {
        if let Some(open) = self.lock().get(&connection) {
            open.cut();
        }
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<u64, Arc<Control>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.lock().shift_remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_idle_connection_makes_room() {
        let registry = Arc::new(Registry::new(Limits { connections: 2 }));
        assert!(registry.has_room());
        let busy = Registry::register(&registry, 1, Peer::Unknown);
        busy.control.begin();
        let idle = Registry::register(&registry, 2, Peer::Unknown);
        assert!(registry.has_room());
        assert!(idle.control.is_cut() && !busy.control.is_cut());
        let third = Registry::register(&registry, 3, Peer::Unknown);
        third.control.begin();
        assert!(!registry.has_room(), "nobody is idle");
        drop(busy);
        assert!(registry.has_room());
        drop((idle, third));
    }
}
