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

/// How often to try to connect to the engine while no file descriptor is free, or while too many connections
/// wait for the engine to accept them, and how long to wait between two tries.
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
                Err(source) if tries < MOST_TRIES && may_pass(&source) => {
                    tries += 1;
                    if is_out_of_files(&source) {
                        self.registry.make_room();
                    }
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

/// Whether the reason may be gone a moment later. A unix socket does not let anybody wait for a place among
/// those that wait to be accepted (`EAGAIN` of connect(2)).
fn may_pass(error: &io::Error) -> bool {
    is_out_of_files(error) || error.kind() == io::ErrorKind::WouldBlock
}

/// Whether the process or the machine has no file descriptor left.
fn is_out_of_files(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let number = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| number == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::api::Address;
    use crate::proxy::load::limits::Limits;

    /// An engine where one connection may wait, and as many as are taken until it is full.
    fn full_engine(folder: &std::path::Path) -> (UnixListener, EngineAddress, Vec<Stream>) {
        let path = folder.join("engine.sock");
        let listener = UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let address = EngineAddress::from(Address::unix(&path).unwrap());
        let waiting = std::iter::from_fn(|| {
            let connecting = std::pin::pin!(address.connect());
            match connecting.poll(&mut Context::from_waker(std::task::Waker::noop())) {
                std::task::Poll::Ready(Ok(stream)) => Some(stream),
                std::task::Poll::Ready(Err(error)) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    None
                }
                std::task::Poll::Pending => panic!("it waits"),
            }
        });
        let waiting = waiting.collect();
        (listener, address, waiting)
    }

    #[tokio::test]
    async fn an_engine_that_is_slow_to_accept_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (listener, address, _waiting) = full_engine(folder.path());
        let mut upstream = Upstream::new(Arc::new(Registry::new(Limits::DEFAULT)));
        let taking = tokio::spawn(async move { upstream.take(&address).await.is_ok() });
        // It has been refused once when this task runs again.
        tokio::task::yield_now().await;
        assert!(!taking.is_finished());
        listener.accept().unwrap();
        assert!(taking.await.unwrap());
    }

    #[tokio::test]
    async fn an_engine_that_accepts_nobody_is_not_waited_for_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let (_listener, address, _waiting) = full_engine(folder.path());
        let mut upstream = Upstream::new(Arc::new(Registry::new(Limits::DEFAULT)));
        let refused = upstream.take(&address).await.unwrap_err();
        assert!(matches!(refused, UpstreamError::Connect { .. }), "{refused}");
    }
}
