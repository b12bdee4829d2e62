//! Docker Engine's own list of routes: dockerd logs each one that it registers when it starts.

use std::collections::BTreeSet;
use std::fs;

use dsp::api::{ApiVersion, EngineKind, Operation, Versions};

use super::OwnEngine;
use crate::support::World;

/// Routes that are deliberately not operations: a list under a second path, whose trailing slash dsp
/// refuses, and a request that engines only take below API 1.24, which dsp refuses as well.
const LEFT_OUT: [&str; 2] = ["GET /networks/", "POST /containers/{}/copy"];

/// The engine registers these without a word before 28, and never under a version.
const UNLOGGED: &str = "Debug";

#[test]
fn the_catalogue_has_what_dockerd_registers() {
    let Some(mut world) = World::real() else { return };
    let engine = OwnEngine::start(&mut world, "routes");
    let log = fs::read_to_string(format!("{}/log", engine.folder)).unwrap();
    let registered: BTreeSet<String> = log.lines().filter_map(route).collect();
    assert!(registered.len() > 100, "{registered:?}");
    let operations = EngineKind::Docker.catalogue().operations();
    let named = |operation: &Operation| {
        format!("{} {}", operation.method, operation.template.fill(|_| "{}".into()))
    };
    let known: BTreeSet<String> = operations.iter().map(named).collect();
    let unknown: Vec<_> =
        registered.difference(&known).filter(|route| !LEFT_OUT.contains(&route.as_str())).collect();
    assert!(unknown.is_empty(), "the catalogue lacks {unknown:#?}");

    // The other way round: what the catalogue says of versions is true of this engine.
    let api = world.shell("docker version --format '{{.Server.APIVersion}}'").out;
    let api = ApiVersion::parse(EngineKind::Docker, api.trim()).unwrap();
    let promised = operations.iter().filter(|operation| {
        let is_since = match &operation.versions {
            Versions::Documented { since, .. } => *since <= api,
            Versions::Any | Versions::Prefixed(_) => true,
        };
        is_since && operation.section != UNLOGGED
    });
    let missing: Vec<String> =
        promised.map(named).filter(|route| !registered.contains(route)).collect();
    assert!(missing.is_empty(), "an engine with API {api} does not register {missing:#?}");
}

/// `GET /containers/{}/json` from a line of the log, in the form of Engine 20.10 (`msg="Registering GET,
/// /info"`) or of a newer one (`msg="Registering route" method=GET path=/info`).
fn route(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("msg=\"Registering ")?;
    let (method, path) = match rest.split_once("route\" method=") {
        Some((_, rest)) => rest.split_once(" path=")?,
        None => rest.split_once(", ")?,
    };
    let path = path.trim_matches('"');
    path.starts_with('/').then(|| format!("{method} {}", plain(path)))
}

/// A path with `{}` for each parameter.
fn plain(path: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0;
    for letter in path.chars() {
        match letter {
            '{' => {
                depth += 1;
                if depth == 1 {
                    plain.push_str("{}");
                }
            }
            '}' => depth -= 1,
            letter if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    plain
}
