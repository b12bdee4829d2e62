//! The contents of a rule as a profile spells them: a mapping from facets to values.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::constraints::Constraints;
use super::file_kind::KIND;
use super::hide::{HIDE, kind};
use super::{ConstraintError, HideError};
use crate::answers::{Answer, Hidden};
use crate::api::Operation;
use crate::yaml::{Spanned, from_yaml, span};

/// The word that allows everything of a facet. In a list, it is a name like others.
const ANY: &str = "any";

/// A rule as written: a line, or a mapping from the line to its contents.
pub(super) enum Item {
    Line(String),
    Mapping { line: Spanned<String>, contents: Written },
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a rule such as GET /containers/json")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Line(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let Some(line) = map.next_key()? else {
            return Err(de::Error::custom("a rule is missing before its contents"));
        };
        let Some(contents) = map.next_value()? else {
            return Err(de::Error::custom(
                "the contents are missing; write {} to allow only harmless ones, or drop the colon to allow any",
            ));
        };
        match map.next_key::<String>()? {
            None => Ok(Item::Mapping { line, contents }),
            Some(_) => Err(de::Error::custom(
                "one entry of the list has two rules; start the second one with a dash",
            )),
        }
    }
}

/// The contents of a rule as written.
#[derive(Debug)]
pub(super) struct Written(Vec<(Spanned<String>, Spanned<Values>)>);

/// The values of a facet as written.
#[derive(Debug)]
pub(super) enum Values {
    /// One value, on the line of its facet.
    One(String),
    /// A list.
    Many(Vec<Spanned<Value>>),
}

/// A value of a list.
#[derive(Debug)]
pub(super) struct Value(String);

/// Why contents are not those of an operation, and where.
#[derive(Debug)]
pub(super) struct Misfit {
    /// The byte range that it concerns.
    pub(super) span: Range<usize>,
    /// Why.
    pub(super) error: TermError,
}

/// Why what a rule says cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum TermError {
    /// Its contents are not those of the operation.
    #[error("{0}")]
    Contents(ConstraintError),
    /// It hides what the answers do not have.
    #[error("{0}")]
    Hide(HideError),
}

impl Written {
    /// Reads contents that are written on one line.
    pub(super) fn from_line(text: &str) -> Result<Self, String> {
        from_yaml(text, &KIND).map_err(|problem| problem.message)
    }

    /// The contents as constraints on requests for an operation, `None` for any contents, and what its
    /// answers hide. `text` is what they were read from.
    pub(super) fn terms(
        &self,
        text: &str,
        operation: &Operation,
    ) -> Result<(Option<Constraints>, Hidden), Misfit> {
        let is_hide = |key: &Spanned<String>| key.value == HIDE;
        let hidden = self.0.iter().find(|(key, _)| is_hide(key));
        let hidden = hidden.map(|(key, values)| hidden_by(text, operation, key, values));
        let hidden = hidden.transpose()?.unwrap_or_default();
        let says_only_that = !self.0.is_empty() && self.0.iter().all(|(key, _)| is_hide(key));
        let constraints = (!says_only_that).then(|| self.constraints(text, operation));
        Ok((constraints.transpose()?, hidden))
    }

    /// The contents as constraints on requests for an operation.
    fn constraints(&self, text: &str, operation: &Operation) -> Result<Constraints, Misfit> {
        let mut constraints = Constraints::harmless();
        let misfit = |span, error| Misfit { span, error: TermError::Contents(error) };
        if self.0.is_empty() {
            Constraints::of_operation(operation).map_err(|error| misfit(0..0, error))?;
        }
        for (key, values) in self.0.iter().filter(|(key, _)| key.value != HIDE) {
            let place = span(text, key);
            let facet = Constraints::facet(operation, &key.value);
            let facet = facet.map_err(|error| misfit(place, error))?;
            constraints.name(facet);
            match &values.value {
                Values::One(value) if value == ANY => constraints.open(facet),
                Values::One(value) => {
                    let added = constraints.add_written(operation, facet, value);
                    let place = || span(text, values);
                    added.map_err(|error| misfit(place(), error))?;
                }
                Values::Many(list) => {
                    for value in list {
                        let added = constraints.add_written(operation, facet, &value.value.0);
                        let place = || span(text, value);
                        added.map_err(|error| misfit(place(), error))?;
                    }
                }
            }
        }
        Ok(constraints.without_empty())
    }

    /// The facets as written, each with its values.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Spanned<String>, &Spanned<Values>)> {
        self.0.iter().map(|(key, values)| (key, values))
    }
}

/// What is hidden by values that are written under `hide`.
fn hidden_by(
    text: &str,
    operation: &Operation,
    key: &Spanned<String>,
    values: &Spanned<Values>,
) -> Result<Hidden, Misfit> {
    let mut hidden = Hidden::NOTHING;
    for (word, span) in Values::places(values, text) {
        let kind = kind(operation, &word);
        let kind = kind.map_err(|error| Misfit { span, error: TermError::Hide(error) })?;
        hidden = hidden.or(kind.into());
    }
    if hidden.is_empty() {
        let error = TermError::Hide(HideError::Empty { known: Answer::kinds_of(operation) });
        return Err(Misfit { span: self::span(text, key), error });
    }
    Ok(hidden)
}

impl Values {
    /// Each value with its position in the text.
    pub(super) fn places(values: &Spanned<Self>, text: &str) -> Vec<(String, Range<usize>)> {
        match &values.value {
            Self::One(value) => vec![(value.clone(), span(text, values))],
            Self::Many(list) => {
                let place = |value: &Spanned<Value>| (value.value.0.clone(), span(text, value));
                list.iter().map(place).collect()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WrittenVisitor)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Written;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("what requests may contain, such as { image: [\"alpine:3\"] }, or {}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key()? {
            entries.push((key, map.next_value()?));
        }
        Ok(Written(entries))
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValuesVisitor)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Values;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a list of values, or any")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Values, E> {
        Ok(Values::One(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, is_true: bool) -> Result<Values, E> {
        match is_true {
            true => Ok(Values::One("true".to_owned())),
            false => Err(E::custom("false is what a rule allows anyway; leave the line out")),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Values, E> {
        Err(E::custom(
            "a value is missing; leave the line out to allow only harmless ones, or write any",
        ))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Values, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Values::Many(values))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a value, in quotes if it looks like a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, is_true: bool) -> Result<Value, E> {
        Ok(Value(is_true.to_string()))
    }
}
