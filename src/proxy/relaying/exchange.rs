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
pub(crate) struct Finish<R: Record> {
    service: Arc<Service<R>>,
    ticket: R::Ticket,
    started: Instant,
    pub(crate) status: Option<u16>,
    pub(crate) upgraded: bool,
    pub(crate) unrouted: bool,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    disorder: Option<Disorder>,
    /// The part of the answer received so far, if the rewriter is to see it.
    answer: Option<Vec<u8>>,
}

impl<R: Record> Finish<R> {
    pub(crate) fn new(service: Arc<Service<R>>, ticket: R::Ticket, started: Instant) -> Self {
        Self {
            service,
            ticket,
            started,
            status: None,
            upgraded: false,
            unrouted: false,
            received: 0,
            sent: 0,
            disorder: None,
            answer: None,
        }
    }

    /// Notes a disorder, and whether what follows is forwarded anyway.
    pub(crate) fn breaks(&mut self, disorder: Disorder, goes_on: bool) {
        self.upgraded |= goes_on;
        let _ = self.disorder.get_or_insert(disorder);
    }

    /// The first disorder, if there was one.
    pub(crate) fn disorder(&self) -> Option<Disorder> {
        self.disorder
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
        if let (Some(answer), Some(status)) = (self.answer.take(), self.status)
            && let Some(rewriter) = &self.service.rewriter
        {
            rewriter.answered(&self.ticket, status, &answer);
        }
    }
}

impl<R: Record> Drop for Finish<R> {
    fn drop(&mut self) {
        let outcome = Outcome {
            status: self.status,
            duration: self.started.elapsed(),
            received: self.received,
            sent: self.sent,
            upgraded: self.upgraded,
            unrouted: self.unrouted,
            disorder: self.disorder,
        };
        self.service.observer.on(&Event::Finished(&outcome));
        self.service.recorder.finish(&self.ticket, &outcome);
    }
}

/// The number of bytes, as a `u64`.
pub(crate) fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
