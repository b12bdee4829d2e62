//! What recordings say, folded by operation.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::gather::{Asked, Target};
use crate::api::{ApiVersion, CanonicalRequest, EngineKind, Located, Operation, encode_segment};

/// The evidence of any number of recordings.
#[derive(Debug, Default)]
pub struct Evidence {
    engine: EngineKind,
    known: BTreeMap<usize, Known>,
    unknown: BTreeMap<String, Unknown>,
    refused: BTreeMap<String, Use>,
    unrouted: BTreeMap<String, Use>,
    sessions: Vec<SessionState>,
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
    /// The places of the sessions in [`Evidence::sessions`].
    pub sessions: BTreeSet<usize>,
}

/// What is known of one session.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SessionState {
    /// Its id.
    pub id: String,
    /// The engine that was recorded; none when nothing says so.
    pub engine: Option<EngineKind>,
    /// When it began; none when its first line is not there.
    pub start: Option<Timestamp>,
    /// The command that was recorded.
    pub command: Vec<String>,
    /// Whether its last line is there.
    pub ended: bool,
    /// Whether lines were lost.
    pub lossy: bool,
    /// A hash of what it asked for.
    digest: [u8; 32],
}

impl Evidence {
    /// No evidence yet, of an engine of this kind.
    pub(super) fn new(engine: EngineKind) -> Self {
        Self { engine, ..Self::default() }
    }

    /// The engine that was asked.
    #[must_use]
    pub fn engine(&self) -> EngineKind {
        self.engine
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

    /// Requests that the engine has no route for, by their text. They are no evidence of a need, as
    /// they got nothing.
    pub fn unrouted(&self) -> impl Iterator<Item = (&str, &Use)> {
        self.unrouted.iter().map(|(text, seen)| (text.as_str(), seen))
    }

    /// The sessions in the order in which they began.
    #[must_use]
    pub fn sessions(&self) -> &[SessionState] {
        &self.sessions
    }

    /// Whether no request was seen at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
            && self.unknown.is_empty()
            && self.refused.is_empty()
            && self.unrouted.is_empty()
    }

    /// Whether some session lost lines.
    #[must_use]
    pub fn lossy(&self) -> bool {
        self.sessions.iter().any(|session| session.lossy)
    }

    /// How many sessions have no end.
    #[must_use]
    pub fn incomplete(&self) -> usize {
        self.sessions.iter().filter(|session| !session.ended).count()
    }

    /// The lowest API version that was asked for.
    #[must_use]
    pub fn lowest_version(&self) -> Option<ApiVersion> {
        let known = self.known.values().flat_map(|known| known.values.values().flatten());
        let unknown = self.unknown.values().map(|unknown| unknown.request.version());
        known.filter_map(|version| *version).chain(unknown.flatten()).min()
    }

    /// A SHA-256 over what every session asked for, in hexadecimal. It does not depend on how the
    /// sessions are spread over files.
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
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Takes a session in: what each of its requests asked for, how often, and whether the engine
    /// had no such route.
    pub(super) fn add<'a>(
        &mut self,
        id: String,
        state: SessionState,
        requests: impl Iterator<Item = (&'a Target, u64, bool)>,
    ) {
        let session = self.sessions.len();
        let (mut known, mut others) = (Vec::new(), Vec::new());
        for (target, count, unrouted) in requests {
            let seen = match (target, unrouted) {
                (Target::Known(asked), false) => {
                    known.push((asked, count));
                    &mut self.entry(asked).seen
                }
                (Target::Known(_) | Target::Unknown(_), true) => {
                    others.push((text(target), count));
                    self.unrouted.entry(text(target)).or_default()
                }
                (Target::Unknown(request), false) => {
                    others.push((text(target), count));
                    let unknown = Unknown { request: request.clone(), seen: Use::default() };
                    &mut self.unknown.entry(text(target)).or_insert(unknown).seen
                }
                (Target::Refused(_), _) => {
                    others.push((text(target), count));
                    self.refused.entry(text(target)).or_default()
                }
            };
            seen.requests += count;
            seen.sessions.insert(session);
        }
        self.sessions.push(SessionState { id, digest: digest(known, others), ..state });
    }

    fn entry(&mut self, asked: &Asked) -> &mut Known {
        let operation = asked.operation;
        let known = self.known.entry(operation.index).or_insert_with(|| Known {
            operation,
            seen: Use::default(),
            values: BTreeMap::new(),
        });
        if !known.values.get(&asked.values).is_some_and(|seen| seen.contains(&asked.version)) {
            known.values.entry(asked.values.clone()).or_default().insert(asked.version);
        }
        known
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

    /// A request for it with these values, as the gate sees it.
    pub(super) fn located(&self, values: &[String]) -> Located {
        Located { operation: self.operation, values: values.to_vec() }
    }

    /// The path of a request for it with these values, without a version.
    #[must_use]
    pub fn path(&self, values: &[String]) -> String {
        path(self.operation, values)
    }
}

/// A hash of what a session asked for, whatever the order.
fn digest(mut known: Vec<(&Asked, u64)>, mut others: Vec<(String, u64)>) -> [u8; 32] {
    let key = |asked: &Asked| (asked.operation.index, asked.version);
    known.sort_unstable_by(|(a, first), (b, second)| {
        key(a).cmp(&key(b)).then_with(|| a.values.cmp(&b.values)).then(first.cmp(second))
    });
    others.sort_unstable();
    let mut hash = Sha256::new();
    for (asked, count) in known {
        hash.update(asked.operation.name);
        asked.values.iter().for_each(|value| {
            hash.update(b"/");
            hash.update(value);
        });
        let version = asked.version.map(|version| format!(" {version}")).unwrap_or_default();
        hash.update(format!("{version} {count}\n"));
    }
    for (text, count) in others {
        hash.update(format!("{text} {count}\n"));
    }
    hash.finalize().into()
}

fn path(operation: &Operation, values: &[String]) -> String {
    operation.template.fill(|place| {
        let value = values.get(place).map(String::as_str).unwrap_or_default();
        let segments: Vec<String> = value.split('/').map(encode_segment).collect();
        segments.join("/").into()
    })
}

/// What a request asked for, as people read it.
fn text(target: &Target) -> String {
    match target {
        Target::Known(Asked { operation, values, version }) => {
            let version = version.map_or_else(String::new, |version| format!("/v{version}"));
            format!("{} {version}{}", operation.method, path(operation, values))
        }
        Target::Unknown(request) => format!("{} {}", request.method(), request.path()),
        Target::Refused(text) => text.clone(),
    }
}
