//! The evidence: what a workload asked the engine for, as JSON Lines.
//!
//! A file is append-only and may hold many sessions. Each line is written whole, a request's
//! before the request is forwarded, so that a crash or a full disk costs lines and never a file.
//! Bodies, credentials and the values of secret query parameters are never written.

mod append;
mod event;
mod reader;
mod redact;
mod repeats;
mod writer;

pub use append::CreateError;
pub use event::{End, Engine, Event, FORMAT_VERSION, Repeat, Request, Response, Session};
pub use reader::{ReadError, Reader};
pub use redact::command_line;
pub use writer::{Arrival, Outcome, Progress, Ticket, Totals, Writer};
