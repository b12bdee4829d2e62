//! The stages of a request that other components take part in: the gate decides, the body is read ahead
//! if the decision depends on it, observers and the recorder are notified, and the body is replaced.

use std::sync::Arc;
use std::time::Instant;

use super::connection::Connection;
use crate::http1::{Arrival, Disorder, Flaw, RequestHead, origin_form};
use crate::policy::{Decision, Denial, Permit, Request, Stray, Verdict};
use crate::proxy::load::turns;
use crate::proxy::observe::Event;
use crate::proxy::record::{Begun, Decided, Record};
use crate::proxy::relaying::body_ahead::{self, Ahead};
use crate::proxy::relaying::exchange::{Finish, count};

/// A denial as it is answered.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Denied {
    /// The answer to a denial, with its text if that has been written already.
    fn of(denial: &Denial, text: Option<String>) -> Self {
        Self { status: denial.status(), text: text.unwrap_or_else(|| denial.to_string()) }
    }
}

impl<R: Record> Connection<R> {
    /// Asks the gate.
    pub(crate) fn ask(&self, asked: &Request<'_>) -> Decision {
        self.control.ask(asked.head.method, asked.head.target);
        turns::count_decision(asked.head.target.len());
        self.service.gate.decide(asked)
    }

    /// Reports a decision to the observers and the recorder. Returns the permit, or what to answer
    /// instead. A stray request is never permitted, and neither is a request that the gate did not
    /// decide on or that could not be recorded.
    pub(crate) fn tell(
        &self,
        at: Instant,
        asked: &Request<'_>,
        agent: Option<&str>,
        mut decision: Decision,
        stray: Option<Stray>,
    ) -> (Result<Permit, Denied>, Finish<R>) {
        if let Some(stray) = stray {
            decision.verdict = Verdict::Deny(Denial::stray(stray));
        } else if let Verdict::ReadBody { .. } = decision.verdict {
            decision.verdict = Verdict::Deny(Denial::undecided());
        }
        let text = match &decision.verdict {
            Verdict::Deny(denial) => Some(denial.to_string()),
            Verdict::Forward(permit) => permit.instead_of().map(ToString::to_string),
            Verdict::ReadBody { .. } => None,
        };
        let arrival = Arrival {
            at,
            connection: self.who.number,
            peer: asked.peer,
            method: asked.head.method,
            target: origin_form(asked.head.target),
            agent,
        };
        let decided = Decided { arrival, decision: &decision, denial: text.as_deref() };
        let service = &self.service;
        service.observer.on(&Event::Decided(&decided));
        let begun = service.recorder.begin(&decided);
        let is_refused = matches!(begun, Begun::Refused(_));
        let finish = Finish::new(Arc::clone(service), begun.ticket(), at);
        let verdict = match decision.verdict {
            Verdict::Forward(_) if is_refused => Err(Denied::of(&Denial::unrecorded(), None)),
            Verdict::Forward(permit) => Ok(permit),
            Verdict::Deny(denial) => Err(Denied::of(&denial, text)),
            Verdict::ReadBody { .. } => Err(Denied::of(&Denial::undecided(), None)),
        };
        self.control.decided(verdict.is_ok());
        (verdict, finish)
    }

    /// Reads a body that the gate asked for, unless it is longer than `at_most` bytes.
    pub(crate) async fn read_ahead(&mut self, head: &RequestHead<'_>, at_most: usize) -> Ahead {
        // If the client expects a 100, only the engine may send it.
        if head.expects() {
            return Ahead::Unavailable;
        }
        let (control, share) = (&self.control, &mut self.share);
        let others = self.head.capacity() + self.to_engine.held() + self.to_client.held();
        let waits = |seen: usize, held: usize| {
            control.receives(u64::try_from(seen).unwrap_or(u64::MAX), false);
            share.settle(others + head.held() + held);
            !share.is_too_much()
        };
        let whole = body_ahead::read(&mut self.client, &mut self.intake, at_most, waits).await;
        whole.map_or(Ahead::Unavailable, Ahead::Whole)
    }

    /// Returns the body that replaces the client's, if there is one.
    pub(crate) fn rewrite(&mut self, ahead: Ahead, finish: &mut Finish<R>) -> Option<Vec<u8>> {
        let whole = match ahead {
            Ahead::NotAsked => return None,
            Ahead::Unavailable => {
                // The body is forwarded as it comes, whatever the rewriter returns.
                let _ = finish.rewrite(None);
                return None;
            }
            Ahead::Whole(whole) => whole,
        };
        let replaced = finish.rewrite(Some(&whole.body))?;
        self.intake.skip_body(whole.length);
        if whole.is_odd {
            finish.breaks(Disorder::Body(Flaw::Chunk), false);
        }
        finish.received = count(&whole.body);
        Some(replaced)
    }
}
