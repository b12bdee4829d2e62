//! The proof that a generated profile says what its evidence says, by the code that `enforce` runs.

use std::collections::HashSet;
use std::fmt;

use super::generate::HANDSHAKE;
use super::{Evidence, Known};
use crate::api::{ApiVersion, Operation};
use crate::policy::{Enforcer, Gate, Head, Verdict};
use crate::profile::{Pattern, Profile, Rule};

/// A name that no workload has.
const FRESH: &str = "dsp-fresh-name";

/// That a profile permits everything that was seen, needs each of its rules, and permits nothing
/// else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Proof {
    /// How many rules there are.
    pub rules: usize,
}

/// What is wrong with a generated profile; always a mistake of dsp's own.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Flaw {
    /// Something that was seen would be denied.
    #[error("the profile is not complete: {0} was recorded and would be denied")]
    Incomplete(String),
    /// A rule that nothing that was seen needs.
    #[error("the profile is not minimal: nothing that was recorded needs the rule {0}")]
    Superfluous(String),
    /// Something that was never seen would be permitted.
    #[error("the profile is not exact: {0} was never recorded and would be allowed")]
    Inexact(String),
}

impl fmt::Display for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.rules;
        let rules = if rules == 1 { "1 rule".to_owned() } else { format!("{rules} rules") };
        write!(formatter, "complete, minimal, exact: {rules}, 0 extra operations")
    }
}

/// Replays the evidence against the profile that was made from it. What people have denied in
/// `profile` is no part of it, and what stands in `before`, a profile that was brought up to date,
/// is theirs to judge.
///
/// # Errors
/// [`Flaw`].
pub fn prove(
    evidence: &Evidence,
    profile: &Profile,
    before: Option<&Profile>,
) -> Result<Proof, Flaw> {
    let gate = Enforcer::new(profile);
    let old = before.map(Enforcer::new);
    for known in evidence.known() {
        for (values, versions) in &known.values {
            let path = known.path(values);
            for version in versions {
                let is_decided = || {
                    is_refused_by_people(profile, known, values, *version)
                        || before.is_some_and(|old| is_narrowed(old, known))
                };
                if !allows(&gate, known.operation, &path, *version) && !is_decided() {
                    return Err(Flaw::Incomplete(format!("{} {path}", known.operation.method)));
                }
            }
        }
    }
    let needed = needed(evidence, profile);
    for rule in profile.allow.iter().map(|entry| &entry.value) {
        let is_old = before.is_some_and(|old| old.allow.iter().any(|entry| entry.value == *rule));
        if !is_old && !needed.contains(rule) {
            return Err(Flaw::Superfluous(rule.to_string()));
        }
    }
    for operation in profile.engine.catalogue().operations() {
        let path = operation.template.fill(|_| FRESH.into());
        let version = operation.versions.newest();
        let was = old.as_ref().is_some_and(|old| allows(old, operation, &path, version));
        if allows(&gate, operation, &path, version)
            && !was
            && !may_be_fresh(evidence, profile, operation)
        {
            return Err(Flaw::Inexact(format!("{} {path}", operation.method)));
        }
    }
    Ok(Proof { rules: profile.allow.len() })
}

/// Whether a person decided against this, by a rule under `deny` or by `min_api`.
pub(super) fn is_refused_by_people(
    profile: &Profile,
    known: &Known,
    values: &[String],
    version: Option<ApiVersion>,
) -> bool {
    let located = known.located(values);
    let too_old = version.zip(profile.min_api).is_some_and(|(asked, least)| asked < least);
    too_old || profile.deny.iter().any(|entry| entry.value.matches(&located))
}

/// Whether a person allowed an operation on some names only; the others are then out on purpose.
fn is_narrowed(profile: &Profile, known: &Known) -> bool {
    profile.allow.iter().any(|entry| entry.value.operation() == known.operation)
}

fn allows(gate: &Enforcer, operation: &Operation, path: &str, version: Option<ApiVersion>) -> bool {
    let target = version.map_or_else(String::new, |version| format!("/v{version}")) + path;
    let head = Head::new(operation.method.as_str(), &target);
    matches!(gate.decide(&head).verdict, Verdict::Forward(_))
}

/// The rules without which something that was seen would be denied.
fn needed<'a>(evidence: &Evidence, profile: &'a Profile) -> HashSet<&'a Rule> {
    let rules = || profile.allow.iter().map(|entry| &entry.value);
    let has_pinged = evidence.known().any(|known| HANDSHAKE.contains(&known.operation.name));
    let mut needed: HashSet<&Rule> =
        rules().filter(|rule| has_pinged && HANDSHAKE.contains(&rule.operation().name)).collect();
    for known in evidence.known() {
        let own: Vec<&Rule> = rules().filter(|rule| rule.operation() == known.operation).collect();
        for values in known.values.keys() {
            if own.iter().all(|rule| needed.contains(rule)) {
                break;
            }
            let located = known.located(values);
            let mut permit = own.iter().filter(|rule| rule.matches(&located));
            if let (Some(only), None) = (permit.next(), permit.next()) {
                needed.insert(only);
            }
        }
    }
    needed
}

/// Whether the evidence is a reason to permit an operation on a name that was never seen: it was
/// seen, and its names were not kept.
fn may_be_fresh(evidence: &Evidence, profile: &Profile, operation: &Operation) -> bool {
    let is_handshake = HANDSHAKE.contains(&operation.name)
        && evidence.known().any(|known| HANDSHAKE.contains(&known.operation.name));
    let is_seen = evidence.known().any(|known| known.operation == operation);
    let is_exact =
        |rule: &Rule| rule.patterns().iter().any(|pattern| matches!(pattern, Pattern::Exact(_)));
    let has_names = profile
        .allow
        .iter()
        .filter(|entry| entry.value.operation() == operation)
        .all(|entry| is_exact(&entry.value));
    is_handshake || (is_seen && !has_names)
}
