//! Writes a recording.

use super::journal::{shown, write_request};
use crate::http1::Outcome;
use crate::policy::Decision;
use crate::proxy::{self, Begun, Record};
use crate::recording::{Progress, Ticket, Totals, Writer};

/// Writes each request that the proxy reports to a recording.
#[derive(Debug)]
pub struct Recorder {
    writer: Writer,
}

impl Recorder {
    /// Records with this writer.
    #[must_use]
    pub fn new(writer: Writer) -> Self {
        Self { writer }
    }

    /// How far the recording has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.writer.progress()
    }

    /// Ends the session, with the exit status of the command.
    pub fn end(&self, exit: Option<u8>) -> Totals {
        self.writer.end(exit)
    }
}

impl Record for Recorder {
    type Ticket = Ticket;

    fn begin(&self, arrival: &proxy::Arrival<'_>, decision: &Decision) -> Begun<Ticket> {
        let (method, path) = shown(arrival, decision);
        tracing::info!(connection = arrival.connection, %method, %path, "recorded");
        // The workload goes on even if its request could not be written.
        Begun::Admitted(write_request(&self.writer, arrival, decision))
    }

    fn finish(&self, ticket: &Ticket, outcome: &Outcome) {
        ticket.answered(outcome);
    }
}
