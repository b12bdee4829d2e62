//! Rules by operation and name, so that a decision does not depend on how many rules there are.

use std::collections::HashSet;

use super::patterns::Patterns;
use crate::api::{EngineKind, Located};
use crate::profile::{Entry, Pattern, Rule};

/// For each operation of the catalogue, what its rules say.
#[derive(Debug)]
pub(super) struct Table {
    rules: Vec<Names>,
}

/// What the rules of one operation say of its parameters. An operation without parameters has no
/// names, and any rule is about all of it.
#[derive(Clone, Debug, Default)]
struct Names {
    /// Whether some rule is about all names.
    all: bool,
    /// The rules that name each parameter. The hashes are keyed, because clients choose what is
    /// looked up.
    exact: HashSet<Vec<String>>,
    /// The other rules. Few operations have any.
    patterns: Option<Box<Patterns>>,
}

impl Table {
    pub(super) fn new(engine: EngineKind, entries: &[Entry<Rule>]) -> Self {
        let mut rules = vec![Names::default(); engine.catalogue().operations().len()];
        for entry in entries {
            if let Some(names) = rules.get_mut(entry.value.operation().index) {
                names.add(entry.value.patterns());
            }
        }
        Self { rules }
    }

    /// Whether some rule is about this operation, be it for other values.
    pub(super) fn has(&self, located: &Located) -> bool {
        self.rules
            .get(located.operation.index)
            .is_some_and(|names| names.all || !names.exact.is_empty() || names.patterns.is_some())
    }

    /// Whether some rule is about this operation and these values.
    pub(super) fn holds(&self, located: &Located) -> bool {
        self.rules.get(located.operation.index).is_some_and(|names| names.hold(&located.values))
    }
}

impl Names {
    fn add(&mut self, patterns: &[Pattern]) {
        let exact = patterns.iter().map(|pattern| match pattern {
            Pattern::Exact(name) => Some(name.clone()),
            Pattern::Any | Pattern::Glob(_) => None,
        });
        if patterns.iter().all(|pattern| *pattern == Pattern::Any) {
            self.all = true;
        } else if let Some(names) = exact.collect() {
            self.exact.insert(names);
        } else {
            self.patterns.get_or_insert_default().add(patterns);
        }
    }

    fn hold(&self, values: &[String]) -> bool {
        self.all
            || (!self.exact.is_empty() && self.exact.contains(values))
            || self.patterns.as_ref().is_some_and(|patterns| patterns.hold(values))
    }
}
