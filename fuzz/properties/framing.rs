//! The end of requests: always at the same positions, however the bytes are split.

use dsp::http1::{Flaw, Framing, LONGEST_HEAD, Progress};

/// Takes the first byte as the length of the pieces, and the rest as the client's bytes.
pub fn check(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else { return };
    let whole = read(stream, stream.len().max(1));
    assert_eq!(read(stream, usize::from(*size).max(1)), whole, "in pieces of {size}");
    let (ends, flaw) = whole;
    assert!(ends.is_sorted() && ends.iter().all(|end| *end <= stream.len()), "{ends:?}");
    if let Some(flaw) = flaw {
        assert!(super::printable(&flaw.to_string()) && (400..500).contains(&flaw.status()));
    }
}

/// The ends of heads and requests, and the flaw that ended the reading.
fn read(stream: &[u8], size: usize) -> (Vec<usize>, Option<Flaw>) {
    let (mut framing, mut ends) = (Framing::default(), Vec::new());
    let (mut held, mut at): (Vec<u8>, usize) = (Vec::new(), 0);
    for piece in stream.chunks(size) {
        held.extend_from_slice(piece);
        while !held.is_empty() {
            let taken = match framing.advance(&held) {
                Ok(Progress::Ended(length) | Progress::Head(length)) => {
                    assert!(length <= held.len());
                    ends.push(at + length);
                    length
                }
                Ok(Progress::More) if framing.is_head() => {
                    assert!(held.len() <= LONGEST_HEAD, "a head is held without bound");
                    break;
                }
                Ok(Progress::More) => held.len(),
                Err(flaw) => return (ends, Some(flaw)),
            };
            at += taken;
            held.drain(..taken);
        }
    }
    (ends, None)
}
