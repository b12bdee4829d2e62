//! Each escape of the data files works on the engine that it is for, and no other: checked by what
//! the engine then contains. The engines are the tests' own, and so are the folders, the sockets and
//! the networks that count as the host's.

/// What escapes send.
mod archives;
/// Requests, byte for byte.
pub mod client;
/// With the profile of a harmless job in between.
mod enforced;
/// Jobs that do no harm.
mod jobs;
/// What shows that it worked.
mod proof;
/// The objects of an attacker and of others.
mod scene;
/// With the profiles that come with dsp in between.
mod shipped;

use dsp::api::{ApiVersion, EngineKind};
use dsp::escapes::{self, Escape, Needs};
use dsp::text::printable;

use super::{OwnEngine, api_version, engine_version, real_or_return};
use crate::real_engine::podman::podman_or_none;
use crate::support::World;
use client::Client;
use proof::{SETTLES, Tried};
use scene::Scene;

/// How much of an answer a failure shows, in characters.
const MOST: usize = 500;

/// The only test with this name is tried; for work on the data.
const ONLY: &str = "DSP_TEST_ESCAPE";

#[test]
fn each_escape_works_on_the_engine_that_it_is_for() {
    let mut world = real_or_return!();
    let engine = OwnEngine::start(&mut world, "esc");
    check(&world, &engine, EngineKind::Docker);
}

#[test]
fn each_escape_works_on_the_podman_that_it_is_for() {
    let Some((world, engine)) = podman_or_none("escpod") else { return };
    check(&world, &engine, EngineKind::Podman);
}

/// Tries every escape of an engine, and says about which ones the data is wrong.
fn check(world: &World, engine: &OwnEngine, kind: EngineKind) {
    let release = match (kind, engine_version(world)) {
        // Built from the module in which Engine 29 and its successors are developed.
        (EngineKind::Docker, (2, _)) => (29, 0),
        (_, release) => release,
    };
    let mut scene = Scene::new(world, engine, api_version(world), kind == EngineKind::Podman);
    let client = scene.client.clone();
    let mut wrong = Vec::new();
    let only = std::env::var(ONLY).unwrap_or_default();
    let mut tried = 0;
    for needs in [Needs::Nothing, Needs::Swarm] {
        let chosen: Vec<_> = escapes::of(kind)
            .filter(|escape| escape.works.needs == needs && escape.name.contains(&only))
            .collect();
        if needs == Needs::Swarm && !chosen.is_empty() {
            scene.start_swarm();
        }
        for escape in chosen {
            let expected = escape.works.on(release);
            let found = attempt(&scene, &client, escape);
            tried += 1;
            match (expected, found) {
                (true, Err(why)) => {
                    wrong.push(format!("{} does not work: {}", escape.name, shown(&why)));
                }
                (false, Ok(())) => wrong.push(format!("{} works", escape.name)),
                _ => {}
            }
            if needs == Needs::Swarm && replaces_the_swarm(escape) {
                engine.run("restart");
            }
            scene.restore(Some(escape));
            scene.look_up_image();
        }
    }
    let wrong_count = wrong.len();
    assert!(wrong.is_empty(), "{wrong_count} of {tried} on {release:?}:\n{}", wrong.join("\n"));
}

/// Whether the engine is in another swarm after an escape, or in none. Engines since 26.1 at least may
/// answer "no VNI provided" to whatever makes a network of the next swarm, until they are restarted.
fn replaces_the_swarm(escape: &Escape) -> bool {
    ["/swarm/init", "/swarm/leave"].iter().any(|path| escape.target.starts_with(path))
}

/// What a failure shows of an answer.
fn shown(why: &str) -> String {
    printable(why).chars().take(MOST).collect()
}

/// The target and the body of an escape with real objects. `None` if the engine has no such object.
fn request(scene: &Scene, escape: &Escape) -> Option<(String, Vec<u8>)> {
    // Engines that are older than the last version that has it need not be told.
    let is_known = |version: &ApiVersion| {
        escape.until != Some(*version)
            || (version.major().into(), version.minor().into()) <= scene.api
    };
    // Newer engines no longer speak the first versions.
    let is_spoken =
        |version: &ApiVersion| (version.major().into(), version.minor().into()) >= scene.oldest_api;
    let version = escape.version().filter(is_known).or(escape.since.filter(is_spoken));
    let version = version.map(|version| format!("/v{version}")).unwrap_or_default();
    let target = scene.fill(escape.target, None)?;
    let target = format!("{version}{}", String::from_utf8_lossy(&target));
    Some((target, scene.fill(escape.body, None)?))
}

/// Sends an escape and looks at what the engine then contains.
fn attempt(scene: &Scene, client: &Client, escape: &Escape) -> Result<(), String> {
    let (target, body) = request(scene, escape).ok_or("nothing stands for a placeholder")?;
    let proof = scene.fill(escape.proof, Some("{made}")).ok_or("nothing to look at")?;
    let answer = client.send(escape.method.as_str(), &target, &escape.head, &body);
    let is_libpod = escape.target.starts_with("/libpod/");
    let tried =
        Tried { scene, client: &scene.client, is_libpod, answer: &answer, patience: SETTLES };
    let made = tried.made().unwrap_or_default();
    let proof = String::from_utf8_lossy(&proof).replace("{made}", &made);
    tried.check(&proof)
}
