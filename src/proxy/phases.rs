//! The points on a request's way at which others have a say: the gate decides, the body is read ahead
//! where the decision depends on it, the sink is told, and the body is replaced.

use std::sync::Arc;
use std::time::Instant;

use super::ahead::{self, Ahead};
use super::connection::Connection;
use super::exchange::{Arrival, Finish, Sink};
use super::transfer::count;
use super::turns;
use crate::http1::{Disorder, Flaw, RequestHead, origin_form};
use crate::policy::{Decision, Denial, Permit, Request, Stray, Verdict};

impl<S: Sink> Connection<S> {
    /// Asks the gate.
    pub(super) fn ask(&self, asked: &Request<'_>) -> Decision {
        self.control.ask(asked.head.method, asked.head.target);
        turns::count_decision(asked.head.target.len());
        self.service.gate.decide(asked)
    }

    /// Tells the sink of a decision: the permit, or the answer in its place. Nothing that strays in is
    /// permitted, and nothing that the gate did not decide on.
    pub(super) fn tell(
        &self,
        at: Instant,
        asked: &Request<'_>,
        agent: Option<&str>,
        mut decision: Decision,
        stray: Option<Stray>,
    ) -> (Result<Permit, (u16, String)>, Finish<S>) {
        if let Some(stray) = stray {
            decision.verdict = Verdict::Deny(Denial::stray(stray));
        } else if let Verdict::ReadBody { .. } = decision.verdict {
            decision.verdict = Verdict::Deny(Denial::undecided());
        }
        let arrival = Arrival {
            at,
            connection: self.who.number,
            peer: self.who.peer,
            method: asked.head.method,
            target: origin_form(asked.head.target),
            agent,
        };
        let begun = self.service.sink.begin(&arrival, &decision);
        let finish = Finish::new(Arc::clone(&self.service.sink), begun.ticket, at);
        let verdict = match (decision.verdict, begun.refusal) {
            (Verdict::Forward(permit), None) => Ok(permit),
            (Verdict::Forward(_), Some(message)) => Err((503, format!("dsp: {message}"))),
            (Verdict::Deny(denial), _) => Err((denial.status(), format!("dsp: {denial}"))),
            (Verdict::ReadBody { .. }, _) => Err((503, format!("dsp: {}", Denial::undecided()))),
        };
        self.control.decided(verdict.is_ok());
        (verdict, finish)
    }

    /// Reads a body that the gate wants to see, unless it takes more than so many bytes.
    pub(super) async fn read_ahead(&mut self, head: &RequestHead<'_>, at_most: usize) -> Ahead {
        // A client that waits to be asked for its body is asked by the engine alone.
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
        let whole = ahead::read(&mut self.client, &mut self.intake, at_most, waits).await;
        whole.map_or(Ahead::Unavailable, Ahead::Whole)
    }

    /// The body that replaces the client's, where the sink has one.
    pub(super) fn rewrite(&mut self, ahead: Ahead, finish: &mut Finish<S>) -> Option<Vec<u8>> {
        let whole = match ahead {
            Ahead::NotAsked => return None,
            Ahead::Unavailable => {
                // The body goes on as it comes, whatever the sink says.
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
