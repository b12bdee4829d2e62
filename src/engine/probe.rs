//! Asks an engine for its version, or whether it is there, over a connection of dsp's own.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Deserialize;

use super::ask;
use crate::api::EngineKind;
use crate::text::printable;
use crate::wire::{EngineAddress, SshError, TlsError};

/// The name of podman among the components of an engine (podman
/// `pkg/api/handlers/compat/version.go`).
const PODMAN: &str = "Podman Engine";

/// The size limit of an answer, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// What a server written in Go answers in plain text on a port for TLS (Go `net/http/server.go`).
const WANTS_TLS: &[u8] = b"Client sent an HTTP request to an HTTPS server";

/// How an engine identifies itself, in its own words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EngineVersion {
    /// Its version.
    pub version: String,
    /// The newest API version that it supports.
    pub api: String,
    /// The oldest API version that it supports.
    pub min_api: Option<String>,
    /// Which engine it is: podman serves Docker's API next to its own.
    pub kind: EngineKind,
}

/// Why an engine could not be identified.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The socket does not exist.
    #[error("there is no such socket")]
    Absent,
    /// The host cannot be resolved or reached.
    #[error("{0}")]
    Address(String),
    /// This user has no permission to use the socket.
    #[error("permission denied")]
    Denied,
    /// It answers with an error.
    #[error("it answers {0}")]
    Failing(String),
    /// Nothing listens there.
    #[error("connection refused: nothing listens there")]
    Refused,
    /// ssh failed.
    #[error("{0}")]
    Ssh(String),
    /// Something answered that is not an engine.
    #[error("the answer is not from a Docker Engine ({0})")]
    Strange(String),
    /// It did not answer in time.
    #[error("no answer in time")]
    Timeout,
    /// TLS failed.
    #[error("{0}")]
    Tls(TlsError),
    /// It speaks TLS, and was asked in plain text.
    #[error("it speaks TLS, and was asked without")]
    WantsTls,
    /// It answers, but does not say who it is, as a proxy that denies the request.
    #[error("it does not say which engine it is (GET /version: {0})")]
    Withheld(StatusCode),
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

/// The body of an error.
#[derive(Deserialize)]
struct Said {
    message: String,
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
pub async fn probe(
    address: &EngineAddress,
    timeout: Duration,
) -> Result<EngineVersion, ProbeError> {
    let exchange = async {
        let (status, body) = get(address, "/version").await?;
        if withholds(status) {
            return Err(ProbeError::Withheld(status));
        }
        if !status.is_success() {
            return Err(ProbeError::Strange(format!("GET /version: {status}")));
        }
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| ProbeError::Strange("its version is malformed".to_owned()))?;
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

/// Whether a status is that of a proxy that does not let a request through. An error of the proxy itself, such
/// as 502, says nothing about that.
fn withholds(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
    )
}

/// Asks whether there is an engine at `address`. A proxy that denies the request counts as an
/// engine, because nothing more can be found out through it.
///
/// # Errors
/// [`ProbeError`].
pub async fn ping(address: &EngineAddress, timeout: Duration) -> Result<(), ProbeError> {
    let exchange = async {
        let (status, body) = get(address, "/_ping").await?;
        if status.is_success() || status == StatusCode::FORBIDDEN {
            return Ok(());
        }
        let said = serde_json::from_slice::<Said>(&body).map(|said| said.message);
        let said = said.map_or_else(|_| String::new(), |said| format!(" ({})", printable(&said)));
        Err(ProbeError::Failing(format!("{status}{said}")))
    };
    tokio::time::timeout(timeout, exchange).await.map_err(|_| ProbeError::Timeout)?
}

/// Sends a GET and reads the whole answer.
async fn get(address: &EngineAddress, path: &str) -> Result<(StatusCode, Bytes), ProbeError> {
    let response = ask::get(address, path).await.map_err(|error| classify(&error))?;
    let status = response.status();
    let body = ask::body(response, LONGEST_ANSWER).await;
    let body = body.ok_or_else(|| ProbeError::Strange("its answer ended early".to_owned()))?;
    if status == StatusCode::BAD_REQUEST
        && body.windows(WANTS_TLS.len()).any(|part| part == WANTS_TLS)
    {
        return Err(ProbeError::WantsTls);
    }
    Ok((status, body))
}

/// Finds the system error in the client's error.
fn classify(error: &hyper_util::client::legacy::Error) -> ProbeError {
    let mut cause: Option<&dyn Error> = Some(error);
    let mut last = error.to_string();
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref::<io::Error>() {
            let inner = found.get_ref();
            if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<TlsError>()) {
                return ProbeError::Tls(error.clone());
            }
            if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<SshError>()) {
                return ProbeError::Ssh(error.to_string());
            }
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
        ProbeError::Address(printable(&last))
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
    use crate::api::Address;

    /// An engine that answers with these bytes.
    fn answering(answer: &'static str) -> (EngineAddress, tempfile::TempDir) {
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
        (Address::unix(path).unwrap().into(), folder)
    }

    /// The result of a probe.
    async fn probed(answer: &'static str) -> Result<EngineVersion, ProbeError> {
        let (address, _folder) = answering(answer);
        probe(&address, Duration::from_millis(500)).await
    }

    async fn at(path: &Path) -> ProbeError {
        probe(&Address::unix(path).unwrap().into(), Duration::from_secs(5)).await.unwrap_err()
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
    async fn a_ping_distinguishes_an_engine_from_an_error() {
        let pinged = async |answer: &'static str| {
            let (address, _folder) = answering(answer);
            ping(&address, Duration::from_millis(500)).await
        };
        assert!(pinged("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK").await.is_ok());
        assert!(pinged("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n").await.is_ok());
        let error = pinged(
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 20\r\n\r\n{\"message\":\"no one\"}",
        );
        let error = error.await.unwrap_err().to_string();
        assert_eq!(error, "it answers 502 Bad Gateway (no one)");
        assert!(matches!(pinged("").await, Err(ProbeError::Timeout)));
    }

    #[tokio::test]
    async fn other_servers_are_distinguished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        assert!(matches!(at(&path).await, ProbeError::Absent));
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(matches!(at(&path).await, ProbeError::Refused));
        for answer in [
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
            "hello\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        ] {
            let error = probed(answer).await.unwrap_err();
            assert!(matches!(error, ProbeError::Strange(_)), "{answer}: {error}");
        }
        let denied = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        assert!(matches!(probed(denied).await, Err(ProbeError::Withheld(_))));
        assert!(matches!(probed("").await, Err(ProbeError::Timeout)));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address: Address = format!("tcp://127.0.0.1:{port}").parse().unwrap();
        let error = probe(&address.into(), Duration::from_secs(5)).await.unwrap_err();
        assert!(matches!(error, ProbeError::Refused), "{error}");
    }
}
