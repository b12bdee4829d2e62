//! The gates, each decision in its words.

use proptest::prelude::*;

use super::*;
use crate::api::{ApiVersion, EngineKind, Refusal};
use crate::http1::Flaw;
use crate::policy::{Auditor, Body, Denial, Enforcer, Missing, Observer, Verdict};
use crate::profile::{Comments, Entry, Name, emit, parse};
use crate::profile::{Profile, Rule};

const PROFILE: &str = "version: 1\nname: p\nmin_api: \"1.30\"\nallow:\n  - GET /containers/json\n  \
    - GET /containers/*/json\n  - POST /containers/ci-*/start\n  - POST /exec/*/start\n  \
    - DELETE /containers/*\ndeny:\n  - DELETE /containers/keep\nunknown:\n  - GET /extension\n";

fn head<'a>(method: &'a str, target: &'a str) -> Request<'a> {
    Request::new(method, target)
}

fn said(gate: &dyn Gate, asked: &Request<'_>) -> String {
    match gate.decide(asked).verdict {
        Verdict::Deny(denial) => format!("{} {denial}", denial.status()),
        Verdict::Forward(permit) => format!("forward {}", permit.target()),
        Verdict::ReadBody { at_most } => format!("read {at_most}"),
        asks => format!("{asks:?}"),
    }
}

fn enforcer() -> Enforcer {
    Enforcer::new(&parse(PROFILE).unwrap())
}

#[test]
fn exactly_the_profile_is_forwarded_in_canonical_form() {
    let gate = enforcer();
    let said = |method, target| said(&gate, &head(method, target));
    assert_eq!(
        said("GET", "/v1.41/%63ontainers/json?all=1"),
        "forward /v1.41/containers/json?all=1"
    );
    assert_eq!(said("GET", "http://x:2375/containers/json"), "forward /containers/json");
    assert_eq!(said("GET", "/containers/create/json"), "forward /containers/create/json");
    assert_eq!(said("POST", "/containers/ci-7/start"), "forward /containers/ci-7/start");
    assert_eq!(said("GET", "/extension"), "forward /extension");
    assert_eq!(
        said("POST", "/v1.41/containers/web/exec"),
        "403 POST /containers/web/exec is not allowed by profile \"p\"; to allow it: - POST /containers/*/exec"
    );
    for (method, target, status) in [
        ("POST", "/containers/web/start", "403"),
        ("GET", "/v4.6.1/libpod/containers/json", "400"),
        ("HEAD", "/containers/json", "403"),
        ("POST", "/containers/prune", "403"),
        ("GET", "/extension/x", "403"),
        ("DELETE", "/containers/keep", "403"),
        ("GET", "/v1.29/containers/json", "403"),
        ("GET", "/v1.23/containers/json", "400"),
        ("GET", "/containers/../containers/json", "400"),
        ("GET", "https://x/containers/json", "400"),
        ("CONNECT", "/containers/json", "400"),
    ] {
        assert!(said(method, target).starts_with(status), "{method} {target}");
    }
}

#[test]
fn advice_depends_on_what_is_allowed_already() {
    let gate = enforcer();
    let said = |method, target| said(&gate, &head(method, target));
    // Some names are allowed, so the advice is for one more.
    assert!(said("POST", "/containers/web/start").ends_with(": - POST /containers/web/start"));
    assert!(said("DELETE", "/containers/keep").ends_with("is denied by profile \"p\""));
    // An ID changes each time.
    let id = "0123456789ab";
    let start = format!("/containers/{id}/start");
    assert!(said("POST", &start).ends_with(": - POST /containers/*/start"));
    assert!(said("POST", "/containers/web/stop").ends_with(": - POST /containers/*/stop"));
    for target in ["/v4.6.1/libpod/containers/json", "/libpod/../libpod/info"] {
        let named = said("GET", target).contains("engine: podman");
        assert_eq!(named, target.starts_with("/v4"), "{target}");
    }
}

#[test]
fn a_tunnel_needs_an_allowed_hijack() {
    let permit = |method, target| match enforcer().decide(&head(method, target)).verdict {
        Verdict::Forward(permit) => permit,
        other => panic!("{other:?}"),
    };
    assert!(permit("POST", "/exec/1/start").tunnel());
    assert!(!permit("GET", "/containers/json").tunnel());
    assert!(!permit("GET", "/extension").tunnel());
}

#[test]
fn bodies_that_could_override_the_query_are_refused() {
    let content_type = Some(b"application/x-www-form-urlencoded".as_slice());
    let mut head = head("POST", "/containers/ci-1/start");
    head.head.content_type = content_type;
    let form = Request { body: Body::Unread, ..head };
    assert!(said(&enforcer(), &form).starts_with("400"));
    assert!(said(&enforcer(), &head).starts_with("forward"));
    let observer = Observer::new(EngineKind::Docker).decide(&form);
    let auditor = Auditor::new(enforcer()).decide(&form);
    for noted in [&observer, &auditor] {
        assert_eq!(noted.refusal, Some(Refusal::Form));
        assert!(noted.located.is_some() && matches!(noted.verdict, Verdict::Forward(_)));
    }
}

#[test]
fn a_rule_for_one_network_is_not_one_for_the_network_in_the_body() {
    let gate = |rules: &str| {
        Enforcer::new(&parse(&format!("version: 1\nname: p\nallow:\n{rules}")).unwrap())
    };
    let connect = |gate: &Enforcer, network: &str| {
        let body =
            format!("{{\"Container\":\"c\",\"EndpointConfig\":{{\"NetworkID\":\"{network}\"}}}}");
        let asked = head("POST", "/v1.41/networks/own/connect");
        let unread = Request { body: Body::Unread, ..asked };
        let whole = Request { body: Body::Whole(body.as_bytes()), ..asked };
        [said(gate, &unread), said(gate, &whole)]
    };
    let narrow = gate("  - POST /networks/own/connect\n  - POST /networks/ci-*/connect\n");
    let [unread, whole] = connect(&narrow, "theirs");
    assert_eq!(unread, "read 4194304");
    assert_eq!(
        whole,
        "403 POST /networks/theirs/connect is not allowed by profile \"p\": the body names this \
         network, which the engine prefers to the one in the path; to allow it: - POST \
         /networks/theirs/connect"
    );
    for network in ["", "own", "ci-7"] {
        let [_, whole] = connect(&narrow, network);
        assert_eq!(whole, "forward /v1.41/networks/own/connect", "{network}");
    }
    let [_, whole] = connect(&narrow, "../x?");
    assert!(whole.starts_with("400 POST /networks/own/connect is not"), "{whole}");
    let [_, whole] = connect(&narrow, "0a1b");
    assert!(whole.starts_with("403") && !whole.contains("to allow it"), "{whole}");
    // Rules about contents change nothing about it.
    let contents = "{network: [\"alias=db\"]}";
    let denies = format!("deny:\n  - POST /networks/*/connect: {contents}\n");
    let both = gate(&format!("  - POST /networks/own/connect\n{denies}"));
    assert!(connect(&both, "theirs")[1].starts_with("403 POST /networks/theirs/connect"));
    assert_eq!(connect(&both, "own")[1], "forward /v1.41/networks/own/connect");
    let named = "  - POST /networks/own/connect: {network: [theirs], container: [c]}\n";
    assert_eq!(connect(&gate(named), "theirs")[1], "forward /v1.41/networks/own/connect");
    let denied = gate(&format!("{named}deny:\n  - POST /networks/theirs/connect\n"));
    assert!(connect(&denied, "theirs")[1].starts_with("403 POST /networks/theirs/connect"));
    assert!(connect(&denied, "own")[1].starts_with("forward"));
    let open = gate("  - POST /networks/*/connect\n");
    assert_eq!(connect(&open, "theirs")[0], "forward /v1.41/networks/own/connect");
    let denied = gate("  - POST /networks/*/connect\ndeny:\n  - POST /networks/prod/connect\n");
    let [unread, whole] = connect(&denied, "prod");
    assert_eq!(unread, "read 4194304");
    assert!(whole.starts_with("403") && !whole.contains("to allow it"), "{whole}");
    let empty = head("POST", "/networks/own/connect");
    assert!(said(&narrow, &empty).starts_with("forward"));
    for (why, status) in [
        (Missing::TooLong, "413"),
        (Missing::TooSlow, "408"),
        (Missing::CutOff, "400"),
        (Missing::NoMemory, "503"),
    ] {
        let missing = Request { body: Body::Missing(why), ..empty };
        let said = said(&narrow, &missing);
        assert!(said.starts_with(status) && said.ends_with(&why.to_string()), "{said}");
    }
    let twice =
        Request { body: Body::Whole(b"{\"Container\":\"a\",\"container\":\"b\"}"), ..empty };
    assert!(said(&narrow, &twice).starts_with("400"));
}

#[test]
fn a_malformed_message_is_refused_whatever_it_asks_for() {
    for (flaw, status) in [(Flaw::LengthAndEncoding, "400"), (Flaw::TooLong, "431")] {
        let head = head("GET", "/containers/json").with_flaw(flaw);
        let said = said(&enforcer(), &head);
        assert!(said.starts_with(status) && said.contains(&flaw.to_string()), "{said}");
    }
}

#[test]
fn an_auditor_forwards_and_notes() {
    let decision = Auditor::new(enforcer()).decide(&head("POST", "/containers/create"));
    let Verdict::Forward(permit) = decision.verdict else { panic!("denied") };
    assert_eq!(permit.instead_of().map(Denial::status), Some(403));
    let decision = Auditor::new(enforcer()).decide(&head("GET", "/containers/json"));
    let Verdict::Forward(permit) = decision.verdict else { panic!("denied") };
    assert_eq!(permit.instead_of(), None);
}

#[test]
fn an_observer_forwards_what_was_sent() {
    let target = "/v1.41//containers/../%63ontainers/json?a;b";
    assert_eq!(
        said(&Observer::new(EngineKind::Docker), &head("get", target)),
        format!("forward {target}")
    );
}

/// The path of an operation with its names filled in.
fn path(engine: EngineKind, place: prop::sample::Index, name: &str) -> (&'static str, String) {
    let operation = place.get(engine.catalogue().operations());
    (operation.method.as_str(), operation.template.fill(|_| name.into()))
}

proptest! {
    #[test]
    fn an_enforcer_agrees_with_trying_each_rule(
        engine in prop::sample::select(EngineKind::ALL.as_slice()),
        rules in prop::collection::vec((any::<prop::sample::Index>(), "[*]|w[*]|web|json"), 1..6),
        denied in prop::collection::vec((any::<prop::sample::Index>(), "w[*]|web"), 0..3),
        asked in any::<prop::sample::Index>(),
        (version, name) in ("(/v1\\.2[0-9]|/v1\\.41|/v4\\.3\\.1)?", "web|w|json|w%2Fb|%63reate"),
        repeated in any::<bool>(),
    ) {
        let rule = |(place, name): &(prop::sample::Index, String)| {
            let (method, path) = path(engine, *place, name);
            Rule::parse(engine, &format!("{method} {path}")).ok().map(Entry::new)
        };
        let profile = Profile {
            min_api: Some(ApiVersion::new(1, 26)),
            allow: rules.iter().filter_map(rule).collect(),
            deny: denied.iter().filter_map(rule).collect(),
            ..Profile::empty(Name::fallback(), engine)
        };
        // Half of the requests are ones for which some rule was generated.
        let place = rules.first().map(|(place, _)| *place).filter(|_| repeated);
        let (method, path) = path(engine, place.unwrap_or(asked), &name);
        let target = format!("{version}{path}");
        let decision = Enforcer::new(&profile).decide(&head(method, &target));
        let admitted = decision.request.as_ref().is_some_and(|request| {
            let holds = |rules: &[Entry<Rule>]| {
                let located = request.locate();
                rules.iter().any(|rule| {
                    located.as_ref().is_some_and(|located| rule.value.matches(located))
                })
            };
            request.version().is_none_or(|version| version >= ApiVersion::new(1, 26))
                && holds(&profile.allow)
                && !holds(&profile.deny)
        });
        let shown = emit(&profile, &Comments::default());
        match (&decision.verdict, &decision.request) {
            (Verdict::Forward(permit), Some(request)) => {
                prop_assert!(admitted, "{method} {target} was forwarded\n{}", shown);
                prop_assert_eq!(permit.target(), request.target());
            }
            _ => prop_assert!(!admitted, "{method} {target} was denied\n{}", shown),
        }
    }

    #[test]
    fn adding_the_advised_rule_permits_the_request(
        engine in prop::sample::select(EngineKind::ALL.as_slice()),
        place in any::<prop::sample::Index>(),
        allowed in prop::collection::vec("web|w[*]|0123456789ab", 0..3),
        name in "web|db|w%2A|a%25b|%C3%A9|0123456789ab|create|json|[a-z*~.:]{1,9}",
        version in "/v1\\.41|/v4\\.3\\.1",
    ) {
        let (method, plain) = path(engine, place, &name);
        let rule = |name: &String| {
            let (method, path) = path(engine, place, name);
            Rule::parse(engine, &format!("{method} {path}")).ok().map(Entry::new)
        };
        let profile = Profile {
            allow: allowed.iter().filter_map(rule).collect(),
            ..Profile::empty(Name::fallback(), engine)
        };
        let target = format!("{version}{plain}");
        let head = head(method, &target);
        if let Verdict::Deny(denial) = Enforcer::new(&profile).decide(&head).verdict
            && let Some(advice) = &denial.rule
        {
            let message = denial.to_string();
            prop_assert!(message.ends_with(&format!("- {advice}")), "{}", message);
            let text = emit(&profile, &Comments::default());
            let text = text.replace("allow: []", "allow:");
            let text = format!("{}\n  - {advice}\n", text.trim_end());
            let mended = parse(&text).map_err(|problem| TestCaseError::fail(format!("{}\n{text}", problem.message)))?;
            let is_permitted =
                matches!(Enforcer::new(&mended).decide(&head).verdict, Verdict::Forward(_));
            prop_assert!(is_permitted, "{} {}\n{}", method, target, text);
        }
    }

    #[test]
    fn no_head_panics(method in "[A-Z]{0,7}|.{0,8}", target in "/.{0,40}|.{0,40}") {
        let gates: [&dyn Gate; 3] =
            [&enforcer(), &Auditor::new(enforcer()), &Observer::new(EngineKind::Podman)];
        for gate in gates {
            let decision = gate.decide(&head(&method, &target));
            let said = matches!(&decision.verdict, Verdict::Deny(denial) if denial.to_string().chars().any(char::is_control));
            prop_assert!(!said, "{:?}", decision);
        }
    }
}
