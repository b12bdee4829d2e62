//! What `enforce` tells of its decisions: in the log, in a summary, and in the audit log.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indexmap::IndexMap;
use parking_lot::Mutex;
use thread_local::ThreadLocal;

use super::record::{write_outcome, write_request};
use crate::api::{told_method, told_path};
use crate::http1::Disorder;
use crate::policy::{Decision, Denial, Verdict};
use crate::proxy::{Arrival, Begun, LogThrottle, Outcome, Sink};
use crate::recording::{Ticket, Writer};
use crate::report::printable;

/// How many different denials are kept apart; a program can think of any number.
const MOST_KEPT: usize = 1000;

/// Logs each decision before it takes effect, and counts denials.
#[derive(Default)]
pub(super) struct Audit {
    denials: Denials,
    file: Option<AuditLog>,
}

/// The file in which each request and its decision stand.
pub(super) struct AuditLog {
    /// Begins a session in the file, which may have been moved away since the last one.
    open: Box<dyn Fn() -> anyhow::Result<Writer> + Send + Sync>,
    writer: Writer,
    /// Whether requests are forwarded that could not be written down.
    is_optional: bool,
    failures: Mutex<LogThrottle>,
}

/// How often each denial came, by what was said of it.
#[derive(Default)]
struct Denials {
    known: Mutex<IndexMap<String, Arc<AtomicU64>>>,
    /// Those that are not kept apart.
    others: AtomicU64,
    /// What each thread has looked up.
    found: ThreadLocal<RefCell<HashMap<String, Arc<AtomicU64>>>>,
}

/// The longest denial and the longest path in bytes that the log shows and that are told apart.
const LONGEST_SHOWN: usize = 512;

/// The method of a request as a log may show it, made when it is shown.
pub(super) struct ShownMethod<'a>(&'a str);

/// The path of a request as a log may show it.
pub(super) struct ShownPath<'a>(&'a str, &'a Decision);

impl AuditLog {
    /// Begins the first session.
    pub(super) fn begin(
        open: Box<dyn Fn() -> anyhow::Result<Writer> + Send + Sync>,
        is_optional: bool,
    ) -> anyhow::Result<Self> {
        let writer = open()?;
        Ok(Self { open, writer, is_optional, failures: Mutex::default() })
    }

    /// Writes a request down. What cannot be written must not happen, unless that is optional.
    fn write(&self, arrival: &Arrival<'_>, decision: &Decision) -> Begun<Option<Ticket>> {
        let ticket = write_request(&self.writer, arrival, decision);
        if ticket.is_written() {
            return Begun::admitted(Some(ticket));
        }
        let mut failures = self.failures.lock();
        if let Some(times) = failures.once_more() {
            let what = if self.is_optional { "goes on without it" } else { "admits nothing" };
            tracing::error!(times, "the audit log cannot be written, so dsp {what}");
        }
        let refusal = "the audit log cannot be written, so nothing is admitted".to_owned();
        Begun { ticket: Some(ticket), refusal: Some(refusal).filter(|_| !self.is_optional) }
    }
}

impl Audit {
    pub(super) fn new(file: Option<AuditLog>) -> Self {
        Self { denials: Denials::default(), file }
    }

    /// The denials so far: what was said of each, and how often.
    pub(super) fn denials(&self) -> Vec<(String, u64)> {
        let known = self.denials.known.lock();
        let known = known.iter();
        known.map(|(message, count)| (message.clone(), count.load(Ordering::Relaxed))).collect()
    }

    /// Ends the audit log, with the exit status of the command.
    pub(super) fn end(&self, exit: Option<u8>) {
        let _ = self.file.as_ref().map(|file| file.writer.end(exit));
    }

    /// Ends the session in the audit log and begins another one, in the file that has the name now.
    pub(super) fn reopen(&self) -> anyhow::Result<()> {
        if let Some(file) = &self.file {
            file.writer.go_on_with((file.open)()?);
        }
        Ok(())
    }
}

impl Denials {
    /// Counts a denial, and says how often it has come by now if that is worth a line.
    fn note(&self, message: &str) -> Option<u64> {
        let message = beginning(message);
        let mut found = self.found.get_or_default().borrow_mut();
        let count = match found.get(message) {
            Some(count) => count,
            None => match self.find(message) {
                Some(count) => found.entry(message.to_owned()).or_insert(count),
                None => &self.others,
            },
        };
        let times = count.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        is_power_of_ten(times).then_some(times)
    }

    /// The count of what was said of a denial, if it is kept apart.
    fn find(&self, message: &str) -> Option<Arc<AtomicU64>> {
        let mut known = self.known.lock();
        if let Some(count) = known.get(message) {
            return Some(Arc::clone(count));
        }
        if known.len() >= MOST_KEPT {
            return None;
        }
        Some(Arc::clone(known.entry(message.to_owned()).or_default()))
    }
}

impl fmt::Display for ShownMethod<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&printable(&told_method(self.0)))
    }
}

impl fmt::Display for ShownPath<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decision { request, located, .. } = self.1;
        let path = told_path(self.0, request.as_ref(), located.as_ref(), LONGEST_SHOWN);
        to.write_str(&printable(beginning(&path)))
    }
}

/// The beginning of a text that may be as long as a head.
fn beginning(text: &str) -> &str {
    let mut ends = (0..=LONGEST_SHOWN.min(text.len())).rev();
    ends.find_map(|end| text.get(..end)).unwrap_or_default()
}

fn is_power_of_ten(number: u64) -> bool {
    number.checked_ilog10().is_some_and(|zeros| 10_u64.pow(zeros) == number)
}

/// The method and the path of a request as a log may show them. The query may hold secrets, so it
/// stays out.
pub(super) fn shown<'a>(
    arrival: &Arrival<'a>,
    decision: &'a Decision,
) -> (ShownMethod<'a>, ShownPath<'a>) {
    (ShownMethod(arrival.method), ShownPath(arrival.target, decision))
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
        match &self.file {
            Some(file) => file.write(arrival, decision),
            None => Begun::admitted(None),
        }
    }

    fn finish(&self, ticket: &Option<Ticket>, outcome: &Outcome) {
        let Outcome { status, sent, received, .. } = outcome;
        tracing::debug!(status, sent, received, "ended");
        if let Some(Disorder::Body(flaw)) = outcome.disorder {
            // The decision on its head has been told.
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
