//! `scripts/releases`, with an apt that serves two packages of the test's own.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::support::{Done, World, left_out, wait_for};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// An apt that writes down its calls. It fails if there is a file `offline`, and does not finish to
/// install while there is a file `hang`.
const APT: &str = r#"#!/bin/sh
echo "$*" >>"$FAKE/calls"
case "$*" in
indextargets*) echo http://mirror.invalid/debian/; echo http://mirror.invalid/other/ ;;
*update*)
    cp "$3" "$FAKE/settings"
    cp "$(dirname "$3")/sources.list" "$FAKE/sources"
    [ ! -e "$FAKE/offline" ] || { echo "E: Could not resolve 'mirror.invalid'"; exit 100; }
    ;;
*install*)
    touch "$FAKE/installs"
    while [ -e "$FAKE/hang" ]; do sleep 0.02; done
    cp "$FAKE"/*.deb "$(dirname "$3")/cache/archives"
    ;;
esac
"#;

/// The cache, the apt and the packages of a test.
struct Releases {
    world: World,
}

impl Releases {
    /// `None` where packages cannot be made.
    fn new() -> Option<Self> {
        if Command::new("dpkg-deb").arg("--version").output().is_err() {
            left_out("dpkg-deb is missing");
            return None;
        }
        let world = World::without_engine();
        world.write("apt-get", APT);
        // The second one is of a suite that still has files in /bin.
        let done = world.shell(
            "set -e; chmod +x apt-get; mkdir bin; mv apt-get bin\n\
             package() { mkdir -p $1/DEBIAN; \
                 printf 'Package: %s\\nVersion: %s\\nArchitecture: all\\nMaintainer: t <t@t>\\nDescription: t\\n' \
                     $1 $2 >$1/DEBIAN/control; dpkg-deb --build $1 $3; }\n\
             mkdir -p podman/usr/bin podman/etc/containers tool/bin\n\
             echo engine >podman/usr/bin/podman; echo settings >podman/etc/containers/x; echo tool >tool/bin/tool\n\
             package podman 1:9.1+ds-2 podman_1%3a9.1+ds-2_all.deb; package tool 1 tool_1_all.deb",
        );
        assert_eq!(done.status, 0, "{}{}", done.out, done.err);
        Some(Self { world })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.world.command(format!("{ROOT}/scripts/releases"), words);
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.world.path("bin").display()));
        command.env("FAKE", self.world.folder.path());
        command.env("DSP_ENGINE_CACHE", self.world.path("cache")).env_remove("DSP_ENGINE_MIRROR");
        command
    }

    fn run(&self, words: &[&str]) -> Done {
        self.world.finish(self.command(words))
    }

    fn start(&self, words: &[&str]) -> Child {
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn().unwrap()
    }

    fn installs(&self) -> usize {
        let calls = std::fs::read_to_string(self.world.path("calls")).unwrap_or_default();
        calls.lines().filter(|call| call.contains(" install ")).count()
    }

    fn has(&self, name: &str) -> bool {
        self.world.path("cache").join(name).exists()
    }
}

#[test]
fn a_release_is_fetched_once_and_again_when_its_packages_change() {
    let Some(releases) = Releases::new() else { return };
    let first = releases.run(&["fetch", "podman-5"]);
    assert_eq!((first.status, first.out.as_str()), (0, "[DIR]/cache/podman-5\n"), "{}", first.err);
    assert!(first.err.contains("fetching podman-5 from Debian trixie"), "{}", first.err);
    let second = releases.run(&["fetch", "podman-5"]);
    assert_eq!((second.status, &second.out, second.err.as_str()), (0, &first.out, ""));
    assert_eq!(releases.installs(), 1);

    for (file, text) in [
        ("usr/bin/podman", "engine\n"),
        ("usr/bin/tool", "tool\n"),
        ("etc/containers/x", "settings\n"),
        ("version", "podman 1:9.1+ds-2\n"),
    ] {
        assert_eq!(releases.world.read(&format!("cache/podman-5/{file}")), text);
    }
    let clients = releases.run(&["clients", "podman-5"]);
    assert_eq!(clients.out, "[DIR]/cache/podman-5/clients\n");
    assert!(releases.has("podman-5/clients/podman"));
    let list = releases.run(&["list"]).out;
    let line = |name: &str| list.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("podman-5 ").ends_with(" trixie        podman 1:9.1+ds-2"), "{list}");
    assert!(line("podman-6 ").ends_with(" experimental  not fetched"), "{list}");

    releases.world.write("cache/podman-5/recipe", "other packages\n");
    assert_eq!(releases.run(&["fetch", "podman-5"]).status, 0);
    assert_eq!(releases.installs(), 2);
    assert_eq!(releases.run(&["remove", "podman-5"]).status, 0);
    assert!(!releases.has("podman-5"));
}

#[test]
fn apt_uses_and_changes_nothing_of_the_machine() {
    let Some(releases) = Releases::new() else { return };
    assert_eq!(releases.run(&["fetch", "podman-6"]).status, 0);
    let settings = releases.world.read("settings");
    let apt = releases.world.path("cache/podman-6.part/apt").display().to_string();
    let mut places = 0;
    for line in settings.lines().filter(|line| line.starts_with("Dir::")) {
        let value = line.split('"').nth(1).unwrap();
        // Relative ones are below one of the others.
        assert!(value.starts_with(&apt) || !value.contains('/'), "{line}");
        places += usize::from(value.starts_with(&apt));
    }
    assert!(places >= 7, "{settings}");
    for list in ["APT::Update::Post-Invoke", "DPkg::Post-Invoke", "DPkg::Pre-Install-Pkgs"] {
        assert!(settings.contains(&format!("#clear {list};")), "{settings}");
    }
    for call in releases.world.read("calls").lines() {
        let own = call.contains(&format!("-c {apt}/apt.conf"));
        assert!(own || call.starts_with("indextargets "), "{call}");
        assert!(!call.contains(" install ") || call.contains(" --download-only "), "{call}");
    }
    let sources = releases.world.read("sources");
    let words: Vec<String> = sources
        .lines()
        .map(|line| {
            line.split(' ').filter(|word| !word.contains("signed-by")).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let expected = ["sid", "experimental"]
        .map(|suite| format!("deb http://mirror.invalid/debian {suite} main"));
    assert_eq!(words, expected);
}

#[test]
fn two_at_once_fetch_it_once() {
    let Some(releases) = Releases::new() else { return };
    releases.world.write("hang", "");
    let first = releases.start(&["fetch", "podman-5"]);
    wait_for("apt", || releases.world.path("installs").exists());
    let second = releases
        .command(&["fetch", "podman-5"])
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(releases.world.path("second")).unwrap())
        .spawn()
        .unwrap();
    wait_for("the second to wait", || releases.world.read("second").contains("waiting for it"));
    std::fs::remove_file(releases.world.path("hang")).unwrap();
    for child in [first, second] {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(releases.installs(), 1);
}

#[test]
fn an_interrupted_fetch_leaves_nothing_that_counts() {
    let Some(releases) = Releases::new() else { return };
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        releases.world.write("hang", "");
        let mut fetch = releases.start(&["fetch", "podman-5"]);
        wait_for("apt", || releases.world.path("installs").exists());
        kill_process_group(Pid::from_child(&fetch), signal).unwrap();
        assert!(!fetch.wait().unwrap().success());
        assert!(!releases.has("podman-5"));
        // Nobody can clean up after a kill; the next fetch does.
        assert_eq!(releases.has("podman-5.part"), signal == Signal::KILL, "{signal:?}");
        for file in ["hang", "installs"] {
            std::fs::remove_file(releases.world.path(file)).unwrap();
        }
    }
    let done = releases.run(&["fetch", "podman-5"]);
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(releases.has("podman-5") && !releases.has("podman-5.part"));
}

#[test]
fn a_machine_that_is_offline_is_told_so() {
    let Some(releases) = Releases::new() else { return };
    releases.world.write("offline", "");
    let done = releases.run(&["fetch", "podman-5"]);
    assert_eq!((done.status, done.out.as_str()), (1, ""));
    assert!(
        done.err.ends_with(
            "scripts/releases: podman-5: the lists of Debian trixie cannot be fetched: \
             E: Could not resolve 'mirror.invalid'\n"
        ),
        "{}",
        done.err
    );
    assert!(!releases.has("podman-5") && !releases.has("podman-5.part"));
}

#[test]
fn wrong_names_are_answered_with_the_right_ones() {
    let world = World::without_engine();
    for (script, words) in [
        ("releases", &["fetch", "docker-3"][..]),
        ("releases", &["clients", "docker-3"]),
        ("releases", &["remove", "docker-3"]),
        ("engine", &["start", "/tmp/dsp-none", "docker-3"]),
        ("matrix", &["docker-3"]),
    ] {
        let done = world.finish(world.command(format!("{ROOT}/scripts/{script}"), words));
        assert_ne!(done.status, 0);
        assert!(done.err.contains("is called 'docker-3'; there are:"), "{}", done.err);
        for name in ["docker-20.10", "docker-28.5-containerd", "podman-6"] {
            assert!(done.err.contains(name), "{name}: {}", done.err);
        }
        assert!(!Path::new("/tmp/dsp-none").exists());
    }
}

/// The mirror is the machine's own. No registry, mirror or proxy is named in a script.
#[test]
fn no_script_names_a_host() {
    let folders = ["scripts", ".ci"].map(|folder| Path::new(ROOT).join(folder));
    let files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.len() > 10);
    for file in files {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            for rest in line.split("://").skip(1).filter(|_| line.contains("http")) {
                let host = rest.split(['/', ':', ' ', '"', '\'']).next().unwrap();
                let is_ours = !host.contains('.') || host.starts_with("127.0.0.1");
                assert!(is_ours, "{}: {line}", file.display());
            }
        }
    }
}
