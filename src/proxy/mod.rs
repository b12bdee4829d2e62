//! Network I/O: listeners, connections, the engine side, tunnels and shutdown.
//!
//! Each client connection has its own connection to the engine, so that no client can corrupt
//! another's. Bodies are streamed as they arrive; nothing is buffered, and a stream ends only when one
//! of its two ends closes it.
//!
//! The requests of a connection go through its [`Service`], which an [`Admission`] chooses based on who
//! the client is: a gate decides on each request, a [`Record`] records it, a [`RewriteBody`] may
//! replace its body, and an [`Observe`] sees what happens.

mod accept;
mod ahead;
mod answer;
mod budget;
mod connection;
mod control;
mod door;
mod engine_answer;
mod finish;
mod hang_up;
mod intake;
mod listener;
mod next;
mod not_admitted;
mod observe;
mod outbox;
mod own;
mod peer;
mod phases;
mod place;
mod reading;
mod record;
mod registry;
mod scratch;
mod sending;
mod server;
mod service;
mod shared;
mod stream;
mod timer;
mod transfer;
mod tunnel;
mod turns;
mod upstream;
mod workers;

pub use listener::{Access, ListenError, Listener};
pub use not_admitted::NotAdmitted;
pub use observe::{Event, Fault, Observe};
pub use place::{Hazard, open_folder_to};
pub use record::{Begun, Decided, Record, RewriteBody};
pub use registry::{Limits, OpenRequest};
pub use server::{Drained, Proxy, Running};
pub use service::{Admission, Service};
pub use workers::Workers;
