//! The memory that clients make this process hold: one bound for all connections together.
//!
//! What is counted are the buffers that stay while a connection waits: heads that are not whole, what
//! was sent ahead, and what one side has not taken. A single connection has bounds of its own
//! (`api::LONGEST_HEAD`, `intake`), and thousands of those are too much.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::control::Control;
use super::registry::Registry;

/// The most bytes that all connections hold together before some of them have to end.
pub(super) const MOST: usize = 64 << 20;

/// From here on connections read in small pieces, so that what waits grows no further.
const TIGHT: usize = MOST / 4 * 3;

/// What is freed when there is too much, so that it is not looked for again at once.
const ENOUGH: usize = MOST / 8 * 7;

/// How many bytes a connection holds without being counted; the heads of ordinary clients fit.
const UNCOUNTED: usize = 4 << 10;

/// What the connections of this process hold, whichever listener they came in by.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Whether memory is short.
pub(super) fn is_tight() -> bool {
    HELD.load(Ordering::Relaxed) > TIGHT
}

/// Whether some connections have to end.
pub(super) fn is_over() -> bool {
    HELD.load(Ordering::Relaxed) > MOST
}

/// How many bytes have to be freed.
pub(super) fn excess() -> usize {
    HELD.load(Ordering::Relaxed).saturating_sub(ENOUGH)
}

/// What one connection holds.
#[derive(Debug)]
pub(super) struct Share {
    control: Arc<Control>,
    registry: Arc<Registry>,
    counted: usize,
}

impl Share {
    pub(super) fn new(control: Arc<Control>, registry: Arc<Registry>) -> Self {
        Self { control, registry, counted: 0 }
    }

    /// Counts what the connection holds while it waits. When that is too much for all, those end that
    /// have the most and no request under way.
    pub(super) fn settle(&mut self, held: usize) {
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

    /// Whether this connection may not hold what it does, for nobody could make room.
    pub(super) fn is_too_much(&self) -> bool {
        self.counted > 0 && is_over()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        HELD.fetch_sub(self.counted, Ordering::Relaxed);
    }
}
