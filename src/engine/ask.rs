//! dsp's own requests to an engine.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use hyperlocal::UnixClientExt;
use serde::Deserialize;

use crate::api::Address;

/// The longest answer in bytes that is read.
const LONGEST_ANSWER: usize = 4 << 20;

/// Asks for a target, which is one that needs no escapes.
pub(super) async fn get(address: &Address, target: &str) -> Result<Response<Incoming>, Error> {
    let request = |uri: Uri| {
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.uri_mut() = uri;
        request
    };
    match address {
        Address::Unix(path) => {
            let uri = hyperlocal::Uri::new(path, target).into();
            Client::unix().request(request(uri)).await
        }
        Address::Tcp { .. } => {
            // An address is host and port, so this always parses; the root of nowhere would fail
            // to connect.
            let uri = address.to_string().replacen("tcp://", "http://", 1) + target;
            let uri = uri.parse().unwrap_or_default();
            let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
            client.request(request(uri)).await
        }
    }
}

#[derive(Deserialize)]
struct Container {
    #[serde(rename = "Name")]
    name: String,
}

/// The name of the container with this id, its own words; none when there is no such container, or
/// the engine does not say.
pub async fn container_name(address: &Address, id: &str, timeout: Duration) -> Option<String> {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let exchange = async {
        let response = get(address, &format!("/containers/{id}/json")).await.ok()?;
        let is_there = response.status().is_success();
        let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await.ok()?;
        let answer: Container = serde_json::from_slice(&body.to_bytes()).ok()?;
        is_there.then(|| answer.name.trim_start_matches('/').to_owned())
    };
    tokio::time::timeout(timeout, exchange).await.ok()?
}
