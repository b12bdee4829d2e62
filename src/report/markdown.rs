//! A report as Markdown, for the comment on a pull request and the summary of a step.

use std::fmt::Write;

use super::{Finding, Report, Verdict, printable};

/// How many findings have a row: nobody reads more.
const MOST_ROWS: usize = 200;

/// How many bytes there are at most, but for a last line: GitHub takes 65,536 characters in a
/// comment, which has to hold what `check` and `diff` found together.
const MOST_BYTES: usize = 32_000;

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
    let more = add(&mut text, report.open().map(|finding| row(report, finding)));
    if more > 0 {
        let _ = writeln!(text, "\nand {more} more, which the other formats have");
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

/// Adds as many lines as there is room for, and says how many there was none for.
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

/// What settles a finding, with the part that somebody will copy as code.
fn help(text: &str) -> String {
    match text.split_once(": - ") {
        Some((before, rule)) => format!("{}: {}", escaped(before), code(&format!("- {rule}"))),
        None if text.starts_with("dsp ") => code(text),
        None => escaped(text),
    }
}

/// Breaks what GitHub would link or replace after Markdown has been read, where no escape of
/// Markdown helps (<https://github.com/github/cmark-gfm/issues/181>): a space without width.
const BREAK: &str = "&#8203;";

/// Text that stands for itself in a cell of a table: nothing in it links, mentions or formats.
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
            // The beginning of a formula, unless it stands in an element of its own.
            '$' => safe += "<span>$</span>",
            // A name must not call a person, and a number is none of an issue.
            '@' => safe = safe + "@" + BREAK,
            '#' => safe = safe + "\\#" + BREAK,
            // The middle of a link or the beginning of a pictogram.
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

/// Text in the letters of code, for somebody to copy.
fn code(text: &str) -> String {
    let safe = printable(text);
    // In a table a bar ends the cell, in code as well, and behind a backslash no escape helps.
    if safe.contains('|') || safe.trim().is_empty() {
        return escaped(text);
    }
    let runs = safe.split(|character| character != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or_default() + 1);
    let is_bare = !safe.starts_with(['`', ' ']) && !safe.ends_with(['`', ' ']);
    let space = if is_bare { "" } else { " " };
    format!("{fence}{space}{safe}{space}{fence}")
}
