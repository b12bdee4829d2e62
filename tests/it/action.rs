//! The steps of `action.yml`, run as the runner runs them, with inputs and files that an attacker
//! chose.

use std::os::unix::fs::symlink;

use crate::support::{Done, World, dsp_binary};

const PROFILE: &str = "version: 1\nname: p\nallow:\n  - GET /info\n";

const RECORDING: &str = concat!(
    r#"{"session":{"version":1,"id":"a","start":"2026-01-01T00:00:00Z","dsp":"0.1.0","lossy":false}}"#,
    "\n",
    r#"{"request":{"session":"a","seq":1,"time":"2026-01-01T00:00:00Z","connection":1,"method":"GET","path":"/info"}}"#,
    "\n",
    r#"{"end":{"session":"a","time":"2026-01-01T00:00:01Z","requests":1,"dropped":0}}"#,
    "\n"
);

/// The script of a step.
fn script(step: &str) -> String {
    let action = include_str!("../../action.yml");
    let (_, behind) = action.split_once(&format!("- name: {step}\n")).unwrap();
    let (_, script) = behind.split_once("      run: |\n").unwrap();
    script
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("        "))
        .fold(String::new(), |all, line| {
            all + line.strip_prefix("        ").unwrap_or_default() + "\n"
        })
}

/// A checkout with a reviewed profile and a recording.
fn checkout() -> World {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    world.write("r.jsonl", RECORDING);
    assert_eq!(world.dsp(&["review", "-q", "p.yaml", "--keep", "read"]).status, 0);
    let git =
        "git -c user.name=t -c user.email=t@t -c init.defaultBranch=main -c commit.gpgsign=false";
    let done = world.shell(&format!("{git} init -q . && {git} add p.yaml && {git} commit -qm x"));
    assert_eq!(done.status, 0, "{}", done.err);
    world
}

/// The release that is named is fetched and verified, and any other word is refused before anything is asked.
#[test]
fn a_release_is_fetched_by_its_number_and_verified() {
    let world = World::without_engine();
    let tools = world.path("tools");
    std::fs::create_dir(&tools).unwrap();
    // gh, as far as the step uses it.
    let gh = "#!/bin/bash\nset -e\necho \"$@\" >>\"$ASKED\"\n[ \"$1\" = release ] || exit \"${VERIFIED-0}\"\n\
        while [ \"$1\" != --dir ]; do shift; done\ncd \"$2\"\nname=dsp-1.2.3-$(uname -m)-linux\n\
        mkdir $name && printf '#!/bin/sh\\necho fetched\\n' >$name/dsp && chmod +x $name/dsp\n\
        tar czf $name.tar.gz $name && sha256sum $name.tar.gz >SHA256SUMS && rm -r $name\n\
        [ -z \"$CHANGED\" ] || echo x >>$name.tar.gz\n";
    world.write("tools/gh", gh);
    let fetch = |version: &str, extra: &[(&str, &str)]| {
        let path = format!("{}:{}", tools.to_str().unwrap(), std::env::var("PATH").unwrap());
        let script = script("Fetch");
        let mut command =
            world.command("bash", &["--noprofile", "--norc", "-eo", "pipefail", "-c", &script]);
        command.env("PATH", path).env("ASKED", world.path("asked"));
        command.env("RUNNER_TEMP", world.folder.path()).env("GITHUB_ENV", world.path("env"));
        command.env("VERSION", version).env("REPOSITORY", "o/dsp").envs(extra.iter().copied());
        let _ = std::fs::remove_file(world.path("env"));
        world.finish(command)
    };
    assert_eq!(world.shell("chmod +x tools/gh").status, 0);
    for wrong in ["latest", "v1.2.3", "1.2.3 --repo x", "1.2", "../1.2.3", "1.2.3\nx"] {
        assert_eq!(fetch(wrong, &[]).status, 1, "{wrong}");
    }
    assert!(!world.path("asked").exists(), "nothing was asked for");
    let done = fetch("1.2.3", &[]);
    assert_eq!(done.status, 0, "{} {}", done.out, done.err);
    assert_eq!(world.shell("$(cut -d= -f2 env)").out, "fetched\n");
    let asked = world.read("asked");
    assert!(asked.contains("release download v1.2.3 --repo o/dsp"), "{asked}");
    assert!(asked.contains("--signer-workflow o/dsp/.github/workflows/release.yml"), "{asked}");
    for refused in [[("VERIFIED", "1")], [("CHANGED", "1")]] {
        assert_ne!(fetch("1.2.3", &refused).status, 0, "{refused:?}");
        assert!(!world.path("env").exists(), "{refused:?}");
    }
}

fn run(world: &World, step: &str, inputs: &[(&str, &str)]) -> Done {
    run_in(".", world, step, inputs)
}

fn run_in(folder: &str, world: &World, step: &str, inputs: &[(&str, &str)]) -> Done {
    let script = script(step);
    let mut command =
        world.command("bash", &["--noprofile", "--norc", "-eo", "pipefail", "-c", &script]);
    command.current_dir(world.path(folder));
    command.env("DSP", dsp_binary()).env("GITHUB_OUTPUT", world.path("output"));
    for (name, value) in [
        ("PROFILE", "p.yaml"),
        ("RECORDINGS", "r.jsonl"),
        ("FAIL_ON", "error"),
        ("SARIF", "dsp.sarif"),
        ("AGAINST", "main"),
        ("REQUIRE_REVIEWED", "false"),
    ] {
        let chosen = inputs.iter().find(|(input, _)| *input == name);
        command.env(name, chosen.map_or(value, |(_, chosen)| chosen));
    }
    world.finish(command)
}

#[test]
fn an_unchanged_profile_passes() {
    let world = checkout();
    let checked = run(&world, "Check", &[]);
    assert_eq!(checked.status, 0, "{}{}", checked.out, checked.err);
    // A later run overwrites the findings of the previous one.
    assert_eq!(run(&world, "Check", &[]).status, 0);
    assert!(world.read("output").contains("status=0"));
    let compared = run(&world, "Compare with the previous profile", &[]);
    assert_eq!(compared.status, 0, "{}{}", compared.out, compared.err);
}

#[test]
fn a_file_name_is_not_taken_for_an_option() {
    let world = checkout();
    let name = "--format=text=made-by-a-file-name.jsonl";
    world.write(name, RECORDING);
    let done = run(&world, "Check", &[("RECORDINGS", "*.jsonl")]);
    assert_eq!(done.status, 0, "{}{}", done.out, done.err);
    assert!(!world.path("made-by-a-file-name.jsonl").exists());
    world.write("-x.yaml", &world.read("p.yaml"));
    assert_eq!(run(&world, "Check", &[("PROFILE", "-x.yaml")]).status, 0);
    world.write("x\n::stop-commands::pwn\n.jsonl", "garbage\n");
    let done = run(&world, "Check", &[("RECORDINGS", "*.jsonl")]);
    let all = done.out + &done.err;
    assert_eq!(done.status, 1, "{all}");
    assert!(!all.lines().any(|line| line.starts_with("::stop")), "{all}");
}

#[test]
fn findings_do_not_follow_links_or_overwrite_other_files() {
    let world = checkout();
    world.write("victim", "alias x=y\n");
    symlink(world.path("victim"), world.path("dsp.sarif")).unwrap();
    for sarif in ["dsp.sarif", "victim"] {
        let done = run(&world, "Check", &[("SARIF", sarif)]);
        assert_eq!(done.status, 1, "{}{}", done.out, done.err);
        assert_eq!(world.read("victim"), "alias x=y\n");
    }
}

#[test]
fn a_comparison_is_never_left_out_without_a_word() {
    let world = checkout();
    let compare =
        |inputs: &[(&str, &str)]| run(&world, "Compare with the previous profile", inputs);
    for against in ["mian", "--help", "--batch", "-p", "HEAD\ntouch pwn", "$(touch pwn)", "HEAD~7"]
    {
        let done = compare(&[("AGAINST", against)]);
        assert_eq!(done.status, 1, "{against}: {}{}", done.out, done.err);
        assert!(
            done.out.starts_with("::error title=dsp diff::git has no revision"),
            "{}",
            done.out
        );
        assert_eq!(done.out.lines().count(), 1, "{}", done.out);
    }
    assert!(!world.path("pwn").exists());
    world.write("new.yaml", PROFILE);
    let done = compare(&[("PROFILE", "new.yaml")]);
    assert_eq!(done.status, 0);
    assert!(
        done.out.starts_with("::notice title=dsp diff::new.yaml is not in main"),
        "{}",
        done.out
    );
    assert_eq!(compare(&[("PROFILE", "../outside.yaml")]).status, 1);
    // As actions/checkout leaves it without fetch-depth: 0.
    let shallow = world.shell(
        "git -c user.name=t -c user.email=t@t -c commit.gpgsign=false commit -q --allow-empty -m y && \
         git clone -q --depth 1 \"file://$PWD\" shallow",
    );
    assert_eq!(shallow.status, 0, "{}", shallow.err);
    let before = [("AGAINST", "HEAD~1")];
    assert_eq!(compare(&before).status, 0);
    let done = run_in("shallow", &world, "Compare with the previous profile", &before);
    assert_eq!(done.status, 1, "{}{}", done.out, done.err);
    assert!(done.out.contains("fetch-depth: 0"), "{}", done.out);
}

#[test]
fn a_widening_that_nobody_reviewed_fails_and_a_reviewed_one_passes() {
    let world = checkout();
    let reviewed = world.read("p.yaml");
    let compare = || run(&world, "Compare with the previous profile", &[]);
    let wider =
        reviewed.replacen("  - GET /info\n", "  - GET /info\n  - POST /containers/create\n", 1);
    world.write("p.yaml", &wider);
    let done = compare();
    assert_eq!(done.status, 3, "{}{}", done.out, done.err);
    assert!(done.out.contains("and nobody has reviewed it"), "{}", done.out);
    assert_eq!(
        world.dsp(&["review", "-q", "p.yaml", "--keep", "POST /containers/create"]).status,
        0
    );
    let done = compare();
    assert_eq!(done.status, 0, "{}{}", done.out, done.err);
    assert!(done.out.contains("POST /containers/create was accepted by a person"), "{}", done.out);
    // Without the review but otherwise unchanged, and with the rule.
    for text in [reviewed.as_str(), wider.as_str()] {
        world.write("p.yaml", text.split("reviewed:").next().unwrap());
        let done = compare();
        assert_eq!(done.status, 3, "{}{}", done.out, done.err);
        assert!(done.out.contains("its review was removed"), "{}", done.out);
    }
}

#[test]
fn a_profile_without_a_review_fails_if_one_is_required() {
    let world = checkout();
    let check = |required| run(&world, "Check", &[("REQUIRE_REVIEWED", required)]);
    assert_eq!(check("true").status, 0);
    world.write("p.yaml", PROFILE);
    assert_eq!((check("false").status, check("").status), (0, 0));
    let done = check("true");
    assert_eq!(done.status, 3, "{}{}", done.out, done.err);
    assert!(done.out.contains("nobody has reviewed this profile"), "{}", done.out);
    let done = check("yes\n::stop-commands::x");
    assert_eq!(done.status, 1, "{}{}", done.out, done.err);
    assert!(!done.out.contains("stop-commands"), "{}", done.out);
}
