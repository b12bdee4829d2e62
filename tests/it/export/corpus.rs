//! Profiles, and requests to test them with.

use dsp::api::{Catalogue, Method};
use dsp::policy::{Body, Enforcer, Gate, Request, Verdict};
use dsp::profile::{Profile, parse};

/// A profile with every feature.
pub const EVERYTHING: &str = r#"version: 1
name: everything
min_api: "1.41"
allow:
  - HEAD /_ping
  - GET /_ping
  - GET /containers/json
  - GET /containers/*/json
  - POST /containers/ci-*/start
  - POST /containers/*-db/start
  - POST /containers/*/exec
  - POST /exec/*/start
  - DELETE /containers/*
  - DELETE /containers/*/checkpoints/*
  - GET /debug/pprof/*
  - GET /debug/pprof/trace
  - GET /images/*/json
  - GET /images/reg:5000/*/history
  - DELETE /images/*
  - GET /networks
  - GET /networks/a%20b%27%22$%7B%C3%A9
  - OPTIONS /*
deny:
  - POST /containers/ci-prod*/start
  - POST /containers/db/exec
  - DELETE /containers/json
  - DELETE /containers/keep/checkpoints/a*
  - DELETE /images/reg:5000/base/*
  - GET /debug/pprof/heap
unknown:
  - GET /
  - GET /vendor/health
  - POST /vendor/a%20b
"#;

/// Names that are words of the API, look like versions, are narrowed or denied, or need escapes.
pub const NAMES: [&str; 27] = [
    "web",
    "json",
    "create",
    "prune",
    "ci-1",
    "ci-prod",
    "ci-prod-db",
    "x-db",
    "db",
    "keep",
    "a1",
    "heap",
    "trace",
    "get",
    "v1.41",
    "v1",
    "...",
    "a.",
    ".a",
    "start",
    "deadbeefcafe",
    "a%20b%27%22$%7B%C3%A9",
    "reg:5000/app:1",
    "reg:5000/base/x",
    "host/a/b/c@sha256:00",
    "reg:5000/base",
    "a/get",
];

/// The few of them for testing a profile with one rule.
pub const FEW: [&str; 5] = ["json", "create", "web", "a/get", "reg:5000/a/b@sha256:00"];

/// Versions, and paths with a slash at the end.
const VERSIONS: [&str; 18] = [
    "/",
    "/v1.41",
    "/v1.41/",
    "/v1.23/_ping",
    "/v1.40/_ping",
    "/v1.41/_ping",
    "/v1.41/v1.41/_ping",
    "/v1.41/v1.42",
    "/v1.041/_ping",
    "/v1.41.0/_ping",
    "/v2.0/_ping",
    "/v10.1/_ping",
    "/v1.100/_ping",
    "/V1.41/_ping",
    "/v1.1000/_ping",
    "/networks/",
    "/v1.41/networks/",
    "/debug/pprof/",
];

/// The profile with every feature.
pub fn everything() -> Profile {
    parse(EVERYTHING).unwrap()
}

/// A profile that allows every operation.
pub fn all() -> Profile {
    let operations = Catalogue::docker().operations().iter();
    let rules: String = operations.map(|operation| format!("  - {operation}\n")).collect();
    parse(&format!("version: 1\nname: all\nallow:\n{rules}")).unwrap()
}

/// A profile for each operation.
pub fn single() -> impl Iterator<Item = Profile> {
    Catalogue::docker().operations().iter().map(|operation| {
        parse(&format!("version: 1\nname: one\nallow:\n  - {operation}\n")).unwrap()
    })
}

/// Every operation with each of these names, and odd versions.
pub fn targets(names: &[&str]) -> Vec<String> {
    let mut targets: Vec<String> = VERSIONS.iter().map(ToString::to_string).collect();
    for operation in Catalogue::docker().operations() {
        for (number, name) in names.iter().enumerate() {
            let path = operation.template.fill(|_| (*name).into());
            targets.push(if number % 2 == 0 { path } else { format!("/v1.44{path}") });
        }
    }
    targets.sort();
    targets.dedup();
    targets
}

/// Whether dsp would forward the request.
pub fn allowed(gate: &Enforcer, method: &str, target: &str, content_type: Option<&str>) -> bool {
    // A content type only has a meaning with a body, so there is one.
    let (content_type, has_body) = (content_type.map(str::as_bytes), content_type.is_some());
    let mut asked = Request::new(method, target);
    asked.head.content_type = content_type;
    asked.body = if has_body { Body::Unread } else { Body::Absent };
    let decision = gate.decide(&asked);
    matches!(decision.verdict, Verdict::Forward(_))
}

/// The methods in a profile's rules, and one that it does not have.
pub fn methods(profile: &Profile) -> Vec<&'static str> {
    let mut methods: Vec<&str> = Method::ALL
        .into_iter()
        .filter(|method| {
            profile.allow.iter().any(|entry| entry.value.operation().method == *method)
        })
        .map(Method::as_str)
        .collect();
    methods.extend(["PUT"]);
    methods.dedup();
    methods
}
