//! Checks a pattern that the user types to narrow a rule.

use super::Facts;
use super::facts::some;
use crate::profile::{Pattern, Rule, looks_like_id};

/// How many names an error lists.
const MOST_NAMES: usize = 6;

/// Why a pattern is rejected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PatternError {
    /// Nothing was typed.
    #[error("type a name, or a pattern with * in it")]
    Empty,
    /// No request of the operation can have this name.
    #[error("\"{typed}\" is not a name that a request of {rule} can have")]
    NoName {
        /// What was typed.
        typed: String,
        /// The rule.
        rule: String,
    },
    /// A single pattern was typed for an operation with several parameters.
    #[error("its operation has more than one name; type the whole rule, as in {0}")]
    WholeRule(String),
    /// It is the ID of an object, which the next one does not have.
    #[error("{0} is an ID, which is different every time; type a name")]
    Id(String),
    /// It matches as much as the rule does, or something else.
    #[error("this is not narrower than {0}")]
    NotNarrower(String),
    /// It does not match all names that were seen.
    #[error("it misses {} of the {all} names seen: {}", .missed.len(), some(.missed.iter().cloned(), MOST_NAMES))]
    Misses {
        /// The names that it does not match.
        missed: Vec<String>,
        /// How many were seen.
        all: usize,
    },
}

/// Narrows `rule` to `typed`, which is a pattern for its parameter or a whole rule. The result matches
/// every name that was seen.
///
/// # Errors
/// [`PatternError`].
pub fn narrowed(rule: &Rule, typed: &str, facts: Option<&Facts>) -> Result<Rule, PatternError> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(PatternError::Empty);
    }
    let operation = rule.operation();
    if !typed.contains(' ') && rule.patterns().len() > 1 {
        return Err(PatternError::WholeRule(rule.to_string()));
    }
    let text = if typed.contains(' ') {
        typed.to_owned()
    } else {
        format!("{} {}", operation.method, operation.template.fill(|_| typed.into()))
    };
    let narrower = Rule::parse(operation.engine, &text)
        .ok()
        .filter(|narrower| narrower.operation() == operation)
        // A pattern says nothing about contents.
        .map(|narrower| match narrower.contents() {
            None => narrower.with_terms_of(rule),
            Some(_) => narrower,
        })
        .ok_or_else(|| PatternError::NoName { typed: typed.to_owned(), rule: rule.to_string() })?;
    if !rule.covers(&narrower) || narrower.covers(rule) {
        return Err(PatternError::NotNarrower(rule.to_string()));
    }
    let is_new = |pattern: &&Pattern| !rule.patterns().contains(pattern);
    let mut exact = narrower.patterns().iter().filter(is_new);
    if let Some(id) = exact.find(|one| matches!(one, Pattern::Exact(name) if looks_like_id(name))) {
        return Err(PatternError::Id(id.to_string()));
    }
    let missed = facts.map(|facts| facts.missed(&narrower)).unwrap_or_default();
    match facts.map(|facts| facts.names.len()) {
        Some(all) if !missed.is_empty() => Err(PatternError::Misses { missed, all }),
        _ => Ok(narrower),
    }
}

/// The initial text of the input line: the pattern that the names share, or the rule itself if a single
/// pattern would not say which parameter it is for.
#[must_use]
pub fn proposal(rule: &Rule, facts: Option<&Facts>) -> String {
    // A pattern that is nothing but the ID of the only object is not one that the next one matches.
    let is_id = |pattern: &Pattern| looks_like_id(&pattern.to_string());
    let shared = facts.and_then(|facts| facts.shared.as_ref());
    let shared = shared.filter(|shared| !shared.patterns().iter().any(is_id));
    match shared.unwrap_or(rule).patterns() {
        [pattern] if shared.is_some() => pattern.to_string(),
        [_] => String::new(),
        _ => shared.unwrap_or(rule).without_contents().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::EngineKind;

    fn rule(text: &str) -> Rule {
        Rule::parse(EngineKind::Docker, text).unwrap()
    }

    fn facts(names: &[&str]) -> Facts {
        let names = names.iter().map(|name| vec![(*name).to_owned()]).collect();
        Facts { names, ..Facts::default() }
    }

    #[test]
    fn a_pattern_holds_all_names_or_is_refused_with_those_that_it_misses() {
        let facts = facts(&["ci-1", "ci-2", "web", "\u{202e}x"]);
        let told =
            |typed: &str| match narrowed(&rule("POST /containers/*/exec"), typed, Some(&facts)) {
                Ok(rule) => rule.to_string(),
                Err(error) => error.to_string(),
            };
        insta::assert_snapshot!(
            ["ci-*", "", "*", "a/b", "*?", "GET /info", "POST /containers/w*/exec", "**"]
                .map(told)
                .join("\n"),
            @r#"
        it misses 2 of the 4 names seen: web, \u{202e}x
        type a name, or a pattern with * in it
        this is not narrower than POST /containers/*/exec
        it misses 4 of the 4 names seen: ci-1, ci-2, web, \u{202e}x
        "*?" is not a name that a request of POST /containers/*/exec can have
        "GET /info" is not a name that a request of POST /containers/*/exec can have
        it misses 3 of the 4 names seen: ci-1, ci-2, \u{202e}x
        this is not narrower than POST /containers/*/exec
        "#
        );
        let taken = |typed| narrowed(&rule("POST /containers/*/exec"), typed, None).unwrap();
        assert_eq!(taken(" ci-* "), rule("POST /containers/ci-*/exec"));
    }

    #[test]
    fn a_name_may_hold_slashes_where_the_api_has_them() {
        let taken = narrowed(&rule("GET /images/*/json"), "reg:5000/*", None).unwrap();
        assert_eq!(taken, rule("GET /images/reg:5000/*/json"));
        let error = narrowed(&rule("GET /services/*/logs"), "a/b", None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"a/b\" is not a name that a request of GET /services/*/logs can have"
        );
    }

    /// A rule for the ID of an object would never match again.
    #[test]
    fn nothing_is_narrowed_to_an_id() {
        let id = "fa6a83773b14".repeat(6)[..64].to_owned();
        let exec = rule("POST /containers/*/exec");
        let mut facts = facts(&[&id]);
        facts.shared = Some(rule(&format!("POST /containers/{id}/exec")));
        assert_eq!(proposal(&exec, Some(&facts)), "");
        for facts in [Some(&facts), None] {
            let error = narrowed(&exec, &id, facts).unwrap_err();
            assert_eq!(error, PatternError::Id(id.clone()));
        }
        let item = crate::review::Item::Rule { rule: exec, accepted_as: None };
        let refusal = crate::review::Choice::Names.check(&item, Some(&facts), true).unwrap_err();
        assert_eq!(refusal, crate::review::Refusal::Ids);
    }

    #[test]
    fn of_several_names_the_whole_rule_says_which() {
        let checkpoints = rule("DELETE /containers/*/checkpoints/*");
        assert_eq!(proposal(&checkpoints, None), checkpoints.to_string());
        let error = narrowed(&checkpoints, "web", None).unwrap_err();
        assert!(error.to_string().contains("the whole rule"), "{error}");
        let typed = "DELETE /containers/web/checkpoints/*";
        assert_eq!(narrowed(&checkpoints, typed, None).unwrap(), rule(typed));
    }
}
