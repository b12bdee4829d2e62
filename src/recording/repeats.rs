//! Which requests were seen before, so that a program that polls for a week does not fill the disk.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use indexmap::IndexMap;

use super::arrival::Arrival;
use super::identity::Identity;
use super::ledger::Ledger;
use super::tally::Tally;
use crate::peer::Peer;

/// How many different requests that were admitted are remembered. Beyond it those that are new and may
/// be counted are counted together by operation and user, so that neither memory nor the disk fills up.
const MOST_REMEMBERED: usize = 65_536;

/// How many of those sums are kept apart. Beyond it there is one for each operation.
const MOST_SUMS: usize = 4096;

/// How many different requests that were denied are remembered. Beyond it they are counted together:
/// whoever has no right must not fill the disk, nor the memory of those who have one.
const MOST_DENIED: usize = 16_384;

/// How many threads count one request by themselves; what others count goes through the table.
const MOST_TALLIES: usize = 256;

/// The requests seen so far, by what they ask for. Of each a hash is kept and no text. When all tables
/// are full they take 35 MiB of memory, some 430 bytes for each, measured on x86-64; the room that they
/// have, used or not, stays below 64 MiB, which a test checks.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    admitted: Table,
    denied: Table,
    counts: IndexMap<u64, Count>,
}

/// Requests by their hash.
#[derive(Debug, Default)]
struct Table {
    exact: HashMap<u128, u64>,
    shapes: HashMap<u128, Shape>,
    /// The first one.
    first: Option<u64>,
    /// Requests that came when the table was full, by operation and user.
    sums: HashMap<u128, u64>,
    /// Those that came when that was full too, by operation.
    operations: HashMap<Option<&'static str>, u64>,
}

/// The request that another one repeats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earlier {
    /// Its number.
    pub(super) first: u64,
    /// Whether it is the same in all that is recorded of it.
    pub(super) is_exact: bool,
}

/// Requests that may be counted together although they are not the same.
#[derive(Debug)]
struct Shape {
    first: u64,
    kept: u32,
}

/// How often one request came again.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// What was counted here and not by a thread of its own.
    settled: u64,
    /// How many of those were only like it.
    alike: u64,
    statuses: IndexMap<u16, u64>,
    last: Option<Seen>,
    tallies: Vec<Arc<Tally>>,
    /// What the last line says, of requests and of answers.
    written: u64,
    written_answers: u64,
    /// Whether it has a line for one whose rest was not in order.
    is_broken: bool,
}

/// When a request came, and from where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) connection: u64,
    pub(super) peer: Peer,
}

/// What a line says of a count.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) count: u64,
    pub(super) alike: u64,
    pub(super) statuses: IndexMap<u16, u64>,
    pub(super) last: Option<Seen>,
}

impl Seen {
    pub(super) fn of(arrival: &Arrival<'_>) -> Self {
        let Arrival { at, connection, peer, .. } = *arrival;
        Self { at, connection, peer }
    }

    /// The later of two.
    fn later(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(if other.at < one.at { one } else { other }),
            (one, other) => one.or(other),
        }
    }
}

impl Table {
    fn find(&self, identity: &Identity, most: usize) -> Option<Earlier> {
        if let Some(first) = self.exact.get(&identity.exact) {
            return Some(Earlier { first: *first, is_exact: true });
        }
        let alike = |first| Earlier { first, is_exact: false };
        if !identity.is_denied && self.exact.len() >= most {
            let sum = self.sums.get(&identity.sum).or_else(|| {
                self.operations.get(&identity.operation).filter(|_| self.sums.len() >= MOST_SUMS)
            });
            let shape = identity.like.and_then(|(like, _)| self.shapes.get(&like));
            return shape.map(|shape| shape.first).or(sum.copied()).map(alike);
        }
        let (like, kept) = identity.like?;
        let shape = self.shapes.get(&like);
        if identity.is_denied && self.exact.len() >= most {
            return shape.map(|shape| shape.first).or(self.first).map(alike);
        }
        shape.filter(|shape| shape.kept >= kept).map(|shape| alike(shape.first))
    }

    fn remember(&mut self, identity: &Identity, seq: u64, most: usize) {
        if self.exact.len() >= most {
            if self.sums.len() < MOST_SUMS {
                self.sums.insert(identity.sum, seq);
            } else {
                self.operations.entry(identity.operation).or_insert(seq);
            }
            return;
        }
        self.first = self.first.or(Some(seq));
        self.exact.insert(identity.exact, seq);
        if let Some((like, _)) = identity.like {
            self.shapes.entry(like).or_insert(Shape { first: seq, kept: 0 }).kept += 1;
        }
    }
}

impl Repeats {
    /// The earlier request that this one repeats, if any.
    pub(super) fn find(&self, identity: &Identity) -> Option<Earlier> {
        if identity.is_lasting {
            return None;
        }
        match identity.is_denied {
            true => self.denied.find(identity, MOST_DENIED),
            false => self.admitted.find(identity, MOST_REMEMBERED),
        }
    }

    /// Remembers a request that repeats no earlier one and is written down under this number.
    pub(super) fn remember(&mut self, identity: &Identity, seq: u64) {
        if identity.is_lasting {
            return;
        }
        match identity.is_denied {
            true => self.denied.remember(identity, seq, MOST_DENIED),
            false => self.admitted.remember(identity, seq, MOST_REMEMBERED),
        }
    }

    /// The count of an earlier request.
    pub(super) fn count(&mut self, first: u64) -> &mut Count {
        self.counts.entry(first).or_default()
    }

    /// Every count of which the last line does not say all.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = (u64, &mut Count, Sum)> {
        self.counts.iter_mut().filter_map(|(first, count)| {
            let sum = count.sum();
            let is_more = sum.count > count.written || sum.answers() > count.written_answers;
            is_more.then_some((*first, count, sum))
        })
    }

    /// Takes what the threads have counted for the last time, and tells how much there is in all.
    pub(super) fn close(&mut self) -> u64 {
        self.counts.values_mut().map(Count::close).sum()
    }
}

impl Sum {
    fn answers(&self) -> u64 {
        self.statuses.values().sum()
    }
}

impl Count {
    /// Counts a request here that is the same or only like it.
    pub(super) fn once_more(&mut self, is_exact: bool, seen: Option<Seen>) {
        self.settled += 1;
        self.alike += u64::from(!is_exact);
        self.last = Seen::later(self.last, seen);
    }

    /// Whether this is the first of them whose rest is not in order.
    pub(super) fn breaks(&mut self) -> bool {
        !std::mem::replace(&mut self.is_broken, true)
    }

    /// Counts an answer here.
    pub(super) fn answered(&mut self, status: u16) {
        *self.statuses.entry(status).or_default() += 1;
    }

    /// Whether a line is due: when there are, or with what the threads may count until they ask
    /// again could be, twice as many as the last line says. A count is thereby at most a factor of
    /// two behind after a crash, for a logarithm of lines.
    pub(super) fn is_due(&self) -> bool {
        self.reserved() > self.limit()
    }

    /// What a line about it says.
    pub(super) fn sum(&self) -> Sum {
        let mut statuses = self.statuses.clone();
        self.tallies.iter().for_each(|tally| tally.add_statuses_to(&mut statuses));
        let last =
            self.tallies.iter().fold(self.last, |last, tally| Seen::later(last, tally.last()));
        Sum { count: self.total(), alike: self.alike, statuses, last }
    }

    /// Notes that a line was written.
    pub(super) fn is_written(&mut self, sum: &Sum) {
        self.written = sum.count;
        self.written_answers = sum.answers();
    }

    /// A tally of its own for a thread, unless too many have one. Those that nobody holds any more
    /// are taken in.
    pub(super) fn join(
        &mut self,
        first: u64,
        seen: Seen,
        ledger: &Arc<Ledger>,
    ) -> Option<Arc<Tally>> {
        let (settled, statuses, last) = (&mut self.settled, &mut self.statuses, &mut self.last);
        self.tallies.retain_mut(|tally| match Arc::get_mut(tally) {
            Some(alone) => {
                *settled += alone.count();
                *last = Seen::later(*last, alone.last());
                alone.add_statuses_to(statuses);
                false
            }
            None => true,
        });
        if self.tallies.len() >= MOST_TALLIES {
            return None;
        }
        let tally = Arc::new(Tally::new(first, seen, Arc::downgrade(ledger)));
        self.tallies.push(Arc::clone(&tally));
        Some(tally)
    }

    /// Allows a tally to count half of what is left by itself, so that other threads have some too.
    pub(super) fn allow(&self, tally: &Tally) {
        let count = tally.count();
        tally.allow(count);
        let left = self.limit().saturating_sub(self.reserved());
        tally.allow(count + left.div_ceil(2));
    }

    /// As many as there may be before a line is due.
    fn limit(&self) -> u64 {
        self.written.saturating_mul(2).saturating_sub(1)
    }

    fn reserved(&self) -> u64 {
        self.settled + self.tallies.iter().map(|tally| tally.reserved()).sum::<u64>()
    }

    fn total(&self) -> u64 {
        self.settled + self.tallies.iter().map(|tally| tally.count()).sum::<u64>()
    }

    fn close(&mut self) -> u64 {
        for tally in self.tallies.drain(..) {
            self.settled += tally.close();
            self.last = Seen::later(self.last, tally.last());
            tally.add_statuses_to(&mut self.statuses);
        }
        self.settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is asked for and by whom, what is kept has a bound, and so has what is written.
    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut repeats = Repeats::default();
        let mut identity = Identity::default();
        let mut lines = 0_u64;
        for is_denied in [false, true] {
            for number in 0..200_000_u32 {
                identity.is_denied = is_denied;
                identity.exact = u128::from(number);
                // No two are alike, and every second one is of somebody else.
                identity.like = is_denied.then_some((u128::from(number), 256));
                identity.sum = u128::from(number / 2);
                identity.operation = [None, Some("a"), Some("b")][number as usize % 3];
                let first = match repeats.find(&identity) {
                    Some(earlier) => earlier.first,
                    None => {
                        lines += 1;
                        repeats.remember(&identity, lines);
                        lines
                    }
                };
                let seen = Seen { at: Instant::now(), connection: 1, peer: Peer::Unknown };
                repeats.count(first).once_more(false, Some(seen));
                repeats.count(first).answered(200);
            }
        }
        let memory = memory(&repeats);
        assert!(memory < 64 << 20, "{memory} bytes");
        let Repeats { admitted, denied, counts } = &repeats;
        assert_eq!((admitted.exact.len(), denied.exact.len()), (MOST_REMEMBERED, MOST_DENIED));
        assert_eq!((admitted.sums.len(), admitted.operations.len()), (MOST_SUMS, 3));
        assert_eq!((denied.sums.len(), denied.operations.len()), (0, 0));
        let most = MOST_REMEMBERED + MOST_SUMS + 3 + MOST_DENIED;
        assert!(lines <= most as u64 && counts.len() <= most, "{lines}");
    }

    /// What the tables take in bytes, from the room that they have: a table of hashes is a power of two of
    /// places, of which seven in eight are used and each has a byte more, and one that is in order has
    /// another of numbers.
    fn memory(repeats: &Repeats) -> usize {
        fn hashed<K, V>(map: &HashMap<K, V>) -> usize {
            places(map.capacity()) * (size_of::<(K, V)>() + 1)
        }
        fn ordered<K, V>(map: &IndexMap<K, V>) -> usize {
            let entry = size_of::<(K, V)>() + size_of::<u64>();
            map.capacity() * entry + places(map.capacity()) * (size_of::<usize>() + 1)
        }
        fn places(capacity: usize) -> usize {
            if capacity == 0 { 0 } else { (capacity * 8 / 7).next_power_of_two() }
        }
        let Repeats { admitted, denied, counts } = repeats;
        let tables = [admitted, denied].into_iter().map(|table| {
            let Table { exact, shapes, sums, operations, .. } = table;
            hashed(exact) + hashed(shapes) + hashed(sums) + hashed(operations)
        });
        let statuses = counts.values().map(|count| ordered(&count.statuses));
        tables.sum::<usize>() + ordered(counts) + statuses.sum::<usize>()
    }

    #[test]
    fn what_no_longer_fits_is_counted_by_operation_and_user() {
        let mut table = Table::default();
        let of = |exact, sum, operation| {
            let mut identity = Identity::default();
            (identity.exact, identity.sum, identity.operation) = (exact, sum, Some(operation));
            identity
        };
        table.remember(&of(1, 1, "a"), 1, 1);
        assert!(table.find(&of(2, 2, "a"), 1).is_none(), "the first of its sum has a line");
        table.remember(&of(2, 2, "a"), 2, 1);
        let found = |identity| table.find(&identity, 1).map(|found| (found.first, found.is_exact));
        assert_eq!(found(of(1, 1, "a")), Some((1, true)));
        assert_eq!(found(of(3, 2, "a")), Some((2, false)));
        assert_eq!(found(of(3, 3, "b")), None, "another operation or user has a line");
    }
}
