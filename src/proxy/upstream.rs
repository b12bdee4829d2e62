//! The engine's side of one client connection.

use std::future::Future;
use std::io;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use super::body::Body;
use super::ends::EngineStream;
use super::link::Link;
use super::stream::Stream;
use crate::api::Address;

/// The connection to the engine that belongs to one client, opened when it is first needed and
/// again when the engine has closed it.
#[derive(Debug)]
pub(super) struct Upstream {
    address: Address,
    link: Arc<Link>,
    sender: Option<SendRequest<Body>>,
}

/// Why the engine gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpstreamError {
    #[error("cannot reach the engine at {address}: {source}")]
    Connect { address: Address, source: io::Error },
    #[error("the engine at {address} gave no answer: {source}")]
    Exchange { address: Address, source: hyper::Error },
}

impl Upstream {
    pub(super) fn new(address: Address, link: Arc<Link>) -> Self {
        Self { address, link, sender: None }
    }

    /// Sends a request and waits for the head of the answer. A request that was not sent at all,
    /// because the engine had closed an idle connection, goes out on a new one.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Body>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        loop {
            let reused = self.ready().await?;
            let Some(sender) = self.sender.as_mut() else { continue };
            match Self::exchange(sender, request, &self.link).await {
                Ok(response) => return Ok(response),
                Err(mut error) => {
                    self.sender = None;
                    match error.take_message() {
                        Some(unsent) if reused => request = unsent,
                        _ => return Err(self.failed(error.into_error())),
                    }
                }
            }
        }
    }

    /// Like [`Upstream::send`], on a new connection whose stream can also be written to beside
    /// HTTP, for the older form of a hijack.
    pub(super) async fn send_apart(
        &mut self,
        request: Request<Body>,
    ) -> Result<(Response<Incoming>, Stream), UpstreamError> {
        let stream = self.connect().await?;
        let beside = stream.duplicate().map_err(|source| self.unreachable(source))?;
        let mut sender = self.handshake(stream).await?;
        let response = Self::exchange(&mut sender, request, &self.link)
            .await
            .map_err(|error| self.failed(error.into_error()))?;
        self.sender = Some(sender);
        Ok((response, beside))
    }

    /// Closes the connection; the next request opens another.
    pub(super) fn close(&mut self) {
        self.sender = None;
    }

    fn exchange(
        sender: &mut SendRequest<Body>,
        request: Request<Body>,
        link: &Link,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Body>>>> {
        link.handed(false);
        // The connection has the request when this call returns; the future is for the answer.
        let answer = sender.try_send_request(request);
        link.handed(true);
        answer
    }

    /// Makes sure that there is a connection, and tells whether it was used before.
    async fn ready(&mut self) -> Result<bool, UpstreamError> {
        if let Some(sender) = self.sender.as_mut()
            && !self.link.engine_deaf()
            && sender.ready().await.is_ok()
        {
            return Ok(true);
        }
        let stream = self.connect().await?;
        self.sender = Some(self.handshake(stream).await?);
        Ok(false)
    }

    async fn connect(&self) -> Result<Stream, UpstreamError> {
        Stream::connect(&self.address).await.map_err(|source| self.unreachable(source))
    }

    async fn handshake(&self, stream: Stream) -> Result<SendRequest<Body>, UpstreamError> {
        let stream = TokioIo::new(EngineStream::new(stream, Arc::clone(&self.link)));
        let handshake =
            Builder::new().preserve_header_case(true).title_case_headers(true).handshake(stream);
        let (sender, connection) = handshake.await.map_err(|source| self.failed(source))?;
        // It ends when its sender is dropped, or when a tunnel has taken the stream over.
        tokio::spawn(connection.with_upgrades());
        Ok(sender)
    }

    fn unreachable(&self, source: io::Error) -> UpstreamError {
        UpstreamError::Connect { address: self.address.clone(), source }
    }

    fn failed(&self, source: hyper::Error) -> UpstreamError {
        UpstreamError::Exchange { address: self.address.clone(), source }
    }
}
