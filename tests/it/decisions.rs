//! A person's decisions are not lost: neither if two processes write at once, nor if a change
//! removes a review, nor if the file is not one that dsp may replace.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Stdio;

use crate::support::World;

const PROFILE: &str = "version: 1\nname: p\nallow:\n  - GET /info\n  - POST /containers/*/exec\n  \
    - GET /containers/json\n";

fn recording(paths: &[&str]) -> String {
    let mut text = concat!(
        r#"{"session":{"version":1,"id":"a","start":"2026-01-01T00:00:00Z","dsp":"0.1.0","lossy":false}}"#,
        "\n"
    )
    .to_owned();
    for (number, path) in paths.iter().enumerate() {
        let seq = number + 1;
        text += &format!(
            "{{\"request\":{{\"session\":\"a\",\"seq\":{seq},\"time\":\"2026-01-01T00:00:00Z\",\
             \"connection\":1,\"method\":\"GET\",\"path\":\"{path}\"}}}}\n"
        );
    }
    let count = paths.len();
    text + &format!(
        "{{\"end\":{{\"session\":\"a\",\"time\":\"2026-01-01T00:00:01Z\",\"requests\":{count},\"dropped\":0}}}}\n"
    )
}

#[test]
fn concurrent_decisions_are_not_lost() {
    let world = World::without_engine();
    world.write("r.jsonl", &recording(&["/info", "/images/json", "/volumes"]));
    for _ in 0..12 {
        world.write("p.yaml", PROFILE);
        let start = |args: &[&str]| {
            let mut command = world.dsp_command(args);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let started = [
            start(&["review", "p.yaml", "--deny", "POST /containers/*/exec"]),
            start(&["generate", "--update", "p.yaml", "r.jsonl"]),
            start(&["review", "p.yaml", "--deny", "GET /containers/json"]),
            start(&["review", "p.yaml", "--keep", "GET /info"]),
        ];
        for child in started {
            let done = child.wait_with_output().unwrap();
            let said = String::from_utf8(done.stderr).unwrap();
            assert!(matches!(done.status.code(), Some(0 | 3)), "{said}");
        }
        let text = world.read("p.yaml");
        let (allowed, denied) = text.split_once("deny:").unwrap();
        let (denied, reviewed) = denied.split_once("reviewed:").unwrap();
        assert!(allowed.contains("/images/json") && allowed.contains("/volumes"), "{text}");
        assert!(denied.contains("/exec") && denied.contains("GET /containers/json"), "{text}");
        assert!(reviewed.contains("GET /info"), "{text}");
    }
    let left: Vec<_> = fs::read_dir(world.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".tmp") || name.contains("lock"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn a_profile_that_another_process_keeps_is_left_alone() {
    let world = World::without_engine();
    let path = world.write("p.yaml", PROFILE);
    let other = File::open(path).unwrap();
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let done = world.dsp(&["review", "p.yaml", "--deny", "GET /info"]);
    assert_eq!(done.status, 1);
    assert!(done.err.contains("p.yaml is locked by another process"), "{}", done.err);
    assert_eq!(world.read("p.yaml"), PROFILE);
    drop(other);
    assert_eq!(world.dsp(&["review", "p.yaml", "--deny", "GET /info"]).status, 3);
}

#[test]
fn a_profile_keeps_its_mode_and_its_owner() {
    let world = World::without_engine();
    let path = world.write("p.yaml", PROFILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        std::os::unix::fs::chown(&path, Some(4321), Some(4322)).unwrap();
    }
    let before = fs::metadata(&path).unwrap();
    assert_eq!(world.dsp(&["review", "p.yaml", "--deny", "GET /info"]).status, 3);
    let after = fs::metadata(&path).unwrap();
    let identity = |of: &fs::Metadata| (of.mode(), of.uid(), of.gid());
    assert_eq!(identity(&before), identity(&after));
    assert_ne!(before.ino(), after.ino(), "it was replaced as a whole");
}

#[test]
fn nothing_is_written_through_a_link() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    world.write("r.jsonl", &recording(&["/info"]));
    world.write("victim", "mine\n");
    let link = |name: &str, to: &str| symlink(world.path(to), world.path(name)).unwrap();
    for name in ["o.yaml", "o.html", "o.sarif", "o.json", "o.cfg", "o.schema", "dsp.1"] {
        link(name, "victim");
    }
    link("dangling.yaml", "made");
    link("profile-link.yaml", "p.yaml");
    link("dsp-check.1", "victim");
    for args in [
        &["generate", "r.jsonl", "-o", "o.yaml"] as &[&str],
        &["generate", "r.jsonl", "-o", "dangling.yaml"],
        &["generate", "r.jsonl", "--update", "profile-link.yaml"],
        &["review", "profile-link.yaml", "--deny", "GET /info"],
        &["report", "p.yaml", "-o", "o.html"],
        &["check", "p.yaml", "r.jsonl", "--format", "sarif=o.sarif"],
        &["check", "p.yaml", "r.jsonl", "--format", "json=o.json"],
        &["diff", "p.yaml", "p.yaml", "--format", "markdown=dangling.yaml"],
        &["export", "p.yaml", "--format", "haproxy", "-o", "o.cfg"],
        &["schema", "-o", "o.schema"],
        &["man", "-o", "."],
    ] {
        let done = world.dsp(args);
        assert_eq!(done.status, 1, "{args:?}: {}{}", done.out, done.err);
        assert!(
            done.err.contains("is a symbolic link") || done.err.contains("exists"),
            "{}",
            done.err
        );
    }
    assert_eq!(world.read("victim"), "mine\n");
    assert_eq!(world.read("p.yaml"), PROFILE);
    assert!(!world.path("made").exists());
    // Links are followed for reading, to files and to folders.
    assert_eq!(world.dsp(&["check", "profile-link.yaml", "r.jsonl"]).status, 0);
}

#[test]
fn recordings_and_audit_logs_do_not_follow_links() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    symlink(world.path("made"), world.path("link.jsonl")).unwrap();
    let done = world.dsp(&["record", "-o", "link.jsonl", "--", "true"]);
    assert_eq!(done.status, 125, "{}", done.err);
    assert!(done.err.contains("it is a symbolic link, which dsp does not follow"), "{}", done.err);
    let done = world.dsp(&["enforce", "p.yaml", "--audit-log", "link.jsonl", "--", "true"]);
    assert_eq!(done.status, 125, "{}", done.err);
    assert!(!world.path("made").exists());
    fs::create_dir(world.path("folder")).unwrap();
    symlink("folder", world.path("way")).unwrap();
    assert_eq!(world.dsp(&["record", "-o", "way/r.jsonl", "--", "true"]).status, 0);
}

#[test]
fn a_step_summary_does_not_follow_links() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    world.write("victim", "mine\n");
    symlink(world.path("victim"), world.path("summary")).unwrap();
    let mut command = world.dsp_command(&["diff", "p.yaml", "p.yaml", "--format", "github"]);
    command.env("GITHUB_STEP_SUMMARY", world.path("summary"));
    let done = world.finish(command);
    assert_eq!(done.status, 1, "{}{}", done.out, done.err);
    assert_eq!(world.read("victim"), "mine\n");
}

#[test]
fn a_report_takes_the_place_of_a_report_of_its_kind_only() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    world.write("r.jsonl", &recording(&["/info", "/volumes"]));
    let formats = ["text", "json", "sarif", "github", "junit", "markdown"];
    for format in formats {
        let to = format!("{format}=out.{format}");
        for _ in 0..2 {
            let done = world.dsp(&["check", "p.yaml", "r.jsonl", "--format", &to]);
            assert_eq!(done.status, 3, "{format}: {}", done.err);
        }
        for other in ["p.yaml", "r.jsonl"] {
            let before = world.read(other);
            let to = format!("{format}={other}");
            let done = world.dsp(&["check", "p.yaml", "r.jsonl", "--format", &to]);
            assert_eq!(done.status, 1, "{to}: {}", done.err);
            assert!(done.err.contains("so dsp does not overwrite it"), "{}", done.err);
            assert_eq!(world.read(other), before);
        }
    }
    for _ in 0..2 {
        assert_eq!(world.dsp(&["report", "p.yaml", "-o", "r.html"]).status, 0);
        assert_eq!(world.dsp(&["schema", "-o", "s.json"]).status, 0);
        assert_eq!(world.dsp(&["man", "-o", "man"]).status, 0);
    }
    assert_eq!(world.dsp(&["report", "p.yaml", "-o", "p.yaml"]).status, 1);
    assert_eq!(world.dsp(&["schema", "-o", "r.html"]).status, 1);
    let piped =
        world.shell("dsp check p.yaml r.jsonl --format json=/dev/stdout --format sarif=/dev/null");
    assert!(piped.out.starts_with('{'), "{}{}", piped.out, piped.err);
}

#[test]
fn only_a_review_accepts_what_a_person_has_to_review() {
    let world = World::without_engine();
    world.write("r.jsonl", &recording(&["/info"]));
    for code in ["unreviewed", "risk-rose"] {
        let accept =
            format!("accept:\n  - code: {code}\n    rule: GET /info\n    reason: needed\n");
        world.write("p.yaml", &format!("{PROFILE}{accept}"));
        for severity in ["unreviewed=error", "unreviewed=note"] {
            let done = world.dsp(&["check", "p.yaml", "r.jsonl", "--severity", severity]);
            assert_eq!(done.status, 1, "{}{}", done.out, done.err);
            assert!(done.err.contains("cannot be accepted here"), "{}", done.err);
        }
    }
}

#[test]
fn a_removed_review_is_an_error() {
    let world = World::without_engine();
    world.write("r.jsonl", &recording(&["/info", "/containers/json"]));
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    assert_eq!(world.dsp(&["review", "-q", "p.yaml", "--keep", "read"]).status, 0);
    let reviewed = world.read("p.yaml");
    world.write("old.yaml", &reviewed);
    let without = reviewed.split("reviewed:").next().unwrap();
    world.write(
        "p.yaml",
        &without.replace("- GET /info\n", "- GET /info\n  - GET /containers/json\n"),
    );
    let plain = world.dsp(&["check", "p.yaml", "r.jsonl"]);
    assert_eq!(plain.status, 0, "a draft: {}", plain.out);
    let against = world.dsp(&["check", "p.yaml", "r.jsonl", "--against", "old.yaml"]);
    assert_eq!(against.status, 3, "{}", against.out);
    let message = "error[unreviewed]: old.yaml was reviewed, but the review was removed";
    assert!(against.out.contains(message), "{}", against.out);
    let diff = world.dsp(&["diff", "old.yaml", "p.yaml"]);
    assert_eq!(diff.status, 3, "{}", diff.out);
    insta::assert_snapshot!(diff.out);
    let draft = world.dsp(&["diff", "p.yaml", "p.yaml", "--fail-on", "unreviewed"]);
    assert_eq!(draft.status, 0, "{}", draft.out);
}

#[test]
fn dsp_reads_the_profiles_that_it_writes() {
    let world = World::without_engine();
    let bound = 1 << 20;
    world.write("p.yaml", &format!("{PROFILE}#{}\n", "-".repeat(bound - PROFILE.len() - 2)));
    assert_eq!(fs::metadata(world.path("p.yaml")).unwrap().len(), 1 << 20);
    assert_eq!(world.dsp(&["explain", "p.yaml"]).status, 0, "the bound itself can be read");
    world.write("r.jsonl", &recording(&["/info", "/volumes"]));
    let before = world.read("p.yaml");
    for args in [
        &["generate", "--update", "p.yaml", "r.jsonl"] as &[&str],
        &["review", "p.yaml", "--deny", "GET /info"],
        &["review", "p.yaml", "--keep", "read"],
    ] {
        let done = world.dsp(args);
        let said: String = done.err.chars().take(400).collect();
        assert_eq!(done.status, 1, "{args:?} {said}");
        assert!(said.contains("dsp reads at most 1048576; nothing was written"), "{said}");
        assert_eq!(world.read("p.yaml"), before);
    }
    // A new file with more rules than dsp would read.
    let paths: Vec<String> =
        (0..400).map(|number| format!("/containers/{number:03000}/json")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    world.write("many.jsonl", &recording(&paths));
    for output in [&["-o", "new.yaml"] as &[&str], &[]] {
        let done = world.dsp(&[&["generate", "--names", "exact", "many.jsonl"], output].concat());
        assert_eq!((done.status, done.out.as_str()), (1, ""), "{}", done.err);
        assert!(done.err.contains("dsp reads at most 1048576"), "{}", done.err);
        assert!(!world.path("new.yaml").exists());
    }
}
