//! The lines of a profile that a decision changes.

use anstyle::{AnsiColor, Style};
use similar::{Algorithm, ChangeTag, capture_diff_slices};

use super::layout::{styled, wrap};
use crate::report::printable;

const COMES: Style = AnsiColor::Green.on_default();
const GOES: Style = AnsiColor::Red.on_default();

/// A line of a diff.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// How the line changes.
    pub mark: Mark,
    /// The line.
    pub text: String,
}

/// How a line changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mark {
    /// It stays, and is there for context.
    Stays,
    /// It is removed.
    Goes,
    /// It is added.
    Comes,
}

/// A line with the keys above it, so that a line that moves to another list counts as a different line.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Placed<'a> {
    keys: Vec<&'a str>,
    line: &'a str,
}

/// The lines that differ, each below the keys of the file that it belongs to. The digest is left out
/// because it changes every time.
#[must_use]
pub fn changes(old: &str, new: &str) -> Vec<Line> {
    let (old, new) = (placed(old), placed(new));
    let mut lines: Vec<Line> = Vec::new();
    let mut shown: Vec<&str> = Vec::new();
    for operation in capture_diff_slices(Algorithm::Myers, &old, &new) {
        for change in operation.iter_changes(&old, &new) {
            let mark = match change.tag() {
                ChangeTag::Equal => continue,
                ChangeTag::Delete => Mark::Goes,
                ChangeTag::Insert => Mark::Comes,
            };
            let Placed { keys, line } = change.value();
            let shared = shown.iter().zip(&keys).take_while(|(one, other)| one == other).count();
            for key in keys.iter().skip(shared) {
                lines.push(Line { mark: Mark::Stays, text: (*key).to_owned() });
            }
            lines.push(Line { mark, text: line.to_owned() });
            shown = keys;
            shown.extend(key_depth(line).map(|_| line));
        }
    }
    // The counts at the top of the file follow from the rest, so they come last.
    let (head, mut lines): (Vec<Line>, Vec<Line>) =
        lines.into_iter().partition(|line| line.text.starts_with('#'));
    lines.extend(head);
    lines
}

/// The same lines for a screen, each with a mark before it.
#[must_use]
pub fn changed(old: &str, new: &str, columns: usize) -> Vec<String> {
    let folded = |line: Line| {
        let (mark, style) = match line.mark {
            Mark::Stays => (' ', Style::new()),
            Mark::Goes => ('-', GOES),
            Mark::Comes => ('+', COMES),
        };
        let depth = line.text.len() - line.text.trim_start().len();
        let front = format!("  {mark} {}", " ".repeat(depth.min(8)));
        let folded = wrap(&printable(line.text.trim_start()), columns, &front, "        ");
        styled(style, &folded)
    };
    changes(old, new).into_iter().flat_map(folded).collect()
}

fn placed(text: &str) -> Vec<Placed<'_>> {
    let mut keys: Vec<&str> = Vec::new();
    let mut placed = Vec::new();
    for line in text.lines().map(str::trim_end) {
        let depth = key_depth(line);
        if let Some(depth) = depth {
            keys.truncate(depth);
        } else if line.starts_with('#') {
            keys.clear();
        }
        if !line.trim_start().starts_with("digest: ") {
            placed.push(Placed { keys: keys.clone(), line });
            keys.extend(depth.map(|_| line));
        }
    }
    placed
}

/// The depth of the key at the start of a line; `None` if there is no key.
fn key_depth(line: &str) -> Option<usize> {
    let key = line.trim_start();
    let word = key.split(':').next().unwrap_or_default();
    let is_key = word.len() < key.len()
        && !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_key.then_some((line.len() - key.len()) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_stands_below_its_keys() {
        let old = "# head\nversion: 1\nallow:\n  - a\n  - b\n  - c\nreviewed:\n  digest: 1\n  root:\n    - a\n";
        let new = "# had\nversion: 1\nallow:\n  - a\n  - d\ndeny:\n  - c\nreviewed:\n  digest: 2\n  root:\n    \
                   - a\n    - d\n  read:\n    - e\n";
        let told = |line: &Line| match line.mark {
            Mark::Stays => format!("  {}", line.text),
            Mark::Goes => format!("- {}", line.text),
            Mark::Comes => format!("+ {}", line.text),
        };
        insta::assert_snapshot!(changes(old, new).iter().map(told).collect::<Vec<_>>().join("\n"), @r"
          allow:
        -   - b
        -   - c
        +   - d
        + deny:
        +   - c
          reviewed:
            root:
        +     - d
        +   read:
        +     - e
        - # head
        + # had
        ");
        assert_eq!(changes(old, old), []);
    }
}
