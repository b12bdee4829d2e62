//! One session while it is written: its file, and the counts of requests that have no line of their own.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::append::AppendFile;
use super::identity::Identity;
use super::observation::Observation;
use super::recent::{Key, Recent};
use super::repeats::{Repeats, Seen, Sum};
use super::{End, Event, Last, Made, Makes, Progress, Repeat, Response, Totals};
use crate::http1::Outcome;

/// Identifies a request between its arrival and its end.
#[derive(Debug)]
pub struct Ticket {
    ledger: Arc<Ledger>,
    place: Place,
    is_written: bool,
    makes: Option<Makes>,
}

/// How many objects one session notes. A program that creates more gets a recording that does not say whose
/// the others are, and does not fill the disk.
const MOST_MADE: u64 = 65_536;

impl Ticket {
    /// Whether the request is in the file, or was counted for a similar request that has a line. Also
    /// requires that the last write to the file succeeded.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.is_written
    }

    /// Whether the request creates something, so that the end of its answer has to be read.
    #[must_use]
    pub fn reads_answer(&self) -> bool {
        self.makes.is_some()
    }

    /// Records what the request has created, according to the end of the engine's answer, and returns it.
    pub fn made(&self, status: u16, end: &[u8]) -> Vec<Made<'static>> {
        let made = self.makes.as_ref().map(|makes| makes.read(status, end)).unwrap_or_default();
        self.ledger.made(self.place, &made);
        made
    }

    /// Adds what the request creates.
    pub(super) fn making(self, makes: Option<Makes>) -> Self {
        Self { makes, ..self }
    }

    /// Records how the request ended, in the session in which it began.
    pub fn answered(&self, outcome: &Outcome) {
        self.ledger.answered(self.place, outcome);
    }
}

/// A session that is being written.
#[derive(Debug)]
pub(super) struct Ledger {
    id: String,
    pub(super) state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) file: AppendFile,
    repeats: Repeats,
    recent: Recent,
    operations: HashSet<&'static str>,
    newest: Instant,
    /// Requests that have a line of their own, or would have one if it could be written.
    lines: u64,
    /// Requests that were only counted.
    counted: u64,
    /// Objects that were created and have a line.
    made: u64,
    refused: u64,
    unread: u64,
    has_ended: bool,
}

/// Where a request is recorded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In the line with this number.
    Line(u64),
    /// In the count with this index.
    Count(usize),
}

impl Ledger {
    pub(super) fn new(id: String, file: AppendFile) -> Self {
        let state = State {
            file,
            repeats: Repeats::default(),
            recent: Recent::default(),
            operations: HashSet::new(),
            newest: Instant::now(),
            lines: 0,
            counted: 0,
            made: 0,
            refused: 0,
            unread: 0,
            has_ended: false,
        };
        Self { id, state: Mutex::new(state) }
    }

    /// Counts a request that was repeated recently.
    pub(super) fn again(
        self: &Arc<Self>,
        key: &Key<&str>,
        observed: &Observation<'_>,
    ) -> Option<Ticket> {
        let mut state = self.state.lock();
        let place = state.recent.find(key)?;
        let is_written = state.count(&self.id, place, true, Seen::of(&observed.arrival));
        let ledger = Arc::clone(self);
        Some(Ticket { ledger, place: Place::Count(place), is_written, makes: None })
    }

    /// Writes a request, or counts it if it repeats an earlier one. If it has a key, [`again`](Self::again)
    /// finds it the next time.
    pub(super) fn request(
        self: &Arc<Self>,
        observed: &Observation<'_>,
        identity: &Identity,
        key: Option<Key<&str>>,
    ) -> Ticket {
        let mut state = self.state.lock();
        let (place, is_written) = match state.repeats.find(identity) {
            Some(earlier) => {
                let place = state.repeats.place(earlier.first);
                if let Some(key) = key.filter(|_| earlier.is_exact) {
                    state.recent.remember(key, place);
                }
                let seen = Seen::of(&observed.arrival);
                (Place::Count(place), state.count(&self.id, place, earlier.is_exact, seen))
            }
            None => {
                let (seq, is_written) = state.append(&self.id, observed, identity);
                (Place::Line(seq), is_written)
            }
        };
        Ticket { ledger: Arc::clone(self), place, is_written, makes: None }
    }

    /// Records how a request ended.
    pub(super) fn answered(&self, place: Place, outcome: &Outcome) {
        let mut state = self.state.lock();
        match place {
            Place::Line(seq) => {
                state.note_disorder(outcome);
                state.refused += u64::from(outcome.disorder.is_some());
                state.file.append(&Event::Response(Response::of(&self.id, seq, outcome)));
            }
            Place::Count(place) => state.answered_again(&self.id, place, outcome),
        }
    }

    /// Records what a request has created.
    fn made(&self, place: Place, made: &[Made<'static>]) {
        if made.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        let seq = match place {
            Place::Line(seq) => seq,
            Place::Count(place) => match state.repeats.at(place) {
                Some((first, _)) => first,
                None => return,
            },
        };
        for object in made {
            if state.made >= MOST_MADE {
                return;
            }
            state.made += 1;
            state.file.append(&Event::Made(object.of_request(&self.id, seq)));
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let state = self.state.lock();
        Progress {
            requests: state.requests(),
            operations: state.operations.len(),
            newest: state.newest,
        }
    }

    /// Writes the counts that are not written yet, and the session's end.
    pub(super) fn end(&self, exit: Option<u8>) -> Totals {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.has_ended = true;
        for (first, count, sum) in state.repeats.rest() {
            if state.file.append(&repeat(&self.id, first, &sum)) {
                count.is_written(&sum);
            }
        }
        let (requests, dropped) = (state.requests(), state.file.dropped());
        let (session, time) = (self.id.as_str().into(), Timestamp::now());
        state.file.append(&Event::End(End { session, time, requests, dropped, exit }));
        let (operations, dropped) = (state.operations.len(), state.file.dropped());
        Totals { requests, operations, dropped, refused: state.refused, unread: state.unread }
    }
}

impl State {
    fn append(&mut self, id: &str, observed: &Observation<'_>, identity: &Identity) -> (u64, bool) {
        self.lines += 1;
        if let Some(operation) = observed.operation()
            && observed.refusal.is_none()
            && self.operations.insert(operation)
        {
            self.newest = Instant::now();
        }
        self.refused += u64::from(observed.refusal.is_some());
        if observed.is_unread() {
            self.unread += 1;
            self.file.mark_lossy();
        }
        let seq = self.requests();
        let line = Event::Request(observed.line(id, seq, Timestamp::now()));
        let is_written = self.file.append(&line);
        // A count refers to the line of the first request, so that line has to exist.
        if is_written {
            self.repeats.remember(identity, seq);
        }
        (seq, is_written)
    }

    /// Counts a request. Writes the count if it is due. If the last write failed or the session has ended,
    /// it writes the count after every request, because nothing else will.
    fn count(&mut self, id: &str, place: usize, is_exact: bool, seen: Seen) -> bool {
        let Some((first, count)) = self.repeats.at(place) else { return false };
        self.counted += 1;
        count.once_more(is_exact, seen);
        if !(count.is_due() || self.file.is_failing() || self.has_ended) {
            return true;
        }
        let sum = count.sum();
        let is_written = self.file.append(&repeat(id, first, &sum));
        if is_written {
            count.is_written(&sum);
        }
        is_written
    }

    /// Counts an answer. Only the first one that went wrong after its head gets a line, so that a client
    /// that repeats it does not fill the disk.
    fn answered_again(&mut self, id: &str, place: usize, outcome: &Outcome) {
        self.note_disorder(outcome);
        let Some((first, count)) = self.repeats.at(place) else { return };
        if let Some(status) = outcome.status {
            count.answered(status);
        }
        if outcome.disorder.is_some() && count.breaks() {
            self.refused += 1;
            let outcome = Outcome { status: None, ..*outcome };
            self.file.append(&Event::Response(Response::of(id, first, &outcome)));
        }
    }

    /// Marks the session as lossy if the rest of a connection was forwarded without being read.
    fn note_disorder(&mut self, outcome: &Outcome) {
        if outcome.disorder.is_some() && outcome.upgraded {
            self.unread += 1;
            self.file.mark_lossy();
        }
    }

    /// The number of requests.
    fn requests(&self) -> u64 {
        self.lines + self.counted
    }
}

fn repeat<'a>(id: &'a str, seq: u64, sum: &Sum) -> Event<'a> {
    let last = sum.last.map(|seen| Last {
        // Computed from the current time, because the clock may have been set since then.
        time: Timestamp::now().checked_sub(seen.at.elapsed()).unwrap_or(Timestamp::UNIX_EPOCH),
        connection: seen.connection,
        peer: seen.peer,
    });
    let statuses = sum.statuses.iter().copied().collect();
    let Sum { count, alike, .. } = *sum;
    Event::Repeat(Repeat { session: id.into(), seq, count, alike, statuses, last })
}
