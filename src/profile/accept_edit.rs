//! Adds entries to the `accept` list of a profile's text, and removes some, and leaves everything else as
//! it was written.

use std::ops::Range;

use super::emit::acceptance;
use super::{Acceptance, Entry, Insertion, insert, key_span};

/// The key of the list.
const KEY: &str = "accept";

/// What `emit` writes before the dash of an entry.
const INDENT: &str = "  ";

/// Adds an entry at the end of the list, whose `entries` were parsed from `text`. `None` if the list is
/// written in a way that has to be edited by hand.
#[must_use]
pub fn add_acceptance(
    text: &str,
    entries: &[Entry<Acceptance>],
    added: &Acceptance,
) -> Option<String> {
    let written = acceptance(added);
    if !entries.is_empty() {
        let list = List::of(text, entries.len())?;
        let mut lines = String::new();
        for line in written.lines() {
            let line = line.strip_prefix(INDENT).unwrap_or(line);
            lines += &format!("{}{line}\n", list.indent);
        }
        let end = list.entries.last()?.end;
        let before = if text.get(..end)?.ends_with('\n') { "" } else { "\n" };
        let mut edited = text.to_owned();
        edited.insert_str(end, &format!("{before}{lines}"));
        return Some(edited);
    }
    if key_span(text, KEY).is_some() {
        let line = written.lines().map(|line| line.strip_prefix(INDENT).unwrap_or(line));
        let line = line.collect::<Vec<_>>().join("\n");
        let line = line.strip_prefix("- ")?.to_owned();
        let insertion = Insertion { line, comment: String::new(), after: 0 };
        return insert(text, KEY, entries, vec![insertion]);
    }
    let mut edited = text.to_owned();
    let at = place_of_list(text);
    let before = if at == 0 || text.get(..at)?.ends_with('\n') { "" } else { "\n" };
    edited.insert_str(at, &format!("{before}{KEY}:\n{written}"));
    Some(edited)
}

/// Removes the entries at these places, which are sorted and distinct, and the list with its last entry.
/// `None` if the list is written in a way that has to be edited by hand.
#[must_use]
pub fn remove_acceptances(
    text: &str,
    entries: &[Entry<Acceptance>],
    places: &[usize],
) -> Option<String> {
    let list = List::of(text, entries.len())?;
    let mut edited = String::with_capacity(text.len());
    let mut done = 0;
    let gone = places.iter().map(|place| list.entries.get(*place));
    for range in gone.collect::<Option<Vec<_>>>()? {
        edited.push_str(text.get(done..range.start)?);
        done = range.end;
    }
    edited.push_str(text.get(done..)?);
    if places.len() < entries.len() {
        return Some(edited);
    }
    // A comment on the line of the key, or below it, is about the list, but stays all the same.
    edited.insert_str(key_span(text, KEY)?.end + 1, " []");
    Some(edited)
}

/// Where a new list goes: before what `dsp review` writes and the comment above it, or at the end.
fn place_of_list(text: &str) -> usize {
    let Some(key) = key_span(text, "reviewed") else { return text.len() };
    let mut at = key.start;
    let before = text.get(..at).unwrap_or_default();
    for line in before.split_inclusive('\n').rev() {
        if !line.starts_with('#') {
            break;
        }
        at -= line.len();
    }
    at
}

/// The lines of a list that has one entry below the other.
struct List {
    /// What comes before each dash.
    indent: String,
    /// The lines of each entry, without blank lines and comments after it.
    entries: Vec<Range<usize>>,
}

impl List {
    /// Reads the list, which has this many entries.
    fn of(text: &str, number: usize) -> Option<Self> {
        let mut at = key_span(text, KEY)?.start;
        let mut lines = text.get(at..)?.split_inclusive('\n');
        let key = lines.next()?;
        let rest = key.strip_prefix(KEY)?.strip_prefix(':')?.trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            return None;
        }
        at += key.len();
        let mut list = Self { indent: String::new(), entries: Vec::new() };
        for line in lines {
            let (start, body) = (at, line.trim_start_matches(' '));
            at += line.len();
            let indent = line.get(..line.len() - body.len())?;
            if body.trim().is_empty() || body.starts_with('#') {
                continue;
            }
            let is_dash = body.starts_with("- ") || body.trim_end() == "-";
            if is_dash && list.entries.is_empty() {
                indent.clone_into(&mut list.indent);
            }
            if is_dash && indent == list.indent {
                list.entries.push(start..at);
            } else if indent.len() > list.indent.len() {
                list.entries.last_mut()?.end = at;
            } else {
                break;
            }
        }
        (list.entries.len() == number).then_some(list)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::EngineKind;
    use crate::profile::{CheckCode, Subject, parse};

    fn one(reason: &str) -> Acceptance {
        Acceptance {
            code: CheckCode::UnusedRule,
            rule: Some(Subject::parse(EngineKind::Docker, "GET /info")),
            reason: reason.to_owned(),
            until: None,
        }
    }

    fn added(text: &str) -> String {
        let profile = parse(text).unwrap();
        let edited = add_acceptance(text, &profile.accept, &one("known")).unwrap();
        let mut expected = profile;
        expected.accept.push(Entry::new(one("known")));
        assert_eq!(parse(&edited).unwrap(), expected, "{edited}");
        edited
    }

    const ENTRY: &str = "  - code: unused-rule\n    rule: \"GET /info\"\n    reason: \"known\"\n";

    #[test]
    fn an_entry_goes_to_the_end_of_the_list() {
        let head = "version: 1\nname: x\nallow:\n  - GET /info\n";
        assert_eq!(added(head), format!("{head}accept:\n{ENTRY}"));
        let end = head.trim_end();
        assert_eq!(added(end), format!("{head}accept:\n{ENTRY}"));
        let reviewed = "# who?\nreviewed:\n  digest: x\n";
        assert_eq!(
            added(&format!("{head}{reviewed}")),
            format!("{head}accept:\n{ENTRY}{reviewed}")
        );
        assert_eq!(
            added(&format!("accept: []  # none\n{head}")),
            format!("accept:  # none\n{ENTRY}{head}")
        );
        let list = "accept:\n# first\n- reason: so # why\n  code: lossy-recording\n\n# end\n";
        let own = ENTRY.replace("\n  ", "\n").replacen("  ", "", 1);
        assert_eq!(
            added(&format!("{list}{head}")),
            format!("{}{own}\n# end\n{head}", &list[..list.len() - "\n# end\n".len()])
        );
        let flow = format!("accept: [{{code: lossy-recording, reason: x}}]\n{head}");
        assert_eq!(add_acceptance(&flow, &parse(&flow).unwrap().accept, &one("x")), None);
    }

    proptest! {
        #[test]
        fn entries_are_removed_with_nothing_else(
            entries in prop::collection::vec(
                ("#? ?[a-z- ]{0,5}", "[a-z]{1,4}", "(  # - [a-z]{1,3})?", any::<bool>(), any::<bool>()),
                1..5,
            ),
            after in "(# end\n|\n)?(deny: \\[\\]\n)?",
        ) {
            let mut text = "version: 1\nname: x\naccept:\n".to_owned();
            let mut places = Vec::new();
            for (place, (comment, reason, note, is_reversed, is_gone)) in entries.iter().enumerate() {
                if comment.starts_with('#') {
                    text += &format!("  {comment}\n");
                }
                let keys = ["code: unused-rule".to_owned(), format!("reason: r{reason}{note}")];
                let [first, second] = if *is_reversed {
                    let [one, other] = keys;
                    [other, one]
                } else {
                    keys
                };
                text += &format!("  - {first}\n    {second}\n");
                places.extend(is_gone.then_some(place));
            }
            text += &after;
            let mut profile = parse(&text).unwrap();
            let edited = remove_acceptances(&text, &profile.accept, &places).unwrap();
            let mut place = 0;
            profile.accept.retain(|_| {
                place += 1;
                !places.contains(&(place - 1))
            });
            prop_assert_eq!(parse(&edited).unwrap(), profile, "{}", edited);
            let comments = |text: &str| text.lines().filter(|line| line.trim().starts_with('#')).count();
            prop_assert_eq!(comments(&edited), comments(&text), "{}", edited);
        }
    }
}
