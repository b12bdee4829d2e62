//! Writes a recording.

use super::journal::{shown, write_request};
use crate::http1::Outcome;
use crate::proxy::{Begun, Decided, Record};
use crate::recording::{Progress, Ticket, Totals, Writer};

/// Writes every request that the proxy reports to a recording.
#[derive(Debug)]
pub(super) struct Recorder {
    writer: Writer,
}

impl Recorder {
    /// Records to this writer.
    pub(super) fn new(writer: Writer) -> Self {
        Self { writer }
    }

    /// The progress of the recording.
    pub(super) fn progress(&self) -> Progress {
        self.writer.progress()
    }

    /// Ends the session and records the command's exit status.
    pub(super) fn end(&self, exit: Option<u8>) -> Totals {
        self.writer.end(exit)
    }
}

impl Record for Recorder {
    type Ticket = Ticket;

    fn begin(&self, decided: &Decided<'_>) -> Begun<Ticket> {
        let (method, path) = shown(decided);
        let connection = decided.arrival.connection;
        tracing::info!(connection, %method, %path, "recorded");
        // The workload continues even if its request could not be written.
        Begun::Admitted(write_request(&self.writer, decided))
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
