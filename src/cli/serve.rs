//! Messages that `record` and `enforce` share: who can connect, how programs can bypass dsp, and what
//! dsp waits for at the end.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::listen::Listen;
use super::status::Status;
use super::{environment, output};
use crate::api::EngineKind;
use crate::child::Intercept;
use crate::engine::Environment;
use crate::proxy::Running;
use crate::report::count;
use crate::session::{self, Notice, RuntimeDir, Sockets, UsualSocket};
use crate::text::{printable, shown};

/// How long it may take to find the engine.
pub(super) const PROBE_TIME: Duration = Duration::from_secs(5);

/// The folders for sockets.
pub(super) fn runtime_dir(environment: &Environment) -> RuntimeDir {
    RuntimeDir::new(environment, environment::temporary())
}

/// Opens the sockets, and warns of folders in which other users can replace them.
pub(super) async fn open(
    listen: &Listen,
    usual: UsualSocket<'_>,
    runtime_dir: &RuntimeDir,
) -> anyhow::Result<Sockets> {
    let sockets = Sockets::open(listen.options()?, usual, runtime_dir).await?;
    for hazard in sockets.hazards() {
        let folder = shown(&hazard.folder);
        output::warn(&format!(
            "{folder} {hazard}, who can replace dsp's socket; listen in a folder of your own, such as \
             /run/dsp"
        ));
    }
    listen.check_reach(sockets.is_local())?;
    Ok(sockets)
}

/// Says who can connect to the sockets that cannot tell their clients apart.
pub(super) fn tell_who_connects(sockets: &Sockets) {
    for listener in sockets.open_to_all() {
        let who = if listener.is_local() {
            "every user and every program on this machine"
        } else {
            "anyone who can reach it, from other machines too,"
        };
        output::warn(&format!("{who} can connect to {}", listener.address()));
        output::help("a unix socket can be limited to one user, with --mode and --allow-uid");
    }
}

/// Warns of a program that would bypass dsp.
pub(super) fn warn_of_escape(command: &[OsString], intercept: Option<&Intercept>, follows: bool) {
    if let Some(escape) = session::escape(command, intercept, follows) {
        output::warn(&printable(&escape.to_string()));
    }
}

/// Runs a program as a client of the proxy. Its exit status becomes that of dsp.
pub(super) async fn run_program(
    command: Vec<OsString>,
    address: String,
    engine: EngineKind,
    intercept: Option<(Intercept, PathBuf)>,
    running: &Running,
) -> Status {
    match session::run_program(command, address, engine, intercept, running).await {
        Ok(ended) => Status::Child(ended.exit_status()),
        Err(error) => {
            output::error(&error.to_string());
            Status::Child(error.exit_status())
        }
    }
}

/// Prints what dsp waits for at the end. `grace` is how many seconds open requests get.
pub(super) fn tell_of_waiting(notice: Notice, grace: u64) {
    if let Notice::Waiting { open } = notice {
        let open = count(open, "open connection");
        output::note(&format!("waiting up to {grace} s for {open}; press Ctrl-C to end now"));
    }
}
