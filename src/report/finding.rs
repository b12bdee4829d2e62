//! What a command found, independent of the output format.

use std::ops::Range;
use std::sync::OnceLock;

use super::count;
use crate::api::Risk;
use crate::text::{Excerpt, LineStarts, words};

/// How serious a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Probably needs attention.
    Warning,
    /// Needs to be fixed.
    Error,
}

/// A kind of finding, whether or not there are findings of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kind {
    /// Its stable name, such as `rule-widened`.
    pub code: &'static str,
    /// A description, in one sentence without a full stop.
    pub title: &'static str,
    /// The severity of its findings, unless a command or an option changes it.
    pub severity: Severity,
}

/// One thing that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// How serious it is.
    pub severity: Severity,
    /// The code of its [`Kind`].
    pub code: &'static str,
    /// What was found. May contain foreign text.
    pub message: String,
    /// The rule or request that it is about, as spelled there. May contain foreign text.
    pub subject: Option<String>,
    /// The risk of the operation that it is about.
    pub risk: Option<Risk>,
    /// Where it is in one of the sources.
    pub region: Option<Region>,
    /// The evidence, in words.
    pub seen: Option<String>,
    /// Where the evidence was recorded first, if that is a line of a file.
    pub recorded: Option<Recorded>,
    /// The one line or command that resolves it.
    pub help: Option<String>,
    /// The reason for accepting it. An accepted finding does not count.
    pub accepted: Option<String>,
}

/// A line of a recording. All of it may contain foreign text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recorded {
    /// The path of the recording.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What ran: the container, or the program with its subcommand.
    pub subject: Option<String>,
    /// The client: where it ran, and the name that it gave itself.
    pub client: Option<String>,
}

/// A place in one of a report's sources.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Region {
    /// The index of the source in [`Report::sources`].
    pub source: usize,
    /// The range in the source's text, in bytes.
    pub span: Range<usize>,
    /// A note about the region; empty if the message is enough.
    pub label: String,
}

/// A file that findings are about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// Its path, as given on the command line.
    pub path: String,
    /// The whole content.
    pub text: String,
    /// Whether it is a file in the working tree, as opposed to one from an older revision.
    pub is_file: bool,
    /// Computed on first use.
    starts: Starts,
}

/// Where the lines of a source begin. Ignored by comparisons, because it follows from the text.
#[derive(Clone, Debug, Default)]
struct Starts(OnceLock<LineStarts>);

impl Starts {
    fn of(&self, text: &str) -> &LineStarts {
        self.0.get_or_init(|| LineStarts::of(text))
    }
}

impl Eq for Starts {}

impl PartialEq for Starts {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Source {
    /// A file in the working tree.
    #[must_use]
    pub fn file(path: impl Into<String>, text: String) -> Self {
        Self::new(path, text, true)
    }

    /// A file; `is_file` says whether it is in the working tree.
    #[must_use]
    pub fn new(path: impl Into<String>, text: String, is_file: bool) -> Self {
        Self { path: path.into(), text, is_file, starts: Starts::default() }
    }

    /// Its path without `./`, as GitHub needs it to find the file in a checkout.
    #[must_use]
    pub fn tree_path(&self) -> &str {
        self.path.strip_prefix("./").unwrap_or(&self.path)
    }
}

/// The lines and columns of a region. Both start at 1, and columns count characters. The end is
/// exclusive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lines {
    /// The line of its first character.
    pub line: usize,
    /// The column of its first character.
    pub column: usize,
    /// The line that it ends on.
    pub end_line: usize,
    /// The column after its last character.
    pub end_column: usize,
}

/// The overall result of a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// No open finding is as severe as [`Report::fail_on`].
    Pass,
    /// At least one is.
    Fail,
    /// There was not enough evidence for a verdict.
    Unknown,
}

/// Everything that a command found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The name of the command, such as `check`.
    pub command: &'static str,
    /// Every kind of finding that the command looks for, in that order.
    pub kinds: &'static [Kind],
    /// The files that findings point into. Findings without a place are shown at the first one.
    pub sources: Vec<Source>,
    /// The findings, the most severe first.
    pub findings: Vec<Finding>,
    /// What the command looked at, as named figures and words, for programs.
    pub facts: Vec<(&'static str, Fact)>,
    /// What the command looked at, in one sentence, for people.
    pub summary: String,
    /// The lowest severity that makes the verdict a failure.
    pub fail_on: Severity,
    /// The overall result.
    pub verdict: Verdict,
}

/// A fact that a report states in addition to its findings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fact {
    /// A number of things.
    Count(u64),
    /// A word, or `None` if the report has nothing to name.
    Word(Option<&'static str>),
}

words!(Severity, () = (), {
    Note = "note",
    Warning = "warning",
    Error = "error",
});

impl Verdict {
    /// The word for it in output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

impl Finding {
    /// A finding with the severity of its kind and nothing but a message.
    #[must_use]
    pub fn new(kind: &Kind, message: impl Into<String>) -> Self {
        Self {
            severity: kind.severity,
            code: kind.code,
            message: message.into(),
            subject: None,
            risk: None,
            region: None,
            seen: None,
            recorded: None,
            help: None,
            accepted: None,
        }
    }
}

impl Source {
    /// The lines and columns of a range of bytes.
    #[must_use]
    pub fn lines(&self, span: &Range<usize>) -> Lines {
        let starts = self.starts.of(&self.text);
        let (start, end) =
            (starts.position(&self.text, span.start), starts.position(&self.text, span.end));
        Lines { line: start.line, column: start.column, end_line: end.line, end_column: end.column }
    }

    /// The whole lines that a range of bytes touches, so that a renderer need not look at the rest
    /// of a long text. `None` if the range is not in the text.
    #[must_use]
    pub fn excerpt(&self, span: &Range<usize>) -> Option<Excerpt> {
        self.starts.of(&self.text).excerpt(&self.text, span)
    }
}

impl Report {
    /// The findings that count, because nobody accepted them; the most severe first.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.accepted.is_none())
    }

    /// The accepted findings.
    pub fn accepted(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.accepted.is_some())
    }

    /// The number of open findings of a severity.
    #[must_use]
    pub fn number(&self, severity: Severity) -> usize {
        self.open().filter(|finding| finding.severity == severity).count()
    }

    /// Counts the findings in words: `1 error, 2 warnings`, followed by notes and accepted findings
    /// if there are any.
    #[must_use]
    pub fn tally(&self) -> String {
        let of = |severity: Severity| count(self.number(severity), severity.as_str());
        let mut words = vec![of(Severity::Error), of(Severity::Warning)];
        if self.number(Severity::Note) > 0 {
            words.push(of(Severity::Note));
        }
        let accepted = self.accepted().count();
        if accepted > 0 {
            words.push(format!("{accepted} accepted"));
        }
        words.join(", ")
    }

    /// The place of a finding: the source that it is in, and the lines there.
    #[must_use]
    pub fn place(&self, finding: &Finding) -> Option<(&Source, Lines)> {
        let region = finding.region.as_ref()?;
        let source = self.sources.get(region.source)?;
        Some((source, source.lines(&region.span)))
    }

    /// The source at which findings without a place are shown: the first file in the working tree.
    #[must_use]
    pub fn home(&self) -> Option<&Source> {
        self.sources.iter().find(|source| source.is_file).or_else(|| self.sources.first())
    }

    /// The kind of a finding.
    #[must_use]
    pub fn kind(&self, finding: &Finding) -> Option<&'static Kind> {
        self.kinds.iter().find(|kind| kind.code == finding.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = Source::file("p", "a\né: x\n".into());
        let lines = source.lines(&(6..7));
        assert_eq!(source.text.get(6..7), Some("x"));
        assert_eq!((lines.line, lines.column, lines.end_line, lines.end_column), (2, 4, 2, 5));
    }
}
