//! Which requests were seen before, so that a program that polls for a week does not fill the disk.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::Request;

/// How many different requests are remembered. Beyond it each request is written in full again:
/// memory stays bounded and the recording stays complete.
const MOST_REMEMBERED: usize = 65_536;

/// How many values of a query are kept apart for one path. A poller that asks for
/// `/events?since=<now>` never repeats itself exactly, and its later values say nothing new.
const MOST_QUERIES: u32 = 16;

/// The requests seen so far, by what they ask for.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    exact: HashMap<String, u64>,
    shapes: HashMap<String, Shape>,
    counts: IndexMap<u64, Count>,
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
    pub(super) count: u64,
    pub(super) statuses: IndexMap<u16, u64>,
    written: u64,
}

impl Repeats {
    /// Notes a request, and returns the number of the earlier one that it repeats, if any.
    pub(super) fn note(&mut self, request: &Request) -> Option<u64> {
        let agent = request.agent.as_deref().unwrap_or_default();
        let keys: Vec<&str> = request.query.iter().map(|(key, _)| key.as_str()).collect();
        let verdict = match (&request.denied, &request.would_deny) {
            (None, None) => "",
            (Some(_), _) => "denied",
            (None, Some(_)) => "would deny",
        };
        let (method, path, keys) = (&request.method, &request.path, keys.join("\0"));
        let shape = format!("{method}\0{path}\0{agent}\0{verdict}\0{keys}");
        let values: Vec<&str> =
            request.query.iter().map(|(_, value)| value.as_deref().unwrap_or("\0")).collect();
        let exact = format!("{shape}\0\0{}", values.join("\0"));
        if let Some(first) = self.exact.get(&exact) {
            return Some(self.count(*first));
        }
        if let Some(known) = self.shapes.get(&shape)
            && known.queries >= MOST_QUERIES
        {
            let first = known.first;
            return Some(self.count(first));
        }
        if self.exact.len() < MOST_REMEMBERED {
            self.exact.insert(exact, request.seq);
            let known = self.shapes.entry(shape);
            known.or_insert(Shape { first: request.seq, queries: 0 }).queries += 1;
        }
        None
    }

    /// Notes how a repeated request was answered.
    pub(super) fn answered(&mut self, first: u64, status: u16) {
        *self.counts.entry(first).or_default().statuses.entry(status).or_default() += 1;
    }

    /// The count to write for `first` now, if it has doubled since it was last written. A count is
    /// thereby at most a factor of two behind after a crash, for a logarithm of lines.
    /// `anyway` makes it due whatever it is.
    pub(super) fn due(&mut self, first: u64, anyway: bool) -> Option<&Count> {
        let count = self.counts.get_mut(&first)?;
        (anyway || count.count >= count.written.saturating_mul(2).max(1)).then(|| count.take())
    }

    /// Every count that is not written yet.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = (u64, &Count)> {
        let open = self.counts.iter_mut().filter(|(_, count)| count.count > count.written);
        open.map(|(first, count)| (*first, count.take()))
    }

    fn count(&mut self, first: u64) -> u64 {
        self.counts.entry(first).or_default().count += 1;
        first
    }
}

impl Count {
    fn take(&mut self) -> &Self {
        self.written = self.count;
        self
    }
}
