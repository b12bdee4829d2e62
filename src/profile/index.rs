//! An index of rules by what they match: a lookup among many rules costs as much as among few.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::globs::Globs;
use super::{Constraints, Pattern, Rule};
use crate::answers::Hidden;
use crate::api::{EngineKind, Located, Operation};

/// Indices of rules in the list they came from.
type Places = SmallVec<[u32; 1]>;

/// Rules of one engine, identified by their index in the list they came from.
#[derive(Clone, Debug)]
pub struct RuleIndex {
    engine: EngineKind,
    /// The rules of each operation of the catalogue.
    operations: Vec<Names>,
    /// What the rules say about contents and hide in answers, by their index; empty if none says
    /// anything.
    terms: Vec<(Option<Constraints>, Hidden)>,
}

/// What the rules of one operation say about its parameters. For an operation without parameters,
/// any rule matches all of it.
#[derive(Clone, Debug, Default)]
struct Names {
    /// The rules that match all names.
    all: Places,
    /// The rules that name each parameter exactly. The hash is keyed, because clients choose what
    /// is looked up.
    exact: HashMap<Vec<String>, Places>,
    /// The remaining rules. Few operations have any.
    globs: Option<Box<Globs>>,
}

impl RuleIndex {
    /// Indexes the rules of this engine and skips those of another one.
    #[must_use]
    pub fn new<'a>(engine: EngineKind, rules: impl IntoIterator<Item = &'a Rule>) -> Self {
        let mut operations = vec![Names::default(); engine.catalogue().operations().len()];
        let mut terms = Vec::new();
        for (place, rule) in (0..).zip(rules) {
            terms.push((rule.contents().cloned(), rule.hidden()));
            let operation = rule.operation();
            if operation.engine == engine
                && let Some(names) = operations.get_mut(operation.index)
            {
                names.add(rule.patterns(), place);
            }
        }
        operations
            .iter_mut()
            .filter_map(|names| names.globs.as_mut())
            .for_each(|globs| globs.seal());
        if terms.iter().all(|(contents, hidden)| contents.is_none() && hidden.is_empty()) {
            terms.clear();
        }
        Self { engine, operations, terms }
    }

    /// Whether some rule matches this operation and these values, whatever it says about contents.
    #[must_use]
    pub fn matches(&self, located: &Located) -> bool {
        self.names(located.operation).is_some_and(|names| names.matches(&located.values))
    }

    /// Calls `found` with the index of each rule that matches this operation and these values until
    /// it returns true.
    pub fn each_match(&self, located: &Located, mut found: impl FnMut(usize) -> bool) {
        if let Some(names) = self.names(located.operation) {
            names.each(&located.values, true, &mut |place| found(place_of(place)));
        }
    }

    /// Whether some rule names the operation.
    #[must_use]
    pub fn is_about(&self, operation: &Operation) -> bool {
        self.names(operation).is_some_and(|names| !names.is_empty())
    }

    /// Whether one of the rules covers `rule`.
    #[must_use]
    pub fn covers(&self, rule: &Rule) -> bool {
        let mut is_covered = false;
        self.each_cover(rule, |_| {
            is_covered = true;
            true
        });
        is_covered
    }

    /// Whether one of the rules, which are all under `deny`, denies everything that `rule` would deny
    /// there.
    #[must_use]
    pub fn denies_all_of(&self, rule: &Rule) -> bool {
        let mut is_denied = false;
        self.each_wider(
            rule,
            |own, _| match (own, rule.contents()) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(own), Some(other)) => own.names_all_of(other),
            },
            |_| {
                is_denied = true;
                true
            },
        );
        is_denied
    }

    /// Calls `found` with the index of each rule that covers `rule` until it returns true.
    pub fn each_cover(&self, rule: &Rule, found: impl FnMut(usize) -> bool) {
        let covers = |own: Option<&Constraints>, hidden: Hidden| {
            let contents = match (own, rule.contents()) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(own), Some(other)) => own.covers(other),
            };
            contents && rule.hidden().has_all_of(hidden)
        };
        self.each_wider(rule, covers, found);
    }

    /// Calls `found` with the index of each rule that matches all names that `rule` matches, and whose
    /// contents are wider.
    fn each_wider(
        &self,
        rule: &Rule,
        is_wider: impl Fn(Option<&Constraints>, Hidden) -> bool,
        mut found: impl FnMut(usize) -> bool,
    ) {
        let Some(names) = self.names(rule.operation()) else { return };
        let values: Vec<String> = rule.patterns().iter().map(Pattern::as_value).collect();
        let is_exact = is_exact(rule.patterns());
        names.each(&values, is_exact, &mut |place| {
            let place = place_of(place);
            let terms = self.terms.get(place);
            let hidden = terms.map_or(Hidden::NOTHING, |(_, hidden)| *hidden);
            is_wider(terms.and_then(|(contents, _)| contents.as_ref()), hidden) && found(place)
        });
    }

    fn names(&self, operation: &Operation) -> Option<&Names> {
        (operation.engine == self.engine).then(|| self.operations.get(operation.index)).flatten()
    }
}

impl Names {
    fn add(&mut self, patterns: &[Pattern], place: u32) {
        if patterns.iter().all(|pattern| *pattern == Pattern::Any) {
            self.all.push(place);
        } else if is_exact(patterns) {
            let names = patterns.iter().map(Pattern::as_value).collect();
            self.exact.entry(names).or_default().push(place);
        } else {
            self.globs.get_or_insert_default().add(patterns, place);
        }
    }

    fn is_empty(&self) -> bool {
        self.all.is_empty() && self.exact.is_empty() && self.globs.is_none()
    }

    fn matches(&self, values: &[String]) -> bool {
        !self.all.is_empty()
            || (!self.exact.is_empty() && self.exact.contains_key(values))
            || self.globs.as_ref().is_some_and(|globs| globs.each(values, &mut |_| true))
    }

    fn each(&self, values: &[String], are_names: bool, found: &mut dyn FnMut(u32) -> bool) {
        let exact = are_names.then(|| self.exact.get(values)).flatten();
        let places = self.all.iter().chain(exact.into_iter().flatten());
        if !places.into_iter().any(|place| found(*place))
            && let Some(globs) = &self.globs
        {
            globs.each(values, found);
        }
    }
}

pub(super) fn is_exact(patterns: &[Pattern]) -> bool {
    patterns.iter().all(|pattern| matches!(pattern, Pattern::Exact(_) | Pattern::Own))
}

fn place_of(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Found<'a> = dyn FnMut(usize) -> bool + 'a;

    const ENGINE: EngineKind = EngineKind::Docker;

    fn rule() -> impl Strategy<Value = Rule> {
        let name = "[aé]{1,3}|[*]|[aé]{0,2}[*][aéb]{0,2}([*][aé]?)?";
        (any::<bool>(), name, name).prop_filter_map("no rule", |(is_double, one, other)| {
            let text = if is_double {
                format!("DELETE /containers/{one}/checkpoints/{other}")
            } else {
                format!("GET /networks/{one}")
            };
            Rule::parse(ENGINE, &text).ok()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn it_agrees_with_trying_each_rule(
            rules in prop::collection::vec(rule(), 0..24),
            asked in rule(),
            values in prop::collection::vec("[aéb]{1,5}", 2),
        ) {
            let index = RuleIndex::new(ENGINE, &rules);
            let parameters = asked.patterns().len();
            let located =
                Located { operation: asked.operation(), values: values[..parameters].to_vec() };
            let sorted = |each: &dyn Fn(&mut Found<'_>)| {
                let mut places = Vec::new();
                each(&mut |place| {
                    places.push(place);
                    false
                });
                places.sort_unstable();
                places
            };
            let places = |holds: &dyn Fn(&Rule) -> bool| -> Vec<usize> {
                (0..rules.len()).filter(|place| holds(&rules[*place])).collect()
            };
            let matching = places(&|rule| rule.matches(&located));
            prop_assert_eq!(index.matches(&located), !matching.is_empty());
            prop_assert_eq!(sorted(&|found| index.each_match(&located, found)), matching);
            let covering = places(&|rule| rule.covers(&asked));
            prop_assert_eq!(index.covers(&asked), !covering.is_empty());
            prop_assert_eq!(sorted(&|found| index.each_cover(&asked, found)), covering);
            let is_about = rules.iter().any(|rule| rule.operation() == asked.operation());
            prop_assert_eq!(index.is_about(asked.operation()), is_about);
        }
    }
}
