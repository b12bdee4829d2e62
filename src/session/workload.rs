//! Who uses the proxy.

use std::ffi::OsString;
use std::time::Duration;

use super::program::CHILD_GRACE;
use crate::child::{Ended, Intercept, SpawnError};

/// Who uses the proxy, and how long.
#[derive(Debug)]
pub enum Workload {
    /// A program that dsp runs, until it ends.
    Program {
        /// The program and its arguments.
        command: Vec<OsString>,
        /// For programs that ignore the address: the paths that the proxy's socket covers.
        intercept: Option<Intercept>,
    },
    /// Any client that may connect, until this process gets a signal.
    Listener {
        /// How long open requests may go on after that.
        grace: Duration,
    },
    /// Code in this process, until it ends the proxy itself.
    InProcess,
}

/// How a workload ended.
#[derive(Debug)]
pub enum WorkloadEnd {
    /// The program ended.
    Program(Ended),
    /// The program could not be started.
    NotStarted(SpawnError),
    /// dsp was asked to end.
    Stopped,
}

impl Workload {
    /// How long open requests may go on after the workload has ended.
    pub(super) fn grace(&self) -> Duration {
        match self {
            Self::Listener { grace } => *grace,
            Self::Program { .. } | Self::InProcess => CHILD_GRACE,
        }
    }

    /// Whether signals end the proxy. While a program runs, they are the program's.
    pub(super) fn ends_at_signal(&self) -> bool {
        matches!(self, Self::Listener { .. })
    }
}

impl WorkloadEnd {
    /// The exit status of the program, or the one that shells use for a program that cannot be started;
    /// `None` if there was no program.
    #[must_use]
    pub fn exit_status(&self) -> Option<u8> {
        match self {
            Self::Program(ended) => Some(ended.exit_status()),
            Self::NotStarted(error) => Some(error.exit_status()),
            Self::Stopped => None,
        }
    }
}
