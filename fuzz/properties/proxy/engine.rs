//! An engine that gives prepared answers and keeps every byte it receives.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::{locked, message};

/// The answer after all prepared ones; HEAD gets no body.
const YES: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
const BODY: &[u8] = b"{}";

/// Serves until its runtime ends.
#[derive(Default)]
pub struct Engine {
    script: Mutex<Script>,
    /// The received bytes of each connection, in order.
    got: Mutex<Vec<Vec<u8>>>,
    open: AtomicUsize,
}

#[derive(Default)]
struct Script {
    answers: VecDeque<Vec<u8>>,
    is_early: bool,
    keeps: bool,
}

impl Engine {
    /// Listens on a unix socket, in the current runtime.
    pub fn start(path: &Path) -> Arc<Self> {
        let listener = UnixListener::bind(path).expect("a socket");
        let engine = Arc::new(Self::default());
        let own = Arc::clone(&engine);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let own = Arc::clone(&own);
                own.open.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    own.serve(stream).await;
                    own.open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        engine
    }

    /// Clears the received bytes and sets the answers. The engine sends each one as soon as it has
    /// a head, or once it has the whole request. After an answer with an end of its own, it keeps
    /// the connection or not.
    pub fn prepare(&self, answers: Vec<Vec<u8>>, is_early: bool, keeps: bool) {
        *locked(&self.script) = Script { answers: answers.into(), is_early, keeps };
        locked(&self.got).clear();
    }

    /// Whether a connection is open.
    pub fn is_busy(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    /// The received bytes of each connection.
    pub fn got(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *locked(&self.got))
    }

    async fn serve(&self, mut stream: UnixStream) {
        let is_early = locked(&self.script).is_early;
        let (mut bytes, mut begin) = (Vec::new(), 0);
        let (mut is_answered, mut has_closed) = (false, false);
        loop {
            let rest = &bytes[begin..];
            if !has_closed && (message::request(rest).is_err() || message::ends_in_line_feeds(rest))
            {
                // It does not understand the request, and closes the connection as an engine would.
                has_closed = true;
                let _ = stream.shutdown().await;
            }
            while let Ok(Some((head, length))) = message::request(&bytes[begin..]) {
                let is_due = !is_answered && (is_early || length.is_some());
                if is_due && !has_closed {
                    has_closed = self.answer(&mut stream, head.method()).await;
                }
                is_answered |= is_due;
                let Some(length) = length else { break };
                begin += length;
                is_answered = false;
            }
            if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
                break;
            }
        }
        locked(&self.got).push(bytes);
    }

    /// Sends the next answer, and returns whether it was the last one on this connection.
    async fn answer(&self, stream: &mut UnixStream, method: &str) -> bool {
        let (next, keeps) = {
            let mut script = locked(&self.script);
            (script.answers.pop_front(), script.keeps)
        };
        let keeps =
            next.as_ref().is_none_or(|answer| keeps && message::ends_itself(answer, method));
        let answer = next.unwrap_or_else(|| match method {
            "HEAD" => YES.to_vec(),
            _ => [YES, BODY].concat(),
        });
        let is_written = stream.write_all(&answer).await.is_ok();
        if is_written && !keeps {
            let _ = stream.shutdown().await;
        }
        !is_written || !keeps
    }
}
