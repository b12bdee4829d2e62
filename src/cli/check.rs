//! `dsp check`: recordings against a profile.

use std::collections::BTreeMap;
use std::path::Path;

use super::args::{self, FailOn};
use super::status::Status;
use super::{evidence, output};
use crate::api::ApiVersion;
use crate::learn::{Evidence, HANDSHAKE, Known, Use};
use crate::policy::{Enforcer, Gate, Head, Verdict};
use crate::profile::{self, Entry, Profile, Rule};
use crate::report::{Finding, Severity, count, render};

pub(super) fn run(args: &args::Check) -> anyhow::Result<Status> {
    let profile = profile::load(&args.profile)?;
    let evidence =
        evidence::read(&args.recordings, args.from.format(), Some(profile.engine), true)?;
    if evidence.is_empty() {
        output::error(&format!(
            "{} holds no request, so there is nothing to compare",
            evidence::names(&args.recordings)
        ));
        output::help("record the program first: dsp record -- COMMAND");
        return Ok(Status::NoVerdict);
    }
    let text = std::fs::read_to_string(&args.profile).unwrap_or_default();
    let mut findings = denied(&profile, &evidence);
    findings.extend(unused(&profile, &evidence, &args.profile, &text));
    findings.extend(doubts(&evidence));
    let operations = evidence.known().count() + evidence.unknown().count();
    let requests = evidence.known().map(|known| known.seen.requests).sum::<u64>()
        + evidence.unknown().map(|(_, unknown)| unknown.seen.requests).sum::<u64>()
        + evidence.refused().map(|(_, seen)| seen.requests).sum::<u64>();
    output::text(&format!(
        "{}checked {}, {}, {}: {}\n",
        render(&findings),
        count(operations, "operation"),
        count(requests, "request"),
        count(evidence.sessions().len(), "session"),
        Severity::tally(&findings),
    ))?;
    let least = match args.fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
    };
    let drifted = |finding: &Finding| {
        finding.severity >= least && !matches!(finding.code, LOSSY | INCOMPLETE)
    };
    Ok(if findings.iter().any(drifted) {
        Status::Findings
    } else if evidence.lossy() || evidence.incomplete() > 0 {
        Status::NoVerdict
    } else {
        Status::Done
    })
}

const INCOMPLETE: &str = "incomplete-recording";
const LOSSY: &str = "lossy-recording";

/// What was recorded and the profile would deny, decided by the very code that `enforce` runs.
fn denied(profile: &Profile, evidence: &Evidence) -> Vec<Finding> {
    let gate = Enforcer::new(profile);
    let mut findings = Vec::new();
    for known in evidence.known() {
        let mut by_code: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for (values, versions) in &known.values {
            for version in versions {
                let path = known.path(values);
                let target =
                    version.map_or_else(String::new, |version| format!("/v{version}")) + &path;
                let head = Head::new(known.operation.method.as_str(), &target);
                if let Verdict::Deny(_) = gate.decide(&head).verdict {
                    let code = reason(profile, known, values, *version);
                    by_code.entry(code).or_default().push(path);
                }
            }
        }
        findings.extend(by_code.into_iter().map(|(code, paths)| finding(known, code, &paths)));
    }
    for (request, unknown) in evidence.unknown() {
        if !profile.unknown.iter().any(|entry| entry.value.matches(&unknown.request)) {
            findings.push(Finding {
                severity: Severity::Error,
                code: "unknown-operation",
                message: format!("{request} is no known operation of {}", profile.engine.api()),
                place: None,
                seen: Some(seen(&unknown.seen)),
                help: Some(format!("to allow it as it is, add under unknown: - {request}")),
            });
        }
    }
    for (request, refused) in evidence.refused() {
        findings.push(Finding {
            severity: Severity::Error,
            code: "refused-request",
            message: format!("enforce refuses {request}"),
            place: None,
            seen: Some(seen(refused)),
            help: Some("no rule can allow it; the program has to spell it otherwise".to_owned()),
        });
    }
    findings
}

/// Why the gate said no, for the name of the finding.
fn reason(
    profile: &Profile,
    known: &Known,
    values: &[String],
    version: Option<ApiVersion>,
) -> &'static str {
    let located = crate::api::Located { operation: known.operation, values: values.to_vec() };
    let about = |rules: &[Entry<Rule>]| {
        rules.iter().any(|entry| entry.value.operation() == known.operation)
    };
    if version.zip(profile.min_api).is_some_and(|(version, least)| version < least) {
        "below-min-api"
    } else if profile.deny.iter().any(|entry| entry.value.matches(&located)) {
        "denied-operation-used"
    } else if about(&profile.allow) {
        "name-outside-narrowing"
    } else {
        "new-operation"
    }
}

fn finding(known: &Known, code: &'static str, paths: &[String]) -> Finding {
    let rule = known.operation.to_string();
    let first = paths.first().map(String::as_str).unwrap_or_default();
    let request = format!("{} {first}", known.operation.method);
    let (message, help) = match code {
        "below-min-api" => (
            format!("{request} was asked for in a version below min_api"),
            "lower min_api, or use a newer client".to_owned(),
        ),
        "denied-operation-used" => (
            format!("{request} is used and denied"),
            "keep it denied and change the program, or remove the rule under deny:".to_owned(),
        ),
        "name-outside-narrowing" => (
            format!("{request} is outside the names that the profile allows"),
            format!("to allow this one, add under allow: - {request}"),
        ),
        _ => (
            format!(
                "{rule} is used and not allowed ({}: it can {})",
                known.operation.risk, known.operation.permits
            ),
            format!("to allow it, add under allow: - {rule}"),
        ),
    };
    let seen = seen(&known.seen);
    Finding {
        severity: Severity::Error,
        code,
        message,
        place: None,
        seen: Some(seen),
        help: Some(help),
    }
}

/// What the profile allows and nothing used.
fn unused(profile: &Profile, evidence: &Evidence, path: &Path, text: &str) -> Vec<Finding> {
    let used = |rule: &Rule| {
        evidence.known().any(|known| {
            known.values.keys().any(|values| {
                let located =
                    crate::api::Located { operation: known.operation, values: values.clone() };
                rule.matches(&located)
            })
        })
    };
    let pinged = evidence.known().any(|known| HANDSHAKE.contains(&known.operation.name));
    let idle = profile.allow.iter().filter(|entry| {
        let handshake = pinged && HANDSHAKE.contains(&entry.value.operation().name);
        !handshake && !used(&entry.value)
    });
    idle.map(|entry| Finding {
        severity: Severity::Warning,
        code: "unused-rule",
        message: format!("{} is allowed and was not used", entry.value),
        place: entry.span.as_ref().map(|span| {
            let before = text.get(..span.start).unwrap_or_default();
            format!("{}:{}", path.display(), before.matches('\n').count() + 1)
        }),
        seen: Some(format!("never, in {}", count(evidence.sessions().len(), "session"))),
        help: Some("record what else the program does, or remove the rule".to_owned()),
    })
    .collect()
}

/// What makes the evidence itself doubtful.
fn doubts(evidence: &Evidence) -> Vec<Finding> {
    let doubt = |code, message: String| Finding {
        severity: Severity::Warning,
        code,
        message,
        place: None,
        seen: None,
        help: Some("record again; what is missing cannot be told".to_owned()),
    };
    let mut findings = Vec::new();
    if evidence.incomplete() > 0 {
        let sessions = count(evidence.incomplete(), "session");
        findings.push(doubt(INCOMPLETE, format!("{sessions} did not end in order")));
    }
    if evidence.lossy() {
        findings.push(doubt(LOSSY, "lines were lost while recording".to_owned()));
    }
    findings
}

/// The canonical path of an operation with these values.
fn seen(used: &Use) -> String {
    format!("{}, {}", count(used.requests, "request"), count(used.sessions.len(), "session"))
}
