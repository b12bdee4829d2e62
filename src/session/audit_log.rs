//! The audit log: every request under an enforced profile, with the decision on it.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use parking_lot::Mutex;

use super::journal::{about_engine, write_request};
use crate::engine;
use crate::http1::Outcome;
use crate::policy::Decision;
use crate::profile::Profile;
use crate::proxy::{Arrival, Begun, LogThrottle, Record};
use crate::recording::{CommandLine, CreateError, Engine, Purpose, Session, Ticket, Writer};

/// A log of every request and the decision on it.
pub struct AuditLog {
    place: Place,
    writer: Writer,
    /// Whether to forward requests that could not be logged.
    is_optional: bool,
    failures: Mutex<LogThrottle>,
}

/// Where an audit log is written.
#[derive(Debug)]
pub enum AuditOutput {
    /// A file. Each session is appended to it.
    File(PathBuf),
    /// This process's standard output.
    Stdout(OwnedFd),
}

/// Why an audit log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum AuditLogError {
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] CreateError),
    /// Standard output cannot be written.
    #[error("cannot write the audit log to stdout: {0}")]
    Stdout(#[source] io::Error),
}

/// Where the log is written, and what the first line of each session says.
struct Place {
    output: AuditOutput,
    command: Vec<String>,
    engine: Engine,
    profile: String,
}

impl AuditLog {
    /// Begins the first session of a profile that is enforced on this engine.
    ///
    /// # Errors
    /// When the file or standard output cannot be written.
    pub fn begin(
        output: AuditOutput,
        profile: &Profile,
        engine: &engine::Engine,
        command: &[std::ffi::OsString],
        is_optional: bool,
    ) -> Result<Self, AuditLogError> {
        let place = Place {
            output,
            command: CommandLine::Short.of(command),
            engine: about_engine(engine),
            profile: profile.name.to_string(),
        };
        let writer = place.open()?;
        Ok(Self { place, writer, is_optional, failures: Mutex::default() })
    }

    /// Ends the session and begins a new one, in the file that is now at the log's path.
    pub(super) fn reopen(&self) -> Result<(), AuditLogError> {
        self.writer.go_on_with(self.place.open()?);
        Ok(())
    }

    /// Ends the session and records the command's exit status.
    pub(super) fn end(&self, exit: Option<u8>) {
        self.writer.end(exit);
    }
}

/// A request that cannot be logged is refused, unless the log is optional.
impl Record for AuditLog {
    type Ticket = Ticket;

    fn begin(&self, arrival: &Arrival<'_>, decision: &Decision) -> Begun<Ticket> {
        let ticket = write_request(&self.writer, arrival, decision);
        if ticket.is_written() {
            return Begun::Admitted(ticket);
        }
        let mut failures = self.failures.lock();
        if let Some(times) = failures.once_more() {
            let what = if self.is_optional { "goes on without it" } else { "admits nothing" };
            tracing::error!(times, "the audit log cannot be written, so dsp {what}");
        }
        if self.is_optional { Begun::Admitted(ticket) } else { Begun::Refused(ticket) }
    }

    fn finish(&self, ticket: &Ticket, outcome: &Outcome) {
        ticket.answered(outcome);
    }
}

impl Place {
    /// Begins a session. The file may have been moved since the previous one.
    fn open(&self) -> Result<Writer, AuditLogError> {
        let mut session = Session::begin(self.command.clone());
        session.engine = Some(self.engine.clone());
        session.labels.insert("profile".to_owned(), self.profile.clone());
        let writer = match &self.output {
            AuditOutput::File(path) => Writer::create(path, &session)?,
            AuditOutput::Stdout(stdout) => {
                let stdout = stdout.try_clone().map_err(AuditLogError::Stdout)?;
                Writer::onto(File::from(stdout), &session).map_err(AuditLogError::Stdout)?
            }
        };
        Ok(writer.for_purpose(Purpose::Audit))
    }
}
