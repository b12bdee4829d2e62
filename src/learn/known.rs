//! What was seen of one operation, and what a profile says to each of its requests.

use std::collections::{BTreeMap, BTreeSet};

use super::Demand;
use crate::api::{ApiVersion, Located, Operation, encode_segment};
use crate::policy::{Denial, Enforcer, Gate, Request, Verdict};

/// How often something was seen, and in which sessions.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Use {
    /// Requests, repeated ones included.
    pub requests: u64,
    /// The places of the sessions in [`super::Evidence::sessions`].
    pub sessions: BTreeSet<usize>,
}

/// What was seen of one operation.
#[derive(Debug)]
pub struct Known {
    /// The operation.
    pub operation: &'static Operation,
    /// How often and where.
    pub seen: Use,
    /// What was asked of it, and the API versions under which each was asked, in order.
    pub demands: BTreeMap<Demand, Vec<Option<ApiVersion>>>,
    /// How often each client asked, by what it calls itself; of very many clients, those beyond the
    /// first few dozen are together without a name, as are those that have none.
    pub clients: Vec<(Option<String>, u64)>,
    /// How often the engine answered with which status, in order.
    pub statuses: Vec<(u16, u64)>,
}

impl Known {
    /// How many different values its first parameter had; 0 without a parameter.
    #[must_use]
    pub fn distinct(&self) -> usize {
        let first = self.demands.keys().filter_map(|demand| demand.names.first());
        first.collect::<BTreeSet<_>>().len()
    }

    /// The operation and the names of a demand, as rules are compared with them.
    #[must_use]
    pub fn located(&self, demand: &Demand) -> Located {
        Located { operation: self.operation, values: demand.names.clone() }
    }

    /// The path of a request with this demand, without a version.
    #[must_use]
    pub fn path(&self, demand: &Demand) -> String {
        path(self.operation, &demand.names)
    }

    /// Why a profile denies a request with this demand, if it does.
    #[must_use]
    pub fn denial(
        &self,
        gate: &Enforcer,
        demand: &Demand,
        version: Option<ApiVersion>,
    ) -> Option<Denial> {
        let target = versioned(version, &self.path(demand));
        let asked = Request::new(self.operation.method.as_str(), &target);
        match gate.decide(&asked).verdict {
            Verdict::Forward(_) => None,
            Verdict::Deny(denial) => Some(denial),
            Verdict::ReadBody { .. } => Some(Denial::undecided()),
        }
    }
}

/// A path under a version of the API, as a request has it.
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
