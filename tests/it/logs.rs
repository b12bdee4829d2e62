//! Other programs' logs of the same workload that dsp recorded; `fixtures/logs/record` creates both
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use dsp::api::EngineKind;
use dsp::recording::{Event, Log, Reader, Request, TurnedAway, Wanted};

use crate::support::{Done, World};

/// The fixtures and their formats.
const LOGS: [(&str, &str); 7] = [
    ("caddy-console", "caddy"),
    ("caddy-json", "caddy"),
    ("dockerd", "dockerd"),
    ("haproxy", "haproxy"),
    ("nginx", "nginx"),
    ("wollomatic-json", "wollomatic"),
    ("wollomatic-text", "wollomatic"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logs")
}

fn path(name: &str, kind: &str) -> PathBuf {
    folder().join(format!("{name}.{kind}"))
}

fn log(name: &str) -> String {
    fs::read_to_string(path(name, "log")).unwrap()
}

/// The number of times that each request was sent, according to the events.
fn requests(events: impl IntoIterator<Item = Event<'static>>) -> BTreeMap<String, u64> {
    let (mut requests, mut counts) = (BTreeMap::new(), BTreeMap::new());
    for event in events {
        match event {
            Event::Request(Request { seq, method, path, query, operation, .. }) => {
                requests.insert(seq, format!("{method} {path} {query:?} {operation:?}"));
                counts.insert(seq, 1);
            }
            // The last one for a request counts.
            Event::Repeat(repeat) => {
                counts.insert(repeat.seq, repeat.count + 1);
            }
            _ => {}
        }
    }
    requests.into_iter().map(|(seq, request)| (request, counts[&seq])).collect()
}

#[test]
fn each_log_contains_the_requests_of_its_recording() {
    for (name, from) in LOGS {
        let format = from.parse().unwrap();
        let wanted = Wanted { denied: TurnedAway::LeftOut, client: None };
        let log = Log::read(name, format, EngineKind::Docker, wanted, log(name).as_bytes());
        let log = log.unwrap();
        assert_eq!(log.unreadable, 0, "{name}: {:?}", log.skipped);
        let recording = Reader::open(&path(name, "jsonl")).unwrap();
        assert_eq!(requests(log.events), requests(recording.map(Result::unwrap)), "{name}");
    }
}

#[test]
fn there_are_no_other_logs() {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let found: BTreeSet<String> = names.map(|name| name.into_string().unwrap()).collect();
    let files = LOGS.iter().flat_map(|(name, _)| [format!("{name}.jsonl"), format!("{name}.log")]);
    let scripts = ["README.md", "record"].map(str::to_owned);
    assert_eq!(found, files.chain(scripts).collect());
}

fn generate(world: &World, from: &str, file: &Path) -> Done {
    world.dsp(&["generate", "--name", "p", "--from", from, file.to_str().unwrap()])
}

#[test]
fn each_log_gives_the_profile_of_its_recording() {
    let world = World::without_engine();
    let mut profiles = Vec::new();
    for (name, from) in LOGS {
        let log = generate(&world, from, &path(name, "log"));
        assert_eq!(log.status, 0, "{name}: {}", log.err);
        let recording = path(name, "jsonl");
        let recorded = world.dsp(&["generate", "--name", "p", recording.to_str().unwrap()]);
        assert_eq!(rules(&log.out), rules(&recorded.out), "{name}");
        let said = log.err.replace(&folder().display().to_string(), "[LOGS]");
        profiles.push(format!("=== {name}\n{}--- stderr\n{said}", log.out));
    }
    insta::with_settings!({filters => vec![("sha256 [0-9a-f]{16}", "sha256 [DIGEST]")]}, {
        insta::assert_snapshot!(profiles.join("\n"));
    });
}

/// The rules of a profile, without its header, which names the recorded command.
fn rules(profile: &str) -> BTreeSet<&str> {
    profile.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn each_log_passes_the_check_with_its_own_profile() {
    let world = World::without_engine();
    for (name, from) in LOGS {
        let log = path(name, "log");
        let profile = format!("{name}.yaml");
        let done =
            world.dsp(&["generate", "-q", "--from", from, log.to_str().unwrap(), "-o", &profile]);
        assert_eq!(done.status, 0, "{}", done.err);
        let done = world.dsp(&["check", &profile, "--from", from, log.to_str().unwrap()]);
        assert_eq!(done.status, 0, "{name}: {}{}", done.out, done.err);
        assert!(done.out.contains("1 session: 0 errors, 0 warnings"), "{}", done.out);
    }
}

#[test]
fn a_log_may_come_through_a_pipe_and_counts_once() {
    let world = World::without_engine();
    let mut command = world.dsp_command(&["generate", "--from", "nginx", "-", "--name", "p"]);
    command.stdin(Stdio::from(fs::File::open(path("nginx", "log")).unwrap()));
    let piped = world.finish(command);
    let file = generate(&world, "nginx", &path("nginx", "log"));
    assert_eq!((piped.status, piped.out), (0, file.out));
    world.write("p.yaml", &generate(&world, "nginx", &path("nginx", "log")).out);
    let log = path("nginx", "log");
    let log = log.to_str().unwrap();
    let twice = world.dsp(&["check", "p.yaml", "--from", "nginx", log, log]);
    let once = world.dsp(&["check", "p.yaml", "--from", "nginx", log]);
    assert_eq!(twice.out, once.out);
}

/// The first request of a log in its profile's spelling.
fn first_rule(profile: &str) -> Option<&str> {
    profile
        .lines()
        .find_map(|line| line.strip_prefix("  - "))
        .and_then(|rule| rule.split("  ").next())
}

#[test]
fn denials_of_the_proxy_count_on_request() {
    let world = World::without_engine();
    let denied = [
        ("haproxy", log("haproxy").lines().last().unwrap().to_owned()),
        ("nginx", log("nginx").lines().next().unwrap().replace(" 200 ", " 444 ")),
        ("wollomatic", log("wollomatic-text").lines().find(|line| line.contains("blocked request")).unwrap().to_owned()),
        ("wollomatic", log("wollomatic-json").lines().find(|line| line.contains("blocked request")).unwrap().to_owned()),
        ("caddy", r#"{"level":"info","logger":"http.log.access","msg":"handled request","request":{"method":"GET","uri":"/v1.41/images/json","headers":{}},"status":403}"#.to_owned()),
    ];
    for (from, line) in denied {
        world.write("denied.log", &line);
        let args = ["generate", "--from", from, "denied.log"];
        let without = world.dsp(&args);
        assert_eq!(without.status, 4, "{from}: {}", without.err);
        assert!(without.err.contains("--denied includes it"), "{from}: {}", without.err);
        let with = world.dsp(&[&args[..], &["--denied"]].concat());
        assert_eq!(with.status, 0, "{from}: {}", with.err);
        assert!(first_rule(&with.out).is_some(), "{from}: {}", with.out);
    }
    // The engine's own log does not contain requests that were denied in front of it.
    let log = path("dockerd", "log");
    let done = world.dsp(&["generate", "--from", "dockerd", "--denied", log.to_str().unwrap()]);
    assert_eq!(done.status, 2);
    assert!(done.err.contains("--denied has no effect"), "{}", done.err);
}

#[test]
fn requests_that_caddy_forwarded_and_the_engine_refused_were_not_turned_away() {
    let world = World::without_engine();
    let request = r#""request":{"method":"DELETE","uri":"/v1.41/networks/bridge","headers":{}},"status":403}"#;
    let line = |logger: &str, message: &str| {
        format!("{{\"level\":\"debug\",\"logger\":\"{logger}\",\"msg\":\"{message}\",{request}\n")
    };
    let passed = line("http.handlers.reverse_proxy", "upstream roundtrip");
    world.write("log", &(passed + &line("http.log.access", "handled request")));
    let done = world.dsp(&["generate", "--from", "caddy", "log"]);
    assert_eq!(first_rule(&done.out), Some("DELETE /networks/*"), "{}", done.err);
    assert!(!done.err.contains("answered itself"), "{}", done.err);
}

#[test]
fn a_log_of_the_other_engine_is_reported() {
    let world = World::without_engine();
    let line = log("nginx").lines().next().unwrap().to_owned();
    let (front, _) = line.split_once('"').unwrap();
    let podman =
        format!("{front}\"GET /v4.6.1/libpod/containers/json HTTP/1.1\" 200 1 \"-\" \"-\"\n");
    world.write("log", &podman);
    let done = generate(&world, "nginx", Path::new("log"));
    assert!(done.err.contains("generate --engine podman"), "{}", done.err);
    let done = world.dsp(&["generate", "--engine", "podman", "--from", "nginx", "log"]);
    assert_eq!(first_rule(&done.out), Some("GET /libpod/containers/json"), "{}", done.err);
}

#[test]
fn a_log_in_utf_16_is_reported() {
    let world = World::without_engine();
    let text = log("nginx");
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(world.path("log"), [&[0xff, 0xfe], bytes.as_slice()].concat()).unwrap();
    let done = generate(&world, "nginx", Path::new("log"));
    assert_eq!(done.status, 1);
    assert!(done.err.contains("iconv"), "{}", done.err);
}

/// Wraps a line.
type Wrap = Box<dyn Fn(&str) -> String>;

/// The logs of the fixtures as a log drain, the container runtime and journald keep them.
#[test]
fn a_wrapped_log_gives_the_profile_of_the_log() {
    fn quoted(line: &str) -> String {
        serde_json::to_string(line).unwrap()
    }
    let world = World::without_engine();
    let wrappings: [(&str, Wrap); 4] = [
        (
            "json-file",
            Box::new(|line| format!("{{\"log\":{},\"stream\":\"stderr\"}}", quoted(line))),
        ),
        (
            "drain",
            Box::new(|line| format!("{{\"host\":\"h\",\"x\":{{\"message\":{}}}}}", quoted(line))),
        ),
        (
            "journald",
            Box::new(|line| format!("{{\"MESSAGE\":{:?},\"_PID\":\"7\"}}", line.as_bytes())),
        ),
        ("compose", Box::new(|line| format!("proxy-1  | 2026-11-24T20:00:00.1Z {line}"))),
    ];
    for (name, from) in LOGS {
        let plain = generate(&world, from, &path(name, "log"));
        for (wrapping, wrap) in &wrappings {
            let text: String = log(name).lines().map(|line| wrap(line) + "\n").collect();
            world.write("wrapped.log", &text);
            let wrapped = generate(&world, from, Path::new("wrapped.log"));
            assert_eq!(
                rules(&wrapped.out),
                rules(&plain.out),
                "{name} {wrapping}: {}",
                wrapped.err
            );
        }
    }
}

#[test]
fn unreadable_lines_are_reported_with_their_place() {
    let world = World::without_engine();
    let log = log("nginx");
    let line = log.lines().next().unwrap();
    let cut = line.split(" HTTP").next().unwrap();
    let bad = format!("{cut}\u{1b}[31m");
    world.write("bad.log", &format!("{log}{bad}\n{}", format!("{cut}\n").repeat(6)));
    let done = generate(&world, "nginx", Path::new("bad.log"));
    assert_eq!(done.status, 0);
    insta::assert_snapshot!(done.err);
    world.write("p.yaml", &done.out);
    let done = world.dsp(&["check", "p.yaml", "--from", "nginx", "bad.log"]);
    assert_eq!(done.status, 4, "what is not known has not been checked: {}", done.out);
}

#[test]
fn a_log_without_a_request_is_not_evidence() {
    let world = World::without_engine();
    world.write("nginx.log", &log("nginx"));
    world.write("r.jsonl", &fs::read_to_string(path("nginx", "jsonl")).unwrap());
    world.write("denied.log", log("haproxy").lines().last().unwrap());
    world.write("empty.log", "");
    let mut all = Vec::new();
    for (from, file) in [
        ("haproxy", "nginx.log"),
        ("nginx", "r.jsonl"),
        ("haproxy", "denied.log"),
        ("caddy", "empty.log"),
        ("dockerd", "empty.log"),
        ("haproxy", "empty.log"),
        ("nginx", "empty.log"),
        ("wollomatic", "empty.log"),
        ("nginx", "missing.log"),
        ("nginx", "."),
    ] {
        let done = generate(&world, from, Path::new(file));
        assert_eq!(done.out, "");
        all.push(format!("$ dsp generate --from {from} {file}\n[{}]\n{}", done.status, done.err));
    }
    let done = world.dsp(&["generate", "nginx.log"]);
    all.push(format!("$ dsp generate nginx.log\n[{}]\n{}", done.status, done.err));
    insta::assert_snapshot!(all.join("\n"));
}
