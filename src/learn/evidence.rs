//! The contents of recordings, grouped by operation.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexSet;
use sha2::{Digest, Sha256};

use super::asked::{Asked, AskedIn, Asking, Target};
use super::client_name::ClientName;
use super::outcomes::Outcomes;
use super::{
    Demand, Demanded, First, FirstSeen, Known, ObjectNames, SeenContents, SessionState, Use,
};
use crate::api::{ApiVersion, CanonicalRequest, EngineKind, Operation};
use crate::contents::Facts;
use crate::recording::Format;
use crate::text::hex;

/// The evidence from any number of recordings.
#[derive(Debug, Default)]
pub struct Evidence {
    engine: EngineKind,
    known: BTreeMap<usize, Known>,
    unknown: BTreeMap<String, Unknown>,
    refused: BTreeMap<String, Use>,
    unrouted: BTreeMap<String, Use>,
    denied: BTreeMap<String, Use>,
    sessions: Vec<SessionState>,
    not_started: Vec<SessionState>,
    names: ObjectNames,
    /// The names of clients, in the order in which [`First`] counts them.
    clients: Vec<String>,
    torn: usize,
    turned_away: u64,
}

/// What was seen of one request that is not in the catalogue.
#[derive(Debug)]
pub struct Unknown {
    /// The request.
    pub request: CanonicalRequest,
    /// How often and where.
    pub seen: Use,
}

impl Evidence {
    /// The engine that received the requests.
    #[must_use]
    pub fn engine(&self) -> EngineKind {
        self.engine
    }

    /// What was seen of each operation, in catalogue order.
    pub fn known(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }

    /// What was seen of one operation; `None` if it was not seen.
    pub fn of_operation(&self, operation: &Operation) -> Option<&Known> {
        self.known.get(&operation.index)
    }

    /// Requests that are not in the catalogue, by their text.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, &Unknown)> {
        self.unknown.iter().map(|(text, unknown)| (text.as_str(), unknown))
    }

    /// Requests that `enforce` refuses whatever the profile says, by their text.
    pub fn refused(&self) -> impl Iterator<Item = (&str, &Use)> {
        self.refused.iter().map(|(text, seen)| (text.as_str(), seen))
    }

    /// Requests for which the engine has no route, by their text. They do not show a need, because
    /// they had no effect.
    pub fn unrouted(&self) -> impl Iterator<Item = (&str, &Use)> {
        self.unrouted.iter().map(|(text, seen)| (text.as_str(), seen))
    }

    /// Denied requests that do not count as evidence of a need, by their text.
    pub fn denied(&self) -> impl Iterator<Item = (&str, &Use)> {
        self.denied.iter().map(|(text, seen)| (text.as_str(), seen))
    }

    /// The sessions in the order of their starts.
    #[must_use]
    pub fn sessions(&self) -> &[SessionState] {
        &self.sessions
    }

    /// Where something was seen first, in words.
    #[must_use]
    pub fn first_seen(&self, first: First) -> FirstSeen {
        let Some(session) = self.sessions.get(first.session) else { return FirstSeen::default() };
        let client = usize::from(first.client).checked_sub(1);
        FirstSeen {
            file: session.file.as_deref().map(str::to_owned),
            line: first.line,
            subject: if session.from.is_none() { session.subject() } else { None },
            client: client.and_then(|place| self.clients.get(place).cloned()),
        }
    }

    /// Whether no request was seen at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
            && self.unknown.is_empty()
            && self.refused.is_empty()
            && self.unrouted.is_empty()
    }

    /// Whether `enforce` refuses every request, whatever the profile says.
    #[must_use]
    pub fn is_all_refused(&self) -> bool {
        self.known.is_empty() && self.unknown.is_empty() && !self.refused.is_empty()
    }

    /// Whether requests are missing from some session.
    #[must_use]
    pub fn lossy(&self) -> bool {
        self.sessions.iter().any(|session| session.lossy)
    }

    /// The number of sessions without a start or an end.
    #[must_use]
    pub fn incomplete(&self) -> usize {
        self.sessions.iter().filter(|session| !session.is_whole()).count()
    }

    /// The number of truncated lines.
    #[must_use]
    pub fn torn(&self) -> usize {
        self.torn
    }

    /// The number of requests that a proxy answered itself, according to its log.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        self.turned_away
    }

    /// The formats of the logs that were read, sorted and without duplicates.
    #[must_use]
    pub fn logs(&self) -> BTreeSet<Format> {
        self.sessions.iter().filter_map(|session| session.from).collect()
    }

    /// The sessions whose command could not be started and that have no requests.
    #[must_use]
    pub fn not_started(&self) -> &[SessionState] {
        &self.not_started
    }

    /// The names of objects that the recording made.
    #[must_use]
    pub fn object_names(&self) -> &ObjectNames {
        &self.names
    }

    /// Records the names of objects.
    pub(super) fn with_names(self, names: ObjectNames) -> Self {
        Self { names, ..self }
    }

    /// Records gaps that belong to no particular session.
    pub(super) fn with_gaps(self, torn: usize, turned_away: u64) -> Self {
        Self { torn, turned_away, ..self }
    }

    /// The lowest API version in any request.
    #[must_use]
    pub fn lowest_version(&self) -> Option<ApiVersion> {
        let known = self.known.values().flat_map(Known::versions);
        let unknown = self.unknown.values().map(|unknown| unknown.request.version());
        known.chain(unknown).flatten().min()
    }

    /// A SHA-256 of the requests of all sessions, in hexadecimal. It does not depend on how the
    /// sessions are distributed over files.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut sessions: Vec<_> =
            self.sessions.iter().map(|session| (&session.id, session.digest)).collect();
        sessions.sort_unstable();
        let mut hash = Sha256::new();
        for (id, digest) in sessions {
            hash.update(id);
            hash.update(digest);
        }
        hex(&hash.finalize())
    }

    /// Groups sessions by operation. `targets` contains what the requests of all sessions asked
    /// for.
    pub(super) fn of(
        engine: EngineKind,
        mut targets: Vec<Target>,
        clients: &IndexSet<ClientName>,
        sessions: Vec<AskedIn>,
    ) -> Self {
        // Sorted, so that each map below is filled from one end to the other. With a million
        // requests for hundreds of thousands of names, memory access dominates the time.
        let mut order: Vec<usize> = (0..targets.len()).collect();
        let key = |at: &usize| targets.get(*at).map(Target::key);
        order.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        let mut ranks = vec![0; targets.len()];
        for (rank, at) in order.iter().enumerate() {
            if let Some(slot) = ranks.get_mut(*at) {
                *slot = rank;
            }
        }
        let mut evidence = Self { engine, ..Self::default() };
        let mut firsts = vec![None; targets.len()];
        let mut outcomes = Outcomes::default();
        for session in &sessions {
            outcomes.add(session, &targets);
        }
        for AskedIn { state, askings, .. } in sessions {
            if askings.is_empty() && state.has_failed_to_start() {
                evidence.not_started.push(state);
                continue;
            }
            evidence.add(state, askings, &targets, &ranks, &mut firsts);
        }
        outcomes.put_into(&mut evidence.known, clients);
        evidence.clients = clients.iter().map(ToString::to_string).collect();
        evidence.keep_demands(order.into_iter().filter_map(|at| match targets.get_mut(at) {
            Some(Target::Known(asked)) => {
                // Without one, the engine had no route for it.
                let first = firsts.get(at).copied().flatten()?;
                let values = std::mem::take(&mut asked.values);
                let (facts, whose) = (asked.facts.take(), asked.whose.clone());
                let Asked { operation, version, .. } = *asked;
                let labels = BTreeSet::new();
                Some((Asked { operation, values, facts, whose, version, labels }, first))
            }
            _ => None,
        }));
        evidence
    }

    /// Adds a session, except its demands on operations.
    fn add(
        &mut self,
        state: SessionState,
        askings: Vec<Asking>,
        targets: &[Target],
        ranks: &[usize],
        firsts: &mut [Option<First>],
    ) {
        let session = self.sessions.len();
        let (mut known, mut others) = (Vec::new(), Vec::new());
        for Asking { target: at, count, unrouted, line, client, .. } in askings {
            let first = First { session, line, client };
            let (Some(target), Some(rank)) = (targets.get(at), ranks.get(at)) else { continue };
            let seen = match (target, unrouted) {
                (Target::Known(asked), false) => {
                    known.push(((asked.operation.index, asked.version, *rank, count), asked));
                    if let Some(known) = firsts.get_mut(at) {
                        First::note(known, first);
                    }
                    let known = self.entry(asked.operation);
                    known.contents.add(asked.operation, asked.facts.as_ref(), session, count);
                    &mut known.seen
                }
                (Target::Known(_) | Target::Unknown(_), true) => {
                    others.push((target.text(), count));
                    self.unrouted.entry(target.text()).or_default()
                }
                (Target::Unknown(request), false) => {
                    others.push((target.text(), count));
                    let unknown = Unknown { request: (**request).clone(), seen: Use::default() };
                    &mut self.unknown.entry(target.text()).or_insert(unknown).seen
                }
                (Target::Refused(_), _) => {
                    others.push((target.text(), count));
                    self.refused.entry(target.text()).or_default()
                }
                // Denied requests are ignored, in the digest too.
                (Target::Denied(_), _) => self.denied.entry(target.text()).or_default(),
            };
            seen.requests += count;
            seen.sessions.insert(session);
            First::note(&mut seen.first, first);
        }
        known.sort_unstable_by_key(|(key, _)| *key);
        others.sort_unstable();
        let known = known.iter().map(|((_, _, _, count), asked)| (*asked, *count));
        self.sessions.push(SessionState { digest: digest(known, &others), ..state });
    }

    /// Records the demands on operations; `asked` is sorted by operation and values.
    fn keep_demands(&mut self, asked: impl Iterator<Item = (Asked, First)>) {
        for (Asked { operation, values, facts, whose, version, .. }, first) in asked {
            let Some(known) = self.known.get_mut(&operation.index) else { continue };
            let demand = Demand::new(values, facts, whose);
            match known.demands.last_entry() {
                Some(mut last) if *last.key() == demand => {
                    let demanded = last.get_mut();
                    demanded.versions.push(version);
                    First::note(&mut demanded.first, first);
                }
                _ => {
                    let demanded = Demanded { versions: vec![version], first: Some(first) };
                    known.demands.insert(demand, demanded);
                }
            }
        }
    }

    fn entry(&mut self, operation: &'static Operation) -> &mut Known {
        self.known.entry(operation.index).or_insert_with(|| Known {
            operation,
            seen: Use::default(),
            demands: BTreeMap::new(),
            contents: SeenContents::default(),
            clients: Vec::new(),
            places: Vec::new(),
            statuses: Vec::new(),
        })
    }
}

/// A hash of a session's requests, given in order.
fn digest<'a>(known: impl Iterator<Item = (&'a Asked, u64)>, others: &[(String, u64)]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (asked, count) in known {
        hash.update(asked.operation.name);
        asked.values.iter().for_each(|value| {
            hash.update(b"/");
            hash.update(value);
        });
        for fact in asked.facts.iter().flat_map(Facts::iter) {
            hash.update(b" ");
            hash.update(fact.to_string());
        }
        for object in &asked.whose.own {
            hash.update(format!(" {} {}", object.kind, object.name));
        }
        let version = asked.version.map(|version| format!(" {version}")).unwrap_or_default();
        hash.update(format!("{version} {count}\n"));
    }
    for (text, count) in others {
        hash.update(format!("{text} {count}\n"));
    }
    hash.finalize().into()
}
