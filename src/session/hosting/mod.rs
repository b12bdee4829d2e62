//! Several programs in one process, each held to its own profile (`dsp serve`).
//!
//! All of them share one proxy, its threads and its limits. Each has its own sockets, decisions, owner,
//! denials and audit log.

mod access;
mod activation;
mod by_client;
mod control;
mod http;
mod load;
mod monitor;
mod program;
mod reload;
mod run;
mod served;

pub use activation::OpenedSockets;
pub use control::{ControlError, ReloadReply, ReloadedProgram, ask_to_reload};
pub use load::{HostToServe, HostingError, ProgramToServe};
pub use reload::{HostReload, ProgramReload};
pub use run::{HostEnd, HostingNotice, ProgramEnd};
pub use served::{Hosting, HostingStartError};
