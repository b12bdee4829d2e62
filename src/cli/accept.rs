//! `dsp accept`: a person decides to live with findings of a check.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap_complete::engine::ArgValueCompleter;
use jiff::civil::Date;

use super::check::today;
use super::hint::Hinted;
use super::options::{Origin, Verbosity};
use super::profile_argument::Profiles;
use super::sessions::Sessions;
use super::status::Status;
use super::{evidence, output, source, standard};
use crate::check::{Acceptable, Named, Written, acceptable, with_acceptance};
use crate::profile::Acceptance;
use crate::report::Source;
use crate::session::ProfileChange;
use crate::text::{printable, quoted, shown, spelled};

/// The recording that is read if none is named.
const USUAL_RECORDING: &str = "recording.jsonl";

/// Accept findings of a check: say why they do not matter
///
/// Writes an entry under accept: in the profile for each finding that dsp check has today and that is
/// named: by its code, by the rule or request that it is about, or by both. The findings are still shown,
/// but no longer count. What dsp check does not find is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp accept profile.yaml 'GET /info' --because 'the yearly inventory asks for it'
  dsp accept profile.yaml 'unused-rule GET /info' --because 'only once a year' --until 2027-03-31
  dsp accept profile.yaml ambiguous-name --because 'the names are ours' --recording today.jsonl")]
pub(super) struct Args {
    /// The profile
    #[arg(
        value_name = "PROFILE",
        value_parser = standard::changed(),
        add = ArgValueCompleter::new(Profiles)
    )]
    profile: PathBuf,
    /// What to accept: the code of findings, 'METHOD /path', or 'CODE METHOD /path'
    #[arg(value_name = "FINDING", required = true)]
    findings: Vec<String>,
    /// Why it does not matter, for the next person who reads the profile
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    because: String,
    /// The last day on which it does not count, such as 2027-03-31
    #[arg(long, value_name = "DATE", value_parser = day)]
    until: Option<Date>,
    /// The recording that was checked; by default recording.jsonl
    #[arg(long = "recording", value_name = "RECORDING", default_value = USUAL_RECORDING)]
    recordings: Vec<PathBuf>,
    #[command(flatten)]
    from: Origin,
    #[command(flatten)]
    sessions: Sessions,
}

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    standard::read_once(args.recordings.iter().map(PathBuf::as_path))?;
    let path = source::changeable(&args.profile)?;
    let (_, profile) = source::load_source(&path)?;
    let (from, engine) = (args.from.logs(), Some(profile.engine));
    let evidence = evidence::read(&args.recordings, from, engine, true, &args.sessions)?;
    let names = evidence::names(&args.recordings);
    if evidence.is_empty() {
        output::error(&format!("{names} contains no requests, so nothing was found"));
        output::help("name the recording that was checked: --recording FILE");
        return Ok(Status::NoVerdict);
    }
    let change = ProfileChange::begin(&path)?;
    let (mut text, mut profile) = (change.text().to_owned(), change.profile().clone());
    let read = Source::file(spelled(&path), text.clone());
    let found = acceptable(&profile, &read, &evidence, today());
    let mut named: Vec<&Acceptable> = Vec::new();
    for finding in &args.findings {
        let of = Named::parse(&profile, finding).and_then(|one| one.of(&found));
        let of = of.map_err(|error| not_there(args, &printable(&error.to_string())))?;
        let is_new = |one: &&Acceptable| !named.contains(one);
        named.extend(of.into_iter().filter(is_new).collect::<Vec<_>>());
    }
    let mut told = Vec::new();
    for one in named {
        let accepted = Acceptance {
            code: one.code,
            rule: one.subject.clone(),
            reason: args.because.clone(),
            until: args.until,
        };
        let is_listed = profile
            .accept
            .iter()
            .any(|entry| entry.value.code == accepted.code && entry.value.rule == accepted.rule);
        if let Some(reason) = one.accepted.as_ref().filter(|_| !is_listed) {
            told.push(format!("{} is accepted by another entry: {reason}", one.named()));
            continue;
        }
        let (next, read, written) = with_acceptance(&text, &profile, &accepted)
            .with_context(|| format!("cannot change {}", shown(&path)))?;
        (text, profile) = (next, read);
        told.push(match written {
            Written::Added => format!("accepted {}", one.named()),
            Written::Changed => format!("changed the entry for {}", one.named()),
            Written::Kept => format!("{} is accepted already", one.named()),
        });
    }
    if text != change.text() {
        change.finish(&text)?;
    }
    if !verbosity.quiet {
        told.iter()
            .for_each(|line| output::note(&format!("{}: {}", shown(&path), printable(line))));
    }
    Ok(Status::Done)
}

/// The error about something that was not found.
fn not_there(args: &Args, message: &str) -> Hinted {
    let words = [args.profile.as_path()].into_iter();
    let words = words.chain(args.recordings.iter().map(PathBuf::as_path));
    let words: Vec<String> = words.map(|path: &Path| quoted(&spelled(path))).collect();
    let help = printable(&format!("dsp check {} shows the findings", words.join(" ")));
    Hinted { message: message.to_owned(), help }
}

fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say why this finding does not matter".to_owned()),
        text => Ok(text.to_owned()),
    }
}

fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "write it as 2027-01-31".to_owned())
}
