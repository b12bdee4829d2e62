//! The gates: an enforcer forwards exactly what a slow and simple reading of the profile allows,
//! and only in canonical form; the two gates that observe forward requests unchanged.

use dsp::api::{ApiVersion, CanonicalRequest, EngineKind, Located, decode_name};
use dsp::policy::{
    Auditor, Body, Decision, Denial, Enforcer, Gate, Observer, Permit, Request, Verdict,
};
use dsp::profile::{Entry, Name, Profile, Rule, UnknownOperation};

/// Checks a profile and requests, given as one key and value per line: `engine`, `min_api`,
/// `allow`, `deny`, `unknown`, `type` for the content type, `body` for whether there is one, `json`
/// for a body that decides, and `request`. Invalid lines are skipped, so that a mutation of one line does not affect the others.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<(&str, &str)> =
        text.split('\n').filter_map(|line| line.split_once(' ')).collect();
    let profile = profile(&lines);
    let content_type = values(&lines, "type").next_back().map(str::as_bytes);
    let has_body = values(&lines, "body").next_back() != Some("no");
    let json = values(&lines, "json").next_back().unwrap_or("{}").as_bytes();
    // Whose an object is decides there, which no input says.
    if profile.allow.iter().any(|entry| entry.value.asks_for_owner()) {
        return;
    }
    let enforcer = Enforcer::new(&profile);
    let auditor = Auditor::new(Enforcer::new(&profile));
    let observer = Observer::new(profile.engine);
    for (method, target) in values(&lines, "request").filter_map(|line| line.split_once(' ')) {
        let mut asked = Request::new(method, target);
        asked.head.content_type = content_type;
        asked.body = if has_body { Body::Unread } else { Body::Absent };
        let mut decision = enforcer.decide(&asked);
        if let Verdict::ReadBody { .. } = decision.verdict {
            assert_eq!(asked.body, Body::Unread);
            assert!(matches!(auditor.decide(&asked).verdict, Verdict::ReadBody { .. }));
            asked.body = Body::Whole(json);
            decision = enforcer.decide(&asked);
            names_allowed_networks(&profile, &asked, &decision);
        } else {
            is_right(&profile, &asked, &decision);
        }
        let denial = match &decision.verdict {
            Verdict::Deny(denial) => Some(denial),
            Verdict::Forward(_) => None,
            _ => panic!("{asked:?} is not decided on"),
        };
        for (watching, denial) in
            [(auditor.decide(&asked), denial), (observer.decide(&asked), None)]
        {
            only_watches(&asked, &watching, denial);
            assert_eq!(watching.refusal, decision.refusal, "it notes what is refused");
        }
    }
}

/// Checks a decision that depends on the body: the path is allowed, and every network that another
/// parser finds in the body for the engine is allowed as well.
fn names_allowed_networks(profile: &Profile, asked: &Request<'_>, decision: &Decision) {
    let request = CanonicalRequest::parse(profile.engine, asked.head.method, asked.head.target);
    let request = request.expect("only a canonical request needs its body");
    let located = request.locate().expect("only an operation needs its body");
    assert_eq!(located.operation.name, "NetworkConnect");
    assert!(admits(profile, &request, Some(&located)), "{asked:?} is not allowed");
    match &decision.verdict {
        Verdict::Forward(permit) => {
            is_permitted(profile, &request, Some(&located), permit);
            let body = permit.body().expect("the body that was decided on is forwarded");
            let body: serde_json::Value = serde_json::from_slice(body).expect("it is JSON");
            let endpoint = body.get("EndpointConfig");
            for (key, value) in body.as_object().expect("it is an object") {
                assert!(["Container", "EndpointConfig"].contains(&key.as_str()), "{key}: {value}");
            }
            let network = endpoint.and_then(|endpoint| endpoint.get("NetworkID"));
            if let Some(network) = network.and_then(|network| network.as_str())
                && !network.is_empty()
            {
                let values = vec![network.to_owned()];
                let other = Located { operation: located.operation, values };
                assert!(admits(profile, &request, Some(&other)), "{network} is not allowed");
            }
        }
        Verdict::Deny(denial) => {
            assert!(super::printable(&denial.to_string()), "{denial:?}");
            assert!(matches!(denial.status(), 400 | 403), "{denial:?}");
            helps(profile, asked, denial);
        }
        _ => panic!("{asked:?} is not decided on"),
    }
}

fn values<'a>(
    lines: &'a [(&'a str, &'a str)],
    key: &'static str,
) -> impl DoubleEndedIterator<Item = &'a str> {
    lines.iter().filter(move |(word, _)| *word == key).map(|(_, value)| *value)
}

fn profile(lines: &[(&str, &str)]) -> Profile {
    let engine = values(lines, "engine").find_map(|word| word.parse().ok()).unwrap_or_default();
    let rules = |key| {
        let rules = values(lines, key).filter_map(|text| Rule::parse(engine, text).ok());
        // What requests contain has a property of its own.
        let rules = rules.filter(|rule| rule.contents().is_none());
        rules.map(Entry::new).collect()
    };
    Profile {
        min_api: values(lines, "min_api").find_map(|text| ApiVersion::parse(engine, text).ok()),
        allow: rules("allow"),
        deny: rules("deny"),
        unknown: values(lines, "unknown")
            .filter_map(|text| unknown(engine, text))
            .map(Entry::new)
            .collect(),
        ..Profile::empty(Name::fallback(), engine)
    }
}

fn unknown(engine: EngineKind, text: &str) -> Option<UnknownOperation> {
    let (method, path) = text.split_once(' ')?;
    let request = CanonicalRequest::parse(engine, method, path).ok()?;
    let bare = request.version().is_none() && request.query().is_empty();
    bare.then(|| UnknownOperation::of(&request)).flatten()
}

/// Compares an enforcer's decision with a second implementation.
fn is_right(profile: &Profile, asked: &Request<'_>, decision: &Decision) {
    let request = CanonicalRequest::parse(profile.engine, asked.head.method, asked.head.target);
    assert_eq!(decision.request.as_ref(), request.as_ref().ok(), "{asked:?}");
    let is_refused = request.is_err() || overrides(asked);
    assert_eq!(decision.refusal.is_some(), is_refused, "{asked:?}");
    let located = request.as_ref().ok().and_then(CanonicalRequest::locate);
    assert_eq!(decision.located, located, "{asked:?}");
    match &decision.verdict {
        Verdict::Forward(permit) => {
            let request = request.expect("only a canonical request is forwarded");
            assert!(!is_refused, "{asked:?}");
            assert!(admits(profile, &request, located.as_ref()), "{asked:?} is not allowed");
            is_permitted(profile, &request, located.as_ref(), permit);
        }
        Verdict::Deny(denial) => {
            assert!(super::printable(&denial.to_string()), "{denial:?}");
            assert_eq!(denial.status() == 400, is_refused);
            assert!(matches!(denial.status(), 400 | 403), "{denial:?}");
            if let (403, Ok(request)) = (denial.status(), &request) {
                assert!(!admits(profile, request, located.as_ref()), "{asked:?} is allowed");
                helps(profile, asked, denial);
            }
        }
        _ => panic!("{asked:?} is not decided on"),
    }
}

/// Evaluates the profile by trying each of its rules.
fn admits(profile: &Profile, request: &CanonicalRequest, located: Option<&Located>) -> bool {
    if let (Some(version), Some(floor)) = (request.version(), profile.min_api)
        && version < floor
    {
        return false;
    }
    let Some(located) = located else {
        let same = |entry: &UnknownOperation| {
            entry.method() == request.method()
                && decode_name(entry.path()) == decode_name(request.path())
        };
        return profile.unknown.iter().any(|entry| same(&entry.value));
    };
    let matched = |rules: &[Entry<Rule>]| rules.iter().any(|rule| rule.value.matches(located));
    matched(&profile.allow) && !matched(&profile.deny)
}

/// Checks that the forwarded target is canonical and not older than dsp supports, that only hijacks
/// get a tunnel, and that some line of the profile can be read, star by star, as the path.
fn is_permitted(
    profile: &Profile,
    request: &CanonicalRequest,
    located: Option<&Located>,
    permit: &Permit,
) {
    super::canonical::is_canonical(request);
    assert_eq!(permit.target(), request.target());
    assert!(!permit.is_verbatim() && permit.instead_of().is_none());
    assert_eq!(permit.tunnel(), located.is_some_and(|located| located.operation.traits.hijack));
    let oldest = request.version().filter(|_| profile.engine == EngineKind::Docker);
    assert!(oldest.is_none_or(|version| version >= ApiVersion::new(1, 24)), "{permit:?}");
    let asked = format!("{} {}", request.method(), decode_name(request.path()).unwrap());
    let rules = profile.allow.iter().map(|entry| entry.value.to_string());
    let unknown = profile.unknown.iter().map(|entry| entry.value.to_string());
    assert!(rules.chain(unknown).any(|line| reads_as(&line, &asked)), "no line is {asked}");
}

/// Whether a text is a line of a profile with each star replaced.
fn reads_as(line: &str, text: &str) -> bool {
    let pieces: Vec<String> = line.split('*').map(|piece| decode_name(piece).unwrap()).collect();
    // The positions in the text that the pieces so far can reach.
    let mut places = vec![0];
    for (number, piece) in pieces.iter().enumerate() {
        let begins: Vec<usize> = match number {
            0 => places,
            _ => (places.into_iter().min().unwrap_or(text.len() + 1)..=text.len()).collect(),
        };
        let fits =
            |place: &usize| text.get(*place..).is_some_and(|rest| rest.starts_with(piece.as_str()));
        places = begins.into_iter().filter(fits).map(|place| place + piece.len()).collect();
    }
    places.contains(&text.len())
}

/// Checks that the rule in a denial allows the request.
fn helps(profile: &Profile, asked: &Request<'_>, denial: &Denial) {
    let Some(rule) = &denial.rule else { return };
    let mut wider = profile.clone();
    wider
        .allow
        .push(Entry::new(Rule::parse(profile.engine, &rule.to_string()).expect("it is a rule")));
    let decision = Enforcer::new(&wider).decide(asked);
    assert!(matches!(decision.verdict, Verdict::Forward(_)), "{rule} does not help {asked:?}");
}

/// Checks that a gate that observes forwards the request unchanged, and notes what it should.
fn only_watches(asked: &Request<'_>, decision: &Decision, instead_of: Option<&Denial>) {
    match &decision.verdict {
        Verdict::Forward(permit) => {
            assert_eq!(permit.target(), asked.head.target);
            assert_eq!(permit.instead_of(), instead_of);
            assert!(permit.is_verbatim());
        }
        other => panic!("{asked:?} is not passed on: {other:?}"),
    }
}

/// Whether an engine could read the body instead of the query, or decide by the content type alone.
fn overrides(asked: &Request<'_>) -> bool {
    let text =
        String::from_utf8_lossy(asked.head.content_type.unwrap_or_default()).to_ascii_lowercase();
    let has_form = matches!(asked.head.method, "POST" | "PUT")
        && text.contains("application/x-www-form-urlencoded");
    text.contains("application/grpc")
        || asked.body != Body::Absent && (text.contains("multipart/") || has_form)
}
