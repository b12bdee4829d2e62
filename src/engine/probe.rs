//! Asks an engine for its version, with a connection of dsp's own.

use std::error::Error;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use serde::Deserialize;

use super::ask;
use crate::api::{Address, EngineKind};

/// What podman calls itself among the parts of an engine (podman
/// `pkg/api/handlers/compat/version.go`).
const PODMAN: &str = "Podman Engine";

/// The longest answer in bytes that is read.
const LONGEST_ANSWER: usize = 1 << 20;

/// What an engine says of itself. Its words, not dsp's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EngineVersion {
    /// Its version.
    pub version: String,
    /// The newest API version that it speaks.
    pub api: String,
    /// The oldest one.
    pub min_api: Option<String>,
    /// Which engine it is: podman serves Docker's API beside its own.
    pub kind: EngineKind,
}

/// Why an engine did not say who it is.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There is no such socket.
    #[error("there is no such socket")]
    Absent,
    /// The host's name or address cannot be reached.
    #[error("{0}")]
    Address(String),
    /// This user may not use the socket.
    #[error("permission denied")]
    Denied,
    /// Nobody listens.
    #[error("connection refused, so nothing is listening there")]
    Refused,
    /// Something answered that is no engine.
    #[error("what answers there is no Docker Engine ({0})")]
    Strange(String),
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Version")]
    version: String,
    #[serde(rename = "ApiVersion")]
    api: String,
    #[serde(rename = "MinAPIVersion")]
    min_api: Option<String>,
    #[serde(rename = "Components", default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(rename = "Name", default)]
    name: String,
}

/// Asks the engine at `address` for its version.
///
/// # Errors
/// [`ProbeError`].
pub async fn probe(address: &Address, timeout: Duration) -> Result<EngineVersion, ProbeError> {
    let exchange = async {
        let response = ask::get(address, "/version").await.map_err(|error| classify(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
        let body = body.map_err(|_| ProbeError::Strange("its answer broke off".to_owned()))?;
        if !status.is_success() {
            return Err(ProbeError::Strange(format!("GET /version: {status}")));
        }
        let answer: Answer = serde_json::from_slice(&body.to_bytes())
            .map_err(|_| ProbeError::Strange("its version is not in the form of one".to_owned()))?;
        let is_podman = answer.components.iter().any(|part| part.name == PODMAN);
        Ok(EngineVersion {
            kind: if is_podman { EngineKind::Podman } else { EngineKind::Docker },
            version: answer.version,
            api: answer.api,
            min_api: answer.min_api,
        })
    };
    tokio::time::timeout(timeout, exchange).await.map_err(|_| ProbeError::Timeout)?
}

/// Finds the system's word in the client's error.
fn classify(error: &hyper_util::client::legacy::Error) -> ProbeError {
    let mut cause: Option<&dyn Error> = Some(error);
    let mut last = error.to_string();
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref::<io::Error>() {
            match found.kind() {
                io::ErrorKind::NotFound => return ProbeError::Absent,
                io::ErrorKind::PermissionDenied => return ProbeError::Denied,
                io::ErrorKind::ConnectionRefused => return ProbeError::Refused,
                _ => {}
            }
        }
        last = current.to_string();
        cause = current.source();
    }
    if error.is_connect() {
        ProbeError::Address(last.escape_debug().to_string())
    } else {
        ProbeError::Strange("it does not speak HTTP".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;

    /// What the probe makes of an engine that answers with these bytes.
    async fn probed(answer: &'static str) -> Result<EngineVersion, ProbeError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            if answer.is_empty() {
                std::future::pending::<()>().await;
            }
        });
        probe(&Address::unix(path).unwrap(), Duration::from_millis(500)).await
    }

    async fn at(path: &Path) -> ProbeError {
        probe(&Address::unix(path).unwrap(), Duration::from_secs(5)).await.unwrap_err()
    }

    #[tokio::test]
    async fn an_engine_says_who_it_is() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 108\r\n\r\n{\"Version\":\"4.3.1\",\
                      \"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.24\",\"Components\":[{\"Name\":\"Podman Engine\"}]}       ";
        let version = probed(answer).await.unwrap();
        assert_eq!((version.version.as_str(), version.kind), ("4.3.1", EngineKind::Podman));
        assert_eq!(version.min_api.as_deref(), Some("1.24"));
    }

    #[tokio::test]
    async fn what_is_no_engine_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        assert!(matches!(at(&path).await, ProbeError::Absent));
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(matches!(at(&path).await, ProbeError::Refused));
        for answer in [
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "hello\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        ] {
            let error = probed(answer).await.unwrap_err();
            assert!(matches!(error, ProbeError::Strange(_)), "{answer}: {error}");
        }
        assert!(matches!(probed("").await, Err(ProbeError::Timeout)));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address: Address = format!("tcp://127.0.0.1:{port}").parse().unwrap();
        let error = probe(&address, Duration::from_secs(5)).await.unwrap_err();
        assert!(matches!(error, ProbeError::Refused), "{error}");
    }
}
