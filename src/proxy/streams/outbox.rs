//! Buffers bytes that are to be sent to one side of a connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::scratch::{append, trim};

/// Bytes that one side has not accepted yet.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    /// Whether all bytes have been sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.sent >= self.bytes.len()
    }

    /// Whether no byte has been sent.
    pub(crate) fn is_untouched(&self) -> bool {
        self.sent == 0
    }

    /// The memory it uses, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// The bytes that have not been sent.
    pub(crate) fn unsent(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    /// Marks all bytes to be sent again.
    pub(crate) fn rewind(&mut self) {
        self.sent = 0;
    }

    /// Discards all bytes, and frees more capacity than most messages need.
    pub(crate) fn clear(&mut self) {
        self.sent = 0;
        trim(&mut self.bytes);
    }

    /// The buffer to append a message to. Bytes that have all been sent are discarded first.
    pub(crate) fn room(&mut self) -> &mut Vec<u8> {
        if self.is_empty() {
            self.clear();
        }
        &mut self.bytes
    }

    /// Writes until all bytes have been sent.
    pub(crate) fn poll_flush(
        &mut self,
        target: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.bytes.get(self.sent..) {
            self.sent += ready!(poll_send(target, context, rest))?;
        }
        // TLS may not have sent what it accepted.
        Pin::new(target).poll_flush(context)
    }

    /// Writes bytes at once, and keeps those that the target does not accept.
    pub(crate) fn send(
        &mut self,
        target: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> io::Result<()> {
        let mut at = 0;
        while self.is_empty() {
            match bytes.get(at..) {
                Some(rest @ [_, ..]) => match poll_send(target, context, rest) {
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

/// Writes at least one of the bytes.
fn poll_send(
    target: &mut (impl AsyncWrite + Unpin),
    context: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    match Pin::new(target).poll_write(context, bytes) {
        Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        written => written,
    }
}
