//! How wide a rule is: which values of its parameters it matches.

use std::collections::BTreeSet;

use super::{Demand, Known, Unknown};
use crate::api::is_incomplete;
use crate::profile::{Glob, Pattern, Rule, UnknownOperation, looks_like_id};
use crate::text::words;

/// What rules do with the names that were seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Names {
    /// `*` for each parameter.
    #[default]
    Any,
    /// One rule per name.
    Exact,
    /// A glob if all names share a prefix that a person chose, otherwise `*`.
    Glob,
}

words!(Names, () = (), {
    Any = "any",
    Exact = "exact",
    Glob = "glob",
});

impl Names {
    /// The rules for an operation. They match every value that was seen. A name that was only
    /// partly recorded becomes a wildcard, because no request contains the recorded part alone.
    #[must_use]
    pub fn rules(self, known: &Known) -> Vec<Rule> {
        let operation = known.operation;
        match self {
            Self::Any => vec![Rule::any(operation)],
            Self::Exact => {
                let pattern = |value: &String| {
                    if is_incomplete(value) { Pattern::Any } else { Pattern::Exact(value.clone()) }
                };
                let rule = |demand: &Demand| {
                    Rule::narrowed(operation, demand.names.iter().map(pattern).collect())
                };
                let is_hidden =
                    |demand: &&Demand| demand.names.iter().any(|name| is_incomplete(name));
                // Several such names result in the same rule, which may have other names in it.
                let mut rules: Vec<Rule> = Vec::new();
                for wide in known.demands.keys().filter(is_hidden).map(rule) {
                    if !rules.contains(&wide) {
                        rules.push(wide);
                    }
                }
                let wide = rules.clone();
                let is_in = |wide: &Rule, values: &[String]| {
                    let mut pairs = wide.patterns().iter().zip(values);
                    pairs.all(|(pattern, value)| pattern.matches(value))
                };
                let others = known.demands.keys().filter(|demand| !is_hidden(demand));
                let others =
                    others.filter(|demand| !wide.iter().any(|wide| is_in(wide, &demand.names)));
                rules.extend(others.map(rule));
                rules
            }
            Self::Glob => {
                let parameters = operation.template.parameters().count();
                let patterns = (0..parameters).map(|place| glob(&values(known, place))).collect();
                let rule = Rule::narrowed(operation, patterns);
                // A star may stop at a slash that one of the names contains.
                let is_for = |demand: &Demand| {
                    let mut pairs = rule.patterns().iter().zip(&demand.names);
                    pairs.all(|(pattern, value)| pattern.matches(value))
                };
                let is_for_all = known.demands.keys().all(is_for);
                vec![if is_for_all { rule } else { Rule::any(operation) }]
            }
        }
    }
}

impl Unknown {
    /// The entry of a profile for the request; `None` if a part of its path was not recorded,
    /// because no request contains the rest alone.
    #[must_use]
    pub fn listed(&self) -> Option<UnknownOperation> {
        let is_whole = !is_incomplete(self.request.meant());
        is_whole.then(|| UnknownOperation::of(&self.request)).flatten()
    }
}

fn values(known: &Known, place: usize) -> BTreeSet<&str> {
    known.demands.keys().filter_map(|demand| demand.names.get(place)).map(String::as_str).collect()
}

/// The narrowest pattern that a person would write for these names: their common prefix up to its
/// last separator, if there is more than one name.
fn glob(names: &BTreeSet<&str>) -> Pattern {
    if names.iter().any(|name| is_incomplete(name)) {
        return Pattern::Any;
    }
    let mut names = names.iter();
    let Some(first) = names.next().filter(|name| !looks_like_id(name)) else { return Pattern::Any };
    let mut prefix = *first;
    let mut others = 0;
    for name in names {
        if looks_like_id(name) {
            return Pattern::Any;
        }
        let shared = prefix.chars().zip(name.chars()).take_while(|(a, b)| a == b);
        let length = shared.map(|(character, _)| character.len_utf8()).sum();
        prefix = prefix.get(..length).unwrap_or_default();
        others += 1;
    }
    let end = prefix.rfind(['-', '_', '.', '/', ':']).map(|last| last + 1);
    match end.and_then(|end| prefix.get(..end)) {
        Some(prefix) if others > 0 && prefix.len() > 1 => Pattern::Glob(Glob::prefix(prefix)),
        _ => Pattern::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposed(names: &[&str]) -> String {
        glob(&names.iter().copied().collect()).to_string()
    }

    #[test]
    fn a_glob_is_what_all_names_share_up_to_a_separator() {
        assert_eq!(proposed(&["ci-1", "ci-2", "ci-db"]), "ci-*");
        assert_eq!(proposed(&["[hidden]@reg/a", "[hidden]@reg/b"]), "*");
        assert_eq!(proposed(&["ci-web-1", "ci-web-2"]), "ci-web-*");
        assert_eq!(proposed(&["reg.local/a", "reg.local/b/c"]), "reg.local/*");
        assert_eq!(proposed(&["web", "worker"]), "*", "a shared letter is not a chosen prefix");
        assert_eq!(proposed(&["ci-1"]), "*", "one name shows no prefix");
        assert_eq!(proposed(&["-a", "-b"]), "*");
    }

    #[test]
    fn ids_are_never_globbed() {
        assert_eq!(proposed(&["deadbeefcafe", "deadbeef0000"]), "*");
        assert_eq!(proposed(&["ci-1", "deadbeefcafe"]), "*");
        assert_eq!(proposed(&["sha256:aa", "sha256:bb"]), "sha256:*");
    }
}
