//! What a client sends, looked at before hyper sees it.
//!
//! hyper takes heads that others read otherwise: lines that end in LF alone, a length beside an
//! encoding, a repeated length. So each head is held until it has all come and is in order, and
//! only then handed on, one request at a time: what follows a request is kept until that has been
//! answered, for it may be the input of a tunnel. A gate that refuses flawed heads gets a request in
//! their place, which it can only refuse; a gate that watches gets them as they are.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use super::link::{Flawed, Link};
use crate::api::{Flaw, Framing, LONGEST_HEAD, Progress};

/// What hyper gets instead of a flawed head. It ends the connection, because nobody knows where the
/// next request begins.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nHost: dsp\r\nConnection: close\r\n\r\n";

/// How many bytes behind a request are kept until it has been answered.
const MOST_HELD: usize = LONGEST_HEAD;

/// The longest method or target in bytes that is told of a flawed head.
const LONGEST_WORD: usize = 1024;

/// A client's bytes on their way to hyper.
#[derive(Debug)]
pub(super) struct Intake {
    link: Arc<Link>,
    is_strict: bool,
    framing: Framing,
    stage: Stage,
    /// Bytes that may not be handed on yet.
    held: BytesMut,
    /// Bytes for hyper.
    ready: Bytes,
    /// Heads that were handed on.
    begun: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Everything was in order so far.
    Reading,
    /// A flaw was found, and everything is handed on as it is.
    Unread,
    /// A flaw was found, and nothing is handed on any more.
    Refused,
}

impl Intake {
    /// For a gate that refuses flawed heads, or one that does not.
    pub(super) fn new(link: Arc<Link>, is_strict: bool) -> Self {
        Self {
            link,
            is_strict,
            framing: Framing::default(),
            stage: Stage::Reading,
            held: BytesMut::new(),
            ready: Bytes::new(),
            begun: 0,
        }
    }

    /// Takes bytes in that have just come, and returns how many of them may be handed on at once;
    /// the rest is kept. Only when nothing is kept from before.
    ///
    /// # Errors
    /// A body that is not in order, so that nobody knows where it ends.
    pub(super) fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.look(bytes)?;
        self.held.extend_from_slice(bytes.get(count..).unwrap_or_default());
        Ok(count)
    }

    /// Takes bytes in behind those that are kept.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Bytes for hyper: what is left of those before, or what has become ready.
    ///
    /// # Errors
    /// As [`Intake::take`].
    pub(super) fn ready(&mut self) -> io::Result<&mut Bytes> {
        if !self.ready.has_remaining() && !self.held.is_empty() {
            let mut held = std::mem::take(&mut self.held);
            let count = self.look(&held)?;
            let mut handed = held.split_to(count);
            // What stands in for a flawed head comes behind what was in order.
            handed.extend_from_slice(&self.ready);
            self.ready = handed.freeze();
            self.held = held;
        }
        Ok(&mut self.ready)
    }

    /// Whether nothing is kept, so that what comes may go its way without a stop here.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether no more bytes can be taken in for now.
    pub(super) fn is_full(&self) -> bool {
        self.stage == Stage::Refused || self.held.len() > MOST_HELD
    }

    /// Whether the head of a request has begun to come and is not whole.
    pub(super) fn is_in_head(&self) -> bool {
        self.stage == Stage::Reading && self.framing.is_head() && !self.framing.is_between()
    }

    /// Whether the client was refused in the middle of what it sends.
    pub(super) fn is_refused(&self) -> bool {
        self.stage == Stage::Refused
    }

    /// Gives up on a head that takes too long.
    pub(super) fn refuse_slow_head(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.refuse(&held, Flaw::TooSlow);
    }

    /// What was kept: the first bytes of a tunnel, when the connection has become one.
    pub(super) fn into_held(self) -> Bytes {
        let mut all = BytesMut::from(self.ready);
        all.extend_from_slice(&self.held);
        all.freeze()
    }

    /// How many of the bytes may be handed on.
    fn look(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut count = 0;
        while self.stage == Stage::Reading {
            let rest = bytes.get(count..).unwrap_or_default();
            let is_early = self.framing.is_between() && self.link.answered() < self.begun;
            if rest.is_empty() || is_early {
                return Ok(count);
            }
            let is_head = self.framing.is_head();
            match self.framing.advance(rest) {
                Ok(Progress::Ended(length) | Progress::Head(length)) => {
                    count += length;
                    self.begun += u64::from(is_head);
                }
                Ok(Progress::More) if self.framing.is_head() => return Ok(count),
                Ok(Progress::More) => return Ok(bytes.len()),
                Err(flaw) if is_head => {
                    if self.is_strict {
                        self.refuse(rest, flaw);
                        return Ok(count);
                    }
                    self.stage = Stage::Unread;
                    self.link.set_flawed(flawed(rest, flaw));
                }
                Err(flaw) if self.is_strict => {
                    self.stage = Stage::Refused;
                    return Err(io::Error::new(io::ErrorKind::InvalidData, flaw));
                }
                Err(_) => self.stage = Stage::Unread,
            }
        }
        Ok(if self.stage == Stage::Unread { bytes.len() } else { count })
    }

    fn refuse(&mut self, head: &[u8], flaw: Flaw) {
        self.stage = Stage::Refused;
        self.link.set_flawed(flawed(head, flaw));
        self.ready = Bytes::from_static(STAND_IN);
    }
}

/// What can be told of a flawed head: the words that stand where method and target should.
fn flawed(head: &[u8], flaw: Flaw) -> Flawed {
    let line = head.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
    let mut words = line
        .split(|byte| *byte == b' ')
        .map(|word| String::from_utf8_lossy(word.get(..LONGEST_WORD).unwrap_or(word)).into_owned());
    let method = words.next().unwrap_or_default();
    Flawed { flaw, method, target: words.next().unwrap_or_default() }
}
