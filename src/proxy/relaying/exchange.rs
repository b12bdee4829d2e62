//! An exchange in progress, and what is known about it so far.

use std::sync::Arc;
use std::time::Instant;

use crate::http1::{Disorder, Outcome};
use crate::proxy::observe::Event;
use crate::proxy::record::{LONGEST_END, Record};
use crate::proxy::service::Service;

/// An exchange in progress. Dropping it reports the outcome, so the outcome is reported even if the
/// exchange is dropped halfway because the client has gone.
pub(crate) struct Exchange<R: Record> {
    service: Arc<Service<R>>,
    ticket: R::Ticket,
    started: Instant,
    /// What is known so far. The duration is added at the end.
    pub(crate) outcome: Outcome,
    /// The end of what the engine has answered so far, if the recorder is to see it.
    answer: Option<Vec<u8>>,
}

impl<R: Record> Exchange<R> {
    pub(crate) fn new(service: Arc<Service<R>>, ticket: R::Ticket, started: Instant) -> Self {
        let answer = service.recorder.reads_answer(&ticket).then(Vec::new);
        Self { service, ticket, started, outcome: Outcome::default(), answer }
    }

    /// Notes a disorder, and whether what follows is forwarded anyway.
    pub(crate) fn note_disorder(&mut self, disorder: Disorder, goes_on: bool) {
        self.outcome.upgraded |= goes_on;
        let _ = self.outcome.disorder.get_or_insert(disorder);
    }

    /// Returns the body that replaces the client's. `body` is `None` if it could not be read.
    pub(crate) fn rewrite(&mut self, body: Option<&[u8]>) -> Option<Vec<u8>> {
        self.service.rewriter.as_ref()?.rewrite(&self.ticket, body)
    }

    /// Keeps the end of a part of the answer if the recorder is to see it. Twice that length is kept at
    /// most, so that little is moved.
    pub(crate) fn keep(&mut self, part: &[u8]) {
        let Some(answer) = &mut self.answer else { return };
        let part = part.get(part.len().saturating_sub(LONGEST_END)..).unwrap_or_default();
        if answer.len() + part.len() > 2 * LONGEST_END {
            answer.drain(..answer.len().saturating_sub(LONGEST_END));
        }
        answer.extend_from_slice(part);
    }

    /// Shows the end of the complete answer to the recorder.
    pub(crate) fn show(&mut self) {
        if let (Some(answer), Some(status)) = (self.answer.take(), self.outcome.status) {
            let end = answer.get(answer.len().saturating_sub(LONGEST_END)..).unwrap_or_default();
            self.service.recorder.answered(&self.ticket, status, end);
        }
    }
}

impl<R: Record> Drop for Exchange<R> {
    fn drop(&mut self) {
        let outcome = Outcome { duration: self.started.elapsed(), ..self.outcome };
        self.service.observer.on(&Event::Finished(&outcome));
        self.service.recorder.finish(&self.ticket, &outcome);
    }
}

/// The number of bytes, as a `u64`.
pub(crate) fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
