//! Reviews of many rules: the overview, groups, the search, and steps that are taken back.

use std::collections::HashSet;
use std::fmt::Write;

use proptest::prelude::*;

use super::tests::{any_key, press, session, shown};
use super::{Item, Leaving, Step, is_low};
use crate::profile::{Profile, Rule};
use crate::terminal::Key;

const OPERATIONS: [(&str, &str); 5] =
    [("POST", "exec"), ("POST", "start"), ("POST", "stop"), ("GET", "json"), ("GET", "stats")];

/// A profile with rules of five operations for this many names each.
fn many(names: usize) -> String {
    let mut text = "version: 1\nname: ci\nallow:\n".to_owned();
    for (method, end) in OPERATIONS {
        for number in 1..=names {
            let _ = writeln!(text, "  - {method} /containers/worker-{number}/{end}");
        }
    }
    text
}

fn sized(names: usize, keys: &str, columns: usize, rows: usize) -> String {
    let mut session = session(&many(names));
    session.resize(columns, rows);
    press(&mut session, keys);
    shown(&session)
}

#[test]
fn each_screen_of_many_rules() {
    for (name, keys) in [
        ("overview", ""),
        ("search_typed", "/stop"),
        ("search_refused", "/risk>=high"),
        ("searched", "/risk=change worker-7<enter>"),
        ("group", "<enter>"),
        ("group_below", "<enter><pgdn>"),
        ("group_unread", "<enter>k"),
        ("group_searched", "/worker-7<enter><enter>"),
        ("one_of_a_group", "<enter>l"),
        ("offered_likewise", "<enter>ld"),
        ("likewise", "<enter>lkK"),
        ("section", "<end><enter>"),
        ("keys", "?"),
        ("decided", "<enter><pgdn><pgdn><pgdn><pgdn><pgdn><pgdn>ko"),
        ("end", "<enter>sssss"),
        ("changes", "<enter>dssssd"),
    ] {
        insta::assert_snapshot!(format!("many_{name}"), sized(60, keys, 80, 24));
        insta::assert_snapshot!(format!("many_{name}_narrow"), sized(60, keys, 40, 15));
    }
}

#[test]
fn three_hundred_rules_take_fifteen_keys() {
    let mut session = session(&many(60));
    let mut keys = 0;
    let mut key = |session: &mut _, key: &str| {
        keys += 1;
        press(session, key)
    };
    key(&mut session, "<enter>");
    while session.item().is_some() {
        let before = session.draft().clone();
        key(&mut session, "k");
        if *session.draft() == before {
            key(&mut session, "<pgdn>");
        }
    }
    assert_eq!(key(&mut session, "<enter>"), Step::Leave(Leaving::Ended));
    assert!(session.draft().profile().standing().is_reviewed());
    assert_eq!(session.tally().kept, 300);
    assert!(keys <= 15, "{keys}");
}

#[test]
fn a_list_is_kept_only_after_it_was_shown() {
    let text = many(200);
    let mut session = session(&text);
    press(&mut session, "<enter>k");
    assert_eq!(session.draft().text(), text);
    assert!(shown(&session).contains("read the list to its end first"));
    // The mark and Enter are the same answer.
    press(&mut session, "<up><enter>");
    assert_eq!(session.draft().text(), text);
    let mut pages = 0;
    while session.draft().text() == text {
        press(&mut session, "<pgdn>k");
        pages += 1;
    }
    assert!(pages > 1 && session.tally().kept == 200, "{pages}");
    // A denial allows nothing, so it needs no reading.
    press(&mut session, "d");
    assert_eq!(session.tally().denied, 200);
}

#[test]
fn the_rest_is_decided_likewise_in_one_step() {
    let mut session = session(&many(10));
    press(&mut session, "<enter>lk");
    assert!(shown(&session).contains("K does the same with the 9 others"), "{}", shown(&session));
    let before = session.draft().text().to_owned();
    assert_eq!(press(&mut session, "K"), Step::Show);
    assert_eq!(session.draft().text(), before, "the letter alone only shows the list");
    assert_eq!(press(&mut session, "y"), Step::Save);
    assert_eq!(session.tally().kept, 10);
    assert!(shown(&session).contains("9 rules of POST /containers/*/exec were kept"));
    assert_eq!(press(&mut session, "u"), Step::Save);
    assert_eq!(session.draft().text(), before);
    press(&mut session, "Dy");
    assert_eq!((session.tally().kept, session.tally().denied), (1, 9));
    press(&mut session, "lsS");
    assert_eq!(session.tally().skipped, 10);
    assert!(press(&mut session, "u") == Step::Show && session.tally().skipped == 1);
}

#[test]
fn the_search_leads_from_question_to_question() {
    let mut session = session(&many(10));
    press(&mut session, "/operation=ContainerStop<enter><enter>");
    let topic = |session: &super::Session| session.item().unwrap().rules()[0].operation().name;
    assert_eq!(topic(&session), "ContainerStop");
    press(&mut session, "]");
    assert!(shown(&session).contains("no other open question matches"));
    press(&mut session, "/method=POST<enter><esc>");
    press(&mut session, "o/method=POST<enter><enter>");
    let first = topic(&session);
    press(&mut session, "]]]");
    assert_eq!(topic(&session), first, "three operations in a circle");
    press(&mut session, "[");
    assert_ne!(topic(&session), first);
}

#[test]
fn what_was_skipped_is_found_again_in_the_overview() {
    let mut session = session(&many(5));
    press(&mut session, "<enter>kskk<enter>");
    assert!(session.item().is_none());
    assert!(shown(&session).contains("5 of 25 rules are open"), "{}", shown(&session));
    press(&mut session, "x");
    assert!(shown(&session).contains("what was skipped is open: o shows it"));
    press(&mut session, "o<enter>");
    assert!(matches!(session.item(), Some(Item::Group { rules, .. }) if rules.len() == 5));
    assert_eq!(session.tally().skipped, 0);
    press(&mut session, "k");
    assert!(session.draft().profile().standing().is_reviewed());
}

/// Enter takes what the mark is on, and there is no mark on what is risky before it was moved there.
#[test]
fn enter_takes_what_is_marked() {
    let mut session = session(&many(2));
    press(&mut session, "<esc>");
    assert!(!shown(&session).contains("> k"));
    press(&mut session, "<enter>");
    assert_eq!(session.draft().text(), many(2));
    press(&mut session, "<down>");
    assert!(shown(&session).contains("> d"), "{}", shown(&session));
    press(&mut session, "<enter>");
    assert_eq!(session.tally().denied, 2);
}

fn accepted(profile: &Profile) -> HashSet<Rule> {
    let open: HashSet<usize> = profile.standing().open.iter().map(|open| open.place).collect();
    let allow = profile.allow.iter().enumerate();
    allow.filter(|(at, _)| !open.contains(at)).map(|(_, entry)| entry.value.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_decision_touches_what_was_shown_and_every_step_can_be_taken_back(
        keys in prop::collection::vec(any_key(), 0..60),
        (columns, rows) in prop::sample::select(vec![(80, 24), (40, 15), (120, 40)]),
    ) {
        let text = many(9);
        let mut session = session(&text);
        session.resize(columns, rows);
        let mut history: Vec<String> = Vec::new();
        // Everything that was on the screen since it last began with something else.
        let (mut seen, mut page) = (String::new(), session.page);
        for key in keys {
            if page != session.page {
                (seen, page) = (String::new(), session.page);
            }
            seen += &shown(&session);
            let before = session.draft().clone();
            let step = session.press(key);
            let now = session.draft().clone();
            if step != Step::Save {
                prop_assert_eq!(before, now);
                continue;
            }
            let is_undo = history.last().is_some_and(|last| last == now.text())
                && matches!(key, Key::Char('b' | 'u'));
            if is_undo {
                history.pop();
                continue;
            }
            history.push(before.text().to_owned());
            let known = accepted(before.profile());
            for rule in accepted(now.profile()).difference(&known).filter(|rule| !is_low(rule)) {
                let name = rule.patterns()[0].to_string();
                let mut words = seen.split(|letter: char| letter.is_whitespace() || "/:".contains(letter));
                prop_assert!(words.any(|word| word == name), "{name} was not on\n{seen}");
            }
        }
        for _ in 0..4 {
            session.press(Key::Escape);
        }
        while !shown(&session).contains("nothing to take back") {
            if session.press(Key::Char('u')) == Step::Save {
                let expected = history.pop();
                prop_assert_eq!(Some(session.draft().text()), expected.as_deref());
            }
        }
        prop_assert_eq!(session.draft().text(), &text);
        prop_assert!(history.is_empty());
    }
}
