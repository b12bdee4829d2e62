//! `dsp serve`: several programs in one process, each held to its own profile.

use std::path::{Path, PathBuf};

use clap::ValueHint;

use super::columns::aligned;
use super::enforce::{warn_about_containers, warn_about_root};
use super::options::{Log, Verbosity};
use super::service_manager::{self, Watchdog};
use super::status::Status;
use super::{ambiguity, environment, failure, front, late, output, reloaded, runtime, standard};
use crate::api::Address;
use crate::host::EngineSetting;
use crate::report::count;
use crate::session::{
    HostEnd, HostReload, HostToServe, Hosting, HostingError, HostingNotice, StartWarning,
};
use crate::text::shown;

/// Serve several programs, each held to its own profile
///
/// The file names the programs, and for each its profile and its sockets. dsp listens at once; while the
/// engine does not answer, it answers requests with 502. On HUP, it reads the file and all profiles again,
/// and puts all of them in force or none. It serves until Ctrl-C or TERM.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp serve dsp.yaml
  dsp serve dsp.yaml --check                  read the file and all profiles, and end
  systemctl reload dsp                        see docs/service.md

A file for two programs:
  version: 1
  programs:
    traefik:
      profile: builtin:traefik
      listen: unix:///run/dsp/traefik.sock
    ci:
      profile: ci.yaml
      listen: tcp://127.0.0.1:2375")]
pub(super) struct Args {
    /// The file with the programs
    #[arg(
        value_name = "FILE",
        value_parser = standard::not("the file is read again on HUP, so it has to be a file"),
        value_hint = ValueHint::FilePath
    )]
    file: PathBuf,
    /// Only read the file and the profiles. The exit status is 0 if they can be served, 3 if a
    /// profile is not reviewed, and 1 otherwise
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    log: Log,
}

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    let host = HostToServe::load(&args.file)?;
    if args.check {
        return check(&args.file, &host);
    }
    runtime::start_log(verbosity, false, args.log.format);
    runtime::block_on(serve(host, verbosity))?
}

/// Lists the programs of a file that can be served.
fn check(file: &Path, host: &HostToServe) -> anyhow::Result<Status> {
    let rows = host.programs().iter().map(|served| {
        let profile = served.profile.profile();
        let listen = served.program.listen.iter().map(Address::to_string);
        [
            served.name.to_string(),
            profile.name.to_string(),
            count(profile.allow.len(), "rule"),
            listen.collect::<Vec<_>>().join(", "),
        ]
    });
    output::data(&aligned(&rows.collect::<Vec<_>>()))?;
    let programs = count(host.programs().len(), "program");
    output::note(&format!("{} can be served: {programs}", shown(file)));
    Ok(Status::Done)
}

async fn serve(host: HostToServe, verbosity: Verbosity) -> anyhow::Result<Status> {
    let engine = host.host().settings.engine.as_ref().map(EngineSetting::spelled);
    let environment = environment::read(engine.as_deref());
    let runtime_dir = front::runtime_dir(&environment);
    let grace = host.host().settings.grace.as_secs();
    let warn = &mut |program: Option<&crate::profile::Name>, warning: StartWarning| {
        if let Some(program) = program.filter(|_| !is_silenced(&warning, verbosity)) {
            output::note(&format!("program \"{program}\":"));
        }
        front::warn(&warning, verbosity);
    };
    let opened = service_manager::opened_sockets()?;
    let (hosting, absent) = Hosting::start(host, &environment, runtime_dir, opened, warn).await?;
    if !verbosity.quiet {
        hosting.profiles().for_each(warn_about_root);
        hosting.programs().for_each(|(_, profile, _)| ambiguity::warn(profile));
        for (name, profile, listen) in hosting.programs() {
            let listen: Vec<String> = listen.iter().map(Address::to_string).collect();
            let rules = count(profile.allow.len(), "rule");
            output::note(&format!(
                "serving \"{name}\" with profile \"{}\" ({rules}) on {}",
                profile.name,
                listen.join(", ")
            ));
        }
    }
    if let Some(absent) = absent {
        late::report_absent(&absent, hosting.engine());
    }
    let watchdog = service_manager::Watchdog::of_service();
    service_manager::ready();
    let end = hosting.run(|notice| show(notice, grace, verbosity, &watchdog)).await;
    service_manager::stopping();
    Ok(report_end(end, verbosity))
}

fn is_silenced(warning: &StartWarning, verbosity: Verbosity) -> bool {
    verbosity.quiet && matches!(warning, StartWarning::OpenToAll { .. })
}

fn show(notice: HostingNotice, grace: u64, verbosity: Verbosity, watchdog: &Watchdog) {
    match notice {
        HostingNotice::Second => watchdog.feed(),
        HostingNotice::Reloading => service_manager::reloading(),
        HostingNotice::EngineFound { found, caveats } => {
            late::report_found(&found, verbosity.quiet);
            for (program, caveat) in &caveats {
                late::report_caveat(Some(program), caveat);
            }
        }
        HostingNotice::Reloaded(result) => {
            report_reload(*result, verbosity.quiet);
            service_manager::ready();
        }
        HostingNotice::Waiting { open } => front::report_waiting(open, grace),
    }
}

fn report_reload(result: Result<HostReload, HostingError>, is_quiet: bool) {
    let reloaded = match result {
        Ok(reloaded) => reloaded,
        Err(error) => {
            let _ = failure::show(&error.into(), false);
            output::warn("nothing was reloaded; the previous version stays in force");
            return;
        }
    };
    for program in reloaded.programs {
        if !is_quiet {
            let how = if program.is_new { "now also serving" } else { "reloaded" };
            output::note(&format!("{how} program \"{}\"", program.name));
        }
        reloaded::report_program(&program.reload, program.audit_log, is_quiet);
    }
    for name in reloaded.removed {
        output::note(&format!("program \"{name}\" is not served any more"));
    }
}

/// Says what became of the programs, and returns the exit status.
fn report_end(end: HostEnd, verbosity: Verbosity) -> Status {
    for program in end.programs {
        warn_about_containers(&program.cut_off);
        if !verbosity.quiet {
            let (allowed, denied) = (count(program.allowed, "request"), program.denied);
            output::note(&format!(
                "program \"{}\": {allowed} let through, {denied} denied",
                program.name
            ));
        }
    }
    match end.failed {
        Some(error) => failure::show(&error.into(), false),
        None => Status::Done,
    }
}
