//! `dsp diff`: what a change to a profile widens and narrows.

use std::path::PathBuf;

use super::options::{Verbosity, word};
use super::reporting::Outputs;
use super::status::Status;
use super::{source, standard};
use crate::check::{FailOn, compare};

/// Show what a change to a profile widens and narrows
///
/// Compares what two profiles let through, not how they are written. Either can be a file at a
/// revision of the surrounding git repository, as REVISION:FILE.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp diff old.yaml new.yaml
  dsp diff main:profile.yaml profile.yaml --fail-on unreviewed
  dsp diff HEAD~1:./ci.yaml ci.yaml --format markdown")]
pub(super) struct Args {
    /// The old profile
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The new profile
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// What makes the exit status 3, besides a lost review
    #[arg(
        long,
        value_name = "CHANGE",
        value_parser = word(|change| match change {
            FailOn::Any => "Any change",
            FailOn::Widened => "The new profile allows more",
            FailOn::Unreviewed => "The new profile allows more, and nobody has accepted that with dsp review",
        })
    )]
    fail_on: Option<FailOn>,
    #[command(flatten)]
    outputs: Outputs,
}

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    standard::read_once([args.old.as_path(), &args.new])?;
    let (old_source, old) = source::load_any(&args.old)?;
    let (new_source, new) = source::load_any(&args.new)?;
    args.outputs.write(&compare((&old, old_source), (&new, new_source), args.fail_on), verbosity)
}
