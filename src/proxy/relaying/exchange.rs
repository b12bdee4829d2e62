//! An exchange in progress, and what is known about it so far.

use std::sync::Arc;
use std::time::Instant;

use crate::http1::{Disorder, Outcome};
use crate::proxy::observe::Event;
use crate::proxy::record::Record;
use crate::proxy::service::Service;

/// The longest answer, in bytes, that is shown to a rewriter.
const LONGEST_ANSWER: usize = 64 << 10;

/// An exchange in progress. Dropping it reports the outcome, so the outcome is reported even if the
/// exchange is dropped halfway because the client has gone.
pub(crate) struct Exchange<R: Record> {
    service: Arc<Service<R>>,
    ticket: R::Ticket,
    started: Instant,
    /// What is known so far. The duration is added at the end.
    pub(crate) outcome: Outcome,
    /// The part of the answer received so far, if the rewriter is to see it.
    answer: Option<Vec<u8>>,
}

impl<R: Record> Exchange<R> {
    pub(crate) fn new(service: Arc<Service<R>>, ticket: R::Ticket, started: Instant) -> Self {
        Self { service, ticket, started, outcome: Outcome::default(), answer: None }
    }

    /// Notes a disorder, and whether what follows is forwarded anyway.
    pub(crate) fn note_disorder(&mut self, disorder: Disorder, goes_on: bool) {
        self.outcome.upgraded |= goes_on;
        let _ = self.outcome.disorder.get_or_insert(disorder);
    }

    /// Returns the body that replaces the client's. `body` is `None` if it could not be read.
    pub(crate) fn rewrite(&mut self, body: Option<&[u8]>) -> Option<Vec<u8>> {
        let rewritten = self.service.rewriter.as_ref()?.rewrite(&self.ticket, body);
        self.answer = rewritten.is_some().then(Vec::new);
        rewritten
    }

    /// Keeps part of the answer if the rewriter is to see it.
    pub(crate) fn keep(&mut self, part: &[u8]) {
        if let Some(answer) = &mut self.answer {
            answer.extend_from_slice(part);
            if answer.len() > LONGEST_ANSWER {
                self.answer = None;
            }
        }
    }

    /// Shows the complete answer to the rewriter.
    pub(crate) fn show(&mut self) {
        if let (Some(answer), Some(status)) = (self.answer.take(), self.outcome.status)
            && let Some(rewriter) = &self.service.rewriter
        {
            rewriter.answered(&self.ticket, status, &answer);
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
