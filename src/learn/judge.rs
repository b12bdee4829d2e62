//! A profile's decisions on what was recorded, with what the evidence knows of owners.

use super::{Demand, Known};
use crate::api::ApiVersion;
use crate::contents::Fact;
use crate::policy::{Denial, Enforcer, Reason};
use crate::profile::{Profile, Rule};

/// Decides on recorded requests by a profile. Whose an object was is known from the evidence, where
/// `enforce` asks the engine.
#[derive(Debug)]
pub struct Judge {
    gate: Enforcer,
    /// The rules under `allow` that ask whose an object is.
    of_owner: Vec<Rule>,
}

impl Judge {
    /// The judge of a profile.
    #[must_use]
    pub fn new(profile: &Profile) -> Self {
        let rules = profile.allow.iter().map(|entry| &entry.value);
        let of_owner = rules.filter(|rule| rule.asks_for_owner()).cloned().collect();
        Self { gate: Enforcer::new(profile), of_owner }
    }

    /// The gate that knows nothing of owners.
    #[must_use]
    pub fn gate(&self) -> &Enforcer {
        &self.gate
    }

    /// Why the profile denies a request with this demand; `None` if it does not.
    #[must_use]
    pub fn denial(
        &self,
        known: &Known,
        demand: &Demand,
        version: Option<ApiVersion>,
    ) -> Option<Denial> {
        let mut denial = known.denial(&self.gate, demand, version)?;
        match &mut denial.reason {
            Reason::NotAllowed { .. } | Reason::NotOwn(_) | Reason::NoContents => {}
            Reason::Contents { rule, lacking } => {
                lacking.retain(|fact| !is_allowed_as_own(known, demand, rule, fact));
                if lacking.is_empty() {
                    return None;
                }
            }
            _ => return Some(denial),
        }
        let mut rules = self.of_owner.iter().filter(|rule| known.matches(rule, demand));
        let admitted = rules.any(|rule| known.admits(rule, demand));
        (!admitted).then_some(denial)
    }
}

/// Whether a rule allows a fact because its object was the recording's own.
fn is_allowed_as_own(known: &Known, demand: &Demand, rule: &Rule, fact: &Fact) -> bool {
    let own = demand.as_perhaps_own(known.operation, fact);
    let contents = rule.contents();
    own.is_some_and(|own| contents.is_some_and(|contents| contents.admits(&own)))
}
