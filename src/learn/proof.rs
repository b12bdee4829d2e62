//! Proves that a generated profile matches its evidence, with the code that `enforce` runs.

use std::collections::HashSet;
use std::fmt;

use super::known::versioned;
use super::{Demand, Evidence, Known, TooOld};
use crate::api::{ApiVersion, Operation};
use crate::contents::{Fact, Facts};
use crate::escapes;
use crate::policy::{Enforcer, Gate, Reason, Request, Verdict};
use crate::profile::{
    Constraints, Pattern, Profile, Rule, RuleIndex, UnknownOperation, ValuePattern,
};
use crate::recording::Format;
use crate::text::count;

/// A name that is assumed to occur in no workload.
const FRESH: &str = "dsp-fresh-name";

/// The result of a successful proof: the profile needs each of its rules and allows nothing that
/// was not seen. It also allows everything that the program did, apart from the listed gaps.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    rules: usize,
    /// The number of rules that match more or less than the names they spell.
    ambiguous: usize,
    gaps: Vec<Gap>,
    /// The number of known escapes that the profile leaves open, and of all that were tried.
    escapes: (usize, usize),
}

/// Something that the program may have asked for and the profile does not allow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gap {
    /// The number of operations that rules under `deny`, or narrowed rules, exclude.
    Decided(usize),
    /// Requests for versions older than `min_api`.
    TooOld(TooOld),
    /// The number of distinct requests that `enforce` refuses whatever a profile says.
    Refused(usize),
    /// The number of distinct requests that are not in the catalogue.
    Unknown(usize),
    /// The number of distinct requests that were denied and left out.
    Denied(usize),
    /// The number of requests that the logging proxy answered itself.
    TurnedAway(u64),
    /// Unknown requests: lines were lost, or input could not be read.
    Lost,
    /// The number of sessions without a start or an end.
    Cut(usize),
    /// The number of truncated lines.
    Torn(usize),
    /// Requests that are not in the log of this format, which starts and ends at any time.
    Log(Format),
}

/// An error in a generated profile; always a bug in dsp.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Flaw {
    /// A request that was seen would be denied.
    #[error("the profile is not complete: {0} was recorded and would be denied")]
    Incomplete(String),
    /// No request that was seen needs the rule.
    #[error("the profile is not minimal: nothing that was recorded needs the rule {0}")]
    Superfluous(String),
    /// A request that was never seen would be allowed.
    #[error("the profile is not exact: {0} was never recorded and would be allowed")]
    Inexact(String),
}

impl Proof {
    /// Whether the profile allows everything that the program did while it was recorded.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty()
    }

    /// What the profile does not allow.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let complete = if self.is_complete() { "complete, " } else { "" };
        let rules = count(self.rules, "rule");
        let exact = if self.ambiguous == 0 { "minimal, exact" } else { "minimal" };
        let (open, all) = self.escapes;
        write!(
            formatter,
            "{complete}{exact}: {rules}, 0 extra operations, {open} of {all} escapes"
        )?;
        if self.ambiguous > 0 {
            let ambiguous = count(self.ambiguous, "rule");
            write!(formatter, "; not exact: {ambiguous} with names that are not unique")?;
        }
        for (place, gap) in self.gaps.iter().enumerate() {
            let before = if place == 0 { "; not in it: " } else { ", " };
            write!(formatter, "{before}{gap}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided(number) => {
                write!(formatter, "{} that people decided against", count(*number, "operation"))
            }
            Self::TooOld(TooOld { least, operations, .. }) => {
                let operations = count(*operations, "operation");
                write!(formatter, "{operations} in versions older than min_api \"{least}\"")
            }
            Self::Refused(number) => {
                write!(formatter, "{} that enforce refuses", count(*number, "request"))
            }
            Self::Unknown(number) => formatter.write_str(&count(*number, "unknown operation")),
            Self::Denied(number) => {
                write!(formatter, "{} that had been denied", count(*number, "request"))
            }
            Self::TurnedAway(number) => {
                write!(formatter, "{} that the proxy answered itself", count(*number, "request"))
            }
            Self::Lost => formatter.write_str("requests lost while recording"),
            Self::Cut(number) => write!(
                formatter,
                "requests missing from {} without a beginning or an end",
                count(*number, "session")
            ),
            Self::Torn(number) => {
                write!(formatter, "requests in {}", count(*number, "truncated line"))
            }
            Self::Log(format) => formatter.write_str(format.holds().missing()),
        }
    }
}

/// The requests, in the evidence or missing from it, that the profile does not allow.
fn gaps(evidence: &Evidence, profile: &Profile, decided: usize) -> Vec<Gap> {
    let listed: HashSet<&UnknownOperation> =
        profile.unknown.iter().map(|entry| &entry.value).collect();
    let is_left_out =
        |request| UnknownOperation::of(request).is_none_or(|asked| !listed.contains(&asked));
    let unknown = evidence.unknown().filter(|(_, unknown)| is_left_out(&unknown.request)).count();
    let counts = [
        (decided, Gap::Decided as fn(usize) -> Gap),
        (evidence.refused().count(), Gap::Refused),
        (unknown, Gap::Unknown),
        (evidence.denied().count(), Gap::Denied),
        (evidence.incomplete(), Gap::Cut),
        (evidence.torn(), Gap::Torn),
    ];
    let counts = counts.into_iter().filter(|(number, _)| *number > 0);
    let too_old = TooOld::of(profile, evidence).map(Gap::TooOld);
    let turned_away = Some(evidence.turned_away()).filter(|number| *number > 0);
    let lost = evidence.lossy().then_some(Gap::Lost);
    let counts = counts.map(|(number, gap)| gap(number));
    too_old
        .into_iter()
        .chain(counts)
        .chain(turned_away.map(Gap::TurnedAway))
        .chain(lost)
        .chain(evidence.logs().into_iter().map(Gap::Log))
        .collect()
}

/// Replays the evidence against the profile that was generated from it. The proof skips requests
/// that people have denied in `profile`, and does not question the rules of `before`, the profile
/// that was updated.
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
    let mut decided = HashSet::new();
    let narrowed = before.map(Profile::allowed);
    for known in evidence.known() {
        // Whether a person allowed the operation only for some names, and so excluded the others on
        // purpose.
        let is_narrowed = narrowed.as_ref().is_some_and(|old| old.is_about(known.operation));
        for (demand, demanded) in &known.demands {
            for version in &demanded.versions {
                match known.denial(&gate, demand, *version).map(|denial| denial.reason) {
                    // Requests that are too old are reported as gaps.
                    None | Some(Reason::BelowMinApi { .. }) => continue,
                    Some(Reason::Denied { .. }) => {}
                    Some(_) if is_narrowed => {}
                    Some(_) => {
                        let path = known.path(demand);
                        return Err(Flaw::Incomplete(format!("{} {path}", known.operation.method)));
                    }
                }
                decided.insert(known.operation.index);
            }
        }
    }
    let needed = needed(evidence, profile);
    let old_rules: HashSet<&Rule> =
        before.into_iter().flat_map(|old| &old.allow).map(|entry| &entry.value).collect();
    for rule in profile.allow.iter().map(|entry| &entry.value) {
        // A rule of the old profile may have got more values.
        let path = rule.without_contents();
        let before = old_rules.iter().find(|old| old.without_contents() == path);
        if before.is_none() && !needed.contains(rule) {
            return Err(Flaw::Superfluous(rule.to_string()));
        }
        if !old_rules.contains(rule)
            && let Some(value) = superfluous_value(evidence, rule, before.copied())
        {
            return Err(Flaw::Superfluous(value));
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
    let gaps = gaps(evidence, profile, decided.len());
    let escapes = (escapes::left_open(profile).len(), escapes::of(profile.engine).count());
    let (rules, ambiguous) = (profile.allow.len(), profile.ambiguities().len());
    Ok(Proof { rules, ambiguous, gaps, escapes })
}

fn allows(gate: &Enforcer, operation: &Operation, path: &str, version: Option<ApiVersion>) -> bool {
    let target = versioned(version, path);
    let asked = Request::new(operation.method.as_str(), &target);
    matches!(gate.decide(&asked).verdict, Verdict::Forward(_))
}

/// The rules without which a request that was seen would be denied.
fn needed<'a>(evidence: &Evidence, profile: &'a Profile) -> HashSet<&'a Rule> {
    let rules = || profile.allow.iter().map(|entry| &entry.value);
    let has_pinged = has_pinged(evidence);
    let mut needed: HashSet<&Rule> =
        rules().filter(|rule| has_pinged && rule.operation().traits.handshake).collect();
    let allowed = profile.allowed();
    for (known, demand) in demands(evidence) {
        if let [rule] = admitting(profile, &allowed, known, demand).as_slice() {
            needed.insert(rule);
        }
    }
    needed
}

/// Every demand of the evidence.
fn demands(evidence: &Evidence) -> impl Iterator<Item = (&Known, &Demand)> {
    evidence.known().flat_map(|known| known.demands.keys().map(move |demand| (known, demand)))
}

/// The rules that allow a demand; at most two, which are as good as many.
fn admitting<'a>(
    profile: &'a Profile,
    allowed: &RuleIndex,
    known: &Known,
    demand: &Demand,
) -> Vec<&'a Rule> {
    let mut rules: Vec<&Rule> = Vec::new();
    for located in known.readings(demand) {
        allowed.each_match(&located, |place| {
            let rule = profile.allow.get(place).map(|entry| &entry.value);
            let rule = rule.filter(|rule| known.admits(rule, demand) && !rules.contains(rule));
            rules.extend(rule);
            rules.len() > 1
        });
    }
    rules
}

/// A value that a rule allows although no request that was seen needs it.
fn superfluous_value(evidence: &Evidence, rule: &Rule, before: Option<&Rule>) -> Option<String> {
    let contents = rule.contents()?;
    let known = evidence.of_operation(rule.operation());
    let facts = || {
        known.into_iter().flat_map(|known| {
            let demands = known.demands.keys().filter(|demand| known.matches(rule, demand));
            demands.flat_map(|demand| {
                let facts = demand.facts.iter().flat_map(Facts::iter);
                let own = |fact: &Fact| demand.as_own(known.operation, fact);
                facts.flat_map(move |fact| std::iter::once(fact.clone()).chain(own(fact)))
            })
        })
    };
    let old: HashSet<&ValuePattern> =
        before.and_then(Rule::contents).into_iter().flat_map(Constraints::values).collect();
    let is_needed = |value: &&ValuePattern| {
        let is_matched = |fact: &Fact| fact.facet == value.facet() && value.matches(&fact.value);
        old.contains(value) || facts().any(|fact| is_matched(&fact))
    };
    let extra = contents.values().find(|value| !is_needed(value))?;
    Some(format!("{}: {} {}", rule.without_contents(), extra.facet(), extra.as_str()))
}

/// Whether some operation of the handshake was seen.
fn has_pinged(evidence: &Evidence) -> bool {
    evidence.known().any(|known| known.operation.traits.handshake)
}

/// Whether the evidence justifies allowing an operation for a name that was never seen: the
/// operation was seen, and its names were not kept.
fn may_be_fresh(evidence: &Evidence, profile: &Profile, operation: &Operation) -> bool {
    let is_handshake = operation.traits.handshake && has_pinged(evidence);
    let is_seen = evidence.known().any(|known| known.operation == operation);
    let is_exact = |rule: &Rule| {
        let mut patterns = rule.patterns().iter();
        patterns.any(|pattern| matches!(pattern, Pattern::Exact(_) | Pattern::Own))
    };
    let has_names = profile
        .allow
        .iter()
        .filter(|entry| entry.value.operation() == operation)
        .all(|entry| is_exact(&entry.value));
    is_handshake || (is_seen && !has_names)
}
