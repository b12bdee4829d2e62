//! Long lines, folded between words for a terminal.

use textwrap::{Options, WordSeparator, WordSplitter};

/// What comes before a rule that people copy from a message.
const BEFORE_RULE: &str = ": - ";

/// Wraps each line of a text at `width` columns. Continuation lines are aligned with the line's
/// second column if it has one, and indented by four more spaces otherwise. A rule at the end of a
/// line is not broken, because people copy it.
#[must_use]
pub fn fold(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| fold_line(line, width)).collect();
    lines.join("\n")
}

fn fold_line(line: &str, width: usize) -> String {
    let indent = " ".repeat(hanging(line));
    let options = Options::new(width)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    // Lines are not broken at a no-break space, which is as wide as a space.
    let kept = line.rfind(BEFORE_RULE).map_or_else(
        || line.to_owned(),
        |at| {
            let (before, rule) = line.split_at(at + BEFORE_RULE.len() - 2);
            before.to_owned() + &rule.replace(' ', "\u{a0}")
        },
    );
    let folded = textwrap::fill(&kept, options);
    if kept == line { folded } else { folded.replace('\u{a0}', " ") }
}

/// Where the second column of a line begins: after the first two spaces in a row.
fn hanging(line: &str) -> usize {
    let plain = anstream::adapter::strip_str(line).to_string();
    let indent = plain.len() - plain.trim_start_matches(' ').len();
    let columns = plain.get(indent..).and_then(|rest| {
        let gap = rest.find("  ")?;
        let value = rest.get(gap..)?.trim_start_matches(' ');
        (!value.is_empty()).then(|| plain.len() - value.len())
    });
    // A second column far to the right would leave no room to fold into.
    columns.filter(|column| *column <= 24).unwrap_or(indent + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_continue_below_their_second_column() {
        assert_eq!(
            fold("  risk       one two three", 22),
            "  risk       one two\n             three"
        );
        assert_eq!(fold("  one two three four\nfive", 15), "  one two three\n      four\nfive");
        assert_eq!(fold("short\n", 80), "short\n");
    }

    #[test]
    fn a_rule_stays_in_one_piece() {
        assert_eq!(
            fold("not allowed; to allow it: - POST /containers/create", 40),
            "not allowed; to allow it:\n    - POST /containers/create"
        );
    }

    #[test]
    fn colours_take_no_room() {
        let line = "  \u{1b}[36mrisk\u{1b}[0m       one two three";
        assert_eq!(fold(line, 26), line);
    }
}
