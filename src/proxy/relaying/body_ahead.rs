//! Reading a whole body before any of it is forwarded.

use std::future::poll_fn;

use super::request_reader::Intake;
use crate::http1::{Piece, Progress};
use crate::policy::Body;
use crate::proxy::streams::scratch::poll_read;
use crate::proxy::streams::stream::Stream;

/// The part of a body that was read before the request is forwarded.
#[derive(Debug)]
pub(crate) enum Ahead {
    /// Nothing, because the gate did not ask for it.
    NotAsked,
    /// Nothing that can be shown to the gate.
    Unavailable,
    /// All of it.
    Whole(Whole),
}

impl Ahead {
    /// The body as the gate sees it.
    pub(crate) fn body(&self) -> Body<'_> {
        match self {
            Self::NotAsked => Body::Unread,
            Self::Unavailable => Body::Unavailable,
            Self::Whole(whole) => Body::Whole(&whole.body),
        }
    }
}

/// A complete body, which is also still kept as it came.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) body: Vec<u8>,
    /// Its length on the wire, in bytes.
    pub(crate) length: usize,
    /// Whether it uses a chunk format that is only accepted when watching.
    pub(crate) is_odd: bool,
}

/// Waits for a complete body of at most `most` bytes on the wire. The bytes stay in the intake, so that
/// they can be forwarded as they came, whatever is found here. Returns `None` if the body is longer,
/// malformed or cut off, or if too much memory is in use. Before each read, `waits` gets the number of
/// bytes received and the number of bytes in memory, and returns whether to continue.
pub(crate) async fn read(
    client: &mut Stream,
    intake: &mut Intake,
    most: usize,
    mut waits: impl FnMut(usize, usize) -> bool,
) -> Option<Whole> {
    let mut framing = intake.framing();
    let (mut body, mut seen) = (Vec::new(), 0);
    loop {
        let fresh = intake.kept().get(seen..).unwrap_or_default();
        if !fresh.is_empty() {
            let progress = framing.read_body(fresh, |piece| match piece {
                Piece::Data(data) => body.extend_from_slice(data),
                Piece::Trailers(_) => {}
            });
            let is_whole = match progress.ok()? {
                Progress::Ended(length) => {
                    seen += length;
                    true
                }
                Progress::Head(_) | Progress::More => {
                    seen += fresh.len();
                    false
                }
            };
            if seen > most {
                return None;
            }
            if is_whole {
                return Some(Whole { body, length: seen, is_odd: framing.has_odd_chunks() });
            }
        }
        if intake.has_ended() || !waits(seen, intake.held() + body.capacity()) {
            return None;
        }
        poll_fn(|context| poll_read(client, context, |bytes, _| intake.push(bytes))).await.ok()?;
    }
}
