//! `dsp match`: what a profile decides on requests that a person writes down.

mod answer;
mod requests;

use std::collections::HashSet;
use std::fmt::Write;
use std::path::PathBuf;

use clap_complete::engine::ArgValueCompleter;

use super::options::Verbosity;
use super::profile_argument::Profiles;
use super::status::Status;
use super::{output, source, standard};
use crate::cases::{Own, Ruling, judge};
use crate::text::count;
use answer::{row, told};
use requests::Asked;

pub(super) use requests::NotRequests;

/// Decide on requests by a profile, without an engine: tests of a profile
///
/// A file has one request on each line, as [allow|own|deny] METHOD /path [BODY]: what the profile should
/// say, if that matters, the request, and its body as JSON or @FILE. Lines that begin with # are comments.
///
/// allow: the request is forwarded. own: it is forwarded if it is about an object that was made through
/// the profile, which only an engine knows; --own says which are. deny: it is not forwarded.
///
/// The exit status is 0 if the profile says what each line expects, and allows all requests whose lines
/// expect nothing. It is 3 if not, and 4 if that depends on whose an object is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp match profile.yaml 'GET /v1.41/containers/json'
  dsp match profile.yaml 'POST /containers/create' --body '{\"Image\": \"busybox\"}'
  dsp match profile.yaml 'DELETE /containers/web' --own web
  dsp match profile.yaml requests.txt
  dsp match builtin:traefik - --format json <requests.txt")]
pub(super) struct Args {
    /// The profile
    #[arg(value_name = "PROFILE", add = ArgValueCompleter::new(Profiles))]
    profile: PathBuf,
    /// A request, or a file of requests
    #[arg(value_name = "'METHOD /path' | FILE")]
    requests: PathBuf,
    /// The body of the request, or @FILE
    #[arg(long, value_name = "BODY")]
    body: Option<String>,
    /// An object that was made through the profile; all that are not named belong to somebody else
    #[arg(long, value_name = "NAME")]
    own: Vec<String>,
    /// The output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
}

/// The format of a result.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: one object on each line
    Json,
}

/// How often a request got what it should.
#[derive(Default)]
struct Tally {
    /// How many there are for each ruling, in the order of [`Ruling::ALL`].
    rulings: [usize; 3],
    unexpected: usize,
    undecided: usize,
}

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    standard::read_once([args.profile.as_path(), &args.requests])?;
    let (source, profile) = source::load_source(&args.profile)?;
    let asked = args.asked()?;
    let own = match args.own.as_slice() {
        [] => Own::Unknown,
        names => Own::Named(names.iter().cloned().collect::<HashSet<_>>()),
    };
    let mut tally = Tally::default();
    let has_expectations = asked.iter().any(|asked| asked.case.expected.is_some());
    for Asked { case, body, has_line } in &asked {
        let judgement = judge(&profile, &case.method, &case.target, body.as_deref(), &own);
        let is_expected = tally.add(case.expected, judgement.ruling);
        match args.format {
            Format::Json => {
                let row = row(case, &judgement, &source, *has_line);
                output::data(&(serde_json::to_string(&row)? + "\n"))?;
            }
            // Tests that pass are silent.
            Format::Text if has_expectations && is_expected && verbosity.verbose == 0 => {}
            Format::Text => {
                let file = has_line.then_some(args.requests.as_path());
                output::text(&told(case, &judgement, &source, file))?;
            }
        }
    }
    if asked.iter().any(|asked| asked.has_line) && !verbosity.quiet {
        output::note(&tally.told());
    }
    Ok(tally.status())
}

impl Tally {
    /// Counts a request, and says whether it got what its line expects.
    fn add(&mut self, expected: Option<Ruling>, ruling: Ruling) -> bool {
        let place = Ruling::ALL.iter().position(|other| *other == ruling).unwrap_or_default();
        if let Some(count) = self.rulings.get_mut(place) {
            *count += 1;
        }
        let is_expected = expected.unwrap_or(Ruling::Allow) == ruling;
        match (expected, ruling) {
            _ if is_expected => {}
            (None, Ruling::Own) => self.undecided += 1,
            _ => self.unexpected += 1,
        }
        is_expected
    }

    fn status(&self) -> Status {
        match self {
            Self { unexpected: 1.., .. } => Status::Findings,
            Self { undecided: 1.., .. } => Status::NoVerdict,
            _ => Status::Done,
        }
    }

    fn told(&self) -> String {
        let [allowed, own, denied] = self.rulings;
        let mut text = format!(
            "{}: {allowed} allowed, {denied} denied",
            count(allowed + own + denied, "request")
        );
        if own > 0 {
            let _ = write!(text, ", {own} for own objects only");
        }
        match self.unexpected {
            0 => {}
            unexpected => {
                let _ = write!(text, "; {unexpected} not as expected");
            }
        }
        text
    }
}
