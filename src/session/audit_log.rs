//! The audit log: every request under an enforced profile, with the decision on it.

use parking_lot::Mutex;

use super::journal::{about_engine, write_request};
use super::log_throttle::LogThrottle;
use super::output::{JournalError, JournalOutput};
use super::to_enforce::Member;
use crate::engine::Engine;
use crate::http1::Outcome;
use crate::proxy::{Begun, Decided, Record};
use crate::recording::{self, Purpose, Session, Ticket, Writer};

/// The user's choices for an audit log.
#[derive(Clone, Debug)]
pub struct AuditLogOptions {
    /// Where it is written.
    pub output: JournalOutput,
    /// What it says about the command that is confined.
    pub command: Vec<String>,
    /// Whether to forward requests that could not be logged.
    pub is_optional: bool,
}

/// What a session of an audit log is about.
#[derive(Debug)]
pub(super) struct About {
    engine: Option<recording::Engine>,
    profile: String,
    digest: String,
}

/// A log of every request and the decision on it.
pub(super) struct AuditLog {
    options: AuditLogOptions,
    writer: Writer,
    failures: Mutex<LogThrottle>,
}

impl About {
    /// A profile that is enforced on this engine, which may not be known yet.
    pub(super) fn new(profile: &Member, engine: Option<&Engine>) -> Self {
        Self {
            engine: engine.map(about_engine),
            profile: profile.profile.name.to_string(),
            digest: profile.digest.clone(),
        }
    }
}

impl AuditLog {
    /// Begins the first session.
    pub(super) fn begin(options: AuditLogOptions, about: About) -> Result<Self, JournalError> {
        let writer = begin_session(&options, about)?;
        Ok(Self { options, writer, failures: Mutex::default() })
    }

    /// Ends the session and begins a new one, in the file that is now at the log's path.
    pub(super) fn reopen(&self, about: About) -> Result<(), JournalError> {
        self.writer.go_on_with(begin_session(&self.options, about)?);
        Ok(())
    }

    /// Ends the session and records the command's exit status.
    pub(super) fn end(&self, exit: Option<u8>) {
        self.writer.end(exit);
    }
}

/// Begins a session. The file may have been moved since the previous one.
fn begin_session(options: &AuditLogOptions, about: About) -> Result<Writer, JournalError> {
    let mut session = Session::begin(options.command.clone());
    session.engine = about.engine;
    session.labels.insert("profile".to_owned(), about.profile);
    session.labels.insert("digest".to_owned(), about.digest);
    options.output.begin(&session, Purpose::Audit)
}

/// A request that cannot be logged is refused, unless the log is optional.
impl Record for AuditLog {
    type Ticket = Ticket;

    fn begin(&self, decided: &Decided<'_>) -> Begun<Ticket> {
        let ticket = write_request(&self.writer, decided);
        if ticket.is_written() {
            return Begun::Admitted(ticket);
        }
        let is_optional = self.options.is_optional;
        let mut failures = self.failures.lock();
        if let Some(times) = failures.once_more() {
            let what = if is_optional { "goes on without it" } else { "admits nothing" };
            tracing::error!(times, "the audit log cannot be written, so dsp {what}");
        }
        if is_optional { Begun::Admitted(ticket) } else { Begun::Refused(ticket) }
    }

    fn reads_answer(&self, ticket: &Ticket) -> bool {
        ticket.reads_answer()
    }

    fn answered(&self, ticket: &Ticket, status: u16, end: &[u8]) {
        ticket.made(status, end);
    }

    fn finish(&self, ticket: &Ticket, outcome: &Outcome) {
        ticket.answered(outcome);
    }
}
