//! What a check found, and how it reads.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::{count, printable};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth knowing.
    Warning,
    /// The workload and its profile do not agree.
    Error,
}

/// One thing that a check found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// A stable name for its kind.
    pub code: &'static str,
    /// What was found. May hold somebody else's text.
    pub message: String,
    /// Where in the profile, as `file:line`.
    pub place: Option<String>,
    /// The evidence.
    pub seen: Option<String>,
    /// The one line or command that settles it.
    pub help: Option<String>,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// Counts findings in words: `1 error, 2 warnings`.
    #[must_use]
    pub fn tally(findings: &[Finding]) -> String {
        let of = |severity: Self| {
            let found = findings.iter().filter(|finding| finding.severity == severity).count();
            count(u64::try_from(found).unwrap_or(u64::MAX), severity.word())
        };
        format!("{}, {}", of(Self::Error), of(Self::Warning))
    }

    fn style(self) -> Style {
        let color = match self {
            Self::Warning => AnsiColor::Yellow,
            Self::Error => AnsiColor::Red,
        };
        color.on_default().bold()
    }
}

/// Renders findings, the heaviest first, and nothing else. Styled.
#[must_use]
pub fn render(findings: &[Finding]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let help = AnsiColor::Cyan.on_default();
    let mut text = String::new();
    for Finding { severity, code, message, place, seen, help: settled } in sorted {
        let style = severity.style();
        let _ =
            writeln!(text, "{style}{}[{code}]{style:#}: {}", severity.word(), printable(message));
        for (label, detail) in [("at", place), ("seen", seen)] {
            if let Some(detail) = detail {
                let _ = writeln!(text, "  {label}: {}", printable(detail));
            }
        }
        if let Some(settled) = settled {
            let _ = writeln!(text, "  {help}help{help:#}: {}", printable(settled));
        }
    }
    text
}
