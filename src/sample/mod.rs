//! A small Docker Engine inside dsp: for `dsp demo` where no engine runs, and for tests.
//!
//! It answers on the wire as dockerd 20.10 (API 1.41) does for the operations that it covers, down
//! to the order of headers and the two forms of a hijacked connection. It speaks HTTP itself: hyper
//! can neither tell the spelling and order of the headers that it received, which tests of a proxy
//! assert, nor answer a hijack with a plain 200 and raw bytes. Sharing no code with the proxy also
//! keeps one misreading of HTTP from hiding on both sides.

mod answers;
mod archive;
mod commands;
mod containers;
mod engine;
mod hijack;
mod http;
mod query;
mod routes;
mod stream;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::engine::Engine;
use self::http::{Exchange, Head};
use crate::api::Address;

/// How a sample engine behaves.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The time between two pieces of a stream: statistics, events, log lines.
    pub tick: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { tick: Duration::from_secs(1) }
    }
}

/// A request head as the engine received it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The request target, not decoded.
    pub target: String,
    /// Names as they were spelled, and values, in the order of the request.
    pub headers: Vec<(String, String)>,
}

impl Seen {
    /// The value of the first header called `name`, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        http::header(&self.headers, name)
    }
}

/// A running sample engine. It ends, and its socket goes, when this is dropped.
#[derive(Debug)]
pub struct SampleEngine {
    address: Address,
    socket: PathBuf,
    engine: Arc<Engine>,
    connections: TaskTracker,
    ending: CancellationToken,
}

impl SampleEngine {
    /// Serves on a new unix socket, on the current tokio runtime.
    ///
    /// # Errors
    /// The socket cannot be made: the path is relative or too long, or something is there already.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled, as everything that uses its sockets.
    pub fn start(socket: &Path) -> io::Result<Self> {
        Self::start_with(socket, Options::default())
    }

    /// Like [`SampleEngine::start`], with options.
    ///
    /// # Errors
    /// As for [`SampleEngine::start`].
    ///
    /// # Panics
    /// As for [`SampleEngine::start`].
    pub fn start_with(socket: &Path, options: Options) -> io::Result<Self> {
        let address = Address::unix(socket)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let listener = UnixListener::bind(socket)?;
        let ending = CancellationToken::new();
        let engine = Engine::new(options.tick, ending.clone());
        let connections = TaskTracker::new();
        tokio::spawn(accept(listener, engine.clone(), connections.clone(), ending.clone()));
        Ok(Self { address, socket: socket.to_owned(), engine, connections, ending })
    }

    /// Where the engine listens.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address.clone()
    }

    /// The request heads received so far, in order; the newest ten thousand of them.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.engine.seen()
    }

    /// How many bytes of request bodies have arrived, tunnels not counted.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.engine.received()
    }

    /// How many connections are open now, tunnels included.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.connections.len()
    }

    /// Ends all connections, waits until they are closed, and removes the socket.
    pub async fn stop(self) {
        self.ending.cancel();
        self.connections.close();
        self.connections.wait().await;
    }
}

impl Drop for SampleEngine {
    fn drop(&mut self) {
        self.ending.cancel();
        // Whoever removed it before did this job.
        let _ = fs::remove_file(&self.socket);
    }
}

async fn accept(
    listener: UnixListener,
    engine: Arc<Engine>,
    connections: TaskTracker,
    ending: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = ending.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: trying again at once would spin.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (engine, ending) = (engine.clone(), ending.clone());
        connections.spawn(async move {
            tokio::select! {
                () = ending.cancelled() => {}
                // A connection that fails is one whose client went away; nobody is left to tell.
                _ = serve(stream, engine) => {}
            }
        });
    }
}

/// Answers the requests of one connection, one after the other.
async fn serve(stream: UnixStream, engine: Arc<Engine>) -> io::Result<()> {
    let (reader, writer) = stream.into_split();
    let mut connection = http::Connection::new(reader, writer);
    loop {
        let head = match Head::read(&mut connection.reader).await? {
            http::Received::End => return Ok(()),
            http::Received::Malformed => return connection.refuse().await,
            http::Received::Head(head) => head,
        };
        engine.note(&head.seen);
        let mut exchange = Exchange::new(&mut connection, head, &engine);
        routes::answer(&mut exchange, &engine).await?;
        if !exchange.finish().await? {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
