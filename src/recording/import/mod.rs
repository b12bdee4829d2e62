//! Evidence from logs that other programs wrote, for a workload that was never recorded.
//!
//! `unwrap` extracts a line from what others wrapped around it. One file for each format turns the
//! line into a request. [`Log`] turns a whole log into the events of one session, so that later
//! stages cannot tell a log from a recording. Lines about other things are skipped. Lines that
//! should be requests but cannot be read are counted, with their line numbers. A request that a
//! proxy denied is not evidence: the program worked without it, or it was unwanted.

mod caddy;
mod cetusguard;
mod dockerd;
mod eleven_notes;
mod format;
mod haproxy;
mod knrdl;
mod line;
mod log;
mod nginx;
mod session;
mod sockguard;
mod text;
mod trace;
mod unwrap;
mod urllib3;
mod wanted;
mod wollomatic;

pub use format::{Format, Holds};
pub use line::{Entry, Line, Unreadable};
pub use log::{ImportError, Log, Skipped};
pub use wanted::{TurnedAway, Wanted};
