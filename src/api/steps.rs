//! Counts the comparisons that a test runs, so that work which grows with the square of its input is
//! told from work that does not, however busy the machine is.

use std::cell::Cell;

thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

/// One rule, operation or pattern is compared with another thing.
pub(crate) fn take() {
    TAKEN.set(TAKEN.get() + 1);
}

/// How many steps `work` takes on this thread.
pub(crate) fn of(work: impl FnOnce()) -> u64 {
    let before = TAKEN.get();
    work();
    TAKEN.get() - before
}
