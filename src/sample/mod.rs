//! A small Docker Engine inside dsp, for `dsp demo` without a real engine and for tests, and the small
//! program that the demo watches.
//!
//! For the operations that it supports, it answers like dockerd 20.10 (API 1.41), down to the order
//! of headers and the two forms of a hijacked connection. It has its own HTTP code: hyper can
//! neither report the spelling and order of the headers it received, which the tests of the proxy
//! check, nor answer a hijack with a plain 200 and raw bytes. And since it shares no code with the
//! proxy, a misreading of HTTP cannot hide on both sides.

mod answers;
mod archive;
mod commands;
mod containers;
mod engine;
mod hijack;
mod http;
mod monitor;
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
pub use self::monitor::{Monitor, NoAnswer};
use crate::api::Address;

/// The behaviour of a sample engine.
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
    /// Names as spelled, and values, in the order of the request.
    pub headers: Vec<(String, String)>,
}

impl Seen {
    /// The value of the first header with this name, ignoring case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        http::header(&self.headers, name)
    }
}

/// A running sample engine. Dropping it ends the engine and removes its socket.
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
    /// If the socket cannot be created: the path is relative, too long or in use.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled.
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

    /// The socket on which the engine listens.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address.clone()
    }

    /// The request heads received so far, in order; only the newest ten thousand.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.engine.seen()
    }

    /// The number of bytes of request bodies received so far, without tunnels.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.engine.received()
    }

    /// The number of open connections, including tunnels.
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
        // An error means that the socket is gone already.
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
            // Probably out of file descriptors: retrying at once would spin.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (engine, ending) = (engine.clone(), ending.clone());
        connections.spawn(async move {
            tokio::select! {
                () = ending.cancelled() => {}
                // An error means that the client has left, so there is no one to report it to.
                _ = serve(stream, engine) => {}
            }
        });
    }
}

/// Answers the requests of one connection, one after another.
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
