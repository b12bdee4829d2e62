//! The requests of a log as the events of one session.

use std::collections::HashSet;
use std::time::Instant;

use indexmap::IndexMap;
use jiff::Timestamp;

use super::super::identity::Identity;
use super::super::repeats::{Repeats, Seen, Sum};
use super::super::{End, Event, FORMAT_VERSION, Observation, Purpose, Repeat, Response, Session};
use super::wanted::{TurnedAway, Wanted};
use super::{Entry, Format, Line};
use crate::api::{CanonicalRequest, EngineKind};
use crate::http1::Arrival;
use crate::peer::Peer;

/// How many requests that the engine refused are remembered.
const MOST_REFUSED: usize = 1000;

/// A log that is being read.
pub(super) struct Import {
    engine: EngineKind,
    format: Format,
    /// The requests that the engine itself refused, if the proxy's log has each request twice.
    refused: HashSet<(String, String)>,
    wanted: Wanted,
    /// Requests on which the program decides in a later line: how often each was sent, and whether it was
    /// denied.
    undecided: IndexMap<Entry, (u64, bool)>,
    pub(super) turned_away: u64,
    pub(super) others: u64,
    session: Session,
    events: Vec<Event<'static>>,
    repeats: Repeats,
    pub(super) requests: u64,
}

impl Import {
    pub(super) fn begin(format: Format, engine: EngineKind, wanted: Wanted) -> Self {
        let session = Session {
            version: FORMAT_VERSION,
            id: String::new(),
            start: Timestamp::UNIX_EPOCH,
            dsp: env!("CARGO_PKG_VERSION").to_owned(),
            command: Vec::new(),
            arguments: false,
            container: None,
            client: None,
            labels: IndexMap::from([("from".to_owned(), format.as_str().to_owned())]),
            engine: None,
            lossy: false,
        };
        Self {
            engine,
            format,
            refused: HashSet::new(),
            wanted,
            undecided: IndexMap::new(),
            turned_away: 0,
            others: 0,
            session,
            events: Vec::new(),
            repeats: Repeats::default(),
            requests: 0,
        }
    }

    /// Whether no request was read yet.
    pub(super) fn is_empty(&self) -> bool {
        self.requests == 0 && self.undecided.is_empty()
    }

    /// Takes what a line says.
    pub(super) fn line(&mut self, line: Line) {
        let (Line::Request(entry) | Line::TurnedAway(Some(entry))) = &line else {
            self.turned_away += u64::from(line == Line::TurnedAway(None));
            return;
        };
        if let Some(range) = self.wanted.client
            && !entry.client.is_some_and(|client| range.contains(client))
        {
            self.others += 1;
            return;
        }
        match line {
            Line::Request(entry) if self.format.decides_later() => {
                self.undecided.entry(entry).or_default().0 += 1;
            }
            Line::TurnedAway(Some(entry)) if self.format.decides_later() => {
                self.undecided.entry(entry).or_default().1 = true;
            }
            Line::Request(entry) => self.request(&entry),
            Line::TurnedAway(Some(entry)) if self.was_passed_on(&entry) => {}
            Line::TurnedAway(Some(entry)) => self.denied(&entry, 1),
            Line::TurnedAway(None) | Line::Other => {}
        }
    }

    /// Takes a request that the proxy answered itself, or leaves it out.
    fn denied(&mut self, entry: &Entry, count: u64) {
        match self.wanted.denied {
            TurnedAway::Taken => (0..count).for_each(|_| self.request(entry)),
            TurnedAway::LeftOut => self.turned_away += count,
        }
    }

    /// Takes the requests on which the program decides in a later line, once all lines are read.
    pub(super) fn decide(&mut self) {
        for (entry, (count, is_denied)) in std::mem::take(&mut self.undecided) {
            match is_denied {
                // A denial may be all that is left of a request.
                true => self.denied(&entry, count.max(1)),
                false => (0..count).for_each(|_| self.request(&entry)),
            }
        }
    }

    /// Whether the log has already reported that the engine refused this request. Caddy's access log
    /// reports it a second time.
    fn was_passed_on(&self, entry: &Entry) -> bool {
        !self.refused.is_empty()
            && self.refused.contains(&(entry.method.clone(), entry.target.clone()))
    }

    /// Adds a request as the recorder would: in canonical form, without its secrets, and only
    /// counted if it repeats an earlier one.
    fn request(&mut self, entry: &Entry) {
        self.requests += 1;
        let is_refused = matches!(entry.status, Some(401 | 403));
        if is_refused && self.format == Format::Caddy && self.refused.len() < MOST_REFUSED {
            self.refused.insert((entry.method.clone(), entry.target.clone()));
        }
        let request = CanonicalRequest::parse(self.engine, &entry.method, &entry.target);
        let located = request.as_ref().ok().and_then(CanonicalRequest::locate);
        let observed = Observation {
            arrival: Arrival {
                at: Instant::now(),
                // Logs may number requests, but not connections.
                connection: 1,
                peer: Peer::Unknown,
                client: None,
                method: &entry.method,
                target: &entry.target,
                agent: entry.agent.as_deref(),
            },
            request: request.as_ref().ok(),
            located: located.as_ref(),
            // A log contains neither headers nor bodies.
            contents: None,
            refusal: request.as_ref().err(),
            denied: None,
            would_deny: None,
        };
        // Each format writes times in its own way, and nothing that reads evidence needs one.
        let time = Timestamp::UNIX_EPOCH;
        let identity = Identity::of(&observed, Purpose::Evidence);
        if let Some(earlier) = self.repeats.find(&identity) {
            let place = self.repeats.place(earlier.first);
            if let Some((_, count)) = self.repeats.at(place) {
                count.once_more(earlier.is_exact, Seen::of(&observed.arrival));
                entry.status.into_iter().for_each(|status| count.answered(status));
            }
            return;
        }
        self.repeats.remember(&identity, self.requests);
        let request = observed.line("", self.requests, time);
        self.events.push(Event::Request(request.into_owned()));
        if entry.status.is_some() {
            self.events.push(Event::Response(Response {
                session: "".into(),
                seq: self.requests,
                status: entry.status,
                milliseconds: 0,
                received: 0,
                sent: 0,
                upgraded: entry.status == Some(101),
                // Only the headers of the answer would show this.
                unrouted: false,
                refused: None,
            }));
        }
    }

    /// The events, in the session with this id. The id is derived from the log's content, so that a log
    /// that is read twice counts once, like a recording.
    pub(super) fn end(mut self, id: &str, whole: bool) -> Vec<Event<'static>> {
        let repeats = self.repeats.rest().map(|(seq, _, Sum { count, alike, statuses, .. })| {
            // The times in a log are not read, see above.
            let (statuses, last) = (statuses.into_iter().collect(), None);
            Event::Repeat(Repeat { session: "".into(), seq, count, alike, statuses, last })
        });
        self.events.extend(repeats);
        if whole {
            let (time, requests) = (Timestamp::UNIX_EPOCH, self.requests);
            let end = End { session: "".into(), time, requests, dropped: 0, exit: None };
            self.events.push(Event::End(end));
        }
        self.events.insert(0, Event::Session(self.session));
        self.events.iter_mut().for_each(|event| event.set_session(id));
        self.events
    }
}
