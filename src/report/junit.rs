//! A report as JUnit's XML: a test case for each kind of finding, so that checks that passed are
//! visible too.

use std::fmt::Write;

use super::{Finding, Kind, Report, Severity, Verdict, printable};

/// Renders a report. A kind fails if the verdict is a failure and the kind has a finding severe
/// enough to cause it; other findings are in the output of the kind's test case.
pub(super) fn junit(report: &Report) -> String {
    let path = report.sources.first().map(|source| source.path.as_str()).unwrap_or_default();
    let cases: Vec<Case<'_>> = report.kinds.iter().map(|kind| Case::of(report, kind)).collect();
    let number = |outcome| cases.iter().filter(|case| case.outcome == outcome).count();
    let has_no_verdict = report.verdict == Verdict::Unknown;
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    let _ = writeln!(
        text,
        "  <testsuite name=\"dsp {} {}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
        report.command,
        escaped(path),
        cases.len() + 1,
        number(Outcome::Failed),
        usize::from(has_no_verdict),
        number(Outcome::Accepted),
    );
    let _ = write!(text, "    <testcase classname=\"dsp.{}\" name=\"verdict\">", report.command);
    if has_no_verdict {
        let _ = write!(text, "<error message=\"{}\"/>", escaped(&report.summary));
    }
    let _ = writeln!(
        text,
        "<system-out>{}: {}</system-out></testcase>",
        escaped(&report.summary),
        report.tally()
    );
    cases.iter().for_each(|case| text += &case.render(report));
    text += "  </testsuite>\n</testsuites>\n";
    text
}

/// The result of one kind's test case.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Outcome {
    Accepted,
    Failed,
    Passed,
}

/// A kind and its findings.
struct Case<'a> {
    kind: &'static Kind,
    open: Vec<&'a Finding>,
    accepted: Vec<&'a Finding>,
    outcome: Outcome,
}

impl<'a> Case<'a> {
    fn of(report: &'a Report, kind: &'static Kind) -> Self {
        let is_of = |finding: &&Finding| finding.code == kind.code;
        let open: Vec<&Finding> = report.open().filter(is_of).collect();
        let accepted: Vec<&Finding> = report.accepted().filter(is_of).collect();
        let is_failed = open.iter().any(|finding| finding.severity >= report.fail_on);
        let outcome = match (is_failed && report.verdict == Verdict::Fail, accepted.is_empty()) {
            (true, _) => Outcome::Failed,
            (false, false) if open.is_empty() => Outcome::Accepted,
            (false, _) => Outcome::Passed,
        };
        Self { kind, open, accepted, outcome }
    }

    fn render(&self, report: &Report) -> String {
        let Self { kind, open, accepted, outcome } = self;
        let mut text =
            format!("    <testcase classname=\"dsp.{}\" name=\"{}\">", report.command, kind.code);
        let lines = |findings: &[&Finding]| -> String {
            findings.iter().map(|finding| line(report, finding)).collect()
        };
        match outcome {
            Outcome::Failed => {
                let _ = write!(
                    text,
                    "<failure message=\"{}\" type=\"{}\">{}</failure>",
                    escaped(kind.title),
                    kind.code,
                    lines(open)
                );
            }
            Outcome::Accepted => {
                let reasons: Vec<&str> =
                    accepted.iter().filter_map(|finding| finding.accepted.as_deref()).collect();
                let _ = write!(text, "<skipped message=\"{}\"/>", escaped(&reasons.join("; ")));
            }
            Outcome::Passed if !open.is_empty() => {
                let _ = write!(text, "<system-out>{}</system-out>", lines(open));
            }
            Outcome::Passed => {}
        }
        text + "</testcase>\n"
    }
}

/// A finding on one line, in the format of compilers: `path:line:column: level: message`.
fn line(report: &Report, finding: &Finding) -> String {
    let place = report.place(finding).map_or_else(String::new, |(source, lines)| {
        format!("{}:{}:{}: ", source.path, lines.line, lines.column)
    });
    let level = match finding.severity {
        Severity::Error => "",
        Severity::Warning => "warning: ",
        Severity::Note => "note: ",
    };
    let help = finding.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
    format!("{}\n", escaped(&format!("{place}{level}{}{help}", finding.message)))
}

/// Escapes text for XML 1.0, which does not allow most control characters, U+FFFE and U+FFFF even
/// as references. `printable` spells out the former; the latter two are spelled out here.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for character in printable(text).chars() {
        match character {
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            '"' => safe += "&quot;",
            '\u{fffe}' | '\u{ffff}' => safe.extend(character.escape_unicode()),
            _ => safe.push(character),
        }
    }
    safe
}
