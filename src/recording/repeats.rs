//! Remembers which requests were seen before, so that a program that polls for a week does not fill the
//! disk.

use std::collections::HashMap;
use std::time::Instant;

use indexmap::IndexMap;
use smallvec::SmallVec;

use super::identity::Identity;
use crate::http1::Arrival;
use crate::peer::Peer;

/// How many different admitted requests are remembered. Beyond that, new requests that may be counted are
/// counted together by operation and user, so that neither memory nor the disk fills up.
const MOST_REMEMBERED: usize = 65_536;

/// How many of those sums are kept separately. Beyond that, there is one for each operation.
const MOST_SUMS: usize = 4096;

/// How many different denied requests are remembered. Beyond that, they are counted together: a client
/// without rights must not fill the disk, or the memory that other clients need.
const MOST_DENIED: usize = 16_384;

/// The requests seen so far. Each is kept as a hash of its content, never as text. Full tables take
/// less than 64 MiB, which a test checks.
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
    /// The first request.
    first: Option<u64>,
    /// Requests that arrived when the table was full, by operation and user.
    sums: HashMap<u128, u64>,
    /// Requests that arrived when `sums` was full too, by operation.
    operations: HashMap<Option<&'static str>, u64>,
}

/// The request that another one repeats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earlier {
    /// Its number.
    pub(super) first: u64,
    /// Whether everything that is recorded about the two is the same.
    pub(super) is_exact: bool,
}

/// Requests that may be counted together although they differ.
#[derive(Debug)]
struct Shape {
    first: u64,
    kept: u32,
}

/// How often one request was repeated.
#[derive(Debug, Default)]
pub(super) struct Count {
    sum: Sum,
    /// The number of requests according to the last line about it. The next field is the number of
    /// answers.
    written: u64,
    written_answers: u64,
    /// Whether there is a line about a request that went wrong after its head.
    is_broken: bool,
}

/// When a request arrived, and from which client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) connection: u64,
    pub(super) peer: Peer,
}

/// The part of a count that is written to a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) count: u64,
    /// How many of those only resembled the first one.
    pub(super) alike: u64,
    /// How often the engine answered with each status. Most requests have one or two statuses.
    pub(super) statuses: SmallVec<[(u16, u64); 1]>,
    pub(super) last: Option<Seen>,
}

impl Seen {
    pub(super) fn of(arrival: &Arrival<'_>) -> Self {
        let Arrival { at, connection, peer, .. } = *arrival;
        Self { at, connection, peer }
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

    /// Remembers a request that repeats no earlier one and is recorded under this number.
    pub(super) fn remember(&mut self, identity: &Identity, seq: u64) {
        if identity.is_lasting {
            return;
        }
        match identity.is_denied {
            true => self.denied.remember(identity, seq, MOST_DENIED),
            false => self.admitted.remember(identity, seq, MOST_REMEMBERED),
        }
    }

    /// The index of the count of an earlier request. It does not change.
    pub(super) fn place(&mut self, first: u64) -> usize {
        let entry = self.counts.entry(first);
        let place = entry.index();
        entry.or_default();
        place
    }

    /// The count at an index, and the number of the request that it belongs to.
    pub(super) fn at(&mut self, place: usize) -> Option<(u64, &mut Count)> {
        self.counts.get_index_mut(place).map(|(first, count)| (*first, count))
    }

    /// Every count that the last line about it does not cover completely.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = (u64, &mut Count, Sum)> {
        self.counts.iter_mut().filter_map(|(first, count)| {
            let sum = count.sum();
            let is_more = sum.count > count.written || sum.answers() > count.written_answers;
            is_more.then_some((*first, count, sum))
        })
    }
}

impl Sum {
    fn answers(&self) -> u64 {
        self.statuses.iter().map(|(_, count)| count).sum()
    }
}

impl Count {
    /// Counts a request that is the same, or only similar.
    pub(super) fn once_more(&mut self, is_exact: bool, seen: Seen) {
        self.sum.count += 1;
        self.sum.alike += u64::from(!is_exact);
        self.sum.last = Some(seen);
    }

    /// Whether this is the first of these requests that went wrong after its head.
    pub(super) fn breaks(&mut self) -> bool {
        !std::mem::replace(&mut self.is_broken, true)
    }

    /// Counts an answer.
    pub(super) fn answered(&mut self, status: u16) {
        let statuses = &mut self.sum.statuses;
        match statuses.iter_mut().find(|(other, _)| *other == status) {
            Some((_, count)) => *count += 1,
            None => statuses.push((status, 1)),
        }
    }

    /// Whether a line is due: the count is at least twice what the last line says. After a crash, the
    /// recorded count is too low by less than a factor of two, and the number of lines is logarithmic.
    pub(super) fn is_due(&self) -> bool {
        self.sum.count >= self.written.saturating_mul(2)
    }

    /// The values to write to a line.
    pub(super) fn sum(&self) -> Sum {
        self.sum.clone()
    }

    /// Notes that a line was written.
    pub(super) fn is_written(&mut self, sum: &Sum) {
        self.written = sum.count;
        self.written_answers = sum.answers();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both memory and output are bounded, for any requests from any number of users.
    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut repeats = Repeats::default();
        let mut identity = Identity::default();
        let mut lines = 0_u64;
        for is_denied in [false, true] {
            for number in 0..200_000_u32 {
                identity.is_denied = is_denied;
                identity.exact = u128::from(number);
                // No two are alike, and every second one is from another user.
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
                let place = repeats.place(first);
                let (of, count) = repeats.at(place).unwrap();
                assert_eq!(of, first);
                count.once_more(false, seen);
                count.answered(200);
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

    /// The bytes that the tables take, from their capacity. A hash table has a power of two of slots, uses
    /// seven in eight of them, and needs one more byte for each. An ordered table has an additional hash
    /// table of numbers.
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
        assert!(counts.values().all(|count| !count.sum.statuses.spilled()));
        tables.sum::<usize>() + ordered(counts)
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
