//! Adds rules to a profile's text and leaves everything else as it was written.

use super::Entry;
use super::layout::{line_end, line_start, quoted};
use crate::text::one_line;

/// An entry to add to a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Insertion {
    /// The text of the rule: its line, or its lines as [`super::rule_lines`] writes them.
    pub line: String,
    /// Its comment; empty for none.
    pub comment: String,
    /// The number of the list's entries that come before it.
    pub after: usize,
}

/// Adds entries to the list `key`, whose `entries` were parsed from `text`. `None` if the entries are
/// not on lines of their own.
#[must_use]
pub fn insert<T>(
    text: &str,
    key: &str,
    entries: &[Entry<T>],
    insertions: Vec<Insertion>,
) -> Option<String> {
    if insertions.is_empty() {
        return Some(text.to_owned());
    }
    let starts: Vec<usize> = entries
        .iter()
        .map(|entry| line_start(text, entry.span.as_ref()?.start))
        .collect::<Option<_>>()?;
    let indent = match starts.first() {
        Some(start) => text.get(*start..)?.split('-').next()?.to_owned(),
        None => "  ".to_owned(),
    };
    let ends: Vec<usize> = entries
        .iter()
        .map(|entry| line_end(text, entry.end?.max(quoted(text, entry.span.as_ref()?).end)))
        .collect::<Option<_>>()?;
    let mut text = text.to_owned();
    let unended = text.len();
    let is_unended = !entries.is_empty() && !text.ends_with('\n');
    if is_unended {
        text.push('\n');
    }
    let empty = if starts.is_empty() { Some(empty_list(&mut text, key)?) } else { None };
    // Where each line goes; lines for the same position stay in order.
    let mut lines: Vec<(usize, String)> = Vec::with_capacity(insertions.len());
    for insertion in insertions {
        let at = match insertion.after.checked_sub(1).and_then(|last| ends.get(last)) {
            Some(end) if is_unended && *end == unended => unended + 1,
            Some(end) => *end,
            None => empty.or_else(|| starts.first().copied())?,
        };
        let comment = match insertion.comment.as_str() {
            "" => String::new(),
            comment => format!("  # {}", one_line(comment)),
        };
        let (first, further) = insertion.line.split_once('\n').unwrap_or((&insertion.line, ""));
        let further: String = further.lines().map(|line| format!("{indent}{line}\n")).collect();
        lines.push((at, format!("{indent}- {first}{comment}\n{further}")));
    }
    lines.sort_by_key(|(at, _)| *at);
    let mut edited = String::with_capacity(text.len());
    let mut done = 0;
    for (at, line) in &lines {
        edited.push_str(text.get(done..*at)?);
        edited.push_str(line);
        done = *at;
    }
    edited.push_str(text.get(done..)?);
    Some(edited)
}

/// Makes room for the first entry of a list that is empty or absent, and returns the position.
fn empty_list(text: &mut String, key: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.clone().split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix(key).and_then(|rest| rest.strip_prefix(':')) {
            let value = rest.split('#').next().unwrap_or_default().trim();
            let comment = rest.find('#').and_then(|place| rest.get(place..));
            let comment = comment.map(|comment| format!("  {}", comment.trim_end()));
            let replacement = format!("{key}:{}\n", comment.unwrap_or_default());
            return matches!(value, "" | "[]" | "null" | "~").then(|| {
                text.replace_range(at..at + line.len(), &replacement);
                at + replacement.len()
            });
        }
        at += line.len();
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(key);
    text.push_str(":\n");
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse;

    fn added(text: &str, lines: &[(&str, usize)]) -> Option<String> {
        let profile = parse(text).unwrap();
        let insertions = lines
            .iter()
            .map(|(line, after)| Insertion {
                line: (*line).to_owned(),
                comment: "new".into(),
                after: *after,
            })
            .collect();
        let text = insert(text, "allow", &profile.allow, insertions)?;
        assert_eq!(parse(&text).unwrap().allow.len(), profile.allow.len() + lines.len(), "{text}");
        Some(text)
    }

    #[test]
    fn everything_else_stays_unchanged() {
        let text = "# mine\nversion: 1\nname: x\nallow:\n    # the first\n    - GET /info   # why\n\n\
                    \x20   - \"GET /version\"\ndeny: []\n";
        insta::assert_snapshot!(
            added(text, &[("HEAD /_ping", 0), ("GET /_ping", 0), ("GET /events", 1), ("GET /nodes", 2)])
                .unwrap(),
            @r#"
        # mine
        version: 1
        name: x
        allow:
            # the first
            - HEAD /_ping  # new
            - GET /_ping  # new
            - GET /info   # why
            - GET /events  # new

            - "GET /version"
            - GET /nodes  # new
        deny: []
        "#
        );
    }

    #[test]
    fn a_comment_stays_on_its_line() {
        let profile = parse("version: 1\nname: x\nallow: []\n").unwrap();
        let comment = "a\n- GET /b\u{202e}".to_owned();
        let insertion = Insertion { line: "GET /info".into(), comment, after: 0 };
        let text = insert("version: 1\nname: x\n", "allow", &profile.allow, vec![insertion]);
        let line = "  - GET /info  # a - GET /b\\u{202e}\n";
        assert_eq!(text.unwrap(), format!("version: 1\nname: x\nallow:\n{line}"));
    }

    #[test]
    fn an_empty_list_gets_its_first_line() {
        for list in ["allow: []  # nothing yet\n", "allow:\n", "allow: ~", ""] {
            let text = format!("version: 1\nname: x\n{list}");
            let text = added(&text, &[("GET /info", 0)]).unwrap();
            assert!(text.ends_with("\n  - GET /info  # new\n"), "{text}");
        }
    }

    #[test]
    fn a_list_on_one_line_is_left_alone() {
        assert_eq!(
            added("version: 1\nname: x\nallow: [GET /info]\n", &[("GET /version", 1)]),
            None
        );
    }
}
