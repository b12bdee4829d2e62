//! Finds what the words of a script name in a profile.

use super::{Draft, DraftError, Subject};
use crate::api::Risk;
use crate::profile::{Rule, RuleError};

/// How many rules are suggested in place of one that is not in the profile.
const OFFERED: usize = 3;

/// How similar a rule must be to be suggested, from 0 to 1.
const ALIKE: f64 = 0.6;

/// Why the decisions of a script are rejected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ScriptError {
    /// The text is not a rule.
    #[error("{text} is not a rule: {error}{}", offer(match .error { RuleError::NoOperation { nearest, .. } => nearest, _ => &[] }))]
    NoRule {
        /// What was given.
        text: String,
        /// What is wrong with it.
        error: RuleError,
    },
    /// The rule is not in the profile.
    #[error("{text} is not in the profile{}", offer(.nearest))]
    NotThere {
        /// The rule.
        text: String,
        /// The most similar entries of the profile.
        nearest: Vec<String>,
    },
    /// There is nothing to narrow.
    #[error("no rule of the profile is wider than {text}{}", offer(.nearest))]
    NothingWider {
        /// The rule.
        text: String,
        /// The most similar entries of the profile.
        nearest: Vec<String>,
    },
    /// Risky rules must be kept by name.
    #[error(
        "rules with the risk {0} have to be named one by one; only info and read stand for all their rules"
    )]
    OneByOne(Risk),
    /// There are two decisions on one rule.
    #[error("{0} cannot be kept and denied at the same time")]
    Contradiction(String),
    /// The profile cannot be edited this way.
    #[error(transparent)]
    Draft(#[from] DraftError),
}

pub(super) fn find_all(draft: &Draft, texts: &[String]) -> Result<Vec<Subject>, ScriptError> {
    let mut found = Vec::new();
    for text in texts {
        match find(draft, text) {
            Ok(subject) => found.push(subject),
            // If a script runs again, there is nothing left to deny.
            Err(ScriptError::NotThere { .. }) if is_denied(draft, text) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The texts that deny something of the contents of requests that rules allow, as rules, and the others.
pub(super) fn denials(
    draft: &Draft,
    texts: &[String],
) -> Result<(Vec<Rule>, Vec<String>), ScriptError> {
    let (mut contents, mut others) = (Vec::new(), Vec::new());
    for text in texts {
        let rule = Rule::parse(draft.profile().engine, text).ok();
        match rule.filter(|rule| rule.contents().is_some()) {
            None => others.push(text.clone()),
            Some(rule) => {
                let allow = draft.profile().allow.iter().map(|entry| &entry.value);
                let bare = |rule: &Rule| rule.without_contents();
                let is_allowed = allow
                    .map(bare)
                    .any(|other| other.covers(&bare(&rule)) || bare(&rule).covers(&other));
                if !is_allowed && !is_denied(draft, text) {
                    let nearest = nearest(draft, text);
                    return Err(ScriptError::NotThere { text: rule.to_string(), nearest });
                }
                contents.push(rule);
            }
        }
    }
    Ok((contents, others))
}

fn is_denied(draft: &Draft, text: &str) -> bool {
    let profile = draft.profile();
    let rule = Rule::parse(profile.engine, text).ok();
    rule.is_some_and(|rule| profile.deny.iter().any(|entry| entry.value.denies_all_of(&rule)))
}

/// Finds the entry of the profile that a text names.
pub(super) fn find(draft: &Draft, text: &str) -> Result<Subject, ScriptError> {
    let profile = draft.profile();
    let unknown = profile.unknown.iter().find(|entry| entry.value.to_string() == text);
    if let Some(entry) = unknown {
        return Ok(Subject::Unknown(entry.value.clone()));
    }
    let rule = parse(draft, text)?;
    let is_there = profile.allow.iter().any(|entry| entry.value == rule);
    if is_there {
        return Ok(Subject::Rule(rule));
    }
    // A rule with contents is long, so its names are enough where they name only one.
    let mut same = profile.allow.iter().map(|entry| &entry.value);
    let mut same = same.by_ref().filter(|other| other.without_contents() == rule);
    if let (Some(only), None) = (same.next(), same.next()) {
        return Ok(Subject::Rule(only.clone()));
    }
    Err(ScriptError::NotThere { text: rule.to_string(), nearest: nearest(draft, text) })
}

fn parse(draft: &Draft, text: &str) -> Result<Rule, ScriptError> {
    Rule::parse(draft.profile().engine, text).map_err(|error| match error {
        RuleError::NoOperation { .. } if !nearest(draft, text).is_empty() => {
            ScriptError::NotThere { text: text.to_owned(), nearest: nearest(draft, text) }
        }
        error => ScriptError::NoRule { text: text.to_owned(), error },
    })
}

/// Rules, and the rules that replace them. If there are none to replace, the others are already there.
pub(super) type Narrowing = (Vec<Rule>, Vec<Rule>);

pub(super) fn narrowings(draft: &Draft, texts: &[String]) -> Result<Vec<Narrowing>, ScriptError> {
    let mut narrowings: Vec<Narrowing> = Vec::new();
    for text in texts {
        let rule = parse(draft, text)?;
        let allow = draft.profile().allow.iter().map(|entry| &entry.value);
        let is_there = allow.clone().any(|other| *other == rule);
        let wider = allow.filter(|wider| wider.covers(&rule) && **wider != rule);
        let mut from: Vec<Rule> = wider.cloned().collect();
        if from.is_empty() && !is_there {
            let nearest = nearest(draft, text);
            return Err(ScriptError::NothingWider { text: rule.to_string(), nearest });
        }
        // Rules that are narrowed to several others are removed once.
        let mut to = Vec::new();
        let is_shared = |(others, _): &Narrowing| others.iter().any(|other| from.contains(other));
        let (shared, mut rest): (Vec<_>, Vec<_>) = narrowings.into_iter().partition(is_shared);
        for (others, rules) in shared {
            from.extend(others);
            to.extend(rules);
        }
        to.push(rule);
        let mut once = Vec::new();
        from.into_iter().for_each(|rule| {
            if !once.contains(&rule) {
                once.push(rule);
            }
        });
        rest.push((once, to));
        narrowings = rest;
    }
    Ok(narrowings)
}

/// The entries of the profile that are most similar to a text.
fn nearest(draft: &Draft, text: &str) -> Vec<String> {
    let profile = draft.profile();
    let rules = profile.allow.iter().map(|entry| entry.value.to_string());
    let all = rules.chain(profile.unknown.iter().map(|entry| entry.value.to_string()));
    let mut alike: Vec<(f64, String)> = all
        .map(|rule| (strsim::normalized_damerau_levenshtein(text, &rule), rule))
        .filter(|(alike, _)| *alike >= ALIKE)
        .collect();
    alike.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    alike.dedup();
    alike.into_iter().take(OFFERED).map(|(_, rule)| rule).collect()
}

fn offer(nearest: &[String]) -> String {
    if nearest.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", nearest.join(", or "))
    }
}
