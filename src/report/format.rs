//! The formats of a report.

use super::github::github;
use super::json::json;
use super::junit::junit;
use super::markdown::markdown;
use super::sarif::sarif;
use super::{Report, text};
use crate::files::Kind;
use crate::text::words;

/// A format of reports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// For programs; `schema/report.v1.json` is the schema.
    Json,
    /// JUnit's XML, which most CI systems show as tests.
    Junit,
    /// Workflow commands of GitHub Actions, which GitHub shows as annotations on the lines.
    Github,
    /// A table, for a comment on a pull request.
    Markdown,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// For people, with an excerpt of the file for each finding.
    Text,
}

words!(Format, () = (), {
    Text = "text",
    Json = "json",
    Sarif = "sarif",
    Github = "github",
    Junit = "junit",
    Markdown = "markdown",
});

impl Format {
    /// How to recognise a file as a report in this format, which a later report may replace.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Github => Kind {
                name: "a report for GitHub",
                is_own: |_, tail| {
                    let last = tail.trim_end().rsplit('\n').next().unwrap_or_default();
                    last.starts_with("dsp ") && is_tally(last)
                },
            },
            Self::Json => Kind {
                name: "a report as JSON",
                is_own: |head, _| {
                    head.starts_with("{\n  \"version\": ") && head.contains("\n  \"dsp\": \"")
                },
            },
            Self::Junit => Kind {
                name: "a report as JUnit XML",
                is_own: |head, _| {
                    let suite = head.split_once("<testsuites>").map(|(_, rest)| rest.trim_start());
                    head.starts_with("<?xml ")
                        && suite.is_some_and(|suite| suite.starts_with("<testsuite name=\"dsp "))
                },
            },
            Self::Markdown => Kind {
                name: "a report as Markdown",
                is_own: |head, _| head.starts_with("### dsp "),
            },
            Self::Sarif => Kind {
                name: "a report as SARIF",
                is_own: |head, _| {
                    head.starts_with("{\n  \"$schema\": ") && head.contains("\"id\": \"dsp/")
                },
            },
            Self::Text => Kind {
                name: "a report as text",
                is_own: |head, tail| {
                    let last = tail.trim_end().rsplit('\n').next().unwrap_or_default();
                    is_tally(last) && !head.starts_with("### dsp ")
                },
            },
        }
    }

    /// Renders a report in this format, without colours.
    #[must_use]
    pub fn render(self, report: &Report) -> String {
        match self {
            Self::Github => github(report),
            Self::Json => json(report),
            Self::Junit => junit(report),
            Self::Markdown => markdown(report),
            Self::Sarif => sarif(report),
            Self::Text => anstream::adapter::strip_str(&text(report, true, None)).to_string(),
        }
    }
}

/// Whether a line ends like the last line of a report: `: 1 error, 2 warnings`.
fn is_tally(line: &str) -> bool {
    let Some((_, tally)) = line.rsplit_once(": ") else { return false };
    let mut words = tally.split(", ").map(|part| part.split_once(' '));
    let is_counted = |part: Option<Option<(&str, &str)>>, of: &str| {
        part.flatten().is_some_and(|(number, thing)| {
            number.parse::<usize>().is_ok() && thing.trim_end_matches('s') == of
        })
    };
    is_counted(words.next(), "error") && is_counted(words.next(), "warning")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Fact, Finding, Kind as FindingKind, Severity, Source, Verdict};

    const KINDS: [FindingKind; 1] =
        [FindingKind { code: "rule-widened", title: "more", severity: Severity::Warning }];

    fn report(findings: usize) -> Report {
        Report {
            command: "check",
            kinds: &KINDS,
            sources: vec![Source::file("p.yaml", "abc\ndefg\n".into())],
            findings: vec![Finding::new(&KINDS[0], "x ".repeat(900)); findings],
            facts: vec![("operations", Fact::Count(1))],
            summary: "looked".into(),
            fail_on: Severity::Error,
            verdict: Verdict::Pass,
        }
    }

    #[test]
    fn a_report_is_recognised_in_its_own_format_only() {
        let others =
            ["alias x=y\n", "{\n  \"name\": \"x\"\n}\n", "version: 1\nname: x\n", "### notes\n"];
        for format in Format::ALL {
            let is_own = |text: &str| {
                let cut = text.len().min(4096);
                (format.kind().is_own)(&text[..cut], &text[text.len() - cut..])
            };
            for findings in [0, 1, 20] {
                for other in Format::ALL {
                    let text = other.render(&report(findings));
                    // Reports for GitHub end in the same line as text.
                    let is_alike = format == Format::Text && other == Format::Github;
                    assert_eq!(is_own(&text), format == other || is_alike, "{format:?} {other:?}");
                }
            }
            others.iter().for_each(|other| assert!(!is_own(other), "{format:?} {other}"));
        }
    }
}
