//! Rules with globs, by how the names that they stand for begin.

use std::collections::{BTreeSet, HashMap};

use crate::profile::Pattern;

/// Patterns for the parameters of one operation. Those whose first one begins with the same text
/// are found by it, and only they are tried: how many others there are does not matter, only how
/// many lengths their beginnings have.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns {
    /// The hashes are keyed, because clients choose what is looked up.
    by_beginning: HashMap<String, Vec<Vec<Pattern>>>,
    /// In bytes.
    lengths: BTreeSet<usize>,
}

impl Patterns {
    /// Adds the patterns of one rule, one for each parameter.
    pub(super) fn add(&mut self, patterns: &[Pattern]) {
        let beginning = patterns.first().map(Pattern::beginning).unwrap_or_default();
        self.lengths.insert(beginning.len());
        self.by_beginning.entry(beginning.to_owned()).or_default().push(patterns.to_vec());
    }

    /// Whether some rule stands for these values.
    pub(super) fn hold(&self, values: &[String]) -> bool {
        let first = values.first().map(String::as_str).unwrap_or_default();
        // A length within a character is that of no beginning of this value.
        let beginnings = self.lengths.iter().filter_map(|length| first.get(..*length));
        beginnings
            .filter_map(|beginning| self.by_beginning.get(beginning))
            .flatten()
            .any(|patterns| fits(patterns, values))
    }
}

fn fits(patterns: &[Pattern], values: &[String]) -> bool {
    let mut pairs = patterns.iter().zip(values);
    patterns.len() == values.len() && pairs.all(|(pattern, value)| pattern.matches(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_trying_each_rule_holds(
            rules in prop::collection::vec(
                prop::collection::vec("[aé]{0,3}|[*]|[aé]{0,2}[*][aé]{0,2}([*][aé]?)?", 1..3), 0..8),
            values in prop::collection::vec("[aé]{0,4}", 1..3),
        ) {
            let parse = |texts: &Vec<String>| {
                texts.iter().map(|text| Pattern::parse(text)).collect::<Option<Vec<_>>>()
            };
            let rules: Vec<Vec<Pattern>> = rules.iter().filter_map(parse).collect();
            let mut patterns = Patterns::default();
            for rule in &rules {
                patterns.add(rule);
            }
            prop_assert_eq!(patterns.hold(&values), rules.iter().any(|rule| fits(rule, &values)));
        }
    }
}
