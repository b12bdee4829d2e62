//! Bad input gets an error that says what is wrong, where, and what to do.

use std::os::unix::net::UnixListener;

use dsp::text::is_unsafe;

use crate::generate::recording;
use crate::support::World;

/// The status and the output of `dsp ARGS`.
fn said(world: &World, args: &[&str]) -> String {
    let done = world.dsp(args);
    format!("$ dsp {}\n[{}]\n{}", args.join(" "), done.status, done.err)
}

#[test]
fn recordings() {
    let world = World::without_engine();
    recording(&world, "good", &["GET /v1.41/info"]);
    let good = world.read("good");
    world.write("torn", good.trim_end().trim_end_matches("}}"));
    world.write("newer", &good.replace("\"version\":1", "\"version\":2"));
    world.write("empty", "");
    world.write("text", "this is no recording\n");
    world.write("wrong", &good.replace("\"seq\":1", "\"seq\":\"one\""));
    std::fs::create_dir(world.path("folder")).unwrap();
    let all: Vec<String> = ["torn", "newer", "empty", "text", "wrong", "folder", "missing"]
        .iter()
        .map(|name| said(&world, &["generate", name]))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn profiles() {
    let world = World::without_engine();
    recording(&world, "r", &["GET /v1.41/info"]);
    let head = "version: 1\nname: p\n";
    let wrong = [
        ("unknown-key", format!("{head}alow:\n  - GET /info\n")),
        ("duplicate-key", format!("{head}allow:\n  - GET /info\nallow:\n  - GET /version\n")),
        ("no-operation", format!("{head}allow:\n  - GET /info\n  - GET /container/*/json\n")),
        ("two-documents", format!("{head}---\n{head}")),
        ("empty", String::new()),
    ];
    let mut all = Vec::new();
    for (name, text) in &wrong {
        world.write(name, text);
        all.push(said(&world, &["check", name, "r"]));
    }
    std::fs::create_dir(world.path("folder")).unwrap();
    all.push(said(&world, &["check", "folder", "r"]));
    all.push(said(&world, &["check", "missing", "r"]));
    all.push(said(&world, &["enforce", "no-operation", "--", "true"]));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn listeners() {
    let world = World::sample();
    let long = format!("unix:///{}", "x".repeat(107));
    let _live = UnixListener::bind(world.path("live.sock")).unwrap();
    drop(UnixListener::bind(world.path("dead.sock")).unwrap());
    world.write("file", "text");
    let at = |name: &str| format!("unix://{}", world.path(name).display());
    let mut all = Vec::new();
    for listen in [
        &long,
        &at("live.sock"),
        &at("file"),
        &at("no/such/folder.sock"),
        "unix://relative",
        "ftp://x",
    ] {
        all.push(said(&world, &["record", "-q", "--listen", listen, "--", "true"]));
    }
    assert_eq!(world.dsp(&["record", "-q", "--listen", &at("dead.sock"), "--", "true"]).status, 0);
    assert_eq!(world.read("file"), "text");
    let text = all.join("\n").replace(world.folder.path().to_str().unwrap(), "[DIR]");
    insta::assert_snapshot!(text);
}

#[test]
fn engines() {
    let world = World::without_engine();
    drop(UnixListener::bind(world.path("dead.sock")).unwrap());
    let dead = format!("unix://{}", world.path("dead.sock").display());
    let mut all = Vec::new();
    for host in [
        "unix:///nowhere/docker.sock",
        dead.as_str(),
        "ssh://-host",
        "tcp://127.0.0.1:1",
        "tcp://x:y",
    ] {
        all.push(said(&world, &["record", "-H", host, "--", "true"]));
    }
    let text = all.join("\n").replace(world.folder.path().to_str().unwrap(), "[DIR]");
    insta::with_settings!({filters => vec![(r"(?m)^  another socket exists.*\n", "")]}, {
        insta::assert_snapshot!(text);
    });
    assert!(!world.path("recording.jsonl").exists(), "nothing was recorded, so no file is made");
}

#[test]
fn unread_output_is_not_a_failure() {
    let world = World::without_engine();
    recording(&world, "recording.jsonl", &["GET /v1.41/info"]);
    let done = world.shell("dsp generate -q | true; dsp explain 'GET /info' | head -1");
    assert_eq!((done.status, done.err.as_str()), (0, ""), "{}", done.out);
}

#[test]
fn foreign_text_starts_no_line_and_moves_no_cursor() {
    let world = World::without_engine();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    let evil = "x\n::error title=x::fake\n\u{1b}]0;pwned\u{7}\u{9b}2J\u{202e}\u{2028}\u{200b}\u{ad}\u{e0041}";
    let time = "2026-01-01T00:00:00Z";
    for (name, container) in [("command", None), ("container", Some(evil))] {
        let mut session = serde_json::json!({
            "version": 1, "id": name, "start": time, "dsp": evil, "lossy": false,
            "command": ["docker", evil], "labels": { evil: evil },
        });
        if let Some(container) = container {
            session["container"] = container.into();
        }
        let request = |seq: u64, method: &str, path: &str| {
            serde_json::json!({ "request": {
                "session": name, "seq": seq, "time": time, "connection": 1, "method": method,
                "path": path, "agent": evil, "denied": evil,
            } })
        };
        let lines = [
            serde_json::json!({ "session": session }),
            request(1, "GET", "/info"),
            request(2, "GET", &format!("/v1.41/{evil}")),
            request(3, evil, "/v1.41/info"),
            serde_json::json!({ "end": { "session": name, "time": time, "requests": 3, "dropped": 0 } }),
        ];
        let text = lines.map(|line| line.to_string() + "\n").concat();
        world.write(&format!("{name}.jsonl"), &text);
        // In the name of a file too.
        world.write(&format!("{evil}{name}.jsonl").replace('/', "-"), &text);
    }
    let named = format!("{evil}command.jsonl");
    let missing = format!("{evil}none.jsonl");
    for args in [
        &["coverage", "command.jsonl", "container.jsonl"] as &[&str],
        &["coverage", "command.jsonl", "--format", "json"],
        &["check", "p.yaml", "command.jsonl", "container.jsonl"],
        &["check", "p.yaml", "command.jsonl", "container.jsonl", "--format", "markdown"],
        &["check", "p.yaml", "command.jsonl", "container.jsonl", "--format", "sarif"],
        &["check", "p.yaml", "command.jsonl", "container.jsonl", "--format", "junit"],
        &["generate", "command.jsonl", "container.jsonl", "--accept-unknown", "--denied"],
        &["generate", "command.jsonl", "container.jsonl", "--session", "9"],
        &["explain", "p.yaml", "GET /info", "--recording", &named],
        &["check", "p.yaml", &missing],
        &["check", &missing, &named],
        &["diff", &missing, "p.yaml"],
        &["report", "p.yaml", &named, "-o", &missing],
        &["generate", &format!("--{evil}")],
        &["check", "p.yaml", &named, "--format", evil],
        &["record", "-H", &format!("unix:///{evil}"), "--", "true"],
        &["explain", evil],
    ] {
        let done = world.dsp(args);
        let all = done.out + &done.err;
        assert!(!all.lines().any(|line| line.starts_with("::")), "{args:?}\n{all}");
        assert!(is_safe(&all), "{args:?}\n{}", all.escape_debug());
    }
    // Files that people read, too.
    for args in [
        &["generate", "command.jsonl", "container.jsonl", "--denied", "-o", "made.yaml"]
            as &[&str],
        &["generate", "container.jsonl", "--denied", "-o", "made.one.yaml"],
        &["generate", "--update", "made.yaml", "container.jsonl", "--accept-unknown", "--denied"],
        &["report", "made.yaml", "command.jsonl", "container.jsonl", "-o", "made.html"],
        &["coverage", "command.jsonl", "container.jsonl"],
        &["check", "made.yaml", "command.jsonl", "--format", "markdown=made.md"],
        &["check", "made.yaml", "command.jsonl", "--format", "json=made.json"],
        &["check", "made.yaml", "command.jsonl", "--format", "sarif=made.sarif"],
        &["check", "made.yaml", "command.jsonl", "--format", "junit=made.xml"],
        &["check", "made.yaml", "command.jsonl", "--format", "github=made.txt"],
        &["export", "--format", "nginx", "made.yaml", "-o", "made.conf"],
    ] {
        let done = world.dsp(args);
        assert!(is_safe(&(done.out + &done.err)), "{args:?}");
    }
    let mut written = 0;
    for entry in std::fs::read_dir(world.folder.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(ending) = name.strip_prefix("made.") {
            let text = world.read(&name);
            assert!(is_safe(&text), "{ending}\n{}", text.escape_debug());
            written += 1;
        }
    }
    assert_eq!(written, 9);
}

/// Whether a text of several lines has nothing that moves the cursor, or hides or reorders text.
fn is_safe(text: &str) -> bool {
    !text.replace(['\n', '\t'], "").contains(is_unsafe)
}
