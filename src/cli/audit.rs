//! What `enforce` tells of its decisions: in the log, in a summary, and in the audit log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use indexmap::IndexMap;

use super::record::{write_outcome, write_request};
use crate::policy::{Decision, Denial, Verdict};
use crate::proxy::{Arrival, Begun, Often, Outcome, Sink};
use crate::recording::{Ticket, Writer};
use crate::report::printable;

/// How many different denials are kept apart; a program can think of any number.
const MOST_KEPT: usize = 1000;

/// Logs each decision before it takes effect, and counts denials.
#[derive(Default)]
pub(super) struct Audit {
    denials: Mutex<Denials>,
    file: Option<AuditLog>,
}

/// The file in which each request and its decision stand.
pub(super) struct AuditLog {
    /// Begins a session in the file, which may have been moved away since the last one.
    open: Box<dyn Fn() -> anyhow::Result<Writer> + Send + Sync>,
    writer: RwLock<Arc<Writer>>,
    /// Whether requests are forwarded that could not be written down.
    is_optional: bool,
    failures: Mutex<Often>,
}

/// A request in the audit log, and the session that it belongs to.
pub(super) struct Entry {
    writer: Arc<Writer>,
    ticket: Ticket,
}

#[derive(Debug, Default)]
struct Denials {
    /// What was said of each, and how often.
    known: IndexMap<String, (u64, Often)>,
    /// Those that are not kept apart.
    others: Often,
}

impl AuditLog {
    /// Begins the first session.
    pub(super) fn begin(
        open: Box<dyn Fn() -> anyhow::Result<Writer> + Send + Sync>,
        is_optional: bool,
    ) -> anyhow::Result<Self> {
        let writer = RwLock::new(Arc::new(open()?));
        Ok(Self { open, writer, is_optional, failures: Mutex::default() })
    }

    fn writer(&self) -> Arc<Writer> {
        Arc::clone(&self.writer.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes a request down. What cannot be written must not happen, unless that is optional.
    fn write(&self, arrival: &Arrival<'_>, decision: &Decision) -> Begun<Option<Entry>> {
        let writer = self.writer();
        let ticket = write_request(&writer, arrival, decision);
        let entry = Some(Entry { writer, ticket });
        if ticket.is_written() {
            return Begun::admitted(entry);
        }
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(times) = failures.once_more() {
            let what = if self.is_optional { "goes on without it" } else { "admits nothing" };
            tracing::error!(times, "the audit log cannot be written, so dsp {what}");
        }
        let refusal = "the audit log cannot be written, so nothing is admitted".to_owned();
        Begun { ticket: entry, refusal: Some(refusal).filter(|_| !self.is_optional) }
    }
}

impl Audit {
    pub(super) fn new(file: Option<AuditLog>) -> Self {
        Self { denials: Mutex::default(), file }
    }

    /// The denials so far: what was said of each, and how often.
    pub(super) fn denials(&self) -> Vec<(String, u64)> {
        let denials = self.lock();
        let known = denials.known.iter();
        known.map(|(message, (count, _))| (message.clone(), *count)).collect()
    }

    /// Ends the audit log, with the exit status of the command.
    pub(super) fn end(&self, exit: Option<u8>) {
        let _ = self.file.as_ref().map(|file| file.writer().end(exit));
    }

    /// Ends the session in the audit log and begins another one, in the file that has the name now.
    pub(super) fn reopen(&self) -> anyhow::Result<()> {
        if let Some(file) = &self.file {
            let next = Arc::new((file.open)()?);
            let mut writer = file.writer.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *writer, next).end(None);
        }
        Ok(())
    }

    /// Counts a denial, and says how often it has come by now if that is worth a line.
    fn note(&self, denial: &Denial) -> Option<u64> {
        let mut denials = self.lock();
        if denials.known.len() >= MOST_KEPT && !denials.known.contains_key(&denial.message) {
            return denials.others.once_more();
        }
        let (count, often) = denials.known.entry(denial.message.clone()).or_default();
        *count += 1;
        often.once_more()
    }

    fn lock(&self) -> MutexGuard<'_, Denials> {
        self.denials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The method and the path of a request as a log may show them. The query may hold secrets, so it
/// stays out.
pub(super) fn shown(arrival: &Arrival<'_>) -> (String, String) {
    let path = arrival.target.split('?').next().unwrap_or_default();
    (printable(arrival.method), printable(path))
}

impl Sink for Audit {
    type Ticket = Option<Entry>;

    fn begin(&self, arrival: &Arrival<'_>, decision: &Decision) -> Begun<Option<Entry>> {
        let connection = arrival.connection;
        let (method, path) = shown(arrival);
        match &decision.verdict {
            Verdict::Deny(denial) => {
                let (status, message) = (denial.status, denial.message.as_str());
                if let Some(times) = self.note(denial) {
                    tracing::warn!(connection, status, %method, %path, times, "{message}");
                }
            }
            Verdict::Forward(permit) => match permit.instead_of() {
                Some(denial) => {
                    let message = denial.message.as_str();
                    if let Some(times) = self.note(denial) {
                        tracing::warn!(connection, audit = true, %method, %path, times, "{message}");
                    }
                }
                None => tracing::info!(connection, %method, %path, "allowed"),
            },
        }
        match &self.file {
            Some(file) => file.write(arrival, decision),
            None => Begun::admitted(None),
        }
    }

    fn finish(&self, entry: &Option<Entry>, outcome: &Outcome) {
        let Outcome { status, sent, received, .. } = outcome;
        tracing::debug!(status, sent, received, "ended");
        if let Some(Entry { writer, ticket }) = entry {
            write_outcome(writer, *ticket, outcome);
        }
    }
}
