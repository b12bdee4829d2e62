//! One client connection: each request is decided over, told to the sink, and forwarded or answered.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderValue, UPGRADE, USER_AGENT,
};
use hyper::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use tokio::sync::Mutex;

use super::answer::answer;
use super::exchange::{Arrival, Body, Finish, Sink};
use super::server::Shared;
use super::upstream::Upstream;
use super::{headers, tunnel};
use crate::policy::{Denial, Head, Permit, Verdict};

/// How many bytes of a denied request's body are read and thrown away, so that a client that sends
/// first and listens later hears the denial.
const DRAIN: u64 = 1 << 20;

/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// The name under which requests in canonical form reach the engine, which ignores it.
const OWN_HOST: HeaderValue = HeaderValue::from_static("docker");

/// What the requests of one client connection share.
pub(super) struct Client<S: Sink> {
    shared: Arc<Shared<S>>,
    number: u64,
    /// Requests of one connection come one after another, so nobody ever waits for this.
    upstream: Mutex<Upstream>,
}

impl<S: Sink> Client<S> {
    pub(super) fn new(shared: Arc<Shared<S>>, number: u64) -> Self {
        let upstream = Mutex::new(Upstream::new(shared.engine.clone()));
        Self { shared, number, upstream }
    }

    /// Answers one request.
    pub(super) async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let target = request.uri().to_string();
        let content_type = joined(request.headers());
        let head = Head {
            method: request.method().as_str(),
            target: &target,
            content_type: content_type.as_deref(),
        };
        let decision = self.shared.gate.decide(&head);
        let arrival = Arrival {
            connection: self.number,
            method: head.method,
            target: &target,
            agent: request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok()),
        };
        let ticket = self.shared.sink.begin(&arrival, &decision);
        let finish = Finish::new(Arc::clone(&self.shared.sink), ticket);
        let forwarded = match decision.verdict {
            Verdict::Deny(denial) => Err((finish, deny(request, &denial).await)),
            Verdict::Forward(permit) => {
                self.forward(request, &permit, finish).await.map_err(|(finish, message)| {
                    (finish, answer(StatusCode::BAD_GATEWAY, &format!("dsp: {message}")))
                })
            }
        };
        Ok(forwarded.unwrap_or_else(|(mut finish, own)| {
            finish.status = Some(own.status().as_u16());
            own
        }))
    }

    /// Sends a permitted request to the engine and passes its answer on.
    async fn forward(
        &self,
        mut request: Request<Incoming>,
        permit: &Permit,
        mut finish: Finish<S>,
    ) -> Result<Response<Body>, (Finish<S>, String)> {
        let Ok(uri) = permit.target().parse::<Uri>() else {
            return Err((finish, "the request target cannot be sent".to_owned()));
        };
        let upgrade = request.headers().get(UPGRADE).filter(|_| permit.tunnel()).cloned();
        let client = upgrade.as_ref().map(|_| hyper::upgrade::on(&mut request));

        let (mut parts, body) = request.into_parts();
        parts.uri = uri;
        headers::strip(&mut parts.headers);
        if permit.own_host() {
            parts.headers.insert(HOST, OWN_HOST);
            parts.version = Version::HTTP_11;
        }
        if let Some(protocol) = upgrade {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            parts.headers.insert(UPGRADE, protocol);
        }
        let request = Request::from_parts(parts, Body::counted(body, &finish.received, None));

        let mut upstream = self.upstream.lock().await;
        let mut response = match upstream.send(request).await {
            Ok(response) => response,
            Err(error) => return Err((finish, error.to_string())),
        };
        finish.status = Some(response.status().as_u16());
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(pass_on(response, permit, finish));
        }
        let Some(client) = client else {
            upstream.close();
            return Err((
                finish,
                "the engine switched protocols, which was not asked for".to_owned(),
            ));
        };
        // The stream belongs to the tunnel now.
        let engine = hyper::upgrade::on(&mut response);
        upstream.close();
        finish.upgraded = true;
        self.shared.spawn(async move {
            // An end by error is an end: there is nobody left to tell.
            let _ = tunnel::run(client, engine, &finish.received, &finish.sent).await;
        });
        Ok(switched(response))
    }
}

/// The engine's answer without what is about its own connection.
fn pass_on<S: Sink>(
    response: Response<Incoming>,
    permit: &Permit,
    finish: Finish<S>,
) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let framed = parts.headers.contains_key(CONTENT_LENGTH)
        || parts.headers.contains_key(hyper::header::TRANSFER_ENCODING);
    headers::strip(&mut parts.headers);
    if permit.tunnel() && parts.status == StatusCode::OK && !framed && !body.is_end_stream() {
        // The old form of a hijack, without an `Upgrade`: the answer is raw bytes until the
        // connection ends. HTTP/1.0 is the framing that says so, and ends the connection, so that
        // what the client sends meanwhile is never read as a request.
        parts.version = Version::HTTP_10;
    } else {
        parts.version = Version::HTTP_11;
    }
    let bytes = Arc::clone(&finish.sent);
    Response::from_parts(parts, Body::counted(body, &bytes, Some(Box::new(finish))))
}

/// The engine's 101, with the protocol that it named.
fn switched(response: Response<Incoming>) -> Response<Body> {
    let (mut parts, _) = response.into_parts();
    let protocol = parts.headers.get(UPGRADE).cloned();
    headers::strip(&mut parts.headers);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Some(protocol) = protocol {
        parts.headers.insert(UPGRADE, protocol);
    }
    Response::from_parts(parts, Body::Own(http_body_util::Full::default()))
}

/// Answers a denied request, after reading some of its body.
async fn deny(request: Request<Incoming>, denial: &Denial) -> Response<Body> {
    let expects = request.headers().contains_key(EXPECT);
    let mut body = request.into_body();
    if !expects && !body.is_end_stream() {
        let drain = async {
            let mut left = DRAIN;
            while let Some(Ok(frame)) = body.frame().await {
                let length = frame.data_ref().map_or(0, bytes::Bytes::len);
                left = left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
                if left == 0 {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(DRAIN_TIME, drain).await;
    }
    let status = StatusCode::from_u16(denial.status).unwrap_or(StatusCode::FORBIDDEN);
    answer(status, &denial.message)
}

/// All values of `Content-Type`, so that a second one cannot hide behind the first.
fn joined(headers: &HeaderMap) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> =
        headers.get_all(CONTENT_TYPE).iter().map(HeaderValue::as_bytes).collect();
    (!values.is_empty()).then(|| values.join(&b","[..]))
}
