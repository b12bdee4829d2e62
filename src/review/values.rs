//! The values of a rule with contents, one by one, and what a key does with each.

use super::decision::ContentEdit;
use crate::api::Risk;
use crate::contents::Facet;
use crate::profile::{Allowed, Rule, ValuePattern};

/// A line of the list of values.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Value {
    /// Its facet.
    pub facet: Facet,
    /// The value; `None` if the rule allows every value of the facet.
    pub value: Option<ValuePattern>,
    /// Its risk.
    pub risk: Risk,
}

/// What can be decided on a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ValueChoice {
    /// It is no longer allowed.
    Drop,
    /// The facet has only harmless values.
    DropFacet,
    /// It is denied, which no update takes back.
    Deny,
    /// Every value of the facet is allowed.
    Open,
    /// A narrower value takes its place.
    Narrow,
}

impl ValueChoice {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Drop, Self::DropFacet, Self::Deny, Self::Open, Self::Narrow];

    /// Its key.
    #[must_use]
    pub const fn key(self) -> char {
        match self {
            Self::Drop => 'x',
            Self::DropFacet => 'f',
            Self::Deny => 'd',
            Self::Open => 'o',
            Self::Narrow => 'g',
        }
    }

    /// What it does.
    #[must_use]
    pub fn text(self, value: &Value) -> String {
        let facet = value.facet;
        match self {
            Self::Drop => "no longer allow it".to_owned(),
            Self::DropFacet => format!("no longer allow any {facet} that the rule names"),
            Self::Deny => "deny it; generate --update will not bring it back".to_owned(),
            Self::Open => format!("allow any {facet}"),
            Self::Narrow => "narrow it to a value that you type".to_owned(),
        }
    }

    /// Whether it is possible.
    #[must_use]
    pub fn is_open(self, value: &Value) -> bool {
        match self {
            Self::Drop | Self::Deny | Self::Open => value.value.is_some(),
            Self::DropFacet => true,
            Self::Narrow => {
                value.value.as_ref().is_none_or(|value| value.as_str().contains('*'))
                    && !value.facet.is_flag()
            }
        }
    }

    /// The edit that it makes; `None` if a value has to be typed first.
    #[must_use]
    pub fn edit(self, value: &Value) -> Option<ContentEdit> {
        match (self, value.value.clone()) {
            (Self::Drop, Some(value)) => Some(ContentEdit::Remove(value)),
            (Self::Deny, Some(value)) => Some(ContentEdit::Deny(value)),
            (Self::DropFacet, _) => Some(ContentEdit::Close(value.facet)),
            (Self::Open, Some(_)) => Some(ContentEdit::Open(value.facet)),
            _ => None,
        }
    }
}

/// The values of a rule, riskiest facets first and in them riskiest values; empty if it has none.
#[must_use]
pub fn values(rule: &Rule) -> Vec<Value> {
    let mut facets: Vec<Vec<Value>> = Vec::new();
    for (facet, allowed) in rule.contents().into_iter().flat_map(|contents| contents.iter()) {
        let of = |value: &ValuePattern| Value {
            facet,
            risk: facet.risk_of(value.as_str()),
            value: Some(value.clone()),
        };
        let mut own = match allowed {
            Allowed::Any => vec![Value { facet, value: None, risk: facet.risk_of_any() }],
            Allowed::Values(values) => values.iter().map(of).collect(),
        };
        own.sort_by_key(|value| std::cmp::Reverse(value.risk));
        facets.push(own);
    }
    facets.sort_by_key(|own| std::cmp::Reverse(own.first().map(|value| value.risk)));
    facets.into_iter().flatten().collect()
}

/// The edit that narrows a value to a typed one.
///
/// # Errors
/// Why the typed text does not narrow it.
pub fn narrowed_value(value: &Value, typed: &str) -> Result<ContentEdit, String> {
    let typed = typed.trim();
    let to = ValuePattern::parse(value.facet, typed)
        .map_err(|why| format!("\"{typed}\" is not a value of {}: {why}", value.facet))?;
    match &value.value {
        Some(from) if !from.covers(&to) || to.covers(from) => {
            Err(format!("this is not narrower than {}", from.as_str()))
        }
        Some(from) => Ok(ContentEdit::Replace { from: from.clone(), to }),
        None => Ok(ContentEdit::Only(to)),
    }
}

#[cfg(test)]
mod tests;
