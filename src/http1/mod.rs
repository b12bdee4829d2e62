//! HTTP/1.1, read strictly and written in one form (RFC 9110, RFC 9112). Pure: this module opens no
//! sockets and does not know what a request asks for.
//!
//! [`Framing::read_head`] reads a request's head once. Its result proves that every reader
//! understands the head in the same way, and contains everything that the proxy needs from it.

mod arrival;
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

pub use arrival::Arrival;
pub(crate) use byte_set::ByteSet;
pub(crate) use chunked::{write_chunk, write_last_chunk};
pub use disorder::Disorder;
pub use flaw::Flaw;
pub use framing::{Framing, Piece, Progress};
pub use header::Header;
pub(crate) use header::write_header;
pub use outcome::{Outcome, Upstream};
pub use request_head::{LONGEST_HEAD, Length, MOST_HEADERS, RequestHead};
pub(crate) use response_head::{BadResponse, Body, Form, ROOM, ResponseHead};
pub use target::LONGEST_TARGET;
pub(crate) use target::origin_form;
