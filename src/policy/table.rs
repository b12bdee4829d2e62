//! Rules by operation, so that a decision does not depend on how many rules there are.

use crate::api::{EngineKind, Located};
use crate::profile::{Entry, Pattern, Rule};

/// For each operation of the catalogue, the patterns of its rules.
#[derive(Debug)]
pub(super) struct Table {
    rules: Vec<Vec<Vec<Pattern>>>,
}

impl Table {
    pub(super) fn new(engine: EngineKind, entries: &[Entry<Rule>]) -> Self {
        let mut rules = vec![Vec::new(); engine.catalogue().operations().len()];
        for entry in entries {
            if let Some(of_operation) = rules.get_mut(entry.value.operation().index) {
                of_operation.push(entry.value.patterns().to_vec());
            }
        }
        Self { rules }
    }

    /// Whether some rule is about this operation and these values.
    pub(super) fn holds(&self, located: &Located) -> bool {
        let rules = self.rules.get(located.operation.index);
        rules.into_iter().flatten().any(|patterns| {
            patterns.len() == located.values.len()
                && patterns
                    .iter()
                    .zip(&located.values)
                    .all(|(pattern, value)| pattern.matches(value))
        })
    }
}
