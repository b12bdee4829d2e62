//! The buffer into which all connections of a thread read.
//!
//! A connection keeps only what it could not pass on at once, so that one that waits holds nothing.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::budget;
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
    stream: &mut (impl AsyncRead + Unpin),
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
