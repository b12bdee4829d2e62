//! What rules say about contents: which values were seen, and which of them vary.

mod vary;

use std::collections::{BTreeMap, BTreeSet};

use self::vary::generalised;
use super::asked::Asked;
use super::{Demand, Known};
use crate::contents::{Fact, Schema};
use crate::profile::{Constraints, Rule};
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

/// What the contents of the requests for an operation gave away.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SeenContents {
    /// The sessions in which each fact was seen, by their index.
    pub facts: BTreeMap<Fact, BTreeSet<usize>>,
    /// The sessions in which contents were recorded.
    pub sessions: BTreeSet<usize>,
    /// The number of requests whose contents were not recorded although rules could decide on them.
    pub unread: u64,
}

impl SeenContents {
    /// Adds the requests of a session.
    pub(super) fn add(&mut self, asked: &Asked, session: usize, count: u64) {
        match &asked.facts {
            Some(facts) => {
                self.sessions.insert(session);
                for fact in facts.iter() {
                    self.facts.entry(fact.clone()).or_default().insert(session);
                }
            }
            None if Schema::of(asked.operation).is_some() => self.unread += count,
            None => {}
        }
    }

    /// The facts that were seen in one session only although others were recorded, too. Nobody knows yet
    /// whether they are constant.
    pub fn unsure(&self) -> impl Iterator<Item = &Fact> {
        let seen_once = self.facts.iter().filter(|(_, sessions)| sessions.len() == 1);
        seen_once.map(|(fact, _)| fact)
    }
}

impl Confine {
    /// A rule for an operation, with the contents of the demands that it matches. It allows any
    /// contents if those of some request were not recorded.
    pub(super) fn apply(self, rule: Rule, known: &Known) -> Rule {
        let is_seen = self == Self::Seen && Schema::of(known.operation).is_some();
        let demands = || known.demands.keys().filter(|demand| rule.matches(&known.located(demand)));
        if !is_seen || demands().any(|demand: &Demand| demand.facts.is_none()) {
            return rule;
        }
        let facts: BTreeSet<&Fact> = demands()
            .filter_map(|demand| demand.facts.as_ref())
            .flat_map(|facts| facts.iter())
            .collect();
        let mut constraints = Constraints::harmless();
        let named = facts.into_iter().filter(|fact| !fact.facet.is_free());
        for value in generalised(named, &known.contents) {
            constraints.add(value);
        }
        rule.with_contents(Some(constraints))
    }
}
