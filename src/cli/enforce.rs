//! `dsp enforce`: let through exactly what a profile allows.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap_complete::engine::ArgValueCompleter;

use super::listen::Listen;
use super::misuse::misuse;
use super::options::{Engine, Log, Verbosity};
use super::profile_argument::Profiles;
use super::source;
use super::status::Status;
use super::{ambiguity, environment, failure, front, late, output, reloaded, runtime, standard};
use crate::api::Risk;
use crate::child::Intercept;
use crate::engine::Environment;
use crate::explain::in_short;
use crate::profile::{Name, Profile};
use crate::recording::CommandLine;
use crate::report::{count, printable};
use crate::session::{
    AuditLogOptions, Enforcement, EnforcementMode, EnforcementNotice, EnforcementOptions,
    LateEngine, ProfileToEnforce,
};
use crate::text::spelled;

/// Let through exactly what a profile allows
///
/// With a command, dsp runs it confined and exits with its status. Without one, dsp serves until
/// Ctrl-C or TERM, reloads the profile on HUP, and answers with 502 while the engine does not answer. Other requests are answered with 403 and the rule
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
    /// Whose objects the profile's @own are, and whose label is on what is created; several profiles can
    /// share an owner. Default: the profile's name
    #[arg(long, value_name = "NAME", value_parser = Name::parse, conflicts_with = "audit")]
    own: Option<Name>,
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
    #[command(flatten)]
    log: Log,
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
    let profile = ProfileToEnforce::load(&args.profile, args.mode())?.with_owner(args.own.clone());
    let intercept = args.intercept.prepare(verbosity)?;
    runtime::start_log(verbosity, has_command, args.log.format);
    runtime::block_on(enforce(args, profile, intercept, verbosity))?
}

async fn enforce(
    args: Args,
    profile: ProfileToEnforce,
    intercept: Option<Intercept>,
    verbosity: Verbosity,
) -> anyhow::Result<Status> {
    front::warn_about_escape(&args.command, intercept.as_ref(), profile.nests());
    let environment = environment::read(args.engine.host.as_deref());
    let is_listener = args.command.is_empty();
    let (engine, absent) = LateEngine::find(&environment).await?;
    // A program would only see errors, and its exit status would be about them.
    let absent = match absent {
        Some(error) if !is_listener => return Err(error.into()),
        absent => absent.map(|error| (error, engine.address().clone())),
    };
    let (only_audits, grace) = (args.audit, args.listen.grace);
    let uses_stdout = args.audit_log.as_deref().is_some_and(standard::is_standard);
    let options = args.options(profile, &environment, intercept)?;
    let warn = &mut |warning| front::warn(&warning, verbosity);
    let enforcement = Enforcement::start(engine, options, warn).await?;
    let profile = enforcement.profile();
    if (is_listener && !verbosity.quiet) || verbosity.verbose > 0 {
        enforcement.profiles().for_each(warn_about_root);
        ambiguity::warn(profile);
    }
    if is_listener {
        front::print_hosts(enforcement.addresses(), uses_stdout)?;
        if !verbosity.quiet {
            let rules = count(profile.allow.len(), "rule");
            let how = if only_audits { "auditing" } else { "enforcing" };
            output::note(&format!("{how} profile \"{}\" ({rules}); end with Ctrl-C", profile.name));
        }
        if let Some((error, address)) = absent {
            late::report_absent(&error, &address);
        }
    }
    let notice = |notice| match notice {
        EnforcementNotice::EngineFound { found, caveats } => {
            late::report_found(&found, verbosity.quiet);
            caveats.iter().for_each(|caveat| late::report_caveat(None, caveat));
        }
        EnforcementNotice::Reloaded(end) => reloaded::report(*end, verbosity.quiet),
        EnforcementNotice::Waiting { open } => front::report_waiting(open, grace),
        EnforcementNotice::Outlived { containers } => {
            front::report_outlived(&containers, "serves their socket");
        }
    };
    let end = enforcement.run(notice).await;
    let status = match end.failed {
        Some(error) => failure::show(&error.into(), false),
        None => front::status(&end.workload),
    };
    warn_about_containers(&end.cut_off);
    if !is_listener && !verbosity.quiet {
        summarise(&end.denials, only_audits);
    }
    Ok(status)
}

/// Warns of rules with which a client can become root on the host.
pub(super) fn warn_about_root(profile: &Profile) {
    let root = profile.allow.iter().filter(|entry| entry.value.risk() == Risk::Root);
    let rules: Vec<String> = root.map(|entry| printable(&in_short(&entry.value))).collect();
    if !rules.is_empty() {
        output::warn(&format!(
            "anyone who can use this socket can become root on the host, by {}",
            rules.join(", ")
        ));
    }
}

impl Args {
    fn mode(&self) -> EnforcementMode {
        EnforcementMode {
            only_audits: self.audit,
            drops_denied: self.drop_denied,
            requires_reviewed: self.require_reviewed,
        }
    }

    fn options(
        self,
        profile: ProfileToEnforce,
        environment: &Environment,
        intercept: Option<Intercept>,
    ) -> anyhow::Result<EnforcementOptions> {
        let audit_log = match self.audit_log {
            Some(path) => Some(AuditLogOptions {
                output: standard::journal(path)?,
                command: CommandLine::Short.of(&self.command),
                is_optional: self.audit_log_optional,
            }),
            None => None,
        };
        let mut front = front::front(&self.listen, environment, self.command, intercept)?;
        let body = Duration::from_secs(self.body_timeout);
        front.listen.limits.body = Some(body).filter(|body| !body.is_zero());
        Ok(EnforcementOptions { front, profile, audit_log })
    }
}

/// Warns of containers that still run, with a socket that is no longer served.
pub(super) fn warn_about_containers(names: &[String]) {
    if names.is_empty() {
        return;
    }
    let names: Vec<String> = names.iter().map(|name| printable(name)).collect();
    output::warn(&format!(
        "containers that still run, but whose socket nobody serves any more: {}",
        names.join(", ")
    ));
    output::help(&format!(
        "enforce the profile again, and then: docker restart {}",
        names.join(" ")
    ));
}

/// Lists what was denied, after the program has returned the terminal. Necessary because a client that
/// tried to upgrade its connection does not show the reason.
fn summarise(denials: &[(String, u64)], only_audited: bool) {
    if denials.is_empty() {
        return;
    }
    let total: u64 = denials.iter().map(|(_, count)| count).sum();
    let what = if only_audited { "would have been denied" } else { "denied" };
    output::note(&format!("{} {what}:", count(total, "request")));
    for (message, times) in denials {
        let times = if *times > 1 { format!(" ({times} times)") } else { String::new() };
        output::say(&format!("  {}{times}", printable(message)));
    }
}
