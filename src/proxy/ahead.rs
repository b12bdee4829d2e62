//! A body that is read whole before any of it goes on.

use std::future::poll_fn;

use super::intake::Intake;
use super::scratch::poll_read;
use super::stream::Stream;
use crate::http1::{Piece, Progress};
use crate::policy::Body;

/// What was read of a body before the request goes on.
#[derive(Debug)]
pub(super) enum Ahead {
    /// Nothing, as the gate did not ask for it.
    NotAsked,
    /// Nothing that could be shown to the gate.
    Unavailable,
    /// All of it.
    Whole(Whole),
}

impl Ahead {
    /// The body as the gate sees it.
    pub(super) fn body(&self) -> Body<'_> {
        match self {
            Self::NotAsked => Body::Unread,
            Self::Unavailable => Body::Unavailable,
            Self::Whole(whole) => Body::Whole(&whole.body),
        }
    }
}

/// A body that has all come, and is still kept as it came.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) body: Vec<u8>,
    /// How many bytes it takes as it came.
    pub(super) length: usize,
    /// Whether its chunks have a form that only who watches takes.
    pub(super) is_odd: bool,
}

/// Waits for a whole body of at most so many bytes on the wire. What has come stays where it is kept,
/// so that it can go on as it came whatever is found here; none when the body is longer, is not in
/// order, or breaks off, or when all that waits in memory is too much. `waits` is told how many bytes have
/// come and how many are held whenever more are waited for, and says whether that is still fine.
pub(super) async fn read(
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
