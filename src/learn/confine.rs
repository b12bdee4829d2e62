//! What rules say about contents: which values were seen, and which of them vary.

mod vary;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use self::vary::generalised;
use super::{Demand, Known};
use crate::contents::{Facet, Fact, Facts, Schema};
use crate::profile::{Constraints, Rule, ValuePattern, looks_like_id};
use crate::text::words;

/// What rules do with the contents that were seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Confine {
    /// They allow what was seen.
    #[default]
    Seen,
    /// They allow anything.
    Any,
}

words!(Confine, () = (), {
    Seen = "seen",
    Any = "any",
});

impl Confine {
    /// A rule for an operation, with the contents of the demands that it matches. It allows any
    /// contents if those of some request were not recorded.
    pub(super) fn apply(self, rule: Rule, known: &Known) -> Rule {
        let is_seen = self == Self::Seen && Schema::in_rules(known.operation).is_some();
        let demands = || known.demands.keys().filter(|demand| known.matches(&rule, demand));
        if !is_seen || demands().any(|demand: &Demand| demand.facts.is_none()) {
            return rule;
        }
        let mut facts: BTreeMap<&Fact, Option<Fact>> = BTreeMap::new();
        for demand in demands() {
            for fact in demand.facts.iter().flat_map(Facts::iter) {
                let own = demand.as_own(known.operation, fact);
                let entry = facts.entry(fact).or_insert_with(|| own.clone());
                // An object that was not own each time has to be named.
                *entry = entry.take().filter(|_| own.is_some());
            }
        }
        let facts =
            facts.into_iter().map(|(fact, own)| own.map_or(Cow::Borrowed(fact), Cow::Owned));
        let facts: BTreeSet<Cow<'_, Fact>> = facts.collect();
        let mut constraints = Constraints::harmless();
        // The next container has another ID, which no value but any matches.
        let is_id = |fact: &Fact| fact.facet == Facet::Container && looks_like_id(&fact.value);
        let has_ids = facts.iter().any(|fact| is_id(fact));
        let is_open = |facet: Facet| has_ids && facet == Facet::Container;
        let named = facts.iter().map(Cow::as_ref);
        let named = named.filter(|fact| !fact.facet.is_free() && !is_open(fact.facet));
        for value in generalised(named, &known.contents) {
            constraints.add(value);
        }
        if has_ids {
            constraints.open(Facet::Container);
        }
        // Lists that are not about own objects alone are learned as plain lines.
        let is_list = Schema::of(known.operation).is_none();
        let is_own = |values: &Constraints| values.values().all(ValuePattern::is_of_owner);
        let is_plain = is_list && (constraints.is_empty() || !is_own(&constraints));
        rule.with_contents(Some(constraints).filter(|_| !is_plain))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use crate::api::EngineKind;
    use crate::contents::{Fact, Facts};
    use crate::learn::{
        Evidence, Gathering, Generated, MinApi, Options, Update, Wishes, generate, prove, update,
    };
    use crate::peer::Peer;
    use crate::profile::{emit, parse};
    use crate::recording::{Event, Request, Session};

    /// The evidence of sessions in which containers are created with these contents; `None` for
    /// contents that were not recorded.
    fn created(sessions: &[&[Option<&[&str]>]]) -> Evidence {
        let mut gathering = Gathering::default();
        for (place, requests) in sessions.iter().enumerate() {
            let session = Session { id: place.to_string(), ..Session::begin(Vec::new()) };
            for (facts, seq) in requests.iter().zip(1..) {
                let fact = |text: &&str| {
                    let (facet, value) = text.split_once(' ').unwrap();
                    Fact::new(facet.parse().unwrap(), value)
                };
                let facts: Option<Facts> = facts.map(|facts| facts.iter().map(fact).collect());
                gathering.absorb(Event::Request(Request {
                    session: session.id.clone().into(),
                    seq,
                    time: session.start,
                    connection: 1,
                    peer: Peer::Unknown,
                    client: None,
                    method: "POST".into(),
                    path: "/v1.45/containers/create".into(),
                    operation: None,
                    parameters: indexmap::IndexMap::new(),
                    query: vec![],
                    unread: 0,
                    contents: facts.map(Cow::Owned),
                    unreadable: None,
                    refused: None,
                    agent: None,
                    denied: None,
                    would_deny: None,
                }));
            }
            gathering.absorb(Event::Session(session));
        }
        gathering.finish(EngineKind::Docker)
    }

    fn rules(evidence: &Evidence) -> String {
        let Generated { profile, comments } = generate(evidence, &Options::default());
        prove(evidence, &profile, None).unwrap();
        let text = emit(&profile, &comments);
        text.split_once("allow:\n").unwrap().1.to_owned()
    }

    #[test]
    fn a_rule_allows_the_contents_that_were_seen() {
        let one: &[&str] = &["image alpine:3", "mounts /srv/data:ro", "name web", "user 0"];
        let other: &[&str] = &["image alpine:3", "mounts job-1", "privileged true"];
        let third: &[&str] = &["image alpine:3", "mounts job-2", "ports *:0"];
        insta::assert_snapshot!(rules(&created(&[&[Some(one), Some(other)], &[Some(one), Some(third)]])), @r#"
        - POST /containers/create:
            image:
              - alpine:3
            mounts:
              - /srv/data:ro
              - "job-*"
            ports:
              - "*:0"
            privileged: true
        "#);
    }

    #[test]
    fn a_rule_is_open_if_some_contents_were_not_recorded() {
        let one: &[&str] = &["image alpine:3"];
        insta::assert_snapshot!(rules(&created(&[&[Some(one), None]])), @"- POST /containers/create");
        insta::assert_snapshot!(rules(&created(&[&[Some(&[])]])), @"- POST /containers/create: {}");
    }

    /// The profile after an update with evidence.
    fn updated(text: &str, evidence: &Evidence) -> Update {
        let text = format!("version: 1\nname: x\nallow:\n{text}");
        let profile = parse(&text).unwrap();
        let wishes = Wishes { min_api: Some(MinApi::Any), ..Wishes::default() };
        let update = update(&text, &profile, evidence, wishes).unwrap();
        prove(evidence, &parse(&update.text).unwrap(), Some(&profile)).unwrap();
        update
    }

    #[test]
    fn an_update_adds_values_line_by_line() {
        let seen: &[&str] = &["image alpine:3", "mounts /srv/new", "privileged true"];
        let evidence = created(&[&[Some(seen)]]);
        let text = "  - POST /containers/create:  # mine\n      image:\n        - alpine:3\n        - busybox:1  # old\n      mounts:\n        - /srv/old\n";
        let update = updated(text, &evidence);
        assert_eq!(
            update.values,
            [
                "POST /containers/create: mounts /srv/new",
                "POST /containers/create: privileged true"
            ]
        );
        insta::assert_snapshot!(update.text, @r#"
        version: 1
        name: x
        allow:
          - POST /containers/create:  # mine
              image:
                - alpine:3
                - busybox:1  # old
              mounts:
                - /srv/new
                - /srv/old
              privileged: true
        "#);
    }

    #[test]
    fn an_update_never_adds_what_a_person_denied() {
        let seen: &[&str] = &["image alpine:3", "privileged true"];
        let evidence = created(&[&[Some(seen)]]);
        let text = "  - POST /containers/create:\n      image:\n        - alpine:3\ndeny:\n  - POST /containers/create:\n      privileged: true\n";
        let update = updated(text, &evidence);
        assert_eq!((update.values, update.added), (vec![], vec![]));
        assert_eq!(update.kept_out.len(), 1);
        let unread = created(&[&[None]]);
        let update = updated("  - POST /containers/create: {}\n", &unread);
        assert_eq!(update.kept_out.len(), 1);
    }
}
