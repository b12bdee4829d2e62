//! What a change of a profile widens and narrows, operation by operation.
//!
//! Rules are compared as sets of requests, not as lines: a rule covered by another one adds
//! nothing, and neither does a rule that is denied.

use super::change::text;
use super::review_diff::{decisions, mark_reviewed};
use super::rule_diff::{allow, rule_change, without};
use super::{Change, ChangeKind, Effect, Entry, Profile, Rule, shared};
use crate::api::{EngineKind, Risk};

/// The differences between two profiles.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Diff {
    /// The changes, riskiest first.
    pub changes: Vec<Change>,
    /// The highest risk of what the old profile allows; `None` if it allows nothing.
    pub before: Option<Risk>,
    /// The highest risk of what the new profile allows.
    pub after: Option<Risk>,
}

impl Diff {
    /// Compares two profiles.
    #[must_use]
    pub fn of(old: &Profile, new: &Profile) -> Self {
        let mut changes = Vec::new();
        engine(old, new, &mut changes);
        allow(old, new, &mut changes);
        deny(old, new, &mut changes);
        unknown(old, new, &mut changes);
        min_api(old, new, &mut changes);
        mark_reviewed(new, &mut changes);
        decisions(old, new, &mut changes);
        changes.sort_by_key(|change| {
            std::cmp::Reverse((change.effect, change.risk, std::cmp::Reverse(change.kind)))
        });
        Self { changes, before: old.highest_risk(), after: new.highest_risk() }
    }

    /// Whether the new profile allows something that the old one does not.
    #[must_use]
    pub fn widens(&self) -> bool {
        self.changes.iter().any(|change| change.effect == Effect::Widens)
    }
}

impl Profile {
    /// The highest risk of what the profile allows and does not deny completely; `None` if there is
    /// nothing.
    #[must_use]
    pub fn highest_risk(&self) -> Option<Risk> {
        let denied = self.denied();
        let given = self.allow.iter().filter(|entry| !denied.covers(&entry.value));
        given.map(|entry| entry.value.risk()).max()
    }
}

fn engine(old: &Profile, new: &Profile, changes: &mut Vec<Change>) {
    if old.engine != new.engine {
        let line = |profile: &Profile| vec![Entry::new(format!("engine: {}", profile.engine))];
        changes.push(Change {
            kind: ChangeKind::EngineChanged,
            effect: Effect::Widens,
            old: line(old),
            new: line(new),
            risk: None,
            contents: vec![],
            is_reviewed: false,
        });
    }
}

fn deny(old: &Profile, new: &Profile, changes: &mut Vec<Change>) {
    // Whether a rule under `deny` takes anything away from what is allowed next to it.
    let matters = |rules: &[&Entry<Rule>], context: &Profile| -> Vec<bool> {
        let rules: Vec<&Rule> = rules.iter().map(|entry| &entry.value).collect();
        let allow: Vec<&Rule> = context.allow.iter().map(|entry| &entry.value).collect();
        let denied = context.denials();
        let is_asked = shared_names(context.engine, &rules, &allow);
        let is_denied = |rule: &Rule| denied.denies_all_of(rule);
        rules.iter().zip(is_asked).map(|(rule, asked)| asked && !is_denied(rule)).collect()
    };
    let gone = without(&old.deny, &new.deny);
    for (rule, matters) in gone.iter().zip(matters(&gone, new)) {
        let effect = if matters { Effect::Widens } else { Effect::None };
        changes.push(rule_change(ChangeKind::DenyRemoved, effect, vec![rule], vec![]));
    }
    let come = without(&new.deny, &old.deny);
    for (rule, matters) in come.iter().zip(matters(&come, old)) {
        let effect = if matters { Effect::Narrows } else { Effect::None };
        changes.push(rule_change(ChangeKind::DenyAdded, effect, vec![], vec![rule]));
    }
}

/// For each of `rules`, whether it matches the names of a request that one of `others` matches too.
fn shared_names(engine: EngineKind, rules: &[&Rule], others: &[&Rule]) -> Vec<bool> {
    let bare = |rules: &[&Rule]| rules.iter().map(|rule| rule.without_contents()).collect();
    let (rules, others): (Vec<Rule>, Vec<Rule>) = (bare(rules), bare(others));
    let rules: Vec<&Rule> = rules.iter().collect();
    shared(engine, &rules, &others.iter().collect::<Vec<_>>())
}

fn unknown(old: &Profile, new: &Profile, changes: &mut Vec<Change>) {
    for entry in without(&old.unknown, &new.unknown).into_iter().map(text) {
        let (kind, effect) = (ChangeKind::UnknownRemoved, Effect::Narrows);
        changes.push(Change {
            kind,
            effect,
            old: vec![entry],
            new: vec![],
            risk: None,
            contents: vec![],
            is_reviewed: false,
        });
    }
    for entry in without(&new.unknown, &old.unknown).into_iter().map(text) {
        let (kind, effect) = (ChangeKind::UnknownAdded, Effect::Widens);
        changes.push(Change {
            kind,
            effect,
            old: vec![],
            new: vec![entry],
            risk: None,
            contents: vec![],
            is_reviewed: false,
        });
    }
}

fn min_api(old: &Profile, new: &Profile, changes: &mut Vec<Change>) {
    // `None` is the lowest of all.
    let (kind, effect) = match new.min_api.cmp(&old.min_api) {
        std::cmp::Ordering::Less => (ChangeKind::MinApiLowered, Effect::Widens),
        std::cmp::Ordering::Equal => return,
        std::cmp::Ordering::Greater => (ChangeKind::MinApiRaised, Effect::Narrows),
    };
    let line = |profile: &Profile| {
        let version = profile.min_api.map(|version| format!("min_api: \"{version}\""));
        version.map(Entry::new).into_iter().collect()
    };
    changes.push(Change {
        kind,
        effect,
        old: line(old),
        new: line(new),
        risk: None,
        contents: vec![],
        is_reviewed: false,
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ContentChange;
    use super::*;
    use crate::answers::{Hidden, Hide};
    use crate::contents::{Facet, Fact, Facts};
    use crate::policy::{Enforcer, Gate, Request, Verdict};
    use crate::profile::parse;

    fn profile(rest: &str) -> Profile {
        parse(&format!("version: 1\nname: x\n{rest}")).unwrap()
    }

    fn described(old: &str, new: &str) -> Vec<String> {
        let diff = Diff::of(&profile(old), &profile(new));
        let texts = |entries: &[Entry<String>]| {
            entries.iter().map(|entry| entry.value.as_str()).collect::<Vec<_>>().join(", ")
        };
        let line = |change: &Change| {
            let (old, new) = (texts(&change.old), texts(&change.new));
            if !change.contents.is_empty() {
                let told = ContentChange::told(&change.contents);
                return format!("{} {}: {told}", change.effect.as_str(), change.kind);
            }
            format!("{} {}: {old} -> {new}", change.effect.as_str(), change.kind)
        };
        diff.changes.iter().map(line).collect()
    }

    #[test]
    fn lines_are_compared_by_what_they_allow() {
        let rules = |rules: &[&str]| {
            let lines = rules.iter().map(|rule| format!("  - {rule}\n")).collect::<String>();
            format!("allow:\n{lines}")
        };
        let allow = |old: &[&str], new: &[&str]| described(&rules(old), &rules(new));
        assert_eq!(allow(&["GET /info"], &["GET /info"]), [""; 0]);
        assert_eq!(
            allow(&["GET /info"], &["GET /info", "POST /build"]),
            ["widens rule-added:  -> POST /build"]
        );
        assert_eq!(
            allow(&["GET /info", "GET /events"], &["GET /info"]),
            ["narrows rule-removed: GET /events -> "]
        );
        assert_eq!(
            allow(&["GET /networks/ci-*"], &["GET /networks/*"]),
            ["widens rule-widened: GET /networks/ci-* -> GET /networks/*"]
        );
        assert_eq!(
            allow(&["GET /networks/*"], &["GET /networks/a", "GET /networks/b"]),
            ["narrows rule-narrowed: GET /networks/* -> GET /networks/a, GET /networks/b"]
        );
        assert_eq!(
            allow(&["GET /networks/*"], &["GET /networks/*", "GET /networks/a"]),
            ["none rule-added:  -> GET /networks/a"]
        );
        assert_eq!(
            allow(&["GET /networks/*", "GET /networks/a"], &["GET /networks/*"]),
            ["none rule-removed: GET /networks/a -> "]
        );
        assert_eq!(
            allow(&["GET /networks/*"], &["GET /networks/a", "POST /build", "GET /swarm"]),
            [
                "widens rule-added:  -> POST /build",
                "widens rule-added:  -> GET /swarm",
                "narrows rule-narrowed: GET /networks/* -> GET /networks/a",
            ]
        );
    }

    #[test]
    fn denied_rules_add_nothing() {
        let allow = "allow:\n  - GET /networks/*\n";
        let with = |deny: &str| format!("{allow}deny:\n  - {deny}\n");
        assert_eq!(
            described(allow, &with("GET /networks/ci-*")),
            ["narrows deny-added:  -> GET /networks/ci-*"]
        );
        assert_eq!(
            described(&with("GET /networks/ci-*"), allow),
            ["widens deny-removed: GET /networks/ci-* -> "]
        );
        assert_eq!(described(&with("POST /build"), allow), ["none deny-removed: POST /build -> "]);
        assert_eq!(
            described(
                "deny:\n  - POST /build\n",
                "allow:\n  - POST /build\ndeny:\n  - POST /build\n"
            ),
            ["none rule-added:  -> POST /build"]
        );
        assert_eq!(
            described(
                "allow:\n  - POST /build\ndeny:\n  - POST /build\n",
                "allow:\n  - POST /build\n"
            ),
            ["widens deny-removed: POST /build -> "]
        );
        let diff =
            Diff::of(&profile(&with("GET /networks/*")), &profile("allow:\n  - GET /info\n"));
        assert_eq!((diff.before, diff.after), (None, Some(Risk::Read)));
    }

    #[test]
    fn contents_are_compared_by_value() {
        let of = |old: &str, new: &str| {
            let rule = |contents: &str| format!("allow:\n  - POST /containers/create{contents}\n");
            described(&rule(old), &rule(new))
        };
        let one = ": {image: [\"a:1\"], mounts: [/srv]}";
        assert_eq!(of(one, one), [""; 0]);
        assert_eq!(
            of(one, ": {image: [\"a:1\"], mounts: [/srv, /etc, /x], privileged: true}"),
            ["widens rule-widened: mounts gains /etc, /x, privileged gains true"]
        );
        assert_eq!(
            of(one, ": {image: [\"b:1\"], mounts: [\"/srv:ro\"]}"),
            [
                "widens rule-widened: image gains b:1",
                "narrows rule-narrowed: image loses a:1, mounts loses /srv"
            ]
        );
        assert_eq!(of(one, ": {}"), ["narrows rule-narrowed: image loses a:1, mounts loses /srv"]);
        assert_eq!(of(one, ""), ["widens rule-widened: any contents are allowed"]);
        assert_eq!(of("", one), ["narrows rule-narrowed: only some contents are allowed"]);
        assert_eq!(
            of(one, ": {image: any, mounts: [/srv]}"),
            ["widens rule-widened: image gains any value"]
        );
        assert_eq!(of(": {}", ": {name: [x]}"), ["narrows rule-narrowed: name loses any value"]);
        let deny = |deny: &str| {
            format!(
                "allow:\n  - POST /containers/create{one}\ndeny:\n  - POST /containers/create: {deny}\n"
            )
        };
        assert_eq!(
            described(&deny("{mounts: [/srv]}"), &deny("{mounts: [/srv, /x]}")),
            [
                "narrows deny-added:  -> POST /containers/create: {mounts: [\"/srv\", \"/x\"]}",
                "none deny-removed: POST /containers/create: {mounts: [\"/srv\"]} -> "
            ]
        );
        assert_eq!(
            described(&deny("{mounts: [/srv, /x]}"), &deny("{mounts: [/x]}"))[0],
            "widens deny-removed: POST /containers/create: {mounts: [\"/srv\", \"/x\"]} -> "
        );
    }

    #[test]
    fn what_answers_hide_is_compared() {
        let of = |old: &str, new: &str| {
            let rule = |hide: &str| format!("allow:\n  - GET /containers/*/json{hide}\n");
            described(&rule(old), &rule(new))
        };
        let (environment, commands) = (": {hide: environment}", ": {hide: [commands]}");
        assert_eq!(of(environment, environment), [""; 0]);
        assert_eq!(of(environment, ""), ["widens rule-widened: answers show the environment"]);
        assert_eq!(of("", environment), ["narrows rule-narrowed: answers hide the environment"]);
        assert_eq!(
            of(environment, commands),
            [
                "widens rule-widened: answers show the environment",
                "narrows rule-narrowed: answers hide the commands"
            ]
        );
        let list = |contents: &str| format!("allow:\n  - GET /containers/json: {contents}\n");
        assert_eq!(
            described(&list("{hide: commands}"), &list("{hide: commands, filters: [\"@own\"]}")),
            ["narrows rule-narrowed: only some contents are allowed"]
        );
    }

    #[test]
    fn the_rest_of_a_profile_counts() {
        assert_eq!(
            described("min_api: \"1.41\"\n", ""),
            ["widens min-api-lowered: min_api: \"1.41\" -> "]
        );
        assert_eq!(
            described("min_api: \"1.30\"\n", "min_api: \"1.41\"\n"),
            ["narrows min-api-raised: min_api: \"1.30\" -> min_api: \"1.41\""]
        );
        assert_eq!(
            described("unknown:\n  - GET /a\n", "unknown:\n  - GET /b\n"),
            ["widens unknown-added:  -> GET /b", "narrows unknown-removed: GET /a -> "]
        );
        assert_eq!(
            described("", "engine: podman\n"),
            ["widens engine-changed: engine: docker -> engine: podman"]
        );
    }

    /// A rule about contents.
    fn any_create() -> impl Strategy<Value = String> {
        let part = "image: (any|\\[\"a:1\"\\]|\\[\"a:\\*\", \"b:1\"\\])|mounts: (any|\\[/s\\]|\\[\"/s:ro\"\\])\
            |privileged: true|name: (any|\\[x\\])";
        let contents = prop::collection::btree_map("image|mounts|privileged|name", part, 0..3);
        let contents = contents.prop_map(|parts| {
            let mut parts: Vec<String> = parts.into_values().collect();
            parts.sort_by_key(|part| part.split(':').next().map(str::to_owned));
            parts.dedup_by_key(|part| part.split(':').next().map(str::to_owned));
            format!(": {{{}}}", parts.join(", "))
        });
        prop::option::weighted(0.8, contents)
            .prop_map(|contents| format!("POST /containers/create{}", contents.unwrap_or_default()))
    }

    fn any_profile() -> impl Strategy<Value = Profile> {
        let names = "(GET|DELETE) /networks/(\\*|a|b|a\\*|\\*b)|GET /(info|networks)";
        let inspect = || {
            let hide = "(: \\{hide: (environment|commands|\\[commands, credentials\\])\\})?";
            ("GET /containers/(\\*|a|a\\*)/json", hide).prop_map(|(rule, hide)| rule + &hide)
        };
        let allow = prop_oneof![names.prop_map(|rule| rule), any_create(), inspect()];
        let rule = || prop_oneof![names.prop_map(|rule| rule), any_create()];
        (
            prop::collection::vec(allow, 0..4),
            prop::collection::vec(rule(), 0..3),
            prop::option::of(40u16..43),
            prop::bool::ANY,
        )
            .prop_map(|(allow, deny, min_api, unknown)| {
                let list = |key: &str, rules: &[String]| {
                    let lines = rules.iter().map(|rule| format!("  - {rule}\n"));
                    format!("{key}:\n{}", lines.collect::<String>())
                };
                let min_api = min_api.map(|minor| format!("min_api: \"1.{minor}\"\n"));
                profile(&format!(
                    "{}{}{}{}",
                    min_api.unwrap_or_default(),
                    list("allow", &allow),
                    list("deny", &deny),
                    if unknown { "unknown:\n  - GET /x\n" } else { "" },
                ))
            })
    }

    proptest! {
        #[test]
        fn every_widening_is_found(old in any_profile(), new in any_profile()) {
            let facts = [
                (Facet::Image, "a:1"), (Facet::Image, "b:1"), (Facet::Mounts, "/s"),
                (Facet::Mounts, "/s:ro"), (Facet::Privileged, "true"), (Facet::Name, "x"), (Facet::Name, "y"),
            ];
            let passes = |profile: &Profile, method: &str, target: &str| {
                let decision = Enforcer::new(profile).decide(&Request::new(method, target));
                matches!(decision.verdict, Verdict::Forward(_))
            };
            let diff = Diff::of(&old, &new);
            let has = |effect| diff.changes.iter().any(|change| change.effect == effect);
            for method in ["GET", "DELETE"] {
                for path in ["/networks/a", "/networks/b", "/networks/ab", "/networks/c", "/networks", "/info", "/x"] {
                    for version in ["", "/v1.39", "/v1.40", "/v1.41", "/v1.42"] {
                        let target = format!("{version}{path}");
                        let before = passes(&old, method, &target);
                        let after = passes(&new, method, &target);
                        prop_assert!(!after || before || has(Effect::Widens), "{method} {target}");
                        prop_assert!(!before || after || has(Effect::Narrows), "{method} {target}");
                    }
                }
            }
            let gates = [&old, &new].map(Enforcer::new);
            for name in ["a", "ab", "c"] {
                let target = format!("/containers/{name}/json");
                // What the client sees.
                let [before, after] = gates.each_ref().map(|gate| {
                    match gate.decide(&Request::new("GET", &target)).verdict {
                        Verdict::Forward(permit) => {
                            let hidden = permit.hide().map(Hide::kinds).unwrap_or_default();
                            Some(Hidden::EVERYTHING.without(hidden))
                        }
                        _ => None,
                    }
                });
                let is_more = |one: Option<Hidden>, other: Option<Hidden>| match (one, other) {
                    (Some(one), Some(other)) => !other.has_all_of(one),
                    (one, None) => one.is_some(),
                    (None, Some(_)) => false,
                };
                prop_assert!(!is_more(after, before) || has(Effect::Widens), "{target}");
                prop_assert!(!is_more(before, after) || has(Effect::Narrows), "{target}");
            }
            for chosen in 0..1_usize << facts.len() {
                let facts: Facts = (facts.iter().enumerate())
                    .filter(|(place, _)| chosen >> place & 1 == 1)
                    .map(|(_, (facet, value))| Fact::new(*facet, *value))
                    .collect();
                let asked = Request::new("POST", "/containers/create");
                let [before, after] = gates
                    .each_ref()
                    .map(|gate| gate.denial_of(&asked, Some(&facts)).is_none());
                prop_assert!(!after || before || has(Effect::Widens), "{facts:?}");
                prop_assert!(!before || after || has(Effect::Narrows), "{facts:?}");
            }
            for change in &diff.changes {
                let right = |one: &ContentChange| one.effect == change.effect || change.effect == Effect::None;
                prop_assert!(change.contents.iter().all(right), "{change:?}");
            }
            prop_assert_eq!(Diff::of(&old, &old).changes, vec![]);
        }
    }
}
