//! One client connection: each request is decided over, told to the sink, and forwarded or answered.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING,
    UPGRADE, USER_AGENT,
};
use hyper::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use tokio::sync::Mutex;

use super::answer::answer;
use super::body::{Body, Download, Upload};
use super::exchange::{Arrival, Finish, Sink};
use super::expect::{Continue, expects};
use super::headers;
use super::hijacked::Hijacked;
use super::link::Link;
use super::server::Shared;
use super::tunnel::Tunnel;
use super::upstream::Upstream;
use crate::policy::{Head, Permit, Verdict};

/// How many bytes of a denied request's body are read and thrown away.
const DRAIN: usize = 1 << 20;

/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// The types of a hijacked connection's output.
const RAW: [&[u8]; 2] =
    [b"application/vnd.docker.raw-stream", b"application/vnd.docker.multiplexed-stream"];

/// The name under which requests in canonical form reach the engine, which ignores it.
const OWN_HOST: HeaderValue = HeaderValue::from_static("docker");

/// What the requests of one client connection share.
pub(super) struct Client<S: Sink> {
    shared: Arc<Shared<S>>,
    number: u64,
    link: Arc<Link>,
    /// Requests of one connection come one after another, so nobody ever waits for this.
    upstream: Mutex<Upstream>,
    /// Set by the request after which the connection is HTTP no longer.
    tunnel: std::sync::Mutex<Option<Tunnel<S>>>,
}

impl<S: Sink> Client<S> {
    pub(super) fn new(shared: Arc<Shared<S>>, number: u64, link: Arc<Link>) -> Self {
        let upstream = Mutex::new(Upstream::new(shared.engine.clone(), Arc::clone(&link)));
        Self { shared, number, link, upstream, tunnel: std::sync::Mutex::default() }
    }

    /// The tunnel that the connection becomes, once HTTP has ended.
    pub(super) fn take_tunnel(&self) -> Option<Tunnel<S>> {
        self.tunnel.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set_tunnel(&self, engine: Hijacked, finish: Finish<S>) {
        let tunnel = Tunnel { engine, finish };
        *self.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(tunnel);
    }

    /// Answers one request.
    pub(super) async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let (method, target, flaw) = match self.link.take_flawed() {
            // What stands in for the head that the client sent says nothing of it.
            Some(flawed) if self.shared.gate.refuses_flaws() => {
                (flawed.method, flawed.target, Some(flawed.flaw))
            }
            flawed => {
                let (method, target) = (request.method().to_string(), request.uri().to_string());
                (method, target, flawed.map(|flawed| flawed.flaw))
            }
        };
        let content_type = joined(request.headers(), &CONTENT_TYPE);
        let upgrade = joined(request.headers(), &UPGRADE);
        let head = Head {
            method: &method,
            target: &target,
            content_type: content_type.as_deref(),
            upgrade: upgrade.as_deref(),
            flaw,
        };
        let decision = self.shared.gate.decide(&head);
        let arrival = Arrival {
            connection: self.number,
            method: head.method,
            target: &target,
            agent: request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok()),
        };
        let begun = self.shared.sink.begin(&arrival, &decision);
        let sink = Arc::clone(&self.shared.sink);
        let finish = Finish::new(sink, begun.ticket, Arc::clone(&self.link));
        Ok(match (decision.verdict, begun.refusal) {
            (Verdict::Deny(denial), _) => {
                self.drain(request).await;
                let status = StatusCode::from_u16(denial.status).unwrap_or(StatusCode::FORBIDDEN);
                own_answer(status, &denial.message, finish)
            }
            (Verdict::Forward(_), Some(message)) => {
                self.drain(request).await;
                own_answer(StatusCode::SERVICE_UNAVAILABLE, &format!("dsp: {message}"), finish)
            }
            (Verdict::Forward(permit), None) => {
                self.link.ask(&method, &target);
                self.forward(request, &permit, finish).await.unwrap_or_else(|(finish, message)| {
                    own_answer(StatusCode::BAD_GATEWAY, &format!("dsp: {message}"), finish)
                })
            }
        })
    }

    /// Sends a permitted request to the engine and passes its answer on.
    async fn forward(
        &self,
        request: Request<Incoming>,
        permit: &Permit,
        mut finish: Finish<S>,
    ) -> Result<Response<Body>, (Finish<S>, String)> {
        let Ok(uri) = permit.target().parse::<Uri>() else {
            return Err((finish, "the request target cannot be sent".to_owned()));
        };
        let asked = permit.tunnel() && request.headers().contains_key(UPGRADE);
        let (mut parts, body) = request.into_parts();
        parts.uri = uri;
        headers::strip(&mut parts.headers, asked);
        if permit.own_host() {
            parts.headers.insert(HOST, OWN_HOST);
            parts.version = Version::HTTP_11;
        }
        let waits = expects(&parts.headers) && !body.is_end_stream();
        let mut request = Request::from_parts(parts, ());
        let (until, engine_wants) = waits.then(|| Continue::listen(&mut request)).unzip();
        let upload = Upload::new(body, &finish.received, &self.link, until);
        let request = request.map(|()| Body::Request(upload));

        let mut upstream = self.upstream.lock().await;
        // Without an upgrade the engine may still take the connection over.
        let sent = if permit.tunnel() && !asked {
            upstream.send_apart(request).await.map(|(response, beside)| (response, Some(beside)))
        } else {
            upstream.send(request).await.map(|response| (response, None))
        };
        let (mut response, beside) = match sent {
            Ok(sent) => sent,
            Err(error) => return Err((finish, error.to_string())),
        };
        finish.status = Some(response.status().as_u16());
        finish.unrouted = is_unrouted(&response);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            upstream.close();
            if !asked {
                let message = "the engine switched protocols, which was not asked for";
                return Err((finish, message.to_owned()));
            }
            finish.upgraded = true;
            self.set_tunnel(Hijacked::Switched(hyper::upgrade::on(&mut response)), finish);
            return Ok(switched(response));
        }
        if let Some(input) = beside.filter(|_| is_raw(&response)) {
            upstream.close();
            finish.upgraded = true;
            let (parts, output) = response.into_parts();
            self.set_tunnel(Hijacked::Old { output, input }, finish);
            return Ok(taken_over(parts));
        }
        let unwanted = engine_wants.is_some_and(|wants| !wants.is_cancelled());
        Ok(pass_on(response, unwanted, finish))
    }

    /// Reads some of a denied request's body, so that a client that sends first and listens later
    /// hears the denial.
    async fn drain(&self, request: Request<Incoming>) {
        let is_held_back = expects(request.headers());
        let mut body = request.into_body();
        let mut ended = body.is_end_stream();
        let drain = async {
            let mut left = DRAIN;
            while left > 0 && !ended {
                match body.frame().await {
                    Some(Ok(frame)) => {
                        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                    }
                    Some(Err(_)) => return,
                    None => ended = true,
                }
            }
        };
        if !is_held_back {
            let _ = tokio::time::timeout(DRAIN_TIME, drain).await;
        }
        if ended {
            self.link.received();
        }
    }
}

/// An answer that comes from dsp.
fn own_answer<S: Sink>(status: StatusCode, message: &str, mut finish: Finish<S>) -> Response<Body> {
    finish.status = Some(status.as_u16());
    let is_unread = finish.link.unread();
    let mut response = answer(status, message, Box::new(finish));
    if is_unread {
        // What the client sends next is the rest of this request, and not another one.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether the engine has taken the connection over with a 200 (ENGINE_API 2.7): an answer of one
/// of its stream types that has no end but that of the connection. Any other answer leaves the
/// connection to HTTP, and what the client sends next is decided over.
fn is_raw(response: &Response<Incoming>) -> bool {
    let headers = response.headers();
    let framed = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    response.status() == StatusCode::OK && !framed && RAW.contains(&kind)
}

/// Whether the engine had no handler for the request. Handlers name the API version in every answer
/// but a raw one to a failed hijack; "page not found" does not (ENGINE_API 3.1), nor podman's "method
/// not allowed".
fn is_unrouted(response: &Response<Incoming>) -> bool {
    let headers = response.headers();
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    matches!(response.status(), StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND)
        && !headers.contains_key("api-version")
        && (kind.starts_with(b"application/json") || kind.starts_with(b"text/plain"))
}

/// The engine's answer without what is about its own connection.
fn pass_on<S: Sink>(
    response: Response<Incoming>,
    body_unwanted: bool,
    finish: Finish<S>,
) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    headers::strip(&mut parts.headers, false);
    if body_unwanted {
        // What the client sends next could be that body or another request (RFC 9110, 10.1.1).
        parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    parts.version = Version::HTTP_11;
    let (bytes, link) = (Arc::clone(&finish.sent), Arc::clone(&finish.link));
    let body = Download::new(body, bytes, link, Box::new(finish));
    Response::from_parts(parts, Body::Answer(body))
}

/// The engine's 101, with the protocol that it named.
fn switched(response: Response<Incoming>) -> Response<Body> {
    let (mut parts, _) = response.into_parts();
    headers::strip(&mut parts.headers, true);
    Response::from_parts(parts, Body::Own { body: Full::default(), _held: None })
}

/// The head of the older form of a hijack. HTTP/1.0 is the framing that says: raw bytes until the
/// connection ends.
fn taken_over(mut parts: hyper::http::response::Parts) -> Response<Body> {
    headers::strip(&mut parts.headers, false);
    parts.version = Version::HTTP_10;
    Response::from_parts(parts, Body::Raw)
}

/// All values of a header, so that a second one cannot hide behind the first.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let values: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    (!values.is_empty()).then(|| values.join(&b","[..]))
}
