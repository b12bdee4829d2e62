//! `--intercept`: puts the proxy's socket where programs expect the engine's.

use std::path::PathBuf;

use super::options::Verbosity;
use super::{output, standard};
use crate::child;

/// For programs that ignore `DOCKER_HOST`.
#[derive(Debug, clap::Args)]
pub(super) struct Intercept {
    /// For a command that ignores DOCKER_HOST: put dsp's socket over /var/run/docker.sock, or PATH,
    /// visible to the command only. Without root, sudo and su do not work in the command
    #[arg(
        long,
        value_name = "PATH",
        num_args = 0..=1,
        require_equals = true,
        requires = "command",
        conflicts_with = "grace",
        value_hint = clap::ValueHint::FilePath,
        value_parser = standard::not("dsp puts a socket there")
    )]
    #[expect(clippy::option_option, reason = "clap's form of an option with an optional value")]
    intercept: Option<Option<PathBuf>>,
}

impl Intercept {
    /// Whether the option was given.
    pub(super) fn is_wanted(&self) -> bool {
        self.intercept.is_some()
    }

    /// Prepares the interception. Must be called first, before any thread is started.
    pub(super) fn prepare(&self, verbosity: Verbosity) -> anyhow::Result<Option<child::Intercept>> {
        let Some(path) = &self.intercept else { return Ok(None) };
        let intercept = child::Intercept::prepare(path.as_deref())?;
        if intercept.is_without_root() && verbosity.verbose > 0 {
            output::note("the command runs in a user namespace: sudo and su do not work there");
        }
        Ok(Some(intercept))
    }
}
