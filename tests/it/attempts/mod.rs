//! Attempts to get past dsp, byte by byte, from the files of `tests/attempts`.

/// Performs the steps of a file.
mod client;
/// An engine that keeps every byte.
mod engine;
/// The files.
mod file;
/// Messages on a stream.
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use client::{Against, run};
pub use file::Attempt;

use crate::support::{Server, World};
use engine::RecordingEngine;

macro_rules! groups {
    ($($group:ident)*) => {
        const GROUPS: &[&str] = &[$(stringify!($group)),*];

        $(
            #[test]
            fn $group() {
                check(stringify!($group));
            }
        )*
    };
}

groups! {
    bodies framing headers hijacks limits methods names others pipelining podman targets versions
}

/// The files' folder.
fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/attempts"))
}

/// The attempts of a group, or the errors in its files.
fn attempts(group: &str) -> Vec<Result<Attempt, String>> {
    let files = std::fs::read_dir(folder().join(group)).unwrap();
    let mut paths: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &PathBuf| path.strip_prefix(folder()).unwrap().display().to_string();
    paths.iter().map(|path| file::read(path, &name(path))).collect()
}

/// Every attempt that is also run against a real engine.
pub fn real() -> Vec<Attempt> {
    let all = GROUPS.iter().flat_map(|group| attempts(group));
    all.map(Result::unwrap).filter(|attempt| attempt.real.is_some()).collect()
}

/// A dsp with one profile in front of a recording engine. Fields are dropped in this order.
struct Bench {
    server: Server,
    engine: RecordingEngine,
    _world: World,
}

impl Bench {
    fn new(attempt: &Attempt) -> Self {
        let mut world = World::without_engine();
        let socket = world.path("e.sock");
        world.host = format!("unix://{}", socket.display());
        let engine = RecordingEngine::start(&socket, attempt.is_podman);
        world.write("p.yaml", &attempt.profile);
        let server = world.serve(&["enforce", "p.yaml", "-q"]);
        Self { server, engine, _world: world }
    }

    fn check(&self, attempt: &Attempt) -> Result<(), String> {
        self.engine.prepare(&attempt.answers);
        let answered = run(attempt, Against::Everything, || self.server.connect());
        let seen = client::check_seen(attempt, self.engine.seen());
        answered.and(seen)
    }
}

fn check(group: &str) {
    let mut benches: BTreeMap<String, Bench> = BTreeMap::new();
    let mut failures = Vec::new();
    for attempt in attempts(group) {
        let checked = attempt.and_then(|attempt| {
            let bench =
                benches.entry(attempt.profile.clone()).or_insert_with(|| Bench::new(&attempt));
            let checked = bench.check(&attempt);
            // A truncated request may reach the engine after its client has left, or never. The
            // next attempt must not be blamed for it.
            if attempt.seen.iter().any(|seen| matches!(seen, file::Expected::Cut(_))) {
                benches.remove(&attempt.profile);
            }
            checked.map_err(|error| format!("{}: {error}", attempt.name))
        });
        failures.extend(checked.err());
    }
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn every_file_is_in_a_group_and_there_are_many() {
    let mut groups: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    groups.sort();
    assert_eq!(groups, GROUPS);
    let count: usize = GROUPS.iter().map(|group| attempts(group).len()).sum();
    assert!(count >= 150, "{count}");
}

#[test]
fn each_bypass_of_another_proxy_names_it() {
    for attempt in attempts("others") {
        let attempt = attempt.unwrap();
        assert!(attempt.proxy.is_some(), "{} names no proxy", attempt.name);
    }
}

#[test]
fn an_attempt_that_ends_otherwise_fails_and_shows_why() {
    const GOOD: &str = "# why: a test.\n>>> GET /v1.41/info HTTP/1.1\n>>> Host: d\n>>>\n\
        <<< 403 not allowed\n<<< open\n=== nothing\n";
    const SEEN: &str = "# why: a test.\n>>> GET /_ping HTTP/1.1\n>>> Host: d\n>>> Connection: close\n\
        >>>\n<<< 200\n<<< closed\n=== GET /_ping HTTP/1.1\n| GET /_ping HTTP/1.1\n\
        | Host: docker\n|\n";
    let parse = |text: &str| file::parse("wrong.txt", text).unwrap();
    let bench = Bench::new(&parse(GOOD));
    assert_eq!(bench.check(&parse(GOOD)), Ok(()));
    assert_eq!(bench.check(&parse(SEEN)), Ok(()));
    for (wrong, error) in [
        (GOOD.replace("403", "404"), "the answer is not 404"),
        (GOOD.replace("not allowed", "not there"), "does not contain: not there"),
        (GOOD.replace("<<< open", "<<- dsp\n<<< open"), "contains: dsp"),
        (GOOD.replace("GET /v1.41/info", "GET /_ping").replace("403 not allowed", "200"), "seen"),
        (GOOD.replace("nothing", "GET /info HTTP/1.1"), "did not see GET /info"),
        (SEEN.replace("closed", "open"), "the connection is not open"),
        (SEEN.replace("<<< 200\n", ""), "the connection ends with: HTTP/1.1 200 OK"),
        (SEEN.replace("| Host: docker", "| Host: d"), "byte for byte"),
        (SEEN.replace("=== GET", "=== POST"), "did not see exactly POST /_ping"),
        (
            SEEN.replace("=== GET /_ping HTTP/1.1", "=== cut GET /_ping HTTP/1.1")
                .split("| ")
                .next()
                .unwrap()
                .to_owned(),
            "seen",
        ),
    ] {
        let found = bench.check(&parse(&wrong)).unwrap_err();
        assert!(found.contains(error), "{wrong}: {found}");
    }
}

#[test]
fn a_file_with_an_error_is_refused_with_its_line() {
    const GOOD: &str = "# why: a test.\n>>> GET / HTTP/1.1\n<<< closed\n=== nothing\n";
    assert!(file::parse("good.txt", GOOD).is_ok());
    for (bad, error) in [
        (GOOD.replace("# why", "# how"), ":1: "),
        (GOOD.replace(">>> ", ">> "), ":2: "),
        (GOOD.replace("HTTP/1.1", "\\q"), ":2: "),
        (GOOD.replace("HTTP/1.1", "HTTP/1.1 "), ":2: "),
        (GOOD.replace("closed", "400x"), ":3: "),
        (GOOD.replace("<<< closed\n", ""), "how the connection ends"),
        (GOOD.replace("nothing", "something"), ":4: "),
        (GOOD.replace("=== nothing\n", ""), "what the engine sees"),
        (format!("{GOOD}| GET\n"), ":5: "),
        (format!("{GOOD}colour: red\n"), ":5: "),
        (format!("{GOOD}real: 200\n"), "one status for each answer"),
    ] {
        let found = file::parse("bad.txt", &bad).unwrap_err();
        assert!(found.starts_with("bad.txt:") && found.contains(error), "{found}");
    }
}
