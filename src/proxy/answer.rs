//! The answers that come from dsp itself, in the form that Docker clients print.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::body::{Body, Held};

/// An answer with `{"message": ...}`, which the docker CLI shows as the engine's error.
pub(super) fn answer(status: StatusCode, message: &str, held: Held) -> Response<Body> {
    let body = serde_json::json!({ "message": message }).to_string() + "\n";
    let body = Body::Own { body: Full::new(Bytes::from(body)), _held: Some(held) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
