//! The bodies of requests and answers on their way through.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body_util::Full;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};

use super::exchange::add;
use super::expect::Continue;
use super::link::Link;

/// Something held until an answer has ended.
pub(super) type Held = Box<dyn std::any::Any + Send + Sync>;

/// A body, either way.
pub(super) enum Body {
    /// A request's, from the client.
    Request(Upload),
    /// An answer's, from the engine.
    Answer(Download),
    /// An answer's, from dsp itself.
    Own { body: Full<Bytes>, _held: Option<Held> },
    /// None, and of no length: what follows the head is not for HTTP to carry.
    Raw,
}

/// A request's body: counted, held until the engine wants it, and its end told to the link.
pub(super) struct Upload {
    body: Incoming,
    bytes: Arc<AtomicU64>,
    link: Arc<Link>,
    held_until: Option<Continue>,
}

impl Upload {
    /// A client that waits to be asked for the body is not asked before `held_until`.
    pub(super) fn new(
        body: Incoming,
        bytes: &Arc<AtomicU64>,
        link: &Arc<Link>,
        held_until: Option<Continue>,
    ) -> Self {
        Self { body, bytes: Arc::clone(bytes), link: Arc::clone(link), held_until }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if let Some(until) = &mut self.held_until {
            ready!(until.poll(context));
            self.held_until = None;
        }
        let has_client_ended = self.link.has_client_ended(context.waker());
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            if has_client_ended {
                self.link.truncated();
            }
            return Poll::Pending;
        };
        count(frame.as_ref(), &self.bytes);
        // Behind trailers nobody asks for more.
        let is_last = match &frame {
            Some(Ok(frame)) => frame.is_trailers() || self.body.is_end_stream(),
            Some(Err(_)) => self.body.is_end_stream(),
            None => true,
        };
        if is_last {
            self.link.received();
        }
        Poll::Ready(frame)
    }
}

/// An answer's body: counted, and an error kept back until everything before it is out.
pub(super) struct Download {
    body: Incoming,
    bytes: Arc<AtomicU64>,
    link: Arc<Link>,
    error: Option<hyper::Error>,
    /// Dropped when the answer has ended, which is what tells the sink.
    _held: Held,
}

impl Download {
    pub(super) fn new(body: Incoming, bytes: Arc<AtomicU64>, link: Arc<Link>, held: Held) -> Self {
        Self { body, bytes, link, error: None, _held: held }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if self.error.is_none() {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
            count(frame.as_ref(), &self.bytes);
            let Some(Err(error)) = frame else { return Poll::Ready(frame) };
            // hyper drops what it has not written yet when a body fails. It writes before it asks
            // again.
            self.error = Some(error);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.link.client_unflushed() {
            return Poll::Pending;
        }
        Poll::Ready(self.error.take().map(Err))
    }
}

fn count(frame: Option<&hyper::Result<Frame<Bytes>>>, bytes: &AtomicU64) {
    if let Some(Ok(frame)) = frame
        && let Some(data) = frame.data_ref()
    {
        add(bytes, data.remaining());
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Request(upload) => upload.poll(context),
            Self::Answer(download) => download.poll(context),
            Self::Own { body, .. } => {
                Pin::new(body).poll_frame(context).map_err(|never| match never {})
            }
            Self::Raw => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Request(Upload { body, .. }) | Self::Answer(Download { body, .. }) => {
                body.is_end_stream()
            }
            Self::Own { body, .. } => body.is_end_stream(),
            Self::Raw => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Request(Upload { body, .. }) | Self::Answer(Download { body, .. }) => {
                body.size_hint()
            }
            Self::Own { body, .. } => body.size_hint(),
            Self::Raw => SizeHint::default(),
        }
    }
}
