//! An answer of which something is hidden: which ones can be read, and what is sent of their bodies.

use super::{Answer, Coding, ResponseSide};
use crate::answers::{Filter, Hide};
use crate::http1::{
    BadResponse, Body, Disorder, Piece, Progress, ResponseHead, write_chunk, write_last_chunk,
};
use crate::proxy::record::Record;
use crate::proxy::relaying::ending::Ending;
use crate::proxy::relaying::exchange::{Exchange, count};

/// What was read of a body.
struct Taken {
    /// How many of the bytes belong to the body.
    length: usize,
    /// Whether the body has ended.
    is_last: bool,
}

/// The body cannot be read, or nothing can be hidden in it.
struct Unread;

/// The filter for the body of an answer; `None` if it has no body, or is an error and passes as it is.
///
/// # Errors
/// The answer is not JSON, not all of it, or encoded.
pub(super) fn filter_of(
    hide: Hide,
    head: &ResponseHead<'_, '_>,
) -> Result<Option<Box<Filter>>, BadResponse> {
    if head.status.as_u16() >= 400 || matches!(head.body, Body::Length(0)) {
        return Ok(None);
    }
    let kind = head.value("content-type").unwrap_or_default();
    let (kind, charset) = match kind.iter().position(|byte| *byte == b';') {
        Some(end) => kind.split_at_checked(end).unwrap_or((kind, b"")),
        None => (kind, &b""[..]),
    };
    let charset = charset.strip_prefix(b";").unwrap_or_default().trim_ascii();
    let is_json = kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
        && (charset.is_empty() || charset.eq_ignore_ascii_case(b"charset=utf-8"));
    let is_plain = match head.value("content-encoding") {
        None => true,
        Some(encoding) => encoding.eq_ignore_ascii_case(b"identity"),
    };
    let is_whole = head.status.as_u16() != 206 && head.value("content-range").is_none();
    match is_json && is_plain && is_whole && head.status.is_success() {
        true => Ok(Some(Box::new(hide.filter()))),
        false => Err(BadResponse::Unread),
    }
}

/// Reads bytes of a body, and writes what the client gets of them. `is_chunked` is whether that is sent in
/// chunks; otherwise the end of the connection ends it.
fn take(
    filter: &mut Filter,
    body: &mut Body,
    bytes: &[u8],
    is_chunked: bool,
    out: &mut Vec<u8>,
) -> Result<Taken, Unread> {
    let mut left = Vec::with_capacity(bytes.len());
    let taken = match body {
        Body::Length(rest) => {
            let length = usize::try_from(*rest).map_or(bytes.len(), |rest| rest.min(bytes.len()));
            *rest -= u64::try_from(length).unwrap_or(*rest);
            let part = bytes.get(..length).unwrap_or_default();
            filter.push(part, &mut left).map_err(|_| Unread)?;
            Taken { length, is_last: *rest == 0 }
        }
        Body::Chunked(framing) => {
            let mut is_read = true;
            let read = framing.read_body(bytes, |piece| match piece {
                Piece::Data(data) => is_read = is_read && filter.push(data, &mut left).is_ok(),
                Piece::Trailers(_) => {}
            });
            match read.map_err(|_| Unread)? {
                _ if !is_read => return Err(Unread),
                Progress::Ended(length) => Taken { length, is_last: true },
                Progress::Head(_) | Progress::More => Taken { length: bytes.len(), is_last: false },
            }
        }
        Body::UntilEnd => {
            filter.push(bytes, &mut left).map_err(|_| Unread)?;
            Taken { length: bytes.len(), is_last: bytes.is_empty() }
        }
    };
    if taken.is_last {
        filter.finish().map_err(|_| Unread)?;
    }
    if is_chunked {
        write_chunk(&left, out);
        if taken.is_last {
            write_last_chunk(b"", b"", out);
        }
    } else {
        out.extend_from_slice(&left);
    }
    Ok(taken)
}

impl ResponseSide {
    /// Handles bytes of a body of which something is hidden.
    #[inline(never)]
    pub(super) fn hidden_body<R: Record>(
        &mut self,
        bytes: &[u8],
        exchange: &mut Exchange<R>,
    ) -> Result<(), Ending> {
        let is_chunked = self.answer.coding == Coding::Chunks;
        let Answer { filter: Some(filter), body: Some(body), .. } = &mut self.answer else {
            return Err(Ending::Broken);
        };
        let taken = match take(filter, body, bytes, is_chunked, self.outbox.room()) {
            Ok(taken) if !bytes.is_empty() || taken.is_last => taken,
            Ok(_) => return Err(Ending::Broken),
            Err(Unread) => {
                exchange.note_disorder(Disorder::Unread, false);
                return Err(Ending::Broken);
            }
        };
        if taken.is_last {
            exchange.show();
        }
        self.answer.is_whole = taken.is_last;
        self.answer.keeps &= taken.length == bytes.len();
        exchange.outcome.sent += count(bytes.get(..taken.length).unwrap_or_default());
        Ok(())
    }

    /// The ending of an answer whose head is in the outbox from position `before` on. If nothing can be hidden
    /// in it, the client gets the reason in its place, for nothing of it has been sent.
    pub(super) fn unless_unread(&mut self, ending: Ending, before: usize) -> Ending {
        match ending {
            Ending::Broken if self.answer.filter.is_some() => {
                self.outbox.room().truncate(before);
                self.answer = Answer::default();
                Ending::Unusable(BadResponse::Unread)
            }
            ending => ending,
        }
    }
}
