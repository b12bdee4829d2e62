//! What `enforce` tells of the decisions.

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

impl Sink for Audit {
    type Ticket = ();

    fn begin(&self, arrival: &Arrival<'_>, decision: &Decision) {
        let (connection, method) = (arrival.connection, printable(arrival.method));
        // The query may hold secrets, so it stays out of the log.
        let path = printable(arrival.target.split('?').next().unwrap_or_default());
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
