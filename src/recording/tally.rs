//! What one thread counts of one request without asking anybody.

use std::sync::Weak;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use indexmap::IndexMap;
use parking_lot::Mutex;

use super::Outcome;
use super::arrival::Arrival;
use super::ledger::Ledger;
use super::repeats::Seen;

/// Set in a count that has been taken for the last time.
const CLOSED: u64 = 1 << 63;

/// How many different statuses are counted without a lock; hardly a request has more.
const PLACES: usize = 4;

/// Where a status begins in a place; below it is its count.
const STATUS: u32 = 48;

/// How often one request came again by way of one thread. The thread counts by itself up to a number
/// that it was allowed, and asks for the next one behind it.
#[derive(Debug)]
pub(super) struct Tally {
    /// The number of the first such request.
    pub(super) first: u64,
    count: AtomicU64,
    allowed: AtomicU64,
    /// Where it is counted in the end.
    ledger: Weak<Ledger>,
    /// The request that it was made for: those that it counts are later and of the same one.
    began: Seen,
    last: Last,
    statuses: Statuses,
}

/// When the last request came, and from where. The parts are read one after the other, so while
/// requests come they may be of two that followed each other.
#[derive(Debug, Default)]
struct Last {
    /// In nanoseconds since the first; none yet at 0.
    after: AtomicU64,
    connection: AtomicU64,
    number: AtomicU32,
}

/// How a request was counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Counted {
    /// Within what is allowed.
    Quietly,
    /// Beyond it: the table has to be asked.
    AndDue,
    /// Not at all, because the session has ended.
    TooLate,
}

/// How often each status came: a status and its count in one number, so that both change at once.
#[derive(Debug, Default)]
struct Statuses {
    places: [AtomicU64; PLACES],
    others: Mutex<Vec<(u16, u64)>>,
}

impl Tally {
    /// A tally of nothing, which is due at the first request.
    pub(super) fn new(first: u64, began: Seen, ledger: Weak<Ledger>) -> Self {
        Self {
            first,
            ledger,
            began,
            last: Last::default(),
            count: AtomicU64::new(0),
            allowed: AtomicU64::new(0),
            statuses: Statuses::default(),
        }
    }

    /// Counts a request. A count that was closed is not read again, so it does not matter what is
    /// added to it.
    pub(super) fn once_more(&self, arrival: &Arrival<'_>) -> Counted {
        let after = arrival.at.saturating_duration_since(self.began.at);
        let after = after.as_secs().wrapping_mul(1_000_000_000) + u64::from(after.subsec_nanos());
        self.last.connection.store(arrival.connection, Ordering::Relaxed);
        self.last.number.store(arrival.peer.number(), Ordering::Relaxed);
        self.last.after.store(after, Ordering::Relaxed);
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        if before < self.allowed.load(Ordering::Relaxed) {
            Counted::Quietly
        } else if before & CLOSED == 0 {
            Counted::AndDue
        } else {
            Counted::TooLate
        }
    }

    /// When the last request came, and from where; none before the first.
    pub(super) fn last(&self) -> Option<Seen> {
        let after = self.last.after.load(Ordering::Relaxed);
        Some(Seen {
            at: self.began.at.checked_add(Duration::from_nanos(after)).filter(|_| after > 0)?,
            connection: self.last.connection.load(Ordering::Relaxed),
            peer: self.began.peer.with_number(self.last.number.load(Ordering::Relaxed)),
        })
    }

    /// Counts an answer.
    pub(super) fn answered(&self, status: u16) {
        self.statuses.add(status);
    }

    /// Notes that the rest of one of them was not in order.
    pub(super) fn broke(&self, outcome: &Outcome) {
        if let Some(ledger) = self.ledger.upgrade() {
            ledger.broke(self.first, outcome);
        }
    }

    /// How often it came.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed) & !CLOSED
    }

    /// Whether the count was taken for the last time.
    pub(super) fn is_closed(&self) -> bool {
        self.count.load(Ordering::Relaxed) & CLOSED != 0
    }

    /// How often it came or may still come before the table is asked.
    pub(super) fn reserved(&self) -> u64 {
        self.count().max(self.allowed.load(Ordering::Relaxed))
    }

    /// Allows a number to count up to. Only the table calls this, under its lock.
    pub(super) fn allow(&self, count: u64) {
        self.allowed.store(count, Ordering::Relaxed);
    }

    /// Takes the count for the last time: whoever counts from now on is told so.
    pub(super) fn close(&self) -> u64 {
        self.count.fetch_or(CLOSED, Ordering::Relaxed) & !CLOSED
    }

    /// Adds the statuses to others.
    pub(super) fn add_statuses_to(&self, sum: &mut IndexMap<u16, u64>) {
        self.statuses.add_to(sum);
    }
}

impl Statuses {
    fn add(&self, status: u16) {
        for place in &self.places {
            let mut there = place.load(Ordering::Relaxed);
            if there == 0 {
                let first = (u64::from(status) << STATUS) | 1;
                match place.compare_exchange(0, first, Ordering::Release, Ordering::Relaxed) {
                    Ok(_) => return,
                    Err(now) => there = now,
                }
            }
            if there >> STATUS == u64::from(status) {
                place.fetch_add(1, Ordering::Release);
                return;
            }
        }
        let mut others = self.others.lock();
        match others.iter_mut().find(|(other, _)| *other == status) {
            Some((_, count)) => *count += 1,
            None => others.push((status, 1)),
        }
    }

    fn add_to(&self, sum: &mut IndexMap<u16, u64>) {
        // What is seen of an answer here makes its request seen too, in a count that is read later.
        let places = self.places.iter().map(|place| place.load(Ordering::Acquire));
        for place in places.filter(|place| *place != 0) {
            let status = u16::try_from(place >> STATUS).unwrap_or_default();
            *sum.entry(status).or_default() += place & ((1 << STATUS) - 1);
        }
        for (status, count) in &*self.others.lock() {
            *sum.entry(*status).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::recording::tests::arrival;

    fn tally() -> Tally {
        Tally::new(1, Seen::of(&arrival("/info")), Weak::new())
    }

    #[test]
    fn the_last_one_is_told() {
        let tally = tally();
        assert!(tally.last().is_none());
        let began = arrival("/info");
        let later = Arrival { at: began.at + Duration::from_secs(7), connection: 9, ..began };
        tally.once_more(&later);
        let last = tally.last().unwrap();
        assert_eq!((last.at, last.connection), (later.at, 9));
    }

    #[test]
    fn a_closed_tally_takes_nothing_more() {
        let tally = tally();
        assert_eq!(tally.once_more(&arrival("/info")), Counted::AndDue);
        tally.allow(2);
        assert_eq!(tally.once_more(&arrival("/info")), Counted::Quietly);
        assert_eq!(tally.once_more(&arrival("/info")), Counted::AndDue);
        tally.allow(100);
        assert_eq!(tally.close(), 3);
        assert_eq!(tally.once_more(&arrival("/info")), Counted::TooLate);
        assert!(tally.is_closed());
    }

    #[test]
    fn each_request_is_counted_or_told_that_it_is_too_late() {
        let tally = tally();
        let (counted, closed) = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        (0..10_000_000)
                            .take_while(|_| tally.once_more(&arrival("/info")) != Counted::TooLate)
                            .fold(0, |count: u64, _| count + 1)
                    })
                })
                .collect();
            while tally.count() < 10_000 {
                thread::yield_now();
            }
            let closed = tally.close();
            (threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>(), closed)
        });
        assert_eq!(counted, closed);
    }

    #[test]
    fn more_statuses_than_there_are_places_are_counted() {
        let tally = tally();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..7000).for_each(|turn| tally.answered(200 + turn % 7)));
            }
        });
        let mut sum = IndexMap::new();
        tally.add_statuses_to(&mut sum);
        sum.sort_keys();
        let expected: IndexMap<u16, u64> = (200..207).map(|status| (status, 8000)).collect();
        assert_eq!(sum, expected);
    }
}
