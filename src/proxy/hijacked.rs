//! The engine's side of a connection that it has taken over.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ends::EngineStream;
use super::hang_up::HangUp;
use super::stream::Stream;

/// How the engine took a connection over.
pub(super) enum Hijacked {
    /// With a 101.
    Switched(OnUpgrade),
    /// With a 200, the older form for clients that ask for no upgrade. For HTTP the output is a body
    /// that ends with the connection; the input has to go round HTTP.
    Old { output: Incoming, input: Stream },
}

impl Hijacked {
    /// The raw connection, and what has been read from it already.
    pub(super) async fn raw(self) -> io::Result<(Raw, Bytes)> {
        match self {
            Self::Switched(engine) => {
                let parts = engine
                    .await
                    .map_err(io::Error::other)?
                    .downcast::<TokioIo<EngineStream>>()
                    .map_err(|_| io::Error::other("an upgraded connection of another kind"))?;
                Ok((Raw::Stream(parts.io.into_inner().into_inner()), parts.read_buf))
            }
            Self::Old { output, input } => {
                Ok((Raw::Old { output, unread: Bytes::new(), input }, Bytes::new()))
            }
        }
    }
}

/// A raw connection to the engine.
pub(super) enum Raw {
    Stream(Stream),
    Old { output: Incoming, unread: Bytes, input: Stream },
}

impl Raw {
    fn writer(&mut self) -> Pin<&mut Stream> {
        match self {
            Self::Stream(stream) | Self::Old { input: stream, .. } => Pin::new(stream),
        }
    }

    /// Watches for the engine's going.
    pub(super) fn hang_up(&self) -> io::Result<HangUp> {
        match self {
            Self::Stream(stream) | Self::Old { input: stream, .. } => HangUp::watch(stream),
        }
    }
}

impl AsyncRead for Raw {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (output, unread) = match self.get_mut() {
            Self::Stream(stream) => return Pin::new(stream).poll_read(context, buffer),
            Self::Old { output, unread, .. } => (output, unread),
        };
        while unread.is_empty() {
            match ready!(Pin::new(&mut *output).poll_frame(context)) {
                Some(Ok(frame)) => *unread = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = unread.len().min(buffer.remaining());
        buffer.put_slice(unread.get(..length).unwrap_or_default());
        unread.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Raw {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().writer().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writer().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writer().poll_shutdown(context)
    }
}
