//! Sends a request to the engine and its answer back, both at the same time.
//!
//! An engine may answer before it has received the whole request, and a client may close its sending
//! side and still wait for the answer, as `nc -N` does. dsp then closes its own sending side too, and
//! the engine does what it would do without dsp: if the answer is endless, it assumes that the client
//! has gone.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;

use super::exchange::{Finish, count};
use super::request_reader::Intake;
use super::response::{Answer, Ending, Reading};
use super::sending::{Asks, Sending};
use crate::http1::{Disorder, Flaw, Piece, write_chunk, write_last_chunk};
use crate::proxy::load::control::Control;
use crate::proxy::record::Record;
use crate::proxy::streams::hang_up::HangUp;
use crate::proxy::streams::outbox::Outbox;
use crate::proxy::streams::scratch::poll_read;
use crate::proxy::streams::stream::Stream;
use crate::proxy::streams::timer::Timer;

/// A request that is being forwarded.
pub(crate) struct Transfer<'a, R: Record> {
    pub(crate) control: &'a Control,
    pub(crate) client: &'a mut Stream,
    pub(crate) engine: &'a mut Stream,
    pub(crate) intake: &'a mut Intake,
    /// The head for the engine, and the part of the body that it has not accepted.
    pub(crate) to_engine: &'a mut Outbox,
    pub(crate) to_client: &'a mut Outbox,
    pub(crate) finish: &'a mut Finish<R>,
    pub(crate) asks: Asks,
    pub(crate) request: Sending<'a>,
    pub(crate) answer: Answer,
    pub(crate) timer: &'a mut Timer,
    /// How long the body may make no progress. `None` for no limit.
    pub(crate) patience: Option<Duration>,
    /// The number of bytes forwarded, in both directions, when the timer was started.
    pub(crate) moved: u64,
}

impl<'a, R: Record> Transfer<'a, R> {
    /// Advances both directions as long as the client sends what it announced.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        let had_come = self.request.is_whole;
        let polled = self.poll_both(context);
        if polled.is_pending() && !had_come { self.poll_stalled(context) } else { polled }
    }

    /// The memory it uses while it waits, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.intake.held() + self.to_engine.held() + self.to_client.held()
    }

    /// Waits until the client has sent nothing of the body for too long. If the engine answers, there
    /// is progress; if it does not accept what has arrived, the client is not to blame.
    fn poll_stalled(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        self.control.receives(self.finish.received, self.request.is_whole);
        let moved = self.finish.received.saturating_add(self.finish.sent);
        if moved != self.moved || self.request.is_whole || !self.to_engine.is_empty() {
            self.moved = moved;
            self.timer.stop();
        }
        match self.patience {
            Some(patience) if !self.request.is_whole => {
                let late = self.timer.poll(context, patience);
                late.map(|()| Ending::Stalled)
            }
            _ => Poll::Pending,
        }
    }

    fn poll_both(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        if self.poll_request(context).is_err() {
            return Poll::Ready(Ending::Broken);
        }
        loop {
            match self.poll_answer(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(ending)) => return Poll::Ready(ending),
                Poll::Pending => return Poll::Pending,
            }
            let (request, answer) = (&self.request, &self.answer);
            // It is unknown where the next request begins, so everything that follows is forwarded as
            // it comes.
            if request.is_unread && !answer.closes {
                return Poll::Ready(Ending::Tunnel(Vec::new()));
            }
            if request.is_deaf || answer.closes || (request.is_whole && self.to_engine.is_empty()) {
                let closes = answer.closes || !request.is_whole;
                let keeps = answer.keeps && !request.is_deaf && !request.is_told && !closes;
                return Poll::Ready(Ending::Answered { closes, keeps });
            }
            // The client is still sending, and the engine is still reading or has gone.
            let _ = ready!(poll_read(self.engine, context, |_, _| ()));
            self.answer.closes = true;
        }
    }

    /// Forwards the request until it has to wait for the client or the engine.
    fn poll_request(&mut self, context: &mut Context<'_>) -> Result<(), Broken> {
        loop {
            if self.request.is_deaf {
                // A head that the engine did not accept may be sent again on another connection.
                if self.request.has_begun {
                    self.to_engine.clear();
                }
            } else {
                match self.to_engine.poll_flush(self.engine, context) {
                    Poll::Ready(Ok(())) => {}
                    // The engine may have answered before it stopped reading, and the client has to see
                    // that answer. Reading from it shows how it ends.
                    Poll::Ready(Err(_)) => self.request.is_deaf = true,
                    Poll::Pending => return Ok(()),
                }
            }
            let is_waiting = if self.request.is_whole {
                self.poll_behind(context)?
            } else {
                self.poll_body(context)?
            };
            if is_waiting {
                return Ok(());
            }
        }
    }

    /// Keeps bytes that arrive after the request. Returns whether there is nothing more to do for now.
    fn poll_behind(&mut self, context: &mut Context<'_>) -> Result<bool, Broken> {
        if self.intake.has_ended() {
            self.poll_end(context)?;
            return Ok(true);
        }
        if self.intake.is_full() {
            return Ok(true);
        }
        let intake = &mut *self.intake;
        let read = poll_read(self.client, context, |bytes, _| intake.push(bytes));
        Ok(read.map_err(|_| Broken)?.is_pending())
    }

    /// Sends more of the request's body. Returns whether there is nothing more to do for now.
    fn poll_body(&mut self, context: &mut Context<'_>) -> Result<bool, Broken> {
        let (client, mut part) = self.part();
        if !part.intake.kept().is_empty() {
            let kept = part.intake.take_all();
            part.take(&kept, context)?;
            return Ok(false);
        }
        if part.intake.has_ended() {
            // It will never be complete, and the engine has to see that.
            self.poll_end(context)?;
            return Ok(true);
        }
        match poll_read(client, context, |bytes, context| part.take(bytes, context)) {
            Poll::Ready(Ok(taken)) => taken.map(|()| false),
            Poll::Ready(Err(_)) => Err(Broken),
            Poll::Pending => Ok(true),
        }
    }

    /// Returns the client, and everything needed to forward its bytes.
    fn part(&mut self) -> (&mut Stream, Part<'_, 'a, R>) {
        let part = Part {
            engine: self.engine,
            intake: self.intake,
            to_engine: self.to_engine,
            sending: &mut self.request,
            finish: self.finish,
            is_verbatim: self.asks.is_verbatim,
        };
        (self.client, part)
    }

    /// Handles the end of the client's sending side: tells the engine, and watches for the client to
    /// hang up.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Result<(), Broken> {
        // If the client has sent more requests, it has not gone.
        if !self.request.is_told && self.intake.kept().is_empty() {
            // If the engine has already gone, reading from it shows that.
            if Pin::new(&mut *self.engine).poll_shutdown(context).is_pending() {
                return Ok(());
            }
            self.request.is_told = true;
        }
        let watch = match &mut self.request.hang_up {
            Some(watch) => watch,
            none => none.insert(HangUp::watch(self.client).map_err(|_| Broken)?),
        };
        if watch.poll(context).is_ready() { Err(Broken) } else { Ok(()) }
    }

    /// Forwards the answer until all of it is sent or it has to wait for one side.
    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ending>> {
        loop {
            if ready!(self.to_client.poll_flush(self.client, context)).is_err() {
                return Poll::Ready(Err(Ending::Broken));
            }
            if self.answer.is_whole {
                return Poll::Ready(Ok(()));
            }
            let mut reading = Reading {
                control: self.control,
                client: self.client,
                to_client: self.to_client,
                finish: self.finish,
                asks: self.asks,
                request: &self.request,
                answer: &mut self.answer,
            };
            let read =
                poll_read(self.engine, context, |bytes, context| reading.take(bytes, context));
            match ready!(read) {
                Ok(taken) => {
                    if let Err(ending) = taken {
                        return Poll::Ready(Err(ending));
                    }
                }
                Err(error) if self.answer.body.is_none() => {
                    return Poll::Ready(Err(Ending::Unanswered(error)));
                }
                Err(_) => return Poll::Ready(Err(Ending::Broken)),
            }
        }
    }

    /// Whether the request can be sent again on another connection. That is so if there was no answer
    /// because the engine had closed this connection while it was idle. A request with side effects
    /// must not have reached the engine (RFC 9110 section 9.2.2).
    pub(crate) fn can_be_repeated(&self, is_safe: bool) -> bool {
        self.answer.is_silent
            && !self.request.has_begun
            && !self.request.is_told
            && (is_safe || self.to_engine.is_untouched())
    }
}

/// The connection cannot continue.
#[derive(Debug)]
struct Broken;

/// Everything needed to send the next bytes of a request.
struct Part<'a, 'b, R: Record> {
    engine: &'a mut Stream,
    intake: &'a mut Intake,
    to_engine: &'a mut Outbox,
    sending: &'a mut Sending<'b>,
    finish: &'a mut Finish<R>,
    is_verbatim: bool,
}

impl<R: Record> Part<'_, '_, R> {
    /// Handles the next bytes from the client. An empty slice marks the end of the stream.
    fn take(&mut self, bytes: &[u8], context: &mut Context<'_>) -> Result<(), Broken> {
        if bytes.is_empty() {
            self.intake.push(bytes);
            return Ok(());
        }
        self.sending.has_begun = true;
        if self.sending.is_unread {
            self.finish.received += count(bytes);
            self.send(bytes, context);
            return Ok(());
        }
        let is_made_anew = self.intake.is_chunked() && !self.is_verbatim;
        let (received, trailers) = (&mut self.finish.received, &mut self.sending.trailers);
        let mut out = is_made_anew.then(|| self.to_engine.room());
        let read = self.intake.body(bytes, |piece| match piece {
            Piece::Data(data) => {
                *received += count(data);
                if let Some(out) = &mut out {
                    write_chunk(data, out);
                }
            }
            Piece::Trailers(bytes) => trailers.extend_from_slice(bytes),
        });
        let (length, is_last) = match read {
            Ok(read) => read,
            // It is unknown where a malformed body ends, so only the engine can handle it.
            Err(flaw) => {
                self.finish.breaks(Disorder::Body(flaw), self.is_verbatim);
                if !self.is_verbatim {
                    return Err(Broken);
                }
                self.sending.is_unread = true;
                (bytes.len(), false)
            }
        };
        if self.is_verbatim && self.intake.has_odd_chunks() {
            self.finish.breaks(Disorder::Body(Flaw::Chunk), false);
        }
        self.sending.is_whole = is_last;
        self.intake.push_behind(bytes, length);
        match out {
            Some(out) if is_last => write_last_chunk(trailers, self.sending.announced, out),
            Some(_) => {}
            None => self.send(bytes.get(..length).unwrap_or_default(), context),
        }
        Ok(())
    }

    fn send(&mut self, bytes: &[u8], context: &mut Context<'_>) {
        if !self.sending.is_deaf && self.to_engine.send(self.engine, context, bytes).is_err() {
            self.sending.is_deaf = true;
        }
    }
}
