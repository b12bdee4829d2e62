//! The decision on a request: the gate decides, the body is read ahead if the decision depends on it,
//! and observers and the recorder are notified.

use std::sync::Arc;
use std::time::Instant;

use super::connection::Connection;
use super::local_response::Form;
use super::next::Next;
use crate::http1::{Arrival, Length, RequestHead, origin_form};
use crate::policy::{
    Answer, Body, Decision, Denial, Head, Missing, Owners, Permit, Request, Stray, Verdict,
};
use crate::proxy::load::turns;
use crate::proxy::observe::Event;
use crate::proxy::owners;
use crate::proxy::record::{Begun, Decided, Record};
use crate::proxy::relaying::exchange::Exchange;
use crate::proxy::relaying::relay::Relay;
use crate::proxy::relaying::request_reader::EarlyBody;

/// How often a gate may ask for something before it decides: the body, the object in the path, those in
/// the contents, and volumes to make.
const MOST_ROUNDS: usize = 6;

/// What a client waits for before it sends the body (RFC 9110 section 10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A denial, in the form in which it is answered.
#[derive(Debug)]
pub(super) struct Denied {
    pub(super) status: u16,
    pub(super) answer: Answer,
}

impl Denied {
    /// The answer to a denial, with its text if that has been written already.
    fn of(denial: &Denial, text: Option<String>) -> Self {
        let text = text.unwrap_or_else(|| denial.to_string());
        Self { status: denial.status(), answer: denial.answer(&text) }
    }
}

impl<R: Record> Connection<R> {
    /// Has a request decided on, and forwards or answers it.
    pub(super) async fn answer(&mut self, head: &RequestHead<'_>) -> Next {
        let has_body = head.has_body();
        let at = Instant::now();
        let asked = Request {
            head: Head {
                method: head.method(),
                target: head.target(),
                content_type: head.content_type(),
                flaw: head.flaw(),
            },
            body: if has_body { Body::Unread } else { Body::Absent },
            peer: self.client.peer,
            owners: Owners::NONE,
        };
        let door = self.client.door.as_ref();
        let stray = door.and_then(|door| door.check(head.target(), head.headers()).err());
        let mut early = EarlyBody::NotAsked;
        let mut owners = Owners::default();
        let mut decision = self.ask(&asked);
        let mut rounds = if stray.is_none() { MOST_ROUNDS } else { 0 };
        while rounds > 0 {
            rounds -= 1;
            if let Verdict::ReadBody { at_most } = decision.verdict
                && matches!(early, EarlyBody::NotAsked)
            {
                // A reload does not wait for a body. After the body, the new gate is asked.
                self.control.decided(false);
                if !self.control.begin(true) {
                    return Next::End;
                }
                early = self.read_ahead(head, at_most).await;
            } else if !self.find_owners(&decision.verdict, &mut owners).await {
                break;
            }
            let body = match &early {
                EarlyBody::NotAsked => asked.body,
                early => early.body(),
            };
            decision = self.ask(&Request { body, owners: &owners, ..asked });
        }
        let (verdict, mut exchange) = self.report(at, &asked, head.agent(), decision, stray);
        let is_head = head.method() == "HEAD";
        match verdict {
            Ok(permit) => self.forward(head, early, &permit, &mut exchange).await,
            Err(denial) => {
                let is_read = !has_body || (!head.expects() && self.drain().await);
                let is_old = head.is_old();
                let form = Form {
                    is_head,
                    is_old,
                    closes: !is_read || self.ends_after(head.closes() || is_old),
                };
                self.deny(&denial, form, &mut exchange).await;
                Next::after(form.closes, is_read)
            }
        }
    }

    /// Asks the gate.
    pub(super) fn ask(&self, asked: &Request<'_>) -> Decision {
        self.control.ask(asked.head.method, asked.head.target);
        let body = match asked.body {
            Body::Whole(body) => body.len(),
            _ => 0,
        };
        turns::count_decision(asked.head.target.len() + body);
        self.service.gate.decide(asked)
    }

    /// Asks the engine what the gate wants to know about owners; false if it does not ask for that.
    async fn find_owners(&self, verdict: &Verdict, owners: &mut Owners) -> bool {
        let service = Arc::clone(&self.service);
        owners::answer(service.owners.as_deref(), verdict, owners).await
    }

    /// Reports a decision to the observers and the recorder. Returns the permit, or what to answer
    /// instead. A stray request is never permitted, and neither is a request that the gate did not
    /// decide on or that could not be recorded.
    pub(super) fn report(
        &self,
        at: Instant,
        asked: &Request<'_>,
        agent: Option<&str>,
        mut decision: Decision,
        stray: Option<Stray>,
    ) -> (Result<Permit, Denied>, Exchange<R>) {
        if let Some(stray) = stray {
            decision.verdict = Verdict::Deny(Denial::stray(stray));
        } else if decision.verdict.asks() {
            decision.verdict = Verdict::Deny(Denial::undecided());
        }
        let text = match &decision.verdict {
            Verdict::Deny(denial) => Some(denial.to_string()),
            Verdict::Forward(permit) => permit.instead_of().map(ToString::to_string),
            Verdict::ReadBody { .. } | Verdict::FindOwners(_) | Verdict::MakeVolumes(_) => None,
        };
        let arrival = Arrival {
            at,
            connection: self.client.number,
            peer: asked.peer,
            client: self.client.who.as_deref(),
            method: asked.head.method,
            target: origin_form(asked.head.target),
            agent,
        };
        let decided = Decided { arrival, decision: &decision, denial: text.as_deref() };
        let service = &self.service;
        service.observer.on(&Event::Decided(&decided));
        let begun = service.recorder.begin(&decided);
        let is_refused = matches!(begun, Begun::Refused(_));
        let exchange = Exchange::new(Arc::clone(service), begun.ticket(), at);
        let verdict = match decision.verdict {
            Verdict::Forward(_) if is_refused => Err(Denied::of(&Denial::unrecorded(), None)),
            Verdict::Forward(permit) => Ok(permit),
            Verdict::Deny(denial) => Err(Denied::of(&denial, text)),
            Verdict::ReadBody { .. } | Verdict::FindOwners(_) | Verdict::MakeVolumes(_) => {
                Err(Denied::of(&Denial::undecided(), None))
            }
        };
        self.control.decided(verdict.is_ok());
        (verdict, exchange)
    }

    /// Reads a body that the gate asked for, unless it is longer than `at_most` bytes.
    async fn read_ahead(&mut self, head: &RequestHead<'_>, at_most: usize) -> EarlyBody {
        if let Length::Exactly(length) = head.body()
            && usize::try_from(length).map_or(true, |length| length > at_most)
        {
            return EarlyBody::Missing(Missing::TooLong);
        }
        // HTTP/1.0 has no interim answers (RFC 9110 section 10.1.1).
        if head.expects() && !head.is_old() {
            // A gate that only watches leaves the 100 to the engine.
            if !self.service.gate.refuses_flaws() {
                return EarlyBody::Missing(Missing::Withheld);
            }
            self.relay.response.outbox.room().extend_from_slice(CONTINUE);
            if self.flush().await.is_err() {
                return EarlyBody::Missing(Missing::CutOff);
            }
        }
        self.relay.timer.stop();
        let patience = self.relay.patience;
        let Relay { client, request, response, share, timer, .. } = &mut self.relay;
        let others = self.head.capacity() + head.held() + request.outbox.held() + response.held();
        let control = &self.control;
        let waits = |seen: usize, held: usize| {
            control.receives(u64::try_from(seen).unwrap_or(u64::MAX), false);
            share.settle(others + held);
            !share.is_too_much()
        };
        let whole = request.reader.read_ahead(client, at_most, (timer, patience), waits).await;
        whole.map_or_else(EarlyBody::Missing, EarlyBody::Whole)
    }
}
