//! `dsp review`, in a real pseudo-terminal and without one.

use rustix::process::Signal;

use crate::support::{World, exchange, wait_for};
use crate::tty::Tty;

/// A recording of `docker run` and `docker exec`, and its profile.
fn world() -> World {
    let world = World::without_engine();
    let fixture = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
        std::fs::read_to_string(format!("{folder}/{name}.jsonl")).unwrap()
    };
    world.write("recording.jsonl", &(fixture("run-rm") + &fixture("exec")));
    assert_eq!(world.dsp(&["generate", "-o", "ci.yaml"]).status, 0);
    world
}

fn review(world: &World) -> Tty {
    let tty = Tty::watched(world, "review ci.yaml", &[]);
    tty.wait_for("q quit");
    tty
}

fn without_digest(text: &str) -> String {
    text.lines().filter(|line| !line.contains("digest:")).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_key_does_what_the_screen_says() {
    let world = world();
    let mut tty = review(&world);
    wait_for("the screen", || tty.has_other_screen() && !tty.has_cursor());
    insta::assert_snapshot!("first_screen", tty.contents());

    tty.press_until("\r", "Enter decides nothing here");
    tty.press_until("x", "x means nothing here");
    tty.press_until("n", "n: it has no name that could be narrowed");
    tty.press_until("e", "HostConfig.Privileged");
    tty.press_until("e", "  k  keep it as it is");
    tty.press_until("?", "[keys]  what they do");
    tty.press_until("\x1b[6~", "the same as u");
    tty.press_until("\x1b", "  k  keep it as it is");
    tty.press_until("\x1b[B", "> d  deny it");
    tty.press_until("\x1b[A", "> k  keep");
    tty.press_until("c", "comment: ");
    wait_for("the cursor", || tty.has_cursor());
    tty.press_until("as we know\x1b[D\x1b[Dx\x7f", "+   - POST /containers/create    # as we know");
    tty.press_until("\r", "comment    as we know");
    tty.press_until("k", "[2/9]");
    assert!(world.read("ci.yaml").contains("  root:\n    - POST /containers/create\n"), "saved");
    tty.press_until("u", "taken back: POST /containers/create was kept");
    assert!(!world.read("ci.yaml").contains("reviewed:"), "taken back in the file too");
    tty.press_until("k", "[2/9]  root  POST /containers/*/attach");
    tty.press_until("s", "[3/9]  root  POST /containers/*/exec");

    tty.press_until("g", "pattern: ");
    tty.press_until("web-*", "it misses 1 of the 1 names seen: fixture-exec");
    tty.press_until("\r", "this pattern is not accepted");
    tty.press_until("\x15fixture-*\r", "Narrow it to POST /containers/fixture-*/exec?");
    tty.press_until("\x1b", "  k  keep it as it is");
    tty.press_until("gfixture-*\r", "Narrow it to POST /containers/fixture-*/exec?");
    tty.press_until("y", "[4/9]  root  POST /exec/*/start");
    tty.press_until("d", "[5/9]  change  POST /containers/*/start");
    tty.press_until("n", "n: the names seen are IDs");
    tty.press_until("k", "[6/9]  secrets  GET /containers/*/json");
    tty.press_until("n", "[7/9]  secrets  GET /exec/*/json");
    tty.press_until("k", "[8/9]  read  POST /containers/*/wait");
    tty.press_until("\r", "[9/9]  System: 2 rules that only read");
    tty.press_until("l", "[9/10]  info  HEAD /_ping");
    tty.press_until("\r", "[10/10]  info  GET /_ping");
    tty.press_until("\r", "Enter end the review");
    tty.wait_for("[done]");
    insta::assert_snapshot!("last_screen", tty.contents());
    tty.press("\r");
    let (status, finished) = tty.end(&world);
    assert_eq!(status, 3, "something was skipped");
    insta::assert_snapshot!("what_is_left_on_the_terminal", finished.contents);
    insta::assert_snapshot!("the_profile", without_digest(&world.read("ci.yaml")));
    let again = world.dsp(&["review", "ci.yaml", "--keep", "POST /containers/*/attach"]);
    assert_eq!((again.status, again.err.as_str()), (0, "dsp: ci.yaml is reviewed (9 rules)\n"));
}

/// Five operations with sixty names each, by their overview: few keys, and each is saved at once.
#[test]
fn many_rules_are_reviewed_with_few_keys() {
    let world = World::without_engine();
    let ends = ["POST exec", "POST start", "POST stop", "GET json", "GET stats"];
    let rules = ends.iter().flat_map(|operation| {
        let (method, end) = operation.split_once(' ').unwrap();
        (1..=60).map(move |number| format!("  - {method} /containers/worker-{number}/{end}\n"))
    });
    let text = format!("version: 1\nname: ci\nallow:\n{}", rules.collect::<String>());
    world.write("ci.yaml", &text);
    let mut tty = Tty::watched(&world, "review ci.yaml", &[("NO_COLOR", "1")]);
    tty.wait_for("[overview]  ci.yaml: nobody has reviewed 300 rules");
    tty.press_until("/", "search: ");
    tty.press_until("stop\r", "those that match \"stop\"");
    tty.press_until("\r", "change  POST /containers/*/stop: 60 rules");
    tty.press_until("d", "60 rules of POST /containers/*/stop were denied; u takes it back");
    assert_eq!(
        world.read("ci.yaml").matches("deny:\n  - POST /containers/worker-1/stop").count(),
        1
    );
    tty.press_until("u", "taken back: 60 rules");
    assert_eq!(world.read("ci.yaml"), text, "taken back in the file, byte for byte");
    tty.press_until("o", "[overview]");
    tty.press_until("\x1b", "Container, what only reads");
    tty.press_until("\x1b[H", "> root");
    tty.press_until("\r", "root  POST /containers/*/exec: 60 rules");
    for next in ["POST /containers/*/start", "POST /containers/*/stop", "GET /containers/*/json"] {
        tty.press_until("\x1b[6~", "PgUp");
        tty.press_until("k", &format!("{next}: 60 rules"));
    }
    tty.press_until("\x1b[6~", "PgUp");
    tty.press_until("k", "Container: 60 rules that only read");
    tty.press_until("\r", "[done]");
    tty.press("\r");
    assert_eq!(tty.end(&world).0, 0);
    let done = world.dsp(&["review", "ci.yaml"]);
    assert_eq!(done.err, "dsp: ci.yaml is reviewed (300 rules); nothing is open\n");
}

/// Line by line, a number opens a row of the overview.
#[test]
fn many_rules_are_reviewed_line_by_line() {
    let world = World::without_engine();
    let rule = |number| format!("  - POST /containers/worker-{number}/stop\n");
    let rules: String = (1..=30).map(rule).collect();
    let text = format!("version: 1\nname: ci\nallow:\n{rules}  - GET /info\n");
    world.write("ci.yaml", &text);
    let mut tty = Tty::watched(&world, "review --plain ci.yaml", &[("NO_COLOR", "1")]);
    tty.wait_for("A number shows the question of a row");
    tty.press_until("2\r", "read  GET /info");
    tty.press_until("o\r", "what only reads");
    tty.press_until("1\r", "names      30 names:");
    tty.press_until("k\r", "30 rules of POST /containers/*/stop were kept; u takes it back");
    tty.press_until("u\r", "taken back: 30 rules");
    assert_eq!(world.read("ci.yaml"), text);
    tty.press("q\r");
    assert_eq!(tty.end(&world).0, 3);
}

#[test]
fn an_interrupted_review_continues_where_it_stopped() {
    let world = world();
    let mut tty = review(&world);
    tty.press_until("k", "[2/9]  root  POST /containers/*/attach");
    tty.press("\x03");
    let (status, finished) = tty.end(&world);
    assert_eq!(status, 130);
    assert!(finished.contents.contains("dsp: ci.yaml: 1 kept; 9 of 10 rules are open"));

    // While a line is being typed, and killed without a chance to clean up.
    let mut tty = review(&world);
    tty.press_until("s", "[2/8]  root  POST /containers/*/exec");
    tty.press_until("d", "[3/8]  root  POST /exec/*/start");
    tty.press_until("gabc", "pattern: abc");
    Tty::signal(&world, Signal::KILL);
    drop(tty.wait());
    let decided = world.read("ci.yaml");
    assert!(decided.contains("deny:\n  - POST /containers/*/exec"), "{decided}");

    let mut tty = review(&world);
    tty.wait_for("[1/7]  root  POST /containers/*/attach");
    tty.press_until("c", "comment: ");
    tty.press_until("half", "comment: half");
    tty.press("\x03");
    assert_eq!(tty.end(&world).0, 130);
    assert_eq!(world.read("ci.yaml"), decided, "what was not answered changes nothing");
}

#[test]
fn a_signal_leaves_the_terminal_as_it_was() {
    for (signal, expected) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let world = world();
        let mut tty = review(&world);
        tty.press_until("c", "comment: ");
        Tty::signal(&world, signal);
        assert_eq!(tty.end(&world).0, expected);
    }
}

#[test]
fn a_key_pressed_too_early_does_not_answer_the_next_question() {
    let world = world();
    let mut tty = review(&world);
    tty.press_until("kkkk", "[2/9]");
    tty.press_until("skkk", "[3/9]");
    tty.press("q");
    assert_eq!(tty.end(&world).0, 3);
    let profile = world.read("ci.yaml");
    let accepted = "  root:\n    - POST /containers/create\n  marks:\n";
    assert!(profile.contains(accepted), "{profile}");
}

#[test]
fn the_screen_follows_the_size_of_the_terminal() {
    let world = world();
    let mut tty = review(&world);
    tty.press_until("k", "[2/9]");
    tty.press_until("s", "[3/9]  root  POST /containers/*/exec");
    tty.resize(40, 16);
    tty.wait_for("-- PgDn:");
    wait_for("a narrow screen", || {
        tty.contents().contains("c comment  e explain  s skip  u undo\no overview  ? keys  q quit")
    });
    insta::assert_snapshot!("after_a_resize", tty.contents());
    tty.press_until("\x1b[6~", "-- PgUp");
    tty.resize(120, 30);
    wait_for("a wide screen", || {
        tty.contents().contains("next to whatever the container can reach")
    });
    assert!(!tty.contents().contains("-- PgUp"));
    tty.press("q");
    assert_eq!(tty.end(&world).0, 3);
}

#[test]
fn colours_are_optional() {
    let world = world();
    for (environment, has_colours) in [(&[][..], true), (&[("NO_COLOR", "1")][..], false)] {
        let mut tty = Tty::watched(&world, "review ci.yaml", environment);
        tty.wait_for("[1/9]");
        tty.press("q");
        let (_, finished) = tty.end(&world);
        assert_eq!(finished.raw.contains("\x1b[1m"), has_colours);
        assert_eq!(finished.raw.contains("\x1b[31m"), has_colours);
    }
}

#[test]
fn it_can_be_stopped_and_continued() {
    let world = world();
    let mut tty =
        Tty::start(&world, &["bash", "--norc", "--noediting", "-i"], &[("PS1", "ready> ")]);
    tty.wait_for("ready> ");
    tty.press_until("dsp review ci.yaml\r", "[1/9]");
    tty.press("\x1a");
    tty.wait_for("Stopped");
    wait_for("the terminal as it was", || !tty.has_other_screen() && tty.has_cursor());
    wait_for("the prompt", || tty.contents().trim_end().ends_with("ready>"));
    tty.press_until("fg\r", "[1/9]");
    wait_for("the screen", || tty.has_other_screen() && !tty.has_cursor());
    tty.press_until("k", "[2/9]");
    tty.press_until("q", "continue with dsp review ci.yaml");
    // Before its prompt, the shell has not set the terminal back, and Enter would not end the line.
    wait_for("the prompt", || tty.contents().trim_end().ends_with("ready>"));
    tty.press("exit\r");
    drop(tty.wait());
}

#[test]
fn a_file_that_was_changed_meanwhile_is_not_overwritten() {
    let world = world();
    let mut tty = review(&world);
    tty.press_until("k", "[2/9]");
    let changed =
        world.read("ci.yaml").replace("POST /containers/*/exec ", "POST /containers/a/exec ");
    world.write("ci.yaml", &changed);
    tty.press_until("k", "somebody else changed the file");
    tty.wait_for("[1/8]  root  POST /containers/*/attach");
    assert_eq!(world.read("ci.yaml"), changed);
    tty.press_until("k", "[2/8]  root  POST /containers/a/exec");
    assert!(world.read("ci.yaml").contains("    - POST /containers/*/attach\n"));
    // A file that is no longer a profile cannot be continued.
    world.write("ci.yaml", "nonsense: 1\n");
    tty.press("k");
    let (status, finished) = tty.end(&world);
    assert_eq!(status, 1);
    assert!(finished.contents.contains("error: "), "{}", finished.contents);
    assert_eq!(world.read("ci.yaml"), "nonsense: 1\n");
}

#[test]
fn a_failed_save_ends_the_review_with_an_error() {
    let world = world();
    let mut tty = review(&world);
    std::fs::remove_file(world.path("ci.yaml")).unwrap();
    tty.press("k");
    let (status, finished) = tty.end(&world);
    assert_eq!(status, 1);
    assert!(finished.contents.contains("error: cannot read the profile ci.yaml"));
}

/// Line by line: every answer of the screen, and no escape sequence.
#[test]
fn a_review_line_by_line_takes_the_same_answers() {
    let world = world();
    let plain = [("NO_COLOR", "1")];
    let mut tty = Tty::watched(&world, "review --plain ci.yaml", &plain);
    let mut said = Vec::new();
    for (typed, next) in [
        ("", "[1/9]  root  POST /containers/create"),
        ("\r", "Enter decides nothing here"),
        ("don't\r", "this is not one of the answers"),
        ("x\r", "x means nothing here"),
        ("explain\r", "HostConfig.Privileged"),
        ("e\r", "d  deny it"),
        ("c\r", "comment, or Enter to leave it: "),
        ("as we know\r", "# as we know"),
        ("keep\r", "[2/9]  root  POST /containers/*/attach"),
        ("b\r", "taken back: POST /containers/create was kept"),
        ("k\r", "[2/9]"),
        ("s\r", "[3/9]  root  POST /containers/*/exec"),
        ("g\r", "pattern"),
        ("web-*\r", "it misses 1 of the 1 names seen: fixture-exec"),
        ("fixture-*\r", "Narrow it to POST /containers/fixture-*/exec?"),
        ("y\r", "[4/9]  root  POST /exec/*/start"),
        ("deny\r", "[5/9]  change  POST /containers/*/start"),
        ("n\r", "the names seen are IDs"),
        ("k\r", "[6/9]"),
    ] {
        let before = tty.raw().len();
        tty.press(typed);
        wait_for(next, || tty.raw()[before.min(tty.raw().len())..].contains(next));
        // The prompt has come when the line has not ended.
        wait_for("the prompt", || tty.raw().ends_with(": "));
        said.push(format!("{typed:?}\n{}", tty.raw()[before..].replace('\r', "")));
    }
    tty.press("quit\r");
    let (status, finished) = tty.end(&world);
    assert_eq!(status, 3);
    assert!(!finished.raw.contains('\x1b'), "{:?}", finished.raw);
    insta::assert_snapshot!("line_by_line", said.join("\n"));
    let profile = world.read("ci.yaml");
    assert!(profile.contains("POST /containers/fixture-*/exec"), "{profile}");
    assert!(profile.contains("deny:\n  - POST /exec/*/start "), "{profile}");
}

#[test]
fn a_review_line_by_line_ends_by_ctrl_c_a_signal_or_the_end_of_the_input() {
    for (how, expected) in
        [(Err("\x03"), 130), (Err("\x04"), 3), (Ok(Signal::INT), 130), (Ok(Signal::TERM), 143)]
    {
        let world = world();
        // On a terminal that cannot move its cursor nobody has to ask for it.
        let mut tty = Tty::watched(&world, "review ci.yaml", &[("TERM", "dumb")]);
        tty.wait_for("[1/9]");
        tty.press_until("k\r", "[2/9]");
        wait_for("the prompt", || tty.raw().ends_with("q quit: "));
        match how {
            Err(keys) => tty.press(keys),
            Ok(signal) => Tty::signal(&world, signal),
        }
        let (status, finished) = tty.end(&world);
        assert_eq!(status, expected, "{}", finished.contents);
        assert!(
            finished.contents.contains("1 kept; 9 of 10 rules are open"),
            "{}",
            finished.contents
        );
        assert!(!finished.raw.contains('\x1b'), "{:?}", finished.raw);
        assert!(world.read("ci.yaml").contains("  root:\n    - POST /containers/create\n"));
    }
}

/// A line that ends inside of a paste must not accept what it proposes, nor a letter answer.
#[test]
fn a_paste_is_a_text_and_not_an_answer() {
    let world = world();
    let before = world.read("ci.yaml");
    let mut tty = review(&world);
    assert!(tty.raw().contains("\x1b[?2004h"));
    tty.press_until("\x1b[200~kd\rk\x1b[201~", "pasted text is not an answer");
    tty.press_until("c", "comment: ");
    tty.press_until("\x1b[200~one\rtwo\r\x1b[201~", "comment: one two");
    assert_eq!(world.read("ci.yaml"), before);
    tty.press_until("\r", "comment    one two");
    tty.press("q");
    let (status, finished) = tty.end(&world);
    assert!(status == 3 && finished.raw.contains("\x1b[?2004l"));
}

#[test]
fn without_a_terminal_it_lists_what_is_open_and_how_to_resolve_it() {
    let world = world();
    let listed = world.dsp(&["review", "ci.yaml"]);
    assert_eq!((listed.status, listed.err.as_str()), (3, ""));
    insta::assert_snapshot!("the_list", listed.out);
    let quiet = world.dsp(&["review", "-q", "ci.yaml"]);
    assert_eq!(quiet.out.lines().count(), 11, "{}", quiet.out);
    // --plain asks nobody where nobody is.
    assert_eq!(world.dsp(&["review", "--plain", "ci.yaml"]).out, listed.out);
    let redirected = Tty::shell(&world, "dsp review --plain ci.yaml 2>said; echo ended", &[]);
    assert!(redirected.wait().raw.contains("from a script:"));
    let forced = Tty::shell(&world, "dsp review --list ci.yaml; echo ended", &[]);
    assert!(!forced.wait().raw.contains("\x1b[?1049h"));
}

#[test]
fn the_commands_of_the_list_settle_it() {
    let world = world();
    let listed = world.dsp(&["review", "ci.yaml"]).out;
    let commands: Vec<&str> =
        listed.lines().filter_map(|line| line.strip_prefix("  dsp review ")).collect();
    assert_eq!(commands.len(), 4, "{listed}");
    // Keeping and denying the same rule contradict each other, so one of them is used.
    for command in [commands[1], commands[2], commands[3]] {
        let done = world.shell(&format!("dsp review {command}"));
        assert_eq!(done.status, 3, "{command}: {}", done.err);
    }
    insta::assert_snapshot!("settled_by_commands", without_digest(&world.read("ci.yaml")));
}

#[test]
fn a_script_decides_all_or_nothing() {
    let world = world();
    let before = world.read("ci.yaml");
    let run = |arguments: &[&str]| world.dsp(&[&["review", "ci.yaml"], arguments].concat());
    let wrong = run(&["--keep", "read", "--deny", "POST /containers/*/exce"]);
    assert_eq!(wrong.status, 1);
    insta::assert_snapshot!(wrong.err, @"error: POST /containers/*/exce is not in the profile; did you mean POST /containers/*/exec, or POST /containers/create, or POST /containers/*/wait?");
    assert_eq!(run(&["--keep", "root"]).status, 1);
    assert_eq!(world.read("ci.yaml"), before);

    let all = [
        "--keep",
        "info",
        "--keep",
        "read",
        "--keep",
        "POST /containers/create",
        "--keep",
        "POST /containers/*/attach",
        "--narrow",
        "POST /containers/fixture-*/exec",
        "--deny",
        "POST /exec/*/start",
        "--deny",
        "GET /exec/*/json",
        "--keep",
        "GET /containers/*/json",
        "--keep",
        "POST /containers/*/start",
    ];
    let done = run(&all);
    assert_eq!((done.status, done.err.as_str()), (0, "dsp: ci.yaml is reviewed (8 rules)\n"));
    let settled = world.read("ci.yaml");
    assert_eq!(run(&all).status, 0, "it may run again");
    assert_eq!(world.read("ci.yaml"), settled);
    let nothing = run(&[]);
    assert_eq!(
        (nothing.status, nothing.err.as_str()),
        (0, "dsp: ci.yaml is reviewed (8 rules); nothing is open\n")
    );
}

#[test]
fn denied_operations_stay_denied_when_the_profile_is_updated() {
    let world = world();
    world.dsp(&["review", "ci.yaml", "--deny", "POST /containers/*/exec", "--keep", "read"]);
    let decided = world.read("ci.yaml");
    let updated = world.dsp(&["generate", "--update", "ci.yaml"]);
    assert!(
        updated.err.contains(
            "POST /containers/*/exec was recorded but is denied by the profile; this was not changed"
        ),
        "{}",
        updated.err
    );
    assert_eq!(world.read("ci.yaml"), decided);
    // New rules are open, and nothing else is asked again.
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/ps.jsonl");
    assert_eq!(world.dsp(&["generate", "--update", "ci.yaml", fixture]).status, 0);
    let listed = world.dsp(&["review", "ci.yaml"]).out;
    assert!(listed.contains("read     GET /containers/json "), "{listed}");
    assert!(!listed.contains("/wait") && !listed.contains("/exec "), "{listed}");
}

#[test]
fn enforce_requires_a_review_on_request() {
    let world = World::sample();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /_ping\n  - GET /info\n");
    let refused = world.dsp(&["enforce", "--require-reviewed", "p.yaml"]);
    assert_eq!(refused.status, 3);
    insta::assert_snapshot!(refused.err, @r"
    error: p.yaml is not reviewed: nobody has reviewed 2 rules: GET /info, GET /_ping
      help: dsp review p.yaml
    ");
    let confined = world.dsp(&["enforce", "--require-reviewed", "p.yaml", "--", "true"]);
    assert_eq!((confined.status, confined.err == refused.err), (125, true));

    assert_eq!(world.dsp(&["review", "p.yaml", "--keep", "info", "--keep", "read"]).status, 0);
    let log = ["--audit-log", "audit.jsonl"];
    let server = world.serve(&[&["enforce", "--require-reviewed", "p.yaml"], &log[..]].concat());
    let status = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
        exchange(&mut server.connect(), request.as_bytes())[9..12].to_owned()
    };
    // The audit log starts a new session after the profile was read.
    let reload = |text: &str| {
        world.write("p.yaml", text);
        std::fs::remove_file(world.path("audit.jsonl")).unwrap();
        server.signal(Signal::HUP);
        wait_for("the reload", || world.path("audit.jsonl").exists());
    };
    let reviewed = world.read("p.yaml");
    assert_eq!(status("/info"), "200");
    reload(&reviewed.replacen("  - GET /info\n", "  - GET /version\n", 1));
    assert_eq!((status("/version").as_str(), status("/info").as_str()), ("403", "200"));
    reload(&reviewed.replacen("  - GET /info\n", "", 1));
    assert_eq!((status("/_ping").as_str(), status("/info").as_str()), ("200", "403"));
    let said = server.stop(Signal::TERM).err;
    let told = "error: p.yaml is not reviewed: 1 of 2 rules is open: GET /version\n";
    assert!(said.contains(told), "{said}");
    assert!(
        said.contains("the profile was not reloaded; the previous one stays in force"),
        "{said}"
    );
}

/// Taking rules away, also from the list of what was accepted, needs no review; what widens the profile besides
/// its rules is named, from what to what.
#[test]
fn a_narrower_profile_stays_reviewed_and_a_wider_one_says_what_changed() {
    let world = World::sample();
    let text = "version: 1\nname: p\nmin_api: \"1.40\"\nallow:\n  - GET /_ping\n  - GET /info\n\
                deny:\n  - GET /events\n";
    world.write("p.yaml", text);
    assert_eq!(world.dsp(&["review", "p.yaml", "--keep", "info", "--keep", "read"]).status, 0);
    let reviewed = world.read("p.yaml");
    let require = ["enforce", "--require-reviewed", "p.yaml", "--", "true"];

    let gone: Vec<&str> = reviewed.lines().filter(|line| !line.contains("GET /info")).collect();
    assert_eq!(reviewed.lines().count(), gone.len() + 2, "under allow and under reviewed");
    world.write("p.yaml", &(gone.join("\n") + "\n"));
    assert_eq!(world.dsp(&require).status, 0);
    world.write("p.yaml", &reviewed.replacen("min_api: \"1.40\"", "min_api: \"1.41\"", 1));
    assert_eq!(world.dsp(&require).status, 0);

    let wider = reviewed.replacen("min_api: \"1.40\"", "min_api: \"1.30\"", 1);
    world.write("p.yaml", &wider.replacen("deny:\n  - GET /events\n", "", 1));
    let refused = world.dsp(&require);
    assert_eq!(refused.status, 125);
    insta::assert_snapshot!(refused.err, @r#"
    error: p.yaml is not reviewed: min_api was "1.40" at the review and is "1.30", and GET /events was under deny at the review and is gone from there
      help: dsp review p.yaml
    "#);
    let kept = world.dsp(&["review", "p.yaml", "--keep", "changes"]);
    assert_eq!((kept.status, world.dsp(&require).status), (0, 0), "{}", kept.err);
}

/// Narrowing to a name that may be a prefix of an ID, and a denial next to a wider rule.
#[test]
fn the_limits_of_a_decision_are_reported_with_it() {
    let world = World::without_engine();
    let profile = "version: 1\nname: p\nallow:\n  - DELETE /containers/*\n  - GET /containers/*/json\n  \
                   - GET /containers/keep/json\n";
    world.write("p.yaml", profile);
    let done = world.dsp(&["review", "p.yaml", "--narrow", "DELETE /containers/db"]);
    assert!(done.err.contains("DELETE /containers/db also matches any"), "{}", done.err);
    let done = world.dsp(&["review", "p.yaml", "--deny", "GET /containers/keep/json"]);
    assert!(done.err.contains("GET /containers/keep/json is denied, but"), "{}", done.err);
    assert!(!done.err.contains("DELETE"), "told before: {}", done.err);
    for command in [&["review", "p.yaml", "--list"][..], &["explain", "p.yaml"]] {
        let done = world.dsp(command);
        for told in ["careful  DELETE /containers/db also", "careful  GET /containers/keep/json is"]
        {
            assert!(done.out.contains(told), "{command:?}: {}", done.out);
        }
    }
}
