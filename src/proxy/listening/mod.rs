//! Listening sockets: who can reach them, and which connections are served.

pub(super) mod accept;
mod accepting;
pub(super) mod admitting;
pub(super) mod caller;
pub(super) mod door;
pub(super) mod listener;
#[cfg(target_os = "linux")]
mod peer_groups;
pub(super) mod placed_socket;
pub(super) mod process;
pub(super) mod socket_file;
