//! The direction from the engine to the client: which parts of an answer are sent as they arrive,
//! and in which form.

mod hidden;

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use self::hidden::filter_of;
use super::ending::Ending;
use super::engine_response::{is_raw, is_unrouted};
use super::exchange::{Exchange, count};
use super::request_info::RequestInfo;
use super::request_side::RequestSide;
use crate::answers::Filter;
use crate::http1::{
    BadResponse, Body, Disorder, Form, Piece, Progress, ROOM, ResponseHead, Upstream, write_chunk,
    write_last_chunk,
};
use crate::proxy::load::control::Control;
use crate::proxy::record::Record;
use crate::proxy::streams::outbox::Outbox;
use crate::proxy::streams::scratch::poll_read;
use crate::wire::Stream;

/// What the engine answers, and how much of it has been sent to the client.
#[derive(Debug)]
pub(crate) struct ResponseSide {
    /// What the client has not accepted yet.
    pub(crate) outbox: Outbox,
    info: RequestInfo,
    answer: Answer,
    control: Arc<Control>,
}

/// The state of the current answer.
#[derive(Debug)]
struct Answer {
    /// An incomplete head.
    head: Vec<u8>,
    /// The body, if the head is complete.
    body: Option<Body>,
    coding: Coding,
    /// What takes secrets out of the body, if something of it is hidden.
    filter: Option<Box<Filter>>,
    is_whole: bool,
    /// What arrived together with its end and belongs to no answer, if it is forwarded unchanged.
    excess: Vec<u8>,
    /// The engine asked for the request's body.
    is_body_wanted: bool,
    /// No byte of it has arrived.
    is_silent: bool,
    /// The client's connection ends after it.
    closes: bool,
    /// The engine's connection can be used again.
    keeps: bool,
}

/// How the body of an answer is encoded for the client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Coding {
    AsItCame,
    /// Without chunked encoding, which HTTP/1.0 does not have.
    Plain,
    /// Chunked, so that the client sees its end and the connection stays open.
    Chunks,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            head: Vec::new(),
            body: None,
            coding: Coding::AsItCame,
            filter: None,
            is_whole: false,
            excess: Vec::new(),
            is_body_wanted: false,
            is_silent: true,
            closes: false,
            keeps: true,
        }
    }
}

impl ResponseSide {
    /// Creates the side of a new connection.
    pub(super) fn new(control: Arc<Control>) -> Self {
        let (outbox, info, answer) = Default::default();
        Self { outbox, info, answer, control }
    }

    /// The memory it uses, in bytes.
    pub(crate) fn held(&self) -> usize {
        let filter = self.answer.filter.as_ref().map_or(0, |filter| filter.held());
        self.outbox.held() + self.answer.head.capacity() + self.answer.excess.capacity() + filter
    }

    /// Begins the answer to a request.
    pub(super) fn begin(&mut self, info: RequestInfo) {
        self.info = info;
        self.restart();
    }

    /// Begins the answer again, from another connection to the engine.
    pub(super) fn restart(&mut self) {
        self.answer = Answer::default();
    }

    /// Frees what only an answer in progress needs.
    pub(super) fn rest(&mut self) {
        self.outbox.clear();
        self.restart();
    }

    /// Whether the head of the answer has arrived and been forwarded.
    pub(crate) fn has_begun(&self) -> bool {
        self.answer.body.is_some()
    }

    /// Whether no byte of the answer has arrived.
    pub(super) fn is_silent(&self) -> bool {
        self.answer.is_silent
    }

    /// Whether the client's connection ends after the answer.
    pub(super) fn closes(&self) -> bool {
        self.answer.closes
    }

    /// Has the client's connection end after the answer.
    pub(super) fn close(&mut self) {
        self.answer.closes = true;
    }

    /// Whether the engine's connection can be used again after the answer.
    pub(super) fn keeps_engine(&self) -> bool {
        self.answer.keeps
    }

    /// Takes out what arrived together with the end of the answer and belongs to no answer. It is empty
    /// unless the answer is forwarded unchanged.
    pub(super) fn take_excess(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.answer.excess)
    }

    /// Forwards the answer until all of it is sent or it has to wait for one side.
    pub(super) fn poll<R: Record>(
        &mut self,
        client: &mut Stream,
        engine: &mut Stream,
        request: &RequestSide,
        exchange: &mut Exchange<R>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Ending>> {
        loop {
            if ready!(self.outbox.poll_flush(client, context)).is_err() {
                return Poll::Ready(Err(Ending::Broken));
            }
            if self.answer.is_whole {
                return Poll::Ready(Ok(()));
            }
            let read = poll_read(engine, context, |bytes, context| {
                self.take(bytes, client, request, exchange, context)
            });
            match ready!(read) {
                Ok(Ok(())) => {}
                Ok(Err(ending)) => return Poll::Ready(Err(ending)),
                Err(error) if self.answer.body.is_none() => {
                    return Poll::Ready(Err(Ending::Unanswered(error)));
                }
                Err(_) => return Poll::Ready(Err(Ending::Broken)),
            }
        }
    }

    /// Handles the next bytes from the engine. An empty slice marks the end of the stream.
    fn take<R: Record>(
        &mut self,
        bytes: &[u8],
        client: &mut Stream,
        request: &RequestSide,
        exchange: &mut Exchange<R>,
        context: &mut Context<'_>,
    ) -> Result<(), Ending> {
        self.answer.is_silent &= bytes.is_empty();
        if self.answer.body.is_some() {
            let Some(body) = self.body(bytes, exchange)? else { return Ok(()) };
            return self.outbox.send(client, context, body).map_err(|_| Ending::Broken);
        }
        if bytes.is_empty() {
            let error = io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection");
            return Err(Ending::Unanswered(error));
        }
        if self.answer.head.is_empty() {
            return self.heads(bytes, request, exchange);
        }
        let mut head = std::mem::take(&mut self.answer.head);
        head.extend_from_slice(bytes);
        self.heads(&head, request, exchange)
    }

    /// Reads heads, including interim ones, and the bytes after the last head.
    fn heads<R: Record>(
        &mut self,
        mut bytes: &[u8],
        request: &RequestSide,
        exchange: &mut Exchange<R>,
    ) -> Result<(), Ending> {
        loop {
            let mut room = ROOM;
            let read = ResponseHead::read(bytes, &mut room, self.info.is_head);
            let read = match read {
                Err(_) if self.info.is_verbatim => return Err(malformed(bytes, exchange)),
                read => read.map_err(Ending::Unusable)?,
            };
            let Some(head) = read else {
                self.answer.head.extend_from_slice(bytes);
                return Ok(());
            };
            let (own, after) = bytes.split_at_checked(head.length).unwrap_or((bytes, b""));
            if self.info.is_verbatim {
                self.outbox.room().extend_from_slice(own);
            }
            match (head.status.as_u16(), self.info.is_verbatim) {
                (101, true) => {
                    if !self.info.tunnel {
                        exchange.note_disorder(Disorder::Switched, true);
                    }
                    return Err(tunnel(&head, after, exchange));
                }
                (101, false) => return self.switched(&head, after, exchange),
                (100..200, true) => {}
                (status @ 100..200, false) => self.interim(status, &head),
                (_, true) => return self.verbatim(head, after, exchange),
                (_, false) => return self.head(head, after, request, exchange),
            }
            bytes = after;
            if bytes.is_empty() {
                return Ok(());
            }
        }
    }

    /// Forwards an interim answer if the client waits for it, or at least understands it.
    fn interim(&mut self, status: u16, head: &ResponseHead<'_, '_>) {
        let is_body_wanted = status == 100;
        self.answer.is_body_wanted |= is_body_wanted;
        if if is_body_wanted { self.info.expects } else { !self.info.is_old } {
            head.write(Form::INTERIM, self.outbox.room());
        }
    }

    /// Forwards an answer unchanged. The connection stays open if the engine keeps it open and the
    /// client did not ask to close it (RFC 9112 section 9.6).
    fn verbatim<R: Record>(
        &mut self,
        head: ResponseHead<'_, '_>,
        after: &[u8],
        exchange: &mut Exchange<R>,
    ) -> Result<(), Ending> {
        if is_raw(&head) {
            return Err(tunnel(&head, after, exchange));
        }
        exchange.outcome.status = Some(head.status.as_u16());
        exchange.outcome.upstream = Upstream::Answered;
        exchange.outcome.unrouted = is_unrouted(&head);
        self.answer.keeps = head.keeps;
        self.answer.closes = !head.keeps || self.info.closes || self.control.finishes();
        self.begin_body(head.body, Coding::AsItCame, after, exchange)
    }

    fn switched<R: Record>(
        &mut self,
        head: &ResponseHead<'_, '_>,
        after: &[u8],
        exchange: &mut Exchange<R>,
    ) -> Result<(), Ending> {
        if !self.info.upgrade {
            return Err(Ending::Unusable(BadResponse::Switched));
        }
        head.write(Form::Switched, self.outbox.room());
        Err(tunnel(head, after, exchange))
    }

    /// Forwards an answer in dsp's own form.
    fn head<R: Record>(
        &mut self,
        head: ResponseHead<'_, '_>,
        after: &[u8],
        request: &RequestSide,
        exchange: &mut Exchange<R>,
    ) -> Result<(), Ending> {
        let info = self.info;
        exchange.outcome.unrouted = is_unrouted(&head);
        if info.tunnel && !info.upgrade && is_raw(&head) {
            head.write(Form::Raw, self.outbox.room());
            return Err(tunnel(&head, after, exchange));
        }
        exchange.outcome.status = Some(head.status.as_u16());
        exchange.outcome.upstream = Upstream::Answered;
        // The client waits for a 100 that never came. What it sends next could be the body or another
        // request (RFC 9110 section 10.1.1).
        let is_unwanted = info.expects
            && !self.answer.is_body_wanted
            && !request.has_begun()
            && !request.is_whole();
        let filter = match info.hide {
            None => None,
            Some(hide) => filter_of(hide, &head).map_err(Ending::Unusable)?,
        };
        // Nobody can say how long it would be without what is hidden.
        let is_changed = filter.is_some()
            || info.hide.is_some() && (info.is_head || matches!(head.status.as_u16(), 204 | 304));
        let closes = info.closes
            || is_unwanted
            || self.control.finishes()
            || (info.is_old && (is_changed || !matches!(head.body, Body::Length(_))))
            || (!head.keeps && !request.is_whole());
        let coding = match (info.is_old, &head.body) {
            (true, _) if filter.is_some() => Coding::Plain,
            (false, _) if filter.is_some() => Coding::Chunks,
            (true, Body::Chunked(_)) => Coding::Plain,
            (false, Body::UntilEnd) => Coding::Chunks,
            _ => Coding::AsItCame,
        };
        let is_chunked = match head.body {
            Body::Chunked(_) => coding != Coding::Plain,
            Body::Length(_) | Body::UntilEnd => coding == Coding::Chunks,
        };
        let connection = match (closes, info.is_old) {
            (true, false) => Some("close"),
            (false, true) => Some("keep-alive"),
            (true, true) | (false, false) => None,
        };
        let form = Form::Answer { is_old: info.is_old, is_chunked, connection, is_changed };
        let before = self.outbox.room().len();
        head.write(form, self.outbox.room());
        self.answer.keeps = head.keeps;
        self.answer.closes = closes;
        self.answer.filter = filter;
        let begun = self.begin_body(head.body, coding, after, exchange);
        begun.map_err(|ending| self.unless_unread(ending, before))
    }

    /// Starts the body of an answer whose head has been written.
    fn begin_body<R: Record>(
        &mut self,
        body: Body,
        coding: Coding,
        bytes: &[u8],
        exchange: &mut Exchange<R>,
    ) -> Result<(), Ending> {
        let is_empty = matches!(body, Body::Length(0));
        self.answer.coding = coding;
        self.answer.body = Some(body);
        if (is_empty || !bytes.is_empty())
            && let Some(body) = self.body(bytes, exchange)?
        {
            self.outbox.room().extend_from_slice(body);
        }
        Ok(())
    }

    /// Handles bytes of the answer's body. Returns the bytes to send if the body is forwarded as it
    /// came; otherwise writes the encoded body to the outbox.
    fn body<'b, R: Record>(
        &mut self,
        bytes: &'b [u8],
        exchange: &mut Exchange<R>,
    ) -> Result<Option<&'b [u8]>, Ending> {
        if self.answer.filter.is_some() {
            return self.hidden_body(bytes, exchange).map(|()| None);
        }
        let coding = self.answer.coding;
        let out = self.outbox.room();
        let (length, is_last) = match &mut self.answer.body {
            Some(Body::Length(left)) => {
                let length =
                    usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= u64::try_from(length).unwrap_or(*left);
                exchange.keep(bytes.get(..length).unwrap_or_default());
                (length, *left == 0)
            }
            Some(Body::Chunked(framing)) => {
                let read = framing.read_body(bytes, |piece| match piece {
                    Piece::Data(data) => {
                        exchange.keep(data);
                        if coding == Coding::Plain {
                            out.extend_from_slice(data);
                        }
                    }
                    Piece::Trailers(_) => {}
                });
                match read {
                    Ok(Progress::Ended(length)) => (length, true),
                    Ok(Progress::Head(_) | Progress::More) => (bytes.len(), false),
                    Err(_) if self.info.is_verbatim => return Err(malformed(bytes, exchange)),
                    Err(_) => return Err(Ending::Broken),
                }
            }
            Some(Body::UntilEnd) => {
                exchange.keep(bytes);
                (bytes.len(), bytes.is_empty())
            }
            None => (0, false),
        };
        if bytes.is_empty() && !is_last {
            return Err(Ending::Broken);
        }
        if is_last {
            exchange.show();
        }
        self.answer.is_whole = is_last;
        let (body, excess) = bytes.split_at_checked(length).unwrap_or((bytes, b""));
        // Bytes after an answer do not belong to any request.
        self.answer.keeps &= excess.is_empty();
        if self.info.is_verbatim {
            self.answer.excess.extend_from_slice(excess);
        }
        exchange.outcome.sent += count(body);
        if coding == Coding::Chunks {
            write_chunk(body, out);
            if is_last {
                write_last_chunk(b"", b"", out);
            }
        }
        Ok((coding == Coding::AsItCame).then_some(body))
    }
}

/// Forwards a malformed answer, and everything after it, unchanged.
fn malformed<R: Record>(bytes: &[u8], exchange: &mut Exchange<R>) -> Ending {
    exchange.note_disorder(Disorder::Answer, true);
    Ending::Tunnel(bytes.to_vec())
}

/// Reports that the connection no longer speaks HTTP.
fn tunnel<R: Record>(
    head: &ResponseHead<'_, '_>,
    after: &[u8],
    exchange: &mut Exchange<R>,
) -> Ending {
    exchange.outcome.status = Some(head.status.as_u16());
    exchange.outcome.upstream = Upstream::Answered;
    exchange.outcome.upgraded = true;
    Ending::Tunnel(after.to_vec())
}
