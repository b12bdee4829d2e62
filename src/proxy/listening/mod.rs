//! Listening sockets: who can reach them, and which connections are served.

pub(super) mod accept;
pub(super) mod door;
pub(super) mod listener;
pub(super) mod socket_file;
