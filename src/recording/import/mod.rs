//! Evidence from logs that other programs wrote, for a workload that was never recorded.
//!
//! `unwrap` takes a line out of what others wrapped around it; one file for each format turns it into
//! a request; [`Log`] makes of a whole log the events
//! of one session, so that nothing behind it can tell a log from a recording. Lines about other
//! things are passed over, lines that should be a request and are not are counted with their
//! place, and what a proxy turned away by itself is no evidence: the program got along without it,
//! or nobody wanted it.

mod caddy;
mod dockerd;
mod format;
mod haproxy;
mod line;
mod log;
mod nginx;
mod text;
mod unwrap;
mod wollomatic;

pub use format::{Format, Holds};
pub use line::{Entry, Line, Unreadable};
pub use log::{ImportError, Log, Skipped, TurnedAway};
