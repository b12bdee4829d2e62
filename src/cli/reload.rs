//! `dsp reload`: asks a running `dsp serve` to read its file again, and says whether it did.

use std::path::PathBuf;

use anyhow::bail;

use super::options::Verbosity;
use super::status::Status;
use super::{output, runtime};
use crate::report::{count, printable};
use crate::session::{ReloadReply, ask_to_reload};

/// Have a running dsp serve read its file and all profiles again
///
/// Waits for the result. If something cannot be put in force, the previous version stays, and the exit
/// status is 1. SOCKET is what the file calls control.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp reload /run/dsp/control.sock")]
pub(super) struct Args {
    /// The control socket: a path, or unix:///path
    #[arg(value_name = "SOCKET")]
    socket: PathBuf,
}

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    let path = match args.socket.to_str().and_then(|path| path.strip_prefix("unix://")) {
        Some(path) => PathBuf::from(path),
        None => args.socket.clone(),
    };
    match runtime::block_on(ask_to_reload(&path))?? {
        ReloadReply::Failed { error } => {
            bail!(
                "{}; nothing was reloaded, and the previous version stays in force",
                printable(&error)
            )
        }
        ReloadReply::Reloaded { programs, removed } => {
            if !verbosity.quiet {
                for program in programs {
                    let (name, profile) = (printable(&program.name), printable(&program.profile));
                    let rules = count(program.rules, "rule");
                    output::note(&format!("\"{name}\" with profile \"{profile}\" ({rules})"));
                }
                for name in removed {
                    output::note(&format!("\"{}\" is not served any more", printable(&name)));
                }
            }
            Ok(Status::Done)
        }
    }
}
