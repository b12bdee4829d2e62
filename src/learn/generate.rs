//! Generates the smallest profile that allows everything in the evidence.

use std::collections::BTreeMap;

use super::title::Title;
use super::{Chosen, Confine, Evidence, Known, Names};
use crate::answers::Hidden;
use crate::api::{ApiVersion, Operation, Part, Risk};
use crate::profile::{Comments, Entry, Name, Profile, Rule, UnknownOperation};

/// The number of hexadecimal digits of the evidence's digest in a profile.
const DIGEST_SHOWN: usize = 16;

/// The oldest API version that a profile allows.
///
/// A program uses the newest version that it and its engine support. The recorded versions
/// therefore depend on the machine, and as a lower bound they would break the same program on
/// another one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum MinApi {
    /// Any that dsp supports: [`ApiVersion::FLOOR`] and later.
    #[default]
    Any,
    /// The oldest version in the recording.
    Recorded,
    /// This one.
    At(ApiVersion),
}

/// The options of `dsp generate`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The oldest API version that is allowed.
    pub min_api: MinApi,
    /// The profile's name; by default, it is derived from the recorded commands.
    pub name: Option<Name>,
    /// The name of the recording or of its folder, for commands that say nothing, such as `sh -c`.
    pub place: Option<Name>,
    /// Which unknown operations to list.
    pub accept_unknown: Chosen,
    /// How wide the rules are.
    pub names: Names,
    /// What the rules say about contents.
    pub confine: Confine,
    /// What the rules hide in answers that have it.
    pub hide: Hidden,
}

/// A generated profile and its comments.
#[derive(Debug)]
pub struct Generated {
    /// The profile.
    pub profile: Profile,
    /// Its comments.
    pub comments: Comments,
}

impl MinApi {
    /// The lower bound, given what was recorded.
    #[must_use]
    pub fn of(self, evidence: &Evidence) -> Option<ApiVersion> {
        match self {
            Self::Any => None,
            Self::Recorded => evidence.lowest_version(),
            Self::At(version) => Some(version),
        }
    }
}

/// Generates the profile that allows what `evidence` contains and nothing else.
#[must_use]
pub fn generate(evidence: &Evidence, options: &Options) -> Generated {
    let mut rules: Vec<(Rule, String)> = Vec::new();
    for known in evidence.known() {
        let comment = comment(evidence, known);
        let own = options.names.rules(known).into_iter();
        let own = own.map(|rule| options.confine.apply(rule, known).hiding(options.hide));
        rules.extend(own.map(|rule| (rule, comment.clone())));
    }
    rules.extend(missing_handshake(evidence).map(|rule| (rule, String::new())));
    rules.sort_by_cached_key(|(rule, _)| (rule.operation().listing_key(), rule.to_string()));

    let unknown: Vec<Entry<UnknownOperation>> = evidence
        .unknown()
        .filter(|(request, _)| options.accept_unknown.includes(request))
        .filter_map(|(_, unknown)| unknown.listed())
        .map(Entry::new)
        .collect();
    let Title { text, name } = Title::of(evidence, options.name.clone(), options.place.clone());
    let summary = summary(rules.iter().map(|(rule, _)| rule));
    let header = vec![format!("{text}: {summary}"), provenance(evidence)];
    let (allow, comments) =
        rules.into_iter().map(|(rule, comment)| (Entry::new(rule), comment)).unzip();
    Generated {
        profile: Profile {
            min_api: options.min_api.of(evidence),
            allow,
            unknown,
            ..Profile::empty(name, evidence.engine())
        },
        comments: Comments { header, allow: comments },
    }
}

/// The operations of the handshake that were not seen although others were.
pub(super) fn missing_handshake(evidence: &Evidence) -> impl Iterator<Item = Rule> {
    let operations = evidence.engine().catalogue().operations();
    let handshake = move || operations.iter().filter(|operation| operation.traits.handshake);
    let is_seen =
        |operation: &&Operation| evidence.known().any(|known| known.operation == *operation);
    let any_seen = handshake().any(|operation| is_seen(&operation));
    handshake().filter(move |operation| any_seen && !is_seen(operation)).map(Rule::any)
}

/// `6 operations, highest risk: read`.
pub(super) fn summary<'a>(rules: impl Iterator<Item = &'a Rule>) -> String {
    let mut operations: BTreeMap<usize, Risk> = BTreeMap::new();
    for rule in rules {
        let risk = operations.entry(rule.operation().index).or_insert(Risk::Info);
        *risk = rule.risk().max(*risk);
    }
    let count = match operations.len() {
        1 => "1 operation".to_owned(),
        count => format!("{count} operations"),
    };
    let risk = operations.into_values().max().unwrap_or(Risk::Info);
    format!("{count}, highest risk: {risk}")
}

/// `evidence: 4 sessions, sha256 0123456789abcdef`.
#[must_use]
pub fn provenance(evidence: &Evidence) -> String {
    let sessions = match evidence.sessions().len() {
        1 => "1 session".to_owned(),
        count => format!("{count} sessions"),
    };
    let digest: String = evidence.digest().chars().take(DIGEST_SHOWN).collect();
    format!("evidence: {sessions}, sha256 {digest}")
}

/// The comment after a rule: the number of sessions in which it was used, unless it is all of them,
/// and the number of different objects.
pub(super) fn comment(evidence: &Evidence, known: &Known) -> String {
    // podman's own API has the same words as Docker's, one segment later.
    let mut words = known.operation.template.parts().iter();
    let thing = match words.find(|part| **part != Part::Literal("libpod")) {
        Some(Part::Literal("distribution")) => "image",
        Some(Part::Literal("debug")) => "dump",
        Some(Part::Literal(plural)) => plural.strip_suffix('s').unwrap_or(plural),
        _ => "path",
    };
    let things = match known.distinct() {
        0 => None,
        1 => Some(format!("1 {thing}")),
        count => Some(format!("{count} {thing}s")),
    };
    let (seen, all) = (known.seen.sessions.len(), evidence.sessions().len());
    let sessions = (seen < all).then(|| format!("seen in {seen} of {all} sessions"));
    sessions.into_iter().chain(things).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use proptest::prelude::*;

    use super::*;
    use crate::api::{CanonicalRequest, EngineKind, Method};
    use crate::learn::{Gathering, prove};
    use crate::peer::Peer;
    use crate::policy::{self, Enforcer, Gate, Verdict};
    use crate::profile::emit;
    use crate::recording::{CommandLine, Event, Request, Session};

    fn session(id: &str, command: &[&str], requests: &[(String, String)]) -> Vec<Event<'static>> {
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        let session = Session { id: id.into(), ..Session::begin(CommandLine::Short.of(&command)) };
        let start = session.start;
        let requests = requests.iter().zip(1..).map(|((method, path), seq)| {
            Event::Request(Request {
                session: id.to_owned().into(),
                seq,
                time: start,
                connection: 1,
                peer: Peer::Unknown,
                client: None,
                method: method.clone().into(),
                path: path.clone().into(),
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
            })
        });
        std::iter::once(Event::Session(session.clone())).chain(requests).collect()
    }

    fn requests(lines: &[&str]) -> Vec<(String, String)> {
        let split = |line: &&str| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()));
        lines.iter().filter_map(split).collect()
    }

    fn text(events: impl IntoIterator<Item = Event<'static>>) -> String {
        generated(events, Names::Any)
    }

    fn evidence(events: impl IntoIterator<Item = Event<'static>>) -> Evidence {
        let mut gathering = Gathering::default();
        events.into_iter().for_each(|event| gathering.absorb(event));
        gathering.finish(EngineKind::Docker)
    }

    fn generated(events: impl IntoIterator<Item = Event<'static>>, names: Names) -> String {
        let evidence = evidence(events);
        let options = Options {
            accept_unknown: Chosen::All,
            names,
            min_api: MinApi::Recorded,
            ..Options::default()
        };
        let Generated { profile, comments } = generate(&evidence, &options);
        prove(&evidence, &profile, None).unwrap();
        emit(&profile, &comments)
    }

    #[test]
    fn a_profile_says_what_was_seen_with_ids_as_wildcards() {
        let events = session(
            "a",
            &["/usr/bin/docker", "stats", "--all"],
            &requests(&[
                "HEAD /_ping",
                "GET /v1.41/containers/json",
                "GET /v1.41/containers/deadbeefcafe/stats",
                "GET /v1.41/containers/json/stats",
                "GET /v1.40/images/reg:5000/a/b/json",
                "DELETE /v1.41/containers/json",
                "GET /v1.41/extension/7",
                "GET /v1.41/../x",
            ]),
        );
        insta::assert_snapshot!(text(events), @r#"
        # docker stats: 6 operations, highest risk: change
        # evidence: 1 session, sha256 72c9ffd75a9bea95
        version: 1
        name: docker-stats
        min_api: "1.40"
        allow:
          - HEAD /_ping
          - GET /_ping
          - GET /containers/json
          - DELETE /containers/*     # 1 container
          - GET /containers/*/stats  # 2 containers
          - GET /images/*/json       # 1 image
        unknown:
          - GET /extension/7
        "#);
    }

    #[test]
    fn the_title_is_what_the_commands_share() {
        let one = |id: &str, command: &[&str]| session(id, command, &requests(&["GET /info"]));
        let title = |events: Vec<Event<'static>>| text(events).lines().next().unwrap().to_owned();
        let both = [one("a", &["docker", "info"]), one("b", &["docker", "ps"])].concat();
        assert!(title(both).starts_with("# docker: 1 operation,"));
        let compose = ["up", "down"].map(|word| one(word, &["docker", "compose", word])).concat();
        assert!(title(compose).starts_with("# docker compose: "));
        let mixed = [one("a", &["docker", "info"]), one("b", &["traefik"])].concat();
        assert!(title(mixed).starts_with("# profile: "));
        assert!(title(one("a", &["./run", "My Secret"])).starts_with("# run: "));
        assert!(title(one("a", &[])).starts_with("# profile: "));
        assert!(title(one("a", &["sh", "-c", "My Secret"])).starts_with("# profile: "));
        assert!(title(one("a", &["sh", "/opt/sweep.sh"])).starts_with("# sweep.sh: "));
        assert!(title(one("a", &["pytest", "x"])).starts_with("# pytest: "));
    }

    #[test]
    fn without_a_telling_command_the_name_comes_from_the_place() {
        let name = |command: &[&str], chosen: Option<&str>| {
            let evidence = evidence(session("a", command, &requests(&["GET /info"])));
            let name = chosen.map(|name| Name::parse(name).unwrap());
            let place = Some(Name::parse("shop").unwrap());
            let options = Options { name, place, ..Options::default() };
            let Generated { profile, comments } = generate(&evidence, &options);
            let title = comments.header[0].split(':').next().unwrap().to_owned();
            (title, profile.name.to_string())
        };
        let both = |text: &str| (text.to_owned(), text.to_owned());
        for command in [
            &["sh", "-c", "x"][..],
            &["bash"],
            &["python3", "-c", "x"],
            &["pytest"],
            &["make", "test"],
            &["go", "test"],
            &["docker"],
            &[],
        ] {
            assert_eq!(name(command, None), both("shop"), "{command:?}");
            assert_eq!(name(command, Some("ci")), both("ci"), "{command:?}");
        }
        assert_eq!(name(&["docker", "ps"], None), ("docker ps".into(), "docker-ps".into()));
        assert_eq!(name(&["docker", "ps"], Some("ci")), ("docker ps".into(), "ci".into()));
        assert_eq!(name(&["sh", "sweep.sh"], None), both("sweep.sh"));
        assert_eq!(name(&["traefik"], None), both("traefik"));
        assert_eq!(name(&["python3", "-m", "sweeper"], None), both("sweeper"));
    }

    fn some_requests() -> impl Strategy<Value = Vec<(String, String)>> {
        let operations = EngineKind::Docker.catalogue().operations();
        let name = "(json|create|prune|get|web|deadbeefcafe|a\\.b|reg:5000|c%20d)";
        let one = (0..operations.len(), name, prop::option::of(24u16..57)).prop_map(
            move |(index, name, version)| {
                let operation = &operations[index];
                let path = operation.template.fill(|_| name.as_str().into());
                let version = version.map_or_else(String::new, |minor| format!("/v1.{minor}"));
                (operation.method.to_string(), version + &path)
            },
        );
        prop::collection::vec(one, 1..30)
    }

    proptest! {
        #[test]
        fn a_profile_is_complete_and_exact(requests in some_requests()) {
            let evidence = evidence(session("a", &[], &requests));
            let Generated { profile, .. } = generate(&evidence, &Options::default());
            let gate = Enforcer::new(&profile);
            let allowed = |method: &str, target: &str| {
                let head = policy::Request::new(method, target);
                matches!(gate.decide(&head).verdict, Verdict::Forward(_))
            };
            let mut seen = Vec::new();
            for (method, path) in &requests {
                prop_assert!(allowed(method, path), "{method} {path} was recorded and is denied");
                let request = CanonicalRequest::parse(EngineKind::Docker, method, path).unwrap();
                seen.push(request.locate().unwrap().operation);
            }
            for operation in EngineKind::Docker.catalogue().operations() {
                let path = operation.template.fill(|_| "x9".into());
                let handshake = operation.traits.handshake
                    && seen.iter().any(|seen| seen.traits.handshake);
                prop_assert_eq!(
                    allowed(operation.method.as_str(), &path),
                    seen.contains(&operation) || handshake,
                    "{}", operation
                );
            }
        }

        #[test]
        fn order_and_copies_do_not_matter(
            first in some_requests(),
            second in some_requests(),
            shuffle in any::<prop::sample::Index>(),
        ) {
            let a = session("a", &["docker", "ps"], &first);
            let b = session("b", &["docker", "ps"], &second);
            let once = text([a.clone(), b.clone()].concat());
            let mut again = [b.clone(), a.clone(), b].concat();
            let at = shuffle.index(again.len());
            again.rotate_left(at);
            prop_assert_eq!(once, text(again));
        }
    }

    #[test]
    fn half_of_the_handshake_brings_the_other_half() {
        for method in [Method::Get, Method::Head] {
            let events = session("a", &[], &requests(&[&format!("{method} /_ping")]));
            assert!(text(events).contains("  - HEAD /_ping\n  - GET /_ping\n"));
        }
    }
}
