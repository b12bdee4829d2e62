//! `dsp verify`: a profile against the engine that is there.

use std::path::PathBuf;

use clap_complete::engine::ArgValueCompleter;

use super::options::{Engine, Verbosity};
use super::profile_argument::Profiles;
use super::reporting::Outputs;
use super::status::Status;
use super::{check, environment, front, runtime, source};
use crate::engine;
use crate::report::Severity;
use crate::verify::verify;

/// Compare a profile with an engine, before anybody is denied
///
/// Asks the engine for its versions and settings, and changes nothing. Reports a min_api that it does
/// not support, operations that it does not have, and settings that change what operations do. The
/// exit status is 3 if there is an error among them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp verify profile.yaml
  dsp verify profile.yaml -H unix:///run/user/1000/docker.sock
  dsp verify builtin:compose --fail-on warning --format github")]
pub(super) struct Args {
    /// The profile
    #[arg(value_name = "PROFILE", add = ArgValueCompleter::new(Profiles))]
    profile: PathBuf,
    #[command(flatten)]
    engine: Engine,
    /// The lowest severity that makes the exit status 3: error, warning or note
    #[arg(long, value_name = "LEVEL", default_value = "error", value_parser = check::severity)]
    fail_on: Severity,
    #[command(flatten)]
    outputs: Outputs,
}

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    let (source, profile) = source::load_source(&args.profile)?;
    let environment = environment::read(args.engine.host.as_deref());
    let (engine, settings) = runtime::block_on(async {
        let engine = engine::find(&environment, front::PROBE_TIME).await?;
        let settings = engine::settings(&engine.address, front::PROBE_TIME).await;
        anyhow::Ok((engine, settings))
    })??;
    let report = verify(&profile, source, &engine, settings.as_ref(), args.fail_on);
    args.outputs.write(&report, verbosity)
}
