use rustix::process::Signal;

use crate::generate::recording;
use crate::support::World;
use crate::tty::Tty;

/// A recording with two unknown operations, and a profile that a person has reviewed.
fn world() -> World {
    let world = World::without_engine();
    recording(
        &world,
        "recording.jsonl",
        &[
            "GET /v1.41/info",
            "GET /vendor/health",
            "POST /vendor/reset",
            "GET /v1.41/containers/json",
        ],
    );
    world.write("ci.yaml", "version: 1\nname: ci\nallow:\n  - GET /info  # ours\n");
    world
}

/// An audit log: each request, and whether it was denied.
fn audit_log(world: &World, requests: &[(&str, bool)]) {
    recording(world, "audit.jsonl", &requests.iter().map(|(line, _)| *line).collect::<Vec<_>>());
    let text = world.read("audit.jsonl");
    let mut denied = requests.iter().map(|(_, denied)| *denied);
    let lines =
        text.lines().map(|line| match line.contains("\"request\"") && denied.next().unwrap() {
            true => line.replacen("\"path\"", "\"denied\":\"dsp: not allowed\",\"path\"", 1),
            false => line.to_owned(),
        });
    let text = lines.map(|line| line + "\n").collect::<String>();
    world.write("audit.jsonl", &text);
}

const UPDATED: &str =
    "version: 1\nname: ci\nallow:\n  - GET /containers/json\n  - GET /info  # ours\n";

#[test]
fn a_profile_that_exists_is_updated_or_replaced_or_left_alone_as_the_person_says() {
    let ask = |keys: &str| {
        let world = world();
        let mut tty = Tty::watched(&world, "generate -o ci.yaml", &[]);
        tty.wait_for("> update it: add what is new, keep what people decided");
        tty.press(keys);
        // The question about unknown operations follows; none is chosen.
        if !keys.contains("\x1b[A") && !keys.contains('q') {
            tty.press_until("", "unknown requests to allow");
            tty.press("\r");
        }
        let (status, finished) = tty.end(&world);
        (status, world.read("ci.yaml"), finished.contents)
    };
    let (status, text, contents) = ask("\r");
    assert_eq!((status, text.as_str()), (3, UPDATED), "{contents}");
    let (status, text, _) = ask("\x1b[B\x1b[B\r");
    assert!(status == 3 && text.contains("name: ci\n") && !text.contains("ours"), "{text}");
    let before = world().read("ci.yaml");
    for keys in ["\x1b[A\r", "q"] {
        let (status, text, contents) = ask(keys);
        assert_eq!((status, text.as_str()), (1, before.as_str()));
        assert!(
            contents.contains("add to it with --update, replace it with --replace"),
            "{contents}"
        );
    }
}

#[test]
fn another_name_is_asked_for_until_nothing_is_there() {
    let world = world();
    world.write("other.yaml", "not a profile");
    let mut tty = Tty::watched(&world, "generate -o ci.yaml --accept-unknown", &[]);
    tty.wait_for("> update it");
    tty.press_until("\x1b[B\r", "write to: ci.yaml");
    tty.press_until(&("\x7f".repeat(7) + "other.yaml\r"), "other.yaml exists");
    // A file that is not a profile is neither updated nor replaced.
    tty.wait_for("> write to another file");
    assert!(!tty.contents().contains("  replace it"), "{}", tty.contents());
    tty.press_until("\r", "write to: other.yaml");
    tty.press(&("\x7f".repeat(10) + "new.yaml\r"));
    let (status, finished) = tty.end(&world);
    assert_eq!(status, 0, "{}", finished.contents);
    assert!(world.read("new.yaml").contains("name: new\n"));
    assert_eq!(world.read("other.yaml"), "not a profile");
}

#[test]
fn an_option_replaces_a_profile_and_nothing_else() {
    let world = world();
    let done = world.dsp(&["generate", "-o", "ci.yaml", "--replace", "--accept-unknown"]);
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(world.read("ci.yaml").contains("  - POST /vendor/reset\n"));
    let done = world.dsp(&["generate", "-o", "fresh.yaml", "--replace", "--accept-unknown"]);
    assert_eq!(done.status, 0, "{}", done.err);
    let recorded = world.read("recording.jsonl");
    let done = world.dsp(&["generate", "-o", "recording.jsonl", "--replace"]);
    assert_eq!((done.status, world.read("recording.jsonl")), (1, recorded));
    assert_eq!(world.dsp(&["generate", "--replace"]).status, 2, "of what?");
}

#[test]
fn a_person_chooses_among_unknown_operations() {
    let world = world();
    let mut tty = Tty::watched(&world, "generate -o new.yaml", &[]);
    tty.wait_for("unknown requests to allow");
    insta::assert_snapshot!("unknown_requests", tty.contents());
    tty.press("\x1b[B \r");
    let (status, finished) = tty.end(&world);
    assert_eq!(status, 3, "one of them is left out");
    assert!(
        finished.contents.contains("warning: GET /vendor/health is not"),
        "{}",
        finished.contents
    );
    assert!(world.read("new.yaml").ends_with("unknown:\n  - POST /vendor/reset\n"));

    // The same from a script.
    let done = world.dsp(&["generate", "--accept-unknown=POST /vendor/reset", "-o", "s.yaml"]);
    assert_eq!(done.status, 3, "{}", done.err);
    assert_eq!(
        world.read("s.yaml").replace("name: s", "name: new").lines().skip(2).collect::<Vec<_>>(),
        world.read("new.yaml").lines().skip(2).collect::<Vec<_>>()
    );
    let done = world.dsp(&["generate", "--accept-unknown=POST /vendor/rest"]);
    insta::assert_snapshot!(done.err, @"error: --accept-unknown=POST /vendor/rest: no such request was recorded; did you mean POST /vendor/reset?");
    assert_eq!(done.status, 1);
}

#[test]
fn a_person_chooses_among_denied_requests() {
    let world = World::without_engine();
    audit_log(
        &world,
        &[
            ("GET /v1.41/info", false),
            ("POST /v1.41/containers/web/exec", true),
            ("POST /v1.41/containers/web/stop", true),
            ("GET /v1.41/info", true),
        ],
    );
    let mut tty = Tty::watched(&world, "generate audit.jsonl -o new.yaml", &[]);
    // The screen is drawn line by line, and this is the last one.
    tty.wait_for("POST /containers/web/stop");
    insta::assert_snapshot!("denied_requests", tty.contents());
    tty.press("\x1b[B\x1b[B \r");
    let (status, finished) = tty.end(&world);
    assert_eq!(status, 0);
    assert!(
        finished.contents.contains("left out 2 requests that enforce denied"),
        "{}",
        finished.contents
    );
    let rules = |name: &str| world.read(name).split("allow:\n").nth(1).unwrap().to_owned();
    assert_eq!(rules("new.yaml"), "  - POST /containers/*/stop  # 1 container\n  - GET /info\n");

    let one = ["generate", "audit.jsonl", "--denied=POST /containers/web/stop", "-o", "one.yaml"];
    assert_eq!(world.dsp(&one).status, 0);
    assert_eq!(rules("one.yaml"), rules("new.yaml"));
    let all = world.dsp(&["generate", "audit.jsonl", "--denied"]);
    assert!(all.out.contains("/exec") && all.out.contains("/stop"), "{}", all.out);
    assert!(!all.err.contains("left out"), "{}", all.err);
}

#[test]
fn enforce_without_a_profile_offers_those_of_dsp() {
    let world = World::sample();
    let mut tty = Tty::watched(&world, "enforce -- sh -c \"echo it ran\"", &[]);
    tty.wait_for("profile (type to search):");
    tty.press_until("monit", "> monitor");
    tty.press("\r");
    let (status, finished) = tty.end(&world);
    assert_eq!(status, 0, "{}", finished.contents);
    assert!(finished.contents.contains("builtin:monitor") && finished.contents.contains("it ran"));

    for keys in ["\x1b", "\x03"] {
        let mut tty = Tty::watched(&world, "enforce -- sh -c \"echo it ran\"", &[]);
        tty.wait_for("profile (type to search):");
        tty.press(keys);
        let (status, finished) = tty.end(&world);
        assert_eq!(status, if keys == "\x03" { 130 } else { 2 });
        assert!(!finished.contents.contains("it ran"), "{}", finished.contents);
    }
}

/// The questions: a command line of dsp, and the text that shows that it asks.
const QUESTIONS: [(&str, &str, &str); 4] = [
    ("generate -o ci.yaml", "> update it", ""),
    ("generate -o ci.yaml", "write to: ci.yaml", "\x1b[B\r"),
    ("generate", "unknown requests to allow", ""),
    ("enforce", "profile (type to search):", ""),
];

#[test]
fn ctrl_c_and_signals_end_a_question_and_leave_the_terminal_as_it_was() {
    let world = world();
    let before = world.read("ci.yaml");
    for (line, asked, keys) in QUESTIONS {
        for term in ["xterm", "dumb"] {
            let signals = [
                (None, 130),
                (Some(Signal::INT), 130),
                (Some(Signal::TERM), 143),
                (Some(Signal::HUP), 129),
            ];
            for (signal, expected) in signals {
                let mut tty = Tty::watched(&world, line, &[("TERM", term)]);
                if term == "dumb" {
                    tty.wait_for("or Enter");
                } else {
                    if !keys.is_empty() {
                        tty.press_until(keys, "");
                    }
                    tty.wait_for(asked);
                }
                match signal {
                    None => tty.press("\x03"),
                    Some(signal) => Tty::signal(&world, signal),
                }
                let (status, finished) = tty.end(&world);
                assert_eq!(status, expected, "{line} {term} {signal:?}: {}", finished.contents);
                assert!(!finished.contents.contains("error:"), "{}", finished.contents);
            }
        }
    }
    assert_eq!(world.read("ci.yaml"), before);
}

#[test]
fn nothing_is_asked_without_a_terminal_at_both_ends_or_of_somebody_who_wants_quiet() {
    let world = world();
    let lines = [
        ("generate -o ci.yaml </dev/null", 1),
        ("generate -o ci.yaml 2>said", 1),
        ("-q generate -o ci.yaml", 1),
        ("generate -q", 3),
        ("generate </dev/null", 3),
        ("enforce </dev/null", 2),
        ("enforce -q", 2),
        ("enforce -q -- true", 2),
    ];
    for (line, expected) in lines {
        let (status, finished) = Tty::watched(&world, line, &[]).end(&world);
        assert_eq!(status, expected, "{line}: {}", finished.contents);
        assert!(!finished.raw.contains("\x1b[?25l"), "{line}: {}", finished.contents);
    }
    let refused = world.dsp(&["enforce"]);
    assert!(refused.err.contains("tip: dsp profiles lists those"), "{}", refused.err);
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_numbers() {
    let world = world();
    let dumb = [("TERM", "dumb")];
    let mut tty = Tty::watched(&world, "generate -o ci.yaml", &dumb);
    tty.wait_for("ci.yaml exists (type a number, or Enter to stop): ");
    tty.press_until("1\r", "unknown requests to allow (type numbers, or Enter for none): ");
    tty.press("2\r");
    let (status, finished) = tty.end(&world);
    assert_eq!(status, 3);
    assert!(!finished.raw.contains('\x1b'), "{:?}", finished.raw);
    insta::assert_snapshot!("on_a_dumb_terminal", finished.contents);
    assert_eq!(world.read("ci.yaml"), format!("{UPDATED}unknown:\n  - POST /vendor/reset\n"));
}
