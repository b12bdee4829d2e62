//! Running a program with an engine's address of its own, as if dsp were not there: it keeps the
//! terminal, gets each signal once, and its exit status is the result.

mod flags;
mod intercept;
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

use signals::{Incoming, Plan};

pub use flags::{Escape, escapes};
pub use intercept::{Intercept, InterceptError, USUAL_SOCKETS};

/// Variables that would lead the program past the address it is given, or make it ask for TLS there
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
    /// The engine's address that it gets.
    pub address: String,
    /// The variables that hold it: [`DOCKER_HOST`], and more where clients go by others.
    pub variables: Vec<&'static str>,
    /// A socket for programs that do not look at variables, and where to put it.
    pub intercept: Option<(Intercept, PathBuf)>,
}

/// Where every client of Docker's API looks.
pub const DOCKER_HOST: &str = "DOCKER_HOST";

/// Where podman's own client looks; with it, it is a client of a service and nothing else.
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
    /// No program was named.
    #[error("there is no command to run")]
    Empty,
    /// There is no such program.
    #[error("{program}: command not found")]
    NotFound {
        /// Its name.
        program: String,
    },
    /// It may not be run, or is no program.
    #[error("{program}: cannot be run: {source}")]
    NotExecutable {
        /// Its name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// Its mounts could not be made.
    #[error(transparent)]
    Intercept(#[from] InterceptError),
    /// Something else went wrong.
    #[error("{program}: {source}")]
    Other {
        /// Its name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Ended {
    /// The status that a shell would give: its own, or 128 and the signal.
    #[must_use]
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Exited(status) => status,
            Self::Signaled(signal) => signal.saturating_add(128),
        }
    }
}

impl SpawnError {
    /// The status that `docker run` and the shells give.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } => 126,
            Self::Empty | Self::Intercept(_) | Self::Other { .. } => 125,
        }
    }

    fn new(program: &OsString, source: io::Error) -> Self {
        let program = program.to_string_lossy().escape_debug().to_string();
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

/// Runs a program to its end. Signals that reach this process meanwhile are passed on when the
/// program did not get them itself, and never end this process. `started` is called once the program
/// runs, for what it must not inherit.
///
/// # Errors
/// [`SpawnError`].
pub async fn run(spec: Spec, started: impl FnOnce()) -> Result<Ended, SpawnError> {
    let (program, arguments) = spec.command.split_first().ok_or(SpawnError::Empty)?;
    let failed = |source| SpawnError::new(program, source);
    // Before the program starts, so that no signal can fall between.
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
    // What covers the paths lives as long as the program.
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
                    // It may have ended just now, which is as good.
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
    async fn what_does_not_start_has_the_status_of_the_shells() {
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
