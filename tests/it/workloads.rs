//! The real programs that were recorded for profiles: each profile is exactly what its recordings
//! need.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dsp::api::Risk;
use dsp::contents::Schema;
use dsp::escapes::{Concern, left_open};
use dsp::learn::Gathering;
use dsp::policy::Enforcer;
use dsp::profile::{SHIPPED, Shipped};

use crate::support::World;

/// The folders of fixtures that are not workloads.
const OTHERS: [&str; 1] = ["logs"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Programs that give their objects random names, so that some values are not used in any recording.
const OF_CHANCE: [&str; 1] = ["testcontainers-node"];

/// The profile of a workload as its exercise runs under it: a person adds the folders that are mounted
/// (`own_profile` of `scripts/workloads`).
fn own_profile(name: &str) -> String {
    let text = Shipped::named(name).unwrap().text;
    let Ok(added) = fs::read_to_string(folder().join(name).join("mounts")) else {
        return text.to_owned();
    };
    let place = "      mounts:\n";
    assert!(text.contains(place), "{name} has no mounts to add to");
    text.replacen(place, &format!("{place}{added}"), 1)
}

/// The names of all workloads: a workload is a folder.
fn names() -> BTreeSet<String> {
    let folders = fs::read_dir(folder()).unwrap().map(Result::unwrap);
    folders
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !OTHERS.contains(&name.as_str()))
        .collect()
}

fn recordings(name: &str) -> Vec<String> {
    let files = fs::read_dir(folder().join(name)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<String> = files
        .filter(|file| file.extension().is_some_and(|extension| extension == "jsonl"))
        .map(|file| file.to_str().unwrap().to_owned())
        .collect();
    files.sort();
    files
}

#[test]
fn each_has_a_profile_and_each_profile_of_a_program_has_one() {
    let of_programs = SHIPPED.iter().filter(|shipped| shipped.program().is_some());
    assert_eq!(names(), of_programs.map(|shipped| shipped.name.to_owned()).collect());
}

#[test]
fn each_can_be_installed_driven_and_recorded_again() {
    use std::os::unix::fs::PermissionsExt;
    for name in names() {
        for script in ["install", "exercise"] {
            let script = folder().join(&name).join(script);
            let mode = fs::metadata(&script).unwrap_or_else(|_| panic!("no {}", script.display()));
            assert_eq!(mode.permissions().mode() & 0o111, 0o111, "{}", script.display());
        }
        let recordings = recordings(&name);
        assert!(!recordings.is_empty(), "{name} has no recording");
        for recording in recordings {
            let size = fs::metadata(&recording).unwrap().len();
            assert!(size < 200 * 1024, "{recording} has {size} bytes");
        }
    }
}

/// What a recording's name says: `NAME[-VERSION][-ENGINE].jsonl`.
struct Made<'a> {
    version: Option<&'a str>,
    engine: Option<&'a str>,
}

fn made<'a>(name: &str, recording: &'a str) -> Made<'a> {
    let stem = Path::new(recording).file_stem().unwrap().to_str().unwrap();
    let rest = stem.strip_prefix(name).unwrap_or_else(|| panic!("{recording} is not of {name}"));
    let (version, engine) = match rest.split_once("-docker-") {
        Some((version, engine)) => (version, Some(engine)),
        None => (rest, None),
    };
    Made { version: version.strip_prefix('-'), engine }
}

/// The versions of the engines that a recording is of, without what Debian adds.
fn engines(recording: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(recording).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines
        .filter_map(|line| line["session"]["engine"]["version"].as_str().map(str::to_owned))
        .map(|version| version.split('+').next().unwrap().trim_start_matches('v').to_owned())
        .collect()
}

/// The words of a text that begin with a digit.
fn versions(text: &str) -> BTreeSet<String> {
    text.split([' ', ','])
        .filter(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_head_of_each_names_the_engines_and_versions_that_were_recorded() {
    for name in names() {
        let shipped = Shipped::named(&name).unwrap();
        let recordings = recordings(&name);
        let recorded: BTreeSet<String> = recordings.iter().flat_map(|file| engines(file)).collect();
        assert_eq!(versions(&shipped.engines().unwrap()), recorded, "Engines: of {name}");
        let programs = versions(&shipped.program().unwrap());
        for recording in &recordings {
            let made = made(&name, recording);
            if let Some(version) = made.version {
                let is_named = programs.iter().any(|program| program.starts_with(version));
                assert!(is_named, "Program: of {name} does not name {version}");
            }
            // Docker Engine 29 is built from a module that counts differently.
            if let Some(engine) = made.engine.filter(|engine| *engine != "29") {
                let engine = engine.trim_end_matches("-containerd");
                assert!(engines(recording).iter().all(|is| is.starts_with(engine)), "{recording}");
            }
        }
    }
}

/// As `docs/profiles.md` says: engines of different years answer programs differently.
#[test]
fn each_was_recorded_on_an_old_engine_and_on_new_ones() {
    for name in names() {
        let recordings = recordings(&name);
        let engines: BTreeSet<_> = recordings.iter().map(|file| made(&name, file).engine).collect();
        for engine in [None, Some("28.5"), Some("29")] {
            assert!(engines.contains(&engine), "{name} was not recorded on {engine:?}");
        }
    }
}

/// Otherwise an exercise would mistake the output of an earlier run for its own.
#[test]
fn a_program_that_is_started_again_begins_with_an_empty_log() {
    let world = World::without_engine();
    let common = folder().join("common.sh");
    let line = format!(
        "bash -c 'WORK=$PWD; . {}; engine() {{ :; }}; for n in $(seq 20); do \
         line=; echo old >x.log; start_program x echo new; read -r line <x.log || :; \
         [ \"$line\" != old ] || exit 9; wait; \
         grep -q new x.log || exit 8; done'",
        common.display()
    );
    let done = world.shell(&line);
    assert_eq!((done.status, done.out.as_str()), (0, ""), "{}", done.err);
}

/// Applies the code that `enforce` runs to each request: what it contained is known as facts, and whose its
/// objects were as the recording tells.
#[test]
fn each_profile_lets_through_all_that_was_recorded() {
    for name in names() {
        let profile = dsp::profile::parse(&own_profile(&name)).unwrap();
        let enforcer = Enforcer::new(&profile);
        let (mut asked, mut contained) = (0, 0);
        for recording in recordings(&name) {
            let mut gathering = Gathering::default();
            for line in fs::read_to_string(&recording).unwrap().lines() {
                gathering.absorb(serde_json::from_str(line).unwrap());
            }
            for known in gathering.finish(profile.engine).known() {
                for (demand, demanded) in &known.demands {
                    for version in &demanded.versions {
                        let denial = known.denial(&enforcer, demand, *version);
                        assert!(denial.is_none(), "{name}: {}", denial.unwrap());
                        asked += 1;
                    }
                    contained += usize::from(demand.facts.is_some());
                }
            }
        }
        assert!(asked > 0, "{name} recorded nothing");
        let is_confined = profile.allow.iter().any(|entry| entry.value.contents().is_some());
        assert!(contained > 0 || !is_confined, "{name} has no contents");
    }
}

/// A rule without contents for an operation that has some would leave everything open. Where the name of
/// an object is all that decides, it may be one.
#[test]
fn no_profile_creates_or_runs_with_any_contents() {
    for shipped in SHIPPED {
        let profile = dsp::profile::parse(shipped.text).unwrap();
        for entry in &profile.allow {
            let rule = &entry.value;
            let is_open = rule.contents().is_none() && Schema::of(rule.operation()).is_some();
            let is_root = rule.without_contents().risk() == Risk::Root;
            // Only a path in a container, which says nothing about whose it is.
            let is_path = rule.operation().name == "PutContainerArchive";
            assert!(!is_open || !is_root || is_path, "{}: {rule}", shipped.name);
        }
    }
}

/// A profile leaves no escape open that contents could close, unless its head names it, with a reason.
#[test]
fn each_escape_by_contents_that_is_left_open_has_a_reason_in_the_head() {
    let all: BTreeSet<&str> = dsp::escapes::all().iter().map(|escape| escape.name).collect();
    for shipped in SHIPPED {
        let profile = dsp::profile::parse(shipped.text).unwrap();
        let open = left_open(&profile).into_iter().map(|open| open.escape);
        let open = open.filter(|escape| escape.concern == Concern::Contents);
        let open: BTreeSet<&str> = open.map(|escape| escape.name).collect();
        let head = shipped.left_open().unwrap_or_default();
        let mut named = BTreeSet::new();
        for reason in head.trim_end_matches('.').split("; ").filter(|reason| !reason.is_empty()) {
            let (names, why) =
                reason.split_once(": ").unwrap_or_else(|| panic!("no reason: {reason}"));
            assert!(why.contains(' '), "{}: {reason}", shipped.name);
            named.extend(names.split(", "));
        }
        let unknown: Vec<_> = named.difference(&all).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", shipped.name);
        assert_eq!(named, open, "Left open: of {}", shipped.name);
    }
}

/// `check` reports rules that were never used, as errors here, and rules that nobody has reviewed.
#[test]
fn no_profile_allows_what_was_not_recorded_or_not_reviewed() {
    let world = World::without_engine();
    let checked = |profile: &str, files: &[String]| {
        let mut words = vec!["check", profile];
        words.extend(files.iter().map(String::as_str));
        words.extend(["--severity", "unused-rule=error", "--severity", "unreviewed=error"]);
        world.dsp(&words)
    };
    for name in names() {
        let own = format!("{name}.yaml");
        world.write(&own, &own_profile(&name));
        let mut words = vec!["check", &own, "--severity", "unused-rule=error"];
        let recordings = recordings(&name);
        words.extend(recordings.iter().map(String::as_str));
        if !OF_CHANCE.contains(&name.as_str()) {
            words.extend(["--severity", "unused-value=error"]);
        }
        // What a person adds is not reviewed.
        let is_added = folder().join(&name).join("mounts").exists();
        words.extend(["--severity", if is_added { "unreviewed=off" } else { "unreviewed=error" }]);
        let done = world.dsp(&words);
        assert_eq!(done.status, 0, "{name}: {}{}", done.out, done.err);
    }
    // The check can fail: it finds a rule without evidence.
    let monitor = &Shipped::named("docker-cli-monitoring").unwrap().text;
    world.write("wider.yaml", &monitor.replace("allow:\n", "allow:\n  - POST /volumes/create\n"));
    let done = checked("wider.yaml", &recordings("docker-cli-monitoring"));
    assert_eq!(done.status, 3, "{}", done.err);
    for code in ["unused-rule", "unreviewed"] {
        assert!(done.out.contains(&format!("error[{code}]")), "{}", done.out);
    }
}

/// Each program does its work under its profile, on the engine that `DSP_WORKLOADS_ENGINE` names.
/// Opt-in, because it needs root, an engine, a registry, and programs that take minutes to build:
/// `scripts/workloads install NAME...` installs them in the folder that `DSP_TEST_WORKLOADS` names.
#[test]
fn each_installed_one_does_its_work_under_its_profile() {
    let Some(programs) = std::env::var_os("DSP_TEST_WORKLOADS") else {
        eprintln!("left out: DSP_TEST_WORKLOADS names no folder of programs");
        return;
    };
    let mut failed = Vec::new();
    // NAME, or NAME@VERSION for a program in another version.
    let installed = fs::read_dir(&programs).unwrap();
    let installed = installed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let known = names();
    for name in installed.filter(|name| known.contains(name.split('@').next().unwrap())) {
        let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/workloads"))
            .args(["enforce", &name])
            .env("DSP", env!("CARGO_BIN_EXE_dsp"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            failed.push(format!("{name}\n{}", String::from_utf8_lossy(&said)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
