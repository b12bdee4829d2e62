//! The formats of a report.

use std::str::FromStr;

use super::github::github;
use super::json::json;
use super::junit::junit;
use super::markdown::markdown;
use super::sarif::sarif;
use super::{Report, text};

/// A format of reports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// For programs, as `schema/report.v1.json` describes it.
    Json,
    /// JUnit's XML, which most CI systems show as tests.
    Junit,
    /// Workflow commands of GitHub Actions, which become annotations on the lines.
    Github,
    /// A table, for the comment on a pull request.
    Markdown,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// For people, with the lines that findings are about.
    Text,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] =
        [Self::Text, Self::Json, Self::Sarif, Self::Github, Self::Junit, Self::Markdown];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Sarif => "sarif",
            Self::Text => "text",
        }
    }

    /// A report in this format, without styles.
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

impl FromStr for Format {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or(())
    }
}
