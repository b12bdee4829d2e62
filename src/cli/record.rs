//! `dsp record`: runs a workload through a transparent proxy.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::ArgPredicate;

use super::intercept::Intercept as InterceptOption;
use super::listen::Listen;
use super::live_line::{LiveLine, age};
use super::options::{Engine, LogFormat, Verbosity, word};
use super::sessions::label;
use super::status::Status;
use super::{environment, follow, front, hint, output, runtime, standard, whole_host};
use crate::child::Intercept;
use crate::engine::{self, Environment};
use crate::recording::{CommandLine, Progress, Totals};
use crate::report::{count, printable, quoted};
use crate::session::{
    ContainerSessions, Recording, RecordingNotice, RecordingOptions, SeveralPrograms,
};
use crate::text::shown;

/// What has no effect on a recording of a whole host: its socket is as open as the engine's, and its clients
/// are all that there are.
const OF_ONE_PROGRAM: [&str; 20] = [
    "listen",
    "insecure_tcp",
    "allow_host",
    "mode",
    "owner",
    "group",
    "allow_uid",
    "allow_gid",
    "allow_container",
    "allow_unit",
    "allow_address",
    "tls_cert",
    "tls_key",
    "tls_client_ca",
    "allow_cert",
    "follow",
    "split",
    "intercept",
    "command_line",
    "command",
];

/// Record what a program asks of the Docker Engine
///
/// With a command, dsp sets DOCKER_HOST, leaves the terminal to the command, and exits with its
/// status. Without one, dsp serves until Ctrl-C or TERM and prints the DOCKER_HOST to use. Each run
/// appends a session to the recording. Bodies, credentials, the values of secret parameters and, unless
/// --command-line says otherwise, the arguments of the command are never written.
///
/// With --follow, each container that is created while dsp records and that mounts the engine's
/// socket gets its own recording socket instead, and its own session under its name. The engine
/// must be on this machine. docker inspect shows dsp's path as the source of the mount. A container
/// that still exists when dsp ends has lost its socket and must be recreated.
///
/// With --whole-host, dsp takes the place of the engine's socket until Ctrl-C or TERM, and writes a
/// recording for each program: each container or service of Compose, each service of systemd, and each
/// user. It needs Linux and the right to change names in the socket's folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp record -- docker stats --no-stream
  dsp record -o ci.jsonl --label job=integration -- make test
  dsp record --follow --split recordings -- docker compose up
  dsp record --intercept -- ./program                   for programs that ignore DOCKER_HOST
  dsp record --listen unix:///run/dsp/traefik.sock      then start Traefik with that DOCKER_HOST
  sudo dsp record --whole-host -o recordings            all programs of this host, for a day
  sudo dsp record --whole-host --restore                after a kill -9: give the socket back")]
pub(super) struct Args {
    /// The recording to append to; without a command, - is stdout. With --whole-host, the folder of the
    /// recordings, by default recordings
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "recording.jsonl",
        default_value_if("whole_host", ArgPredicate::IsPresent, "recordings")
    )]
    output: PathBuf,
    #[command(flatten)]
    engine: Engine,
    #[command(flatten)]
    listen: Listen,
    /// Give containers that mount the engine's socket a recording socket instead
    #[arg(long)]
    follow: bool,
    /// With --follow, write the session of each container to its own file in this folder, NAME.jsonl
    #[arg(long, value_name = "DIR", requires = "follow", value_parser = standard::folder())]
    split: Option<PathBuf>,
    #[command(flatten)]
    intercept: InterceptOption,
    /// Take the place of the engine's socket, and record each program of this host on its own
    #[arg(long, conflicts_with_all = OF_ONE_PROGRAM)]
    whole_host: bool,
    /// With --whole-host, record nothing: only give the engine's socket its place back, after a dsp that was
    /// killed
    #[arg(
        long,
        requires = "whole_host",
        conflicts_with_all = OF_ONE_PROGRAM,
        conflicts_with_all = ["output", "labels", "max_connections", "grace"]
    )]
    restore: bool,
    /// A label to store with this session
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// How much of the command to record
    #[arg(
        long,
        value_name = "HOW",
        default_value_t,
        value_parser = word(|how| match how {
            CommandLine::Short => "The program, with its subcommand or the name of its script",
            CommandLine::Full => "All arguments, except those that look secret",
            CommandLine::None => "Nothing",
        }),
        requires = "command",
        conflicts_with = "grace"
    )]
    command_line: CommandLine,
    /// The program to run
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

pub(super) fn run(args: Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    if args.whole_host {
        let Args { output: folder, engine, listen, labels, restore, .. } = args;
        return whole_host::run(
            whole_host::Chosen { folder, engine, listen, labels, restore },
            verbosity,
        );
    }
    let has_command = !args.command.is_empty();
    args.listen.check(has_command, args.intercept.is_wanted())?;
    standard::check_free("--output", Some(&args.output), has_command)?;
    let intercept = args.intercept.prepare(verbosity)?;
    runtime::start_log(verbosity, has_command, LogFormat::Text);
    runtime::block_on(record(args, intercept, verbosity))?
}

async fn record(
    args: Args,
    intercept: Option<Intercept>,
    verbosity: Verbosity,
) -> anyhow::Result<Status> {
    front::warn_about_escape(&args.command, intercept.as_ref(), args.follow);
    let environment = environment::read(args.engine.host.as_deref());
    let engine = engine::find(&environment, front::PROBE_TIME).await?;
    let reach = match &intercept {
        Some(_) => Reach::Intercepted,
        None if args.command.is_empty() => Reach::Listener,
        None => Reach::Command,
    };
    let dropper = hint::no_request(&args.command);
    let (path, grace) = (args.output.clone(), args.listen.grace);
    let options = args.options(&environment, intercept)?;
    let warn = &mut |warning| front::warn(&warning, verbosity);
    let recording = Recording::start(engine, options, warn).await?;
    let file = standard::shown_output(&path);
    if reach == Reach::Listener {
        front::print_hosts(recording.addresses(), standard::is_standard(&path))?;
        if !verbosity.quiet {
            output::note(&format!("recording to {file}; end with Ctrl-C"));
        }
    }
    // A command owns the terminal.
    let line = LiveLine::new(verbosity, reach == Reach::Listener);
    let notice = |notice| match notice {
        RecordingNotice::Progress(progress) => line.show(&progress_line(&progress)),
        RecordingNotice::Waiting { open } => front::report_waiting(open, grace),
        RecordingNotice::Outlived { containers } => {
            front::report_outlived(&containers, "records them");
        }
    };
    let end = recording.run(notice).await;
    line.clear();
    let status = front::status(&end.workload);
    if !verbosity.quiet {
        let never_ran = matches!(status, Status::Child(126 | 127));
        if !(never_ran && end.totals.requests == 0) {
            summarise(&end.totals, &file, reach, dropper.as_deref());
        }
        warn_about_refused(&end.totals);
        if let Some(several) = end.several_programs() {
            report_several(&several, &path);
        }
    }
    if let Some(end) = &end.follow {
        follow::report(end, verbosity.quiet);
    }
    report_gaps(&end.totals, &file);
    Ok(if end.is_lossy() { failed(status) } else { status })
}

impl Args {
    fn options(
        self,
        environment: &Environment,
        intercept: Option<Intercept>,
    ) -> anyhow::Result<RecordingOptions> {
        let how = self.command_line;
        let sessions = self.split.map_or(ContainerSessions::Shared, ContainerSessions::Folder);
        Ok(RecordingOptions {
            command: how.of(&self.command),
            has_arguments: how == CommandLine::Full,
            front: front::front(&self.listen, environment, self.command, intercept)?,
            output: standard::journal(self.output)?,
            labels: self.labels,
            follow: self.follow.then_some(sessions),
        })
    }
}

/// The default recording.
const USUAL: &str = "recording.jsonl";

/// How a program reaches the proxy.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Reach {
    /// By the environment variables that dsp sets for the command.
    Command,
    /// Also by the usual path of the engine's socket.
    Intercepted,
    /// By the address that dsp printed.
    Listener,
}

fn summarise(totals: &Totals, file: &str, reach: Reach, dropper: Option<&str>) {
    if totals.requests == 0 {
        if reach == Reach::Intercepted {
            output::note("no request came through; where does the program look for the engine?");
            return;
        }
        output::note("no request came through; does the program use DOCKER_HOST?");
        if let Some(dropper) = dropper {
            output::help(dropper);
        } else if reach == Reach::Command {
            output::help("if it does not, record with --intercept");
        }
        return;
    }
    let operations = totals.operations;
    output::note(&format!(
        "{}, {} recorded {}",
        count(totals.requests, "request"),
        count(operations, "operation"),
        match file {
            standard::OUTPUT => format!("on {file}"),
            USUAL => format!("in {file}; next: dsp generate"),
            _ => format!("in {file}; next: dsp generate {file}"),
        },
    ));
}

/// Warns of recorded requests that no profile can allow.
fn warn_about_refused(totals: &Totals) {
    if totals.refused > 0 {
        let requests = count(totals.refused, "request");
        output::warn(&format!("enforce refuses {requests} of these whatever the profile says"));
        output::help("dsp coverage lists each with the reason");
    }
}

/// Notes that the recording also contains sessions of another program, because `generate` makes one
/// profile from all of them.
fn report_several(several: &SeveralPrograms, path: &Path) {
    let SeveralPrograms { number, other, is_first } = several;
    let file = shown(path);
    let which = if *is_first { "the first was" } else { "an earlier one was" };
    output::note(&format!("this was session {number} of {file}; {which}: {}", printable(other)));
    output::help(&format!(
        "generate uses all of them; for a profile of this session only: dsp generate{} --session {number}",
        if path == Path::new(USUAL) {
            String::new()
        } else {
            format!(" {}", quoted(&file.to_string()))
        },
    ));
}

/// Reports requests that are missing from the recording. The workload itself was not affected.
fn report_gaps(totals: &Totals, file: &str) {
    if totals.dropped > 0 {
        let lines = count(totals.dropped, "line");
        output::error(&format!(
            "{lines} could not be written to {file}; the session is marked as lossy"
        ));
        output::help("free space on the disk and record again");
    }
    if totals.unread > 0 {
        let requests = count(totals.unread, "request");
        output::error(&format!(
            "{requests} could not be read, or had an unreadable answer, and passed through with \
             everything after it on the same connection; the session is marked as lossy"
        ));
        output::help(
            "dsp coverage says what was wrong with each; change how the program sends them",
        );
    }
}

/// The status after an incomplete recording.
fn failed(status: Status) -> Status {
    match status {
        Status::Child(0) => Status::FailedForChild,
        Status::Child(code) => Status::Child(code),
        _ => Status::Failed,
    }
}

/// `12 requests · 3 operations · last new one 7 s ago`
fn progress_line(progress: &Progress) -> String {
    let operations = progress.operations;
    let newest = match progress.operations {
        0 => "waiting for the first one".to_owned(),
        _ => format!("last new one {} ago", age(progress.newest)),
    };
    format!(
        "{} · {} · {newest}",
        count(progress.requests, "request"),
        count(operations, "operation"),
    )
}
