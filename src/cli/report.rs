//! `dsp report`: a page for people about a profile.

use std::path::PathBuf;

use clap_complete::engine::ArgValueCompleter;

use super::check::today;
use super::options::{Origin, Verbosity};
use super::profile_argument::Profiles;
use super::sessions::Sessions;
use super::source;
use super::status::Status;
use super::{evidence, output, standard};
use crate::check::{Options, check};
use crate::files;
use crate::html::{KIND, Subject, page};
use crate::profile::Diff;
use crate::text::{shown, spelled};

/// Make a page about a profile, to attach to a pull request
///
/// One HTML file that needs no network and no script. The verdict comes first: whether what was recorded
/// stays within the profile, whether somebody has reviewed it, and what has changed since another profile.
/// Below are the findings of a check, what the profile allows by risk, the known ways to the host that it
/// leaves open, and what was recorded, when, and whether that was enough.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp report profile.yaml -o report.html
  dsp report profile.yaml monday.jsonl tuesday.jsonl -o report.html
  dsp report profile.yaml today.jsonl --against main:profile.yaml -o report.html")]
pub(super) struct Args {
    /// The profile
    #[arg(value_name = "PROFILE", add = ArgValueCompleter::new(Profiles))]
    profile: PathBuf,
    /// Recordings
    #[arg(value_name = "RECORDING")]
    recordings: Vec<PathBuf>,
    /// An older version of the profile, a file or REVISION:FILE, to show the changes since
    #[arg(long, value_name = "OLD")]
    against: Option<PathBuf>,
    /// Where to write it, instead of stdout; an existing page is replaced
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    from: Origin,
}

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    let read = args.recordings.iter().chain(&args.against).chain([&args.profile]);
    standard::read_once(read.map(PathBuf::as_path))?;
    let (source, profile) = source::load_source(&args.profile)?;
    let old = args.against.as_deref().map(source::load_any).transpose()?;
    let diff = old.map(|(_, old)| Diff::of(&old, &profile));
    let name = args.against.as_deref().map(|path| spelled(standard::name(path)));
    let evidence = match args.recordings.as_slice() {
        [] => None,
        some => Some(evidence::read(
            some,
            args.from.logs(),
            Some(profile.engine),
            true,
            &Sessions::default(),
        )?),
    };
    if evidence.as_ref().is_some_and(|evidence| evidence.is_empty()) {
        output::error(&format!("{} contains no requests", evidence::names(&args.recordings)));
        output::help("leave the recordings out for a page about the profile alone");
        return Ok(Status::NoVerdict);
    }
    let checked =
        evidence.as_ref().map(|evidence| check(&profile, source, evidence, &Options::on(today())));
    let text = page(&Subject {
        profile: &profile,
        evidence: evidence.as_ref(),
        check: checked.as_ref(),
        against: name.as_deref().zip(diff.as_ref()),
    });
    match standard::output(args.output.as_ref()) {
        None => output::data(&text)?,
        Some(path) => {
            files::put(path, &text, KIND)?;
            if !verbosity.quiet {
                output::note(&format!("wrote {}", shown(path)));
            }
        }
    }
    Ok(Status::Done)
}
