//! A report as Markdown, for a comment on a pull request or the summary of a CI step.

use std::fmt::Write;

use super::{Finding, Report, Verdict, printable};

/// The most findings to show in a table; nobody reads more.
const MOST_ROWS: usize = 200;

/// The most bytes to write, not counting a last line. GitHub allows 65,536 characters in a comment,
/// which has to fit the reports of both `check` and `diff`.
const MOST_BYTES: usize = 32_000;

/// Renders a report: a heading with the verdict, and a table of findings.
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
        text += "\n| | finding | place | fix |\n|---|---|---|---|\n";
    }
    let more = add(&mut text, report.open().map(|finding| row(report, finding)));
    if more > 0 {
        let _ = writeln!(text, "\nand {more} more; other formats list them all");
    }
    let accepted: Vec<&Finding> = report.accepted().collect();
    if !accepted.is_empty() {
        text += "\n<details><summary>accepted</summary>\n\n";
        let lines = accepted.into_iter().map(|finding| {
            let reason = finding.accepted.as_deref().unwrap_or_default();
            let (code, message) = (finding.code, escaped(&finding.message));
            format!("- {code}: {message}: {}\n", escaped(reason))
        });
        let more = add(&mut text, lines);
        if more > 0 {
            let _ = writeln!(text, "- and {more} more");
        }
        text += "\n</details>\n";
    }
    text
}

/// Appends as many lines as fit, and returns how many did not.
fn add(text: &mut String, lines: impl Iterator<Item = String>) -> usize {
    let mut added = 0;
    let mut more = 0;
    for line in lines {
        if more == 0 && added < MOST_ROWS && text.len() + line.len() <= MOST_BYTES {
            *text += &line;
            added += 1;
        } else {
            more += 1;
        }
    }
    more
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
        finding.help.as_deref().map(help).unwrap_or_default(),
    )
}

/// The help of a finding, with the rule or command that people copy formatted as code.
fn help(text: &str) -> String {
    match text.split_once(": - ") {
        Some((before, rule)) => format!("{}: {}", escaped(before), code(&format!("- {rule}"))),
        None if text.starts_with("dsp ") => code(text),
        None => escaped(text),
    }
}

/// A zero-width space. GitHub adds links and emoji after it has parsed Markdown, so escapes do not
/// prevent that (<https://github.com/github/cmark-gfm/issues/181>), but breaking up the text does.
const BREAK: &str = "&#8203;";

/// Escapes text for a table cell, so that nothing in it links, mentions or formats.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    let text = printable(text);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match character {
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            '|' => safe += "&#124;",
            // Would begin a formula, unless it is in an element of its own.
            '$' => safe += "<span>$</span>",
            // Would mention a person or link to an issue.
            '@' => safe = safe + "@" + BREAK,
            '#' => safe = safe + "\\#" + BREAK,
            // Would be the middle of a link, or begin an emoji.
            ':' if next.is_some_and(|next| next != ' ') => safe = safe + ":" + BREAK,
            '.' if safe.ends_with("www") => safe = safe + "." + BREAK,
            '-' if safe.ends_with("GH") => safe = safe + "-" + BREAK,
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '!' => {
                safe.push('\\');
                safe.push(character);
            }
            _ => safe.push(character),
        }
    }
    safe
}

/// Formats text as code, for people to copy.
fn code(text: &str) -> String {
    let safe = printable(text);
    // A bar ends a table cell even inside code, and a backslash escape fails after a backslash.
    if safe.contains('|') || safe.trim().is_empty() {
        return escaped(text);
    }
    let runs = safe.split(|character| character != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or_default() + 1);
    let is_bare = !safe.starts_with(['`', ' ']) && !safe.ends_with(['`', ' ']);
    let space = if is_bare { "" } else { " " };
    format!("{fence}{space}{safe}{space}{fence}")
}
