//! The same escapes through the profiles that come with dsp, from the program and through the socket of
//! a container that it made: what a profile closes never gets to others, to their data or to the host.

use std::collections::BTreeSet;

use dsp::api::EngineKind;
use dsp::escapes::{self, Escape, left_open};
use dsp::profile::{SHIPPED, parse};
use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::enforced::{forget_own, is_about, is_kept_out, is_prune, state};
use super::scene::{OWNER, Scene};
use super::{request, shown};
use crate::real_engine::{OwnEngine, api_version, real_or_return};

/// What profiles say of containers that get a socket of dsp.
const SOCKET: &str = "@socket";

/// How many profiles at least have to be tried through such a socket.
const LEAST_NESTED: usize = 3;

#[test]
fn nothing_that_a_shipped_profile_closes_passes_it() {
    let mut world = real_or_return!();
    let engine = OwnEngine::start(&mut world, "escship");
    let scene = Scene::new(&world, &engine, api_version(&world), false);
    // The state afterwards shows their effects, if there are any; `enforced` looks at each one.
    let sent: Vec<_> = escapes::of(EngineKind::Docker)
        .filter_map(|escape| Some((escape, request(&scene, escape)?)))
        .collect();
    let mut wrong = Vec::new();
    let mut nested = 0;
    for shipped in SHIPPED {
        let profile = parse(shipped.text).unwrap();
        let open: BTreeSet<_> = left_open(&profile).iter().map(|open| open.escape.name).collect();
        let builtin = format!("builtin:{}", shipped.name);
        let server = world.serve(&["enforce", &builtin, "--own", OWNER]);
        let program = Client::new(&server.socket.display().to_string());
        let mut ways = vec![("the program", program.clone())];
        if shipped.text.contains(SOCKET) {
            ways.push(("a container that it made", inside(&scene, &program)));
            nested += 1;
        }
        let closed: Vec<_> = sent.iter().filter(|(one, _)| !open.contains(one.name)).collect();
        let about = closed.iter().filter(|(escape, _)| is_about(&profile, escape)).count();
        println!(
            "{}: {} closed, {about} of them about its operations; {} left open",
            shipped.name,
            closed.len(),
            open.len()
        );
        let mut before = state(&scene.client, EngineKind::Docker);
        for (way, client) in &ways {
            let passed = send(client, &closed);
            wrong.extend(passed.into_iter().map(|why| format!("{}, {way}: {why}", shipped.name)));
        }
        let mut after = state(&scene.client, EngineKind::Docker);
        [&mut before, &mut after].into_iter().for_each(|state| forget_own(state));
        assert_eq!(after, before, "{}", shipped.name);
        assert_eq!(scene.received(), "", "{}: the host's socket was reached", shipped.name);
    }
    assert!(wrong.is_empty(), "{} pass:\n{}", wrong.len(), wrong.join("\n"));
    assert!(nested >= LEAST_NESTED, "only {nested} profiles give containers a socket");
}

/// Sends escapes, prunes last, because they take own objects. Returns those that got to the engine.
fn send(client: &Client, escapes: &[&(&Escape, (String, Vec<u8>))]) -> Vec<String> {
    let (prunes, others): (Vec<_>, Vec<_>) =
        escapes.iter().copied().partition(|(escape, _)| is_prune(escape));
    let mut passed = Vec::new();
    for (escape, (target, body)) in others.into_iter().chain(prunes) {
        let answer = client.send(escape.method.as_str(), target, &escape.head, body);
        if is_hidden(escape, &answer) {
            continue;
        }
        if let Err(why) = is_kept_out(escape, &answer) {
            passed.push(format!("{}: {}", escape.name, shown(&why)));
        }
    }
    passed
}

/// Whether an answer passed without what makes it an escape: the environment, which every container has.
fn is_hidden(escape: &Escape, answer: &Answer) -> bool {
    escape.name == "inspect-another-container"
        && answer.status == 200
        && answer.json()["Config"]["Env"] == json!([])
}

/// A client of the socket that a container has instead of the engine's.
fn inside(scene: &Scene, program: &Client) -> Client {
    let body = json!({
        "Image": "busybox:latest",
        "Cmd": ["true"],
        "HostConfig": {"Binds": ["/var/run/docker.sock:/var/run/docker.sock"]},
    });
    let made = program.send("POST", "/containers/create", &[], body.to_string().as_bytes());
    let id = made.good("a container with a socket").json()["Id"].as_str().unwrap().to_owned();
    let found = scene.client.get(&format!("/containers/{id}/json")).good("looking at it").json();
    let source = found["Mounts"][0]["Source"].as_str().unwrap();
    assert_eq!(found["Config"]["Labels"]["dsp.owner"], Value::from(OWNER));
    Client::new(source)
}
