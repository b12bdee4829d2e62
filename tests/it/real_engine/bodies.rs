//! Compares dsp's reading of strange bodies with that of a real engine.
//!
//! The body of a container's creation is changed in ways that JSON libraries read differently, and sent
//! once to the engine as it is, and once through `enforce` with a rule that reads contents and allows
//! every value. dsp must refuse it, or the engine must have made the same container from what dsp wrote.
//!
//! `DSP_BODIES` is the number of bodies, `DSP_BODIES_SEED` chooses others.

use dsp::api::EngineKind;
use dsp::contents::Schema;
use serde_json::Value;

use super::escapes::client::{Answer, Client};
use super::{OwnEngine, real_or_return};
use crate::strange::{Random, strange};
use crate::support::World;

/// What the engine made, without what is new each time; the status if it made nothing.
fn made(engine: &Client, answer: &Answer) -> Result<Value, u16> {
    let Some(id) = answer.json()["Id"].as_str().map(str::to_owned) else {
        return Err(answer.status);
    };
    let mut inspected = engine.get(&format!("/containers/{id}/json?size=0")).good("inspect").json();
    engine.send("DELETE", &format!("/containers/{id}?force=1&v=1"), &[], b"").good("delete");
    let mut kept = serde_json::Map::new();
    for part in ["Config", "HostConfig", "Mounts", "Args", "Path", "Image"] {
        kept.insert(part.to_owned(), inspected[part].take());
    }
    let networks = inspected["NetworkSettings"]["Networks"].take();
    kept.insert("Networks".to_owned(), networks);
    let mut text = Value::Object(kept).to_string().replace(&id, "ID").replace(&id[..12], "ID");
    // The names of anonymous volumes.
    while let Some(at) = hexadecimal(&text) {
        text.replace_range(at..at + 64, "VOLUME");
    }
    let mut value: Value = serde_json::from_str(&text).unwrap();
    if let Some(mounts) = value["Mounts"].as_array_mut() {
        mounts.sort_by_key(|mount| mount["Destination"].to_string());
    }
    Ok(value)
}

/// Where 64 hexadecimal digits begin that are not a digest.
fn hexadecimal(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_digit = |byte: &u8| byte.is_ascii_hexdigit();
    (0..bytes.len().saturating_sub(64)).find(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        bytes[*at..at + 64].iter().all(is_digit) && before.is_none_or(|byte| *byte != b':')
    })
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// A profile that reads the contents of a creation and allows all of them.
fn profile(world: &World) {
    let create = EngineKind::Docker.catalogue().named("ContainerCreate").unwrap();
    let facets = Schema::of(create).unwrap().facets();
    let any: String = facets.iter().map(|facet| format!("      {facet}: any\n")).collect();
    let text = format!("version: 1\nname: any\nallow:\n  - POST /containers/create:\n{any}");
    world.write("any.yaml", &text);
}

#[test]
fn the_engine_makes_what_dsp_read() {
    let mut world = real_or_return!();
    let _engine = OwnEngine::start(&mut world, "bodies");
    profile(&world);
    let server = world.serve(&["enforce", "any.yaml"]);
    let engine = Client::new(&world.host);
    let through = Client::new(&server.socket.display().to_string());
    let mut random = Random::new(number("DSP_BODIES_SEED", 7));
    let (mut refused, mut same, mut mended, mut wrong) = (0, 0, 0, Vec::new());
    for _ in 0..number("DSP_BODIES", 500) {
        let body = strange(&mut random);
        let answer = through.send("POST", "/containers/create", &[], body.as_bytes());
        if answer.text().contains("\"dsp: ") {
            refused += 1;
            continue;
        }
        let by_dsp = made(&engine, &answer);
        let direct = engine.send("POST", "/containers/create", &[], body.as_bytes());
        let direct = made(&engine, &direct);
        match (&direct, &by_dsp) {
            _ if by_dsp == direct => same += 1,
            // An unknown field that says nothing, of a type that this engine does not take: dsp leaves
            // it out.
            (Err(_), Ok(_)) => mended += 1,
            _ => wrong.push(format!("{body}\n  directly: {direct:?}\n  by dsp:   {by_dsp:?}")),
        }
    }
    eprintln!(
        "{refused} refused by dsp, {same} the same, {mended} taken only as dsp writes them, {} different",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused > 0 && same > 0, "{refused} {same}");
}
