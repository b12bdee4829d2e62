//! The bytes that a client sends: the heads of its requests, and their bodies where they are read before
//! any of them is forwarded.
//!
//! A head is kept until it is complete and valid. Requests are handled one at a time: bytes after a
//! request are kept until it has been answered, because they may be the input of a tunnel.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use crate::http1::{Flaw, Framing, LONGEST_HEAD, Piece, Progress, RequestHead};
use crate::policy::{Body, Missing};
use crate::proxy::streams::scratch::{append, poll_read, shrink, trim};
use crate::proxy::streams::timer::Timer;
use crate::wire::Stream;

/// The maximum number of bytes kept after a request until it has been answered.
const MOST_HELD: usize = LONGEST_HEAD;

/// Bytes from a client that have not been forwarded.
#[derive(Debug)]
pub(crate) struct RequestReader {
    framing: Framing,
    bytes: Vec<u8>,
    has_ended: bool,
}

/// The result of looking for a head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arrived {
    /// The head is complete. Contains its length in bytes.
    Head(usize),
    /// The head is malformed.
    Flawed(Flaw),
}

/// The part of a body that was read before the request is forwarded.
#[derive(Debug)]
pub(crate) enum EarlyBody {
    /// Nothing, because the gate did not ask for it.
    NotAsked,
    /// Nothing that can be shown to the gate.
    Missing(Missing),
    /// All of it.
    Whole(WholeBody),
}

impl EarlyBody {
    /// The body as the gate sees it.
    pub(crate) fn body(&self) -> Body<'_> {
        match self {
            Self::NotAsked => Body::Unread,
            Self::Missing(why) => Body::Missing(*why),
            Self::Whole(whole) => Body::Whole(&whole.body),
        }
    }
}

/// A complete body. Its original bytes are kept as well.
#[derive(Debug)]
pub(crate) struct WholeBody {
    pub(crate) body: Vec<u8>,
    /// Its length on the wire, in bytes.
    pub(crate) length: usize,
    /// Whether it uses a chunk format that is only accepted when watching.
    pub(crate) is_odd: bool,
}

impl RequestReader {
    /// Creates a reader. If `is_strict` is false, the client is only watched, and malformed heads are
    /// accepted.
    pub(crate) fn new(is_strict: bool) -> Self {
        let framing = if is_strict { Framing::default() } else { Framing::watching() };
        Self { framing, bytes: Vec::new(), has_ended: false }
    }

    /// Returns the head of the next request if it has arrived.
    pub(crate) fn find_head(&mut self) -> Option<Arrived> {
        if self.bytes.is_empty() {
            return None;
        }
        match self.framing.find_head(&self.bytes) {
            Ok(found) => found.map(Arrived::Head),
            Err(flaw) => Some(Arrived::Flawed(flaw)),
        }
    }

    /// Parses a head that was taken out.
    ///
    /// # Errors
    /// The head is malformed.
    pub(crate) fn read_head<'a>(&mut self, head: &'a [u8]) -> Result<RequestHead<'a>, Flaw> {
        self.framing.read_head(head)
    }

    /// Appends bytes from the client. An empty slice marks the end of the stream.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.has_ended |= bytes.is_empty();
        append(&mut self.bytes, bytes);
    }

    /// The memory it uses, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Keeps the bytes after the first `length` bytes.
    pub(crate) fn push_after(&mut self, bytes: &[u8], length: usize) {
        self.bytes.extend_from_slice(bytes.get(length..).unwrap_or_default());
    }

    /// Returns how many of the next bytes belong to the current body, and whether the body ends there.
    ///
    /// # Errors
    /// The body is malformed.
    pub(crate) fn body(
        &mut self,
        bytes: &[u8],
        show: impl FnMut(Piece<'_>),
    ) -> Result<(usize, bool), Flaw> {
        match self.framing.read_body(bytes, show)? {
            Progress::Ended(length) => Ok((length, true)),
            Progress::Head(_) | Progress::More => Ok((bytes.len(), false)),
        }
    }

    /// Whether the last body used a chunk format that is only accepted when watching.
    pub(crate) fn has_odd_chunks(&self) -> bool {
        self.framing.has_odd_chunks()
    }

    /// Moves the first `length` kept bytes to `into`.
    pub(crate) fn take(&mut self, length: usize, into: &mut Vec<u8>) {
        into.extend_from_slice(self.bytes.get(..length).unwrap_or_default());
        if length < self.bytes.len() {
            self.bytes.drain(..length);
            shrink(&mut self.bytes);
        } else {
            trim(&mut self.bytes);
        }
    }

    /// The kept bytes.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes out all kept bytes.
    pub(crate) fn take_all(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Discards a complete body of this length.
    pub(crate) fn skip_body(&mut self, length: usize) {
        self.framing.restart();
        self.bytes.drain(..length.min(self.bytes.len()));
    }

    /// Whether no byte has arrived since the end of the last request.
    pub(crate) fn is_between(&self) -> bool {
        self.bytes.is_empty() && self.framing.is_between()
    }

    /// Whether the current body is chunked.
    pub(crate) fn is_chunked(&self) -> bool {
        self.framing.is_chunked()
    }

    /// Whether no more bytes can be kept at the moment.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() > MOST_HELD
    }

    /// Whether the client has closed its sending side.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Waits for a complete body of at most `most` bytes on the wire. The bytes are also kept, so that
    /// they can be forwarded as they came, whatever is found here. `patience`, if there is any, limits the
    /// time in which nothing arrives. Before each read, `waits` gets the number of bytes received and the
    /// number of bytes in memory, and returns whether to continue.
    pub(crate) async fn read_ahead(
        &mut self,
        client: &mut Stream,
        most: usize,
        (timer, patience): (&mut Timer, Option<Duration>),
        mut waits: impl FnMut(usize, usize) -> bool,
    ) -> Result<WholeBody, Missing> {
        let mut framing = self.framing.clone();
        let (mut body, mut seen) = (Vec::new(), 0);
        loop {
            let fresh = self.bytes.get(seen..).unwrap_or_default();
            if !fresh.is_empty() {
                let progress = framing.read_body(fresh, |piece| match piece {
                    Piece::Data(data) => body.extend_from_slice(data),
                    Piece::Trailers(_) => {}
                });
                let is_whole = match progress.map_err(|_| Missing::Malformed)? {
                    Progress::Ended(length) => {
                        seen += length;
                        true
                    }
                    Progress::Head(_) | Progress::More => {
                        seen += fresh.len();
                        false
                    }
                };
                if seen > most {
                    return Err(Missing::TooLong);
                }
                if is_whole {
                    let is_odd = framing.has_odd_chunks();
                    return Ok(WholeBody { body, length: seen, is_odd });
                }
            }
            if self.has_ended {
                return Err(Missing::CutOff);
            }
            if !waits(seen, self.held() + body.capacity()) {
                return Err(Missing::NoMemory);
            }
            timer.stop();
            poll_fn(|context| match poll_read(client, context, |bytes, _| self.push(bytes)) {
                Poll::Ready(read) => Poll::Ready(read.map_err(|_| Missing::CutOff)),
                Poll::Pending => match patience {
                    Some(limit) => timer.poll(context, limit).map(|()| Err(Missing::TooSlow)),
                    None => Poll::Pending,
                },
            })
            .await?;
        }
    }
}
