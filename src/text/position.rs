//! Lines and columns of a text.

use std::ops::Range;

use super::printable_lines;

/// A place in a text as editors show it: line and column start at 1, and columns count characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Where the lines of a text begin, in bytes. Each further question costs only a search in these.
#[derive(Clone, Debug)]
pub struct LineStarts(Vec<usize>);

impl LineStarts {
    /// The lines of `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let ends = text.match_indices('\n').map(|(end, _)| end + 1);
        Self(std::iter::once(0).chain(ends).collect())
    }

    /// The position of the byte at `at` of the same text. After the end, it is that of the end.
    #[must_use]
    pub fn position(&self, text: &str, at: usize) -> Position {
        let (line, start) = self.line(at.min(text.len()));
        let end = (start..=at.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        let before = text.get(start..end.unwrap_or(start)).unwrap_or_default();
        Position { line, column: before.chars().count() + 1 }
    }

    /// The whole lines of the same text that a range of its bytes touches, safe to show. `None` if the
    /// range is not in the text.
    #[must_use]
    pub fn excerpt(&self, text: &str, span: &Range<usize>) -> Option<Excerpt> {
        text.get(span.clone())?;
        let (line, start) = self.line(span.start);
        // An empty range touches the line that it is on, and a line break belongs to the line before it.
        let last = span.end.saturating_sub(1).max(span.start);
        let length = text.as_bytes().get(last..)?.iter().position(|byte| *byte == b'\n');
        let end = length.map_or(text.len(), |length| last + length);
        let end = if text.get(start..end)?.ends_with('\r') { end - 1 } else { end };
        let span = span.start - start..span.end.min(end).saturating_sub(start);
        let (lines, span) = printable_lines(text.get(start..end)?, &span);
        Some(Excerpt { lines, line, span })
    }

    /// The number of a byte's line, from 1, and the byte at which that line begins.
    fn line(&self, at: usize) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= at).max(1);
        (line, self.0.get(line - 1).copied().unwrap_or_default())
    }
}

/// Some lines of a text, safe to show.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Excerpt {
    /// The lines, without the last line break.
    pub lines: String,
    /// The number of the first one, from 1.
    pub line: usize,
    /// The range in these lines, in bytes.
    pub span: Range<usize>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(text: &str, at: usize) -> (usize, usize) {
        let Position { line, column } = LineStarts::of(text).position(text, at);
        (line, column)
    }

    fn excerpt(text: &str, span: Range<usize>) -> Option<(String, usize, Range<usize>)> {
        let Excerpt { lines, line, span } = LineStarts::of(text).excerpt(text, &span)?;
        Some((lines, line, span))
    }

    #[test]
    fn columns_count_characters() {
        let text = "a\né: x\n";
        assert_eq!([place(text, 0), place(text, 1), place(text, 2)], [(1, 1), (1, 2), (2, 1)]);
        assert_eq!(place(text, text.find('x').unwrap()), (2, 4));
        assert_eq!(place(text, 3), (2, 1), "in the middle of a character");
        assert_eq!([place(text, text.len()), place(text, 99)], [(3, 1), (3, 1)]);
    }

    #[test]
    fn an_excerpt_is_the_lines_that_are_touched() {
        let text = "a\nbé\r\nc\u{202e}\n";
        assert_eq!(excerpt(text, 0..1), Some(("a".into(), 1, 0..1)));
        assert_eq!(excerpt(text, 0..2), Some(("a".into(), 1, 0..1)));
        assert_eq!(excerpt(text, 1..3), Some(("a\nbé".into(), 1, 1..3)));
        assert_eq!(excerpt(text, 2..2), Some(("bé".into(), 2, 0..0)));
        assert_eq!(excerpt(text, 7..8), Some(("c\\u{202e}".into(), 3, 0..1)));
        assert_eq!(excerpt(text, text.len()..text.len()), Some((String::new(), 4, 0..0)));
        assert_eq!(excerpt(text, 4..5), None, "not on the boundary of a character");
        assert_eq!(excerpt(text, 0..99), None);
    }

    proptest! {
        #[test]
        fn each_position_is_found_again(text in "[aé\n]{0,20}") {
            let starts = LineStarts::of(&text);
            for (at, _) in text.char_indices() {
                let Position { line, column } = starts.position(&text, at);
                let found = text.split('\n').nth(line - 1).unwrap();
                prop_assert_eq!(text[..at].rsplit('\n').next().unwrap().chars().count(), column - 1);
                let excerpt = starts.excerpt(&text, &(at..at)).unwrap();
                prop_assert_eq!((excerpt.lines.as_str(), excerpt.line), (found, line));
            }
        }
    }
}
