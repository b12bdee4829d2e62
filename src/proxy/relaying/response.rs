//! Reads the engine's answer as it arrives, and decides what to send to the client and in which form.

use std::io;
use std::task::Context;

use super::engine_response::{is_raw, is_unrouted};
use super::exchange::{Finish, count};
use super::sending::{Asks, Sending};
use crate::http1::{
    BadResponse, Body, Disorder, Form, Piece, Progress, ROOM, ResponseHead, write_chunk,
    write_last_chunk,
};
use crate::proxy::load::control::Control;
use crate::proxy::record::Record;
use crate::proxy::streams::outbox::Outbox;
use crate::proxy::streams::stream::Stream;

/// The state of the answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// An incomplete head.
    head: Vec<u8>,
    pub(crate) body: Option<Body>,
    coding: Coding,
    pub(crate) is_whole: bool,
    /// The engine asked for the body.
    is_asked_for: bool,
    /// No byte of it has arrived.
    pub(crate) is_silent: bool,
    /// The client's connection ends after it.
    pub(crate) closes: bool,
    /// The engine's connection can be used again.
    pub(crate) keeps: bool,
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
            is_whole: false,
            is_asked_for: false,
            is_silent: true,
            closes: false,
            keeps: true,
        }
    }
}

/// How a transfer ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The client has its answer.
    Answered {
        /// Whether the client's connection ends with it.
        closes: bool,
        /// Whether the engine's connection can be used again.
        keeps: bool,
    },
    /// The connection no longer speaks HTTP. Contains the bytes the engine sent after its answer.
    Tunnel(Vec<u8>),
    /// The engine sent nothing.
    Unanswered(io::Error),
    /// The answer cannot be used. The client has received none of it, so it can be told why.
    Unusable(BadResponse),
    /// The client stopped sending the body that it announced.
    Stalled,
    /// One side closed the connection early or sent malformed data.
    Broken,
}

/// Everything needed to forward the next bytes of an answer.
pub(crate) struct Reading<'a, R: Record> {
    pub(crate) control: &'a Control,
    pub(crate) client: &'a mut Stream,
    pub(crate) to_client: &'a mut Outbox,
    pub(crate) finish: &'a mut Finish<R>,
    pub(crate) asks: Asks,
    pub(crate) request: &'a Sending<'a>,
    pub(crate) answer: &'a mut Answer,
}

impl<R: Record> Reading<'_, R> {
    /// Handles the next bytes from the engine. An empty slice marks the end of the stream.
    pub(crate) fn take(&mut self, bytes: &[u8], context: &mut Context<'_>) -> Result<(), Ending> {
        self.answer.is_silent &= bytes.is_empty();
        if self.answer.body.is_some() {
            let Some(body) = self.body(bytes)? else { return Ok(()) };
            return self.to_client.send(self.client, context, body).map_err(|_| Ending::Broken);
        }
        if bytes.is_empty() {
            let error = io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection");
            return Err(Ending::Unanswered(error));
        }
        if self.answer.head.is_empty() {
            return self.heads(bytes);
        }
        let mut head = std::mem::take(&mut self.answer.head);
        head.extend_from_slice(bytes);
        self.heads(&head)
    }

    /// Reads heads, including interim ones, and the bytes after the last head.
    fn heads(&mut self, mut bytes: &[u8]) -> Result<(), Ending> {
        loop {
            let mut room = ROOM;
            let read = ResponseHead::read(bytes, &mut room, self.asks.is_head);
            let read = match read {
                Err(_) if self.asks.is_verbatim => return Err(self.unread(bytes)),
                read => read.map_err(Ending::Unusable)?,
            };
            let Some(head) = read else {
                self.answer.head.extend_from_slice(bytes);
                return Ok(());
            };
            let (own, behind) = bytes.split_at_checked(head.length).unwrap_or((bytes, b""));
            if self.asks.is_verbatim {
                self.to_client.room().extend_from_slice(own);
                match head.status.as_u16() {
                    101 => {
                        if !self.asks.tunnel {
                            self.finish.breaks(Disorder::Switched, true);
                        }
                        return Err(self.tunnel(&head, behind));
                    }
                    100..200 => {}
                    _ => return self.verbatim(head, behind),
                }
                bytes = behind;
                if bytes.is_empty() {
                    return Ok(());
                }
                continue;
            }
            match head.status.as_u16() {
                101 => return self.switched(&head, behind),
                100 => {
                    self.answer.is_asked_for = true;
                    if self.asks.expects {
                        head.write(Form::INTERIM, self.to_client.room());
                    }
                }
                status if status < 200 => {
                    if !self.asks.is_old {
                        head.write(Form::INTERIM, self.to_client.room());
                    }
                }
                _ => return self.head(head, behind),
            }
            bytes = behind;
            if bytes.is_empty() {
                return Ok(());
            }
        }
    }

    /// Forwards a malformed answer, and everything after it, unchanged.
    fn unread(&mut self, bytes: &[u8]) -> Ending {
        self.finish.breaks(Disorder::Answer, true);
        Ending::Tunnel(bytes.to_vec())
    }

    /// Reports that the connection no longer speaks HTTP.
    fn tunnel(&mut self, head: &ResponseHead<'_, '_>, behind: &[u8]) -> Ending {
        self.finish.status = Some(head.status.as_u16());
        self.finish.upgraded = true;
        Ending::Tunnel(behind.to_vec())
    }

    /// Forwards an answer unchanged. The connection stays open if the engine keeps it open and the
    /// client did not ask to close it (RFC 9112 section 9.6).
    fn verbatim(&mut self, head: ResponseHead<'_, '_>, behind: &[u8]) -> Result<(), Ending> {
        if is_raw(&head) {
            return Err(self.tunnel(&head, behind));
        }
        self.finish.status = Some(head.status.as_u16());
        self.finish.unrouted = is_unrouted(&head);
        self.answer.keeps = head.keeps;
        self.answer.closes = !head.keeps || self.asks.closes || self.control.finishes();
        self.begin(head.body, Coding::AsItCame, behind)
    }

    fn switched(&mut self, head: &ResponseHead<'_, '_>, behind: &[u8]) -> Result<(), Ending> {
        if !self.asks.upgrade {
            return Err(Ending::Unusable(BadResponse::Switched));
        }
        self.finish.status = Some(head.status.as_u16());
        self.finish.upgraded = true;
        head.write(Form::Switched, self.to_client.room());
        Err(Ending::Tunnel(behind.to_vec()))
    }

    fn head(&mut self, head: ResponseHead<'_, '_>, behind: &[u8]) -> Result<(), Ending> {
        self.finish.status = Some(head.status.as_u16());
        self.finish.unrouted = is_unrouted(&head);
        if self.asks.tunnel && !self.asks.upgrade && is_raw(&head) {
            self.finish.upgraded = true;
            head.write(Form::Raw, self.to_client.room());
            return Err(Ending::Tunnel(behind.to_vec()));
        }
        // The client waits for a 100 that never came. What it sends next could be the body or another
        // request (RFC 9110 section 10.1.1).
        let is_unwanted = self.asks.expects
            && !self.answer.is_asked_for
            && !self.request.has_begun
            && !self.request.is_whole;
        let closes = self.asks.closes
            || is_unwanted
            || self.control.finishes()
            || (self.asks.is_old && !matches!(head.body, Body::Length(_)))
            || (!head.keeps && !self.request.is_whole);
        let coding = match (self.asks.is_old, &head.body) {
            (true, Body::Chunked(_)) => Coding::Plain,
            (false, Body::UntilEnd) => Coding::Chunks,
            _ => Coding::AsItCame,
        };
        let is_chunked = match head.body {
            Body::Chunked(_) => coding == Coding::AsItCame,
            Body::Length(_) | Body::UntilEnd => coding == Coding::Chunks,
        };
        let connection = match (closes, self.asks.is_old) {
            (true, false) => Some("close"),
            (false, true) => Some("keep-alive"),
            (true, true) | (false, false) => None,
        };
        head.write(
            Form::Answer { is_old: self.asks.is_old, is_chunked, connection },
            self.to_client.room(),
        );
        self.answer.keeps = head.keeps;
        self.answer.closes = closes;
        self.begin(head.body, coding, behind)
    }

    /// Starts the body of an answer whose head has been written.
    fn begin(&mut self, body: Body, coding: Coding, behind: &[u8]) -> Result<(), Ending> {
        self.answer.coding = coding;
        self.answer.body = Some(body);
        if (self.answer.has_ended() || !behind.is_empty())
            && let Some(body) = self.body(behind)?
        {
            self.to_client.room().extend_from_slice(body);
        }
        Ok(())
    }

    /// Handles bytes of the answer's body. Returns the bytes to send if the body is forwarded as it
    /// came; otherwise writes the encoded body to the outbox.
    fn body<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<&'b [u8]>, Ending> {
        let coding = self.answer.coding;
        let out = self.to_client.room();
        let finish = &mut *self.finish;
        let (length, is_last) = match &mut self.answer.body {
            Some(Body::Length(left)) => {
                let length =
                    usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= u64::try_from(length).unwrap_or(*left);
                finish.keep(bytes.get(..length).unwrap_or_default());
                (length, *left == 0)
            }
            Some(Body::Chunked(framing)) => {
                let read = framing.read_body(bytes, |piece| match piece {
                    Piece::Data(data) => {
                        finish.keep(data);
                        if coding == Coding::Plain {
                            out.extend_from_slice(data);
                        }
                    }
                    Piece::Trailers(_) => {}
                });
                match read {
                    Ok(Progress::Ended(length)) => (length, true),
                    Ok(Progress::Head(_) | Progress::More) => (bytes.len(), false),
                    Err(_) if self.asks.is_verbatim => {
                        finish.breaks(Disorder::Answer, true);
                        return Err(Ending::Tunnel(bytes.to_vec()));
                    }
                    Err(_) => return Err(Ending::Broken),
                }
            }
            Some(Body::UntilEnd) => {
                finish.keep(bytes);
                (bytes.len(), bytes.is_empty())
            }
            None => (0, false),
        };
        if bytes.is_empty() && !is_last {
            return Err(Ending::Broken);
        }
        if is_last {
            finish.show();
        }
        self.answer.is_whole = is_last;
        // Bytes after an answer do not belong to any request.
        self.answer.keeps &= length == bytes.len();
        let body = bytes.get(..length).unwrap_or_default();
        self.finish.sent += count(body);
        if coding == Coding::Chunks {
            write_chunk(body, out);
            if is_last {
                write_last_chunk(b"", b"", out);
            }
        }
        Ok((coding == Coding::AsItCame).then_some(body))
    }
}

impl Answer {
    /// Whether the answer has no body.
    fn has_ended(&self) -> bool {
        matches!(self.body, Some(Body::Length(0)))
    }
}
