//! The engine side of a client connection.

use std::io;
use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, Instant};

use crate::proxy::load::registry::Registry;
use crate::proxy::streams::scratch::poll_read;
use crate::wire::{EngineAddress, Stream};

/// How long an unused connection is kept. The engine closes its own after five minutes, and a request
/// must not be sent to it at that moment.
const KEPT: Duration = Duration::from_secs(4 * 60);

/// How often to try to connect to the engine while no file descriptor is free, and how long to wait
/// between two tries.
const MOST_TRIES: u32 = 50;
const SHORT_PAUSE: Duration = Duration::from_millis(2);

/// The connection to the engine that belongs to one client. It is opened when it is first needed, and
/// again after the engine has closed it.
#[derive(Debug)]
pub(crate) struct Upstream {
    idle: Option<(Stream, Instant)>,
    /// Frees file descriptors when there are none left.
    registry: Arc<Registry>,
}

/// Why the engine gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("cannot reach the engine at {address}: {source}")]
    Connect { address: EngineAddress, source: io::Error },
    #[error("the engine at {address} gave no answer: {source}")]
    Silent { address: EngineAddress, source: io::Error },
}

impl Upstream {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self { idle: None, registry }
    }

    /// Returns a connection to the engine at this address, and whether it was used before. If no file
    /// descriptor is free, other connections that are idle are evicted.
    pub(crate) async fn take(
        &mut self,
        address: &EngineAddress,
    ) -> Result<(Stream, bool), UpstreamError> {
        if let Some((stream, since)) = self.idle.take()
            && since.elapsed() < KEPT
        {
            return Ok((stream, true));
        }
        let mut tries = 0;
        loop {
            match address.connect().await {
                Ok(stream) => return Ok((stream, false)),
                Err(source) if is_out_of_files(&source) && tries < MOST_TRIES => {
                    tries += 1;
                    self.registry.make_room();
                    tokio::time::sleep(SHORT_PAUSE).await;
                }
                Err(source) => {
                    return Err(UpstreamError::Connect { address: address.clone(), source });
                }
            }
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

/// Whether the process or the machine has no file descriptor left.
fn is_out_of_files(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let number = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| number == Some(errno.raw_os_error()))
}
