//! Where a message begins and ends (RFC 9112), read strictly.
//!
//! Servers differ on heads that are not quite in order, and what one of them takes for the body of
//! a request another takes for the next request (docs/engine-api.md#framing). So a head is in the
//! one form that everybody reads in the same way, or has a [`Flaw`]. Every Docker client writes
//! that form.

use super::flaw::Flaw;
use super::head::{self, LONGEST_HEAD, Length, is_text, is_token};

/// The longest line of a chunked body that is not data, and all of its trailers together, in bytes.
const LONGEST_TRAILERS: usize = 16 << 10;

/// Reads requests one after another as their bytes come in.
#[derive(Clone, Debug, Default)]
pub struct Framing {
    state: State,
    watches: bool,
    flaw: Option<Flaw>,
    has_odd_chunks: bool,
}

/// What a [`Framing`] made of the bytes it was shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// The request ends behind this many of them.
    Ended(usize),
    /// The head ends behind this many of them, and a body follows.
    Head(usize),
    /// They are all part of the request, and it goes on.
    More,
}

/// A part of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Piece<'a> {
    /// Data, without what frames it.
    Data(&'a [u8]),
    /// Some of the lines behind a chunked body, the empty one at their end included.
    Trailers(&'a [u8]),
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// In a head, of which the bytes up to here have been looked at.
    Head(usize),
    /// In a body with so many bytes to come.
    Body(u64),
    /// In a chunked body.
    Chunks(Chunks),
}

impl Default for State {
    fn default() -> Self {
        Self::Head(0)
    }
}

#[derive(Clone, Copy, Debug)]
enum Chunks {
    /// The line with a chunk's size: so far, and how many digits.
    Size(u64, u8),
    /// The end of that line.
    SizeEnd(u64),
    /// What follows the size in that line.
    Extension(u64),
    /// Data of a chunk.
    Data(u64),
    /// The line break behind it; its first byte has been seen or not.
    DataEnd(bool),
    /// A trailer line of this length so far, of so many bytes of trailers; its CR has been seen or
    /// not.
    Trailer { line: usize, all: usize, cr: bool },
}

impl Framing {
    /// One for who only watches: a flaw that leaves certain where a request ends is no error, and
    /// can be asked for. What an engine then does is in docs/engine-api.md#framing.
    #[must_use]
    pub fn watching() -> Self {
        Self { watches: true, ..Self::default() }
    }

    /// At the start of a chunked body.
    #[must_use]
    pub fn chunked() -> Self {
        Self { state: State::Chunks(Chunks::Size(0, 0)), ..Self::default() }
    }

    /// The flaw of the last head, where that is no error.
    #[must_use]
    pub fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    /// Whether the chunks of the last body so far have a form that is an error but for who watches.
    #[must_use]
    pub fn has_odd_chunks(&self) -> bool {
        self.has_odd_chunks
    }

    /// Goes on with the head of a request, whatever came before.
    pub fn restart(&mut self) {
        self.state = State::default();
    }

    /// Whether the next byte is the first one of a request.
    #[must_use]
    pub fn is_between(&self) -> bool {
        matches!(self.state, State::Head(0))
    }

    /// Whether a head is being read. Its bytes have to be kept and shown again with more behind
    /// them until it has ended; those of a body are shown once.
    #[must_use]
    pub fn is_head(&self) -> bool {
        matches!(self.state, State::Head(_))
    }

    /// Looks at bytes: at all of a head from its first one on, or at the next ones of a body.
    ///
    /// # Errors
    /// [`Flaw`], after which nothing can be said of what follows.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Progress, Flaw> {
        self.read(bytes, |_| ())
    }

    /// Like [`Framing::advance`], and shows what a body is made of.
    ///
    /// # Errors
    /// As [`Framing::advance`].
    pub fn read(&mut self, bytes: &[u8], show: impl FnMut(Piece<'_>)) -> Result<Progress, Flaw> {
        match self.state {
            State::Head(seen) => self.head(bytes, seen),
            State::Body(left) => Ok(self.body(left, bytes, show)),
            State::Chunks(chunks) => self.chunks(chunks, bytes, show),
        }
    }

    /// Whether a chunked body is being read.
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        matches!(self.state, State::Chunks(_))
    }

    fn head(&mut self, bytes: &[u8], seen: usize) -> Result<Progress, Flaw> {
        // Whatever else comes, such as the start of TLS, has no line to wait for.
        if bytes.first().is_some_and(|first| !is_token(*first)) {
            return Err(Flaw::RequestLine);
        }
        let first = |flaw| match head::first_flaw(bytes) {
            Some((first, is_certain)) if !(is_certain && self.watches) => first,
            _ => flaw,
        };
        let Some(length) = head::end(bytes, seen).map_err(first)? else {
            let too_long = (bytes.len() > LONGEST_HEAD).then_some(Flaw::TooLong);
            if let Some((flaw, is_certain)) = head::first_flaw(bytes)
                && !(is_certain && self.watches)
            {
                return Err(flaw);
            }
            if let Some(flaw) = too_long {
                return Err(flaw);
            }
            self.state = State::Head(bytes.len());
            return Ok(Progress::More);
        };
        if length > LONGEST_HEAD {
            return Err(first(Flaw::TooLong));
        }
        let (body, flaw) = head::read(bytes.get(..length).unwrap_or_default()).map_err(first)?;
        if let Some(flaw) = flaw.filter(|_| !self.watches) {
            return Err(flaw);
        }
        self.flaw = flaw;
        Ok(match body {
            Length::Exactly(0) => {
                self.state = State::default();
                Progress::Ended(length)
            }
            Length::Exactly(left) => {
                self.state = State::Body(left);
                Progress::Head(length)
            }
            Length::Chunked => {
                self.state = State::Chunks(Chunks::Size(0, 0));
                self.has_odd_chunks = false;
                Progress::Head(length)
            }
        })
    }

    fn body(&mut self, left: u64, bytes: &[u8], mut show: impl FnMut(Piece<'_>)) -> Progress {
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
            if matches!(chunks, Chunks::Trailer { .. }) {
                show(Piece::Trailers(std::slice::from_ref(byte)));
            }
            at += 1;
            self.has_odd_chunks |= self.watches && chunks.next(*byte, false).is_err();
            match chunks.next(*byte, self.watches)? {
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

impl Chunks {
    /// Takes one byte that is not data; `None` at the end of the body. Who watches passes over what
    /// engines take: extensions, and lines that end in a line feed.
    fn next(self, byte: u8, watches: bool) -> Result<Option<Self>, Flaw> {
        Ok(Some(match (self, byte) {
            (Self::Size(size, 1..), b'\r') => Self::SizeEnd(size),
            (Self::Size(size, 1..), b'\n') if watches => Self::behind_size(size),
            (Self::Size(size, 1..), b';' | b' ' | b'\t') if watches => Self::Extension(size),
            // Fifteen digits are more than any body has, and cannot overflow.
            (Self::Size(size, digits @ 0..15), digit) => {
                let digit = char::from(digit).to_digit(16).ok_or(Flaw::Chunk)?;
                Self::Size(size * 16 + u64::from(digit), digits + 1)
            }
            (Self::SizeEnd(size) | Self::Extension(size), b'\n') => Self::behind_size(size),
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::DataEnd(false), b'\r') => Self::DataEnd(true),
            (Self::DataEnd(true), b'\n') => Self::Size(0, 0),
            (Self::DataEnd(false), b'\n') if watches => Self::Size(0, 0),
            (Self::Trailer { line: 0, cr: true, .. }, b'\n') => return Ok(None),
            (Self::Trailer { line: 0, .. }, b'\n') if watches => return Ok(None),
            (Self::Trailer { all, cr: true, .. }, b'\n') => {
                Self::Trailer { line: 0, all, cr: false }
            }
            (Self::Trailer { all, .. }, b'\n') if watches => {
                Self::Trailer { line: 0, all, cr: false }
            }
            (Self::Trailer { line, all, cr: false }, b'\r') => {
                Self::Trailer { line, all, cr: true }
            }
            // A trailer that begins with a space would continue the one before it.
            (Self::Trailer { line, all: all @ 0..LONGEST_TRAILERS, cr: false }, byte)
                if is_text(byte) && (line > 0 || is_token(byte)) =>
            {
                Self::Trailer { line: line + 1, all: all + 1, cr: false }
            }
            _ => return Err(Flaw::Chunk),
        }))
    }

    /// What follows the line of a chunk's size.
    fn behind_size(size: u64) -> Self {
        match size {
            0 => Self::Trailer { line: 0, all: 0, cr: false },
            size => Self::Data(size),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::{LONGEST_TARGET, MOST_HEADERS};

    /// What comes of a whole stream that arrives at once: where each request ends, and the flaw.
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

    /// A shell writes no carriage returns, or forgets one (docs/engine-api.md#line-endings).
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

    /// A host before the path says nothing to an engine (docs/engine-api.md#request-targets).
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

    /// Who watches goes on behind flaws that leave certain where a request ends.
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
            assert_eq!(
                framing.advance(head.as_bytes()),
                Ok(Progress::Ended(head.len())),
                "{head:?}"
            );
            assert_eq!(framing.flaw(), Some(expected));
            assert_eq!(framing.advance(GET.as_bytes()), Ok(Progress::Ended(GET.len())));
            assert_eq!(framing.flaw(), None);
        }
        let head = "POST /x HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n";
        for body in
            ["5;x=\"y\"\r\nabcde\r\n0\r\n\r\n", "5\nabcde\n0\nX: y\n\n", "5 \r\nabcde\r\n0;y\n\r\n"]
        {
            let mut framing = Framing::watching();
            assert_eq!(framing.advance(head.as_bytes()), Ok(Progress::Head(head.len())));
            assert_eq!(
                framing.advance(body.as_bytes()),
                Ok(Progress::Ended(body.len())),
                "{body:?}"
            );
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
            "0\r\nx\0\r\n",
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

    /// Messages that are mostly in order.
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
        /// In however many pieces bytes arrive, they are read in one way.
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
