//! Logs and counts the decisions of an enforced profile, and writes its audit log.

use std::sync::Arc;

use super::audit_log::{About, AuditLog};
use super::denials::Denials;
use super::engine_watch::EngineWatch;
use super::journal::{beginning, client, shown};
use super::metrics::ProgramMetrics;
use super::output::JournalError;
use crate::http1::{Disorder, Outcome};
use crate::policy::{Denial, Gate, Verdict};
use crate::proxy::{Begun, Decided, Event, FindOwners, Observe, Record, Service};
use crate::recording::Ticket;
use crate::wire::EngineAddress;

/// Logs each decision before it takes effect, counts denials, and writes the audit log if there is one.
#[derive(Default)]
pub(super) struct Audit {
    denials: Denials,
    log: Option<AuditLog>,
    owners: Option<Arc<dyn FindOwners>>,
    metrics: Option<Arc<ProgramMetrics>>,
    watch: Arc<EngineWatch>,
}

/// Logs the decisions about clients that are containers.
struct NestedLog(Arc<Audit>);

impl Audit {
    /// Also writes this log, if there is one. `owners` knows whose objects are.
    pub(super) fn new(log: Option<AuditLog>, owners: Arc<dyn FindOwners>) -> Self {
        Self { log, owners: Some(owners), ..Self::default() }
    }

    /// Also counts for these metrics.
    pub(super) fn counting(self, metrics: Option<Arc<ProgramMetrics>>) -> Self {
        Self { metrics, ..self }
    }

    /// Shares what is noticed of the engine with others.
    pub(super) fn watching(self, watch: Arc<EngineWatch>) -> Self {
        Self { watch, ..self }
    }

    /// Returns the service for connections whose requests are audited.
    pub(super) fn service(
        self: &Arc<Self>,
        gate: Arc<dyn Gate>,
        engine: EngineAddress,
    ) -> Service<Self> {
        self.observed(gate, engine, Arc::clone(self) as Arc<dyn Observe>)
    }

    /// Returns the service for connections of containers, which the log shows as such.
    pub(super) fn nested_service(
        self: &Arc<Self>,
        gate: Arc<dyn Gate>,
        engine: EngineAddress,
    ) -> Service<Self> {
        self.observed(gate, engine, Arc::new(NestedLog(Arc::clone(self))))
    }

    fn observed(
        self: &Arc<Self>,
        gate: Arc<dyn Gate>,
        engine: EngineAddress,
        observer: Arc<dyn Observe>,
    ) -> Service<Self> {
        let service = Service::new(gate, Arc::clone(self), engine).observed_by(observer);
        match &self.owners {
            Some(owners) => service.finding_owners(Arc::clone(owners)),
            None => service,
        }
    }

    /// The text and the count of each denial so far.
    pub(super) fn denials(&self) -> Vec<(String, u64)> {
        self.denials.counts()
    }

    /// Ends the audit log and records the command's exit status.
    pub(super) fn end(&self, exit: Option<u8>) {
        let _ = self.log.as_ref().map(|log| log.end(exit));
    }

    /// Ends the session in the audit log and begins a new one, in the file that is now at the log's
    /// path.
    ///
    /// # Errors
    /// When the new file cannot be written. The log then continues in the old one.
    pub(super) fn reopen(&self, about: About) -> Result<(), JournalError> {
        self.log.as_ref().map_or(Ok(()), |log| log.reopen(about))
    }
}

impl Audit {
    fn decided(&self, decided: &Decided<'_>, is_nested: bool) {
        if let Some(metrics) = &self.metrics {
            metrics.decided(decided);
        }
        // Shown only where it is true.
        let nested = is_nested.then_some(true);
        let arrival = &decided.arrival;
        let connection = arrival.connection;
        let (method, path) = shown(decided);
        let Some(denial) = decided.denial else {
            tracing::info!(connection, nested, %method, %path, client = &*client(arrival), "allowed");
            return;
        };
        if let Verdict::Deny(denial) = &decided.decision.verdict
            && denial.is_of_absent()
        {
            let client = &*client(arrival);
            tracing::info!(connection, nested, %method, %path, client, "there is no such object");
            return;
        }
        let message = beginning(denial);
        let Some(times) = self.denials.note(message) else { return };
        if let Verdict::Deny(denial) = &decided.decision.verdict {
            let (status, client) = (denial.status(), &*client(arrival));
            tracing::warn!(
                connection, nested, status, %method, %path, client, times, "dsp: {message}"
            );
        } else {
            let (audit, client) = (true, &*client(arrival));
            tracing::warn!(connection, nested, audit, %method, %path, client, times, "dsp: {message}");
        }
    }

    fn finished(&self, outcome: &Outcome) {
        if let Some(metrics) = &self.metrics {
            metrics.finished(outcome);
        }
        self.watch.finished(outcome);
        let Outcome { status, sent, received, .. } = outcome;
        tracing::debug!(status, sent, received, "ended");
        if let Some(Disorder::Body(flaw)) = outcome.disorder {
            // The decision on the head has already been logged.
            let message = Denial::refused(flaw.into()).to_string();
            if let Some(times) = self.denials.note(&message) {
                let audit = outcome.upgraded;
                tracing::warn!(audit, times, "dsp: {message}");
            }
        }
    }
}

impl Observe for Audit {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::Decided(decided) => self.decided(decided, false),
            Event::Finished(outcome) => self.finished(outcome),
            _ => {}
        }
    }
}

impl Observe for NestedLog {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::Decided(decided) => self.0.decided(decided, true),
            event => self.0.on(event),
        }
    }
}

impl Record for Audit {
    type Ticket = Option<Ticket>;

    fn begin(&self, decided: &Decided<'_>) -> Begun<Option<Ticket>> {
        self.log.begin(decided)
    }

    fn reads_answer(&self, ticket: &Option<Ticket>) -> bool {
        self.log.reads_answer(ticket)
    }

    fn answered(&self, ticket: &Option<Ticket>, status: u16, end: &[u8]) {
        self.log.answered(ticket, status, end);
    }

    fn finish(&self, ticket: &Option<Ticket>, outcome: &Outcome) {
        self.log.finish(ticket, outcome);
    }
}
