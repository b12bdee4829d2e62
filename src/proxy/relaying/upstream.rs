//! The engine side of a client connection.

use std::io;
use std::task::Context;
use std::time::{Duration, Instant};

use crate::api::Address;
use crate::proxy::streams::scratch::poll_read;
use crate::proxy::streams::stream::Stream;

/// How long an unused connection is kept. The engine closes its own after five minutes, and a request
/// must not be sent to it at that moment.
const KEPT: Duration = Duration::from_secs(4 * 60);

/// The connection to the engine that belongs to one client. It is opened when it is first needed, and
/// again after the engine has closed it.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    idle: Option<(Stream, Instant)>,
}

/// Why the engine gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("cannot reach the engine at {address}: {source}")]
    Connect { address: Address, source: io::Error },
    #[error("the engine at {address} gave no answer: {source}")]
    Silent { address: Address, source: io::Error },
}

impl Upstream {
    /// Returns a connection to the engine at this address, and whether it was used before.
    pub(crate) async fn take(
        &mut self,
        address: &Address,
    ) -> Result<(Stream, bool), UpstreamError> {
        if let Some((stream, since)) = self.idle.take()
            && since.elapsed() < KEPT
        {
            return Ok((stream, true));
        }
        match Stream::connect(address).await {
            Ok(stream) => Ok((stream, false)),
            Err(source) => Err(UpstreamError::Connect { address: address.clone(), source }),
        }
    }

    /// Keeps a connection whose last answer is complete.
    pub(crate) fn put(&mut self, stream: Stream) {
        self.idle = Some((stream, Instant::now()));
    }

    /// Closes the idle connection if the engine closes it or sends anything on it.
    pub(crate) fn poll_idle(&mut self, context: &mut Context<'_>) {
        if let Some((stream, _)) = &mut self.idle
            && poll_read(stream, context, |_, _| ()).is_ready()
        {
            self.idle = None;
        }
    }
}
