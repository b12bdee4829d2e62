//! Collects the lines of recordings, in any order and with any duplicates.

mod listing;
mod telling;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use self::listing::{labels_asked_for, tell_filters};
use self::telling::{new_name, tell_owners};
use super::asked::{Asked, AskedIn, Asking, MOST_CLIENTS, Target};
use super::client_name::ClientName;
use super::owners::{MadeBy, NamedBy};
use super::{Chosen, Evidence, SessionState, Whose};
use crate::api::{CanonicalRequest, EngineKind, Located};
use crate::contents::Facts;
use crate::recording::{Event, Request, Session};

/// What has been read so far. A line that is read twice counts once.
#[derive(Debug, Default)]
pub struct Gathering {
    sessions: HashMap<String, Gathered>,
    /// Distinct requests as written: a program sends few different requests, but often.
    asked: IndexSet<Written>,
    /// The names of clients; only the first [`MOST_CLIENTS`].
    clients: IndexSet<ClientName>,
    /// The file that is being read; `None` without a name.
    file: Option<Arc<str>>,
    /// The line of the recording that is being read.
    line: Option<NonZeroU32>,
    /// The number of truncated lines.
    torn: usize,
    /// The number of requests in logs that the logging proxy answered itself.
    turned_away: u64,
}

/// The first version of the format that says what was made.
const TELLS_OWNERS: u32 = 3;

/// Recordings of different engines, which cannot result in one profile.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the evidence is from both Docker Engine and podman, but a profile is for one of them")]
pub struct MixedEngines;

/// A request as a recording contains it.
#[derive(Debug, Eq, Hash, PartialEq)]
struct Written {
    method: Box<str>,
    path: Box<str>,
    refused: Option<Box<str>>,
    facts: Option<Facts>,
    denied: bool,
    /// The keys of labels with which it limited what it was about.
    labels: BTreeSet<String>,
}

/// What has been read of one session.
#[derive(Debug, Default)]
struct Gathered {
    state: SessionState,
    requests: HashMap<u64, Slot>,
    /// The statuses of repeated requests, by the number of the first one.
    repeated: HashMap<u64, IndexMap<u16, u64>>,
    /// The number of requests according to its last line.
    announced: u64,
    /// Why `enforce` would end requests after their heads, by request number.
    broken: HashMap<u64, Box<str>>,
    /// The indices of these texts among all distinct ones.
    refused: Vec<usize>,
    made: BTreeSet<MadeBy>,
    named: BTreeSet<NamedBy>,
}

/// A request and its repetitions. Its lines may come in any order.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The index in [`Gathering::asked`], from 1. One of these exists for each line of a recording, so it
    /// is small.
    asked: Option<NonZeroU32>,
    /// The line of the recording.
    line: Option<NonZeroU32>,
    unrouted: bool,
    /// Whether the connection became a tunnel.
    upgraded: bool,
    /// The index of the client in [`Gathering::clients`], from 1; 0 without a name.
    client: u8,
    /// The status of the answer; 0 if unknown.
    status: u16,
    repeats: u64,
}

impl Gathering {
    /// Says what messages call the file from which the next events come; `None` if they do not name it.
    pub fn read_from(&mut self, file: Option<&str>) {
        (self.file, self.line) = (file.map(Into::into), None);
    }

    /// Adds an event from this line of the file, from 1.
    pub fn absorb_line(&mut self, line: usize, event: Event<'_>) {
        self.line = u32::try_from(line).ok().and_then(NonZeroU32::new);
        self.absorb(event);
    }

    /// Adds one line of a recording.
    pub fn absorb(&mut self, event: Event<'_>) {
        match event {
            Event::Session(session) => self.begin(session),
            Event::Request(request) => {
                let named = new_name(&request);
                let refused = request.refused.as_deref();
                let refused = refused.or_else(|| refused_in_older_log(&request)).map(Into::into);
                let labels = labels_asked_for(&request);
                let client = ClientName::of(&request).map_or(0, |name| self.client(name));
                let written = Written {
                    method: request.method.into(),
                    path: request.path.into(),
                    refused,
                    facts: request.contents.map(Cow::into_owned),
                    denied: request.denied.is_some(),
                    labels,
                };
                let asked = numbered(self.asked.insert_full(written).0);
                let line = self.line;
                let session = self.session(request.session.into_owned());
                if let Some(name) = named {
                    session.named.insert(NamedBy { seq: request.seq, name });
                }
                let slot = session.requests.entry(request.seq).or_default();
                (slot.asked, slot.client) = (asked, client);
                slot.line = slot.line.or(line);
            }
            Event::Response(response) => {
                let session = self.session(response.session.into_owned());
                let slot = session.requests.entry(response.seq).or_default();
                slot.unrouted |= response.unrouted;
                slot.upgraded |= response.upgraded && response.refused.is_none();
                slot.status = response.status.unwrap_or(slot.status);
                if let Some(reason) = response.refused {
                    session.state.lossy |= response.upgraded;
                    session.broken.insert(response.seq, reason.into());
                }
            }
            Event::Made(made) => {
                let object = MadeBy {
                    seq: made.seq,
                    kind: made.kind,
                    id: made.id.into_owned(),
                    name: made.name.map(Cow::into_owned),
                };
                self.session(made.session.into_owned()).made.insert(object);
            }
            Event::Repeat(repeat) => {
                let session = self.session(repeat.session.into_owned());
                let slot = session.requests.entry(repeat.seq).or_default();
                if repeat.count >= slot.repeats {
                    slot.repeats = repeat.count;
                    session.repeated.insert(repeat.seq, repeat.statuses);
                }
            }
            Event::End(end) => {
                let gathered = self.session(end.session.into_owned());
                gathered.announced = gathered.announced.max(end.requests);
                let state = &mut gathered.state;
                state.ended = true;
                state.exit = end.exit;
                state.lossy |= end.dropped > 0;
            }
        }
    }

    /// Counts truncated lines as lost.
    pub fn tear(&mut self, lines: usize) {
        self.torn += lines;
    }

    /// Counts requests in a log that the logging proxy answered itself.
    pub fn turn_away(&mut self, requests: u64) {
        self.turned_away += requests;
    }

    /// Drops the sessions for which `is_wanted` returns false, with all of their requests.
    pub fn keep(&mut self, mut is_wanted: impl FnMut(usize, &SessionState) -> bool) {
        let state = |(id, gathered): (&String, &Gathered)| {
            let mut state = gathered.state.clone();
            state.id.clone_from(id);
            (id.clone(), state)
        };
        let mut order: Vec<(String, SessionState)> = self.sessions.iter().map(state).collect();
        order.sort_by(|(a, first), (b, second)| (first.start, a).cmp(&(second.start, b)));
        for (place, (id, state)) in order.iter().enumerate() {
            if !is_wanted(place, state) {
                self.sessions.remove(id);
            }
        }
    }

    /// The denied requests, with the same texts as in [`Evidence::denied`].
    #[must_use]
    pub fn denied(&self, engine: EngineKind) -> BTreeSet<String> {
        let slots = self.sessions.values().flat_map(|session| session.requests.values());
        let places: BTreeSet<usize> = slots.filter_map(Slot::place).collect();
        let written = places.into_iter().filter_map(|place| {
            let written = self.asked.get_index(place)?;
            written.denied_text(engine)
        });
        written.collect()
    }

    /// Counts the chosen denied requests as evidence of a need. Only a person can tell whether the
    /// program needs them or a client tried something else.
    pub fn take_denied(&mut self, engine: EngineKind, chosen: &Chosen) {
        if *chosen == Chosen::None || !self.asked.iter().any(|written| written.denied) {
            return;
        }
        // A request may also have been recorded without a denial, so indices change.
        let mut asked = IndexSet::new();
        let mut places = Vec::new();
        for mut written in std::mem::take(&mut self.asked) {
            let is_chosen = match chosen {
                Chosen::None => false,
                Chosen::All => true,
                Chosen::Only(_) => {
                    written.denied_text(engine).is_some_and(|text| chosen.includes(&text))
                }
            };
            written.denied &= !is_chosen;
            places.push(numbered(asked.insert_full(written).0));
        }
        self.asked = asked;
        for slot in self.sessions.values_mut().flat_map(|session| session.requests.values_mut()) {
            slot.asked = slot.place().and_then(|place| places.get(place).copied().flatten());
        }
    }

    /// The engine that was recorded; `None` if no session names one.
    ///
    /// # Errors
    /// [`MixedEngines`].
    pub fn engine(&self) -> Result<Option<EngineKind>, MixedEngines> {
        let mut named = self.sessions.values().filter_map(|session| session.state.engine);
        let first = named.next();
        if named.all(|other| Some(other) == first) { Ok(first) } else { Err(MixedEngines) }
    }

    /// Groups everything by operation of this engine.
    #[must_use]
    pub fn finish(mut self, engine: EngineKind) -> Evidence {
        let mut broken = IndexSet::new();
        for session in self.sessions.values_mut() {
            session.name_broken(&self.asked, &mut broken);
        }
        let mut targets: Vec<Target> =
            self.asked.into_iter().map(|written| target(engine, written)).collect();
        let places = targets.len();
        targets.extend(broken.into_iter().map(Target::Refused));
        let (torn, turned_away) = (self.torn, self.turned_away);
        let mut sessions: Vec<(String, Gathered)> = self.sessions.into_iter().collect();
        sessions.sort_by(|(a, first), (b, second)| {
            (first.state.start, a).cmp(&(second.state.start, b))
        });
        tell_filters(&mut targets);
        let names = tell_owners(engine, &mut targets, &mut sessions);
        let sessions = sessions.into_iter().map(|(id, gathered)| {
            let Gathered { mut state, requests, repeated, announced, refused, .. } = gathered;
            state.id = id;
            let counted: u64 = requests.values().filter_map(Slot::count).sum();
            let hid = |slot: &Slot| {
                let target = slot.place().and_then(|place| targets.get(place));
                slot.upgraded && matches!(target, Some(Target::Refused(_)))
            };
            // If a head could not be read, everything after it was forwarded unread. And lines may
            // be lost without any trace but the count at the end.
            state.lossy |= counted < announced || requests.values().any(hid);
            let asking = |(seq, slot): (&u64, &Slot)| {
                let target = slot.place()?;
                let Slot { unrouted, client, status, line, .. } = *slot;
                let count = slot.count()?;
                Some(Asking { target, count, unrouted, client, status, line, seq: *seq })
            };
            let refused = refused.into_iter().map(|place| Asking {
                target: places + place,
                count: 1,
                unrouted: false,
                client: 0,
                status: 0,
                line: None,
                seq: 0,
            });
            let askings = requests.iter().filter_map(asking).chain(refused).collect();
            AskedIn { state, askings, repeated }
        });
        let sessions = sessions.collect();
        let evidence = Evidence::of(engine, targets, &self.clients, sessions);
        evidence.with_names(names).with_gaps(torn, turned_away)
    }

    fn begin(&mut self, session: Session) {
        let state = &mut self.session(session.id).state;
        state.start = Some(session.start);
        state.command = session.command;
        state.container = session.container;
        state.client = session.client;
        state.from = session.labels.get("from").and_then(|name| name.parse().ok());
        state.labels = session.labels;
        state.engine = session.engine.map(|engine| engine.kind);
        state.lossy |= session.lossy;
        state.tells_owners = session.version >= TELLS_OWNERS && state.from.is_none();
    }

    /// The index of a client, from 1; the index after the last one is shared by all further
    /// clients.
    fn client(&mut self, name: ClientName) -> u8 {
        let place = self.clients.get_index_of(&name).unwrap_or_else(|| {
            if self.clients.len() < MOST_CLIENTS {
                self.clients.insert_full(name).0
            } else {
                MOST_CLIENTS
            }
        });
        u8::try_from(place + 1).unwrap_or(u8::MAX)
    }

    fn session(&mut self, id: String) -> &mut Gathered {
        let session = self.sessions.entry(id).or_default();
        if session.state.file.is_none() {
            session.state.file.clone_from(&self.file);
        }
        session
    }
}

/// A place in a list, from 1.
fn numbered(place: usize) -> Option<NonZeroU32> {
    u32::try_from(place + 1).ok().and_then(NonZeroU32::new)
}

impl Written {
    /// Its text in the list of denied requests; `None` if it was not denied, or is refused anyway.
    fn denied_text(&self, engine: EngineKind) -> Option<String> {
        if !self.denied || self.refused.is_some() {
            return None;
        }
        CanonicalRequest::parse(engine, &self.method, &self.path).ok().map(|one| denied(&one))
    }
}

/// The text of a denied request in the list.
fn denied(request: &CanonicalRequest) -> String {
    format!("{} {}", request.method(), request.path())
}

impl Gathered {
    /// Lists requests that `enforce` would end after their heads under the same texts as requests
    /// whose heads it refuses.
    fn name_broken(&mut self, asked: &IndexSet<Written>, names: &mut IndexSet<String>) {
        let mut numbers: Vec<_> = self.broken.iter().collect();
        numbers.sort_unstable();
        let broken = numbers.into_iter().filter_map(|(seq, reason)| {
            let place = self.requests.get(seq)?.place()?;
            let Written { method, path, denied, .. } = asked.get_index(place)?;
            (!denied).then(|| format!("{method} {path}: {reason}"))
        });
        self.refused = broken.map(|name| names.insert_full(name).0).collect();
    }
}

impl Slot {
    /// The index in [`Gathering::asked`].
    fn place(&self) -> Option<usize> {
        usize::try_from(self.asked?.get() - 1).ok()
    }

    /// How often it was sent; `None` if its own line is missing.
    fn count(&self) -> Option<u64> {
        self.asked.map(|_| self.repeats.saturating_add(1))
    }
}

/// Why `enforce` refused a request whatever the profile says, according to an audit log of an older
/// version of dsp. Those logs have the reason only in the text of the denial, so this takes that text
/// apart, and nothing else does. Newer logs have a field of their own, [`Request::refused`].
fn refused_in_older_log<'a>(request: &'a Request<'_>) -> Option<&'a str> {
    const BEFORE: &str = "dsp: the request is refused: ";
    let denials = [&request.denied, &request.would_deny];
    denials.into_iter().flatten().find_map(|denial| denial.strip_prefix(BEFORE))
}

/// Classifies a request. It is canonicalized again from its path, by the code that `enforce` runs,
/// because an older catalogue may have given it another name.
fn target(engine: EngineKind, written: Written) -> Target {
    let Written { method, path, refused, facts, denied: is_denied, labels } = written;
    let refuse = |reason: &str| Target::Refused(format!("{method} {path}: {reason}"));
    let canonical = match CanonicalRequest::parse(engine, &method, &path) {
        Ok(canonical) => canonical,
        Err(refusal) => return refuse(&refusal.to_string()),
    };
    if let Some(reason) = &refused {
        return refuse(reason);
    }
    match canonical.locate() {
        _ if is_denied => Target::Denied(denied(&canonical)),
        Some(Located { operation, values }) => {
            let (whose, version) = (Whose::others(), canonical.version());
            Target::Known(Asked { operation, values, facts, whose, version, labels })
        }
        None => Target::Unknown(Box::new(canonical)),
    }
}
