//! The README is run: its commands print what it says, its profile is one.
//!
//! A block of commands or YAML has a mark before it that says what it needs: `engine`, `sample` or
//! `profile`. `DSP_README=write` puts what the commands print into the README.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use dsp::api::{EngineKind, RiskFact, Versions};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{World, dsp_binary};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

/// The port in the README; the test takes one that is free.
const PORT: &str = "2379";

/// The lines of a marked block, without its fence.
struct Block {
    need: String,
    first: usize,
    lines: Vec<String>,
}

/// A command and what it prints.
struct Step {
    command: String,
    output: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().collect();
    let mut blocks = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if !matches!(*line, "```console" | "```yaml") {
            continue;
        }
        let mark = lines[number - 1].strip_prefix("<!-- test: ");
        let need = mark.and_then(|rest| rest.strip_suffix(" -->"));
        let need = need.unwrap_or_else(|| panic!("README.md:{}: no mark", number + 1)).to_owned();
        let inside = lines[number + 1..].iter().take_while(|line| **line != "```");
        blocks.push(Block {
            need,
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

/// Runs all blocks with this need, one after the other, and compares.
fn run(world: &World, need: &str, path: &str) {
    let text = std::fs::read_to_string(PATH).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let write = std::env::var("DSP_README").is_ok_and(|value| value == "write");
    let mut written: Vec<String> = text.lines().map(str::to_owned).collect();
    // From the end, so that the places of the blocks before stay right.
    let mut replaced = Vec::new();
    for block in blocks(&text).iter().filter(|block| block.need == need) {
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
                compare(&step, &printed);
            }
            lines.push(format!("$ {}", step.command));
            lines.extend(printed.lines().map(|line| line.trim_end().to_owned()));
        }
        replaced.push((block.first, block.lines.len(), lines));
    }
    assert!(!replaced.is_empty());
    if write {
        for (first, count, lines) in replaced.into_iter().rev() {
            written.splice(first..first + count, lines);
        }
        std::fs::write(PATH, written.join("\n") + "\n").unwrap();
    }
}

/// A program that the README puts into the background.
struct Background(Child);

impl Background {
    /// Starts it and returns what it prints when it serves.
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

/// What dsp prints is the same line by line; where docker prints too, which knows of whatever else
/// is on the engine, all that the README shows is there in its order.
fn compare(step: &Step, printed: &str) {
    let expected: Vec<String> = step.output.iter().map(|line| plain(line)).collect();
    let found: Vec<String> = printed.lines().map(plain).collect();
    let shown = format!("$ {}\n{printed}", step.command);
    if step.command.contains("docker ") {
        let mut rest = found.iter();
        for line in &expected {
            assert!(rest.any(|other| other == line), "missing: {line}\n{shown}");
        }
    } else {
        assert_eq!(expected, found, "{shown}");
    }
}

/// A line with IDs, sizes, numbers and the width of columns made equal.
fn plain(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        let id = word.len() >= 12 && word.chars().all(|character| character.is_ascii_hexdigit());
        if id {
            "ID".to_owned()
        } else if is_size(word) {
            "SIZE".to_owned()
        } else {
            without_numbers(word)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// How much a container has read and sent is `0B` on one machine and `4.1kB` on the next.
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
fn what_needs_no_engine_is_as_the_readme_says() {
    let world = World::sample();
    let log = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/logs/haproxy.log");
    world.write("haproxy.log", &std::fs::read_to_string(log).unwrap());
    let folder = dsp_binary().parent().unwrap().display();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    run(&world, "sample", &path);
}

#[test]
fn the_profiles_of_the_readme_are_profiles() {
    let world = World::without_engine();
    let text = std::fs::read_to_string(PATH).unwrap();
    let profiles: Vec<Block> =
        blocks(&text).into_iter().filter(|block| block.need == "profile").collect();
    let asked: [&[(&str, &str)]; 2] = [
        &[
            ("GET /containers/web/json", "allowed by"),
            ("POST /containers/ci-7/start", "allowed by"),
            ("POST /containers/web/start", "is not allowed by"),
            ("GET /images/team/app:1/json", "allowed by"),
            ("POST /containers/web/exec", "is denied by"),
            ("GET /vendor/health", "allowed by"),
            ("GET /v1.40/containers/web/json", "min_api"),
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
fn the_recording_of_the_documentation_is_one() {
    let world = World::without_engine();
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/recording.md"));
    let text = text.unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("{\"")).collect();
    assert_eq!(lines.len(), 5);
    world.write("recording.jsonl", &(lines.join("\n") + "\n"));
    let done = world.dsp(&["generate"]);
    assert_eq!(
        (done.status, done.err.as_str()),
        (0, "dsp: complete, minimal, exact: 1 rule, 0 extra operations\n"),
        "each line is read, and the session has its end: {}",
        done.out
    );
    assert!(done.out.contains("  - GET /containers/*/stats  # 1 container\n"), "{}", done.out);
}

#[test]
fn the_commands_to_try_it_exist() {
    let text = std::fs::read_to_string(PATH).unwrap();
    for line in ["cargo run --release -- demo", "scripts/test"] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/test");
    let mode = std::fs::metadata(script).unwrap().permissions();
    assert_ne!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o111, 0);
}

/// Every block of the README that needs an engine, with the CLI of Engine 20.10, whose words it
/// shows.
pub fn on_the_engine(world: &World) {
    let path = std::env::var("PATH").unwrap();
    let folders = std::env::split_paths(&path);
    let docker = folders.map(|folder| folder.join("docker")).find(|docker| {
        let version = docker.exists().then(|| world.finish(world.command(docker, &["--version"])));
        version.is_some_and(|version| version.out.contains(" 20.10."))
    });
    let Some(docker) = docker else {
        eprintln!(
            "no docker CLI of 20.10 is on the PATH, so the README's engine blocks are left out"
        );
        return;
    };
    let dsp = dsp_binary().parent().unwrap().display();
    run(world, "engine", &format!("{dsp}:{}:{path}", docker.parent().unwrap().display()));
}

/// What the table says of each engine.
const ENGINES: [(EngineKind, &str); 2] = [
    (
        EngineKind::Docker,
        "The version is the first whose documents list the operation; 1.24 means that or an older \
         one. An engine\nserves it under every version that it speaks, and without one.",
    ),
    (
        EngineKind::Podman,
        "For a profile with `engine: podman`. Of Docker's API podman has a part; its own is below \
         `/libpod`,\nwhere requests need a version. `root` means the user that podman runs as.",
    ),
];

/// How a level is found, so that two readers find the same one.
const LEVELS: &str = "The level of an operation is the highest of the facts about it, and a fact \
gives one level:\n\n\
- It is judged by its **worst request**: any query, any body, any name in the path, and the worst thing\n  \
  that it could name: the container with the most rights, the image that everybody runs.\n\
- It is judged **by itself**: what this request does or gives, and not what another operation could make\n  \
  of that. What others do afterwards in their ordinary course counts: they start containers from a tag,\n  \
  mount a volume, read a file.\n\
- The engine is one **as it is installed**: dockerd as root, podman as its user. What only works with a\n  \
  feature that somebody has to switch on, such as dockerd's `experimental`, counts for operations that\n  \
  are about nothing else.\n\
- **Cost** raises no level: no time, no load and no stream that stays open.\n";

/// `docs/operations.md` is made from the catalogues; `DSP_README=write` makes it anew.
#[test]
fn the_table_of_operations_is_the_catalogue() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
    let mut table = String::from(
        "# Operations\n\nEvery operation that a profile can name, the riskiest first. Made from \
         `src/api/docker.tsv`,\n`src/api/podman.tsv` and `src/api/risks.tsv`, which are what dsp itself \
         reads.\n\n## Levels of risk\n\n",
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
             | rule | API versions | risk | permits | because | facts | known from |\n\
             |---|---|---|---|---|---|---|\n",
            first.as_str()
        );
        let mut operations: Vec<_> = engine.catalogue().operations().iter().collect();
        operations.sort_by_key(|operation| std::cmp::Reverse(operation.risk));
        for operation in operations {
            let versions = match &operation.versions {
                Versions::Any => "any, or none".to_owned(),
                Versions::Documented { since, .. } => format!("from {since}"),
                Versions::Prefixed(digits) => {
                    format!("{}.\\* to {}.\\*", digits.start(), digits.end())
                }
            };
            let (risk, permits, reason) = (operation.risk, operation.permits, operation.reason);
            let grounds = operation.grounds().unwrap();
            let facts: Vec<&str> = grounds.facts.iter().map(|fact| fact.as_str()).collect();
            let (facts, source) = (facts.join(", "), grounds.source);
            table += &format!(
                "| `{operation}` | {versions} | {risk} | {permits} | {reason} | {facts} | {source} |\n"
            );
        }
    }
    if std::env::var("DSP_README").is_ok_and(|value| value == "write") {
        std::fs::write(path, &table).unwrap();
    }
    assert!(table == std::fs::read_to_string(path).unwrap(), "DSP_README=write makes it anew");
}
