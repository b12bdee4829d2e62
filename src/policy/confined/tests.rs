//! What a denial says about contents is what allows the request.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::contents::{Facet, Fact, Sockets};
use crate::policy::{Body, Denial, Enforcer, Gate, Reason, Request, Verdict};
use crate::profile::{Constraints, Rule, ValuePattern, add_value, parse, rule_lines};
use crate::text::is_unsafe;

/// The text of a denial has fewer bytes than this.
const LONGEST: usize = 4096;

fn decide(profile: &str, body: &[u8]) -> Verdict {
    let gate = Enforcer::new(&parse(profile).unwrap());
    let mut asked = Request::new("POST", "/v1.41/containers/create?name=web");
    asked.head.content_type = Some(b"application/json");
    asked.body = Body::Whole(body);
    gate.decide(&asked).verdict
}

fn denial(profile: &str, body: &Value) -> Denial {
    match decide(profile, body.to_string().as_bytes()) {
        Verdict::Deny(denial) => denial,
        other => panic!("{other:?}"),
    }
}

/// A container that asks for the engine's socket gets dsp's where a rule says so.
#[test]
fn a_socket_is_replaced_where_a_rule_says_so() {
    let body = r#"{"Image":"alpine:3","HostConfig":{"Binds":["/run/docker.sock:/s"]}}"#;
    let decide = |rules: &str| {
        let profile = format!("version: 1\nname: p\n{rules}");
        let sockets = Sockets::new(Vec::new(), vec!["/run/docker.sock".to_owned()]);
        let sockets = sockets.nesting(None, "/run/dsp/n/docker.sock".to_owned());
        let gate = Enforcer::new(&parse(&profile).unwrap()).with_sockets(sockets);
        let mut asked = Request::new("POST", "/v1.41/containers/create?name=web");
        asked.head.content_type = Some(b"application/json");
        asked.body = Body::Whole(body.as_bytes());
        match gate.decide(&asked).verdict {
            Verdict::Forward(permit) => {
                permit.body().map(|body| String::from_utf8(body.to_vec()).unwrap())
            }
            Verdict::Deny(denial) => Some(denial.to_string()),
            other => panic!("{other:?}"),
        }
    };
    let create = |mounts: &str| {
        decide(&format!("allow: [{{POST /containers/create: {{image: any{mounts}}}}}]\n"))
    };
    let replaced = body.replace("/run/docker.sock", "/run/dsp/n/docker.sock");
    assert_eq!(create(", mounts: [\"@socket\"]"), Some(replaced));
    assert_eq!(create(", mounts: any").as_deref(), Some(body));
    let denial = create("").unwrap();
    assert!(denial.ends_with("mounts: - \"@socket\""), "{denial}");
    // The path itself is the value of no request.
    let denial = create(", mounts: [/run/docker.sock]").unwrap();
    assert!(denial.ends_with("mounts: - \"@socket\""), "{denial}");
    // A rule for any contents leaves the mount as it is, also if contents are read for another rule.
    assert_eq!(decide("allow: [POST /containers/create]\n"), None);
    let both = "allow: [POST /containers/create, {POST /containers/create: {mounts: [\"@socket\"]}}]\n\
        deny: [{POST /containers/create: {mounts: [/etc]}}]\n";
    assert_eq!(decide(both).as_deref(), Some(body));
}

fn create(contents: &[Constraints]) -> String {
    let rule = parse("version: 1\nname: x\nallow: [POST /containers/create]\n").unwrap().allow[0]
        .value
        .clone();
    let lines = contents.iter().map(|contents| {
        let rule = rule.clone().with_contents(Some(contents.clone()));
        rule_lines(&rule)
            .iter()
            .enumerate()
            .map(|(place, line)| format!("  {}{line}\n", if place == 0 { "- " } else { "" }))
            .collect::<String>()
    });
    format!("version: 1\nname: p\nallow:\n  - GET /info\n{}", lines.collect::<String>())
}

#[test]
fn a_denial_names_the_lines_to_add() {
    let profile = "version: 1\nname: p\nallow:\n  - POST /containers/create: {image: [\"alpine:3\"]}\n\
        deny:\n  - POST /containers/create: {mounts: [/etc], namespaces: any}\n";
    let said = |body: Value| {
        let denial = denial(profile, &body);
        format!("{} {denial}", denial.status())
    };
    let many: Vec<String> = (0..50).map(|number| format!("/srv/{number}:/x")).collect();
    insta::assert_snapshot!(
        [
            said(json!({"Image": "alpine:3", "HostConfig": {"Binds": ["/srv:/x"]}})),
            said(json!({"Image": "postgres:16", "HostConfig": {"Privileged": true}})),
            said(json!({"Image": "alpine:3", "HostConfig": {"Binds": ["/a\u{202e}\n#*:/x"]}})),
            said(json!({"Image": "alpine:3", "HostConfig": {"Binds": many}})),
            said(json!({"Image": "alpine:3", "HostConfig": {"Binds": ["/etc:/x"]}})),
            said(json!({"Image": "alpine:3", "HostConfig": {"PidMode": "host"}})),
            said(json!({"Image": "alpine:3", "Frobnicate": {"Binds": ["/etc:/x"]}})),
            said(json!({"Image": "alpine:3", "image": "postgres:16"})),
        ]
        .join("\n")
    );
}

fn any_word() -> impl Strategy<Value = String> {
    let part = "/srv/[ab]|/etc|\\.\\.|a|:|,|ro|rw|\\*|%|#|é|\u{202e}| |\"|'|@socket|[a-f0-9]{12}|container:|host|=|/|\\[|\\{|\\PC";
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.concat())
}

fn any_body() -> impl Strategy<Value = Value> {
    let words = || prop::collection::vec(any_word(), 0..3);
    let bind = (any_word(), "/x(:ro)?");
    let bind = bind.prop_map(|(source, rest)| format!("{source}:{rest}"));
    (
        prop_oneof![Just("alpine:3".to_owned()), any_word()],
        prop::collection::vec(prop_oneof![bind, any_word()], 0..3),
        (any::<bool>(), words(), prop::option::of(any_word()), words()),
        (words(), words(), prop::option::of(any_word()), words()),
        prop::collection::vec((any_word(), "(/srv|vol|)", any::<bool>()), 0..2),
    )
        .prop_map(|(image, binds, (privileged, caps, network, labels), (ports, security, pid, sysctls), mounts)| {
            let map = |keys: Vec<String>| keys.into_iter().map(|key| (key, json!("x"))).collect::<serde_json::Map<_, _>>();
            let ports = ports.into_iter().enumerate().map(|(port, host)| {
                (format!("{}/tcp", port + 1), json!([{"HostIp": "", "HostPort": host}]))
            });
            let mounts = mounts.into_iter().map(|(target, source, read_only)| {
                let kind = if source.starts_with('/') { "bind" } else { "volume" };
                json!({"Type": kind, "Source": source, "Target": format!("/{target}"), "ReadOnly": read_only})
            });
            json!({"Image": image, "Labels": map(labels), "HostConfig": {
                "Binds": binds, "Privileged": privileged, "CapAdd": caps,
                "NetworkMode": network.unwrap_or_default(), "PidMode": pid.unwrap_or_default(),
                "PortBindings": ports.collect::<serde_json::Map<_, _>>(),
                "SecurityOpt": security, "Sysctls": map(sysctls), "Mounts": mounts.collect::<Vec<_>>(),
            }})
        })
}

fn any_constraints() -> impl Strategy<Value = Constraints> {
    let value = prop::sample::select(vec![
        (Facet::Image, "alpine:3"),
        (Facet::Image, "alp*:*"),
        (Facet::Mounts, "/srv/a"),
        (Facet::Mounts, "/srv/*:ro"),
        (Facet::Ports, "*:*"),
        (Facet::Privileged, "true"),
        (Facet::Capabilities, "NET_ADMIN"),
        (Facet::Labels, "a*"),
        (Facet::Name, "web"),
    ]);
    prop::collection::vec(value, 0..4).prop_map(|values| {
        let mut constraints = Constraints::harmless();
        for (facet, text) in values {
            constraints.add(ValuePattern::parse(facet, text).unwrap());
        }
        constraints
    })
}

/// The profile after lines were added to a rule.
fn widened<'a>(
    profile: &str,
    rule: &Rule,
    facts: impl Iterator<Item = &'a Fact>,
) -> Result<String, TestCaseError> {
    let place =
        parse(profile).unwrap().allow.iter().position(|entry| entry.value == *rule).unwrap();
    let mut text = profile.to_owned();
    for fact in facts {
        let entry = parse(&text).unwrap().allow[place].clone();
        text = add_value(&text, &entry, &ValuePattern::of(fact)).unwrap();
        parse(&text)
            .map_err(|problem| TestCaseError::fail(format!("{} in\n{text}", problem.message)))?;
    }
    Ok(text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn exactly_the_lines_that_a_denial_names_allow_the_request(
        contents in prop::collection::vec(any_constraints(), 1..3),
        body in any_body(),
    ) {
        let (profile, body) = (create(&contents), body.to_string());
        let Verdict::Deny(denial) = decide(&profile, body.as_bytes()) else { return Ok(()) };
        let said = denial.to_string();
        prop_assert!(said.len() < LONGEST && !said.contains(is_unsafe), "{said}");
        let Reason::Contents { rule, lacking } = &denial.reason else { return Ok(()) };
        let wider = widened(&profile, rule, lacking.iter())?;
        let passes = matches!(decide(&wider, body.as_bytes()), Verdict::Forward(_));
        prop_assert!(passes, "{said}\n{body}\n{wider}");
        for (place, left_out) in lacking.iter().enumerate() {
            let others = lacking.iter().enumerate().filter(|(other, _)| *other != place);
            let less = widened(&profile, rule, others.map(|(_, fact)| fact))?;
            match decide(&less, body.as_bytes()) {
                Verdict::Deny(denial) => prop_assert!(
                    matches!(&denial.reason, Reason::Contents { .. }), "{left_out} {denial}"
                ),
                other => prop_assert!(false, "{left_out} {other:?}"),
            }
        }
        // As a person would do it, one line for each value in the text.
        if let [fact] = lacking.as_slice() && !fact.facet.is_flag() {
            let front = format!("; to allow it, add to \"POST /containers/create\": {}: - ", fact.facet);
            let Some((_, line)) = said.split_once(&front) else {
                return Err(TestCaseError::fail(said));
            };
            let contents = Constraints::of(&std::iter::once(fact.clone()).collect());
            let typed = format!("version: 1\nname: p\nallow:\n  - POST /containers/create:\n      {}:\n        - {line}\n", fact.facet);
            let typed = parse(&typed).map_err(|problem| TestCaseError::fail(format!("{} in {typed}", problem.message)))?;
            prop_assert_eq!(typed.allow[0].value.contents(), Some(&contents));
        }
    }
}
