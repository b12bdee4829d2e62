//! Counts the comparisons in a test. Unlike times, counts reveal quadratic work on a busy machine
//! as well.

use std::cell::Cell;

thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

/// Counts one comparison of a rule, operation or pattern.
pub(crate) fn take() {
    TAKEN.set(TAKEN.get() + 1);
}

/// The number of comparisons in `work` on this thread.
pub(crate) fn of(work: impl FnOnce()) -> u64 {
    let before = TAKEN.get();
    work();
    TAKEN.get() - before
}
