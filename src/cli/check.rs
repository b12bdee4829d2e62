//! `dsp check`: recordings against a profile.

use std::path::PathBuf;

use anyhow::Context;
use clap_complete::engine::ArgValueCompleter;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::hint::{Hinted, did_you_mean};
use super::misuse::misuse;
use super::options::{Origin, Verbosity};
use super::profile_argument::Profiles;
use super::reporting::Outputs;
use super::sessions::{self, Sessions};
use super::source;
use super::status::Status;
use super::{evidence, output, review, standard};
use crate::check::{Options, check};
use crate::learn::Evidence;
use crate::profile::{CheckCode, Profile};
use crate::report::Severity;
use crate::review::Draft;
use crate::text::{printable, quoted, shown, spelled};

/// Compare recordings with a profile: has the program drifted?
///
/// Reports what was recorded but is not allowed, what is allowed but was not used, and what nobody
/// has reviewed. The exit status is 0 if everything that was recorded is allowed, 3 if not, and 4 if
/// the recordings are empty, incomplete or lossy, so that no verdict is possible.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp check profile.yaml recording.jsonl
  dsp check profile.yaml ci-*.jsonl --fail-on warning
  dsp check profile.yaml today.jsonl --review
  dsp check profile.yaml today.jsonl --format github --format sarif=dsp.sarif
  dsp check profile.yaml today.jsonl --severity unused-rule=error --severity unreviewed=off
  dsp check profile.yaml --from haproxy /var/log/haproxy.log")]
pub(super) struct Args {
    /// The profile
    #[arg(value_name = "PROFILE", add = ArgValueCompleter::new(Profiles))]
    profile: PathBuf,
    /// Recordings
    #[arg(value_name = "RECORDING", required = true)]
    recordings: Vec<PathBuf>,
    /// An older version of the profile, a file or REVISION:FILE; a review removed since is an error
    #[arg(long, value_name = "OLD")]
    against: Option<PathBuf>,
    /// Make it an error if nobody has reviewed the profile, as enforce --require-reviewed does; this
    /// also finds a review that was removed completely
    #[arg(long)]
    require_reviewed: bool,
    /// The lowest severity that makes the exit status 3: error, warning or note
    #[arg(long, value_name = "LEVEL", default_value = "error", value_parser = severity)]
    fail_on: Severity,
    /// Change the severity of findings with this code to error, warning, note or off
    #[arg(long = "severity", value_name = "CODE=LEVEL", value_parser = weight)]
    severities: Vec<(CheckCode, Option<Severity>)>,
    /// On a terminal, ask about everything that was recorded and is not allowed, and about what is open, as
    /// dsp review does. The profile gets what you keep; the check is that of the result
    #[arg(long)]
    review: bool,
    /// With --review, ask line by line instead of on a full screen
    #[arg(long, requires = "review")]
    plain: bool,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    from: Origin,
    #[command(flatten)]
    sessions: Sessions,
}

pub(super) fn run(args: &Args, verbosity: Verbosity) -> anyhow::Result<Status> {
    args.refuse_contradiction()?;
    let read = args.recordings.iter().chain(&args.against).chain([&args.profile]);
    standard::read_once(read.map(PathBuf::as_path))?;
    if args.review {
        args.check_terminal()?;
    }
    let (mut source, mut profile) = source::load_source(&args.profile)?;
    let (from, engine) = (args.from.logs(), Some(profile.engine));
    let mut evidence = evidence::read(&args.recordings, from, engine, true, &args.sessions)?;
    sessions::warn(&evidence);
    if args.review && !evidence.is_empty() {
        let (read, stopped) = decide(args, verbosity, &profile, source.text, evidence)?;
        if let Some(status) = stopped {
            return Ok(status);
        }
        evidence = read;
        (source, profile) = source::load_source(&args.profile)?;
    }
    let options = Options {
        today: today(),
        severities: args.severities.iter().copied().collect(),
        fail_on: args.fail_on,
        reviewed_before: reviewed_before(args)?,
        requires_reviewed: args.require_reviewed,
    };
    let report = check(&profile, source, &evidence, &options);
    if evidence.is_empty() {
        output::error(&format!(
            "{} contains no requests, so there is nothing to compare",
            evidence::names(&args.recordings)
        ));
        output::help("record the program first: dsp record -- COMMAND");
        return args.outputs.without_evidence().write(&report, verbosity);
    }
    args.outputs.write(&report, verbosity)
}

/// Asks about what is new and what is open, and returns the evidence. Also returns the exit status if a signal
/// or Ctrl-C ended the questions.
fn decide(
    args: &Args,
    verbosity: Verbosity,
    profile: &Profile,
    text: String,
    evidence: Evidence,
) -> anyhow::Result<(Evidence, Option<Status>)> {
    let draft = Draft::new(text, profile.clone());
    let draft = draft
        .offering(&evidence)
        .with_context(|| format!("cannot add to {}", shown(&args.profile)))?;
    if draft.offered() == 0 && draft.profile().standing().is_reviewed() {
        return Ok((evidence, None));
    }
    let (session, stopped) =
        review::ask_about(&args.profile, draft, Some(evidence), args.plain, verbosity)?;
    Ok((session.into_evidence().unwrap_or_default(), stopped))
}

impl Args {
    /// Refuses to ask where nobody can answer, or about a profile that cannot be changed.
    fn check_terminal(&self) -> anyhow::Result<()> {
        if standard::is_standard(&self.profile) {
            misuse!(
                "--review changes the profile, so it has to be a file; for one of this name, write ./-"
            );
        }
        source::changeable(&self.profile)?;
        if review::can_ask(self.plain) {
            return Ok(());
        }
        let (profile, words) = (quoted(&spelled(&self.profile)), self.recordings.iter());
        let words: Vec<String> = words.map(|path| quoted(&spelled(path))).collect();
        Err(Hinted {
            message: "--review asks about each rule, and there is no terminal to ask on".to_owned(),
            help: printable(&format!(
                "dsp generate --update {profile} {} adds what is new; then decide with dsp review \
                 {profile} --keep, --deny or --narrow",
                words.join(" ")
            )),
        }
        .into())
    }

    /// Refuses options that would lower the severity of what `--require-reviewed` checks.
    fn refuse_contradiction(&self) -> anyhow::Result<()> {
        let is_review =
            |code: &CheckCode| matches!(code, CheckCode::Unreviewed | CheckCode::RiskRose);
        let weight = self.severities.iter().find(|(code, _)| is_review(code));
        if let Some((code, _)) = weight.filter(|_| self.require_reviewed) {
            misuse!(
                "--require-reviewed makes {} an error, so --severity {}=LEVEL cannot be used with it",
                code.as_str(),
                code.as_str()
            );
        }
        Ok(())
    }
}

/// The path of the older profile, if that one was reviewed.
fn reviewed_before(args: &Args) -> anyhow::Result<Option<String>> {
    let Some(path) = &args.against else { return Ok(None) };
    let (source, before) = source::load_any(path)?;
    Ok(before.reviewed.map(|_| source.path))
}

/// Today in UTC, so that a verdict does not depend on the time zone of the machine.
pub(super) fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

pub(super) fn severity(text: &str) -> Result<Severity, String> {
    let found = Severity::ALL.into_iter().find(|severity| severity.as_str() == text);
    found.ok_or_else(|| {
        let meant = did_you_mean(text, Severity::ALL.into_iter().map(Severity::as_str));
        format!("the levels are error, warning and note{meant}")
    })
}

fn weight(text: &str) -> Result<(CheckCode, Option<Severity>), String> {
    let (code, level) = text.split_once('=').ok_or_else(|| "write it as CODE=LEVEL".to_owned())?;
    let code = code.parse().map_err(|()| {
        let known: Vec<&str> = CheckCode::ALL.into_iter().map(CheckCode::as_str).collect();
        let meant = did_you_mean(code, known.iter().copied());
        format!("the codes are {}{meant}", known.join(", "))
    })?;
    let level = match level {
        "off" => None,
        level => Some(severity(level).map_err(|levels| format!("{levels}, and off"))?),
    };
    Ok((code, level))
}
