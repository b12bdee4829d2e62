//! Network I/O: listeners, connections, the engine side, tunnels and shutdown.
//!
//! Each client connection has its own connection to the engine, so that no client can corrupt
//! another's. Bodies are streamed as they arrive; nothing is buffered, and a stream ends only when one
//! of its two ends closes it.
//!
//! The requests of a connection go through its [`Service`], which an [`Admission`] chooses based on who
//! the client is: a gate decides on each request, a [`Record`] records it, a [`RewriteBody`] may
//! replace its body, and an [`Observe`] sees what happens.
//!
//! A connection goes through the folders in this order: `listening` accepts it, `serving` reads its
//! requests and has them decided on, and `relaying` forwards them and their answers over `streams`.
//! `load` divides connections, memory and turns between clients.

mod listening;
mod load;
mod not_admitted;
mod observe;
mod owners;
mod record;
mod relaying;
mod server;
mod service;
mod serving;
mod shared;
mod streams;

pub use listening::caller::Caller;
pub use listening::listener::{Access, ListenError, Listener, SocketFile};
pub use listening::placed_socket::{FileAccess, PlacedSocket};
pub use listening::process::{Process, processes};
pub use listening::socket_file::{Hazard, open_folder_to};
pub use load::limits::Limits;
pub use load::registry::OpenRequest;
pub use load::workers::Workers;
pub use not_admitted::NotAdmitted;
pub use observe::{Event, Fault, Observe};
pub use owners::{Answers, FindOwners};
pub use record::{Begun, Decided, LONGEST_END, Record, RewriteBody};
pub use server::{Drained, Listening, Proxy, Running};
pub use service::{Admission, Admitted, AdmittedLater, Admitting, Service};
