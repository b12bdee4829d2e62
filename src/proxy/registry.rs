//! The connections that are open: how many there may be, which of them make room for new ones, and
//! what they are waiting for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use super::link::Link;

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
    open: Mutex<IndexMap<u64, Open>>,
}

#[derive(Debug)]
struct Open {
    link: Arc<Link>,
    cut: CancellationToken,
}

/// Takes a connection off the registry when it has ended.
#[derive(Debug)]
pub(super) struct Registered {
    registry: Arc<Registry>,
    /// The connection's number.
    pub(super) number: u64,
    /// Cancelled when the connection has to end at once.
    pub(super) cut: CancellationToken,
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
        let Some(at) = open.values().position(|open| open.link.is_idle()) else { return false };
        if let Some((_, idle)) = open.shift_remove_index(at) {
            idle.cut.cancel();
        }
        true
    }

    pub(super) fn register(registry: &Arc<Self>, number: u64, link: &Arc<Link>) -> Registered {
        let cut = CancellationToken::new();
        let open = Open { link: Arc::clone(link), cut: cut.clone() };
        registry.lock().insert(number, open);
        Registered { registry: Arc::clone(registry), number, cut }
    }

    /// The requests that are being answered.
    pub(super) fn requests(&self) -> Vec<OpenRequest> {
        let open = self.lock();
        let asked = open.iter().filter_map(|(number, open)| {
            let (method, target) = open.link.asked()?;
            Some(OpenRequest { connection: *number, method, target })
        });
        asked.collect()
    }

    /// Ends a connection.
    pub(super) fn cut(&self, connection: u64) {
        if let Some(open) = self.lock().get(&connection) {
            open.cut.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<u64, Open>> {
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
        let links = [(); 3].map(|()| Arc::new(Link::default()));
        assert!(registry.has_room());
        let busy = Registry::register(&registry, 1, &links[0]);
        links[0].begin(false);
        let idle = Registry::register(&registry, 2, &links[1]);
        assert!(registry.has_room());
        assert!(idle.cut.is_cancelled() && !busy.cut.is_cancelled());
        let third = Registry::register(&registry, 3, &links[2]);
        links[2].begin(false);
        assert!(!registry.has_room(), "nobody is idle");
        drop(busy);
        assert!(registry.has_room());
        drop((idle, third));
    }
}
