//! What the project's own scripts and tests may do to the machine that they run on.

use std::path::{Path, PathBuf};

/// The script that gives each engine its own namespaces.
const SCRIPT: &str = "scripts/engine";
/// An engine that simulates a machine's own, in namespaces that its test creates.
const MACHINE: &str = "tests/it/real_engine/machine.sh";

/// Programs that are engines or start one.
const ENGINES: [&str; 5] =
    ["dockerd", "dockerd-rootless.sh", "containerd", "rootlesskit", "podman"];

/// Words before a command that do not change it.
const BEFORE: [&str; 14] = [
    "!", "do", "else", "env", "exec", "if", "in_world", "nice", "nohup", "setsid", "sudo", "then",
    "until", "while",
];

/// The commands in a line of shell that start an engine. podman with `--remote` is a client, and so
/// are its commands for information.
fn starts(line: &str) -> Vec<&str> {
    let code = line.split(" #").next().unwrap().trim_start();
    let commands = code.split(['|', '&', ';', '(', ')', '`', '"', '\'']);
    let is_engine = |command: &&str| {
        let words: Vec<&str> = command.split_whitespace().collect();
        let is_setting = |word: &str| {
            word.contains('=') && word.starts_with(|first: char| first.is_ascii_alphabetic())
        };
        let is_before =
            |word: &&&str| BEFORE.contains(*word) || is_setting(word) || word.starts_with('-');
        let first = words.iter().take_while(is_before).count();
        words.iter().enumerate().any(|(at, word)| {
            let name = word.rsplit('/').next().unwrap();
            let next = words.get(at + 1).copied().unwrap_or_default();
            let is_client = name == "podman" && matches!(next, "" | "--remote" | "--version");
            let is_command = at == first || (name != "podman" && next.starts_with('-'));
            ENGINES.contains(&name) && is_command && !is_client
        })
    };
    if code.starts_with('#') { Vec::new() } else { commands.filter(is_engine).collect() }
}

/// Whether a line of Rust runs an engine.
fn runs(line: &str) -> bool {
    let of = |engine: &&str| {
        line.contains(&format!("Command::new(\"{engine}\")")) && !line.contains("--version")
    };
    ENGINES.iter().any(of)
}

/// The files in a folder, without build results.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, mut found): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let made = |path: &PathBuf| path.ends_with("target") || path.ends_with("corpus");
    found.extend(folders.iter().filter(|path| !made(path)).flat_map(|path| files(path)));
    found
}

#[test]
fn engines_are_started_by_one_script_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut shell, mut rust) = (0, 0);
    for folder in ["scripts", "tests", "fixtures", "benches", "fuzz"] {
        for file in files(&root.join(folder)) {
            let name = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            let is_shell = text.starts_with("#!/usr/bin/env bash") || name.ends_with(".sh");
            for (number, line) in text.lines().enumerate() {
                let at = format!("{name}:{}: {line}", number + 1);
                if is_shell && name != SCRIPT && name != MACHINE {
                    assert_eq!(starts(line), Vec::<&str>::new(), "{at}\nuse {SCRIPT}");
                } else if name.ends_with(".rs") && name != file!() {
                    assert!(!runs(line), "{at}\nuse {SCRIPT}");
                }
            }
            shell += usize::from(is_shell);
            rust += usize::from(name.ends_with(".rs"));
        }
    }
    assert!(shell > 20 && rust > 50, "{shell} scripts and {rust} files of Rust were read");
    let script = std::fs::read_to_string(root.join(SCRIPT)).unwrap();
    let started = script.lines().flat_map(starts).count();
    assert!(started >= 2, "those of {SCRIPT} are seen: {started}");
}

#[test]
fn lines_that_start_an_engine_are_known() {
    for line in [
        "dockerd --data-root /x &",
        "    env PATH=/x exec dockerd -H unix:///x",
        "sudo -E /usr/sbin/dockerd >log",
        "true; nohup podman system service --time 0 unix:///x",
        "x=$(podman run busybox)",
        "unshare --net dockerd --debug",
        "timeout 5 dockerd -D",
    ] {
        assert_eq!(starts(line).len(), 1, "{line}");
    }
    for line in [
        "command -v dockerd >/dev/null || echo docker.io",
        "# dockerd --debug",
        "record dockerd \"unix://$dir/dsp.sock\"",
        "podman --remote run busybox",
        "podman --version",
        "docker run -d busybox",
    ] {
        assert_eq!(starts(line), Vec::<&str>::new(), "{line}");
    }
    assert!(runs("Command::new(\"dockerd\").arg(\"-D\")"));
    assert!(!runs("Command::new(\"podman\").arg(\"--version\").output()"));
}
