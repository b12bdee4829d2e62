//! The control socket: `dsp reload` asks for a reload there, and waits for its result.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};

use super::http::{Answer, Reply, Replying};
use crate::text::shown;

/// The path of a reload.
const RELOAD: &str = "/reload";

/// How many reloads may wait.
const MOST_WAITING: usize = 8;

/// How long a reload may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The size limit of an answer, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// Somebody who asked for a reload, and waits for its result.
pub(super) type Asker = oneshot::Sender<ReloadReply>;

/// The result of a reload, as the control socket tells it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReloadReply {
    /// The new version is in force.
    Reloaded {
        /// The programs that are served now.
        programs: Vec<ReloadedProgram>,
        /// The programs that are not served any more.
        removed: Vec<String>,
    },
    /// The old version stays in force.
    Failed {
        /// Why.
        error: String,
    },
}

/// A program after a reload.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReloadedProgram {
    /// Its name.
    pub name: String,
    /// The name of its profile.
    pub profile: String,
    /// How many rules the profile has.
    pub rules: usize,
}

/// Why a reload could not be asked for.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The socket cannot be used.
    #[error("cannot ask dsp at {}: {source}", shown(path))]
    Socket {
        /// The path of the socket.
        path: std::path::PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// What answers there is not dsp.
    #[error("what answers at {} is not the control socket of dsp serve", shown(path))]
    Strange {
        /// The path of the socket.
        path: std::path::PathBuf,
    },
    /// There was no answer in time.
    #[error("dsp at {} gave no answer in {} s", shown(path), PATIENCE.as_secs())]
    Timeout {
        /// The path of the socket.
        path: std::path::PathBuf,
    },
}

/// Passes requests for reloads on.
pub(super) struct Control(mpsc::Sender<Asker>);

impl Control {
    /// A control socket's answers, and the requests that arrive there.
    pub(super) fn new() -> (Self, mpsc::Receiver<Asker>) {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        (Self(sender), receiver)
    }
}

impl Answer for Control {
    fn answer(&self, method: &Method, path: &str) -> Replying {
        if *method != Method::POST || path != RELOAD {
            return Box::pin(async {
                Reply::line(StatusCode::NOT_FOUND, "there is POST /reload; see dsp reload --help")
            });
        }
        let askers = self.0.clone();
        Box::pin(async move {
            let (asker, reply) = oneshot::channel();
            let asked = askers.send(asker).await.is_ok();
            let Some(reply) = reply.await.ok().filter(|_| asked) else {
                return Reply::line(StatusCode::SERVICE_UNAVAILABLE, "dsp is ending");
            };
            let status = match &reply {
                ReloadReply::Reloaded { .. } => StatusCode::OK,
                ReloadReply::Failed { .. } => StatusCode::CONFLICT,
            };
            let body = serde_json::to_string(&reply).unwrap_or_default() + "\n";
            Reply { status, content_type: "application/json", body }
        })
    }
}

/// Asks the dsp with this control socket to reload, and waits for the result.
///
/// # Errors
/// [`ControlError`] if there is no result.
pub async fn ask_to_reload(path: &Path) -> Result<ReloadReply, ControlError> {
    match tokio::time::timeout(PATIENCE, ask(path)).await {
        Ok(reply) => reply,
        Err(_) => Err(ControlError::Timeout { path: path.to_owned() }),
    }
}

async fn ask(path: &Path) -> Result<ReloadReply, ControlError> {
    let stream = UnixStream::connect(path).await;
    let stream = stream.map_err(|source| ControlError::Socket { path: path.to_owned(), source })?;
    let exchange = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        let request = Request::post(RELOAD).header("host", "dsp").body(Empty::<Bytes>::new());
        let response = sender.send_request(request.ok()?).await.ok()?;
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await.ok()?;
        serde_json::from_slice(&body.to_bytes()).ok()
    };
    exchange.await.ok_or_else(|| ControlError::Strange { path: path.to_owned() })
}
