//! What a command found, in a form that every output format can take.

use std::ops::Range;
use std::sync::OnceLock;

use super::count;
use crate::api::Risk;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth a look.
    Warning,
    /// Not as it should be.
    Error,
}

/// A kind of finding, whether it was found or not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kind {
    /// Its stable name.
    pub code: &'static str,
    /// What it is, in one sentence without a full stop.
    pub title: &'static str,
    /// How much a finding of it weighs unless somebody says otherwise.
    pub severity: Severity,
}

/// One thing that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// The name of its kind.
    pub code: &'static str,
    /// What was found. May hold somebody else's text.
    pub message: String,
    /// The rule or request that it is about, as it is spelled. May hold somebody else's text.
    pub subject: Option<String>,
    /// How risky the operation is that it is about.
    pub risk: Option<Risk>,
    /// Where in one of the sources.
    pub region: Option<Region>,
    /// The evidence.
    pub seen: Option<String>,
    /// The one line or command that settles it.
    pub help: Option<String>,
    /// Why it does not count, when somebody has accepted it.
    pub accepted: Option<String>,
}

/// A place in one of a report's sources.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Region {
    /// The place of the source in [`Report::sources`].
    pub source: usize,
    /// The bytes that are meant.
    pub span: Range<usize>,
    /// What is there to see; empty when the message says it all.
    pub label: String,
}

/// A file that findings are about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// Its path as it was given.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Whether the path names a file of the tree, and not one of an older revision.
    pub is_file: bool,
    /// Where each of its lines begins, once that was asked for.
    starts: LineStarts,
}

/// Where each line of a text begins. It says nothing that the text does not say.
#[derive(Clone, Debug, Default)]
struct LineStarts(OnceLock<Vec<usize>>);

impl Eq for LineStarts {}

impl PartialEq for LineStarts {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Source {
    /// A file of the tree.
    #[must_use]
    pub fn file(path: impl Into<String>, text: String) -> Self {
        Self::new(path, text, true)
    }

    /// A file, which is one of the tree or not.
    #[must_use]
    pub fn new(path: impl Into<String>, text: String, is_file: bool) -> Self {
        Self { path: path.into(), text, is_file, starts: LineStarts::default() }
    }

    /// Its path as GitHub compares it with those of a checkout.
    #[must_use]
    pub fn tree_path(&self) -> &str {
        self.path.strip_prefix("./").unwrap_or(&self.path)
    }
}

/// The lines and columns of a region, from 1, columns in characters; the end is behind the last
/// character.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lines {
    /// The line of its first character.
    pub line: usize,
    /// The column of its first character.
    pub column: usize,
    /// The line of its end.
    pub end_line: usize,
    /// The column of its end.
    pub end_column: usize,
}

/// What came of it all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Nothing that counts was found.
    Pass,
    /// Something was.
    Fail,
    /// The evidence does not allow a verdict.
    Unknown,
}

/// Everything that a command found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The command.
    pub command: &'static str,
    /// What it can find, in the order in which it looks.
    pub kinds: &'static [Kind],
    /// The files that findings point into; the first one stands for all that points nowhere.
    pub sources: Vec<Source>,
    /// What it found, the heaviest first.
    pub findings: Vec<Finding>,
    /// What it looked at, as figures or words with their names.
    pub facts: Vec<(&'static str, Fact)>,
    /// What it looked at, in words.
    pub summary: String,
    /// The least weight that makes the verdict a failure.
    pub fail_on: Severity,
    /// What came of it.
    pub verdict: Verdict,
}

/// One thing that a report states beside its findings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fact {
    /// A number of things.
    Count(u64),
    /// A word; none where there is nothing to name.
    Word(Option<&'static str>),
}

impl Severity {
    /// Every level, the lightest first.
    pub const ALL: [Self; 3] = [Self::Note, Self::Warning, Self::Error];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Verdict {
    /// The word for it.
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
    /// A finding of a kind, about nothing yet.
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
            help: None,
            accepted: None,
        }
    }
}

impl Source {
    /// The lines and columns of some of its bytes.
    #[must_use]
    pub fn lines(&self, span: &Range<usize>) -> Lines {
        let place = |at: usize| {
            let (line, start) = self.line_of(at);
            let end = if self.text.is_char_boundary(at) { at } else { self.text.len() };
            let column = self.text.get(start..end).unwrap_or_default().chars().count() + 1;
            (line, column)
        };
        let ((line, column), (end_line, end_column)) = (place(span.start), place(span.end));
        Lines { line, column, end_line, end_column }
    }

    /// The whole lines that some of its bytes are on, the number of the first one, and the bytes in
    /// them: what a person has to see, however long the text is. `None` when the bytes are not in the
    /// text.
    #[must_use]
    pub fn window(&self, span: &Range<usize>) -> Option<(&str, usize, Range<usize>)> {
        self.text.get(span.clone())?;
        let (line, start) = self.line_of(span.start);
        let rest = self.text.get(span.end..)?;
        let end = rest.find('\n').map_or(self.text.len(), |length| span.end + length + 1);
        let window = self.text.get(start..end)?;
        Some((window, line, span.start - start..span.end - start))
    }

    /// The line of a byte, from 1, and where it begins.
    fn line_of(&self, at: usize) -> (usize, usize) {
        let starts = self.starts.0.get_or_init(|| {
            let ends = self.text.match_indices('\n').map(|(end, _)| end + 1);
            std::iter::once(0).chain(ends).collect()
        });
        let line = starts.partition_point(|start| *start <= at.min(self.text.len())).max(1);
        (line, starts.get(line - 1).copied().unwrap_or_default())
    }
}

impl Report {
    /// The findings that count, the heaviest first.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.accepted.is_none())
    }

    /// The findings that somebody has accepted.
    pub fn accepted(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.accepted.is_some())
    }

    /// How many findings of a severity count.
    #[must_use]
    pub fn number(&self, severity: Severity) -> usize {
        self.open().filter(|finding| finding.severity == severity).count()
    }

    /// Counts the findings in words: `1 error, 2 warnings`, and notes and accepted ones where there
    /// are any.
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

    /// Where a finding stands, and the source that it stands in.
    #[must_use]
    pub fn place(&self, finding: &Finding) -> Option<(&Source, Lines)> {
        let region = finding.region.as_ref()?;
        let source = self.sources.get(region.source)?;
        Some((source, source.lines(&region.span)))
    }

    /// The source that stands for what points nowhere: the first one that is a file of the tree.
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
    fn places_are_told_in_characters() {
        let source = Source::file("p", "a\né: x\n".into());
        let lines = source.lines(&(6..7));
        assert_eq!(source.text.get(6..7), Some("x"));
        assert_eq!((lines.line, lines.column, lines.end_line, lines.end_column), (2, 4, 2, 5));
    }
}
