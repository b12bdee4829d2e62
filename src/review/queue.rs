//! The open questions, in the order in which the user is asked. The riskiest rules come first. Rules
//! that only read come last, with one screen for each section of the API.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::Subject;
use super::values::values;
use crate::api::Risk;
use crate::profile::{Profile, Rule, UnknownOperation};

/// The highest risk of rules that are offered together.
const LOW: Risk = Risk::Read;

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

    /// The subjects of a decision on it; empty for [`Item::Rest`].
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        match self {
            Self::Rule { rule, .. } => vec![Subject::Rule(rule.clone())],
            Self::Unknown(unknown) => vec![Subject::Unknown(unknown.clone())],
            Self::Section { rules, .. } => rules.iter().cloned().map(Subject::Rule).collect(),
            Self::Rest => Vec::new(),
        }
    }

    /// Whether Enter may accept it.
    #[must_use]
    pub fn is_low(&self) -> bool {
        match self {
            Self::Rule { rule, .. } => is_low(rule),
            Self::Section { .. } => true,
            Self::Unknown(_) | Self::Rest => false,
        }
    }
}

/// Whether a rule only reads, and nothing that is secret.
#[must_use]
pub fn is_low(rule: &Rule) -> bool {
    rule.risk() <= LOW
}

/// All questions. The user is asked about the rules of sections in `opened` one by one.
#[must_use]
pub fn queue(profile: &Profile, opened: &BTreeSet<&'static str>) -> Vec<Item> {
    let standing = profile.standing();
    let mut rules: Vec<(&Rule, Option<Risk>)> = Vec::new();
    let mut seen = BTreeSet::new();
    for open in &standing.open {
        if let Some(entry) = profile.allow.get(open.place)
            && seen.insert(entry.value.to_string())
        {
            rules.push((&entry.value, open.accepted_as));
        }
    }
    rules.sort_by_key(|(rule, _)| Reverse(rule.risk()));
    let single = |(rule, accepted_as): &(&Rule, Option<Risk>)| Item::Rule {
        rule: (*rule).clone(),
        accepted_as: *accepted_as,
    };
    let (low, risky): (Vec<_>, Vec<_>) = rules.into_iter().partition(|(rule, _)| is_low(rule));
    let (root, others): (Vec<_>, Vec<_>) =
        risky.into_iter().partition(|(rule, _)| rule.risk() == Risk::Root);
    let unknown = standing.open_unknown.iter().filter_map(|place| profile.unknown.get(*place));

    // Nothing is known about an unknown request, so it comes before requests that are known to be less
    // risky.
    let mut items: Vec<Item> = root.iter().map(single).collect();
    items.extend(unknown.map(|entry| Item::Unknown(entry.value.clone())));
    items.extend(others.iter().map(single));
    let mut sections: Vec<&'static str> = Vec::new();
    for (rule, _) in &low {
        if !sections.contains(&rule.operation().section) {
            sections.push(rule.operation().section);
        }
    }
    for name in sections {
        let own = low.iter().filter(|(rule, _)| rule.operation().section == name);
        let (risen, plain): (Vec<_>, Vec<_>) = own.partition(|(_, before)| before.is_some());
        items.extend(risen.into_iter().map(single));
        if plain.len() > 1 && !opened.contains(name) {
            let rules = plain.into_iter().map(|(rule, _)| (*rule).clone()).collect();
            items.push(Item::Section { name, rules });
        } else {
            items.extend(plain.into_iter().map(single));
        }
    }
    let has_nothing_to_ask = items.is_empty() && !standing.has_begun;
    if standing.is_changed() || has_nothing_to_ask {
        items.push(Item::Rest);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::parse;

    fn told(text: &str, opened: &[&'static str]) -> String {
        let items = queue(&parse(text).unwrap(), &opened.iter().copied().collect());
        let line = |item: &Item| match item {
            Item::Rule { rule, accepted_as: None } => format!("{} {rule}", rule.risk()),
            Item::Rule { rule, accepted_as: Some(before) } => {
                format!("{} {rule} (was {before})", rule.risk())
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
}
