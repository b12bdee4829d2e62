//! `dsp enforce`: let through exactly what a profile allows.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap_complete::engine::ArgValueCompleter;
use tokio::signal::unix::SignalKind;

use super::listen::Listen;
use super::misuse::misuse;
use super::options::{Engine, Verbosity};
use super::profile_argument::Profiles;
use super::source;
use super::status::Status;
use super::{admission, ambiguity, environment, output, reload, runtime, serve, standard};
use crate::api::Risk;
use crate::child::Intercept;
use crate::engine;
use crate::profile::Profile;
use crate::report::{count, printable};
use crate::session::{
    self, Audit, AuditLog, AuditOutput, EndSignals, Enforcement, EnforcementOptions, UsualSocket,
};
use crate::text::spelled;

/// Let through exactly what a profile allows
///
/// With a command, dsp runs it confined and exits with its status. Without one, dsp serves until
/// Ctrl-C or TERM, and reloads the profile on HUP. Other requests are answered with 403 and the rule
/// that would allow them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp enforce profile.yaml -- docker stats --no-stream
  dsp enforce monitor.yaml --listen tcp://127.0.0.1:2379 --require-reviewed
  dsp enforce profile.yaml --audit -- make test       deny nothing, report what would be denied
  dsp enforce profile.yaml --audit-log audit.jsonl    then: dsp check profile.yaml audit.jsonl")]
pub(super) struct Args {
    /// The profile. If you leave it out on a terminal, dsp asks which of its own to use
    #[arg(
        value_name = "PROFILE",
        value_parser = standard::not("the profile is read again on HUP, so it has to be a file"),
        add = ArgValueCompleter::new(Profiles)
    )]
    profile: PathBuf,
    #[command(flatten)]
    engine: Engine,
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    intercept: super::intercept::Intercept,
    /// Let everything through, and report what would have been denied
    #[arg(long)]
    audit: bool,
    /// Refuse a profile that is not fully reviewed, at the start and on HUP; see dsp review
    #[arg(long)]
    require_reviewed: bool,
    /// After a reload on HUP, end open requests that the new profile denies
    #[arg(long, conflicts_with_all = ["audit", "command", "intercept"])]
    drop_denied: bool,
    /// Append each request and its decision to this file, as record does; - is stdout. While the file
    /// cannot be written, nothing is let through
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// End a request if its body makes no progress for this many seconds; 0 for no limit
    #[arg(long, value_name = "SECONDS", default_value_t = 60, conflicts_with = "audit")]
    body_timeout: u64,
    /// Keep serving if the audit log cannot be written
    #[arg(long, requires = "audit_log")]
    audit_log_optional: bool,
    /// The program to run
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

pub(super) fn run(args: Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    let has_command = !args.command.is_empty();
    args.listen.check(has_command, args.intercept.is_wanted())?;
    standard::check_free("--audit-log", args.audit_log.as_ref(), has_command)?;
    if args.drop_denied && source::is_builtin(&args.profile) {
        misuse!(
            "--drop-denied is for a profile that can change, and {} is part of dsp",
            spelled(&args.profile)
        );
    }
    let profile = source::load(&args.profile)?;
    if args.require_reviewed {
        session::check_reviewed(&args.profile, &profile)?;
    }
    let intercept = args.intercept.prepare(verbosity)?;
    runtime::start_log(verbosity, !args.command.is_empty());
    runtime::block_on(enforce(args, &profile, intercept, verbosity))?
}

async fn enforce(
    args: Args,
    profile: &Profile,
    intercept: Option<Intercept>,
    verbosity: Verbosity,
) -> anyhow::Result<Status> {
    serve::warn_of_escape(&args.command, intercept.as_ref(), false);
    let environment = environment::read(args.engine.host.as_deref());
    let engine = engine::find(&environment, serve::PROBE_TIME).await?;
    admission::warn(&session::check_engine(profile, &engine)?);
    let private = !args.command.is_empty();
    let covered = session::covered_access(intercept.as_ref(), &engine.address);
    let usual = match private {
        true => UsualSocket::Private { covered: covered.as_ref() },
        false => UsualSocket::Named(profile.name.as_str()),
    };
    let mut sockets = serve::open(&args.listen, usual, &serve::runtime_dir(&environment)).await?;
    sockets.limit_bodies((args.body_timeout > 0).then(|| Duration::from_secs(args.body_timeout)));
    let intercept = intercept.map(|it| anyhow::Ok((it, sockets.to_put_over()?))).transpose()?;
    if !verbosity.quiet {
        serve::tell_who_connects(&sockets);
    }
    let (docker_host, addresses) = (sockets.docker_host(), sockets.addresses());
    let audit = Arc::new(Audit::new(audit_log(&args, profile, &engine)?));
    let enforcement = Enforcement::new(args.profile.clone(), profile, args.options());
    let serving = sockets.serve(audit.service(enforcement.gate(), engine.address.clone()));
    let running = &serving.running;
    if (!private && !verbosity.quiet) || verbosity.verbose > 0 {
        tell_of_root(profile);
        ambiguity::warn(profile);
    }

    if !private {
        // Before the address is printed, so that a signal sent after that is handled.
        let signals = EndSignals::except_hangup()?;
        let hangup = session::handle_signal(SignalKind::hangup())?;
        let hosts: String = addresses.iter().map(|at| format!("DOCKER_HOST={at}\n")).collect();
        if to_stdout(&args) {
            output::note(hosts.trim_end());
        } else {
            output::data(&hosts)?;
        }
        if !verbosity.quiet {
            let rules = count(profile.allow.len(), "rule");
            let how = if args.audit { "auditing" } else { "enforcing" };
            output::note(&format!("{how} profile \"{}\" ({rules}); end with Ctrl-C", profile.name));
        }
        let is_quiet = verbosity.quiet;
        let grace = Duration::from_secs(args.listen.grace);
        let waiting = |notice| serve::tell_of_waiting(notice, args.listen.grace);
        tokio::select! {
            _ = session::serve_until_signal(running, grace, signals, waiting) => {}
            () = reload::at_each(hangup, &enforcement, &engine, running, &audit, is_quiet) => {}
        }
        audit.end(None);
        return Ok(Status::Done);
    }
    let kind = engine.version.kind;
    let status = serve::run_program(args.command, docker_host, kind, intercept, running).await;
    audit.end(match status {
        Status::Child(code) => Some(code),
        _ => None,
    });
    if !verbosity.quiet {
        summarise(&audit, args.audit);
    }
    Ok(status)
}

/// Warns of rules with which a client can become root on the host.
fn tell_of_root(profile: &Profile) {
    let root = profile.allow.iter().filter(|entry| entry.value.risk() == Risk::Root);
    let rules: Vec<String> = root.map(|entry| printable(&entry.value.to_string())).collect();
    if !rules.is_empty() {
        output::warn(&format!(
            "anyone who can use this socket can become root on the host, by {}",
            rules.join(", ")
        ));
    }
}

impl Args {
    fn options(&self) -> EnforcementOptions {
        EnforcementOptions {
            only_audits: self.audit,
            drops_denied: self.drop_denied,
            requires_reviewed: self.require_reviewed,
        }
    }
}

/// Whether the audit log goes to stdout.
fn to_stdout(args: &Args) -> bool {
    args.audit_log.as_deref().is_some_and(standard::is_standard)
}

/// Begins the audit log, if there is to be one.
fn audit_log(
    args: &Args,
    profile: &Profile,
    engine: &engine::Engine,
) -> anyhow::Result<Option<AuditLog>> {
    let Some(path) = args.audit_log.clone() else { return Ok(None) };
    let is_stdout = to_stdout(args);
    let output = match is_stdout {
        true => AuditOutput::Stdout(standard::stdout()?),
        false => AuditOutput::File(path),
    };
    Ok(Some(AuditLog::begin(output, profile, engine, &args.command, args.audit_log_optional)?))
}

/// Lists what was denied, after the program has returned the terminal. Necessary because a client that
/// tried to upgrade its connection does not show the reason.
fn summarise(audit: &Audit, only_audited: bool) {
    let denials = audit.denials();
    if denials.is_empty() {
        return;
    }
    let total: u64 = denials.iter().map(|(_, count)| count).sum();
    let what = if only_audited { "would have been denied" } else { "denied" };
    output::note(&format!("{} {what}:", count(total, "request")));
    for (message, times) in denials {
        let times = if times > 1 { format!(" ({times} times)") } else { String::new() };
        output::say(&format!("  {}{times}", printable(&message)));
    }
}
