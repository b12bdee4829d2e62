//! From drift to a decision: `check --review`.

use crate::generate::recording;
use crate::support::{World, wait_for};
use crate::tty::Tty;

const PROFILE: &str = "# ours\nversion: 1\nname: p\nallow:\n  - GET /_ping\n  - HEAD /_ping\n  \
    # the dashboard\n  - GET /containers/json   # each second\ndeny:\n  - POST /containers/*/exec\n";

/// A profile of which all is reviewed, and a recording with what it does not allow.
fn world() -> World {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    let reviewed = world.dsp(&["review", "p.yaml", "--keep", "read", "--keep", "info"]);
    assert_eq!(reviewed.status, 0, "{}", reviewed.err);
    recording(
        &world,
        "today.jsonl",
        &[
            "GET /v1.41/containers/json",
            "GET /v1.41/events",
            "POST /v1.41/containers/web/start",
            "POST /v1.41/containers/web/exec",
        ],
    );
    world
}

#[test]
fn what_is_new_is_asked_and_the_check_is_that_of_the_result() {
    let world = world();
    let before = world.read("p.yaml");
    let mut tty = Tty::watched(&world, "check p.yaml today.jsonl --review", &[]);
    tty.wait_for("[1/2]  change  POST /containers/*/start");
    tty.wait_for("q quit");
    insta::assert_snapshot!("question", tty.contents());
    assert_eq!(world.read("p.yaml"), before, "nothing is decided");
    tty.press_until("s", "[2/2]  secrets  GET /events");
    tty.press_until("k", "[done]");
    tty.wait_for("Enter end the review");
    insta::assert_snapshot!("end", tty.contents());
    let after = world.read("p.yaml");
    assert!(after.contains("  - GET /events") && !after.contains("/start"), "{after}");
    assert!(after.contains("  - GET /containers/json   # each second\n"), "{after}");
    tty.press("\r");
    let (status, finished) = tty.end(&world);
    assert_eq!(status, 3, "{}", finished.contents);
    for told in ["new-operation", "POST /containers/*/start", "denied-operation-used"] {
        assert!(finished.raw.contains(told), "{}", finished.raw);
    }
    assert!(!finished.raw.contains("GET /events is used but not allowed"), "{}", finished.raw);

    // The second time, only what was left out is asked; denied, it is not asked again.
    let mut tty = Tty::watched(&world, "check p.yaml today.jsonl --review", &[]);
    tty.wait_for("[1/1]  change  POST /containers/*/start");
    tty.press_until("d", "[done]");
    tty.press("\r");
    assert_eq!(tty.end(&world).0, 3);
    let after = world.read("p.yaml");
    assert!(after.contains("deny:\n  - POST /containers/*/exec\n  - POST /containers/*/start"));
    let again = Tty::watched(&world, "check p.yaml today.jsonl --review", &[]);
    let (status, finished) = again.end(&world);
    assert!(status == 3 && !finished.raw.contains("\x1b[?1049h"), "{}", finished.raw);
    assert_eq!(world.read("p.yaml"), after);
}

#[test]
fn line_by_line_and_interrupted() {
    let world = world();
    let mut tty = Tty::watched(&world, "check p.yaml today.jsonl --review --plain", &[]);
    tty.wait_for("[1/2]");
    wait_for("the prompt", || tty.raw().ends_with(": "));
    tty.press_until("k\r", "[2/2]");
    wait_for("the prompt", || tty.raw().ends_with(": "));
    assert!(tty.raw().contains("+   - POST /containers/*/start"), "{}", tty.raw());
    tty.press("\x03");
    let (status, finished) = tty.end(&world);
    assert_eq!(status, 130);
    assert!(!finished.raw.contains("error["), "{}", finished.raw);
    assert!(world.read("p.yaml").contains("  - POST /containers/*/start"));
}

#[test]
fn a_file_that_was_changed_meanwhile_is_offered_the_rest_again() {
    let world = world();
    let mut tty = Tty::watched(&world, "check p.yaml today.jsonl --review", &[]);
    tty.wait_for("[1/2]");
    let changed = world.read("p.yaml").replace("# ours", "# theirs");
    world.write("p.yaml", &changed);
    tty.press_until("k", "somebody else changed the file");
    assert_eq!(world.read("p.yaml"), changed);
    tty.wait_for("[1/2]  change  POST /containers/*/start");
    tty.press_until("k", "[2/2]  secrets");
    let after = world.read("p.yaml");
    assert!(after.starts_with("# theirs\n") && after.contains("/start"), "{after}");
    tty.press("q");
    assert_eq!(tty.end(&world).0, 3);
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let world = world();
    let before = world.read("p.yaml");
    let done = world.dsp(&["check", "p.yaml", "today.jsonl", "--review"]);
    assert_eq!((done.status, done.out.as_str()), (1, ""));
    insta::assert_snapshot!(done.err, @r"
    error: --review asks about each rule, and there is no terminal to ask on
      help: dsp generate --update p.yaml today.jsonl adds what is new; then decide with dsp review p.yaml --keep, --deny or --narrow
    ");
    let done = world.dsp(&["check", "builtin:monitor", "today.jsonl", "--review"]);
    assert!(done.status == 1 && done.err.contains("cannot be changed"), "{}", done.err);
    assert_eq!(world.read("p.yaml"), before);
}

#[test]
fn review_says_what_its_recording_used_and_the_profile_does_not_allow() {
    let world = world();
    let done = world.dsp(&["review", "p.yaml", "--recording", "today.jsonl"]);
    assert_eq!(done.status, 0);
    insta::assert_snapshot!(done.err, @r"
    dsp: p.yaml is reviewed (3 rules); nothing is open
    warning: today.jsonl used something that p.yaml does not allow
      help: dsp check p.yaml today.jsonl --review asks about it
    ");
}

#[test]
fn a_finding_is_accepted_with_a_reason() {
    let world = world();
    let accept = |arguments: &[&str]| {
        let recorded = ["--recording", "today.jsonl"];
        world.dsp(&[&["accept", "p.yaml"], arguments, &recorded[..]].concat())
    };
    let before = world.read("p.yaml");
    let wrong = accept(&["GET /events", "GET /event", "--because", "x"]);
    assert_eq!((wrong.status, wrong.out.as_str()), (1, ""));
    insta::assert_snapshot!(wrong.err, @r"
    error: there is no finding GET /event; did you mean GET /events?
      help: dsp check p.yaml today.jsonl shows the findings
    ");
    assert_eq!(world.read("p.yaml"), before, "all or nothing");
    assert_eq!(accept(&["unreviewed", "--because", "x"]).status, 1);
    assert_eq!(accept(&["GET /events", "--because", " "]).status, 2);

    let done = accept(&["GET /events", "denied-operation-used", "--because", "known: \"for now\""]);
    assert_eq!(done.status, 0, "{}", done.err);
    insta::assert_snapshot!(done.err, @r"
    dsp: p.yaml: accepted new-operation GET /events
    dsp: p.yaml: accepted denied-operation-used POST /containers/web/exec
    ");
    let after = world.read("p.yaml");
    assert!(after.contains("  - GET /containers/json   # each second\n"), "{after}");
    assert!(
        after.contains("accept:\n  - code: new-operation\n    rule: \"GET /events\"\n"),
        "{after}"
    );
    let checked = world.dsp(&["check", "p.yaml", "today.jsonl"]).out;
    assert!(checked.contains("2 accepted") && !checked.contains("unreviewed"), "{checked}");
    let again = accept(&["new-operation GET /events", "--because", "known: \"for now\""]);
    assert!(again.status == 0 && again.err.contains("is accepted already"), "{}", again.err);
    assert_eq!(world.read("p.yaml"), after);
    let until = accept(&["GET /events", "--because", "longer", "--until", "2999-01-31"]);
    assert!(until.err.contains("changed the entry for"), "{}", until.err);
    assert!(world.read("p.yaml").contains("    reason: \"longer\"\n    until: 2999-01-31\n"));
}
