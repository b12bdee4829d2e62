//! What `enforce` tells of the decisions, and `record` of the requests.

use std::sync::Mutex;
use std::sync::PoisonError;

use indexmap::IndexMap;

use crate::policy::{Decision, Denial, Verdict};
use crate::proxy::{Arrival, Outcome, Sink};
use crate::report::printable;

/// How many different denials are kept apart for the summary; a program can think of any number.
const MOST_KEPT: usize = 1000;

/// Logs each decision before it takes effect, and counts denials for a summary.
#[derive(Debug, Default)]
pub(super) struct Audit {
    denials: Mutex<IndexMap<String, u64>>,
}

impl Audit {
    /// The denials so far: what was said of each, and how often.
    pub(super) fn denials(&self) -> Vec<(String, u64)> {
        let denials = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
        denials.iter().map(|(message, count)| (message.clone(), *count)).collect()
    }

    fn note(&self, denial: &Denial) {
        let mut denials = self.denials.lock().unwrap_or_else(PoisonError::into_inner);
        if denials.len() < MOST_KEPT || denials.contains_key(&denial.message) {
            *denials.entry(denial.message.clone()).or_default() += 1;
        }
    }
}

/// The method and the path of a request as a log may show them. The query may hold secrets, so it
/// stays out.
pub(super) fn shown(arrival: &Arrival<'_>) -> (String, String) {
    let path = arrival.target.split('?').next().unwrap_or_default();
    (printable(arrival.method), printable(path))
}

impl Sink for Audit {
    type Ticket = ();

    fn begin(&self, arrival: &Arrival<'_>, decision: &Decision) {
        let connection = arrival.connection;
        let (method, path) = shown(arrival);
        match &decision.verdict {
            Verdict::Deny(denial) => {
                let (status, message) = (denial.status, denial.message.as_str());
                tracing::warn!(connection, status, %method, %path, "{message}");
                self.note(denial);
            }
            Verdict::Forward(permit) => match permit.instead_of() {
                Some(denial) => {
                    let message = denial.message.as_str();
                    tracing::warn!(connection, audit = true, %method, %path, "{message}");
                    self.note(denial);
                }
                None => tracing::info!(connection, %method, %path, "allowed"),
            },
        }
    }

    fn finish(&self, (): &(), outcome: &Outcome) {
        let Outcome { status, sent, received, .. } = outcome;
        tracing::debug!(status, sent, received, "ended");
    }
}
