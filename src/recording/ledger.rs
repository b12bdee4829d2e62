//! One session while it is written: its file, and what is counted behind the lines in it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::append::AppendFile;
use super::arrival::Arrival;
use super::identity::Identity;
use super::line::Line;
use super::recent::Pulse;
use super::repeats::{Repeats, Seen, Sum};
use super::tally::Tally;
use super::{End, Event, Last, Outcome, Progress, Repeat, Totals};

/// A session that is being written.
#[derive(Debug)]
pub(super) struct Ledger {
    id: String,
    failing: Arc<AtomicBool>,
    pub(super) state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) file: AppendFile,
    repeats: Repeats,
    operations: HashSet<&'static str>,
    newest: Instant,
    /// Requests that have a line of their own, or would if it could be written.
    lines: u64,
    /// Requests that were counted here.
    counted: u64,
    refused: u64,
    unread: u64,
    /// Requests that each thread has counted.
    threads: Vec<Arc<AtomicU64>>,
    has_ended: bool,
}

/// What became of a request.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) written: bool,
    pub(super) place: Place,
}

/// Where a request stands.
#[derive(Debug)]
pub(super) enum Place {
    /// In the line of this number.
    Line(u64),
    /// In the count behind the line of this number, which the thread may go on with by itself.
    Count(u64, Option<Arc<Tally>>),
}

impl Ledger {
    pub(super) fn new(id: String, file: AppendFile) -> Self {
        let failing = file.failing();
        let state = State {
            file,
            repeats: Repeats::default(),
            operations: HashSet::new(),
            newest: Instant::now(),
            lines: 0,
            counted: 0,
            refused: 0,
            unread: 0,
            threads: Vec::new(),
            has_ended: false,
        };
        Self { id, failing, state: Mutex::new(state) }
    }

    /// Set while the file could not be written when it was last tried.
    pub(super) fn failing(&self) -> &Arc<AtomicBool> {
        &self.failing
    }

    /// What another thread needs to count by itself.
    pub(super) fn pulse(&self) -> Pulse {
        let pulse = Pulse { failing: Arc::clone(&self.failing), counted: Arc::default() };
        self.state.lock().threads.push(Arc::clone(&pulse.counted));
        pulse
    }

    /// Writes a request, or counts it behind an earlier one.
    pub(super) fn request(
        self: &Arc<Self>,
        arrival: &Arrival<'_>,
        identity: &Identity,
        joins: bool,
    ) -> Noted {
        let mut state = self.state.lock();
        let Some(earlier) = state.repeats.find(identity) else {
            return state.append(&self.id, arrival, identity);
        };
        state.counted += 1;
        let first = earlier.first;
        let seen = Seen::of(arrival);
        state.repeats.count(first).once_more(earlier.is_exact, Some(seen));
        let written = state.append_count(&self.id, first);
        let joins = joins && earlier.is_exact && !state.has_ended;
        let count = state.repeats.count(first);
        let tally = if joins { count.join(first, seen, self) } else { None };
        Noted { written, place: Place::Count(first, tally) }
    }

    /// Looks at a count that a thread may not go on with by itself.
    pub(super) fn check(&self, tally: &Tally) -> bool {
        let mut state = self.state.lock();
        // A tally that was closed meanwhile is in the last line.
        if tally.is_closed() {
            return !state.file.is_failing();
        }
        let written = state.append_count(&self.id, tally.first);
        state.repeats.count(tally.first).allow(tally);
        written
    }

    /// Writes how the request in a line has ended.
    pub(super) fn answered(&self, seq: u64, outcome: &Outcome) {
        let mut state = self.state.lock();
        state.note_disorder(outcome);
        state.refused += u64::from(outcome.disorder.is_some());
        state.file.append(&Line::response(&self.id, seq, outcome));
    }

    /// Notes that the rest of a request that was counted was not in order. The first time that has a
    /// line, so that those who do it again and again do not fill the disk.
    pub(super) fn broke(&self, first: u64, outcome: &Outcome) {
        let mut state = self.state.lock();
        state.note_disorder(outcome);
        if state.repeats.count(first).breaks() {
            state.refused += 1;
            let outcome = Outcome { status: None, ..*outcome };
            state.file.append(&Line::response(&self.id, first, &outcome));
        }
    }

    /// Counts how a request that was counted has ended.
    pub(super) fn answered_again(&self, first: u64, status: u16) {
        self.state.lock().repeats.count(first).answered(status);
    }

    pub(super) fn progress(&self) -> Progress {
        let state = self.state.lock();
        Progress {
            requests: state.requests(),
            operations: state.operations.len(),
            newest: state.newest,
        }
    }

    /// Writes what is only counted so far, and the session's end.
    pub(super) fn end(&self, exit: Option<u8>) -> Totals {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.has_ended = true;
        let requests = state.lines + state.repeats.close();
        for (first, count, sum) in state.repeats.rest() {
            if state.file.append(&repeat(&self.id, first, &sum)) {
                count.is_written(&sum);
            }
        }
        let dropped = state.file.dropped();
        let (session, time) = (self.id.clone(), Timestamp::now());
        state.file.append(&Event::End(End { session, time, requests, dropped, exit }));
        let (operations, dropped) = (state.operations.len(), state.file.dropped());
        Totals { requests, operations, dropped, refused: state.refused, unread: state.unread }
    }
}

impl State {
    fn append(&mut self, id: &str, arrival: &Arrival<'_>, identity: &Identity) -> Noted {
        self.lines += 1;
        if let Some(operation) = arrival.operation()
            && arrival.refusal.is_none()
            && self.operations.insert(operation)
        {
            self.newest = Instant::now();
        }
        self.refused += u64::from(arrival.refusal.is_some());
        if arrival.is_unread() {
            self.unread += 1;
            self.file.mark_lossy();
        }
        let seq = self.requests();
        let written = self.file.append(&Line::request(id, seq, Timestamp::now(), arrival));
        // Nothing may be counted behind a line that is not there.
        if written {
            self.repeats.remember(identity, seq);
        }
        Noted { written, place: Place::Line(seq) }
    }

    /// Marks the session where the rest of a connection went on without a look.
    fn note_disorder(&mut self, outcome: &Outcome) {
        if outcome.disorder.is_some() && outcome.upgraded {
            self.unread += 1;
            self.file.mark_lossy();
        }
    }

    /// Writes a count if that is due, or if nothing else will: while nothing can be written, each
    /// request tries.
    fn append_count(&mut self, id: &str, first: u64) -> bool {
        let count = self.repeats.count(first);
        if !(count.is_due() || self.file.is_failing() || self.has_ended) {
            return true;
        }
        let sum = count.sum();
        let written = self.file.append(&repeat(id, first, &sum));
        if written {
            count.is_written(&sum);
        }
        written
    }

    /// How many requests there were.
    fn requests(&self) -> u64 {
        let threads = self.threads.iter().map(|counted| counted.load(Ordering::Relaxed));
        self.lines + self.counted + threads.sum::<u64>()
    }
}

fn repeat(id: &str, seq: u64, sum: &Sum) -> Event {
    let last = sum.last.map(|seen| Last {
        // By the clock of now, which may have been set since.
        time: Timestamp::now().checked_sub(seen.at.elapsed()).unwrap_or(Timestamp::UNIX_EPOCH),
        connection: seen.connection,
        peer: seen.peer,
    });
    let statuses = sum.statuses.clone();
    let Sum { count, alike, .. } = *sum;
    Event::Repeat(Repeat { session: id.to_owned(), seq, count, alike, statuses, last })
}
