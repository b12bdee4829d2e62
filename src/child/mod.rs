//! Runs a program with its own engine address, as if dsp were not there: it keeps the terminal,
//! receives each signal once, and its exit status is the result.

mod flags;
mod intercept;
mod intercept_error;
#[cfg(target_os = "linux")]
mod namespace;
mod signals;

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal};
use tokio::process::Command;

use crate::text::{printable, spelled};
use signals::{Incoming, Plan};

pub use flags::{Escape, escapes};
pub use intercept::{Intercept, USUAL_SOCKETS};
pub use intercept_error::InterceptError;

/// Variables that could make the program bypass its address, or use TLS there
/// (docs/engine-api.md#finding-the-engine).
const REMOVED: [&str; 5] = [
    "CONTAINER_CONNECTION",
    "DOCKER_CERT_PATH",
    "DOCKER_CONTEXT",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
];

/// A program to run.
#[derive(Debug)]
pub struct Spec {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The engine address for the program.
    pub address: String,
    /// The variables that hold the address: [`DOCKER_HOST`], and others for clients that read
    /// those.
    pub variables: Vec<&'static str>,
    /// For programs that ignore the variables: the paths to cover, and the socket to put there.
    pub intercept: Option<(Intercept, PathBuf)>,
}

/// The variable that every client of Docker's API reads.
pub const DOCKER_HOST: &str = "DOCKER_HOST";

/// The variable of podman's own client. If it is set, the client only talks to that service.
pub const CONTAINER_HOST: &str = "CONTAINER_HOST";

/// How a program ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    /// By itself, with this status.
    Exited(u8),
    /// By this signal.
    Signaled(u8),
}

/// Why a program did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The command is empty.
    #[error("there is no command to run")]
    Empty,
    /// The program does not exist.
    #[error("{program}: command not found")]
    NotFound {
        /// Its name.
        program: String,
    },
    /// The program is not executable.
    #[error("{program}: cannot be run: {source}")]
    NotExecutable {
        /// Its name.
        program: String,
        /// The error of the system.
        source: io::Error,
    },
    /// Its mounts failed.
    #[error(transparent)]
    Intercept(#[from] InterceptError),
    /// Something else went wrong.
    #[error("{program}: {source}")]
    Other {
        /// Its name.
        program: String,
        /// The error of the system.
        source: io::Error,
    },
}

impl Ended {
    /// The exit status as a shell reports it: that of the program, or 128 plus the signal.
    #[must_use]
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Exited(status) => status,
            Self::Signaled(signal) => signal.saturating_add(128),
        }
    }
}

impl SpawnError {
    /// The exit status that `docker run` and shells use.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } => 126,
            Self::Empty | Self::Intercept(_) | Self::Other { .. } => 125,
        }
    }

    fn new(program: &OsString, source: io::Error) -> Self {
        let program = printable(&spelled(program));
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { program },
            io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => {
                Self::NotExecutable { program, source }
            }
            _ if source.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
                Self::NotExecutable { program, source }
            }
            _ => Self::Other { program, source },
        }
    }
}

/// Runs a program until it ends. Signals sent to this process in the meantime are forwarded unless
/// the program received them itself, and never end this process. `started` is called once the
/// program runs, to release what the program must not inherit.
///
/// # Errors
/// [`SpawnError`].
pub async fn run(spec: Spec, started: impl FnOnce()) -> Result<Ended, SpawnError> {
    let (program, arguments) = spec.command.split_first().ok_or(SpawnError::Empty)?;
    let failed = |source| SpawnError::new(program, source);
    // Before the program starts, so that no signal is lost in between.
    let mut incoming = Incoming::new().map_err(failed)?;
    let mut plan = Plan::new(signals::terminal_delivers());

    let mut command = Command::new(program);
    command.args(arguments);
    spec.variables.iter().for_each(|name| {
        command.env(name, &spec.address);
    });
    REMOVED.iter().for_each(|name| {
        command.env_remove(name);
    });
    // The mounts last as long as the program.
    let (_covering, child) = match spec.intercept {
        None => (None, command.spawn()),
        Some((intercept, socket)) => {
            let child = intercept.spawn(command, socket).await?;
            (Some(intercept), child)
        }
    };
    let mut child = child.map_err(failed)?;
    started();
    loop {
        tokio::select! {
            status = child.wait() => return status.map(ended).map_err(failed),
            signal = incoming.next() => {
                if let Some(signal) = plan.pass_on(signal)
                    && let Some(pid) = child.id().and_then(pid)
                {
                    // An error means that the program has just ended, which is fine.
                    let _ = rustix::process::kill_process(pid, signal);
                }
            }
        }
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

fn ended(status: ExitStatus) -> Ended {
    let small = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exited(small(code)),
        (None, signal) => Ended::Signaled(small(signal.unwrap_or_else(|| Signal::KILL.as_raw()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(line: &str) -> Ended {
        let command = ["sh", "-c", line].map(OsString::from).to_vec();
        let variables = vec![DOCKER_HOST, CONTAINER_HOST];
        run(Spec { command, address: "unix:///x".into(), variables, intercept: None }, || ())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn the_status_is_the_programs_own() {
        assert_eq!(shell("exit 7").await.exit_status(), 7);
        assert_eq!(shell("kill -TERM $$").await.exit_status(), 143);
        assert_eq!(shell("test \"$DOCKER_HOST\" = unix:///x").await, Ended::Exited(0));
        assert_eq!(shell("test \"$CONTAINER_HOST\" = unix:///x").await, Ended::Exited(0));
        assert_eq!(shell("test -z \"$DOCKER_CONTEXT$DOCKER_TLS\"").await, Ended::Exited(0));
    }

    #[tokio::test]
    async fn a_program_that_does_not_start_has_the_status_that_shells_use() {
        let status = async |command: &[&str]| {
            let command = command.iter().map(OsString::from).collect();
            let spec = Spec { command, address: String::new(), variables: vec![], intercept: None };
            run(spec, || ()).await.unwrap_err().exit_status()
        };
        assert_eq!(status(&["/nowhere/x"]).await, 127);
        assert_eq!(status(&["/etc/passwd"]).await, 126);
        assert_eq!(status(&["/"]).await, 126);
        assert_eq!(status(&[]).await, 125);
    }
}
