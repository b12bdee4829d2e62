//! The open questions, in the order in which the user is asked. The riskiest rules come first, and rules
//! that differ only in the name that they allow are one question. Rules that only read come last, with one
//! question for each section of the API.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::values::values;
use super::{Subject, Topic, is_low};
use crate::api::Risk;
use crate::profile::{Pattern, Profile, Reviewed, Rule, UnknownOperation};

/// One question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Item {
    /// A rule under `allow`.
    Rule {
        /// The rule.
        rule: Rule,
        /// The risk with which it was accepted, if it is riskier today.
        accepted_as: Option<Risk>,
    },
    /// Rules of one operation that differ only in the names that they allow, each of which is exact.
    Group {
        /// The rules, of which there are at least two.
        rules: Vec<Rule>,
        /// The risk with which they were accepted, if they are riskier today.
        accepted_as: Option<Risk>,
    },
    /// A request under `unknown`.
    Unknown(UnknownOperation),
    /// Rules of one section that only read.
    Section {
        /// The section's heading in the API's documentation.
        name: &'static str,
        /// The rules, of which there are at least two.
        rules: Vec<Rule>,
    },
    /// Everything else that has changed since the review.
    Rest,
}

impl Item {
    /// Whether the question is about a rule with values.
    pub(super) fn has_values(&self) -> bool {
        matches!(self, Self::Rule { rule, .. } if !values(rule).is_empty())
    }

    /// The rules that it is about.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        match self {
            Self::Rule { rule, .. } => std::slice::from_ref(rule),
            Self::Group { rules, .. } | Self::Section { rules, .. } => rules,
            Self::Unknown(_) | Self::Rest => &[],
        }
    }

    /// The subjects of a decision on it; empty for [`Item::Rest`].
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        match self {
            Self::Unknown(unknown) => vec![Subject::Unknown(unknown.clone())],
            _ => self.rules().iter().cloned().map(Subject::Rule).collect(),
        }
    }

    /// What it is about.
    #[must_use]
    pub fn topic(&self) -> Topic {
        match self {
            Self::Unknown(unknown) => Topic::Unknown(unknown.clone()),
            _ => self.rules().first().map_or(Topic::Rest, Topic::of),
        }
    }

    /// Whether Enter may accept it.
    #[must_use]
    pub fn is_low(&self) -> bool {
        match self {
            Self::Rule { rule, .. } => is_low(rule),
            Self::Section { .. } => true,
            Self::Group { .. } | Self::Unknown(_) | Self::Rest => false,
        }
    }

    /// Whether one answer decides on several rules.
    #[must_use]
    pub fn is_several(&self) -> bool {
        matches!(self, Self::Group { .. } | Self::Section { .. })
    }
}

/// What the user wants to be asked about in another way than by default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Wishes {
    /// Topics whose rules are shown one by one.
    pub(super) opened: Vec<Topic>,
    /// What is left open for later.
    pub(super) skipped: HashSet<Subject>,
    /// Whether [`Item::Rest`] is left open for later.
    pub(super) is_rest_skipped: bool,
}

/// All questions.
#[must_use]
pub fn queue(profile: &Profile) -> Vec<Item> {
    questions(profile, &Wishes::default())
}

/// The questions that are asked under these wishes.
pub(super) fn questions(profile: &Profile, wishes: &Wishes) -> Vec<Item> {
    let standing = profile.standing();
    let mut rules: Vec<Open<'_>> = Vec::new();
    let mut seen = HashSet::new();
    for open in &standing.open {
        if let Some(entry) = profile.allow.get(open.place)
            && seen.insert(&entry.value)
            && !wishes.skipped.contains(&Subject::Rule(entry.value.clone()))
        {
            rules.push(Open { rule: &entry.value, accepted_as: open.accepted_as });
        }
    }
    rules.sort_by_key(|open| Reverse(open.rule.risk()));
    let (low, risky): (Vec<_>, Vec<_>) = rules.into_iter().partition(|open| is_low(open.rule));
    let (root, others): (Vec<_>, Vec<_>) =
        risky.into_iter().partition(|open| open.rule.risk() == Risk::Root);
    let unknown = standing.open_unknown.iter().filter_map(|place| profile.unknown.get(*place));
    let unknown = unknown.map(|entry| &entry.value);
    let unknown = unknown.filter(|one| !wishes.skipped.contains(&Subject::Unknown((*one).clone())));

    // Nothing is known about an unknown request, so it comes before requests that are known to be less
    // risky.
    let reviewed = profile.reviewed.as_ref();
    let mut items = grouped(root, reviewed, wishes);
    items.extend(unknown.cloned().map(Item::Unknown));
    items.extend(grouped(others, reviewed, wishes));
    items.extend(by_section(low, wishes));
    let has_nothing_to_ask = standing.open_count() == 0 && !standing.has_begun;
    if (standing.is_changed() || has_nothing_to_ask) && !wishes.is_rest_skipped {
        items.push(Item::Rest);
    }
    items
}

/// The open rules, including this one, that differ from it only in their names, or that only read and are in
/// the same section. None if there is no other one.
pub(super) fn alike(profile: &Profile, wishes: &Wishes, rule: &Rule) -> Option<Item> {
    let topic = Topic::of(rule);
    let opened = wishes.opened.iter().filter(|opened| **opened != topic).cloned().collect();
    let wishes = Wishes { opened, ..wishes.clone() };
    let mut items = questions(profile, &wishes).into_iter();
    items.find(|item| item.is_several() && item.rules().contains(rule))
}

/// An open rule.
#[derive(Clone, Copy, Debug)]
struct Open<'a> {
    rule: &'a Rule,
    /// The risk with which it was accepted, if it is riskier today.
    accepted_as: Option<Risk>,
}

impl Open<'_> {
    fn alone(self) -> Item {
        Item::Rule { rule: self.rule.clone(), accepted_as: self.accepted_as }
    }
}

/// What rules have in common that are one question: all but their names.
#[derive(Debug, Eq, PartialEq)]
struct Kind {
    /// The rule for any name.
    rule: Rule,
    accepted_as: Option<Risk>,
    /// What it allows beyond what was accepted for the same names.
    gained: Option<String>,
}

impl Kind {
    /// `None` for a rule that is a question of its own, because it can still be narrowed.
    fn of(open: Open<'_>, reviewed: Option<&Reviewed>) -> Option<Self> {
        let Open { rule, accepted_as } = open;
        let is_exact = |pattern: &Pattern| matches!(pattern, Pattern::Exact(_));
        if rule.patterns().is_empty() || !rule.patterns().iter().all(is_exact) {
            return None;
        }
        let gained = reviewed.filter(|_| rule.contents().is_some());
        let gained = gained.and_then(|reviewed| reviewed.gained(rule));
        Some(Self {
            rule: Rule::any(rule.operation()).with_terms_of(rule),
            accepted_as,
            gained: gained.map(|gained| crate::profile::ContentChange::told(&gained)),
        })
    }
}

/// One question for the rules of each kind, and one for each other rule.
fn grouped(rules: Vec<Open<'_>>, reviewed: Option<&Reviewed>, wishes: &Wishes) -> Vec<Item> {
    let mut kinds: Vec<(Option<Kind>, Vec<Open<'_>>)> = Vec::new();
    for open in rules {
        let kind = Kind::of(open, reviewed);
        let same = kinds.iter_mut().find(|(other, _)| kind.is_some() && *other == kind);
        match same {
            Some((_, own)) => own.push(open),
            None => kinds.push((kind, vec![open])),
        }
    }
    let asked = |(kind, own): (Option<Kind>, Vec<Open<'_>>)| match kind {
        Some(kind) if own.len() > 1 && !is_opened(&own, wishes) => vec![Item::Group {
            rules: own.iter().map(|open| open.rule.clone()).collect(),
            accepted_as: kind.accepted_as,
        }],
        _ => own.into_iter().map(Open::alone).collect(),
    };
    kinds.into_iter().flat_map(asked).collect()
}

/// Whether the user wants to see these rules one by one.
fn is_opened(rules: &[Open<'_>], wishes: &Wishes) -> bool {
    rules.first().is_some_and(|open| wishes.opened.contains(&Topic::of(open.rule)))
}

/// One question for the rules of each section, and one for each rule whose risk has risen.
fn by_section(low: Vec<Open<'_>>, wishes: &Wishes) -> Vec<Item> {
    let mut sections: Vec<(&'static str, Vec<Open<'_>>)> = Vec::new();
    for open in low {
        let name = open.rule.operation().section;
        match sections.iter_mut().find(|(other, _)| *other == name) {
            Some((_, own)) => own.push(open),
            None => sections.push((name, vec![open])),
        }
    }
    let mut items = Vec::new();
    for (name, own) in sections {
        let (risen, plain): (Vec<_>, Vec<_>) =
            own.into_iter().partition(|open| open.accepted_as.is_some());
        items.extend(risen.into_iter().map(Open::alone));
        if plain.len() > 1 && !is_opened(&plain, wishes) {
            let rules = plain.into_iter().map(|open| open.rule.clone()).collect();
            items.push(Item::Section { name, rules });
        } else {
            items.extend(plain.into_iter().map(Open::alone));
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse;

    fn told(text: &str, opened: &[&'static str]) -> String {
        let opened = opened.iter().copied().map(Topic::Section).collect();
        let wishes = Wishes { opened, ..Wishes::default() };
        let items = questions(&parse(text).unwrap(), &wishes);
        let line = |item: &Item| match item {
            Item::Rule { rule, accepted_as: None } => format!("{} {rule}", rule.risk()),
            Item::Rule { rule, accepted_as: Some(before) } => {
                format!("{} {rule} (was {before})", rule.risk())
            }
            Item::Group { rules, accepted_as } => {
                let names: Vec<String> = rules.iter().map(|rule| rule.to_string()).collect();
                let before = accepted_as.map_or(String::new(), |before| format!(" (was {before})"));
                format!("{} {}{before}", item.rules()[0].risk(), names.join(" + "))
            }
            Item::Unknown(unknown) => format!("unknown {unknown}"),
            Item::Section { name, rules } => format!("{name} {}", rules.len()),
            Item::Rest => "rest".to_owned(),
        };
        items.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    const TEXT: &str = "version: 1\nname: x\nallow:\n  - GET /_ping\n  - GET /info\n  - GET /events\n  \
        - GET /containers/json\n  - POST /containers/*/start\n  - POST /containers/create\n  \
        - GET /containers/*/json\n  - POST /containers/create\nunknown:\n  - GET /vendor/x\n";

    #[test]
    fn the_riskiest_come_first_and_what_looks_comes_together() {
        insta::assert_snapshot!(told(TEXT, &[]), @r"
        root POST /containers/create
        unknown GET /vendor/x
        change POST /containers/*/start
        secrets GET /events
        secrets GET /containers/*/json
        System 2
        read GET /containers/json
        ");
        insta::assert_snapshot!(told(TEXT, &["System"]).lines().skip(5).collect::<Vec<_>>().join("\n"), @r"
        read GET /info
        info GET /_ping
        read GET /containers/json
        ");
    }

    #[test]
    fn what_was_accepted_is_not_asked_again_unless_it_is_riskier() {
        let reviewed = "reviewed:\n  digest: none\n  change:\n    - POST /containers/create\n  \
                        read:\n    - GET /info\n    - GET /events\n  info:\n    - GET /containers/json\n";
        insta::assert_snapshot!(told(&format!("{TEXT}{reviewed}"), &[]), @r"
        root POST /containers/create (was change)
        unknown GET /vendor/x
        change POST /containers/*/start
        secrets GET /events (was read)
        secrets GET /containers/*/json
        read GET /containers/json (was info)
        info GET /_ping
        rest
        ");
        assert_eq!(told("version: 1\nname: x\nallow: []\n", &[]), "rest");
    }

    /// Names that can still be narrowed, other contents, and another risk at the review are questions of
    /// their own.
    #[test]
    fn rules_that_differ_only_in_their_names_come_together() {
        let text = "version: 1\nname: x\nallow:\n  - POST /containers/a/start\n  - POST /containers/a/exec\n  \
            - POST /containers/ci-*/start\n  - POST /containers/b/start\n  - POST /containers/b/exec\n  \
            - GET /containers/a/stats\n  - GET /containers/b/stats\n  - POST /containers/@own/start\n  \
            - POST /containers/c/start\n  - POST /containers/c/stop\n";
        insta::assert_snapshot!(told(text, &[]), @r"
        root POST /containers/a/exec + POST /containers/b/exec
        change POST /containers/a/start + POST /containers/b/start + POST /containers/c/start
        change POST /containers/ci-*/start
        change POST /containers/@own/start
        change POST /containers/c/stop
        Container 2
        ");
        let profile = parse(text).unwrap();
        let rule = |text| Rule::parse(profile.engine, text).unwrap();
        let start = Topic::of(&rule("POST /containers/a/start"));
        let skipped = HashSet::from([Subject::Rule(rule("POST /containers/b/start"))]);
        let wishes = Wishes { opened: vec![start], skipped, is_rest_skipped: false };
        let of = |text| alike(&profile, &wishes, &rule(text)).map(|item| item.rules().len());
        assert_eq!(of("POST /containers/a/start"), Some(2));
        assert_eq!(of("POST /containers/a/exec"), Some(2));
        assert_eq!(of("GET /containers/a/stats"), Some(2));
        assert_eq!(of("POST /containers/ci-*/start"), None);
        assert_eq!(of("POST /containers/c/stop"), None);
        let alone = questions(&profile, &wishes).iter().filter(|item| !item.is_several()).count();
        assert_eq!(alone, 5, "two of start, two patterns and stop");
        let reviewed = "reviewed:\n  digest: none\n  change:\n    - POST /containers/a/exec\n";
        insta::assert_snapshot!(told(&format!("{text}{reviewed}"), &[]), @r"
        root POST /containers/a/exec (was change)
        root POST /containers/b/exec
        change POST /containers/a/start + POST /containers/b/start + POST /containers/c/start
        change POST /containers/ci-*/start
        change POST /containers/@own/start
        change POST /containers/c/stop
        Container 2
        rest
        ");
    }
}
