//! Lines of a screen: text wrapped between words, with the styles of its parts.

use anstyle::Style;
use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter};

pub(super) const STRONG: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();

/// A text in one style.
#[derive(Clone, Debug)]
pub(super) struct Span {
    style: Style,
    text: String,
}

impl Span {
    pub(super) fn new(style: Style, text: impl Into<String>) -> Self {
        Self { style, text: text.into() }
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::new(Style::new(), text)
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { style, text } = self;
        write!(formatter, "{style}{text}{style:#}")
    }
}

/// Wraps a text with a single style.
pub(super) fn wrap(text: &str, columns: usize, first: &str, others: &str) -> Vec<String> {
    let options = Options::new(columns)
        .initial_indent(first)
        .subsequent_indent(others)
        .break_words(true)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

/// Wraps a text with several styles. The first line begins with `front`, and the others are indented by
/// `indent` columns.
pub(super) fn fold(front: &[Span], text: &[Span], columns: usize, indent: usize) -> Vec<String> {
    let whole: String = text.iter().map(|span| span.text.as_str()).collect();
    let free = front.iter().map(|span| display_width(&span.text)).sum();
    let (first, others) = (" ".repeat(free), " ".repeat(indent));
    let mut letters = text
        .iter()
        .flat_map(|span| span.text.chars().map(|letter| (span.style, letter)))
        .peekable();
    let mut lines = Vec::new();
    for (number, folded) in wrap(&whole, columns, &first, &others).into_iter().enumerate() {
        let mut line: Vec<Span> = if number == 0 {
            front.to_vec()
        } else {
            // The spaces between two lines belong to neither.
            while letters.next_if(|(_, letter)| *letter == ' ').is_some() {}
            vec![Span::plain(others.as_str())]
        };
        let free = if number == 0 { first.len() } else { others.len() };
        for letter in folded.get(free..).unwrap_or_default().chars() {
            let style = letters.next().map_or_else(Style::new, |(style, _)| style);
            match line.last_mut().filter(|last| last.style == style) {
                Some(last) => last.text.push(letter),
                None => line.push(Span::new(style, letter)),
            }
        }
        lines.push(line.iter().map(Span::to_string).collect());
    }
    lines
}

/// Lines in one style.
pub(super) fn styled(style: Style, lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("{style}{line}{style:#}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(lines: &[String]) -> String {
        lines.join("\n").replace("\u{1b}[1m", "<").replace("\u{1b}[0m", ">")
    }

    /// A label that also occurs in the text before it, and text that looks like part of another span.
    #[test]
    fn each_part_has_its_own_style_wherever_its_words_stand_too() {
        let front = [Span::plain("  for "), Span::new(STRONG, "for"), Span::plain(" ")];
        let text = [Span::plain("a or "), Span::new(STRONG, "or or"), Span::plain(" or")];
        assert_eq!(shown(&fold(&front, &text, 40, 4)), "  for <for> a or <or or> or");
        assert_eq!(shown(&fold(&front, &text, 16, 4)), "  for <for> a or\n    <or or> or");
        assert_eq!(shown(&fold(&front, &text, 13, 4)), "  for <for> a\n    or <or or>\n    or");
    }

    proptest! {
        #[test]
        fn styles_change_no_line(
            words in prop::collection::vec("[a-zé ]{0,12}", 0..12),
            columns in 12..40_usize,
        ) {
            let spans: Vec<Span> = words
                .iter()
                .enumerate()
                .map(|(place, text)| Span::new(if place % 2 == 0 { STRONG } else { FAINT }, text.as_str()))
                .collect();
            let folded = fold(&[Span::plain("  ")], &spans, columns, 4);
            let plain: Vec<String> =
                folded.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
            let expected = wrap(&words.concat(), columns, "  ", "    ");
            let trimmed = |lines: &[String]| -> Vec<String> {
                lines.iter().map(|line| line.trim_end().to_owned()).collect()
            };
            prop_assert_eq!(trimmed(&plain), trimmed(&expected));
        }
    }
}
