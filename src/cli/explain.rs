//! `dsp explain`: what an operation or a profile permits, and which rule decides on a request.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap_complete::engine::ArgValueCompleter;

use super::hint::Hinted;
use super::misuse::misuse;
use super::output::{self, STRONG};
use super::profile_argument::Profiles;
use super::source;
use super::status::Status;
use super::{evidence, standard};
use crate::api::{CanonicalRequest, EngineKind, Operation};
use crate::check;
use crate::explain;
use crate::profile::{BUILTIN, Profile, Rule};
use crate::report::Source;
use crate::text::{nearest, printable};

/// The most lines of recordings to show.
const MOST_LINES: usize = 40;

/// Show what an operation permits, how risky it is, and which rule decides on it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  dsp explain 'POST /containers/web/exec'
  dsp explain profile.yaml                              every rule, riskiest first
  dsp explain profile.yaml 'GET /v1.41/containers/json'
  dsp explain unused-rule                               what a finding of dsp check means")]
pub(super) struct Args {
    /// A profile, a request as 'METHOD /path', or both; or the code of a finding
    #[arg(value_name = "PROFILE | 'METHOD /path' | CODE", required = true, num_args = 1..=2,
        add = ArgValueCompleter::new(Profiles))]
    subjects: Vec<String>,
    /// Also show the lines of this recording that match the request or rule
    #[arg(long = "recording", value_name = "RECORDING")]
    recordings: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Status> {
    if let [code] = args.subjects.as_slice()
        && let Some(page) = check::page(code)
        && !Path::new(code).exists()
    {
        output::text(&format!("{STRONG}{code}{STRONG:#}\n{}\n", flowing(page)))?;
        return Ok(Status::Done);
    }
    let subjects: Vec<String> =
        args.subjects.iter().map(|subject| named(subject)).collect::<Result<_, _>>()?;
    let is_request =
        |subject: &&String| subject.split_once(' ').is_some_and(|(_, path)| path.starts_with('/'));
    let requests: Vec<&String> = subjects.iter().filter(is_request).collect();
    let profiles: Vec<&String> = subjects.iter().filter(|subject| !is_request(subject)).collect();
    if profiles.len() > 1 || requests.len() > 1 {
        misuse!("give one profile, one request as 'METHOD /path', or one of each");
    }
    if requests.is_empty() && !args.recordings.is_empty() {
        misuse!("--recording shows the evidence for a rule: name one, as 'METHOD /path'");
    }
    let path = profiles.first().map(Path::new);
    standard::read_once(path.into_iter().chain(args.recordings.iter().map(PathBuf::as_path)))?;
    let profile = path.map(source::load_source).transpose()?;
    let text = match (&profile, requests.first()) {
        (Some((_, profile)), None) => explain::profile(profile),
        (None, Some(request)) => explain::operation(find_anywhere(request)?),
        (Some((source, profile)), Some(request)) => decision(profile, source, request),
        // clap requires at least one of them.
        (None, None) => String::new(),
    };
    output::text(&text)?;
    if let Some(request) = requests.first().filter(|_| !args.recordings.is_empty()) {
        let engine = match &profile {
            Some((_, profile)) => profile.engine,
            None => find_anywhere(request)?.engine,
        };
        show_recorded(&rule(engine, request)?, &args.recordings)?;
    }
    Ok(Status::Done)
}

/// The paragraphs of a page, each on one line, which a terminal wraps.
fn flowing(page: &str) -> String {
    page.split("\n\n").map(|text| text.replace('\n', " ")).collect::<Vec<_>>().join("\n")
}

/// Replaces the name of an operation by its rule, and leaves any other subject as it is.
///
/// # Errors
/// If the subject is a path without a method, or a misspelled name of an operation.
fn named(subject: &str) -> anyhow::Result<String> {
    if subject.contains(' ') || subject.starts_with(BUILTIN) || Path::new(subject).exists() {
        return Ok(subject.to_owned());
    }
    let operations =
        || EngineKind::ALL.into_iter().flat_map(|engine| engine.catalogue().operations());
    if let Some(found) = operations().find(|found| found.name.eq_ignore_ascii_case(subject)) {
        return Ok(found.to_string());
    }
    if subject.starts_with('/') {
        let methods = ["GET", "POST", "DELETE", "PUT", "HEAD"];
        let lines = methods.map(|method| format!("{method} {subject}"));
        let meant = lines.into_iter().find(|line| find_anywhere(line).is_ok());
        if let Some(meant) = meant {
            let message =
                format!("{} has no method, and there is no such file", printable(subject));
            return Err(
                Hinted { message, help: format!("did you mean '{}'?", printable(&meant)) }.into()
            );
        }
    }
    let is_code = subject.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if let Some(near) =
        nearest(subject, check::codes()).filter(|_| is_code && subject.contains('-'))
    {
        let message = format!("{subject} is not a kind of finding, and there is no such file");
        return Err(Hinted { message, help: format!("did you mean {near}?") }.into());
    }
    let is_name = subject.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_capital = subject.starts_with(|first: char| first.is_ascii_uppercase());
    match nearest(subject, operations().map(|operation| operation.name)) {
        Some(near) if is_name && is_capital => {
            let message = format!("{subject} is not an operation, and there is no such file");
            Err(Hinted { message, help: format!("did you mean {near}?") }.into())
        }
        _ => Ok(subject.to_owned()),
    }
}

/// Finds the operation of a request or rule in Docker's API, or else in podman's.
fn find_anywhere(text: &str) -> anyhow::Result<&'static Operation> {
    find(EngineKind::Docker, text)
        .or_else(|error| find(EngineKind::Podman, text).map_err(|_| error))
}

/// Finds the operation of a request or rule.
fn find(engine: EngineKind, text: &str) -> anyhow::Result<&'static Operation> {
    if let Ok(rule) = Rule::parse(engine, text) {
        return Ok(rule.operation());
    }
    let request = parse(engine, text)?;
    request.locate().map(|located| located.operation).ok_or_else(|| unknown(engine, text))
}

/// Parses a rule; for a request, returns the rule that allows its operation with any name.
fn rule(engine: EngineKind, text: &str) -> anyhow::Result<Rule> {
    Rule::parse(engine, text).or_else(|_| find(engine, text).map(Rule::any))
}

fn parse(engine: EngineKind, text: &str) -> anyhow::Result<CanonicalRequest> {
    let (method, target) = text.split_once(' ').unwrap_or((text, ""));
    CanonicalRequest::parse(engine, method, target).map_err(|refusal| {
        anyhow::anyhow!("enforce refuses {} whatever the profile says: {refusal}", printable(text))
    })
}

fn unknown(engine: EngineKind, text: &str) -> anyhow::Error {
    let nearest: Vec<String> =
        engine.catalogue().nearest(text).into_iter().map(ToString::to_string).collect();
    let hint = match nearest.as_slice() {
        [] => String::new(),
        some => format!("; did you mean {}?", some.join(", or ")),
    };
    anyhow::anyhow!("{} is not a known operation of {}{hint}", printable(text), engine.api())
}

/// Shows the lines of recordings that match a rule.
fn show_recorded(rule: &Rule, recordings: &[PathBuf]) -> anyhow::Result<()> {
    let lines = evidence::lines(recordings, rule)?;
    let mut text = format!("{STRONG}recorded{STRONG:#}\n");
    for line in lines.iter().take(MOST_LINES) {
        let _ = writeln!(text, "  {}", printable(line));
    }
    match lines.len().saturating_sub(MOST_LINES) {
        _ if lines.is_empty() => text.push_str("  never\n"),
        0 => {}
        more => {
            let _ = writeln!(text, "  and {more} more");
        }
    }
    output::text(&text)?;
    Ok(())
}

/// How the profile decides on a request.
fn decision(profile: &Profile, source: &Source, request: &str) -> String {
    let (method, path) = request.split_once(' ').unwrap_or((request, ""));
    // A rule has no version, but some operations of podman exist only with one.
    let version = Rule::parse(profile.engine, request)
        .ok()
        .and_then(|rule| rule.operation().versions.newest())
        .map_or_else(String::new, |version| format!("/v{version}"));
    explain::request(profile, source, method, &format!("{version}{path}"))
}
