//! The steps of `action.yml` and `docs/ci.md`, run as a pipeline runs them.

use std::collections::BTreeMap;
use std::process::Command;

use serde::Deserialize;

use crate::support::{Done, World, dsp_binary};

const ACTION: &str = include_str!("../../../action.yml");
const DOCUMENT: &str = include_str!("../../../docs/ci.md");

/// What the workload of these tests may do.
const PROFILE: &str = "version: 1\nname: app\nmin_api: \"1.24\"\nallow:\n  - HEAD /_ping\n  \
    - GET /_ping\n  - GET /containers/json\n";

#[derive(Deserialize)]
struct Action {
    inputs: BTreeMap<String, Input>,
    runs: Runs,
}

#[derive(Deserialize)]
struct Input {
    default: Option<String>,
}

#[derive(Deserialize)]
struct Workflow {
    jobs: BTreeMap<String, Runs>,
}

#[derive(Deserialize)]
struct Runs {
    steps: Vec<Step>,
}

#[derive(Clone, Deserialize)]
struct Step {
    name: Option<String>,
    #[serde(rename = "if")]
    condition: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    run: Option<String>,
}

#[derive(Deserialize)]
struct Job {
    script: Vec<String>,
    after_script: Vec<String>,
}

/// A repository with a profile on `main` and on `origin/main`, and a program with these tests.
fn repository(tests: &str) -> Option<World> {
    let world = World::real()?;
    world.write("run-tests", &format!("#!/bin/sh\nset -e\n{tests}\n"));
    world.write("profile.yaml", PROFILE);
    let git = "git -c user.name=t -c user.email=t@t -c commit.gpgsign=false";
    let done = world.shell(&format!(
        "chmod +x run-tests && git init -q -b main . && git add profile.yaml run-tests && \
         {git} commit -qm one && git remote add origin . && git fetch -q origin && mkdir bin && \
         printf '#!/bin/sh\\ncat >comment.md\\necho \"$@\" >comment.args\\n' >bin/gh && chmod +x bin/gh"
    ));
    assert_eq!(done.status, 0, "{}", done.err);
    Some(world)
}

/// Runs a line of shell as a runner does.
fn step(world: &World, script: &str, env: &BTreeMap<String, String>) -> Done {
    let mut command: Command = world.command("bash", &["-eo", "pipefail", "-c", script]);
    let path = std::env::var("PATH").unwrap_or_default();
    let ours = dsp_binary().parent().unwrap().display().to_string();
    command.env("PATH", format!("{}:{ours}:{path}", world.path("bin").display()));
    command.env("GITHUB_OUTPUT", world.path("output"));
    command.env("GITHUB_STEP_SUMMARY", world.path("summary.md"));
    command.envs(env);
    world.finish(command)
}

/// Runs steps with the values of their expressions until one fails, and then only those that always
/// run.
fn steps(world: &World, steps: &[Step], values: &BTreeMap<String, String>) -> (i32, String) {
    let valued = |text: &str| {
        values.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("${{{{ {name} }}}}"), value)
        })
    };
    let (mut status, mut out) = (0, String::new());
    for one in steps {
        let Some(script) = &one.run else { continue };
        let runs = match one.condition.as_deref() {
            None => status == 0,
            Some("always()") => true,
            Some(condition) => {
                let without = condition.strip_suffix(" && !cancelled()");
                let (name, value) = without.unwrap_or(condition).split_once(" != ").unwrap();
                (status == 0 || without.is_some())
                    && values.get(name).unwrap() != value.trim_matches('\'')
            }
        };
        if !runs {
            continue;
        }
        assert!(!script.contains("${{"), "an expression in a script lets others write shell");
        let env = one.env.iter().map(|(name, value)| (name.clone(), valued(value))).collect();
        let done = step(world, script, &env);
        let name = one.name.as_deref().unwrap_or_default();
        out += &format!("# {name}: {}\n{}{}", done.status, done.out, done.err);
        if status == 0 {
            status = done.status;
        }
    }
    (status, out)
}

fn act(world: &World, given: &[(&str, &str)]) -> (i32, String) {
    let action: Action = serde_saphyr::from_str(ACTION).unwrap();
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for (name, input) in &action.inputs {
        let given = given.iter().find(|(key, _)| key == name).map(|(_, value)| (*value).to_owned());
        let value = given.or_else(|| input.default.clone()).unwrap();
        if name == "dsp" {
            // No release is fetched here.
            values.insert("env.DSP_ACTION_PROGRAM || inputs.dsp".to_owned(), value.clone());
        }
        values.insert(format!("inputs.{name}"), value);
    }
    steps(world, &action.runs.steps, &values)
}

/// The block of the document after this mark.
fn block(mark: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(&format!("<!-- test: {mark} -->\n```yaml\n")).unwrap();
    rest.split_once("\n```").unwrap().0
}

#[test]
fn the_action_records_checks_and_reports() {
    let Some(world) = repository("docker ps >/dev/null") else { return };
    let given = [("profile", "profile.yaml"), ("run", "./run-tests"), ("against", "origin/main")];
    let (status, out) = act(&world, &given);
    assert_eq!(status, 0, "{out}");
    assert_eq!(world.read("output"), "status=0\n");
    assert!(world.read("summary.md").starts_with("### dsp check `profile.yaml`: passed"));
    assert!(out.contains("allows the same"), "{out}");

    world.write("profile.yaml", &format!("{PROFILE}  - POST /build\n"));
    let (status, out) = act(&world, &given[..]);
    assert_eq!(status, 3, "nobody has reviewed it: {out}");
    assert!(out.contains("::error file=profile.yaml,line=8,"), "{out}");
    assert!(out.contains("POST /build is newly allowed"), "{out}");
}

#[test]
fn the_action_fails_when_the_program_has_drifted() {
    let Some(world) = repository("docker ps >/dev/null; docker images >/dev/null") else { return };
    let (status, out) = act(&world, &[("profile", "profile.yaml"), ("run", "./run-tests")]);
    assert_eq!(status, 3, "{out}");
    assert_eq!(world.read("output"), "status=3\n");
    assert!(out.contains("::error file=profile.yaml,line=7,"), "{out}");
    assert!(world.read("summary.md").contains("GET /images/json"), "{out}");
    let sarif: serde_json::Value = serde_json::from_str(&world.read("dsp.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "new-operation");
    // With several given recordings.
    world.shell("cp dsp-action.jsonl ci-1.jsonl; mv dsp-action.jsonl ci-2.jsonl");
    let (status, out) = act(&world, &[("profile", "profile.yaml"), ("recordings", "ci-*.jsonl")]);
    assert_eq!(status, 3, "{out}");
}

#[test]
fn a_workload_that_fails_fails_the_action() {
    let Some(world) = repository("docker ps >/dev/null; exit 7") else { return };
    let (status, _) = act(&world, &[("profile", "profile.yaml"), ("run", "./run-tests")]);
    assert_eq!(status, 7);
    assert!(!world.path("output").exists(), "nothing is checked then");
}

#[test]
fn the_workflow_of_github_runs() {
    let Some(world) = repository("docker ps >/dev/null; docker images >/dev/null") else { return };
    let workflow: Workflow = serde_saphyr::from_str(block("github")).unwrap();
    let values = [("github.base_ref", "main"), ("github.token", "t"), ("github.event.number", "7")];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let (status, out) = steps(&world, &workflow.jobs["profile"].steps, &values);
    assert_eq!(status, 3, "{out}");
    assert!(out.contains("::error file=profile.yaml,line=7,"), "{out}");
    let comment = world.read("comment.md");
    assert!(comment.contains("dsp check `profile.yaml`: failed"), "{comment}");
    assert!(comment.contains("dsp diff `profile.yaml`: passed"), "{comment}");
    assert_eq!(world.read("comment.args"), "pr comment 7 --body-file -\n");
    assert!(world.read("report.html").contains("</html>"));
    serde_json::from_str::<serde_json::Value>(&world.read("dsp.sarif")).unwrap();
}

#[test]
fn the_job_of_gitlab_runs() {
    let Some(world) = repository("docker ps >/dev/null") else { return };
    let jobs: BTreeMap<String, Job> = serde_saphyr::from_str(block("gitlab")).unwrap();
    let job = &jobs["docker socket"];
    let env = BTreeMap::from([("CI_DEFAULT_BRANCH".to_owned(), "main".to_owned())]);
    let run = |lines: &[String]| step(&world, &lines.join("\n"), &env);
    let done = run(&job.script);
    assert_eq!(done.status, 0, "{}{}", done.out, done.err);
    assert!(world.read("dsp.xml").contains("<testsuite"));
    assert_eq!(run(&job.after_script).status, 0);
    assert!(world.path("report.html").exists());
    world.write("profile.yaml", &format!("{PROFILE}  - POST /build\n"));
    let done = run(&job.script);
    assert_eq!(done.status, 3, "{}{}", done.out, done.err);
}

#[test]
fn the_profile_of_the_document_is_one() {
    let (_, rest) = DOCUMENT.split_once("  <!-- test: profile -->\n  ```yaml\n").unwrap();
    let text = rest.split_once("\n  ```").unwrap().0;
    let text: String =
        text.lines().map(|line| line.strip_prefix("  ").unwrap().to_owned() + "\n").collect();
    let profile = dsp::profile::parse(&text).map_err(|problem| problem.message).unwrap();
    assert_eq!(profile.accept.len(), 1);
}
