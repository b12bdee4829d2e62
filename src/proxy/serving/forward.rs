//! Forwarding a permitted request, and what happens to the connection after it.

use std::borrow::Cow;

use super::connection::Connection;
use super::local_response::Form;
use super::next::Next;
use crate::http1::{Disorder, Flaw, LONGEST_TARGET, RequestHead, Upstream};
use crate::policy::Permit;
use crate::proxy::observe::Fault;
use crate::proxy::record::Record;
use crate::proxy::relaying::ending::Ending;
use crate::proxy::relaying::exchange::{Exchange, count};
use crate::proxy::relaying::relay::Relay;
use crate::proxy::relaying::request_info::RequestInfo;
use crate::proxy::relaying::request_reader::EarlyBody;
use crate::proxy::relaying::tunnel::Tunnel;
use crate::proxy::relaying::upstream::UpstreamError;
use crate::wire::Stream;

impl<R: Record> Connection<R> {
    /// Sends a permitted request to the engine and forwards its answer.
    pub(super) async fn forward(
        &mut self,
        head: &RequestHead<'_>,
        early: EarlyBody,
        permit: &Permit,
        exchange: &mut Exchange<R>,
    ) -> Next {
        if !self.control.begin(head.has_body()) {
            return Next::End;
        }
        self.relay.timer.stop();
        let replaced = self.rewrite(early, permit, exchange);
        let has_body = head.has_body() && replaced.is_none();
        let info = RequestInfo::of(head, permit, has_body);
        if !info.is_verbatim && permit.target().len() > LONGEST_TARGET {
            let message = "the request target cannot be sent";
            return self.bad_gateway(message, info, has_body, exchange).await;
        }
        self.relay.settle(self.head.capacity() + head.held());
        if self.relay.share.is_too_much() {
            let message = "dsp: too many large requests are open; try again later";
            let form = Form { is_head: info.is_head, is_old: info.is_old, closes: true };
            self.respond(503, message, form, exchange).await;
            return Next::Linger;
        }
        self.relay.begin(info, has_body, head.trailer());
        self.write_head(head, permit, info, replaced);
        let engine = &self.service.engine;
        match self.relay.run(engine, exchange, head.held()).await {
            Ok((ending, engine)) => {
                self.conclude(ending, engine, info, head.held(), exchange).await
            }
            Err(error) => {
                exchange.outcome.upstream = Upstream::Silent;
                self.bad_gateway(&error.to_string(), info, has_body, exchange).await
            }
        }
    }

    /// Returns the body that replaces the client's, if there is one.
    fn rewrite<'a>(
        &mut self,
        early: EarlyBody,
        permit: &'a Permit,
        exchange: &mut Exchange<R>,
    ) -> Option<Cow<'a, [u8]>> {
        let whole = match early {
            EarlyBody::NotAsked => return None,
            EarlyBody::Missing(_) => {
                // The body is forwarded as it comes, whatever the rewriter returns.
                let _ = exchange.rewrite(None);
                return None;
            }
            EarlyBody::Whole(whole) => whole,
        };
        let replaced = match permit.body() {
            Some(body) => Cow::Borrowed(body),
            None => Cow::Owned(exchange.rewrite(Some(&whole.body))?),
        };
        self.relay.request.reader.skip_body(whole.length);
        if whole.is_odd {
            exchange.note_disorder(Disorder::Body(Flaw::Chunk), false);
        }
        exchange.outcome.received = count(&whole.body);
        Some(replaced)
    }

    /// Writes what goes to the engine before the rest of the client's body: the head, and the body that
    /// replaces the client's, if there is one.
    fn write_head(
        &mut self,
        head: &RequestHead<'_>,
        permit: &Permit,
        info: RequestInfo,
        replaced: Option<Cow<'_, [u8]>>,
    ) {
        let (length, out) =
            (replaced.as_deref().map(<[u8]>::len), self.relay.request.outbox.room());
        if info.is_verbatim {
            head.copy(length, out);
        } else {
            head.write(permit.target(), info.upgrade, length, info.hide.is_some(), out);
        }
        out.extend_from_slice(replaced.as_deref().unwrap_or_default());
    }

    /// Does what is left to do when the forwarding has ended. `held` is the memory that the request
    /// uses besides the buffers, in bytes.
    async fn conclude(
        &mut self,
        ending: Ending,
        engine: Stream,
        info: RequestInfo,
        held: usize,
        exchange: &mut Exchange<R>,
    ) -> Next {
        let is_whole = self.relay.request.is_whole();
        if info.is_verbatim
            && exchange.outcome.upgraded
            && let Some(disorder) = exchange.outcome.disorder
        {
            self.forwards_unread(Fault::AfterHead(disorder));
        }
        match ending {
            Ending::Answered { closes, keeps } => {
                if keeps {
                    self.relay.upstream.put(engine);
                }
                Next::after(closes, is_whole)
            }
            Ending::Tunnel(first) => self.tunnel(engine, &first, held, exchange).await,
            // The client sees what it would have seen without dsp.
            Ending::Unanswered(error) if info.is_verbatim => {
                self.forwards_silence(&error);
                Next::End
            }
            Ending::Unanswered(error) => {
                let address = self.service.engine.clone();
                let silent = UpstreamError::Silent { address, source: error };
                self.bad_gateway(&silent.to_string(), info, !is_whole, exchange).await
            }
            Ending::Unusable(bad) => {
                self.bad_gateway(&bad.to_string(), info, !is_whole, exchange).await
            }
            Ending::Stalled if !self.relay.response.has_begun() => {
                let form = Form { is_head: info.is_head, is_old: info.is_old, closes: true };
                let seconds = self.shared.limits().body.unwrap_or_default().as_secs();
                let message = format!("dsp: nothing came of the body for {seconds} s");
                self.respond(408, &message, form, exchange).await;
                Next::Linger
            }
            Ending::Stalled | Ending::Broken => Next::Linger,
        }
    }

    /// Copies bytes both ways until both sides have ended. `first` are those that the engine sent after
    /// its answer.
    async fn tunnel(
        &mut self,
        engine: Stream,
        first: &[u8],
        held: usize,
        exchange: &mut Exchange<R>,
    ) -> Next {
        if self.flush().await.is_err() {
            return Next::End;
        }
        let Relay { client, request, share, .. } = &mut self.relay;
        // The rest of the request comes first.
        let early = [request.outbox.unsent(), request.reader.kept()].concat();
        request.rest();
        drop(request.reader.take_all());
        let tunnel = Tunnel { engine, exchange, share, held: held + early.capacity() };
        tunnel.run(client, &early, first).await;
        Next::Linger
    }
}
