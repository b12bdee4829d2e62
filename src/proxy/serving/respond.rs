//! What a connection does besides forwarding: it sends dsp's own answers, and reads what is left of a
//! denied request.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use serde_json::{Value, json};

use super::connection::Connection;
use super::decide::Denied;
use super::local_response::{self, Form};
use super::next::Next;
use crate::policy::Answer;
use crate::proxy::observe::{Event, Fault};
use crate::proxy::record::Record;
use crate::proxy::relaying::exchange::Exchange;
use crate::proxy::relaying::relay::Relay;
use crate::proxy::relaying::request_info::RequestInfo;
use crate::proxy::relaying::request_reader::RequestReader;
use crate::proxy::streams::scratch::poll_read;

/// How many bytes of a denied request's body are read and discarded.
const DRAIN: u64 = 1 << 20;

/// How long reading them may take.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// How long a client may take to read one of dsp's own answers.
const ANSWER_TIME: Duration = Duration::from_secs(20);

impl<R: Record> Connection<R> {
    /// Tells the client that the engine gave no usable answer.
    pub(super) async fn bad_gateway(
        &mut self,
        message: &str,
        info: RequestInfo,
        is_unread: bool,
        exchange: &mut Exchange<R>,
    ) -> Next {
        let closes = is_unread || self.ends_after(info.closes || info.is_old);
        // No part of the answer has been sent; at most an interim answer is waiting.
        self.relay.request.outbox.clear();
        let form = Form { is_head: info.is_head, is_old: info.is_old, closes };
        self.respond(502, &format!("dsp: {message}"), form, exchange).await;
        Next::after(closes, !is_unread)
    }

    /// Answers a denied request.
    pub(super) async fn deny(&mut self, denied: &Denied, form: Form, exchange: &mut Exchange<R>) {
        let Denied { status, answer: Answer { message, cause } } = denied;
        let body = match cause {
            None => json!({ "message": message }),
            // podman's form of an error (podman `pkg/errorhandling/errorhandling.go`).
            Some(cause) => json!({ "cause": cause, "message": message, "response": status }),
        };
        self.respond_json(*status, &body, form, exchange).await;
    }

    /// Sends one of dsp's own answers.
    pub(super) async fn respond(
        &mut self,
        status: u16,
        message: &str,
        form: Form,
        exchange: &mut Exchange<R>,
    ) {
        self.respond_json(status, &json!({ "message": message }), form, exchange).await;
    }

    async fn respond_json(
        &mut self,
        status: u16,
        body: &Value,
        form: Form,
        exchange: &mut Exchange<R>,
    ) {
        exchange.outcome.status = Some(status);
        self.relay.timer.stop();
        local_response::write_json(status, body, form, self.relay.response.outbox.room());
        // A client that has gone needs no answer.
        let _ = self.flush().await;
        self.relay.timer.stop();
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|context| {
            let Relay { client, response, .. } = &mut self.relay;
            let flushed = response.outbox.poll_flush(client, context);
            if flushed.is_ready() {
                return flushed;
            }
            self.relay.settle(self.head.capacity());
            let late = self.relay.timer.poll(context, ANSWER_TIME);
            late.map(|()| Err(io::ErrorKind::TimedOut.into()))
        })
        .await
    }

    /// Tells the observer that something malformed is forwarded as it is.
    pub(super) fn forwards_unread(&self, fault: Fault) {
        self.shared.observer.on(&Event::Unread { connection: self.client.number, fault });
    }

    /// Tells the observer that the engine did not answer, which the client sees too.
    pub(super) fn forwards_silence(&self, error: &io::Error) {
        self.shared.observer.on(&Event::Unanswered { connection: self.client.number, error });
    }

    /// Whether the connection ends after the answer. `closes` is whether the request asks for that.
    pub(super) fn ends_after(&self, closes: bool) -> bool {
        closes || self.control.finishes()
    }

    /// Reads part of a denied request's body, so that a client that sends everything before it reads
    /// still gets the denial. Returns whether the whole body was read.
    pub(super) async fn drain(&mut self) -> bool {
        let mut left = DRAIN;
        let Relay { client, request, .. } = &mut self.relay;
        let reader = &mut request.reader;
        let mut drain = |bytes: &[u8], reader: &mut RequestReader| -> Option<bool> {
            let (length, is_last) = reader.body(bytes, |_| ()).ok()?;
            left = left.checked_sub(u64::try_from(length).ok()?)?;
            reader.push_after(bytes, length);
            Some(is_last)
        };
        let kept = reader.take_all();
        let mut last = if kept.is_empty() { Some(false) } else { drain(&kept, reader) };
        let rest = poll_fn(|context| {
            while last == Some(false) {
                match poll_read(client, context, |bytes, _| match bytes {
                    [] => {
                        reader.push(bytes);
                        None
                    }
                    bytes => drain(bytes, reader),
                }) {
                    Poll::Ready(Ok(read)) => last = read,
                    Poll::Ready(Err(_)) => last = None,
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(last == Some(true))
        });
        tokio::time::timeout(DRAIN_TIME, rest).await.unwrap_or(false)
    }
}
