//! A small HTTP server for dsp's own answers: metrics, health and control. It is bounded in clients, time
//! and size, and separate from the proxy, so that it answers when all of the proxy's connections are busy.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

use crate::proxy::Listener;
use crate::wire::Stream;

/// How many clients are answered at once.
const MOST_CLIENTS: usize = 32;

/// How long a client may take for the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(5);

/// How long a connection may last.
const CONNECTION_TIME: Duration = Duration::from_secs(120);

/// How long to pause if a connection cannot be accepted, for example because no file is free.
const PAUSE: Duration = Duration::from_millis(100);

/// An answer.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

/// An answer that is on its way.
pub(super) type Replying = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Answers requests by their method and path.
pub(super) trait Answer: Send + Sync + 'static {
    /// Answers a request.
    fn answer(&self, method: &Method, path: &str) -> Replying;
}

impl Reply {
    /// A line of text.
    pub(super) fn line(status: StatusCode, line: &str) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: format!("{line}\n") }
    }
}

/// Serves the clients of a listener until the task ends.
pub(super) async fn serve(listener: Listener, answer: Arc<dyn Answer>) {
    let clients = Arc::new(Semaphore::new(MOST_CLIENTS));
    loop {
        let Ok(client) = Arc::clone(&clients).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let answer = Arc::clone(&answer);
                tokio::spawn(async move {
                    let _client = client;
                    let served = connection(Stream::Fresh(stream), answer);
                    let _ = tokio::time::timeout(CONNECTION_TIME, served).await;
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn connection<S>(stream: S, answer: Arc<dyn Answer>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let replying = answer.answer(request.method(), request.uri().path());
        async move {
            let Reply { status, content_type, body } = replying.await;
            let mut response = Response::new(Full::new(Bytes::from(body)));
            *response.status_mut() = status;
            let content_type = hyper::header::HeaderValue::from_static(content_type);
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(16 << 10);
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}
