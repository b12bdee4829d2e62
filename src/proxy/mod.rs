//! Sockets and bytes: listeners, connections, the engine's side, tunnels and shutdown.
//!
//! Each client connection has one connection to the engine of its own, so that no client can poison
//! another's. Bodies flow through as they come; nothing is held back and nothing ends a stream but
//! its two ends. What may pass is decided by a gate, and what passed is told to a sink.

mod accept;
mod ahead;
mod answer;
mod budget;
mod connection;
mod control;
mod door;
mod engine_answer;
mod exchange;
mod hang_up;
mod intake;
mod listener;
mod log_throttle;
mod next;
mod own;
mod peer;
mod phases;
mod place;
mod reading;
mod registry;
mod scratch;
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

pub use exchange::{Arrival, Begun, Outcome, Sink};
pub use listener::{Access, ListenError, Listener};
pub use log_throttle::LogThrottle;
pub use place::{Hazard, open_folder_to};
pub use registry::{Limits, OpenRequest};
pub use server::{Drained, Proxy, Running};
pub use service::{Admission, NotAdmitted, Service};
pub use workers::Workers;
