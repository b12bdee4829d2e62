//! `dsp record`: a workload behind a transparent proxy.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use console::Term;

use super::args::{self, Verbosity};
use super::audit::shown;
use super::follow::Follower;
use super::followed::{Followed, LONGEST_BODY};
use super::serve::{EndSignals, Sockets};
use super::status::Status;
use super::{environment, hint, output, runtime, serve, standard};
use crate::child::Intercept;
use crate::engine;
use crate::learn;
use crate::policy::{Decision, Denial, Observer, Verdict};
use crate::proxy::{self, Begun, Limits, Running};
use crate::recording::{self, CommandLine, Session, Ticket, Totals, Writer};
use crate::report::{count, printable, quoted};

pub(super) fn run(args: args::Record, verbosity: Verbosity) -> anyhow::Result<Status> {
    let has_command = !args.command.is_empty();
    args.listen.check(has_command, args.intercept.is_wanted())?;
    standard::check_free("--output", Some(&args.output), has_command)?;
    let intercept = args.intercept.prepare(verbosity)?;
    runtime::start_log(verbosity, !args.command.is_empty());
    runtime::block_on(record(args, intercept, verbosity))?
}

async fn record(
    args: args::Record,
    intercept: Option<Intercept>,
    verbosity: Verbosity,
) -> anyhow::Result<Status> {
    serve::warn_of_escape(&args.command, intercept.as_ref(), args.follow);
    let environment = environment::read(args.engine.host.as_deref());
    let engine = engine::find(&environment, serve::PROBE_TIME).await?;
    let covered = serve::covered_access(intercept.as_ref(), &engine.address);
    let private = !args.command.is_empty();
    let sockets = Sockets::open(&args.listen, "record", private, covered.as_ref()).await?;
    let intercept = intercept.map(|intercept| sockets.over(intercept)).transpose()?;
    if !verbosity.quiet {
        sockets.tell_who_connects();
    }
    let (docker_host, addresses) = (sockets.docker_host(), sockets.addresses());
    let watches = Observer::new(engine.version.kind);
    let gate = Arc::new(if args.follow { watches.reading_bodies(LONGEST_BODY) } else { watches });
    let follower = follower(&args, &engine, sockets.limits()).await?;
    let session = session(&args, &engine);
    let recorder = Arc::new(Recorder(writer(&args.output, &session)?));
    let (running, _folder) = match &follower {
        Some(follower) => {
            let followed = Arc::new(Followed::command(follower, &recorder));
            sockets.serve(engine.address, gate, followed)
        }
        None => sockets.serve(engine.address, gate, Arc::clone(&recorder)),
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
        listen(&running, &recorder, &addresses, args.listen.grace, &file, verbosity).await?;
        (Status::Done, Duration::from_secs(args.listen.grace))
    } else {
        let kind = engine.version.kind;
        let status = serve::run_program(args.command, docker_host, kind, intercept, &running).await;
        (status, serve::CHILD_GRACE)
    };
    let exit = match status {
        Status::Child(code) => Some(code),
        _ => None,
    };
    let totals = recorder.0.end(exit);
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
    let status = match follower {
        Some(follower) if follower.end(grace, verbosity.quiet).await => failed(status),
        _ => status,
    };
    let is_lossy = totals.dropped > 0 || totals.unread > 0;
    Ok(if is_lossy { lossy(&totals, status, &file) } else { status })
}

/// Begins the session in its file.
fn writer(path: &Path, session: &Session) -> anyhow::Result<Writer> {
    if standard::is_standard(path) {
        return standard::writer(session).context("cannot write the recording to stdout");
    }
    Ok(Writer::create(path, session)?)
}

/// What follows the containers, when that is asked for.
async fn follower(
    args: &args::Record,
    engine: &engine::Engine,
    limits: Limits,
) -> anyhow::Result<Option<Arc<Follower>>> {
    if !args.follow {
        return Ok(None);
    }
    let follower = Arc::new(Follower::new(args, engine, limits)?);
    follower.adopt().await;
    Ok(Some(follower))
}

/// Records until a signal ends it; seconds are what open requests get then.
async fn listen(
    running: &Running,
    recorder: &Recorder,
    addresses: &[String],
    seconds: u64,
    file: &str,
    verbosity: Verbosity,
) -> anyhow::Result<()> {
    // Before anybody is told that dsp is there, and could end it.
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
    serve::until_signal(running, seconds, signals, || line.show(&recorder.0)).await;
    line.clear();
    Ok(())
}

/// The recording that is written and read where none is named.
const USUAL: &str = "recording.jsonl";

/// How a program comes to the proxy.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Reach {
    /// By the variables that its command got.
    Command,
    /// Also where it would look without them.
    Intercepted,
    /// As people have set it up.
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
            output::help("for one that does not, record with --intercept");
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

/// Says how much of what was recorded no profile can allow.
fn tell_of_refused(totals: &Totals) {
    if totals.refused > 0 {
        let requests = count(totals.refused, "request");
        output::warn(&format!("{requests} of these enforce refuses whatever the profile says"));
        output::help("dsp coverage names each with the reason");
    }
}

/// Says that the file holds what another program asked for, if so: `generate` makes one profile of
/// all that is in it.
fn tell_of_earlier(path: &Path, session: &Session) {
    // What cannot be read now, `generate` will tell of.
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
        format!("one before it was: {}", printable(&subject(other)))
    } else {
        format!("the first was: {}", printable(&subject(first)))
    };
    output::note(&format!("this was session {number} of {file}; {which}"));
    output::help(&format!(
        "generate takes them all; for a profile of this one alone: dsp generate{} --session {number}",
        if path == Path::new(USUAL) {
            String::new()
        } else {
            format!(" {}", quoted(&file.to_string()))
        },
    ));
}

/// The workload went on, but the evidence has gaps, and a status of 0 would hide that.
fn lossy(totals: &Totals, status: Status, file: &str) -> Status {
    if totals.dropped > 0 {
        let lines = count(totals.dropped, "line");
        output::error(&format!(
            "{lines} could not be written to {file}; the session is marked as lossy"
        ));
        output::help("make room on the disk and record again");
    }
    if totals.unread > 0 {
        let requests = count(totals.unread, "request");
        output::error(&format!(
            "{requests} could not be read, or had an answer that could not be, and went on with all \
             that followed on the same connection; the session is marked as lossy"
        ));
        output::help(
            "dsp coverage names what was wrong with each; have the program spell it otherwise",
        );
    }
    failed(status)
}

/// The status of a recording that is not whole.
fn failed(status: Status) -> Status {
    match status {
        Status::Child(0) => Status::FailedForChild,
        Status::Child(code) => Status::Child(code),
        _ => Status::Failed,
    }
}

/// Writes what the proxy tells to a recording.
pub(super) struct Recorder(pub(super) Writer);

/// The session that begins.
fn session(args: &args::Record, engine: &engine::Engine) -> Session {
    let how = CommandLine::from(args.command_line);
    let mut session = Session::begin(how.of(&args.command));
    session.arguments = how == CommandLine::Full;
    session.labels = args.labels.iter().cloned().collect();
    session.engine = Some(describe(engine));
    session
}

/// What a recording says of an engine.
pub(super) fn describe(engine: &engine::Engine) -> recording::Engine {
    let version = &engine.version;
    recording::Engine {
        kind: version.kind,
        version: printable(&version.version),
        api: printable(&version.api),
        min_api: version.min_api.as_deref().map(printable),
    }
}

impl proxy::Sink for Recorder {
    type Ticket = Ticket;

    fn begin(&self, arrival: &proxy::Arrival<'_>, decision: &Decision) -> Begun<Ticket> {
        let (method, path) = shown(arrival, decision);
        tracing::info!(connection = arrival.connection, %method, %path, "recorded");
        // The workload goes on, whether or not its request could be written.
        Begun::admitted(write_request(&self.0, arrival, decision))
    }

    fn finish(&self, ticket: &Ticket, outcome: &proxy::Outcome) {
        write_outcome(ticket, outcome);
    }
}

/// Writes a request and what was decided over it.
pub(super) fn write_request(
    writer: &Writer,
    arrival: &proxy::Arrival<'_>,
    decision: &Decision,
) -> Ticket {
    let (denied, would_deny) = match &decision.verdict {
        Verdict::Deny(denial) => (Some(denial), None),
        Verdict::Forward(permit) => (None, permit.instead_of()),
        Verdict::ReadBody { .. } => (None, None),
    };
    let text = |denial: &Denial| format!("dsp: {denial}");
    let (denied, would_deny) = (denied.map(text), would_deny.map(text));
    writer.request(&recording::Arrival {
        at: arrival.at,
        connection: arrival.connection,
        peer: arrival.peer,
        method: arrival.method,
        target: arrival.target,
        request: decision.request.as_ref(),
        located: decision.located.as_ref(),
        refusal: decision.refusal.as_ref(),
        agent: arrival.agent,
        denied: denied.as_deref(),
        would_deny: would_deny.as_deref(),
    })
}

/// Writes how a request ended.
pub(super) fn write_outcome(ticket: &Ticket, outcome: &proxy::Outcome) {
    let proxy::Outcome { status, duration, received, sent, upgraded, unrouted, disorder } =
        *outcome;
    ticket.answered(&recording::Outcome {
        status,
        duration,
        received,
        sent,
        upgraded,
        unrouted,
        disorder,
    });
}

/// The one line that shows where a recording stands, redrawn in its place on a terminal.
struct LiveLine(Option<Term>);

impl LiveLine {
    fn new(verbosity: Verbosity) -> Self {
        let term = Term::stderr();
        Self((term.is_term() && !verbosity.quiet && verbosity.verbose == 0).then_some(term))
    }

    fn show(&self, writer: &Writer) {
        let Some(term) = &self.0 else { return };
        let progress = writer.progress();
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
        // A terminal that cannot be drawn on costs the line and nothing else.
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
