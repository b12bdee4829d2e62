//! A report as workflow commands of GitHub Actions: an annotation on the line of each finding.
//!
//! The syntax follows `@actions/core` (`packages/core/src/command.ts` in actions/toolkit): `%`, CR
//! and LF are escaped in messages and properties, and `:` and `,` in properties only.

use std::fmt::Write;

use super::{Report, Severity, Verdict, printable};

/// How many annotations of one severity GitHub shows for a step.
const SHOWN: usize = 10;

/// Renders a report: each finding as a command, and a summary on the last line.
pub(super) fn github(report: &Report) -> String {
    let mut text = String::new();
    for severity in Severity::ALL.into_iter().rev() {
        let findings: Vec<_> =
            report.open().filter(|finding| finding.severity == severity).collect();
        for finding in &findings {
            let command = match severity {
                Severity::Note => "notice",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            let place = report.place(finding).filter(|(source, _)| source.is_file).map_or_else(
                // A finding without a place is about the whole profile.
                || {
                    report
                        .home()
                        .map(|source| format!("file={},line=1,", property(source.tree_path())))
                },
                |(source, lines)| {
                    let column = if lines.line == lines.end_line {
                        format!(",col={},endColumn={}", lines.column, lines.end_column)
                    } else {
                        String::new()
                    };
                    let (line, end) = (lines.line, lines.end_line);
                    Some(format!(
                        "file={},line={line},endLine={end}{column},",
                        property(source.tree_path())
                    ))
                },
            );
            let details = [("seen", finding.seen.as_deref()), ("help", finding.help.as_deref())];
            let details = details
                .into_iter()
                .filter_map(|(name, detail)| Some(format!("\n{name}: {}", printable(detail?))));
            let message = printable(&finding.message) + &details.collect::<String>();
            let _ = writeln!(
                text,
                "::{command} {}title=dsp {} {}::{}",
                place.unwrap_or_default(),
                report.command,
                finding.code,
                data(&message)
            );
        }
        let hidden = findings.len().saturating_sub(SHOWN);
        if hidden > 0 {
            let _ = writeln!(
                text,
                "GitHub shows {SHOWN} annotations of each severity; {hidden} more are in this log"
            );
        }
    }
    if report.verdict == Verdict::Unknown && report.open().next().is_none() {
        let summary = data(&printable(&report.summary));
        let _ = writeln!(text, "::error title=dsp {}::no verdict: {summary}", report.command);
    }
    // "dsp" comes first, because a line that begins with two colons would be a command.
    let _ = writeln!(
        text,
        "dsp {}: {}: {}",
        report.command,
        printable(&report.summary),
        report.tally()
    );
    text
}

/// Escapes a message in the way that the runner undoes.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property in the way that the runner undoes.
fn property(text: &str) -> String {
    data(&printable(text)).replace(':', "%3A").replace(',', "%2C")
}
