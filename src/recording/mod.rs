//! The evidence: what a workload asked the engine for, as JSON Lines.
//!
//! A file is append-only and may contain many sessions. Each line is written in one piece, and the
//! line of a request before the request is forwarded, so a crash or a full disk can cost lines, but
//! never the whole file. Bodies, credentials and the values of secret query parameters are never
//! written. [`Log`] reads the same events from logs that other programs wrote.

mod agent;
mod append;
mod client;
mod command;
mod earlier;
mod event;
mod identity;
mod import;
#[cfg(test)]
mod kept_tests;
mod ledger;
mod made;
mod observation;
mod outlet;
mod peer;
mod query;
mod reader;
mod recent;
mod redact;
mod repeats;
mod secret;
mod stream;
#[cfg(test)]
mod tests;
mod totals;
mod writer;

pub use append::CreateError;
pub use client::{RecordedClient, RecordedContainer};
pub use command::CommandLine;
pub use earlier::earlier;
pub use event::{
    End, Engine, Event, FORMAT_VERSION, Last, Made, Repeat, Request, Response, Session,
    SessionClient,
};
pub use identity::Purpose;
pub use import::{
    Entry, Format, Holds, ImportError, Line, Log, Skipped, TurnedAway, Unreadable, Wanted,
};
pub use ledger::Ticket;
pub use made::Makes;
pub use observation::Observation;
pub use reader::{LONGEST_LINE, ReadError, Reader};
pub use stream::Stream;
pub use totals::{Progress, Totals};
pub use writer::Writer;
