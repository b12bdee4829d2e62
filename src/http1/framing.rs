//! Where a message begins and ends (RFC 9112), read strictly.
//!
//! Servers disagree about heads that are not quite valid: what one of them takes for the body of a
//! request, another takes for the next request (docs/engine-api.md#framing). So a head either has the
//! one form that every server reads in the same way, or it has a [`Flaw`]. Every Docker client writes
//! that form.

use super::chunked::{Chunks, LONGEST_EXTENSIONS};
use super::flaw::Flaw;
use super::header::is_token;
use super::request_head::{self, LONGEST_HEAD, Length, RequestHead};

/// Reads one request after another as the bytes arrive.
///
/// [`Framing::find_head`] looks for the end of a head, and [`Framing::read_head`] reads the head. If it
/// has a body, [`Framing::read_body`] reads that. Then the next head begins.
#[derive(Clone, Debug, Default)]
pub struct Framing {
    state: State,
    watches: bool,
    has_odd_chunks: bool,
    /// The length of all extensions of the current body so far.
    extensions: usize,
}

/// How far a request reaches into the bytes that were passed to a [`Framing`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// The request ends after this many bytes.
    Ended(usize),
    /// The head ends after this many bytes, and a body follows.
    Head(usize),
    /// All bytes are part of the request, which is not over yet.
    More,
}

/// A part of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Piece<'a> {
    /// Data, without its framing.
    Data(&'a [u8]),
    /// Part of the lines after a chunked body, including the empty line at their end.
    Trailers(&'a [u8]),
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// In a head. This many of its bytes have already been searched for its end.
    Head(usize),
    /// In a body with this many bytes left.
    Body(u64),
    /// In a chunked body.
    Chunks(Chunks),
}

impl Default for State {
    fn default() -> Self {
        Self::Head(0)
    }
}

impl Framing {
    /// A reader for a proxy that only watches. It accepts flaws that leave the end of the request
    /// certain; docs/engine-api.md#framing says what an engine does with each of them.
    #[must_use]
    pub fn watching() -> Self {
        Self { watches: true, ..Self::default() }
    }

    /// A reader at the start of a chunked body.
    #[must_use]
    pub fn chunked() -> Self {
        Self { state: State::Chunks(Chunks::START), ..Self::default() }
    }

    /// Whether the chunks of the last body, as far as it was read, have a form that only a watcher
    /// accepts.
    #[must_use]
    pub fn has_odd_chunks(&self) -> bool {
        self.has_odd_chunks
    }

    /// Starts over at the head of a request, whatever came before.
    pub fn restart(&mut self) {
        self.state = State::default();
    }

    /// Whether the next byte is the first byte of a request.
    #[must_use]
    pub fn is_between(&self) -> bool {
        matches!(self.state, State::Head(0))
    }

    /// Whether a head is being read. Its bytes must be kept, and passed again along with those that
    /// follow, until it has ended. The bytes of a body are passed only once.
    #[must_use]
    pub fn is_head(&self) -> bool {
        matches!(self.state, State::Head(_))
    }

    /// Whether a chunked body is being read.
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        matches!(self.state, State::Chunks(_))
    }

    /// Looks for the end of a head in all of its bytes so far. Returns its length, or `None` if it has
    /// not ended yet.
    ///
    /// # Errors
    /// [`Flaw`], if the bytes so far cannot become a valid head.
    pub fn find_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Flaw> {
        // Anything else, such as the start of TLS, may never contain a line break to wait for.
        if bytes.first().is_some_and(|first| !is_token(*first)) {
            return Err(Flaw::RequestLine);
        }
        let seen = if let State::Head(seen) = self.state { seen } else { 0 };
        // A flaw in the request line takes precedence over any other.
        let first_flaw = || request_head::first_flaw(bytes, self.watches);
        let first = |flaw| first_flaw().unwrap_or(flaw);
        let found = request_head::end(bytes, seen).map_err(first)?;
        if found.unwrap_or(bytes.len()) > LONGEST_HEAD {
            return Err(first(Flaw::TooLong));
        }
        if found.is_none() {
            if let Some(flaw) = first_flaw() {
                return Err(flaw);
            }
            self.state = State::Head(bytes.len());
        }
        Ok(found)
    }

    /// Reads a whole head, as found by [`Framing::find_head`]. Either its body or the next head
    /// follows.
    ///
    /// # Errors
    /// [`Flaw`], after which the meaning of the bytes that follow is unknown.
    pub fn read_head<'a>(&mut self, head: &'a [u8]) -> Result<RequestHead<'a>, Flaw> {
        let head = RequestHead::read(head, self.watches)?;
        self.state = match head.body() {
            Length::Exactly(0) => State::default(),
            Length::Exactly(left) => State::Body(left),
            Length::Chunked => {
                (self.has_odd_chunks, self.extensions) = (false, 0);
                State::Chunks(Chunks::START)
            }
        };
        Ok(head)
    }

    /// Reads the next bytes of a body, and passes the data in them to `show`.
    ///
    /// # Errors
    /// [`Flaw`], after which the meaning of the bytes that follow is unknown.
    pub fn read_body(
        &mut self,
        bytes: &[u8],
        show: impl FnMut(Piece<'_>),
    ) -> Result<Progress, Flaw> {
        match self.state {
            // There is no body.
            State::Head(_) => Ok(Progress::Ended(0)),
            State::Body(left) => Ok(self.plain(left, bytes, show)),
            State::Chunks(chunks) => self.chunks(chunks, bytes, show),
        }
    }

    /// Looks at bytes, which are either a whole head so far or the next bytes of a body, and returns
    /// only how far they reach.
    ///
    /// # Errors
    /// [`Flaw`], after which the meaning of the bytes that follow is unknown.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Progress, Flaw> {
        if !self.is_head() {
            return self.read_body(bytes, |_| ());
        }
        let Some(length) = self.find_head(bytes)? else { return Ok(Progress::More) };
        let has_body = self.read_head(bytes.get(..length).unwrap_or_default())?.has_body();
        Ok(if has_body { Progress::Head(length) } else { Progress::Ended(length) })
    }

    fn plain(&mut self, left: u64, bytes: &[u8], mut show: impl FnMut(Piece<'_>)) -> Progress {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length < left {
            self.state = State::Body(left - length);
            show(Piece::Data(bytes));
            return Progress::More;
        }
        self.state = State::default();
        let length = usize::try_from(left).unwrap_or(bytes.len());
        show(Piece::Data(bytes.get(..length).unwrap_or_default()));
        Progress::Ended(length)
    }

    fn chunks(
        &mut self,
        mut chunks: Chunks,
        bytes: &[u8],
        mut show: impl FnMut(Piece<'_>),
    ) -> Result<Progress, Flaw> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if let Chunks::Data(left) = chunks {
                let there = bytes.len() - at;
                let taken = usize::try_from(left).map_or(there, |left| left.min(there));
                let left = left - u64::try_from(taken).unwrap_or(left);
                chunks = if left > 0 { Chunks::Data(left) } else { Chunks::DataEnd(false) };
                show(Piece::Data(bytes.get(at..at + taken).unwrap_or_default()));
                at += taken;
                continue;
            }
            if matches!(chunks, Chunks::Trailer(..)) {
                show(Piece::Trailers(std::slice::from_ref(byte)));
            }
            at += 1;
            self.has_odd_chunks |= self.watches && chunks.next(*byte, false).is_err();
            match chunks.next(*byte, self.watches)? {
                Some(next @ (Chunks::Blanks(_) | Chunks::Extension(_))) => {
                    self.extensions += 1;
                    if self.extensions > LONGEST_EXTENSIONS {
                        return Err(Flaw::Chunk);
                    }
                    chunks = next;
                }
                Some(next) => chunks = next,
                None => {
                    self.state = State::default();
                    return Ok(Progress::Ended(at));
                }
            }
        }
        self.state = State::Chunks(chunks);
        Ok(Progress::More)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http1::chunked::LONGEST_TRAILERS;
    use crate::http1::{LONGEST_TARGET, MOST_HEADERS};

    /// Reads a stream that arrives all at once. Returns where each request ends, and the flaw.
    fn requests(mut bytes: &[u8]) -> (Vec<usize>, Option<Flaw>) {
        let (mut framing, mut ends, mut at) = (Framing::default(), Vec::new(), 0);
        while !bytes.is_empty() {
            match framing.advance(bytes) {
                Ok(Progress::Ended(length)) => {
                    at += length;
                    ends.push(at);
                    bytes = &bytes[length..];
                }
                Ok(Progress::Head(length)) => {
                    at += length;
                    bytes = &bytes[length..];
                }
                Ok(Progress::More) => break,
                Err(flaw) => return (ends, Some(flaw)),
            }
        }
        (ends, None)
    }

    fn flaw(head: &str) -> Option<Flaw> {
        requests(head.as_bytes()).1
    }

    const GET: &str = "GET /info HTTP/1.1\r\nHost: d\r\n\r\n";

    /// Shell scripts write no carriage returns, or forget one (docs/engine-api.md#line-endings).
    #[test]
    fn a_line_feed_alone_ends_a_line_and_nothing_else_does() {
        for head in [
            "GET /info HTTP/1.0\n\n",
            "GET /info HTTP/1.0\r\n\n",
            "GET /info HTTP/1.0\n\r\n",
            "POST /x HTTP/1.1\nHost: d\r\nX: y\nContent-Length: 0\n\n",
        ] {
            let whole = format!("{head}{GET}");
            assert_eq!(
                requests(whole.as_bytes()),
                (vec![head.len(), whole.len()], None),
                "{head:?}"
            );
        }
        let body = "POST /x HTTP/1.1\nHost: d\nContent-Length: 2\n\n\n\n";
        assert_eq!(requests(body.as_bytes()), (vec![body.len()], None));
        for head in ["GET /info HTTP/1.0\r\r\n", "GET /info HTTP/1.0\rX", "GET / HTTP/1.0\n\rX"] {
            assert_eq!(flaw(head), Some(Flaw::BareLineBreak), "{head:?}");
        }
    }

    /// A host before the path means nothing to an engine (docs/engine-api.md#request-targets).
    #[test]
    fn a_target_may_name_a_host() {
        for target in ["http://d/info", "HTTP://proxy.example:2375/info?x=1", "http://[::1]:1/"] {
            assert_eq!(
                flaw(&format!("GET {target} HTTP/1.1\r\nHost: d\r\n\r\n")),
                None,
                "{target}"
            );
        }
    }

    /// A watcher accepts the flaws that leave the end of a request certain.
    #[test]
    fn a_watcher_reads_what_an_engine_takes() {
        for (head, expected) in [
            ("OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::Target),
            ("GET https://u:p@d/info HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::Target),
            ("GET /info#x HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::TargetCharacter),
            ("GET /info HTTP/1.2\r\nHost: d\r\n\r\n", Flaw::Version),
            ("GET /info HTTP/1.1\r\n\r\n", Flaw::Host),
            (
                "POST /x HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\ncontent-length: 0\r\n\r\n",
                Flaw::Length,
            ),
        ] {
            let mut framing = Framing::watching();
            for (head, flaw) in [(head, Some(expected)), (GET, None)] {
                assert_eq!(framing.find_head(head.as_bytes()), Ok(Some(head.len())), "{head:?}");
                let read = framing.read_head(head.as_bytes()).unwrap();
                assert_eq!((read.flaw(), read.has_body()), (flaw, false), "{head:?}");
                assert!(framing.is_between());
            }
        }
        for head in ["GET /info\r\n", "GET /info HTTP/2.0\r\n", "GET  /info HTTP/1.1\n"] {
            let early = Framing::watching().advance(head.as_bytes());
            assert!(early.is_err(), "nobody waits for the rest of {head:?}");
        }
    }

    #[test]
    fn requests_end_where_everybody_says_they_end() {
        let post = "POST /x HTTP/1.1\r\nHost:\r\ncontent-length: 5\r\n\r\nGET /";
        let chunked = "POST /x HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: Chunked\r\n\r\n\
                       5\r\nGET /\r\nA\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\nX-Sum: 1\r\n\r\n";
        let old = "GET / HTTP/1.0\r\n\r\n";
        let all = [GET, post, chunked, old, GET].concat();
        let mut end = 0;
        let ends: Vec<usize> = [GET, post, chunked, old, GET]
            .iter()
            .map(|request| {
                end += request.len();
                end
            })
            .collect();
        assert_eq!(requests(all.as_bytes()), (ends, None));
    }

    #[test]
    fn what_is_read_in_two_ways_is_a_flaw() {
        let with = |headers: &str| format!("POST /x HTTP/1.1\r\nHost: d\r\n{headers}\r\n");
        for (headers, expected) in [
            ("Content-Length: 1\r\nContent-Length: 1\r\n", Flaw::Length),
            ("Content-Length: 1\r\nContent-Length: 2\r\n", Flaw::Length),
            ("Content-Length: 3, 3\r\n", Flaw::Length),
            ("Content-Length: +3\r\n", Flaw::Length),
            ("Content-Length: 0x3\r\n", Flaw::Length),
            ("Content-Length: -0\r\n", Flaw::Length),
            ("Content-Length:\r\n", Flaw::Length),
            ("Content-Length: 99999999999999999999\r\n", Flaw::Length),
            ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", Flaw::LengthAndEncoding),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                Flaw::TransferEncoding,
            ),
            ("Transfer-Encoding: chunked, chunked\r\n", Flaw::TransferEncoding),
            ("Transfer-Encoding: gzip, chunked\r\n", Flaw::TransferEncoding),
            ("Transfer-Encoding: identity\r\n", Flaw::TransferEncoding),
            ("Transfer-Encoding: xchunked\r\n", Flaw::TransferEncoding),
            ("Transfer-Encoding:\r\n", Flaw::TransferEncoding),
            ("X: a\r\n b\r\n", Flaw::Folded),
            ("X: a\r\n\tb\r\n", Flaw::Folded),
            ("X: a\r\r\n", Flaw::BareLineBreak),
            ("X: a\n b: c\n", Flaw::Folded),
            ("X: a\rb\r\n", Flaw::BareLineBreak),
            ("X: a\0b\r\n", Flaw::Control),
            ("X: a\x7fb\r\n", Flaw::Control),
            ("X : a\r\n", Flaw::HeaderName),
            (": a\r\n", Flaw::HeaderName),
            ("X a\r\n", Flaw::HeaderName),
            ("X\u{e9}: a\r\n", Flaw::HeaderName),
            ("Host: e\r\n", Flaw::Host),
        ] {
            assert_eq!(flaw(&with(headers)), Some(expected), "{headers:?}");
        }
        for (head, expected) in [
            ("GET /info HTTP/1.1\r\n\r\n", Flaw::Host),
            ("GET /info HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Flaw::TransferEncoding),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Flaw::Version),
            ("GET /info HTTP/1.2\r\nHost: d\r\n\r\n", Flaw::Version),
            ("GET /info\r\n\r\n", Flaw::RequestLine),
            ("GET  /info HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::RequestLine),
            ("GET /a b HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::RequestLine),
            ("GET /info HTTP/1.1 \r\nHost: d\r\n\r\n", Flaw::RequestLine),
            ("GET\t/info HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::RequestLine),
            ("GET /\u{e9} HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::RequestLine),
            ("\r\nGET /info HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::RequestLine),
            ("GET https://d/info HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::Target),
            ("GET http:/info HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::Target),
            ("GET http:///info HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::Target),
            ("GET http://d HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::Target),
            ("GET http://d?x HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::Target),
            ("GET http://u:p@d/info HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::Target),
            ("GET http://d\\e/info HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::Target),
            ("OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::Target),
            ("GET /info#x HTTP/1.1\r\nHost: d\r\n\r\n", Flaw::TargetCharacter),
            ("GET /info/\"b\" HTTP/1.0\r\n\r\n", Flaw::TargetCharacter),
            (" GET /info HTTP/1.1\r\n", Flaw::RequestLine),
            ("\u{16}\u{3}\u{1}", Flaw::RequestLine),
        ] {
            assert_eq!(flaw(head), Some(expected), "{head:?}");
        }
        for body in [
            "g\r\n",
            "\r\n",
            "5;x=1\r\n",
            "5\n",
            "0x5\r\n",
            "-1\r\n",
            " 5\r\n",
            "5 \r\n",
            "1\r\nab",
            "1\r\na\n",
            "0\r\n\n",
            "0\r\n x: y\r\n",
            "0\r\nx: \0\r\n",
            "0\r\nx\r\n",
            "0\r\nx : y\r\n",
            "0\r\n: y\r\n",
            "0\r\nx: y\n",
            "1111111111111111\r\n",
        ] {
            let message = with("Transfer-Encoding: chunked\r\n") + body;
            assert_eq!(flaw(&message), Some(Flaw::Chunk), "{body:?}");
        }
    }

    #[test]
    fn nothing_grows_without_bound() {
        let long = format!("GET /{}", "a".repeat(LONGEST_HEAD));
        assert_eq!(flaw(&long), Some(Flaw::TooLong));
        let target = |length| format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(length - 1));
        assert_eq!(flaw(&target(LONGEST_TARGET)), None);
        assert_eq!(flaw(&target(LONGEST_TARGET + 1)), Some(Flaw::TooLong));
        let header = |count| format!("GET / HTTP/1.0\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert_eq!(flaw(&header(MOST_HEADERS)), None);
        assert_eq!(flaw(&header(MOST_HEADERS + 1)), Some(Flaw::TooLong));
        let trailers = format!(
            "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{}",
            "X: y\r\n".repeat(LONGEST_TRAILERS / 4 + 1)
        );
        assert_eq!(flaw(&trailers), Some(Flaw::Chunk));
    }

    /// Messages that are mostly valid.
    fn messages() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            8 => Just(GET.to_owned()),
            4 => Just("POST / HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\n\r\nabc".to_owned()),
            4 => Just(
                "POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
                    .to_owned()
            ),
            1 => "[A-Za-z :/\\r\\n0-9]{0,20}",
        ];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        /// It does not matter in how many pieces the bytes arrive.
        #[test]
        fn pieces_do_not_matter(message in messages(), size in 1usize..20) {
            let (mut framing, mut ends, mut flaw) = (Framing::default(), Vec::new(), None);
            let (mut held, mut at): (Vec<u8>, usize) = (Vec::new(), 0);
            'pieces: for piece in message.chunks(size) {
                held.extend_from_slice(piece);
                while !held.is_empty() {
                    let taken = match framing.advance(&held) {
                        Ok(Progress::Ended(length)) => {
                            ends.push(at + length);
                            length
                        }
                        Ok(Progress::Head(length)) => length,
                        Ok(Progress::More) if framing.is_head() => break,
                        Ok(Progress::More) => held.len(),
                        Err(found) => {
                            flaw = Some(found);
                            break 'pieces;
                        }
                    };
                    at += taken;
                    held.drain(..taken);
                }
            }
            prop_assert_eq!((ends, flaw), requests(&message));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = requests(&bytes);
        }
    }
}
