//! Which requests were seen before, so that a program that polls for a week does not fill the disk.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::arrival::Identity;
use super::tally::Tally;

/// How many different requests are remembered. Beyond it each request is written in full again:
/// memory stays bounded and the recording stays complete.
const MOST_REMEMBERED: usize = 65_536;

/// How many values of a query are kept apart for one path. A poller that asks for
/// `/events?since=<now>` never repeats itself exactly, and its later values say nothing new.
const MOST_QUERIES: u32 = 16;

/// How many threads count one request by themselves; what others count goes through the table.
const MOST_TALLIES: usize = 256;

/// The requests seen so far, by what they ask for.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    exact: HashMap<Box<[u8]>, u64>,
    shapes: HashMap<Box<[u8]>, Shape>,
    counts: IndexMap<u64, Count>,
}

/// The request that another one repeats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earlier {
    /// Its number.
    pub(super) first: u64,
    /// Whether the values of the query are the same too.
    pub(super) is_exact: bool,
}

/// Requests that differ only in their query's values.
#[derive(Debug)]
struct Shape {
    first: u64,
    queries: u32,
}

/// How often one request came again.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// What was counted here and not by a thread of its own.
    settled: u64,
    statuses: IndexMap<u16, u64>,
    tallies: Vec<Arc<Tally>>,
    /// What the last line says, of requests and of answers.
    written: u64,
    written_answers: u64,
}

/// What a line says of a count.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) count: u64,
    pub(super) statuses: IndexMap<u16, u64>,
}

impl Repeats {
    /// The earlier request that this one repeats, if any.
    pub(super) fn find(&self, identity: &Identity) -> Option<Earlier> {
        if let Some(first) = self.exact.get(identity.exact()) {
            return Some(Earlier { first: *first, is_exact: true });
        }
        let shape = self.shapes.get(identity.shape())?;
        (shape.queries >= MOST_QUERIES).then_some(Earlier { first: shape.first, is_exact: false })
    }

    /// Remembers a request that repeats no earlier one and is written down under this number.
    pub(super) fn remember(&mut self, identity: &Identity, seq: u64) {
        if self.exact.len() >= MOST_REMEMBERED {
            return;
        }
        self.exact.insert(identity.exact().into(), seq);
        if let Some(shape) = self.shapes.get_mut(identity.shape()) {
            shape.queries += 1;
        } else {
            self.shapes.insert(identity.shape().into(), Shape { first: seq, queries: 1 });
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
    /// Counts a request here.
    pub(super) fn once_more(&mut self) {
        self.settled += 1;
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
        Sum { count: self.total(), statuses }
    }

    /// Notes that a line was written.
    pub(super) fn is_written(&mut self, sum: &Sum) {
        self.written = sum.count;
        self.written_answers = sum.answers();
    }

    /// A tally of its own for a thread, unless too many have one. Those that nobody holds any more
    /// are taken in.
    pub(super) fn join(&mut self, first: u64) -> Option<Arc<Tally>> {
        let (settled, statuses) = (&mut self.settled, &mut self.statuses);
        self.tallies.retain_mut(|tally| match Arc::get_mut(tally) {
            Some(alone) => {
                *settled += alone.count();
                alone.add_statuses_to(statuses);
                false
            }
            None => true,
        });
        if self.tallies.len() >= MOST_TALLIES {
            return None;
        }
        let tally = Arc::new(Tally::new(first));
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
            tally.add_statuses_to(&mut self.statuses);
        }
        self.settled
    }
}
