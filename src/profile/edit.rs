//! Changes single lines of a profile's text and leaves everything else as it was written. `dsp
//! review` saves its results with this module and [`super::insert`].

use std::ops::Range;

use super::Entry;
use super::layout::{comment_after, comment_place, line_end, line_start, quoted};
use crate::api::ApiVersion;
use crate::text::one_line;

/// The least space between a rule and its comment.
const GAP: &str = "  ";

/// Removes the entry at `place` from the list `key`, whose `entries` were parsed from `text`.
/// `None` if the entry is not on lines of its own.
#[must_use]
pub fn remove<T>(text: &str, key: &str, entries: &[Entry<T>], place: usize) -> Option<String> {
    remove_all(text, key, entries, &[place])
}

/// Removes the entries at these places, which are sorted and distinct.
#[must_use]
pub fn remove_all<T>(
    text: &str,
    key: &str,
    entries: &[Entry<T>],
    places: &[usize],
) -> Option<String> {
    let mut edited = String::with_capacity(text.len());
    let mut done = 0;
    for place in places {
        let entry = entries.get(*place)?;
        let start = line_start(text, entry.span.as_ref()?.start)?;
        comment_after(text, comment_place(text, entry)?)?;
        edited.push_str(text.get(done..start)?);
        done = line_end(text, last_position(text, entry)?)?;
    }
    edited.push_str(text.get(done..)?);
    if entries.len() > places.len() {
        return Some(edited);
    }
    // A key without a value would look like an oversight.
    edited.insert_str(key_span(text, key)?.end + 1, " []");
    Some(edited)
}

/// Replaces an entry with a rule: its line, or its lines as [`super::rule_lines`] writes them. Its
/// comment stays; on a line, it keeps its column as far as there is room.
#[must_use]
pub fn replace<T>(text: &str, entry: &Entry<T>, rule: &str) -> Option<String> {
    let span = entry.span.as_ref()?;
    let start = line_start(text, span.start)?;
    let value = quoted(text, span);
    let comment = comment_after(text, comment_place(text, entry)?)?;
    let (first, further) = rule.split_once('\n').unwrap_or((rule, ""));
    let mut edited = text.to_owned();
    if further.is_empty() && entry.end? <= value.end {
        if !comment.is_empty() {
            let old = text.get(value.clone())?.chars().count() + comment.start - value.end;
            let room = old.saturating_sub(rule.chars().count()).max(GAP.len());
            edited.replace_range(value.end..comment.start, &" ".repeat(room));
        }
        edited.replace_range(value, rule);
        return Some(edited);
    }
    // The lines are indented for a rule two columns after its dash.
    let indent = " ".repeat((value.start - start).saturating_sub(2));
    let mut lines = first.to_owned();
    if !comment.is_empty() {
        lines = format!("{lines}{GAP}{}", text.get(comment)?.trim_end());
    }
    further.lines().for_each(|line| lines += &format!("\n{indent}{line}"));
    let end = comment_after(text, last_position(text, entry)?)?.end;
    edited.replace_range(value.start..end, &lines);
    Some(edited)
}

/// Replaces the comment after an entry's rule; an empty comment removes it. It is made safe to
/// read, on one line.
#[must_use]
pub fn set_comment<T>(text: &str, entry: &Entry<T>, comment: &str) -> Option<String> {
    let place = comment_place(text, entry)?;
    let old = comment_after(text, place)?;
    let comment = one_line(comment);
    let mut edited = text.to_owned();
    if comment.trim().is_empty() {
        edited.replace_range(place..old.end, "");
    } else if old.is_empty() {
        edited.replace_range(place..old.end, &format!("{GAP}# {}", comment.trim()));
    } else {
        edited.replace_range(old, &format!("# {}", comment.trim()));
    }
    Some(edited)
}

/// The comment after an entry's rule, without its `#`; empty if there is none. `None` if the entry is
/// not on lines of its own.
#[must_use]
pub fn comment<T>(text: &str, entry: &Entry<T>) -> Option<String> {
    let comment = text.get(comment_after(text, comment_place(text, entry)?)?)?;
    Some(comment.trim_start_matches('#').trim().to_owned())
}

/// Where the last line of an entry has only a comment left.
fn last_position<T>(text: &str, entry: &Entry<T>) -> Option<usize> {
    Some(entry.end?.max(quoted(text, entry.span.as_ref()?).end))
}

/// Replaces the top-level key `key` and its value with `part`, or appends `part` if the key is
/// absent. An empty `part` removes the key.
#[must_use]
pub fn set_part(text: &str, key: &str, part: &str) -> String {
    let mut before = String::new();
    let mut rest = text.split_inclusive('\n').peekable();
    let mut is_found = false;
    while let Some(line) = rest.next() {
        if !is_key(line, key) {
            before.push_str(line);
            continue;
        }
        is_found = true;
        // Comments between its lines go with it; comments after the last line stay.
        let mut kept = String::new();
        while let Some(line) = rest.peek() {
            let is_inside = line.starts_with([' ', '\t', '-']) && !line.trim().is_empty();
            let is_between = line.trim().is_empty() || line.starts_with('#');
            if is_inside {
                kept.clear();
            } else if is_between {
                kept.push_str(line);
            } else {
                break;
            }
            rest.next();
        }
        before.push_str(part);
        before.push_str(&kept);
    }
    if !is_found {
        if !before.is_empty() && !before.ends_with('\n') {
            before.push('\n');
        }
        before.push_str(part);
    }
    before
}

/// Sets `min_api` in its line, or adds it after the profile's name; `None` removes it. A comment on
/// the line stays. Callers parse the result to verify it, because YAML has other ways to write a
/// value.
#[must_use]
pub fn set_min_api(text: &str, version: Option<ApiVersion>) -> String {
    let key = "min_api";
    let line = version.map(|version| format!("{key}: \"{version}\""));
    let has_key = key_span(text, key).is_some();
    let is_last_of_head = |line: &str| match key_span(text, "engine") {
        Some(_) => is_key(line, "engine"),
        None => is_key(line, "name"),
    };
    let mut edited = String::new();
    for old in text.split_inclusive('\n') {
        if is_key(old, key) {
            if let Some(line) = &line {
                let comment = old.find(" #").and_then(|at| old.get(at..)).map(str::trim);
                let comment = comment.map_or_else(String::new, |text| format!("{GAP}{text}"));
                edited.push_str(&format!("{line}{comment}\n"));
            }
            continue;
        }
        edited.push_str(old);
        if let Some(line) = &line
            && !has_key
            && is_last_of_head(old)
        {
            let end = if old.ends_with('\n') { "" } else { "\n" };
            edited.push_str(&format!("{end}{line}\n"));
        }
    }
    edited
}

/// The position of a top-level key, without its colon.
#[must_use]
pub fn key_span(text: &str, key: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if is_key(line, key) {
            return Some(start..start + key.len());
        }
        start += line.len();
    }
    None
}

fn is_key(line: &str, key: &str) -> bool {
    line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile::parse;
    use crate::text::is_unsafe;

    const TEXT: &str = "# mine\nversion: 1\nname: x\nallow:\n  - HEAD /_ping\n  - GET /info        # why\n  \
        # of events\n  - \"GET /events\"   # all\nreviewed:  # by dsp\n  digest: x\n  # in it\n  read:\n\
        \x20   - GET /info\n\n# after\ndeny: []\n";

    fn entry(text: &str, place: usize) -> Entry<crate::profile::Rule> {
        parse(text).unwrap().allow[place].clone()
    }

    #[test]
    fn only_one_line_is_changed() {
        let removed = remove(TEXT, "allow", &parse(TEXT).unwrap().allow, 1).unwrap();
        assert_eq!(removed, TEXT.replace("  - GET /info        # why\n", ""));
        let replaced = |place, rule| replace(TEXT, &entry(TEXT, place), rule).unwrap();
        assert_eq!(
            replaced(1, "GET /networks"),
            TEXT.replace("GET /info        # why", "GET /networks    # why")
        );
        assert_eq!(
            replaced(1, "GET /containers/web/json"),
            TEXT.replace("GET /info        # why", "GET /containers/web/json  # why")
        );
        assert_eq!(
            replaced(2, "GET /nodes"),
            TEXT.replace("\"GET /events\"   ", "GET /nodes      ")
        );
        let noted = |place, note| set_comment(TEXT, &entry(TEXT, place), note).unwrap();
        assert_eq!(noted(0, "a\nb"), TEXT.replace("HEAD /_ping", "HEAD /_ping  # a b"));
        assert_eq!(noted(1, "new"), TEXT.replace("# why", "# new"));
        assert_eq!(noted(2, " "), TEXT.replace("   # all", ""));
        let comments = [0, 1, 2].map(|place| comment(TEXT, &entry(TEXT, place)).unwrap());
        assert_eq!(comments, ["", "why", "all"]);
    }

    #[test]
    fn a_list_that_becomes_empty_says_so() {
        let text = "version: 1\nname: x\nallow:  # all\n  - GET /info";
        let removed = remove(text, "allow", &parse(text).unwrap().allow, 0).unwrap();
        assert_eq!(removed, "version: 1\nname: x\nallow: []  # all\n");
        assert_eq!(parse(&removed).unwrap().allow, []);
    }

    #[test]
    fn a_part_replaces_the_existing_one() {
        let part = "reviewed:\n  digest: y\n";
        let set = set_part(TEXT, "reviewed", part);
        assert!(set.ends_with("# all\nreviewed:\n  digest: y\n\n# after\ndeny: []\n"), "{set}");
        assert_eq!(set_part(&set, "reviewed", part), set);
        assert!(!set_part(&set, "reviewed", "").contains("reviewed"));
        assert_eq!(set_part("version: 1", "reviewed", part), format!("version: 1\n{part}"));
    }

    #[test]
    fn the_oldest_version_is_set_in_its_line_or_after_the_name() {
        let at = |minor| Some(ApiVersion::new(1, minor));
        let text = "# x\nversion: 1\nname: x\nengine: podman\nallow: []\n";
        let set = set_min_api(text, at(41));
        assert_eq!(set, text.replace("podman\n", "podman\nmin_api: \"1.41\"\n"));
        assert_eq!(set_min_api(&set, None), text);
        let noted = "version: 1\nmin_api: 1.41   # as ours\nname: x\nallow: []";
        let lower = "version: 1\nmin_api: \"1.30\"  # as ours\nname: x\nallow: []";
        assert_eq!(set_min_api(noted, at(30)), lower);
        assert_eq!(
            set_min_api("allow: []\nname: x", at(30)),
            "allow: []\nname: x\nmin_api: \"1.30\"\n"
        );
    }

    #[test]
    fn entries_without_their_own_line_are_left_alone() {
        let text = "version: 1\nname: x\nallow: [GET /info, GET /events]\n";
        assert_eq!(remove(text, "allow", &parse(text).unwrap().allow, 0), None);
        assert_eq!(replace(text, &entry(text, 0), "GET /nodes"), None);
        assert_eq!(set_comment(text, &entry(text, 1), "x"), None);
        assert_eq!(comment(text, &entry(text, 1)), None);
    }

    proptest! {
        #[test]
        fn an_edit_changes_what_it_says(
            lines in prop::collection::vec(
                ("GET /info|GET /events|\"GET /nodes\"|'GET /tasks'", " {0,3}", "#?[ -~]{0,5}"),
                1..6,
            ),
            place in any::<prop::sample::Index>(),
            note in "(\\PC|[\u{0}\u{1b}\r\n\u{85}\u{202e}\u{2066}\u{3164}]|##\\[x\\]|#){0,8}",
        ) {
            let line = |(rule, gap, comment): &(String, String, String)| {
                let comment = if comment.starts_with('#') { format!(" {gap}{comment}") } else { String::new() };
                format!("  - {rule}{comment}\n")
            };
            let text = lines.iter().map(line).collect::<String>();
            let text = format!("version: 1\nname: x\nallow:\n{text}deny: []\n");
            let Ok(old) = parse(&text) else { return Ok(()) };
            let place = place.index(old.allow.len());
            let entry = old.allow[place].clone();
            let mut expected = old.clone();
            let noted = set_comment(&text, &entry, &note).unwrap();
            prop_assert_eq!(&parse(&noted).unwrap(), &expected, "{}", noted);
            prop_assert!(!noted.lines().any(|line| line.chars().any(is_unsafe)), "{:?}", noted);
            expected.allow[place] = parse("version: 1\nname: x\nallow:\n- GET /swarm\n").unwrap().allow[0].clone();
            let replaced = replace(&text, &entry, "GET /swarm").unwrap();
            prop_assert_eq!(&parse(&replaced).unwrap(), &expected, "{}", replaced);
            expected.allow.remove(place);
            let removed = remove(&text, "allow", &old.allow, place).unwrap();
            prop_assert_eq!(&parse(&removed).unwrap(), &expected, "{}", removed);
        }
    }
}
