//! `record --whole-host`: takes the place of the engine's socket, tells its clients apart, and writes a
//! recording for each program.
//!
//! `socket` knows the names of the two sockets and mends what a crash left, and `taken` takes the place and
//! gives it back, both over `folder`, which changes names in one folder. `programs` gives each client the
//! recorder of its program, `holders` finds the containers that have one of the two sockets mounted, and
//! `recording` is the whole, from start to end.

mod file_name;
mod folder;
mod holders;
mod open_connections;
mod programs;
mod recording;
mod socket;
mod socket_error;
mod taken;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

pub use programs::{Beyond, MOST_PROGRAMS, RecordedProgram};
pub use recording::{
    HostRecording, HostRecordingEnd, HostRecordingError, HostRecordingNotice, HostRecordingOptions,
    Survey,
};
pub use socket::{GivenBack, HostSocket, Mended};
pub use socket_error::HostSocketError;
