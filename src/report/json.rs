//! A report for programs, in version 1 of the format; `schema/report.v1.json` is its schema.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::{Fact, Finding, Report, Severity, is_unsafe_at};

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Output<'a> {
    version: u32,
    dsp: &'static str,
    command: &'static str,
    verdict: &'static str,
    summary: &'a str,
    facts: BTreeMap<&'static str, Value>,
    counts: Counts,
    findings: Vec<Item<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Count(u64),
    Word(Option<&'static str>),
}

#[derive(Serialize)]
struct Counts {
    error: usize,
    warning: usize,
    note: usize,
    accepted: usize,
}

/// Every key is always present; a property that a finding lacks is null.
#[derive(Serialize)]
struct Item<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    subject: Option<&'a str>,
    risk: Option<&'static str>,
    place: Option<Place<'a>>,
    seen: Option<&'a str>,
    recorded: Option<Line<'a>>,
    help: Option<&'a str>,
    accepted: Option<&'a str>,
}

#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    line: u32,
    subject: Option<&'a str>,
    client: Option<&'a str>,
}

#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// Renders a report as indented JSON, because people may read it too.
pub(super) fn json(report: &Report) -> String {
    let facts = report.facts.iter().map(|(name, fact)| {
        let value = match fact {
            Fact::Count(number) => Value::Count(*number),
            Fact::Word(word) => Value::Word(*word),
        };
        (*name, value)
    });
    let output = Output {
        version: VERSION,
        dsp: env!("CARGO_PKG_VERSION"),
        command: report.command,
        verdict: report.verdict.as_str(),
        summary: &report.summary,
        facts: facts.collect(),
        counts: Counts {
            error: report.number(Severity::Error),
            warning: report.number(Severity::Warning),
            note: report.number(Severity::Note),
            accepted: report.accepted().count(),
        },
        findings: report.findings.iter().map(|finding| item(report, finding)).collect(),
    };
    pretty(&output)
}

/// Serializes a value as indented JSON. The output may end up on a terminal or in the log of a CI
/// system, so characters that are unsafe there are escaped; a parser reads the same value.
pub fn pretty(value: &impl Serialize) -> String {
    // Serialization cannot fail: all keys are strings, and all values are plain.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut safe = String::with_capacity(text.len() + 1);
    for (place, character) in text.char_indices() {
        if character != '\n' && is_unsafe_at(&text, place, character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe + "\n"
}

fn item<'a>(report: &'a Report, finding: &'a Finding) -> Item<'a> {
    let place = report.place(finding).map(|(source, lines)| Place {
        file: &source.path,
        line: lines.line,
        column: lines.column,
        end_line: lines.end_line,
        end_column: lines.end_column,
    });
    Item {
        code: finding.code,
        severity: finding.severity.as_str(),
        message: &finding.message,
        subject: finding.subject.as_deref(),
        risk: finding.risk.map(crate::api::Risk::as_str),
        place,
        seen: finding.seen.as_deref(),
        recorded: finding.recorded.as_ref().map(|recorded| Line {
            file: &recorded.file,
            line: recorded.line,
            subject: recorded.subject.as_deref(),
            client: recorded.client.as_deref(),
        }),
        help: finding.help.as_deref(),
        accepted: finding.accepted.as_deref(),
    }
}
