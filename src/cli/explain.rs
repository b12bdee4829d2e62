//! `dsp explain`: what a right gives away, and which rule decides.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::output::{self, HELP, STRONG};
use super::status::Status;
use super::{args, evidence};
use crate::api::{ApiVersion, CanonicalRequest, EngineKind, Matter, Operation, Versions};
use crate::policy::{Enforcer, Gate, Head, Verdict};
use crate::profile::{self, Profile, Rule};
use crate::report::printable;

/// How many lines of recordings are shown at most.
const MOST_LINES: usize = 40;

pub(super) fn run(args: &args::Explain) -> anyhow::Result<Status> {
    let is_request =
        |subject: &&String| subject.split_once(' ').is_some_and(|(_, path)| path.starts_with('/'));
    let requests: Vec<&String> = args.subjects.iter().filter(is_request).collect();
    let profiles: Vec<&String> =
        args.subjects.iter().filter(|subject| !is_request(subject)).collect();
    let text = match (profiles.as_slice(), requests.as_slice()) {
        ([path], []) => rules(&profile::load(Path::new(path))?),
        ([], [request]) => operation_text(find_anywhere(request)?),
        ([path], [request]) => {
            let profile = profile::load(Path::new(path))?;
            decision(&profile, path, request)?
        }
        _ => anyhow::bail!("give one profile, one request as 'METHOD /path', or one of each"),
    };
    output::text(&text)?;
    if !args.recordings.is_empty() {
        let Some(request) = requests.first() else {
            anyhow::bail!("name the rule whose evidence --recording is to show, as 'METHOD /path'");
        };
        let rule = match profiles.first() {
            Some(path) => rule(profile::load(Path::new(path))?.engine, request)?,
            None => rule(find_anywhere(request)?.engine, request)?,
        };
        behind(&rule, &args.recordings)?;
    }
    Ok(Status::Done)
}

/// The operation that a request or a rule names, of Docker's API or else of podman's.
fn find_anywhere(text: &str) -> anyhow::Result<&'static Operation> {
    find(EngineKind::Docker, text)
        .or_else(|error| find(EngineKind::Podman, text).map_err(|_| error))
}

/// The operation that a request or a rule names.
fn find(engine: EngineKind, text: &str) -> anyhow::Result<&'static Operation> {
    if let Ok(rule) = Rule::parse(engine, text) {
        return Ok(rule.operation());
    }
    let request = parse(engine, text)?;
    request.locate().map(|located| located.operation).ok_or_else(|| unknown(engine, text))
}

/// The rule that is written, or that permits all of the operation that is.
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
    anyhow::anyhow!("{} is no known operation of {}{hint}", printable(text), engine.api())
}

fn operation_text(operation: &Operation) -> String {
    let mut text = format!("{STRONG}{operation}{STRONG:#}  ({})\n", operation.name);
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {HELP}{label:<10}{HELP:#} {value}");
        }
    };
    line("permits", operation.permits);
    line("risk", &format!("{}: {}", operation.risk, operation.reason));
    let (since, under) = match &operation.versions {
        Versions::Documented { since, .. } if *since > ApiVersion::FLOOR => {
            (format!("API {since}"), String::new())
        }
        Versions::Any | Versions::Documented { .. } => Default::default(),
        Versions::Prefixed(digits) => {
            let (from, to) = (digits.start(), digits.end());
            (String::new(), format!("API versions {from}.* to {to}.* of podman only"))
        }
    };
    line("since", &since);
    line("under", &under);
    line("parameters", &operation.query.join(", "));
    line("hidden", &operation.secret_query.join(", "));
    if let Some(advice) = operation.advice() {
        for Matter { place, names, effect } in &advice.matters {
            line(place.as_str(), &format!("{}: {effect}", names.join(", ")));
        }
        line("at worst", advice.worst);
        line("instead", advice.instead);
    }
    let traits = operation.traits;
    let mut connection = Vec::new();
    connection.extend(traits.hijack.then_some("becomes a raw tunnel, into which dsp cannot look"));
    connection.extend((traits.stream && !traits.hijack).then_some("may flow without end"));
    connection.extend(traits.tar_in.then_some("takes a tar archive"));
    connection.extend(traits.tar_out.then_some("gives a tar archive"));
    line("connection", &connection.join("; "));
    text
}

/// Shows the lines of recordings in which a rule was used.
fn behind(rule: &Rule, recordings: &[PathBuf]) -> anyhow::Result<()> {
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

/// Every rule of a profile, the riskiest first.
fn rules(profile: &Profile) -> String {
    let mut entries: Vec<_> = profile.allow.iter().collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.value.operation().risk));
    let width = entries.iter().map(|entry| entry.value.to_string().len()).max().unwrap_or(0);
    let mut text = String::new();
    for entry in entries {
        let operation = entry.value.operation();
        let _ =
            writeln!(text, "{:<8} {:<width$}  {}", operation.risk, entry.value, operation.permits);
    }
    for entry in &profile.deny {
        let _ = writeln!(text, "{:<8} {}", "denied", entry.value);
    }
    for entry in &profile.unknown {
        let _ = writeln!(text, "{:<8} {}  (nothing is known about it)", "unknown", entry.value);
    }
    text
}

/// What the profile says to a request.
fn decision(profile: &Profile, path: &str, request: &str) -> anyhow::Result<String> {
    let (method, path_asked) = request.split_once(' ').unwrap_or((request, ""));
    // A rule has no version, and some operations of podman are there under one only.
    let version = Rule::parse(profile.engine, request)
        .ok()
        .and_then(|rule| rule.operation().versions.newest())
        .map_or_else(String::new, |version| format!("/v{version}"));
    let target = &format!("{version}{path_asked}");
    let decision = Enforcer::new(profile).decide(&Head::new(method, target));
    let mut text = String::new();
    if let Some(located) = &decision.located {
        text.push_str(&operation_text(located.operation));
    }
    let source = std::fs::read_to_string(path).unwrap_or_default();
    let deciding = decision.located.as_ref().and_then(|located| {
        let rules = profile.deny.iter().chain(&profile.allow);
        rules.into_iter().find(|entry| entry.value.matches(located))
    });
    let line = deciding.and_then(|entry| entry.span.as_ref()).map(|span| {
        let number = source.get(..span.start).unwrap_or_default().matches('\n').count() + 1;
        format!(" (line {number})")
    });
    let verdict = match decision.verdict {
        Verdict::Forward(_) => match deciding {
            Some(entry) => {
                format!("allowed by {path}: {}{}", entry.value, line.unwrap_or_default())
            }
            None => format!("allowed by {path}, under unknown:"),
        },
        Verdict::Deny(denial) => {
            let message =
                denial.message.strip_prefix("dsp: ").unwrap_or(&denial.message).to_owned();
            format!("{message}{}", line.unwrap_or_default())
        }
    };
    let _ = writeln!(text, "{}", printable(&verdict));
    Ok(text)
}
