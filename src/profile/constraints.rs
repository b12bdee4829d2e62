//! What a rule says about the contents of requests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::ValuePattern;
use crate::answers::Kind;
use crate::api::{Operation, Risk};
use crate::contents::{
    Facet, Fact, Facts, OWN, Schema, ValueError, filters_by_owner, why_not_by_owner,
};
use crate::yaml::double_quoted;

/// The contents that a rule allows, by facet. They are closed: facets that are not named allow only
/// what is harmless, except those that are free ([`Facet::is_free`]).
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Constraints(BTreeMap<Facet, Allowed>);

/// What is allowed of a facet.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Allowed {
    /// Everything.
    Any,
    /// What one of these matches.
    Values(BTreeSet<ValuePattern>),
}

/// A part of what a rule allows requests to contain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Given {
    /// Anything.
    Anything,
    /// Every value of a facet.
    Facet(Facet),
    /// A value.
    Value(ValuePattern),
    /// What the answers have of this kind.
    Shown(Kind),
}

/// Why a rule cannot have contents as written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConstraintError {
    /// Nothing in a request for the operation is decided on.
    #[error("dsp does not decide on the contents of {0}")]
    NoContents(String),
    /// The operation does not have the facet.
    #[error("{operation} has no \"{facet}\"")]
    NoFacet {
        /// The operation.
        operation: String,
        /// The word.
        facet: String,
        /// The facets that it has.
        known: Vec<Facet>,
    },
    /// Own objects, by which the engine cannot filter.
    #[error("{operation} has no {OWN}: {why}")]
    NoOwner {
        /// The operation.
        operation: String,
        /// Why.
        why: &'static str,
    },
    /// Two sockets for the same containers.
    #[error("a container gets one socket, \"{first}\" or \"{second}\"")]
    TwoSockets {
        /// The value that comes first.
        first: String,
        /// The other one.
        second: String,
    },
    /// A value that no request could hold.
    #[error("\"{value}\" is not a value of {facet}: {why}")]
    Value {
        /// The facet.
        facet: Facet,
        /// The value.
        value: String,
        /// Why.
        why: ValueError,
    },
}

impl Allowed {
    /// Whether a value of the facet is allowed.
    fn admits(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Values(values) => values.iter().any(|pattern| pattern.matches(value)),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Values(_), Self::Any) => false,
            (Self::Values(own), Self::Values(other)) => {
                other.iter().all(|other| own.iter().any(|own| own.covers(other)))
            }
        }
    }
}

impl Constraints {
    /// Constraints that allow only harmless contents.
    #[must_use]
    pub fn harmless() -> Self {
        Self::default()
    }

    /// Allows what these facts say, and nothing else.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        let mut constraints = Self::default();
        facts.iter().for_each(|fact| constraints.add(ValuePattern::of(fact)));
        constraints
    }

    /// Allows a value, too.
    pub fn add(&mut self, value: ValuePattern) {
        let allowed = self.0.entry(value.facet());
        if let Allowed::Values(values) = allowed.or_insert_with(|| Allowed::Values(BTreeSet::new()))
        {
            values.insert(value);
        }
    }

    /// Allows what a fact says, too.
    pub fn add_fact(&mut self, fact: &Fact) {
        self.add(ValuePattern::of(fact));
    }

    /// Allows everything of a facet.
    pub fn open(&mut self, facet: Facet) {
        self.0.insert(facet, Allowed::Any);
    }

    /// Allows only what is harmless of a facet.
    pub fn close(&mut self, facet: Facet) {
        self.0.remove(&facet);
    }

    /// No longer allows a value.
    pub fn remove(&mut self, value: &ValuePattern) {
        if let Some(Allowed::Values(values)) = self.0.get_mut(&value.facet()) {
            values.remove(value);
            if values.is_empty() {
                self.0.remove(&value.facet());
            }
        }
    }

    /// What is allowed of each facet that is named, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Facet, &Allowed)> {
        self.0.iter().map(|(facet, allowed)| (*facet, allowed))
    }

    /// Every value that is named.
    pub fn values(&self) -> impl Iterator<Item = &ValuePattern> {
        self.0
            .values()
            .flat_map(|allowed| match allowed {
                Allowed::Any => None,
                Allowed::Values(values) => Some(values),
            })
            .flatten()
    }

    /// What is allowed of a facet; `None` if it is not named.
    #[must_use]
    pub fn of_facet(&self, facet: Facet) -> Option<&Allowed> {
        self.0.get(&facet)
    }

    /// Whether nothing but harmless contents is allowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The facts that are not allowed, in order.
    pub fn refused<'a>(&'a self, facts: &'a Facts) -> impl Iterator<Item = &'a Fact> {
        facts.iter().filter(|fact| !self.admits(fact))
    }

    /// Whether a fact is allowed.
    #[must_use]
    pub fn admits(&self, fact: &Fact) -> bool {
        match self.0.get(&fact.facet) {
            Some(allowed) => allowed.admits(&fact.value),
            None => fact.facet.is_free(),
        }
    }

    /// Whether some value that is named matches a fact, which is what counts in a rule that denies.
    #[must_use]
    pub fn names(&self, fact: &Fact) -> bool {
        self.0.get(&fact.facet).is_some_and(|allowed| allowed.admits(&fact.value))
    }

    /// Whether everything that `other` allows is allowed.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let named = other.0.iter().all(|(facet, other)| match self.0.get(facet) {
            Some(own) => own.covers(other),
            None => facet.is_free(),
        });
        let is_free_in_other = |facet: &Facet| facet.is_free() && !other.0.contains_key(facet);
        named && self.0.iter().all(|(facet, own)| !is_free_in_other(facet) || *own == Allowed::Any)
    }

    /// Whether some value that is named matches each fact that `other` names: a rule that denies with
    /// these contents then denies everything that the other one denies.
    #[must_use]
    pub fn names_all_of(&self, other: &Self) -> bool {
        let mut named = other.0.iter();
        named.all(|(facet, other)| self.0.get(facet).is_some_and(|own| own.covers(other)))
    }

    /// What these allow and `other` does not, in order.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Vec<Given> {
        let nothing = Allowed::Values(BTreeSet::new());
        let of = |constraints: &'_ Self, facet: Facet| match constraints.0.get(&facet) {
            Some(allowed) => allowed.clone(),
            None if facet.is_free() => Allowed::Any,
            None => nothing.clone(),
        };
        let mut beyond = Vec::new();
        for facet in Facet::ALL {
            match (of(self, facet), of(other, facet)) {
                (_, Allowed::Any) => {}
                (Allowed::Any, Allowed::Values(_)) => beyond.push(Given::Facet(facet)),
                (Allowed::Values(own), Allowed::Values(other)) => {
                    let is_new = |own: &ValuePattern| !other.iter().any(|other| other.covers(own));
                    beyond.extend(own.into_iter().filter(is_new).map(Given::Value));
                }
            }
        }
        beyond
    }

    /// The risk of what is allowed, for an operation of this risk.
    #[must_use]
    pub fn risk(&self, operation: &Operation) -> Risk {
        let is_list = Schema::of(operation).is_none();
        match self.of_facet(Facet::Filters) {
            Some(Allowed::Values(values)) if values.iter().all(ValuePattern::is_of_owner) => {
                return self.risk_beyond(operation.risk_of_own(), operation);
            }
            Some(_) if is_list => return operation.risk,
            _ => {}
        }
        // What is created is bounded by its contents. What is done to an object that exists is bounded by
        // what that object may do.
        let is_bounded = operation.template.parameters().count() == 0;
        let least = if is_bounded { operation.risk.min(Risk::Change) } else { operation.risk };
        self.risk_beyond(least, operation)
    }

    /// The risk of what is allowed for an own object, which this profile has made.
    pub(super) fn risk_of_own(&self, operation: &Operation) -> Risk {
        self.risk_beyond(operation.risk_of_own(), operation)
    }

    fn risk_beyond(&self, least: Risk, operation: &Operation) -> Risk {
        let of = |(facet, allowed): (&Facet, &Allowed)| match allowed {
            Allowed::Any => facet.risk_of_any(),
            Allowed::Values(values) => {
                let risks = values.iter().map(|value| facet.risk_of(value.as_str()));
                risks.max().unwrap_or(Risk::Info)
            }
        };
        self.0.iter().map(of).fold(least, Risk::max).min(operation.risk.max(least))
    }

    /// Adds a value as a person wrote it.
    pub(super) fn add_written(
        &mut self,
        operation: &Operation,
        facet: Facet,
        text: &str,
    ) -> Result<(), ConstraintError> {
        if facet == Facet::Filters && text == OWN && !filters_by_owner(operation) {
            let why = why_not_by_owner(operation).unwrap_or("the engine cannot filter by owner");
            return Err(ConstraintError::NoOwner { operation: operation.to_string(), why });
        }
        let value = ValuePattern::parse(facet, text);
        let value = value.map_err(|why| {
            let value = text.to_owned();
            ConstraintError::Value { facet, value, why }
        })?;
        let first = self.values().find(|other| other.is_socket() && **other != value);
        if let Some(first) = first.filter(|_| value.is_socket()) {
            let [first, second] = [first, &value].map(|value| value.as_str().to_owned());
            return Err(ConstraintError::TwoSockets { first, second });
        }
        self.add(value);
        Ok(())
    }

    /// The same without facets that have no value.
    pub(super) fn without_empty(mut self) -> Self {
        self.0
            .retain(|_, allowed| !matches!(allowed, Allowed::Values(values) if values.is_empty()));
        self
    }

    /// What is known about the contents of an operation.
    pub(super) fn of_operation(operation: &Operation) -> Result<&'static Schema, ConstraintError> {
        Schema::in_rules(operation)
            .ok_or_else(|| ConstraintError::NoContents(operation.to_string()))
    }

    /// Names a facet without values.
    pub(super) fn name(&mut self, facet: Facet) {
        self.0.entry(facet).or_insert_with(|| Allowed::Values(BTreeSet::new()));
    }

    /// The facet of an operation with this name.
    pub(super) fn facet(operation: &Operation, word: &str) -> Result<Facet, ConstraintError> {
        if Schema::in_rules(operation).is_none()
            && word == Facet::Filters.as_str()
            && let Some(why) = why_not_by_owner(operation)
        {
            return Err(ConstraintError::NoOwner { operation: operation.to_string(), why });
        }
        let known = Self::of_operation(operation)?.facets();
        match word.parse() {
            Ok(facet) if known.contains(&facet) => Ok(facet),
            _ => Err(ConstraintError::NoFacet {
                operation: operation.to_string(),
                facet: word.to_owned(),
                known,
            }),
        }
    }
}

/// The constraints on one line: `{image: ["postgres:16"], privileged: true}`.
impl fmt::Display for Constraints {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("{")?;
        for (place, (facet, allowed)) in self.0.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(to, "{comma}{facet}: ")?;
            match allowed {
                Allowed::Any => to.write_str("any")?,
                Allowed::Values(_) if facet.is_flag() => to.write_str("true")?,
                Allowed::Values(values) => {
                    let values = values.iter().map(|value| double_quoted(value.as_str()));
                    write!(to, "[{}]", values.collect::<Vec<_>>().join(", "))?;
                }
            }
        }
        to.write_str("}")
    }
}
