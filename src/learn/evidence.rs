//! What recordings say, folded by operation.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{ApiVersion, CanonicalRequest, Catalogue, Located, Operation};
use crate::recording::{End, Event, Request, Session};

/// The evidence of any number of recordings.
#[derive(Debug, Default)]
pub struct Evidence {
    known: BTreeMap<usize, Known>,
    unknown: BTreeMap<String, Unknown>,
    refused: BTreeMap<String, Use>,
    sessions: BTreeMap<String, SessionState>,
    /// The requests read so far by session and number, so that a recording that is read twice
    /// counts once.
    read: BTreeSet<(String, u64)>,
}

/// What was seen of one operation.
#[derive(Debug)]
pub struct Known {
    /// The operation.
    pub operation: &'static Operation,
    /// How often and where.
    pub seen: Use,
    /// The values of its parameters, and the API versions that were asked for with each.
    pub values: BTreeMap<Vec<String>, BTreeSet<Option<ApiVersion>>>,
}

/// What was seen of one request that no operation is.
#[derive(Debug)]
pub struct Unknown {
    /// The request.
    pub request: CanonicalRequest,
    /// How often and where.
    pub seen: Use,
}

/// How often something was seen, and in which sessions.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Use {
    /// Requests, repeated ones included.
    pub requests: u64,
    /// The sessions' ids.
    pub sessions: BTreeSet<String>,
}

/// What is known of one session.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SessionState {
    /// The command that was recorded.
    pub command: Vec<String>,
    /// Whether its last line is there.
    pub ended: bool,
    /// Whether lines were lost.
    pub lossy: bool,
    /// What each number in the session asked for, to count repeated requests.
    targets: BTreeMap<u64, Target>,
    /// The highest count of repeats seen for each number.
    repeats: BTreeMap<u64, u64>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Target {
    Known(usize),
    Refused(String),
    Unknown(String),
}

impl Evidence {
    /// Takes one line of a recording in.
    pub fn absorb(&mut self, event: Event) {
        match event {
            Event::Session(session) => self.session(session),
            Event::Request(request) => self.request(&request),
            Event::Repeat(repeat) => {
                let session = self.sessions.entry(repeat.session.clone()).or_default();
                let known = session.repeats.entry(repeat.seq).or_default();
                let more = repeat.count.saturating_sub(*known);
                *known = repeat.count.max(*known);
                let target = session.targets.get(&repeat.seq).cloned();
                target.into_iter().for_each(|target| self.count(&target, &repeat.session, more));
            }
            Event::End(end) => self.end(&end),
            Event::Response(_) => {}
        }
    }

    /// What was seen of the operations, in catalogue order.
    pub fn known(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }

    /// Requests that no operation is, by their text.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, &Unknown)> {
        self.unknown.iter().map(|(text, unknown)| (text.as_str(), unknown))
    }

    /// Requests that `enforce` refuses whatever the profile says, by their text.
    pub fn refused(&self) -> impl Iterator<Item = (&str, &Use)> {
        self.refused.iter().map(|(text, seen)| (text.as_str(), seen))
    }

    /// The sessions by their ids.
    #[must_use]
    pub fn sessions(&self) -> &BTreeMap<String, SessionState> {
        &self.sessions
    }

    /// Whether no request was seen at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.unknown.is_empty() && self.refused.is_empty()
    }

    /// Whether some session lost lines.
    #[must_use]
    pub fn lossy(&self) -> bool {
        self.sessions.values().any(|session| session.lossy)
    }

    /// How many sessions have no end.
    #[must_use]
    pub fn incomplete(&self) -> usize {
        self.sessions.values().filter(|session| !session.ended).count()
    }

    /// The lowest API version that was asked for.
    #[must_use]
    pub fn lowest_version(&self) -> Option<ApiVersion> {
        let known = self.known.values().flat_map(|known| known.values.values().flatten());
        let unknown = self.unknown.values().map(|unknown| unknown.request.version());
        known.filter_map(|version| *version).chain(unknown.flatten()).min()
    }

    fn session(&mut self, session: Session) {
        let state = self.sessions.entry(session.id).or_default();
        state.command = session.command;
        state.lossy |= session.lossy;
    }

    fn end(&mut self, end: &End) {
        let state = self.sessions.entry(end.session.clone()).or_default();
        state.ended = true;
        state.lossy |= end.dropped > 0;
    }

    fn request(&mut self, request: &Request) {
        if !self.read.insert((request.session.clone(), request.seq)) {
            return;
        }
        let target = self.place(request);
        self.count(&target, &request.session, 1);
        let state = self.sessions.entry(request.session.clone()).or_default();
        state.targets.insert(request.seq, target);
    }

    /// Files a request. It is made canonical again from its path, by the code that `enforce` runs,
    /// instead of trusting the name that an older catalogue may have given it.
    fn place(&mut self, request: &Request) -> Target {
        let text = format!("{} {}", request.method, request.path);
        let canonical = CanonicalRequest::parse(&request.method, &request.path);
        let canonical = match (canonical, &request.refused) {
            (Ok(canonical), None) => canonical,
            (Ok(_), Some(reason)) => return self.refuse(text, reason),
            (Err(refusal), _) => return self.refuse(text, &refusal.to_string()),
        };
        match canonical.locate(Catalogue::docker()) {
            Some(Located { operation, values }) => {
                let known = self.known.entry(operation.index).or_insert_with(|| Known {
                    operation,
                    seen: Use::default(),
                    values: BTreeMap::new(),
                });
                known.values.entry(values).or_default().insert(canonical.version());
                Target::Known(operation.index)
            }
            None => {
                let text = format!("{} {}", canonical.method(), canonical.path());
                let unknown = Unknown { request: canonical, seen: Use::default() };
                self.unknown.entry(text.clone()).or_insert(unknown);
                Target::Unknown(text)
            }
        }
    }

    fn refuse(&mut self, text: String, reason: &str) -> Target {
        let text = format!("{text}: {reason}");
        self.refused.entry(text.clone()).or_default();
        Target::Refused(text)
    }

    fn count(&mut self, target: &Target, session: &str, more: u64) {
        let seen = match target {
            Target::Known(index) => self.known.get_mut(index).map(|known| &mut known.seen),
            Target::Refused(text) => self.refused.get_mut(text),
            Target::Unknown(text) => self.unknown.get_mut(text).map(|unknown| &mut unknown.seen),
        };
        if let Some(seen) = seen {
            seen.requests += more;
            if !seen.sessions.contains(session) {
                seen.sessions.insert(session.to_owned());
            }
        }
    }
}

impl Known {
    /// How many different values its first parameter had; 0 without a parameter.
    #[must_use]
    pub fn distinct(&self) -> usize {
        let first: BTreeSet<&String> =
            self.values.keys().filter_map(|values| values.first()).collect();
        first.len()
    }
}
