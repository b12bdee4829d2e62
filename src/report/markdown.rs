//! A report as Markdown, for the comment on a pull request and the summary of a step.

use std::fmt::Write;

use super::{Finding, Report, Verdict, printable};

/// How many findings have a row: GitHub drops a summary over 1 MiB, and nobody reads as many.
const MOST_ROWS: usize = 200;

/// Renders a report: a heading with the verdict, and a table of what was found.
pub(super) fn markdown(report: &Report) -> String {
    let verdict = match report.verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Unknown => "no verdict",
    };
    let path = report.sources.first().map(|source| code(&source.path)).unwrap_or_default();
    let mut text = format!("### dsp {} {path}: {verdict}\n\n", report.command);
    let _ = writeln!(text, "{}: {}", escaped(&report.summary), report.tally());
    if report.open().next().is_some() {
        text += "\n| | what | where | to settle it |\n|---|---|---|---|\n";
    }
    for finding in report.open().take(MOST_ROWS) {
        text += &row(report, finding);
    }
    let more = report.open().count().saturating_sub(MOST_ROWS);
    if more > 0 {
        let _ = writeln!(text, "\nand {more} more, which the other formats have");
    }
    let accepted: Vec<&Finding> = report.accepted().collect();
    if !accepted.is_empty() {
        text += "\n<details><summary>accepted</summary>\n\n";
        for finding in accepted {
            let reason = finding.accepted.as_deref().unwrap_or_default();
            let (code, message) = (finding.code, escaped(&finding.message));
            let _ = writeln!(text, "- {code}: {message}: {}", escaped(reason));
        }
        text += "\n</details>\n";
    }
    text
}

fn row(report: &Report, finding: &Finding) -> String {
    let place = report
        .place(finding)
        .map(|(source, lines)| code(&format!("{}:{}:{}", source.path, lines.line, lines.column)));
    let seen = finding.seen.as_deref().map(|seen| format!("<br>seen: {}", escaped(seen)));
    format!(
        "| {} {} | {}{} | {} | {} |\n",
        finding.severity.as_str(),
        code(finding.code),
        escaped(&finding.message),
        seen.unwrap_or_default(),
        place.unwrap_or_default(),
        finding.help.as_deref().map(escaped).unwrap_or_default(),
    )
}

/// Text that stands for itself in a cell of a table: nothing in it links, mentions or formats.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for character in printable(text).chars() {
        match character {
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            '|' => safe += "&#124;",
            // A name must not call a person.
            '@' => safe += "&#64;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' => {
                safe.push('\\');
                safe.push(character);
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// Text in the letters of code.
fn code(text: &str) -> String {
    let safe = printable(text).replace('`', "'").replace('|', "\\|");
    format!("`{safe}`")
}
