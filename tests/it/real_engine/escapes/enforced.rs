//! The same escapes through `enforce`, with the profile of a harmless job: nothing that contents
//! could close passes, and the engine never sees it.

use std::fs;

use dsp::api::{CanonicalRequest, EngineKind, Method};
use dsp::escapes::{self, Concern, Escape, left_open};
use dsp::profile::{Profile, parse};
use serde_json::Value;

use super::client::{Answer, Client};
use super::proof::{SETTLES, Tried};
use super::scene::{MARK, OWNER, Scene};
use super::{jobs, request, shown};
use crate::real_engine::podman::podman_or_none;
use crate::real_engine::{OwnEngine, api_version, real_or_return};
use crate::support::World;

/// How many escapes at least have to be decided by what they contain.
const LEAST: usize = 200;
const LEAST_OF_PODMAN: usize = 100;

#[test]
fn nothing_that_contents_close_passes_the_profile_of_a_harmless_job() {
    let mut world = real_or_return!();
    let engine = OwnEngine::start(&mut world, "escjob");
    check(&world, &engine, EngineKind::Docker, jobs::DOCKER, LEAST);
}

#[test]
fn nothing_that_contents_close_passes_the_profile_of_a_harmless_job_of_podman() {
    let Some((world, engine)) = podman_or_none("escjobpod") else { return };
    let job = format!("{}{}", jobs::DOCKER_OF_PODMAN, jobs::PODMAN);
    check(&world, &engine, EngineKind::Podman, &job, LEAST_OF_PODMAN);
}

/// Learns the profile of a job, and sends through it each escape that contents can close.
fn check(world: &World, engine: &OwnEngine, kind: EngineKind, job: &str, least: usize) {
    let profile = learn(world, job);
    let open: Vec<_> = left_open(&profile)
        .into_iter()
        .filter(|open| open.escape.concern == Concern::Contents)
        .map(|open| format!("{} by {}", open.escape.name, open.rule))
        .collect();
    assert_eq!(open, Vec::<String>::new(), "{}", world.read("p.yaml"));

    let scene = Scene::new(world, engine, api_version(world), kind == EngineKind::Podman);
    let server = world.serve(&["enforce", "p.yaml"]);
    let through = Client::new(&server.socket.display().to_string());
    let mut before = state(&scene.client, kind);
    let (mut wrong, mut decided) = (Vec::new(), 0);
    let of_contents = || escapes::of(kind).filter(|one| one.concern == Concern::Contents);
    // Prunes come last, for they take own objects.
    for prunes in [false, true] {
        for escape in of_contents().filter(|escape| is_prune(escape) == prunes) {
            decided += usize::from(is_about(&profile, escape));
            if let Err(why) = stays_out(&scene, &through, escape) {
                wrong.push(format!("{}: {}", escape.name, shown(&why)));
            }
        }
        let mut after = state(&scene.client, kind);
        if prunes {
            [&mut before, &mut after].into_iter().for_each(|state| forget_own(state));
        }
        assert_eq!(after, before);
    }
    assert!(wrong.is_empty(), "{} pass:\n{}", wrong.len(), wrong.join("\n"));
    assert!(decided >= least, "only {decided} are about operations of the profile");
}

pub fn forget_own(state: &mut [(String, Value)]) {
    for (_, list) in state {
        if let Value::Array(objects) = list {
            objects.retain(|object| object["Labels"]["dsp.owner"] != OWNER);
        }
    }
}

pub fn is_prune(escape: &Escape) -> bool {
    escape.target.contains("/prune")
}

/// The profile of three runs of the job, which then runs under it.
fn learn(world: &World, job: &str) -> Profile {
    fs::create_dir(world.path("work")).unwrap();
    world.write("work/input", "input\n");
    world.write("work/Dockerfile", "FROM busybox\nCOPY input /input\n");
    let job = world.write("job.sh", job).display().to_string();
    let recordings = ["1.jsonl", "2.jsonl", "3.jsonl"];
    for recording in recordings {
        let done = world.dsp(&["record", "-q", "-o", recording, "--", "sh", &job]);
        assert_eq!(done.status, 0, "{}{}", done.out, done.err);
    }
    let done = world.dsp(&[&["generate"], &recordings[..], &["-o", "p.yaml"]].concat());
    assert_eq!(done.status, 0, "{}", done.err);
    let done = world.dsp(&["enforce", "p.yaml", "--", "sh", &job]);
    assert_eq!(done.status, 0, "{}\n{}\n{}", world.read("p.yaml"), done.out, done.err);
    // What the job left, which it may remove.
    world.shell("docker image prune -f");
    parse(&world.read("p.yaml")).unwrap_or_else(|problem| panic!("{}", problem.message))
}

/// Whether the profile has a rule for the operation, so that the contents decide.
pub fn is_about(profile: &Profile, escape: &Escape) -> bool {
    let version = escape.version().map(|version| format!("/v{version}")).unwrap_or_default();
    let target = format!("{version}{}", escape.target.replace(['{', '}'], ""));
    let request = CanonicalRequest::parse(escape.engine, escape.method.as_str(), &target);
    let Some(located) = request.ok().and_then(|request| request.locate()) else { return false };
    profile.allow.iter().any(|entry| *entry.value.operation() == *located.operation)
}

/// What only answers about others contain.
const OTHERS: [&str; 5] = ["esc-theirs", "esc-victim", "esc-stopped", "esc-unused", MARK];

/// What a rule can narrow to own objects.
const LISTS: [&str; 5] = ["/containers/json", "/images/json", "/networks", "/volumes", "/events"];

/// Whether an answer shows that an escape never got to the engine, or that the engine was asked for own
/// objects alone: of a list, which shows nothing of others, or of a prune. An error says what reached the
/// engine.
pub fn is_kept_out(escape: &Escape, answer: &Answer) -> Result<(), String> {
    let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
    let is_denied = (message.starts_with("dsp: ") && matches!(answer.status, 400 | 403))
        || (escape.method == Method::Head && answer.status == 403 && !answer.is_of_engine);
    // Of the objects that the escape names, those of the attacker are own ones. dsp itself says of others
    // that they do not exist.
    let is_others = answer.status == 404 && !answer.is_of_engine;
    let is_of_own = escape.method == Method::Get
        && LISTS.contains(&escape.target.split('?').next().unwrap_or_default())
        && !OTHERS.iter().any(|name| answer.text().contains(name));
    // Of a prune, the state afterwards shows that it took no others.
    if is_denied || is_others || is_of_own || is_prune(escape) {
        return Ok(());
    }
    Err(format!("{} {}", answer.status, answer.text()))
}

/// Sends an escape through dsp, and looks for its effect.
fn stays_out(scene: &Scene, through: &Client, escape: &Escape) -> Result<(), String> {
    let Some((target, body)) = request(scene, escape) else {
        return Ok(());
    };
    let answer = through.send(escape.method.as_str(), &target, &escape.head, &body);
    is_kept_out(escape, &answer)?;
    // What the answer says is dsp's own message.
    let is_of_the_engine = |step: &&str| !step.starts_with("says ") && !step.starts_with("status ");
    let proof: Vec<&str> = escape.proof.split("; ").filter(is_of_the_engine).collect();
    if proof.is_empty() {
        return Ok(());
    }
    let filled = scene.fill(&proof.join("; "), Some("nothing")).unwrap_or_default();
    let tried = Tried {
        scene,
        client: &scene.client,
        is_libpod: escape.target.starts_with("/libpod/"),
        answer: &answer,
        patience: SETTLES,
    };
    match tried.check_now(&String::from_utf8_lossy(&filled)) {
        Ok(()) => Err("it was denied, and worked".to_owned()),
        Err(_) => Ok(()),
    }
}

/// Everything that an escape could have made or changed.
pub fn state(client: &Client, kind: EngineKind) -> Vec<(String, Value)> {
    let lists = ["/containers/json?all=1", "/networks", "/volumes", "/images/json?all=1"];
    let of_one: &[&str] = match kind {
        EngineKind::Docker => &["/plugins"],
        EngineKind::Podman => &["/libpod/pods/json", "/libpod/secrets/json"],
    };
    let version = |list: &str| if list.starts_with("/libpod/") { "/v4.0.0" } else { "" };
    let lists = lists.iter().chain(of_one).map(|list| format!("{}{list}", version(list)));
    let mut state: Vec<_> = lists.map(|list| (list.clone(), client.get(&list).json())).collect();
    for (_, list) in &mut state {
        sorted(list);
    }
    state
}

/// Without the time since something happened, and in one order.
fn sorted(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sorted);
            items.sort_by_key(Value::to_string);
        }
        Value::Object(fields) => {
            fields.remove("Status");
            // How many containers an image has, which the list of containers says, too.
            fields.remove("Containers");
            fields.values_mut().for_each(sorted);
        }
        _ => {}
    }
}
