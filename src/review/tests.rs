//! Whole reviews, key by key, with every screen.

use proptest::prelude::*;

use super::{Draft, Leaving, Session, Step, View};
use crate::api::EngineKind;
use crate::learn::{Evidence, Gathering};
use crate::profile::{Diff, Profile, parse};
use crate::terminal::Key;

const TEXT: &str = "# docker: 12 operations, highest risk: root\nversion: 1\nname: ci\nallow:\n  \
    - HEAD /_ping\n  - GET /_ping\n  - POST /containers/create\n  - GET /containers/json\n  \
    - POST /containers/*/exec  # 3 containers\n  - GET /containers/*/json\n  - GET /containers/*/logs\n  \
    - POST /containers/*/start  # only ours\n  - GET /containers/*/stats\n  - GET /events\n  - GET /info\n  \
    - GET /volumes\nunknown:\n  - GET /vendor/health\n";

/// A recording: which client requested what, and the answer.
const RECORDED: [(&str, &str, &str, u16); 16] = [
    ("docker/28", "HEAD", "/_ping", 200),
    ("docker/28", "POST", "/v1.41/containers/create", 201),
    ("docker/28", "POST", "/v1.41/containers/create", 409),
    ("docker/28", "GET", "/v1.41/containers/json", 200),
    ("docker/28", "POST", "/v1.41/containers/ci-db/exec", 201),
    ("docker/28", "POST", "/v1.41/containers/ci-web/exec", 201),
    ("compose/2", "POST", "/v1.41/containers/ci-web-1/exec", 409),
    ("docker/28", "GET", "/v1.41/containers/web/json", 200),
    ("docker/28", "GET", "/v1.41/containers/\u{202e}evil/json", 404),
    (
        "docker/28",
        "GET",
        "/v1.41/containers/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/logs",
        200,
    ),
    ("docker/28", "POST", "/v1.41/containers/ci-db/start", 204),
    ("docker/28", "GET", "/v1.41/containers/ci-db/stats", 200),
    ("docker/28", "GET", "/v1.41/events", 200),
    ("docker/28", "GET", "/v1.41/info", 200),
    ("docker/28", "GET", "/v1.41/volumes", 200),
    ("docker/28", "GET", "/vendor/health", 200),
];

fn evidence() -> Evidence {
    let mut gathering = Gathering::default();
    let mut absorb = |line: serde_json::Value| {
        gathering.absorb(serde_json::from_value(line).unwrap());
    };
    let time = "2026-01-01T00:00:00Z";
    for session in ["a", "b"] {
        absorb(serde_json::json!({ "session": {
            "version": 1, "id": session, "start": time, "dsp": "0.1.0", "command": ["make", "test"],
        }}));
    }
    for ((agent, method, path, status), seq) in RECORDED.iter().zip(1..) {
        absorb(serde_json::json!({ "request": {
            "session": "a", "seq": seq, "time": time, "connection": 1, "method": method,
            "path": path, "agent": agent,
        }}));
        absorb(serde_json::json!({ "response": {
            "session": "a", "seq": seq, "status": status, "milliseconds": 1, "received": 0,
            "sent": 0,
        }}));
    }
    gathering.finish(EngineKind::Docker)
}

fn draft(text: &str) -> Draft {
    Draft::new(text.to_owned(), parse(text).unwrap())
}

/// A review and its view.
pub(super) struct Shown {
    session: Session,
    view: View,
    size: (usize, usize),
}

impl Shown {
    fn new(session: Session) -> Self {
        Self { session, view: View::new(80, 24), size: (80, 24) }
    }

    pub(super) fn resize(&mut self, columns: usize, rows: usize) {
        self.view.resize(columns, rows);
        self.size = (columns, rows);
    }

    pub(super) fn press(&mut self, key: Key) -> Step {
        self.view.press(&mut self.session, key)
    }
}

impl std::ops::Deref for Shown {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

pub(super) fn session(text: &str) -> Shown {
    Shown::new(Session::new("ci.yaml".to_owned(), draft(text), Some(evidence())))
}

/// Presses keys: one character each, with other keys as names between `<` and `>`.
pub(super) fn press(session: &mut Shown, keys: &str) -> Step {
    let mut last = Step::Show;
    let mut rest = keys;
    while let Some(letter) = rest.chars().next() {
        let (key, length) = match rest.strip_prefix('<').and_then(|named| named.split_once('>')) {
            Some((name, _)) => (named(name), name.len() + 2),
            None => (Key::Char(letter), letter.len_utf8()),
        };
        last = session.press(key);
        rest = &rest[length..];
    }
    last
}

fn named(name: &str) -> Key {
    match name {
        "enter" => Key::Enter,
        "esc" => Key::Escape,
        "up" => Key::Up,
        "down" => Key::Down,
        "home" => Key::Home,
        "end" => Key::End,
        "pgdn" => Key::PageDown,
        "pgup" => Key::PageUp,
        "clear" => Key::Clear,
        "ctrl-c" => Key::Interrupt,
        "ctrl-z" => Key::Suspend,
        other => panic!("no key is called {other}"),
    }
}

/// The screen as text, with the position of the cursor below it.
pub(super) fn shown(session: &Shown) -> String {
    let screen = session.view.screen(session);
    let (columns, rows) = session.size;
    assert!(screen.lines.len() <= rows, "{} lines in {rows}", screen.lines.len());
    let lines: Vec<String> =
        screen.lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
    for line in &lines {
        assert!(textwrap::core::display_width(line) <= columns, "wider than {columns}: {line}");
        assert!(!line.contains(['\u{1b}', '\u{202e}', '\n']), "{line:?}");
    }
    let cursor = screen.cursor.map(|(column, row)| format!("\n(cursor at {column}, {row})"));
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
        + &cursor.unwrap_or_default()
}

fn after(keys: &str) -> String {
    let mut session = session(TEXT);
    press(&mut session, keys);
    shown(&session)
}

/// The text without the parts that differ each time something is kept.
fn without_digest(session: &Session) -> String {
    let lines = session.draft().text().lines();
    lines.filter(|line| !line.contains("digest:")).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_screen() {
    insta::assert_snapshot!("a_rule", after(""));
    insta::assert_snapshot!("a_rule_the_effect_of_deny", after("k<down>"));
    insta::assert_snapshot!("a_rule_the_effect_of_names", after("k<down><down>"));
    insta::assert_snapshot!("a_rule_the_effect_of_a_pattern", after("k<down><down><down>"));
    insta::assert_snapshot!("a_rule_explained", after("ke"));
    insta::assert_snapshot!("a_pattern_typed", after("kg"));
    insta::assert_snapshot!("a_pattern_refused", after("kg<clear>ci-web*<enter>"));
    insta::assert_snapshot!("a_pattern_proposed", after("kg<enter>"));
    insta::assert_snapshot!("a_comment_typed", after("kkkc<clear>who starts it?"));
    insta::assert_snapshot!("an_unknown_request", after("kk"));
    insta::assert_snapshot!("a_secret_of_a_strange_name", after("kkkk"));
    insta::assert_snapshot!("ids", after("kkkkk"));
    insta::assert_snapshot!("a_section", after("kkkkkkkk"));
    insta::assert_snapshot!("a_section_explained", after("kkkkkkkke"));
    insta::assert_snapshot!("a_section_one_by_one", after("kkkkkkkkl"));
    insta::assert_snapshot!("enter_decides_nothing", after("<enter>"));
    insta::assert_snapshot!("taken_back", after("kdb"));
    insta::assert_snapshot!("the_end", after("kdkkkkkk<enter><enter>"));
    insta::assert_snapshot!("the_end_with_something_skipped", after("sdksssss<enter><enter>"));
}

#[test]
fn a_screen_of_any_size() {
    let sized = |keys: &str, columns, rows| {
        let mut session = session(TEXT);
        session.resize(columns, rows);
        press(&mut session, keys);
        shown(&session)
    };
    insta::assert_snapshot!("narrow", sized("k", 40, 24));
    insta::assert_snapshot!("narrow_section", sized("kkkkkkkk", 40, 24));
    insta::assert_snapshot!("wide", sized("k", 120, 30));
    insta::assert_snapshot!("low", sized("k", 80, 12));
    insta::assert_snapshot!("low_scrolled", sized("k<pgdn>", 80, 12));
    insta::assert_snapshot!("tiny", sized("k", 20, 5));
}

#[test]
fn the_colours() {
    let mut session = session(TEXT);
    press(&mut session, "k<down>");
    let lines = session.view.screen(&session).lines.join("\n").replace('\u{1b}', "^");
    insta::assert_snapshot!(lines);
}

#[test]
fn without_a_recording_it_says_so() {
    let mut session = Shown::new(Session::new("ci.yaml".to_owned(), draft(TEXT), None));
    press(&mut session, "kn");
    insta::assert_snapshot!(shown(&session));
    press(&mut session, "gci-*<enter>");
    insta::assert_snapshot!("a_pattern_without_a_recording", shown(&session));
}

#[test]
fn a_review_from_its_beginning_to_its_end() {
    let mut session = session(TEXT);
    let steps = [
        ("k", Step::Save),
        // Enter ends the line but does not accept the rule; another key does.
        ("g", Step::Show),
        ("<enter>", Step::Show),
        ("<enter>", Step::Show),
        ("y", Step::Save),
        ("d", Step::Save),
        ("c", Step::Show),
        ("<clear>ours<enter>", Step::Save),
        ("n", Step::Save),
        ("d", Step::Save),
        ("k", Step::Save),
        ("k", Step::Save),
        ("k", Step::Save),
        ("<enter>", Step::Save),
        ("l", Step::Show),
        ("<enter>", Step::Save),
        ("<enter>", Step::Save),
        ("k", Step::Save),
    ];
    for (keys, step) in steps {
        assert_eq!(press(&mut session, keys), step, "{keys}\n{}", shown(&session));
    }
    while session.item().is_some() {
        press(&mut session, "k");
    }
    insta::assert_snapshot!(without_digest(&session));
    assert!(session.draft().profile().standing().is_reviewed());
    assert_eq!(press(&mut session, "x"), Step::Show);
    assert_eq!(press(&mut session, "<enter>"), Step::Leave(Leaving::Ended));
}

#[test]
fn enter_never_accepts_what_is_risky() {
    let mut session = session(TEXT);
    let mut asked = 0;
    while let Some(item) = session.item().cloned() {
        let before = session.draft().clone();
        if !item.is_low() {
            assert_eq!(press(&mut session, "<enter>"), Step::Show);
            assert_eq!(*session.draft(), before, "{item:?}");
            asked += 1;
        }
        press(&mut session, "k");
    }
    assert_eq!(asked, 8);
}

#[test]
fn back_takes_answers_back_until_the_beginning() {
    let mut session = session(TEXT);
    press(&mut session, "kdkc<clear>x<enter>ns");
    assert_eq!(session.tally().skipped, 1);
    let steps = [Step::Show, Step::Save, Step::Save, Step::Save, Step::Save, Step::Save];
    for step in steps {
        assert_eq!(press(&mut session, "b"), step, "{}", shown(&session));
    }
    assert_eq!(session.draft().text(), TEXT);
    assert_eq!(press(&mut session, "b"), Step::Show);
    assert!(shown(&session).contains("there is nothing to take back"));
    assert_eq!(session.tally(), super::Tally::default());
}

#[test]
fn what_was_decided_is_not_asked_again() {
    let mut first = session(TEXT);
    press(&mut first, "kdk");
    let text = first.draft().text().to_owned();
    let second = session(&text);
    assert_eq!(second.item(), first.item());
    assert_eq!(second.position().0, 1);
    let reviewed = text.replace("  root:\n", "  change:\n");
    insta::assert_snapshot!("a_risk_that_rose", shown(&session(&reviewed)));
}

#[test]
fn what_changed_beside_the_rules_is_asked_last() {
    let mut reviewed = session(&TEXT.replace("name: ci\n", "name: ci\nmin_api: \"1.40\"\n"));
    while reviewed.item().is_some() {
        press(&mut reviewed, "k");
    }
    let text = reviewed.draft().text().replace("\nmin_api: \"1.40\"", "\nmin_api: \"1.30\"");
    let mut session = session(&text);
    insta::assert_snapshot!("the_rest", shown(&session));
    assert_eq!(press(&mut session, "<enter>"), Step::Show);
    assert!(session.draft().profile().standing().is_changed());
    assert_eq!(press(&mut session, "k"), Step::Save);
    assert!(session.draft().profile().standing().is_reviewed());
}

#[test]
fn a_file_that_somebody_else_changed_is_read_anew() {
    let mut session = session(TEXT);
    press(&mut session, "kd");
    session
        .session
        .begin_again(draft(&TEXT.replace("  - GET /vendor/health\n", "  - GET /vendor/x\n")));
    insta::assert_snapshot!("begun_again", shown(&session));
    assert_eq!(press(&mut session, "b"), Step::Show, "there is nothing to take back any more");
}

#[test]
fn it_can_be_left_anywhere() {
    for keys in ["", "e", "c", "kg", "kg<enter>", "kkkkkkk", "ssssssssssss"] {
        let mut session = session(TEXT);
        press(&mut session, keys);
        assert_eq!(press(&mut session, "<ctrl-z>"), Step::Suspend, "{keys}");
        assert_eq!(press(&mut session, "<ctrl-c>"), Step::Leave(Leaving::Interrupted), "{keys}");
    }
    assert_eq!(press(&mut session(TEXT), "q"), Step::Leave(Leaving::Ended));
}

pub(super) fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        8 => prop::sample::select("kdngceslbuqyKDSo/?[]* -".chars().collect::<Vec<_>>()).prop_map(Key::Char),
        1 => any::<char>().prop_map(Key::Char),
        4 => prop::sample::select(vec![
            Key::Enter, Key::Escape, Key::Backspace, Key::Delete, Key::Left, Key::Right, Key::Up,
            Key::Down, Key::Home, Key::Pasted('k'), Key::End, Key::PageUp, Key::PageDown, Key::Clear, Key::Other,
        ]),
    ]
}

/// Output line by line says as much about each question as the screens do, and marks no answer.
#[test]
fn each_question_line_by_line() {
    let mut session = session(TEXT);
    let mut told = Vec::new();
    for keys in ["", "k", "g", "<enter>", "y", "k", "kkkkkk", "e", "x"] {
        press(&mut session, keys);
        let lines = [super::message(&session, 72), super::lines(&session, 72)].concat();
        let lines = lines.iter().map(|line| anstream::adapter::strip_str(line).to_string());
        let keys: Vec<&str> = super::keys(&session).iter().map(|(key, _)| *key).collect();
        told.push(format!("{}\n({})", lines.collect::<Vec<_>>().join("\n"), keys.join(" ")));
    }
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn what_is_pasted_answers_nothing() {
    let mut session = session(TEXT);
    assert_eq!(session.press(Key::Pasted('k')), Step::Show);
    assert_eq!(session.draft().text(), TEXT);
    assert!(shown(&session).contains("pasted text is not an answer"));
    press(&mut session, "kg<clear>");
    for letter in "ci-* ".chars() {
        session.press(Key::Pasted(letter));
    }
    assert!(shown(&session).contains("pattern: ci-*"), "{}", shown(&session));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_keys_widen_a_profile_or_break_a_screen(
        keys in prop::collection::vec(any_key(), 0..40),
        columns in 1..140_usize,
        rows in 1..50_usize,
    ) {
        let mut session = session(TEXT);
        session.resize(columns, rows);
        let start: Profile = parse(TEXT).unwrap();
        for key in keys {
            let before = session.draft().clone();
            let step = session.press(key);
            prop_assert!(step == Step::Save || *session.draft() == before);
            prop_assert!(!Diff::of(&start, session.draft().profile()).widens());
            prop_assert_eq!(&parse(session.draft().text()).unwrap(), session.draft().profile());
            shown(&session);
        }
    }
}

/// A warning about what a narrowing or a denial does not cover is shown along with its change.
#[test]
fn what_a_name_does_not_hold_is_shown() {
    let text = "version: 1\nname: x\nallow:\n  - DELETE /containers/db\n  - GET /containers/keep/json\n  \
                - GET /containers/*/json\n";
    let mut session = session(text);
    let said = "careful    DELETE /containers/db also matches any container";
    assert!(shown(&session).contains(said), "{}", shown(&session));
    press(&mut session, "k");
    // Next is GET /containers/keep/json, which is denied while the rule for all names stays allowed.
    assert!(!shown(&session).contains("careful"), "{}", shown(&session));
    press(&mut session, "<down>");
    let said = "careful    GET /containers/keep/json is denied, but";
    assert!(shown(&session).contains(said), "{}", shown(&session));
}
