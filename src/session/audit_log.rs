//! The audit log: every request under an enforced profile, with the decision on it.

use parking_lot::Mutex;

use super::journal::{about_engine, write_request};
use super::log_throttle::LogThrottle;
use super::output::{JournalError, JournalOutput};
use crate::engine;
use crate::http1::Outcome;
use crate::profile::Profile;
use crate::proxy::{Begun, Decided, Record};
use crate::recording::{Engine, Purpose, Session, Ticket, Writer};

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

/// A log of every request and the decision on it.
pub(super) struct AuditLog {
    options: AuditLogOptions,
    engine: Engine,
    profile: String,
    writer: Writer,
    failures: Mutex<LogThrottle>,
}

impl AuditLog {
    /// Begins the first session of a profile that is enforced on this engine.
    pub(super) fn begin(
        options: AuditLogOptions,
        profile: &Profile,
        engine: &engine::Engine,
    ) -> Result<Self, JournalError> {
        let (engine, profile) = (about_engine(engine), profile.name.to_string());
        let writer = begin_session(&options, &engine, &profile)?;
        Ok(Self { options, engine, profile, writer, failures: Mutex::default() })
    }

    /// Ends the session and begins a new one, in the file that is now at the log's path.
    pub(super) fn reopen(&self) -> Result<(), JournalError> {
        self.writer.go_on_with(begin_session(&self.options, &self.engine, &self.profile)?);
        Ok(())
    }

    /// Ends the session and records the command's exit status.
    pub(super) fn end(&self, exit: Option<u8>) {
        self.writer.end(exit);
    }
}

/// Begins a session. The file may have been moved since the previous one.
fn begin_session(
    options: &AuditLogOptions,
    engine: &Engine,
    profile: &str,
) -> Result<Writer, JournalError> {
    let mut session = Session::begin(options.command.clone());
    session.engine = Some(engine.clone());
    session.labels.insert("profile".to_owned(), profile.to_owned());
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
