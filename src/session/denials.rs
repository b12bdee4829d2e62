//! Counts denials by their text.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indexmap::IndexMap;
use parking_lot::Mutex;
use thread_local::ThreadLocal;

use super::journal::beginning;
use crate::text::is_power_of_ten;

/// How many distinct denials are counted separately. Clients can cause any number of them.
const MOST_KEPT: usize = 1000;

/// How often each denial occurred, by its text.
#[derive(Default)]
pub(super) struct Denials {
    known: Mutex<IndexMap<String, Arc<AtomicU64>>>,
    /// The number of denials that are not counted separately.
    others: AtomicU64,
    /// The counters that each thread has already looked up.
    found: ThreadLocal<RefCell<HashMap<String, Arc<AtomicU64>>>>,
}

impl Denials {
    /// Counts a denial. Returns its count so far, if that is worth a line in the log.
    pub(super) fn note(&self, message: &str) -> Option<u64> {
        let message = beginning(message);
        let mut found = self.found.get_or_default().borrow_mut();
        let count = match found.get(message) {
            Some(count) => count,
            None => match self.find(message) {
                Some(count) => found.entry(message.to_owned()).or_insert(count),
                None => &self.others,
            },
        };
        let times = count.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        is_power_of_ten(times).then_some(times)
    }

    /// The denials that are counted separately, in the order in which they first occurred.
    pub(super) fn counts(&self) -> Vec<(String, u64)> {
        let known = self.known.lock();
        let known = known.iter();
        known.map(|(message, count)| (message.clone(), count.load(Ordering::Relaxed))).collect()
    }

    /// The counter of a denial, if it is counted separately.
    fn find(&self, message: &str) -> Option<Arc<AtomicU64>> {
        let mut known = self.known.lock();
        if let Some(count) = known.get(message) {
            return Some(Arc::clone(count));
        }
        if known.len() >= MOST_KEPT {
            return None;
        }
        Some(Arc::clone(known.entry(message.to_owned()).or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_denial_is_reported_at_powers_of_ten() {
        let denials = Denials::default();
        let reported: Vec<u64> = (0..150).filter_map(|_| denials.note("one")).collect();
        assert_eq!(reported, [1, 10, 100]);
        assert_eq!(denials.note("other"), Some(1));
        assert_eq!(denials.counts(), [("one".to_owned(), 150), ("other".to_owned(), 1)]);
    }

    #[test]
    fn the_memory_is_bounded_whatever_clients_ask() {
        let denials = Denials::default();
        let reported =
            (0..3 * MOST_KEPT).filter_map(|n| denials.note(&format!("denied {n}"))).count();
        assert_eq!(denials.counts().len(), MOST_KEPT);
        // The denials beyond the limit share one counter, which is reported at 1, 10, 100 and 1000.
        assert_eq!(reported, MOST_KEPT + 4);
        assert_eq!(denials.found.get().unwrap().borrow().len(), MOST_KEPT);
        // A known denial is still counted.
        denials.note("denied 7");
        let counts = denials.counts();
        assert_eq!(counts.iter().find(|(message, _)| message == "denied 7").unwrap().1, 2);
        assert!(counts.iter().all(|(_, count)| *count <= 2));
    }

    #[test]
    fn long_denials_count_as_one_when_their_beginnings_are_the_same() {
        let denials = Denials::default();
        let long = "x".repeat(4096);
        denials.note(&long);
        denials.note(&format!("{long}y"));
        let counts = denials.counts();
        assert_eq!(counts.len(), 1);
        assert!(counts[0].0.len() < 1024 && counts[0].1 == 2);
    }

    #[test]
    fn threads_share_the_counts() {
        let denials = Denials::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..250 {
                        let _ = denials.note("same");
                    }
                });
            }
        });
        assert_eq!(denials.counts(), [("same".to_owned(), 1000)]);
    }
}
