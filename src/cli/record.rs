//! `dsp record`: runs a workload through a transparent proxy.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::ValueEnum;
use console::Term;

use super::intercept::Intercept as InterceptOption;
use super::listen::Listen;
use super::options::{Engine, Verbosity};
use super::sessions::label;
use super::status::Status;
use super::{environment, follow, hint, output, runtime, serve, standard};
use crate::child::Intercept;
use crate::engine;
use crate::learn;
use crate::policy::Observer;
use crate::proxy::{Limits, Running, Service};
use crate::recording::{self, CommandLine, Session, Totals, Writer};
use crate::report::{count, printable, quoted};
use crate::session::{
    self, CHILD_GRACE, EndSignals, FollowOptions, Followed, Follower, LONGEST_BODY, Notice,
    Recorder, RuntimeDir, UsualSocket, about_engine,
};

/// Record what a program asks of the Docker Engine
///
/// With a command, dsp sets DOCKER_HOST, leaves the terminal to the command, and exits with its
/// status. Without one, dsp serves until Ctrl-C or TERM and prints the DOCKER_HOST to use. Each run
/// appends a session to the recording. Bodies, credentials, the values of secret parameters and, unless
/// --command-line says otherwise, the arguments of the command are never written.
///
/// With --follow, each container that is created in the meantime and mounts the engine's socket gets
/// its own recording socket instead, and its own session under its name. The engine has to be on this
/// machine. docker inspect shows dsp's path as the source of the mount. A container that still exists
/// at the end has lost its socket and has to be created again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp record -- docker stats --no-stream
  dsp record -o ci.jsonl --label job=integration -- make test
  dsp record --follow --split recordings -- docker compose up
  dsp record --intercept -- ./program                   for programs that ignore DOCKER_HOST
  dsp record --listen unix:///run/dsp/traefik.sock      then start Traefik with that DOCKER_HOST")]
pub(super) struct Args {
    /// The recording to append to; without a command, - is stdout
    #[arg(short, long, value_name = "FILE", default_value = "recording.jsonl")]
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
    /// A label to store with this session
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// How much of the command to record
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        default_value_t = Arguments::Short,
        requires = "command",
        conflicts_with = "grace"
    )]
    command_line: Arguments,
    /// The program to run
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

/// How much of the command to record.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Arguments {
    /// The program, with its subcommand or the name of its script
    #[default]
    Short,
    /// All arguments, except those that look secret
    Full,
    /// Nothing
    None,
}

impl From<Arguments> for CommandLine {
    fn from(arguments: Arguments) -> Self {
        match arguments {
            Arguments::Short => Self::Short,
            Arguments::Full => Self::Full,
            Arguments::None => Self::None,
        }
    }
}

pub(super) fn run(args: Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    let has_command = !args.command.is_empty();
    args.listen.check(has_command, args.intercept.is_wanted())?;
    standard::check_free("--output", Some(&args.output), has_command)?;
    let intercept = args.intercept.prepare(verbosity)?;
    runtime::start_log(verbosity, !args.command.is_empty());
    runtime::block_on(record(args, intercept, verbosity))?
}

async fn record(
    args: Args,
    intercept: Option<Intercept>,
    verbosity: Verbosity,
) -> anyhow::Result<Status> {
    serve::warn_of_escape(&args.command, intercept.as_ref(), args.follow);
    let environment = environment::read(args.engine.host.as_deref());
    let engine = engine::find(&environment, serve::PROBE_TIME).await?;
    let covered = session::covered_access(intercept.as_ref(), &engine.address);
    let usual = match args.command.is_empty() {
        true => UsualSocket::Named("record"),
        false => UsualSocket::Private { covered: covered.as_ref() },
    };
    let runtime_dir = serve::runtime_dir(&environment);
    let sockets = serve::open(&args.listen, usual, &runtime_dir).await?;
    let intercept = intercept.map(|it| anyhow::Ok((it, sockets.to_put_over()?))).transpose()?;
    if !verbosity.quiet {
        serve::tell_who_connects(&sockets);
    }
    let (docker_host, addresses) = (sockets.docker_host(), sockets.addresses());
    let watches = Observer::new(engine.version.kind);
    let gate = Arc::new(if args.follow { watches.reading_bodies(LONGEST_BODY) } else { watches });
    let follower = follower(&args, &engine, sockets.limits(), &runtime_dir).await?;
    let session = begin(&args, &engine);
    let recorder = Arc::new(Recorder::new(writer(&args.output, &session)?));
    let serving = match &follower {
        Some(follower) => {
            let followed = Arc::new(Followed::command(follower, &recorder));
            sockets.serve(followed.service(gate, engine.address))
        }
        None => sockets.serve(Service::new(gate, Arc::clone(&recorder), engine.address)),
    };
    let reach = match &intercept {
        Some(_) => Reach::Intercepted,
        None if args.command.is_empty() => Reach::Listener,
        None => Reach::Command,
    };
    let is_stdout = standard::is_standard(&args.output);
    let file = match is_stdout {
        true => standard::OUTPUT.to_owned(),
        false => crate::text::shown(&args.output).to_string(),
    };
    let dropper = hint::no_request(&args.command);
    let (status, grace) = if args.command.is_empty() {
        listen(&serving.running, &recorder, &addresses, args.listen.grace, &file, verbosity)
            .await?;
        (Status::Done, Duration::from_secs(args.listen.grace))
    } else {
        let kind = engine.version.kind;
        let status =
            serve::run_program(args.command, docker_host, kind, intercept, &serving.running).await;
        (status, CHILD_GRACE)
    };
    let exit = match status {
        Status::Child(code) => Some(code),
        _ => None,
    };
    let totals = recorder.end(exit);
    let never_ran = matches!(status, Status::Child(126 | 127));
    if !verbosity.quiet {
        if !(never_ran && totals.requests == 0) {
            summarise(&totals, &file, reach, dropper.as_deref());
        }
        tell_of_refused(&totals);
        if !is_stdout {
            tell_of_earlier(&args.output, &session);
        }
    }
    let mut status = status;
    if let Some(follower) = follower {
        let end = follower.end(grace).await;
        follow::tell_of_end(&end, verbosity.quiet);
        if end.is_lossy() {
            status = failed(status);
        }
    }
    let is_lossy = totals.dropped > 0 || totals.unread > 0;
    Ok(if is_lossy { lossy(&totals, status, &file) } else { status })
}

/// Opens the recording and writes the beginning of the session.
fn writer(path: &Path, session: &Session) -> anyhow::Result<Writer> {
    if standard::is_standard(path) {
        let writer = standard::stdout().and_then(|stdout| Writer::onto(stdout.into(), session));
        return writer.context("cannot write the recording to stdout");
    }
    Ok(Writer::create(path, session)?)
}

/// Starts to follow containers, if `--follow` was given.
async fn follower(
    args: &Args,
    engine: &engine::Engine,
    limits: Limits,
    runtime_dir: &RuntimeDir,
) -> anyhow::Result<Option<Arc<Follower>>> {
    if !args.follow {
        return Ok(None);
    }
    let options = FollowOptions {
        output: args.output.clone(),
        split: args.split.clone(),
        labels: args.labels.clone(),
    };
    let follower = Arc::new(Follower::new(options, engine, limits, runtime_dir)?);
    follow::warn_of_cut_off(&follower.adopt().await);
    Ok(Some(follower))
}

/// Records until a signal arrives; open requests then get `seconds` to finish.
async fn listen(
    running: &Running,
    recorder: &Recorder,
    addresses: &[String],
    seconds: u64,
    file: &str,
    verbosity: Verbosity,
) -> anyhow::Result<()> {
    // Before the address is printed, so that a signal sent after that is handled.
    let signals = EndSignals::new()?;
    let hosts: String = addresses.iter().map(|at| format!("DOCKER_HOST={at}\n")).collect();
    if file == standard::OUTPUT {
        output::note(hosts.trim_end())
    } else {
        output::data(&hosts)?
    }
    if !verbosity.quiet {
        output::note(&format!("recording to {file}; end with Ctrl-C"));
    }
    let line = LiveLine::new(verbosity);
    let grace = Duration::from_secs(seconds);
    session::serve_until_signal(running, grace, signals, |notice| match notice {
        Notice::Second => line.show(recorder),
        Notice::Waiting { .. } => serve::tell_of_waiting(notice, seconds),
    })
    .await;
    line.clear();
    Ok(())
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
fn tell_of_refused(totals: &Totals) {
    if totals.refused > 0 {
        let requests = count(totals.refused, "request");
        output::warn(&format!("enforce refuses {requests} of these whatever the profile says"));
        output::help("dsp coverage lists each with the reason");
    }
}

/// Notes that the file also contains requests of another program, if it does, because `generate` makes
/// one profile from everything in it.
fn tell_of_earlier(path: &Path, session: &Session) {
    // If the file cannot be read, `generate` will say so.
    let earlier = recording::earlier(path, &session.id).unwrap_or_default();
    let subject = |session: &Session| match &session.container {
        Some(container) => format!("container {container}"),
        None => learn::program_of(&session.command).unwrap_or_else(|| "a listener".to_owned()),
    };
    let own = subject(session);
    let Some(first) = earlier.first() else { return };
    let Some(other) = earlier.iter().find(|one| subject(one) != own) else { return };
    let (number, file) = (earlier.len() + 1, crate::text::shown(path));
    let which = if subject(first) == own {
        format!("an earlier one was: {}", printable(&subject(other)))
    } else {
        format!("the first was: {}", printable(&subject(first)))
    };
    output::note(&format!("this was session {number} of {file}; {which}"));
    output::help(&format!(
        "generate uses them all; for a profile of this one only: dsp generate{} --session {number}",
        if path == Path::new(USUAL) {
            String::new()
        } else {
            format!(" {}", quoted(&file.to_string()))
        },
    ));
}

/// Reports gaps in the recording, and returns a status that does not hide them. The workload itself
/// was not affected.
fn lossy(totals: &Totals, status: Status, file: &str) -> Status {
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
        output::help("dsp coverage says what was wrong with each; the program has to change that");
    }
    failed(status)
}

/// The status after an incomplete recording.
fn failed(status: Status) -> Status {
    match status {
        Status::Child(0) => Status::FailedForChild,
        Status::Child(code) => Status::Child(code),
        _ => Status::Failed,
    }
}

/// The session of this run.
fn begin(args: &Args, engine: &engine::Engine) -> Session {
    let how = CommandLine::from(args.command_line);
    let mut session = Session::begin(how.of(&args.command));
    session.arguments = how == CommandLine::Full;
    session.labels = args.labels.iter().cloned().collect();
    session.engine = Some(about_engine(engine));
    session
}

/// A line on the terminal that shows the progress of a recording, and is redrawn in place.
struct LiveLine(Option<Term>);

impl LiveLine {
    fn new(verbosity: Verbosity) -> Self {
        let term = Term::stderr();
        Self((term.is_term() && !verbosity.quiet && verbosity.verbose == 0).then_some(term))
    }

    fn show(&self, recorder: &Recorder) {
        let Some(term) = &self.0 else { return };
        let progress = recorder.progress();
        let operations = progress.operations;
        let newest = match progress.operations {
            0 => "waiting for the first one".to_owned(),
            _ => format!("last new one {} ago", age(progress.newest)),
        };
        let line = format!(
            "{} · {} · {newest}",
            count(progress.requests, "request"),
            count(operations, "operation"),
        );
        // If the terminal cannot be drawn on, only this line is lost.
        let _ = term.clear_line().and_then(|()| term.write_str(&line));
    }

    fn clear(&self) {
        let _ = self.0.as_ref().map(Term::clear_line);
    }
}

/// `7 s`, `3 min`, `2 h`.
fn age(since: Instant) -> String {
    match since.elapsed().as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}
