//! What `dsp match` prints about a request.

use std::fmt::Write;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::cases::{Case, Judgement, Ruling};
use crate::cli::output::STRONG;
use crate::cli::standard;
use crate::policy::Denial;
use crate::report::Source;
use crate::text::{printable, shown};

const ALLOWED: Style = AnsiColor::Green.on_default().bold();
const OWN: Style = AnsiColor::Yellow.on_default().bold();
const DENIED: Style = AnsiColor::Red.on_default().bold();

/// One request with what the profile says, for programs.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    request: String,
    operation: Option<&'a str>,
    verdict: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    rule: Option<String>,
    rule_line: Option<usize>,
    reason: Option<&'a str>,
    status: Option<u16>,
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hides: Option<String>,
    own_only: bool,
}

/// One request, for programs.
pub(super) fn row<'a>(
    case: &Case,
    judgement: &'a Judgement<'_>,
    source: &Source,
    has_line: bool,
) -> Row<'a> {
    let denial = judgement.denial.as_ref();
    let rule = judgement.rule;
    let span = rule.and_then(|entry| entry.span.as_ref());
    Row {
        line: has_line.then_some(case.line),
        request: format!("{} {}", case.method, case.target),
        operation: judgement.operation,
        verdict: judgement.ruling.as_str(),
        expected: case.expected.map(Ruling::as_str),
        rule: rule.map(|entry| entry.value.to_string()),
        rule_line: span.map(|span| source.lines(span).line),
        reason: denial.map(Denial::code),
        status: denial.map(Denial::status),
        message: denial.map(ToString::to_string),
        hides: judgement.hidden.map(|hide| hide.kinds().to_string()),
        own_only: judgement.is_filtered,
    }
}

/// One request, for people.
pub(super) fn told(
    case: &Case,
    judgement: &Judgement<'_>,
    source: &Source,
    file: Option<&Path>,
) -> String {
    let style = match judgement.ruling {
        Ruling::Allow => ALLOWED,
        Ruling::Own => OWN,
        Ruling::Deny => DENIED,
    };
    let ruling = judgement.ruling;
    let request = printable(&format!("{} {}", case.method, case.target));
    let mut text = format!("{style}{ruling:5}{style:#}  {STRONG}{request}{STRONG:#}\n");
    let mut line = |line: &str| {
        let _ = writeln!(text, "       {}", printable(line));
    };
    if let Some(expected) = case.expected.filter(|expected| *expected != ruling) {
        let name = file.map_or_else(String::new, |file| shown(standard::name(file)).to_string());
        line(&format!("{name}:{} expects {expected}", case.line));
    }
    match (judgement.rule, judgement.ruling) {
        (Some(entry), _) => {
            let at = entry.span.as_ref().map(|span| format!(":{}", source.lines(span).line));
            line(&format!("by {}{}: {}", source.path, at.unwrap_or_default(), entry.value));
        }
        (None, Ruling::Deny) => {}
        (None, _) => line(&format!("by {}, under unknown", source.path)),
    }
    if let Some(denial) = &judgement.denial {
        match judgement.ruling {
            Ruling::Own => {
                line("only the engine knows whose this object is; --own NAME names an own one")
            }
            _ => line(&denial.to_string()),
        }
    }
    if judgement.is_filtered {
        line("the answer is about own objects only");
    }
    if let Some(hide) = judgement.hidden {
        line(&format!("hidden in the answer: {}", hide.kinds()));
    }
    text
}
