//! The engine's side of one client connection.

use std::io;

use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use super::exchange::Body;
use super::stream::Stream;
use crate::api::Address;

/// The connection to the engine that belongs to one client, opened when it is first needed and
/// again when the engine has closed it.
#[derive(Debug)]
pub(super) struct Upstream {
    address: Address,
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
    pub(super) fn new(address: Address) -> Self {
        Self { address, sender: None }
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
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(response),
                Err(mut error) => {
                    self.sender = None;
                    match error.take_message() {
                        Some(unsent) if reused => request = unsent,
                        _ => {
                            let address = self.address.clone();
                            return Err(UpstreamError::Exchange {
                                address,
                                source: error.into_error(),
                            });
                        }
                    }
                }
            }
        }
    }

    /// Closes the connection; the next request opens another.
    pub(super) fn close(&mut self) {
        self.sender = None;
    }

    /// Makes sure that there is a connection, and tells whether it was used before.
    async fn ready(&mut self) -> Result<bool, UpstreamError> {
        if let Some(sender) = self.sender.as_mut()
            && sender.ready().await.is_ok()
        {
            return Ok(true);
        }
        let failed = |source| UpstreamError::Connect { address: self.address.clone(), source };
        let stream = Stream::connect(&self.address).await.map_err(failed)?;
        let handshake = Builder::new().preserve_header_case(true).handshake(TokioIo::new(stream));
        let (sender, connection) = handshake
            .await
            .map_err(|source| UpstreamError::Exchange { address: self.address.clone(), source })?;
        // It ends when its sender is dropped, or when a tunnel has taken the stream over.
        tokio::spawn(connection.with_upgrades());
        self.sender = Some(sender);
        Ok(false)
    }
}
