//! Several programs in one process, each held to its own profile (`dsp serve`).
//!
//! All of them share one proxy, its threads and its limits. Each has its own sockets, decisions, owner,
//! denials and audit log.

mod by_client;
mod engine;
mod load;
mod program;
mod reload;
mod served;

pub use load::{HostToServe, HostingError, ProgramToServe};
pub use reload::{HostReload, ProgramReload};
pub use served::{HostEnd, Hosting, HostingNotice, HostingStartError, ProgramEnd};
