//! The buffer into which all connections of a thread read.
//!
//! A connection keeps only what it could not pass on at once, so that one that waits holds nothing.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::budget;
use super::stream::Stream;
use super::turns;

/// Its size in bytes. Measured on unix sockets, 64 KiB carry 2.6 times what 8 KiB do, and 256 KiB
/// no more.
const SIZE: usize = 64 << 10;

/// How much of it is used while memory is short.
const SMALL: usize = 4 << 10;

/// The largest room in bytes that a buffer keeps while it is empty.
const MOST_KEPT: usize = 2 << 10;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Reads once and shows what has come: nothing at the end of the stream. A connection that has done its
/// share reads when it is its turn again.
pub(super) fn poll_read<T>(
    stream: &mut Stream,
    context: &mut Context<'_>,
    take: impl FnOnce(&[u8], &mut Context<'_>) -> T,
) -> Poll<io::Result<T>> {
    ready!(turns::poll_left(context));
    let mut room = SCRATCH.take();
    if room.is_empty() {
        // Memory that is made of zeros is not touched before something is read into it.
        room = vec![0; SIZE];
    }
    let size = if budget::is_tight() { SMALL } else { SIZE };
    let mut buffer = ReadBuf::new(room.get_mut(..size).unwrap_or_default());
    let result = match Pin::new(stream).poll_read(context, &mut buffer) {
        Poll::Ready(Ok(())) => {
            turns::count(buffer.filled().len());
            Poll::Ready(Ok(take(buffer.filled(), context)))
        }
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        Poll::Pending => Poll::Pending,
    };
    SCRATCH.set(room);
    result
}

/// Bytes that one side has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    /// Whether everything has been taken.
    pub(super) fn is_empty(&self) -> bool {
        self.sent >= self.bytes.len()
    }

    /// Whether nothing has been taken.
    pub(super) fn is_untouched(&self) -> bool {
        self.sent == 0
    }

    /// How many bytes of memory it takes.
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// What has not been taken.
    pub(super) fn unsent(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    /// Has everything sent again.
    pub(super) fn rewind(&mut self) {
        self.sent = 0;
    }

    /// Forgets everything, and room that is more than most messages need.
    pub(super) fn clear(&mut self) {
        self.sent = 0;
        trim(&mut self.bytes);
    }

    /// Room for a message; only what is behind [`Outbox::is_empty`] can be written over.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        if self.is_empty() {
            self.clear();
        }
        &mut self.bytes
    }

    /// Writes until everything has been taken.
    pub(super) fn poll_flush(
        &mut self,
        target: &mut Stream,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.bytes.get(self.sent..) {
            self.sent += ready!(target.poll_send(context, rest))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes bytes at once, and keeps what the target does not take.
    pub(super) fn send(
        &mut self,
        target: &mut Stream,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> io::Result<()> {
        let mut at = 0;
        while self.is_empty() {
            match bytes.get(at..) {
                Some(rest @ [_, ..]) => match target.poll_send(context, rest) {
                    Poll::Ready(count) => at += count?,
                    Poll::Pending => break,
                },
                _ => return Ok(()),
            }
        }
        append(self.room(), bytes.get(at..).unwrap_or_default());
        Ok(())
    }
}

/// Room that can be given back.
pub(super) trait Trim: Default {
    /// Forgets what is in it.
    fn empty(&mut self);
    /// The room in bytes.
    fn room(&self) -> usize;
}

impl Trim for Vec<u8> {
    fn empty(&mut self) {
        self.clear();
    }

    fn room(&self) -> usize {
        self.capacity()
    }
}

impl Trim for String {
    fn empty(&mut self) {
        self.clear();
    }

    fn room(&self) -> usize {
        self.capacity()
    }
}

/// Empties a buffer, and gives back room that is more than most messages need.
pub(super) fn trim(buffer: &mut impl Trim) {
    buffer.empty();
    if buffer.room() > MOST_KEPT {
        *buffer = Default::default();
    }
}

/// Appends to a buffer. A large part gets the room that it needs and no more, where the usual growth
/// would take up to twice as much.
pub(super) fn append(to: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > MOST_KEPT {
        to.reserve_exact(bytes.len());
    }
    to.extend_from_slice(bytes);
}

/// Gives back room of a buffer that holds little of what it could.
pub(super) fn shrink(bytes: &mut Vec<u8>) {
    if bytes.capacity() > MOST_KEPT && bytes.len() < bytes.capacity() / 4 {
        bytes.shrink_to_fit();
    }
}
