//! The connections of dsp's own requests to an engine.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper::rt::ReadBufCursor;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;

use crate::wire::{EngineAddress, Stream};

/// The URI of a target, which must not need escapes. Its host is that of the address: another proxy may
/// check it.
pub(super) fn uri(address: &EngineAddress, target: &str) -> Uri {
    let address = address.to_string();
    let host = address.strip_prefix("tcp://").unwrap_or("localhost");
    // An address is a host and a port, so this always parses.
    format!("http://{host}{target}").parse().unwrap_or_default()
}

/// Connects to one engine, whatever host a request names.
#[derive(Clone)]
pub(super) struct Connector(pub(super) EngineAddress);

/// A connection to an engine.
pub(super) struct Dialled(TokioIo<Stream>);

impl tower_service::Service<Uri> for Connector {
    type Response = Dialled;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Dialled>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let address = self.0.clone();
        Box::pin(async move { Ok(Dialled(TokioIo::new(address.connect().await?))) })
    }
}

impl Connection for Dialled {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Dialled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Dialled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
