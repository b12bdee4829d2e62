//! The direction from the client to the engine: the head of a request, and its body as it arrives.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

use super::exchange::{Exchange, count};
use super::request_info::RequestInfo;
use super::request_reader::RequestReader;
use crate::http1::{Disorder, Flaw, Piece, write_chunk, write_last_chunk};
use crate::proxy::record::Record;
use crate::proxy::streams::hang_up::HangUp;
use crate::proxy::streams::outbox::Outbox;
use crate::proxy::streams::scratch::poll_read;
use crate::wire::Stream;

/// What the client sends, and how much of it has been sent to the engine.
#[derive(Debug)]
pub(crate) struct RequestSide {
    pub(crate) reader: RequestReader,
    /// The head for the engine, and the part of the body that it has not accepted.
    pub(crate) outbox: Outbox,
    progress: Progress,
}

/// How much of the current request has been sent.
#[derive(Debug, Default)]
struct Progress {
    info: RequestInfo,
    /// All of it has arrived from the client.
    is_whole: bool,
    /// Part of its body has arrived.
    has_begun: bool,
    /// The end of what the client sends has been forwarded to the engine.
    is_shutdown_sent: bool,
    /// The announced trailers, and the trailers that have arrived.
    announced: Vec<u8>,
    trailers: Vec<u8>,
    /// The body is malformed, and is forwarded without being parsed.
    is_unparsed: bool,
    /// The engine accepts no more bytes.
    is_rejected: bool,
    hang_up: Option<HangUp>,
}

/// The client has gone, or its request cannot be forwarded any further.
#[derive(Debug)]
pub(crate) struct Broken;

impl RequestSide {
    /// Creates the side of a new connection. If `is_strict` is false, malformed heads are accepted.
    pub(crate) fn new(is_strict: bool) -> Self {
        let (outbox, progress) = Default::default();
        Self { reader: RequestReader::new(is_strict), outbox, progress }
    }

    /// The memory it uses, in bytes.
    pub(crate) fn held(&self) -> usize {
        let Progress { announced, trailers, .. } = &self.progress;
        let trailers = announced.capacity() + trailers.capacity();
        self.reader.held() + self.outbox.held() + trailers
    }

    /// Begins a request whose head has arrived.
    pub(super) fn begin(&mut self, info: RequestInfo, has_body: bool, announced: &[u8]) {
        let (is_whole, announced) = (!has_body, announced.to_vec());
        self.progress = Progress { info, is_whole, announced, ..Progress::default() };
    }

    /// Begins to send the head again, on another connection to the engine.
    pub(super) fn restart(&mut self) {
        self.outbox.rewind();
        self.progress.is_rejected = false;
    }

    /// Frees what only a request in progress needs.
    pub(crate) fn rest(&mut self) {
        self.outbox.clear();
        self.progress = Progress::default();
    }

    /// Whether all of the request has arrived from the client.
    pub(crate) fn is_whole(&self) -> bool {
        self.progress.is_whole
    }

    /// Whether part of the body has arrived.
    pub(super) fn has_begun(&self) -> bool {
        self.progress.has_begun
    }

    /// Whether the body is malformed and is forwarded without being parsed.
    pub(super) fn is_unparsed(&self) -> bool {
        self.progress.is_unparsed
    }

    /// Whether nothing more of the request will be sent.
    pub(super) fn is_over(&self) -> bool {
        self.progress.is_rejected || (self.progress.is_whole && self.outbox.is_empty())
    }

    /// Whether the engine can get another request on the same connection.
    pub(super) fn keeps_engine(&self) -> bool {
        !self.progress.is_rejected && !self.progress.is_shutdown_sent
    }

    /// Whether the engine can get the same request again, on another connection.
    pub(super) fn can_be_repeated(&self) -> bool {
        let Progress { info, has_begun, is_shutdown_sent, .. } = &self.progress;
        !has_begun && !is_shutdown_sent && (info.is_safe || self.outbox.is_untouched())
    }

    /// Forwards the request until it has to wait for the client or the engine.
    pub(super) fn poll<R: Record>(
        &mut self,
        client: &mut Stream,
        engine: &mut Stream,
        exchange: &mut Exchange<R>,
        context: &mut Context<'_>,
    ) -> Result<(), Broken> {
        loop {
            if self.progress.is_rejected {
                // A head that the engine did not accept may be sent again on another connection.
                if self.progress.has_begun {
                    self.outbox.clear();
                }
            } else {
                match self.outbox.poll_flush(engine, context) {
                    Poll::Ready(Ok(())) => {}
                    // The engine may have answered before it stopped reading, and the client has to see
                    // that answer. Reading from it shows how it ends.
                    Poll::Ready(Err(_)) => self.progress.is_rejected = true,
                    Poll::Pending => return Ok(()),
                }
            }
            let is_waiting = if self.progress.is_whole {
                self.poll_after(client, engine, context)?
            } else {
                self.poll_body(client, engine, exchange, context)?
            };
            if is_waiting {
                return Ok(());
            }
        }
    }

    /// Keeps bytes that arrive after the request. Returns whether there is nothing more to do for now.
    fn poll_after(
        &mut self,
        client: &mut Stream,
        engine: &mut Stream,
        context: &mut Context<'_>,
    ) -> Result<bool, Broken> {
        if self.reader.has_ended() {
            self.poll_end(client, engine, context)?;
            return Ok(true);
        }
        if self.reader.is_full() {
            return Ok(true);
        }
        let read = poll_read(client, context, |bytes, _| self.reader.push(bytes));
        Ok(read.map_err(|_| Broken)?.is_pending())
    }

    /// Sends more of the request's body. Returns whether there is nothing more to do for now.
    fn poll_body<R: Record>(
        &mut self,
        client: &mut Stream,
        engine: &mut Stream,
        exchange: &mut Exchange<R>,
        context: &mut Context<'_>,
    ) -> Result<bool, Broken> {
        if !self.reader.kept().is_empty() {
            let kept = self.reader.take_all();
            self.take(&kept, engine, exchange, context)?;
            return Ok(false);
        }
        if self.reader.has_ended() {
            // It will never be complete, and the engine has to see that.
            self.poll_end(client, engine, context)?;
            return Ok(true);
        }
        match poll_read(client, context, |bytes, context| {
            self.take(bytes, engine, exchange, context)
        }) {
            Poll::Ready(Ok(taken)) => taken.map(|()| false),
            Poll::Ready(Err(_)) => Err(Broken),
            Poll::Pending => Ok(true),
        }
    }

    /// Handles the end of the client's sending side: forwards it to the engine, and watches for the
    /// client to hang up.
    fn poll_end(
        &mut self,
        client: &Stream,
        engine: &mut Stream,
        context: &mut Context<'_>,
    ) -> Result<(), Broken> {
        let progress = &mut self.progress;
        // If the client has sent more requests, it has not gone.
        if !progress.is_shutdown_sent && self.reader.kept().is_empty() {
            // If the engine has already gone, reading from it shows that.
            if Pin::new(engine).poll_shutdown(context).is_pending() {
                return Ok(());
            }
            progress.is_shutdown_sent = true;
        }
        let watch = match &mut progress.hang_up {
            Some(watch) => watch,
            none => none.insert(HangUp::watch(client).map_err(|_| Broken)?),
        };
        if watch.poll(context).is_ready() { Err(Broken) } else { Ok(()) }
    }

    /// Handles the next bytes of the body. An empty slice marks the end of the stream.
    fn take<R: Record>(
        &mut self,
        bytes: &[u8],
        engine: &mut Stream,
        exchange: &mut Exchange<R>,
        context: &mut Context<'_>,
    ) -> Result<(), Broken> {
        if bytes.is_empty() {
            self.reader.push(bytes);
            return Ok(());
        }
        let progress = &mut self.progress;
        progress.has_begun = true;
        if progress.is_unparsed {
            exchange.outcome.received += count(bytes);
            self.send(bytes, engine, context);
            return Ok(());
        }
        let is_verbatim = progress.info.is_verbatim;
        let is_rewritten = self.reader.is_chunked() && !is_verbatim;
        let (received, trailers) = (&mut exchange.outcome.received, &mut progress.trailers);
        let mut out = is_rewritten.then(|| self.outbox.room());
        let read = self.reader.body(bytes, |piece| match piece {
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
                exchange.note_disorder(Disorder::Body(flaw), is_verbatim);
                if !is_verbatim {
                    return Err(Broken);
                }
                progress.is_unparsed = true;
                (bytes.len(), false)
            }
        };
        if is_verbatim && self.reader.has_odd_chunks() {
            exchange.note_disorder(Disorder::Body(Flaw::Chunk), false);
        }
        progress.is_whole = is_last;
        self.reader.push_after(bytes, length);
        match out {
            Some(out) if is_last => write_last_chunk(&progress.trailers, &progress.announced, out),
            Some(_) => {}
            None => self.send(bytes.get(..length).unwrap_or_default(), engine, context),
        }
        Ok(())
    }

    fn send(&mut self, bytes: &[u8], engine: &mut Stream, context: &mut Context<'_>) {
        if !self.progress.is_rejected && self.outbox.send(engine, context, bytes).is_err() {
            self.progress.is_rejected = true;
        }
    }
}
