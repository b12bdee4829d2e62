//! `Expect: 100-continue` (RFC 9110 section 10.1.1): a client that does not want to send a large
//! body in vain waits until it is asked for it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::header::EXPECT;
use hyper::{HeaderMap, Request, StatusCode};
use tokio_util::sync::CancellationToken;

/// An engine behind an old proxy may never ask. A client that is not asked sends its body after a
/// while all the same, and curl's while is one second.
const PATIENCE: Duration = Duration::from_secs(1);

/// Resolves when the engine has asked for a body, or will not.
pub(super) struct Continue(Pin<Box<dyn Future<Output = ()> + Send + Sync>>);

/// Whether the client waits to be asked.
pub(super) fn expects(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

impl Continue {
    /// Listens for the engine's `100 Continue` to this request. The token is cancelled when the
    /// client is asked for the body.
    pub(super) fn listen<B>(request: &mut Request<B>) -> (Self, CancellationToken) {
        let asked = CancellationToken::new();
        let told = asked.clone();
        hyper::ext::on_informational(request, move |answer| {
            if answer.status() == StatusCode::CONTINUE {
                told.cancel();
            }
        });
        let wanted = asked.clone();
        let until = async move {
            if tokio::time::timeout(PATIENCE, asked.cancelled()).await.is_err() {
                asked.cancel();
            }
        };
        (Self(Box::pin(until)), wanted)
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}
