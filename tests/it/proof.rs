//! The promises of `generate`, for both catalogues: complete, minimal and exact.

use std::collections::{BTreeMap, BTreeSet};

use dsp::api::{ApiVersion, CanonicalRequest, EngineKind, Operation, Part, Versions};
use dsp::check::{self, check};
use dsp::learn::{Evidence, Gathering, Names, Options, generate, prove};
use dsp::policy::{self, Enforcer, Gate, Verdict};
use dsp::profile::{ChangeKind, Comments, Diff, Profile, emit, parse};
use dsp::recording::{Event, Request};
use dsp::report::{Severity, Source};
use jiff::civil::date;
use proptest::prelude::*;

/// Names as in workloads, and names that look like something else.
const NAMES: [&str; 9] = [
    "web",
    "json",
    "create",
    "prune",
    "deadbeefcafe",
    "a.b_c-d",
    "get",
    "reg.local:5000",
    "libpod",
];

/// Names that only images and similar objects can have.
const LONG_NAMES: [&str; 6] = [
    "docker.io/library/nginx:1.27",
    "reg.local:5000/team/app/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "a/b/json",
    "scp/push",
    "x/add",
    "a/registry/b",
];

/// The versions of the requests: each of Docker's, and some of podman's.
fn versions(engine: EngineKind) -> Vec<Option<ApiVersion>> {
    let parsed = |text| Some(ApiVersion::parse(engine, text).unwrap());
    let shared = (24..=56).map(|minor| Some(ApiVersion::new(1, minor)));
    let own = match engine {
        EngineKind::Docker => vec![],
        EngineKind::Podman => vec![
            parsed("3.4.4"),
            parsed("4.0.0"),
            parsed("4.3.1"),
            parsed("5.8.0-dev"),
            parsed("10.0.0"),
        ],
    };
    std::iter::once(None).chain(shared).chain(own).collect()
}

/// Whether the engine's documents list the operation under the version.
fn is_of(operation: &Operation, version: Option<ApiVersion>) -> bool {
    match (&operation.versions, version) {
        (Versions::Documented { since, until }, Some(version)) => {
            *since <= version && version <= *until
        }
        (versions, version) => versions.serve(version),
    }
}

fn names_for(operation: &Operation) -> impl Iterator<Item = &'static str> {
    let spans = operation.template.parts().iter().any(|part| part.spans());
    let single = operation.template.parts().iter().any(|part| matches!(part, Part::One(_)));
    NAMES.into_iter().chain(LONG_NAMES.into_iter().filter(move |_| spans && !single))
}

fn target(operation: &Operation, name: &str, version: Option<ApiVersion>) -> (String, String) {
    let path = operation.template.fill(|_| name.to_owned().into());
    let version = version.map_or_else(String::new, |version| format!("/v{version}"));
    (operation.method.to_string(), version + &path)
}

fn gathered(engine: EngineKind, requests: &[(String, String)]) -> Evidence {
    let mut gathering = Gathering::default();
    for ((method, path), seq) in requests.iter().zip(1..) {
        gathering.absorb(Event::Request(Request {
            session: "s".into(),
            seq,
            time: "2026-01-01T00:00:00Z".parse().unwrap(),
            connection: 1,
            peer: dsp::peer::Peer::Unknown,
            client: None,
            method: method.as_str().into(),
            path: path.as_str().into(),
            operation: None,
            parameters: indexmap::IndexMap::new(),
            query: vec![],
            unread: 0,
            contents: None,
            unreadable: None,
            refused: None,
            agent: None,
            denied: None,
            would_deny: None,
        }));
    }
    gathering.finish(engine)
}

fn made_from(engine: EngineKind, requests: &[(String, String)], names: Names) -> Profile {
    let evidence = gathered(engine, requests);
    let options = Options { names, ..Options::default() };
    let generated = generate(&evidence, &options);
    prove(&evidence, &generated.profile, None).unwrap();
    let text = emit(&generated.profile, &generated.comments);
    assert_eq!(parse(&text).unwrap(), generated.profile, "{text}");
    generated.profile
}

/// The operation that the engine would run, by the grammar.
fn located(engine: EngineKind, (method, target): &(String, String)) -> Option<&'static Operation> {
    let request = CanonicalRequest::parse(engine, method, target).ok()?;
    Some(request.locate()?.operation)
}

/// The operation of a request, if the profile allows it.
fn admitted(gate: &Enforcer, request: &(String, String)) -> Option<&'static str> {
    let head = policy::Request::new(&request.0, &request.1);
    let decision = gate.decide(&head);
    let Verdict::Forward(_) = decision.verdict else { return None };
    Some(decision.located.unwrap().operation.name)
}

/// Checks that a profile generated from these requests allows each of them, and for fresh names
/// exactly their operations.
fn check_profile(engine: EngineKind, requests: &[(String, String)], version: Option<ApiVersion>) {
    let gate = Enforcer::new(&made_from(engine, requests, Names::Any));
    let mut seen = BTreeSet::new();
    for request in requests {
        let operation = located(engine, request).unwrap();
        assert_eq!(admitted(&gate, request), Some(operation.name), "{request:?} is rejected");
        seen.insert(operation.name);
    }
    let pinged = seen.iter().any(|name| is_handshake(name));
    for operation in engine.catalogue().operations() {
        let version =
            if operation.versions.serve(version) { version } else { operation.versions.newest() };
        let fresh = target(operation, "fresh-1", version);
        let expected = seen.contains(operation.name) || (pinged && is_handshake(operation.name));
        assert_eq!(
            admitted(&gate, &fresh),
            expected.then_some(operation.name),
            "{fresh:?} by a profile of {seen:?}"
        );
    }
}

fn is_handshake(name: &str) -> bool {
    matches!(name, "SystemPing" | "SystemPingHead")
}

#[test]
fn every_version_of_both_apis_is_complete_and_exact() {
    for engine in EngineKind::ALL {
        for version in versions(engine) {
            let operations =
                engine.catalogue().operations().iter().filter(|one| is_of(one, version));
            let requests: Vec<_> = operations
                .flat_map(|one| names_for(one).map(|name| target(one, name, version)))
                .filter(|request| located(engine, request).is_some_and(|one| is_of(one, version)))
                .collect();
            assert!(requests.len() > 300, "{engine} {version:?}: {}", requests.len());
            check_profile(engine, &requests, version);
        }
    }
}

#[test]
fn one_operation_allows_itself_and_no_other() {
    for engine in EngineKind::ALL {
        let all = engine.catalogue().operations();
        let requests: Vec<_> = all
            .iter()
            .flat_map(|one| {
                names_for(one)
                    .chain(["fresh-2"])
                    .map(|name| target(one, name, one.versions.newest()))
            })
            .collect();
        for one in all {
            let request = target(one, "fresh-1", one.versions.newest());
            let gate = Enforcer::new(&made_from(engine, &[request], Names::Any));
            for request in &requests {
                let allowed = admitted(&gate, request);
                assert!(
                    allowed.is_none_or(|name| name == one.name || is_handshake(one.name)),
                    "{one} admits {allowed:?} as {request:?}"
                );
            }
        }
    }
}

/// Some requests to an engine in one of its versions.
fn some_requests() -> impl Strategy<Value = (EngineKind, Option<ApiVersion>, Vec<(String, String)>)>
{
    prop::sample::select(EngineKind::ALL.as_slice()).prop_flat_map(|engine| {
        let count = engine.catalogue().operations().len();
        let picks = prop::collection::vec((0..count, any::<prop::sample::Index>()), 1..30);
        (prop::sample::select(versions(engine)), picks).prop_map(move |(version, picks)| {
            let requests = picks.into_iter().map(|(at, name)| {
                let operation = &engine.catalogue().operations()[at];
                let names: Vec<_> = names_for(operation).collect();
                let name = names[name.index(names.len())];
                let version = if operation.versions.serve(version) {
                    version
                } else {
                    operation.versions.newest()
                };
                target(operation, name, version)
            });
            let requests = requests.filter(|request| located(engine, request).is_some()).collect();
            (engine, version, requests)
        })
    })
}

proptest! {
    #[test]
    fn any_set_of_operations_is_complete_and_exact((engine, version, requests) in some_requests()) {
        check_profile(engine, &requests, version);
    }

    /// `check` and `diff` name exactly the operations that a profile of only the first requests
    /// does not contain.
    #[test]
    fn exactly_the_new_operations_are_named(
        (engine, _, requests) in some_requests(),
        part in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!requests.is_empty());
        let known = &requests[..=part.index(requests.len())];
        let (old, new) = (
            Profile { min_api: None, ..made_from(engine, known, Names::Any) },
            Profile { min_api: None, ..made_from(engine, &requests, Names::Any) },
        );
        let rules = |profile: &Profile| -> BTreeSet<String> {
            profile.allow.iter().map(|entry| entry.value.to_string()).collect()
        };
        let expected: BTreeSet<String> = rules(&new).difference(&rules(&old)).cloned().collect();
        let evidence = gathered(engine, &requests);
        let found = |profile: &Profile, code: &str| -> BTreeSet<String> {
            let options = check::Options { today: date(2026, 1, 1), severities: BTreeMap::new(), fail_on: Severity::Error, reviewed_before: None, requires_reviewed: false };
            let source = Source::file("p.yaml", emit(profile, &Comments::default()));
            let report = check(profile, source, &evidence, &options);
            let of_code = report.findings.iter().filter(|finding| finding.code == code);
            of_code.map(|finding| finding.subject.clone().unwrap()).collect()
        };
        // The other half of a handshake is in the profile although no request asked for it.
        let mut asked = expected.clone();
        asked.retain(|rule| requests.iter().any(|request| {
            located(engine, request).is_some_and(|one| one.to_string() == *rule)
        }));
        prop_assert_eq!(found(&old, "new-operation"), asked);
        for code in ["new-operation", "name-outside-narrowing", "unused-rule"] {
            prop_assert_eq!(found(&new, code), BTreeSet::new(), "{}", code);
        }
        let changes = Diff::of(&old, &new).changes;
        let added: BTreeSet<String> = changes.iter().map(|change| change.new[0].value.clone()).collect();
        prop_assert_eq!(added, expected);
        prop_assert!(changes.iter().all(|change| change.kind == ChangeKind::RuleAdded));
    }

    /// With names kept, exactly the requests that were seen are allowed.
    #[test]
    fn kept_names_allow_what_was_seen_and_no_other_name((engine, _, requests) in some_requests()) {
        let gate = Enforcer::new(&made_from(engine, &requests, Names::Exact));
        let seen: BTreeSet<_> = requests.iter().cloned().collect();
        for (method, path) in &seen {
            let operation = located(engine, &(method.clone(), path.clone())).unwrap();
            prop_assert_eq!(admitted(&gate, &(method.clone(), path.clone())), Some(operation.name));
            if operation.template.parameters().next().is_some() {
                let fresh = target(operation, "fresh-1", operation.versions.newest());
                prop_assert_eq!(admitted(&gate, &fresh), None);
            }
        }
    }
}
