//! Closes a connection so that the other side gets all that was sent to it.

use std::future::poll_fn;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::scratch::poll_read;
use crate::wire::Stream;

/// How long to keep a connection open for a client that is still sending (Go's `rstAvoidanceDelay`).
const LINGER: Duration = Duration::from_millis(500);

/// Closes a connection on which the client may still be sending. Closing it with unread bytes would
/// reset it, and a reset discards the part of the answer that the client has not read yet.
pub(crate) async fn linger(stream: &mut Stream) {
    let rest = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        while let Ok(true) =
            poll_fn(|context| poll_read(stream, context, |bytes, _| !bytes.is_empty())).await
        {
        }
    };
    let _ = tokio::time::timeout(LINGER, rest).await;
}

/// Closes a connection on which nothing more is expected. The system sends what was written to a
/// socket, but not what TLS has still to send, and TLS announces the end.
pub(crate) async fn close(stream: &mut Stream) {
    if stream.is_tls() {
        let _ = tokio::time::timeout(LINGER, stream.shutdown()).await;
    }
}
