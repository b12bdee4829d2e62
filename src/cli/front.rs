//! What `record` and `enforce` have in common: their options for the proxy, and their messages.

use std::ffi::OsString;
use std::time::Duration;

use super::listen::Listen;
use super::options::Verbosity;
use super::status::Status;
use super::{environment, output};
use crate::child::Intercept;
use crate::engine::Environment;
use crate::report::count;
use crate::session::{self, FrontOptions, RuntimeDir, StartWarning, Workload, WorkloadEnd};
use crate::text::printable;

/// How long it may take to find the engine.
pub(super) const PROBE_TIME: Duration = Duration::from_secs(5);

/// The folders for sockets.
pub(super) fn runtime_dir(environment: &Environment) -> RuntimeDir {
    RuntimeDir::new(environment, environment::temporary())
}

/// The sockets, and who uses them: the command, or without one any client until a signal.
pub(super) fn front(
    listen: &Listen,
    environment: &Environment,
    command: Vec<OsString>,
    intercept: Option<Intercept>,
) -> anyhow::Result<FrontOptions> {
    let workload = match command.is_empty() {
        true => Workload::Listener { grace: Duration::from_secs(listen.grace) },
        false => Workload::Program { command, intercept },
    };
    let runtime_dir = runtime_dir(environment);
    Ok(FrontOptions { listen: listen.options()?, runtime_dir, workload })
}

/// Warns of a program that would bypass dsp.
pub(super) fn warn_about_escape(
    command: &[OsString],
    intercept: Option<&Intercept>,
    follows: bool,
) {
    if let Some(escape) = session::escape(command, intercept, follows) {
        output::warn(&printable(&escape.to_string()));
    }
}

/// Prints a warning, with what to do about it. Who can connect is not worth mentioning to a person who
/// asked for silence.
pub(super) fn warn(warning: &StartWarning, verbosity: Verbosity) {
    if verbosity.quiet && matches!(warning, StartWarning::OpenToAll { .. }) {
        return;
    }
    output::warn(&warning.to_string());
    if let Some(help) = warning.help() {
        output::help(&help);
    }
}

/// Prints the addresses of a listener for programs, or for people if stdout is in use.
pub(super) fn print_hosts(addresses: &[String], uses_stdout: bool) -> anyhow::Result<()> {
    let hosts: String = addresses.iter().map(|at| format!("DOCKER_HOST={at}\n")).collect();
    if uses_stdout {
        output::note(hosts.trim_end());
    } else {
        output::data(&hosts)?;
    }
    Ok(())
}

/// Prints what dsp waits for at the end. `grace` is how many seconds open requests get.
pub(super) fn report_waiting(open: usize, grace: u64) {
    let open = count(open, "open connection");
    output::note(&format!("waiting up to {grace} s for {open}; press Ctrl-C to end now"));
}

/// Prints which containers a program has left, and how to end what dsp does for them.
pub(super) fn report_outlived(containers: &[String], what: &str) {
    let names: Vec<String> = containers.iter().map(|name| printable(name)).collect();
    output::note(&format!(
        "the command has ended, and {} still run: dsp {what} until they stop, or until Ctrl-C",
        names.join(", ")
    ));
}

/// The exit status of a workload. Prints why a program could not be started.
pub(super) fn status(end: &WorkloadEnd) -> Status {
    if let WorkloadEnd::NotStarted(error) = end {
        output::error(&error.to_string());
    }
    end.exit_status().map_or(Status::Done, Status::Child)
}
