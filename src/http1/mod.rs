//! HTTP/1.1, read strictly and written in one form (RFC 9110, RFC 9112). Pure: nothing here opens a
//! socket, and nothing here knows what a request asks for.
//!
//! A request's head is read once, by [`Framing::read_head`]. What it returns is both the proof that
//! every reader understands the head in the same way and all that the proxy needs of it.

mod byte_set;
mod chunked;
mod disorder;
mod flaw;
mod framing;
mod header;
mod outcome;
mod request_head;
mod response_head;
mod target;

pub(crate) use byte_set::ByteSet;
pub(crate) use chunked::{write_chunk, write_last_chunk};
pub use disorder::Disorder;
pub use flaw::Flaw;
pub use framing::{Framing, Piece, Progress};
pub use header::Header;
pub(crate) use header::write_header;
pub use outcome::Outcome;
pub use request_head::{LONGEST_HEAD, Length, MOST_HEADERS, RequestHead};
pub(crate) use response_head::{BadResponse, Body, Form, ROOM, ResponseHead};
pub use target::LONGEST_TARGET;
pub(crate) use target::origin_form;
