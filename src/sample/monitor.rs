//! A small program that uses an engine: a monitor that only reads.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyperlocal::{UnixClientExt, UnixConnector};

/// The longest answer in bytes that the program reads.
const LONGEST_ANSWER: usize = 16 << 20;

/// How long a request may take.
const REQUEST_TIME: Duration = Duration::from_secs(20);

/// The most containers whose statistics the program requests.
const MOST_CONTAINERS: usize = 3;

/// A program that watches the containers of an engine.
#[derive(Debug)]
pub struct Monitor {
    client: Client<UnixConnector, Empty<Bytes>>,
    socket: PathBuf,
}

/// A request got no answer.
#[derive(Debug, thiserror::Error)]
#[error("{request} got no answer: {source}")]
pub struct NoAnswer {
    request: String,
    source: Box<dyn Error + Send + Sync>,
}

impl Monitor {
    /// A program that uses the engine at this socket.
    #[must_use]
    pub fn new(socket: PathBuf) -> Self {
        Self { client: Client::unix(), socket }
    }

    /// Asks for the version, the containers and their statistics.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn watch(&self) -> Result<(), NoAnswer> {
        self.ask("HEAD", "/_ping").await?;
        self.ask("GET", "/version").await?;
        let (_, body) = self.exchange("GET", "/containers/json").await?;
        let containers: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap_or_default();
        let ids = containers.iter().filter_map(|container| container.get("Id")?.as_str());
        for id in ids.take(MOST_CONTAINERS) {
            self.ask("GET", &format!("/containers/{id}/stats?stream=false")).await?;
        }
        Ok(())
    }

    /// Sends a request without a body, and returns the status of the answer.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub async fn ask(&self, method: &str, path: &str) -> Result<u16, NoAnswer> {
        Ok(self.exchange(method, path).await?.0)
    }

    async fn exchange(&self, method: &str, path: &str) -> Result<(u16, Bytes), NoAnswer> {
        let exchange = async {
            let request = Request::builder()
                .method(method)
                .uri(hyperlocal::Uri::new(&self.socket, path))
                .header("user-agent", concat!("dsp-demo/", env!("CARGO_PKG_VERSION")))
                .body(Empty::new())?;
            let response = self.client.request(request).await?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await?;
            Ok::<_, Box<dyn Error + Send + Sync>>((status, body.to_bytes()))
        };
        let answer = match tokio::time::timeout(REQUEST_TIME, exchange).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(elapsed.into()),
        };
        answer.map_err(|source| NoAnswer { request: format!("{method} {path}"), source })
    }
}
