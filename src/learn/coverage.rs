//! "Have I recorded enough?" What the recorded sessions suggest about the ones that are still
//! missing.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::Serialize;

use super::{Evidence, Known, Use};
use crate::api::{Operation, Risk};
use crate::contents::Facet;

/// How far the evidence covers what a program does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// The sessions in order, each with what it added: the curve flattens once enough is recorded.
    pub sessions: Vec<SessionRow>,
    /// The operations in catalogue order.
    pub operations: Vec<OperationRow>,
    /// What the contents of requests gave away, by operation and facet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<ContentsRow>,
    /// The operations whose contents rules could decide on if they had been recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<OtherRow>,
    /// Requests that are not in the catalogue.
    pub unknown: Vec<OtherRow>,
    /// Requests that `enforce` refuses whatever the profile says.
    pub refused: Vec<OtherRow>,
    /// Whether requests are missing: lines were lost or cut, or input could not be read.
    pub lossy: bool,
    /// How many new operations the next session is expected to bring; `None` with fewer than two
    /// sessions.
    pub expected_new_operations: Option<f64>,
    /// Questions that only a person can answer.
    pub questions: Vec<Question>,
}

/// One session.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct SessionRow {
    /// Its ID.
    pub id: String,
    /// When it started, as RFC 3339.
    pub start: Option<String>,
    /// What was recorded: the container, the program with its subcommand, or the log; `None` for a
    /// listener.
    pub subject: Option<String>,
    /// Its labels, from `--label`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// The number of operations that no earlier session had.
    pub new: usize,
    /// The number of operations in this session and all earlier ones.
    pub total: usize,
    /// Whether it ended normally and lost nothing.
    pub complete: bool,
}

/// One operation.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct OperationRow {
    /// The operation as a rule spells it.
    pub operation: String,
    /// Its risk.
    #[serde(serialize_with = "as_text")]
    pub risk: Risk,
    /// The number of sessions in which it was seen.
    pub sessions: usize,
    /// The number of requests.
    pub requests: u64,
}

/// What the requests for an operation gave away of a facet.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ContentsRow {
    /// The operation as a rule spells it.
    pub operation: String,
    /// The facet.
    #[serde(serialize_with = "as_text")]
    pub facet: Facet,
    /// The number of different values.
    pub values: usize,
    /// The values that were seen in one session only: the next one may have others.
    pub once: Vec<String>,
}

/// A request that is not an operation that rules can allow.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct OtherRow {
    /// The request.
    pub request: String,
    /// The number of sessions in which it was seen.
    pub sessions: usize,
    /// The number of requests.
    pub requests: u64,
}

/// An operation that was seen without another one that usually goes with it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Question {
    /// The operation that was seen.
    pub seen: String,
    /// The operation that was not.
    pub missing: String,
    /// The question for the user.
    pub question: &'static str,
}

/// Operations that usually occur together. The second one often happens only on failure, cleanup or
/// renewal, which a short recording misses.
const SIBLINGS: [(&str, &str, &str); 14] = [
    ("ContainerCreate", "ContainerStart", "does the workload start what it creates?"),
    ("ContainerCreate", "ContainerDelete", "does the workload remove what it creates?"),
    ("ContainerStart", "ContainerStop", "does the workload stop what it starts?"),
    ("ContainerStart", "ContainerWait", "does the workload wait until what it starts has ended?"),
    ("ContainerPause", "ContainerUnpause", "does the workload resume what it pauses?"),
    ("ContainerExec", "ExecStart", "does the workload start the exec commands that it creates?"),
    ("ExecStart", "ExecInspect", "does the workload read the exit status of its exec commands?"),
    ("ContainerAttach", "ContainerResize", "is the workload ever used in a terminal?"),
    ("ContainerCreate", "ImageCreate", "does the workload pull images that are not there yet?"),
    ("ImageCreate", "ImageDelete", "does the workload remove images that it pulled?"),
    ("NetworkCreate", "NetworkDelete", "does the workload remove the networks that it creates?"),
    (
        "NetworkConnect",
        "NetworkDisconnect",
        "does the workload disconnect containers from networks?",
    ),
    ("VolumeCreate", "VolumeDelete", "does the workload remove the volumes that it creates?"),
    (
        "SystemEvents",
        "ContainerInspect",
        "does the workload inspect containers that events mention?",
    ),
];

/// The prefixes of operation names: none for Docker's API, and one for podman's own, which has
/// similar names.
const FAMILIES: [&str; 2] = ["", "Libpod"];

impl Coverage {
    /// Analyses the evidence.
    #[must_use]
    pub fn of(evidence: &Evidence) -> Self {
        let mut total = 0;
        let sessions = evidence.sessions().iter().enumerate().map(|(place, session)| {
            let first = |known: &&super::Known| known.seen.sessions.first() == Some(&place);
            let new = evidence.known().filter(first).count();
            total += new;
            SessionRow {
                id: session.id.clone(),
                start: session.start.map(|start| start.to_string()),
                subject: session.subject(),
                labels: session.labels.clone(),
                new,
                total,
                complete: session.is_whole() && !session.lossy && session.from.is_none(),
            }
        });
        let operations = evidence.known().map(|known| OperationRow {
            operation: known.operation.to_string(),
            risk: known.operation.risk,
            sessions: known.seen.sessions.len(),
            requests: known.seen.requests,
        });
        let mut coverage = Self {
            sessions: sessions.collect(),
            operations: operations.collect(),
            contents: evidence.known().flat_map(|known| contents(evidence, known)).collect(),
            unread: evidence.known().filter_map(unread).collect(),
            unknown: evidence.unknown().map(|(text, one)| OtherRow::of(text, &one.seen)).collect(),
            refused: evidence.refused().map(|(text, seen)| OtherRow::of(text, seen)).collect(),
            lossy: evidence.lossy() || evidence.torn() > 0,
            expected_new_operations: None,
            questions: questions(evidence),
        };
        coverage.expected_new_operations = coverage.estimate();
        coverage
    }

    /// The operations that were seen in only one session.
    pub fn once(&self) -> impl Iterator<Item = &OperationRow> {
        self.operations.iter().filter(|row| row.sessions == 1)
    }

    /// The Good-Turing estimate for sessions: the expected number of new operations in the next
    /// session is the number of operations seen in exactly one session, divided by the number of
    /// sessions.
    fn estimate(&self) -> Option<f64> {
        let sessions = u32::try_from(self.sessions.len()).ok().filter(|count| *count > 1)?;
        let once = u32::try_from(self.once().count()).ok()?;
        // Two decimals: more would be false precision.
        Some((f64::from(once) / f64::from(sessions) * 100.0).round() / 100.0)
    }
}

impl OtherRow {
    fn of(request: &str, seen: &Use) -> Self {
        let (sessions, requests) = (seen.sessions.len(), seen.requests);
        Self { request: request.to_owned(), sessions, requests }
    }
}

/// What the requests for an operation gave away, except what rules leave free.
fn contents(evidence: &Evidence, known: &Known) -> Vec<ContentsRow> {
    let facts = || known.contents.facts.iter().filter(|(fact, _)| !fact.facet.is_free());
    let facets: BTreeSet<Facet> = facts().map(|(fact, _)| fact.facet).collect();
    let row = |facet: Facet| {
        let of = || facts().filter(move |(fact, _)| fact.facet == facet);
        let once = of().filter(|(_, sessions)| sessions.len() == 1);
        ContentsRow {
            operation: known.operation.to_string(),
            facet,
            values: of().count(),
            once: once.map(|(fact, _)| evidence.object_names().told(fact)).collect(),
        }
    };
    facets.into_iter().map(row).collect()
}

/// The requests for an operation whose contents were not recorded.
fn unread(known: &Known) -> Option<OtherRow> {
    let requests = known.contents.unread;
    (requests > 0).then(|| OtherRow {
        request: known.operation.to_string(),
        sessions: known.seen.sessions.len(),
        requests,
    })
}

fn questions(evidence: &Evidence) -> Vec<Question> {
    let catalogue = evidence.engine().catalogue();
    let is_seen = |operation: &Operation| evidence.of_operation(operation).is_some();
    let siblings = FAMILIES.into_iter().flat_map(|family| {
        SIBLINGS.into_iter().filter_map(move |(one, other, question)| {
            let named = |name: &str| catalogue.named(&format!("{family}{name}"));
            Some((named(one)?, named(other)?, question))
        })
    });
    siblings
        .filter(|(one, other, _)| is_seen(one) && !is_seen(other))
        .map(|(one, other, question)| Question {
            seen: one.to_string(),
            missing: other.to_string(),
            question,
        })
        .collect()
}

fn as_text<S: serde::Serializer>(
    word: &impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::EngineKind;

    #[test]
    fn siblings_are_operations() {
        for (one, other, _) in SIBLINGS {
            for name in [one, other] {
                assert!(EngineKind::Docker.catalogue().named(name).is_some(), "{name}");
            }
        }
    }
}
