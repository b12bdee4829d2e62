//! What was seen of one operation, and the profile's decision on each of its requests.

use std::collections::{BTreeMap, BTreeSet};

use super::{Demand, SeenContents};
use crate::api::{ApiVersion, Located, Operation, encode_segment};
use crate::policy::{Denial, Enforcer, Request};

/// How often something was seen, and in which sessions.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Use {
    /// The number of requests, including repeated ones.
    pub requests: u64,
    /// Indices of the sessions in [`super::Evidence::sessions`].
    pub sessions: BTreeSet<usize>,
}

/// What was seen of one operation.
#[derive(Debug)]
pub struct Known {
    /// The operation.
    pub operation: &'static Operation,
    /// How often and in which sessions.
    pub seen: Use,
    /// The demands on it, and the API versions of the requests for each, sorted.
    pub demands: BTreeMap<Demand, Vec<Option<ApiVersion>>>,
    /// What its contents gave away, and in which sessions.
    pub contents: SeenContents,
    /// The number of requests from each client, by the name that the client sends. Clients without a
    /// name share an entry, together with all clients after the first few dozen.
    pub clients: Vec<(Option<String>, u64)>,
    /// The statuses of the engine's answers and their numbers, sorted.
    pub statuses: Vec<(u16, u64)>,
}

impl Known {
    /// The same operation with only these demands, without its clients and answers.
    #[must_use]
    pub fn with_demands(&self, demands: BTreeMap<Demand, Vec<Option<ApiVersion>>>) -> Self {
        Self {
            operation: self.operation,
            seen: self.seen.clone(),
            demands,
            contents: self.contents.clone(),
            clients: Vec::new(),
            statuses: Vec::new(),
        }
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

    /// The path of a request with this demand, without a version.
    #[must_use]
    pub fn path(&self, demand: &Demand) -> String {
        path(self.operation, &demand.names)
    }

    /// Why the profile denies a request with this demand; `None` if it does not.
    #[must_use]
    pub fn denial(
        &self,
        gate: &Enforcer,
        demand: &Demand,
        version: Option<ApiVersion>,
    ) -> Option<Denial> {
        let target = versioned(version, &self.path(demand));
        let asked = Request::new(self.operation.method.as_str(), &target);
        gate.denial_of(&asked, demand.facts.as_ref())
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
