//! `dsp health`: checks that something answers, for containers that contain nothing but dsp.

use anyhow::anyhow;

use super::options::Engine;
use super::status::Status;
use super::{environment, front, runtime};
use crate::engine;

/// Check whether an engine, or a dsp in front of one, answers
///
/// Sends a ping, and exits with 0 if there is an answer, or with 1 and the reason if not. A dsp
/// whose profile does not allow the ping also counts as an answer, but then says nothing about its
/// engine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp health
  dsp health -H unix:///run/dsp/docker.sock         a container's health check; see docs/compose.md")]
pub(super) struct Args {
    #[command(flatten)]
    engine: Engine,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Status> {
    let address = engine::locate(&environment::read(args.engine.host.as_deref()))?.address;
    let answer = runtime::block_on(engine::ping(&address, front::PROBE_TIME))?;
    answer.map_err(|error| anyhow!("{address}: {error}"))?;
    Ok(Status::Done)
}
