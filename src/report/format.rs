//! The formats of a report.

use std::str::FromStr;

use super::github::github;
use super::markdown::markdown;
use super::{Report, text};

/// A format of reports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// Workflow commands of GitHub Actions, which become annotations on the lines.
    Github,
    /// A table, for the comment on a pull request.
    Markdown,
    /// For people, with the lines that findings are about.
    Text,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Github, Self::Markdown, Self::Text];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Markdown => "markdown",
            Self::Text => "text",
        }
    }

    /// A report in this format, without styles.
    #[must_use]
    pub fn render(self, report: &Report) -> String {
        match self {
            Self::Github => github(report),
            Self::Markdown => markdown(report),
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
