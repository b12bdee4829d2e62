//! What a program used of what is granted.

use super::Adopted;
use crate::api::{Operation, Risk};
use crate::learn::Evidence;
use crate::profile::Rule;

/// The granted operations, riskiest first, and how often each was used.
#[derive(Debug)]
pub struct Usage {
    /// The operations.
    pub operations: Vec<OperationUse>,
    /// Operations that the program used and that are not granted, or not for these names.
    pub missing: Vec<&'static Operation>,
}

/// A granted operation.
#[derive(Debug)]
pub struct OperationUse {
    /// The operation.
    pub operation: &'static Operation,
    /// The highest risk of its rules.
    pub risk: Risk,
    /// The number of requests for it; 0 if it was never used.
    pub requests: u64,
}

impl Usage {
    /// Compares what is granted with what was recorded, if anything was.
    #[must_use]
    pub fn of(adopted: &Adopted, evidence: Option<&Evidence>) -> Self {
        let mut operations: Vec<OperationUse> = Vec::new();
        for granted in &adopted.granted.rules {
            let operation = granted.rule.operation();
            if operations.last().is_some_and(|last| last.operation == operation) {
                continue;
            }
            let requests = evidence.map_or(0, |evidence| adopted.requests(evidence, operation));
            operations.push(OperationUse { operation, risk: granted.rule.risk(), requests });
        }
        operations.sort_by_key(|one| std::cmp::Reverse(one.risk));
        let missing = evidence.into_iter().flat_map(Evidence::known);
        let missing = missing.filter(|known| {
            known.demands.keys().any(|demand| !adopted.allows(|rule| known.matches(rule, demand)))
        });
        Self { missing: missing.map(|known| known.operation).collect(), operations }
    }

    /// The number of operations that were used.
    #[must_use]
    pub fn used(&self) -> usize {
        self.operations.iter().filter(|one| one.requests > 0).count()
    }

    /// The number of operations of each risk, riskiest first, without those of which there are none.
    pub fn by_risk(&self) -> impl Iterator<Item = (Risk, usize)> + '_ {
        let number = |risk| self.operations.iter().filter(|one| one.risk == risk).count();
        Risk::ALL
            .into_iter()
            .rev()
            .map(move |risk| (risk, number(risk)))
            .filter(|(_, number)| *number > 0)
    }
}

impl Adopted {
    /// The number of recorded requests for an operation, if some of them are granted.
    fn requests(&self, evidence: &Evidence, operation: &Operation) -> u64 {
        let Some(known) = evidence.of_operation(operation) else { return 0 };
        let is_granted =
            known.demands.keys().any(|demand| self.allows(|rule| known.matches(rule, demand)));
        if is_granted { known.seen.requests } else { 0 }
    }

    /// Whether some rule that allows matches, and none that denies.
    fn allows(&self, matches: impl Fn(&Rule) -> bool) -> bool {
        self.granted.rules.iter().any(|granted| matches(&granted.rule))
            && !self.granted.denied.iter().any(matches)
    }
}
