//! Which requests were seen before, so that a program that polls for a week does not fill the disk.

use std::collections::HashMap;
use std::time::Instant;

use indexmap::IndexMap;
use smallvec::SmallVec;

use super::arrival::Arrival;
use super::identity::Identity;
use crate::peer::Peer;

/// How many different admitted requests are remembered. After that, new ones that may be counted are
/// counted together by operation and user, so that neither memory nor the disk fills up.
const MOST_REMEMBERED: usize = 65_536;

/// How many of those sums are kept apart. After that there is one for each operation.
const MOST_SUMS: usize = 4096;

/// How many different denied requests are remembered. After that they are counted together: a client
/// without rights must not fill the disk, nor the memory that others need.
const MOST_DENIED: usize = 16_384;

/// The requests seen so far, by what they ask for. Only a hash is kept of each, and no text. The room
/// of full tables is below 64 MiB, which a test checks.
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
    sum: Sum,
    /// What the last line about it says, of requests and of answers.
    written: u64,
    written_answers: u64,
    /// Whether there is a line about one whose rest was not in order.
    is_broken: bool,
}

/// When a request came, and from where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) connection: u64,
    pub(super) peer: Peer,
}

/// What a line says about a count.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) count: u64,
    /// How many of those were only like the first one.
    pub(super) alike: u64,
    /// How often each status came. Most requests have one or two.
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

    /// Where the count of an earlier request is. It stays there.
    pub(super) fn place(&mut self, first: u64) -> usize {
        let entry = self.counts.entry(first);
        let place = entry.index();
        entry.or_default();
        place
    }

    /// The count at a place, and the number of the request that it is about.
    pub(super) fn at(&mut self, place: usize) -> Option<(u64, &mut Count)> {
        self.counts.get_index_mut(place).map(|(first, count)| (*first, count))
    }

    /// Every count about which the last line does not say everything.
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
    /// Counts a request that is the same, or only like it.
    pub(super) fn once_more(&mut self, is_exact: bool, seen: Seen) {
        self.sum.count += 1;
        self.sum.alike += u64::from(!is_exact);
        self.sum.last = Some(seen);
    }

    /// Whether this is the first of them whose rest is not in order.
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

    /// Whether a line is due: when there are twice as many as the last line says. After a crash, a
    /// count is thereby less than a factor of two behind, for a logarithm of lines.
    pub(super) fn is_due(&self) -> bool {
        self.sum.count >= self.written.saturating_mul(2)
    }

    /// What a line about it says.
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
