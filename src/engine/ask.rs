//! The requests that dsp itself sends to an engine.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::connector::{Connector, uri};
use crate::wire::EngineAddress;

/// The size limit, in bytes, for a list.
const LONGEST_ANSWER: usize = 16 << 20;

/// Sends a GET for a target, which must not need escapes.
pub(super) async fn get(
    address: &EngineAddress,
    target: &str,
) -> Result<Response<Incoming>, Error> {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = uri(address, target);
    let client = Client::builder(TokioExecutor::new()).build(Connector(address.clone()));
    client.request(request).await
}

#[derive(Deserialize)]
struct Container {
    #[serde(rename = "Name")]
    name: String,
}

/// A container and the host paths mounted into it, in the engine's own words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MountedContainer {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The paths of the host.
    pub sources: Vec<String>,
    /// Whether its processes run or are paused.
    pub is_running: bool,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Id")]
    id: String,
    #[serde(rename = "Names", default)]
    names: Vec<String>,
    #[serde(rename = "Mounts", default)]
    mounts: Vec<Mount>,
    #[serde(rename = "State", default)]
    state: String,
}

#[derive(Deserialize)]
struct Mount {
    #[serde(rename = "Source", default)]
    source: String,
}

/// All containers, including stopped ones; `None` if the engine does not answer.
pub async fn mounted_containers(
    address: &EngineAddress,
    timeout: Duration,
) -> Option<Vec<MountedContainer>> {
    let listed: Vec<Listed> = json(address, "/containers/json?all=1", timeout).await?;
    let describe = |listed: Listed| MountedContainer {
        id: listed.id,
        name: listed
            .names
            .first()
            .map(|name| name.trim_start_matches('/'))
            .unwrap_or_default()
            .to_owned(),
        sources: listed.mounts.into_iter().map(|mount| mount.source).collect(),
        is_running: ["running", "paused"].contains(&listed.state.as_str()),
    };
    Some(listed.into_iter().map(describe).collect())
}

/// The name of the container with this ID, in the engine's own words; `None` if there is no such
/// container or the engine does not answer.
pub async fn container_name(
    address: &EngineAddress,
    id: &str,
    timeout: Duration,
) -> Option<String> {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let container: Container = json(address, &format!("/containers/{id}/json"), timeout).await?;
    Some(container.name.trim_start_matches('/').to_owned())
}

/// Reads the whole body of an answer; `None` if it ends early or has more than `most` bytes.
pub(super) async fn body(response: Response<Incoming>, most: usize) -> Option<Bytes> {
    let body = Limited::new(response.into_body(), most).collect().await.ok()?;
    Some(body.to_bytes())
}

/// Parses the body of a successful answer.
pub(super) async fn json<T: DeserializeOwned>(
    address: &EngineAddress,
    target: &str,
    timeout: Duration,
) -> Option<T> {
    let exchange = async {
        let response = get(address, target).await.ok()?;
        let is_done = response.status().is_success();
        let body = body(response, LONGEST_ANSWER).await?;
        is_done.then(|| serde_json::from_slice(&body).ok()).flatten()
    };
    tokio::time::timeout(timeout, exchange).await.ok()?
}
