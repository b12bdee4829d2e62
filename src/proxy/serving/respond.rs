//! What a connection does besides forwarding: sending dsp's own answers, and connecting to the engine.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use super::connection::Connection;
use super::decide::Denied;
use super::local_response::{self, Form};
use super::next::Next;
use crate::proxy::observe::{Event, Fault};
use crate::proxy::record::Record;
use crate::proxy::relaying::exchange::Finish;
use crate::proxy::relaying::request_reader::Intake;
use crate::proxy::relaying::sending::Asks;
use crate::proxy::relaying::upstream::UpstreamError;
use crate::proxy::streams::scratch::poll_read;
use crate::proxy::streams::stream::Stream;

/// How many bytes of a denied request's body are read and discarded.
const DRAIN: u64 = 1 << 20;

/// How long reading them may take.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// How long a client may take to read one of dsp's own answers.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// How often to try to connect to the engine while no file descriptor is free, and how long to wait
/// between two tries.
const MOST_TRIES: u32 = 50;
const SHORT_PAUSE: Duration = Duration::from_millis(2);

/// Whether the process or the machine has no file descriptor left.
fn is_out_of_files(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let number = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| number == Some(errno.raw_os_error()))
}

impl<R: Record> Connection<R> {
    /// Tells the client that the engine gave no usable answer.
    pub(crate) async fn bad_gateway(
        &mut self,
        message: &str,
        asks: Asks,
        is_unread: bool,
        finish: Finish<R>,
    ) -> Next {
        let closes = is_unread || self.ends_behind(asks.closes || asks.is_old);
        // No part of the answer has been sent; at most an interim answer is waiting.
        self.to_engine.clear();
        let form = Form { is_head: asks.is_head, is_old: asks.is_old, closes };
        self.answer(502, &format!("dsp: {message}"), form, finish).await;
        Next::behind(closes, !is_unread)
    }

    /// Answers a denied request.
    pub(crate) async fn deny(&mut self, denied: &Denied, form: Form, finish: Finish<R>) {
        self.answer(denied.status, &format!("dsp: {}", denied.text), form, finish).await;
    }

    /// Sends one of dsp's own answers. The outcome is reported when it has been sent.
    pub(crate) async fn answer(
        &mut self,
        status: u16,
        message: &str,
        form: Form,
        mut finish: Finish<R>,
    ) {
        finish.status = Some(status);
        self.timer.stop();
        local_response::write(status, message, form, self.to_client.room());
        // A client that has gone needs no answer.
        let _ = self.flush().await;
        self.timer.stop();
    }

    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|context| {
            let flushed = self.to_client.poll_flush(&mut self.client, context);
            if flushed.is_ready() {
                return flushed;
            }
            self.share.settle(self.held());
            let late = self.timer.poll(context, ANSWER_TIME);
            late.map(|()| Err(io::ErrorKind::TimedOut.into()))
        })
        .await
    }

    /// Returns a connection to the engine, and whether it was used before. If no file descriptor is
    /// free, other connections that are idle are evicted.
    pub(crate) async fn engine(&mut self) -> Result<(Stream, bool), UpstreamError> {
        for _ in 0..MOST_TRIES {
            match self.upstream.take(&self.service.engine).await {
                Err(UpstreamError::Connect { source, .. }) if is_out_of_files(&source) => {
                    self.shared.registry.make_room();
                    tokio::time::sleep(SHORT_PAUSE).await;
                }
                taken => return taken,
            }
        }
        self.upstream.take(&self.service.engine).await
    }

    /// Tells the observer that something malformed is forwarded as it is.
    pub(crate) fn forwards_unread(&self, fault: Fault) {
        self.shared.observer.on(&Event::Unread { connection: self.who.number, fault });
    }

    /// Tells the observer that the engine did not answer, which the client sees too.
    pub(crate) fn forwards_silence(&self, error: &io::Error) {
        self.shared.observer.on(&Event::Unanswered { connection: self.who.number, error });
    }

    /// Whether the connection ends after the answer. `closes` is whether the request asks for that.
    pub(crate) fn ends_behind(&self, closes: bool) -> bool {
        closes || self.control.finishes()
    }

    /// Reads part of a denied request's body, so that a client that sends everything before it reads
    /// still gets the denial. Returns whether the whole body was read.
    pub(crate) async fn drain(&mut self) -> bool {
        let mut left = DRAIN;
        let (client, intake) = (&mut self.client, &mut self.intake);
        let mut drain = |bytes: &[u8], intake: &mut Intake| -> Option<bool> {
            let (length, is_last) = intake.body(bytes, |_| ()).ok()?;
            left = left.checked_sub(u64::try_from(length).ok()?)?;
            intake.push_behind(bytes, length);
            Some(is_last)
        };
        let kept = intake.take_all();
        let mut last = if kept.is_empty() { Some(false) } else { drain(&kept, intake) };
        let rest = poll_fn(|context| {
            while last == Some(false) {
                match poll_read(client, context, |bytes, _| match bytes {
                    [] => {
                        intake.push(bytes);
                        None
                    }
                    bytes => drain(bytes, intake),
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
