//! One exchange under way, and what is known about it so far.

use std::sync::Arc;
use std::time::Instant;

use super::observe::Event;
use super::record::Record;
use super::service::Service;
use crate::http1::{Disorder, Outcome};

/// The longest answer in bytes that a rewriter is shown.
const LONGEST_ANSWER: usize = 64 << 10;

/// An exchange under way. Dropping it reports the outcome, so that the outcome is reported however the
/// exchange ends: one whose client has gone is dropped in the middle.
pub(super) struct Finish<R: Record> {
    service: Arc<Service<R>>,
    ticket: R::Ticket,
    started: Instant,
    pub(super) status: Option<u16>,
    pub(super) upgraded: bool,
    pub(super) unrouted: bool,
    pub(super) received: u64,
    pub(super) sent: u64,
    disorder: Option<Disorder>,
    /// What has come of an answer that the rewriter is to see.
    answer: Option<Vec<u8>>,
}

impl<R: Record> Finish<R> {
    pub(super) fn new(service: Arc<Service<R>>, ticket: R::Ticket, started: Instant) -> Self {
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

    /// Notes that something is not in order, and whether what follows is forwarded all the same.
    pub(super) fn breaks(&mut self, disorder: Disorder, goes_on: bool) {
        self.upgraded |= goes_on;
        let _ = self.disorder.get_or_insert(disorder);
    }

    /// What is not in order.
    pub(super) fn disorder(&self) -> Option<Disorder> {
        self.disorder
    }

    /// The body that replaces the client's, which is `None` if it could not be read.
    pub(super) fn rewrite(&mut self, body: Option<&[u8]>) -> Option<Vec<u8>> {
        let rewritten = self.service.rewriter.as_ref()?.rewrite(&self.ticket, body);
        self.answer = rewritten.is_some().then(Vec::new);
        rewritten
    }

    /// Keeps a part of the answer for the rewriter, if it is to see it.
    pub(super) fn keep(&mut self, part: &[u8]) {
        if let Some(answer) = &mut self.answer {
            answer.extend_from_slice(part);
            if answer.len() > LONGEST_ANSWER {
                self.answer = None;
            }
        }
    }

    /// Shows the answer, all of which has come, to the rewriter.
    pub(super) fn show(&mut self) {
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

/// The length of some bytes, as it is counted.
pub(super) fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
