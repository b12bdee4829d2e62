//! Executes the README and the pages of `docs`: commands print what the pages show, and profiles
//! are valid.
//!
//! A block of commands or YAML has a mark before it with what it needs: `engine`, `sample` or
//! `profile`. The blocks of a page run in one folder, in order, and each page has its own folder.
//! `DSP_README=write` writes the commands' output into the pages.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use dsp::api::{ApiVersion, CanonicalRequest, EngineKind, RiskFact, Versions};
use dsp::profile::Rule;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{World, dsp_binary, left_out};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The port in the documents; the test uses a free one.
const PORT: &str = "2379";

/// Only one test at a time may write to the documents.
static WRITING: Mutex<()> = Mutex::new(());

/// The README and every page of `docs`.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let pages = std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = pages
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .chain([root.join("README.md")])
        .collect();
    found.sort();
    found
}

fn read(document: &Path) -> String {
    std::fs::read_to_string(document).unwrap()
}

/// The lines of a marked block, without its fence.
struct Block {
    need: String,
    first: usize,
    lines: Vec<String>,
}

/// A command and its output.
struct Step {
    command: String,
    output: Vec<String>,
}

/// The marked blocks. Commands always have a mark; YAML may be a part of a file.
fn blocks(document: &Path) -> Vec<Block> {
    let text = read(document);
    let lines: Vec<&str> = text.lines().collect();
    let mut blocks = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if !matches!(*line, "```console" | "```yaml") {
            continue;
        }
        let mark =
            number.checked_sub(1).and_then(|before| lines[before].strip_prefix("<!-- test: "));
        let Some(need) = mark.and_then(|rest| rest.strip_suffix(" -->")) else {
            let is_part = *line == "```yaml";
            assert!(is_part, "{}:{}: no mark", document.display(), number + 1);
            continue;
        };
        let inside = lines[number + 1..].iter().take_while(|line| **line != "```");
        blocks.push(Block {
            need: need.to_owned(),
            first: number + 1,
            lines: inside.map(|line| (*line).to_owned()).collect(),
        });
    }
    blocks
}

impl Block {
    fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for line in &self.lines {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { command: command.to_owned(), output: Vec::new() });
                }
                (None, Some(step)) => step.output.push(line.clone()),
                (None, None) => panic!("a block begins with a command: {line}"),
            }
        }
        steps
    }
}

/// Runs all blocks of a document with this need, one after another, and compares the output.
fn run(document: &Path, world: &World, need: &str, path: &str) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let write = std::env::var("DSP_README").is_ok_and(|value| value == "write");
    let _one_at_a_time = write.then(|| WRITING.lock());
    let mut written: Vec<String> = read(document).lines().map(str::to_owned).collect();
    // From the end, so that the positions of earlier blocks stay valid.
    let mut replaced = Vec::new();
    for block in blocks(document).iter().filter(|block| block.need == need) {
        let mut servers = Vec::new();
        let mut lines = Vec::new();
        for step in block.steps() {
            let command = step.command.replace(PORT, &port.to_string());
            let printed = match command.strip_suffix(" &") {
                Some(command) => {
                    let (server, line) = Background::start(world, command, path);
                    servers.push(server);
                    line
                }
                None => {
                    let mut shell = world.command("sh", &["-c", &format!("{{ {command}\n}} 2>&1")]);
                    shell.env("PATH", path);
                    world.finish(shell).out
                }
            };
            let printed = printed.replace(&port.to_string(), PORT);
            if !write {
                compare(document, &step, &printed);
            }
            lines.push(format!("$ {}", step.command));
            lines.extend(printed.lines().map(|line| line.trim_end().to_owned()));
        }
        replaced.push((block.first, block.lines.len(), lines));
    }
    if write {
        for (first, count, lines) in replaced.into_iter().rev() {
            written.splice(first..first + count, lines);
        }
        std::fs::write(document, written.join("\n") + "\n").unwrap();
    }
}

/// Runs the blocks with this need in all documents, each in its own world.
fn run_all(need: &str, path: &str, world: impl Fn() -> World) {
    let mut count = 0;
    for document in documents() {
        if blocks(&document).iter().any(|block| block.need == need) {
            run(&document, &world(), need, path);
            count += 1;
        }
    }
    assert!(count > 0, "no document has a block that needs {need}");
}

/// A program that a document starts in the background.
struct Background(Child);

impl Background {
    /// Starts it and returns its output up to the moment when it serves.
    fn start(world: &World, command: &str, path: &str) -> (Self, String) {
        let mut shell = world.command("sh", &["-c", &format!("exec {command}")]);
        let mut child = shell.env("PATH", path).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), line)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// Compares the output. dsp's is the same line by line. docker also knows about other objects on
/// the engine, so there everything that the document shows must occur in order.
fn compare(document: &Path, step: &Step, printed: &str) {
    let expected: Vec<String> = step.output.iter().map(|line| plain(line)).collect();
    let found: Vec<String> = printed.lines().map(plain).collect();
    let shown = format!("{}: $ {}\n{printed}", document.display(), step.command);
    if step.command.contains("docker ") {
        let mut rest = found.iter();
        for line in &expected {
            assert!(rest.any(|other| other == line), "missing: {line}\n{shown}");
        }
    } else {
        assert_eq!(expected, found, "{shown}");
    }
}

/// A line with IDs, sizes, numbers and column widths normalized.
fn plain(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        let id = word.len() >= 12 && word.chars().all(|character| character.is_ascii_hexdigit());
        if id {
            "ID".to_owned()
        } else if is_size(word) {
            "SIZE".to_owned()
        } else if let Some(("Docker-Client", _)) = word.split_once('/') {
            // Each system has its own version of the client.
            "Docker-Client".to_owned()
        } else {
            without_numbers(word)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The amount that a container has read and sent is `0B` on one machine and `4.1kB` on another.
fn is_size(word: &str) -> bool {
    let unit =
        word.trim_start_matches(|character: char| character.is_ascii_digit() || character == '.');
    unit.len() < word.len() && matches!(unit, "B" | "kB" | "MB" | "GB" | "KiB" | "MiB" | "GiB")
}

fn without_numbers(word: &str) -> String {
    let mut plain = String::new();
    for character in word.chars() {
        match character {
            '0'..='9' if plain.ends_with('N') => {}
            '0'..='9' => plain.push('N'),
            '.' if plain.ends_with('N') => {}
            _ => plain.push(character),
        }
    }
    plain
}

#[test]
fn blocks_without_an_engine_match_the_documents() {
    let log = std::fs::read_to_string(Path::new(ROOT).join("fixtures/logs/haproxy.log")).unwrap();
    let folder = dsp_binary().parent().unwrap().display();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    run_all("sample", &path, || {
        let world = World::sample();
        world.write("haproxy.log", &log);
        world
    });
}

#[test]
fn every_profile_of_the_documents_is_one() {
    let world = World::without_engine();
    for document in documents() {
        for block in blocks(&document).iter().filter(|block| block.need == "profile") {
            world.write("profile.yaml", &block.lines.join("\n"));
            let done = world.dsp(&["explain", "profile.yaml"]);
            assert_eq!(done.status, 0, "{}: {}", document.display(), done.err);
        }
    }
}

#[test]
fn the_profiles_of_the_format_decide_as_it_says() {
    let world = World::without_engine();
    let document = Path::new(ROOT).join("docs/profile-format.md");
    let profiles: Vec<Block> =
        blocks(&document).into_iter().filter(|block| block.need == "profile").collect();
    let asked: [&[(&str, &str)]; 6] = [
        &[
            ("GET /containers/web/json", "allowed by"),
            ("POST /containers/ci-7/start", "allowed by"),
            ("POST /containers/web/start", "is not allowed by"),
            ("GET /images/team/app:1/json", "allowed by"),
            ("POST /containers/web/exec", "is denied by"),
            ("GET /vendor/health", "allowed by"),
            ("GET /vendor/health?any=1", "allowed by"),
            ("GET /vendor/health/more", "not allowed by"),
            ("GET /v1.40/containers/web/json", "min_api"),
        ],
        &[
            ("POST /v1.41/containers/web/start", "allowed for own objects"),
            ("POST /containers/create", "the decision depends on the body"),
            ("POST /containers/web/kill", "is not allowed by"),
        ],
        &[
            ("GET /containers/json?all=1", "allowed by"),
            ("POST /containers/prune", "allowed by"),
            ("GET /networks", "is not allowed by"),
        ],
        &[
            (
                "POST /v1.41/containers/create",
                "it is allowed by profile.yaml: POST /containers/create",
            ),
            ("POST /v1.41/containers/web/update", "(line 14), with"),
            ("GET /info", "is not allowed by"),
        ],
        &[
            ("GET /containers/json", "allowed by"),
            ("GET /v1.41/containers/web/json", "hidden in the answer: environment\n"),
            ("GET /images/team/app:1/json", "hidden in the answer: environment, commands"),
            ("GET /containers/web/top", "is not allowed by"),
        ],
        &[
            ("GET /_ping", "allowed by"),
            ("POST /v4.3.1/libpod/containers/create", "allowed by"),
            ("POST /libpod/containers/create", "allowed by"),
            ("GET /v4.3.1/libpod/info", "is not allowed by"),
        ],
    ];
    assert_eq!(profiles.len(), asked.len());
    for (block, asked) in profiles.iter().zip(asked) {
        world.write("profile.yaml", &block.lines.join("\n"));
        for (request, verdict) in asked {
            let done = world.dsp(&["explain", "profile.yaml", request]);
            assert_eq!(done.status, 0, "{}", done.err);
            assert!(done.out.contains(verdict), "{request}: {}", done.out);
        }
    }
}

#[test]
fn patterns_match_what_the_table_of_the_format_says() {
    let text = read(&Path::new(ROOT).join("docs/profile-format.md"));
    let (_, table) = text.split_once("| rule | matches | does not match |\n").unwrap();
    let quoted = |cell: &str| -> Vec<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let rows: Vec<&str> = table.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 5);
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let rule = &quoted(cells[0])[0];
        let rule = Rule::parse(EngineKind::Docker, rule).unwrap();
        for (cell, expected) in [(cells[1], true), (cells[2], false)] {
            let requests = quoted(cell);
            assert!(!requests.is_empty(), "{row}");
            for request in requests {
                let (method, target) = request.split_once(' ').unwrap();
                let request = CanonicalRequest::parse(EngineKind::Docker, method, target).unwrap();
                let found = request.locate().is_some_and(|located| rule.matches(&located));
                assert_eq!(found, expected, "{rule}: {method} {target}");
            }
        }
    }
}

#[test]
fn the_recording_of_the_documentation_is_one() {
    let world = World::without_engine();
    let text = read(&Path::new(ROOT).join("docs/recording.md"));
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("{\"")).collect();
    assert_eq!(lines.len(), 5);
    world.write("recording.jsonl", &(lines.join("\n") + "\n"));
    let done = world.dsp(&["generate"]);
    let proof = "dsp: complete, minimal, exact: 1 rule, 0 extra operations, ";
    assert!(
        done.status == 0 && done.err.starts_with(proof),
        "each line is read, and the session has its end: {}{}",
        done.out,
        done.err
    );
    assert!(done.out.contains("  - GET /containers/*/stats  # 1 container\n"), "{}", done.out);
}

#[test]
fn the_commands_to_try_it_exist() {
    let text = read(&Path::new(ROOT).join("README.md"));
    for line in ["cargo run -- demo", "cargo install --locked --path . --profile dist"] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
    let text = read(&Path::new(ROOT).join("CONTRIBUTING.md"));
    assert!(text.lines().any(|found| found == "scripts/test"));
    let script = Path::new(ROOT).join("scripts/test");
    let mode = std::fs::metadata(script).unwrap().permissions();
    assert_ne!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o111, 0);
}

/// What newcomers read first stays short; everything else has a page in `docs`.
#[test]
fn the_readme_is_short() {
    let length = read(&Path::new(ROOT).join("README.md")).len();
    assert!((4_000..8_500).contains(&length), "{length} bytes");
}

/// Runs every block that needs an engine, with the CLI of Engine 20.10, whose output the documents
/// show.
pub fn on_the_engine() {
    let world = World::real().unwrap();
    let path = std::env::var("PATH").unwrap();
    let folders = std::env::split_paths(&path);
    let docker = folders.map(|folder| folder.join("docker")).find(|docker| {
        let version = docker.exists().then(|| world.finish(world.command(docker, &["--version"])));
        version.is_some_and(|version| version.out.contains(" 20.10."))
    });
    let Some(docker) = docker else {
        return left_out("no docker CLI of 20.10 is on the PATH, whose output the documents show");
    };
    let dsp = dsp_binary().parent().unwrap().display();
    let path = format!("{dsp}:{}:{path}", docker.parent().unwrap().display());
    run_all("engine", &path, || World::real().unwrap());
}

/// The description of each engine in the table.
const ENGINES: [(EngineKind, &str); 2] = [
    (
        EngineKind::Docker,
        "The version is the first one whose API documents list the operation; 1.24 means 1.24 or \
         older. An engine\nserves the operation under every version that it speaks, and without a version.",
    ),
    (
        EngineKind::Podman,
        "These are for profiles with `engine: podman`. podman has a part of Docker's API, and its own below \
         `/libpod`,\nwhere requests need a version. `root` means the user that podman runs as. A release of podman is the first\none that has the operation; the others are in 4.3, the oldest release that dsp is tested with.",
    ),
];

/// How a level is determined, so that two readers get the same result.
const LEVELS: &str = "Each fact about an operation implies a level, and the highest one is the level of \
the operation:\n\n\
- An operation is judged by its **worst request**: any query, any body, any name in the path, and the worst\n  \
  object that it could name, such as the container with the most rights or the image that everybody runs.\n\
- It is judged **by itself**: by what this request does or reveals, and not by what another operation could\n  \
  do with that. What others do afterwards in normal use counts: they start containers from a tag, mount a\n  \
  volume, read a file.\n\
- The engine is **as installed**: dockerd runs as root, podman as its user. A feature that somebody has to\n  \
  turn on, such as dockerd's `experimental`, counts only for operations that do nothing else.\n\
- **Cost** does not raise the level: neither time, nor load, nor a stream that stays open.\n";

/// `docs/operations.md` is generated from the catalogues; `DSP_README=write` writes it again.
#[test]
fn the_table_of_operations_is_the_catalogue() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
    let mut table = String::from(
        "# Operations\n\nEvery operation that a profile can name, the riskiest first. This page is generated from \
         `src/api/docker.tsv`,\n`src/api/podman.tsv` and `src/api/risks.tsv`, the files that dsp itself \
         reads. What the contents\nof a request can be limited to is in the last column.\n\n## Levels of risk\n\n",
    );
    table += LEVELS;
    table += "\n| level | fact | applies when the worst request |\n|---|---|---|\n";
    for fact in RiskFact::ALL {
        let (risk, word, applies) = (fact.risk(), fact.as_str(), fact.applies());
        table += &format!("| {risk} | {word} | {applies} |\n");
    }
    for (engine, about) in ENGINES {
        let title = engine.title();
        let mut first = title.chars();
        let capital = first.next().unwrap().to_uppercase();
        table += &format!(
            "\n## {capital}{}\n\n{about}\n\n\
             | rule | API versions | risk | permits | because | facts | known from | contents |\n\
             |---|---|---|---|---|---|---|---|\n",
            first.as_str()
        );
        let mut operations: Vec<_> = engine.catalogue().operations().iter().collect();
        operations.sort_by_key(|operation| std::cmp::Reverse(operation.risk));
        let newest = ApiVersion::new(1, 57);
        for operation in operations {
            let versions = match &operation.versions {
                Versions::Any => "any, or none".to_owned(),
                Versions::Documented { since, until } if *until == newest => {
                    format!("from {since}")
                }
                Versions::Documented { since, until } => format!("{since} to {until}"),
                Versions::Prefixed(digits) => {
                    format!("{}.\\* to {}.\\*", digits.start(), digits.end())
                }
            };
            let versions = match operation.since_release {
                Some(release) => format!("{versions}, from podman {release}"),
                None => versions,
            };
            let (risk, permits, reason) = (operation.risk, operation.permits, operation.reason);
            let grounds = operation.grounds().unwrap();
            let facts: Vec<&str> = grounds.facts.iter().map(|fact| fact.as_str()).collect();
            let (facts, source) = (facts.join(", "), grounds.source);
            let contents = crate::contents::facets(engine, operation);
            table += &format!(
                "| `{operation}` | {versions} | {risk} | {permits} | {reason} | {facts} | {source} | {contents} |\n"
            );
        }
    }
    if std::env::var("DSP_README").is_ok_and(|value| value == "write") {
        std::fs::write(path, &table).unwrap();
    }
    assert!(table == std::fs::read_to_string(path).unwrap(), "DSP_README=write writes it again");
}
