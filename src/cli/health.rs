//! `dsp health`: does anything answer, for health checks of containers that hold nothing but dsp.

use anyhow::anyhow;

use super::options::Engine;
use super::status::Status;
use super::{environment, runtime, serve};
use crate::engine;

/// Tell whether an engine, or a dsp before one, answers
///
/// Asks for a ping and ends with 0 when there is an answer, with 1 and the reason when not. A dsp
/// whose profile does not allow the ping counts as well, but then nothing is known of its engine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp health
  dsp health -H unix:///run/dsp/docker.sock         the health check of a container; docs/compose.md")]
pub(super) struct Args {
    #[command(flatten)]
    engine: Engine,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Status> {
    let address = engine::locate(&environment::read(args.engine.host.as_deref()))?.address;
    let answer = runtime::block_on(engine::ping(&address, serve::PROBE_TIME))?;
    answer.map_err(|error| anyhow!("{address}: {error}"))?;
    Ok(Status::Done)
}
