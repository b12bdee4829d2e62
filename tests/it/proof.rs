//! What `generate` promises, over the whole catalogue: complete, minimal and exact.

use dsp::api::{ApiVersion, CanonicalRequest, Catalogue, Operation};
use dsp::learn::{Evidence, Gathering, Options, generate, prove};
use dsp::policy::{Enforcer, Gate, Head, Verdict};
use dsp::profile::Profile;
use dsp::recording::{Event, Request};

/// Names as workloads have them, and names that look like something else.
const NAMES: [&str; 8] =
    ["web", "json", "create", "prune", "deadbeefcafe", "a.b_c-d", "get", "reg.local:5000"];

/// One session that asks for each operation under each name.
fn evidence(operations: &[&Operation], version: Option<ApiVersion>) -> Evidence {
    let requests = operations.iter().flat_map(|one| NAMES.map(|name| target(one, name, version)));
    gathered(requests)
}

fn gathered(requests: impl Iterator<Item = (String, String)>) -> Evidence {
    let mut gathering = Gathering::default();
    for ((method, path), seq) in requests.zip(1..) {
        gathering.absorb(Event::Request(Request {
            session: "s".into(),
            seq,
            time: "2026-01-01T00:00:00Z".parse().unwrap(),
            connection: 1,
            method,
            path,
            operation: None,
            parameters: indexmap::IndexMap::new(),
            query: vec![],
            refused: None,
            agent: None,
        }));
    }
    gathering.finish()
}

fn target(operation: &Operation, name: &str, version: Option<ApiVersion>) -> (String, String) {
    let path = operation.template.fill(|_| name.to_owned().into());
    let version = version.map_or_else(String::new, |version| format!("/v{version}"));
    (operation.method.to_string(), version + &path)
}

fn made_from(operations: &[&Operation], version: Option<ApiVersion>) -> Profile {
    let evidence = evidence(operations, version);
    let profile = generate(&evidence, &Options::default()).profile;
    prove(&evidence, &profile, None).unwrap();
    profile
}

/// The operation that a request is, when the profile lets it through.
fn admitted(gate: &Enforcer, (method, target): &(String, String)) -> Option<&'static str> {
    let head = Head { method, target, content_type: None };
    let Verdict::Forward(_) = gate.decide(&head).verdict else { return None };
    let request = CanonicalRequest::parse(method, target).unwrap();
    Some(request.locate(Catalogue::docker()).unwrap().operation.name)
}

#[test]
fn every_version_of_the_api_is_complete_and_exact() {
    let all = Catalogue::docker().operations();
    for minor in 24..=56 {
        let version = ApiVersion::new(1, minor);
        let (of_version, others): (Vec<_>, Vec<_>) =
            all.iter().partition(|one| one.since <= version && version <= one.until);
        let gate = Enforcer::new(&made_from(&of_version, Some(version)));
        // What a request under these names is may be another operation: `GET /containers/json`
        // inspects nothing. So the seen ones are taken from the requests, not from the list.
        let seen: Vec<&str> = of_version
            .iter()
            .flat_map(|one| NAMES.map(|name| target(one, name, None)))
            .filter_map(|(method, path)| {
                let request = CanonicalRequest::parse(&method, &path).ok()?;
                Some(request.locate(Catalogue::docker())?.operation.name)
            })
            .collect();
        for operation in &of_version {
            let fresh = target(operation, "fresh-1", Some(version));
            assert_eq!(admitted(&gate, &fresh), Some(operation.name), "{fresh:?}");
        }
        for operation in others.iter().filter(|one| !seen.contains(&one.name)) {
            let fresh = target(operation, "fresh-1", Some(version));
            let handshake = operation.name.starts_with("SystemPing");
            assert!(handshake || admitted(&gate, &fresh).is_none(), "{version}: {fresh:?}");
        }
    }
}

#[test]
fn one_operation_admits_itself_and_no_other() {
    let all = Catalogue::docker().operations();
    for one in all {
        let evidence = gathered(std::iter::once(target(one, "fresh-1", None)));
        let profile = generate(&evidence, &Options::default()).profile;
        let gate = Enforcer::new(&profile);
        for other in all {
            for name in NAMES.iter().chain(&["fresh-2"]) {
                let allowed = admitted(&gate, &target(other, name, None));
                let is_handshake = one.name.starts_with("SystemPing");
                assert!(
                    allowed.is_none_or(|name| name == one.name || is_handshake),
                    "{one} admits {allowed:?} as {other} on {name}"
                );
            }
        }
    }
}
