//! Logs and counts the decisions of an enforced profile, and writes its audit log.

use super::audit_log::{AuditLog, AuditLogError};
use super::denials::Denials;
use super::journal::{beginning, shown, write_outcome};
use crate::http1::Disorder;
use crate::policy::{Decision, Denial, Verdict};
use crate::proxy::{Arrival, Begun, Outcome, Sink};
use crate::recording::Ticket;

/// Logs each decision before it takes effect, counts denials, and writes the audit log if there is one.
#[derive(Default)]
pub struct Audit {
    denials: Denials,
    log: Option<AuditLog>,
}

impl Audit {
    /// Also writes this log, if there is one.
    #[must_use]
    pub fn new(log: Option<AuditLog>) -> Self {
        Self { denials: Denials::default(), log }
    }

    /// The denials so far: the text of each, and how often it came.
    #[must_use]
    pub fn denials(&self) -> Vec<(String, u64)> {
        self.denials.counts()
    }

    /// Ends the audit log, with the exit status of the command.
    pub fn end(&self, exit: Option<u8>) {
        let _ = self.log.as_ref().map(|log| log.end(exit));
    }

    /// Ends the session in the audit log and begins another one, in the file that has the name now.
    ///
    /// # Errors
    /// When the new file cannot be written; the log then goes on in the old one.
    pub fn reopen(&self) -> Result<(), AuditLogError> {
        self.log.as_ref().map_or(Ok(()), AuditLog::reopen)
    }
}

impl Sink for Audit {
    type Ticket = Option<Ticket>;

    fn begin(&self, arrival: &Arrival<'_>, decision: &Decision) -> Begun<Option<Ticket>> {
        let connection = arrival.connection;
        let (method, path) = shown(arrival, decision);
        match &decision.verdict {
            Verdict::Deny(denial) => {
                let (status, text) = (denial.status(), denial.to_string());
                let message = beginning(&text);
                if let Some(times) = self.denials.note(message) {
                    tracing::warn!(connection, status, %method, %path, times, "dsp: {message}");
                }
            }
            Verdict::Forward(permit) => match permit.instead_of() {
                Some(denial) => {
                    let text = denial.to_string();
                    let message = beginning(&text);
                    if let Some(times) = self.denials.note(message) {
                        tracing::warn!(connection, audit = true, %method, %path, times, "dsp: {message}");
                    }
                }
                None => tracing::info!(connection, %method, %path, "allowed"),
            },
            Verdict::ReadBody { .. } => {}
        }
        match &self.log {
            Some(log) => log.write(arrival, decision),
            None => Begun::admitted(None),
        }
    }

    fn finish(&self, ticket: &Option<Ticket>, outcome: &Outcome) {
        let Outcome { status, sent, received, .. } = outcome;
        tracing::debug!(status, sent, received, "ended");
        if let Some(Disorder::Body(flaw)) = outcome.disorder {
            // The decision on its head has already been logged.
            let message = Denial::refused(flaw.into()).to_string();
            if let Some(times) = self.denials.note(&message) {
                let audit = outcome.upgraded;
                tracing::warn!(audit, times, "dsp: {message}");
            }
        }
        if let Some(ticket) = ticket {
            write_outcome(ticket, outcome);
        }
    }
}
