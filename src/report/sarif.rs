//! A report as SARIF 2.1.0 (OASIS), with what GitHub's code scanning requires: a rule for each kind
//! of finding, a place for each result, and fingerprints that do not change when lines move.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::json::pretty;
use super::{Finding, Kind, Lines, Recorded, Report, Severity, Source, printable};
use crate::api::Risk;
use crate::text::hex;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The characters to escape in the path of a URI (RFC 3986 section 3.3). The colon is one of them,
/// because it would make the first segment a scheme.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Renders a report.
pub(super) fn sarif(report: &Report) -> String {
    let mut times = BTreeMap::new();
    let results: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            let fingerprint = fingerprint(finding);
            let time = times.entry(fingerprint.clone()).or_insert(0_usize);
            *time += 1;
            result(report, finding, &fingerprint, *time)
        })
        .collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "dsp",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": report.kinds.iter().map(rule).collect::<Vec<_>>(),
            } },
            "automationDetails": { "id": format!("dsp/{}/", report.command) },
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": { "verdict": report.verdict.as_str(), "summary": report.summary },
        }],
    });
    pretty(&log)
}

fn rule(kind: &Kind) -> Value {
    json!({
        "id": kind.code,
        "shortDescription": { "text": kind.title },
        "fullDescription": { "text": kind.title },
        "help": { "text": format!(
            "{}. Each result says how to resolve it; dsp explain {} says more.",
            kind.title, kind.code
        ) },
        "defaultConfiguration": { "level": kind.severity.as_str() },
        "properties": {
            "tags": ["security"],
            "problem.severity": problem(kind.severity),
            // GitHub reads this property of rules only; each result has the risk of its operation.
            "security-severity": match kind.severity {
                Severity::Note => "2.0",
                Severity::Warning => "5.0",
                Severity::Error => "8.0",
            },
        },
    })
}

fn result(report: &Report, finding: &Finding, fingerprint: &str, time: usize) -> Value {
    let details = [("seen", &finding.seen), ("help", &finding.help)];
    let details = details
        .into_iter()
        .filter_map(|(name, detail)| Some(format!("\n{name}: {}", plain(detail.as_deref()?))));
    let message = plain(&finding.message) + &details.collect::<String>();
    let mut result = json!({
        "ruleId": finding.code,
        "ruleIndex": report.kinds.iter().position(|kind| kind.code == finding.code),
        "level": finding.severity.as_str(),
        "message": { "text": message },
        "locations": [location(report, finding)],
        // The only fingerprint that GitHub uses. By default GitHub would compute it from the line,
        // which several findings may share.
        "partialFingerprints": { "primaryLocationLineHash": format!("{fingerprint}:{time}") },
        "suppressions": suppressions(finding),
    });
    if let Some((recorded, fields)) = finding.recorded.as_ref().zip(result.as_object_mut()) {
        fields.insert("relatedLocations".to_owned(), json!([related(recorded)]));
    }
    if let Some((risk, fields)) = finding.risk.zip(result.as_object_mut()) {
        let severity = security_severity(risk);
        let properties = json!({ "risk": risk.as_str(), "security-severity": severity });
        fields.insert("properties".to_owned(), properties);
    }
    result
}

/// Escapes text for a message, in which braces mark placeholders (section 3.11.5 of SARIF) and
/// brackets before a parenthesis mark a link (3.11.6).
fn plain(text: &str) -> String {
    let safe = printable(text).replace('{', "{{").replace('}', "}}");
    if safe.contains("](") { safe.replace('[', "\\[").replace(']', "\\]") } else { safe }
}

/// An accepted finding is suppressed, with its reason. For other findings, the empty list says
/// explicitly that they are not suppressed.
fn suppressions(finding: &Finding) -> Value {
    match &finding.accepted {
        Some(reason) => json!([{ "kind": "external", "justification": reason }]),
        None => json!([]),
    }
}

/// The place of a finding, or the first line of the profile if it has no place in the working tree.
fn location(report: &Report, finding: &Finding) -> Value {
    let place = report.place(finding).filter(|(source, _)| source.is_file);
    let (path, region) = match place {
        Some((source, Lines { line, column, end_line, end_column })) => (
            uri(source),
            json!({
                "startLine": line,
                "startColumn": column,
                "endLine": end_line,
                "endColumn": end_column,
            }),
        ),
        None => (
            report.home().map(uri).unwrap_or_default(),
            json!({ "startLine": 1, "startColumn": 1 }),
        ),
    };
    json!({ "physicalLocation": {
        "artifactLocation": artifact(&path),
        "region": region,
    } })
}

/// The line of the recording in which a finding was seen first.
fn related(recorded: &Recorded) -> Value {
    json!({
        "id": 1,
        "message": { "text": "recorded here first" },
        "physicalLocation": {
            "artifactLocation": artifact(&uri_of(&recorded.file)),
            "region": { "startLine": recorded.line },
        },
    })
}

/// Marks a relative path as relative to the root of the checkout.
fn artifact(uri: &str) -> Value {
    if uri.starts_with("file:") {
        json!({ "uri": uri })
    } else {
        json!({ "uri": uri, "uriBaseId": "%SRCROOT%" })
    }
}

fn uri(source: &Source) -> String {
    uri_of(source.tree_path())
}

fn uri_of(path: &str) -> String {
    let escaped = utf8_percent_encode(path, ESCAPED).to_string();
    if path.starts_with('/') { format!("file://{escaped}") } else { escaped }
}

/// Identifies a finding among others of its kind. It does not depend on the line, or on figures in
/// the message.
fn fingerprint(finding: &Finding) -> String {
    let about = finding.subject.as_deref().unwrap_or_default();
    let hash = Sha256::digest(format!("{}\n{about}", finding.code));
    hex(hash.get(..16).unwrap_or(&hash))
}

fn problem(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "recommendation",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// A score for GitHub, which shows 0 to 10 as low (below 4), medium (below 7), high (below 9) and
/// critical.
fn security_severity(risk: Risk) -> &'static str {
    match risk {
        Risk::Info => "1.0",
        Risk::Read => "3.0",
        Risk::Secrets => "6.5",
        Risk::Change => "8.0",
        Risk::Root => "9.8",
    }
}
