//! What was seen of one operation, and the profile's decision on each of its requests.

use std::collections::{BTreeMap, BTreeSet};

use super::{Demand, First, SeenContents};
use crate::api::{ApiVersion, Located, Operation, encode_segment};
use crate::contents::{Fact, Facts};
use crate::policy::{Denial, Enforcer, Owners, Request};
use crate::profile::{AN_OWN_OBJECT, Rule};

/// How often something was seen, and in which sessions.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Use {
    /// The number of requests, including repeated ones.
    pub requests: u64,
    /// Indices of the sessions in [`super::Evidence::sessions`].
    pub sessions: BTreeSet<usize>,
    /// Where it was seen first.
    pub first: Option<First>,
}

/// What was seen of one demand.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Demanded {
    /// The API versions of its requests, sorted; `None` for requests without one.
    pub versions: Vec<Option<ApiVersion>>,
    /// Where it was seen first.
    pub first: Option<First>,
}

/// What was seen of one operation.
#[derive(Debug)]
pub struct Known {
    /// The operation.
    pub operation: &'static Operation,
    /// How often and in which sessions.
    pub seen: Use,
    /// The demands on it.
    pub demands: BTreeMap<Demand, Demanded>,
    /// What its contents gave away, and in which sessions.
    pub contents: SeenContents,
    /// The number of requests from each client, by where it runs and the name that it sends. Clients without a
    /// name share an entry, together with all clients after the first few dozen.
    pub clients: Vec<(Option<String>, u64)>,
    /// The number of requests from each container, unit or certificate, as far as the recording names them.
    pub places: Vec<(String, u64)>,
    /// The statuses of the engine's answers and their numbers, sorted.
    pub statuses: Vec<(u16, u64)>,
}

impl Known {
    /// The same operation with only these demands, without its clients and answers.
    #[must_use]
    pub fn with_demands(&self, demands: BTreeMap<Demand, Demanded>) -> Self {
        Self {
            operation: self.operation,
            seen: self.seen.clone(),
            demands,
            contents: self.contents.clone(),
            clients: Vec::new(),
            places: Vec::new(),
            statuses: Vec::new(),
        }
    }

    /// The API versions of its requests.
    pub fn versions(&self) -> impl Iterator<Item = Option<ApiVersion>> {
        self.demands.values().flat_map(|demanded| demanded.versions.iter().copied())
    }

    /// The number of different values of its first parameter; 0 without a parameter.
    #[must_use]
    pub fn distinct(&self) -> usize {
        let first = self.demands.keys().filter_map(|demand| demand.names.first());
        first.collect::<BTreeSet<_>>().len()
    }

    /// The operation and the names of a demand, to compare with rules.
    #[must_use]
    pub fn located(&self, demand: &Demand) -> Located {
        Located { operation: self.operation, values: demand.names.clone() }
    }

    /// The same with the name that stands for own objects, if its object may have been the recording's own.
    #[must_use]
    pub fn located_as_own(&self, demand: &Demand) -> Option<Located> {
        if !demand.may_have_own_path(self.operation) {
            return None;
        }
        let mut located = self.located(demand);
        *located.values.first_mut()? = AN_OWN_OBJECT.to_owned();
        Some(located)
    }

    /// The names of a demand in every way in which rules may match them.
    pub fn readings(&self, demand: &Demand) -> impl Iterator<Item = Located> {
        std::iter::once(self.located(demand)).chain(self.located_as_own(demand))
    }

    /// Whether a rule matches the names of a demand.
    #[must_use]
    pub fn matches(&self, rule: &Rule, demand: &Demand) -> bool {
        self.readings(demand).any(|located| rule.matches(&located))
    }

    /// Whether a rule that matches the names of a demand allows its contents.
    #[must_use]
    pub fn admits(&self, rule: &Rule, demand: &Demand) -> bool {
        rule.admits(self.facts_for(rule, demand).as_ref())
    }

    /// The same if contents that were not recorded may have been anything.
    #[must_use]
    pub fn may_admit(&self, rule: &Rule, demand: &Demand) -> bool {
        demand.facts.is_none() || self.admits(rule, demand)
    }

    /// The contents of a demand, with own objects as the rule spells them.
    fn facts_for(&self, rule: &Rule, demand: &Demand) -> Option<Facts> {
        let facts = demand.facts.as_ref()?;
        let Some(contents) = rule.contents() else { return Some(facts.clone()) };
        let spelled = |fact: &Fact| {
            let own = demand.as_perhaps_own(self.operation, fact);
            let own = own.filter(|own| !contents.admits(fact) && contents.admits(own));
            own.unwrap_or_else(|| fact.clone())
        };
        Some(facts.iter().map(spelled).collect())
    }

    /// The path of a request with this demand, without a version.
    #[must_use]
    pub fn path(&self, demand: &Demand) -> String {
        path(self.operation, &demand.names)
    }

    /// Why the profile denies a request with this demand; `None` if it does not. Whose an object was is
    /// known from the evidence, where `enforce` asks the engine.
    #[must_use]
    pub fn denial(
        &self,
        gate: &Enforcer,
        demand: &Demand,
        version: Option<ApiVersion>,
    ) -> Option<Denial> {
        let target = versioned(version, &self.path(demand));
        let asked = Request::new(self.operation.method.as_str(), &target);
        let owners = gate.owner().map(|owner| demand.owners(self.operation, owner));
        let owners = owners.as_ref().unwrap_or(Owners::NONE);
        let denial = gate.denial_of(&Request { owners, ..asked }, demand.facts.as_ref());
        // What the engine answered, the gate answers, too.
        denial.filter(|denial| !(demand.is_absent() && denial.is_of_absent()))
    }
}

/// A path with a version prefix, as in a request.
pub(super) fn versioned(version: Option<ApiVersion>, path: &str) -> String {
    version.map_or_else(|| path.to_owned(), |version| format!("/v{version}{path}"))
}

/// The path of a request for an operation with these values, without a version.
pub(super) fn path(operation: &Operation, values: &[String]) -> String {
    operation.template.fill(|place| {
        let value = values.get(place).map(String::as_str).unwrap_or_default();
        let segments: Vec<String> = value.split('/').map(encode_segment).collect();
        segments.join("/").into()
    })
}
