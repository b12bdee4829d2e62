//! The memory that clients make this process use, with one limit for all connections together.
//!
//! This counts the buffers that stay while a connection waits: incomplete heads, data sent ahead, and
//! data that one side has not accepted. A single connection has its own limits (`http1::LONGEST_HEAD`,
//! `request_reader`), but thousands of connections at those limits would use too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::control::Control;
use super::registry::Registry;

/// The maximum number of bytes that all connections use together before some of them are evicted.
pub(crate) const MOST: usize = 64 << 20;

/// Above this, connections read in small pieces, so that buffered data stops growing.
const TIGHT: usize = MOST / 4 * 3;

/// Evictions bring memory down to this, so that the next search for memory is not needed at once.
const ENOUGH: usize = MOST / 8 * 7;

/// How many bytes a connection may use without being counted. The heads of ordinary clients fit.
const UNCOUNTED: usize = 4 << 10;

/// The memory used by the connections of all listeners in this process.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Whether memory is short.
pub(crate) fn is_tight() -> bool {
    HELD.load(Ordering::Relaxed) > TIGHT
}

/// Whether some connections have to be evicted.
pub(crate) fn is_over() -> bool {
    HELD.load(Ordering::Relaxed) > MOST
}

/// How many bytes have to be freed.
pub(crate) fn excess() -> usize {
    HELD.load(Ordering::Relaxed).saturating_sub(ENOUGH)
}

/// The memory used by one connection.
#[derive(Debug)]
pub(crate) struct Share {
    control: Arc<Control>,
    registry: Arc<Registry>,
    counted: usize,
}

impl Share {
    pub(crate) fn new(control: Arc<Control>, registry: Arc<Registry>) -> Self {
        Self { control, registry, counted: 0 }
    }

    /// Counts the memory that the connection uses while it waits. If the total is too high, the
    /// connections that use the most and have no request in progress are evicted.
    pub(crate) fn settle(&mut self, held: usize) {
        let counted = if held > UNCOUNTED { held } else { 0 };
        if counted == self.counted {
            return;
        }
        HELD.fetch_add(counted, Ordering::Relaxed);
        HELD.fetch_sub(self.counted, Ordering::Relaxed);
        self.control.hold(counted);
        let has_grown = counted > self.counted;
        self.counted = counted;
        if has_grown && is_over() {
            self.registry.relieve(excess());
        }
    }

    /// Whether this connection uses too much, because no other connection could free enough.
    pub(crate) fn is_too_much(&self) -> bool {
        self.counted > 0 && is_over()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        HELD.fetch_sub(self.counted, Ordering::Relaxed);
    }
}
