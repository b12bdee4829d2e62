//! `dsp diff`: what a change of a profile widens and narrows.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::args::Talk;
use super::reporting::Outputs;
use super::status::Status;
use crate::check::{self, compare};
use crate::profile::{self, Profile};
use crate::report::{Source, printable};

/// Say what a change of a profile widens and narrows
///
/// Compares what two profiles let through, not how they are written. Either may be a file at a
/// revision of the git repository around, as REVISION:FILE.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp diff old.yaml new.yaml
  dsp diff main:profile.yaml profile.yaml --fail-on widened
  dsp diff HEAD~1:./ci.yaml ci.yaml --format markdown")]
pub(super) struct Args {
    /// The old profile
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The new profile
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// What makes the exit status 3
    #[arg(long, value_enum, value_name = "CHANGE")]
    fail_on: Option<FailOn>,
    #[command(flatten)]
    outputs: Outputs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FailOn {
    /// Any change
    Any,
    /// More is let through
    Widened,
}

pub(super) fn run(args: &Args, talk: Talk) -> anyhow::Result<Status> {
    let (old_text, old) = load(&args.old)?;
    let (new_text, new) = load(&args.new)?;
    let source = |path: &Path, text| Source {
        path: path.display().to_string(),
        text,
        is_file: path.exists(),
    };
    let fail_on = match args.fail_on {
        None => check::FailOn::Nothing,
        Some(FailOn::Any) => check::FailOn::Any,
        Some(FailOn::Widened) => check::FailOn::Widened,
    };
    let (old_source, new_source) = (source(&args.old, old_text), source(&args.new, new_text));
    args.outputs.write(&compare((&old, old_source), (&new, new_source), fail_on), talk)
}

/// Loads a profile from a file, or from a revision of the repository around.
pub(super) fn load(path: &Path) -> anyhow::Result<(String, Profile)> {
    let name = path.to_str().filter(|_| !path.exists());
    match name.and_then(|name| name.split_once(':')) {
        Some((revision, file)) if !revision.is_empty() && !file.is_empty() => {
            let text = from_git(path.as_os_str(), file)?;
            Ok(profile::parse_from(path, text)?)
        }
        _ => Ok(profile::load_text(path)?),
    }
}

/// Reads a file as it was committed.
fn from_git(object: &OsStr, file: &str) -> anyhow::Result<String> {
    let shown = printable(&object.to_string_lossy());
    let mut git = Command::new("git")
        .args(["cat-file", "blob", "--end-of-options"])
        .arg(object)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run git to read {shown}"))?;
    let mut bytes = Vec::new();
    if let Some(stdout) = git.stdout.take() {
        stdout.take(profile::MAX_BYTES + 1).read_to_end(&mut bytes)?;
    }
    let output = git.wait_with_output()?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > profile::MAX_BYTES {
        bail!("{shown} is larger than {} bytes, so it is no profile", profile::MAX_BYTES);
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().trim_start_matches("fatal: ");
        // git says so of a file alone; of a revision that is none it says something else.
        let hint = if said.starts_with("path ") && !file.starts_with("./") {
            "; a path counts from the root of the repository, or from here with ./"
        } else {
            ""
        };
        bail!("git has no {shown}: {}{hint}", printable(said));
    }
    String::from_utf8(bytes)
        .with_context(|| format!("{shown} is not UTF-8 text, so it is no profile"))
}
