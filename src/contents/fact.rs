//! What one request gives away.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::unreadable::NAMEABLE;
use super::{Facet, Unreadable};
use crate::text::is_unsafe;

/// The length limit of a value, in bytes. Names, paths and references are shorter.
const LONGEST_VALUE: usize = 1024;

/// One thing that a request gives away, in the one spelling that rules use.
///
/// The value is safe to show: what is not is escaped with `%XX`, and so are `%` and `*` unless the
/// star is part of the spelling.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fact {
    /// Its kind.
    pub facet: Facet,
    /// Its spelling.
    pub value: String,
}

/// Everything that a request gives away, sorted.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Facts(BTreeSet<Fact>);

impl Fact {
    /// A fact with a value that is in canonical spelling already.
    #[must_use]
    pub fn new(facet: Facet, value: impl Into<String>) -> Self {
        Self { facet, value: value.into() }
    }
}

/// The fact in a sentence: `mounts /srv`.
impl fmt::Display for Fact {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} {}", self.facet, self.value)
    }
}

impl Facts {
    /// Adds a value whose stars and colons are part of the spelling. `field` names it in an error.
    pub(super) fn add(
        &mut self,
        facet: Facet,
        value: String,
        field: &str,
    ) -> Result<(), Unreadable> {
        if value.len() > LONGEST_VALUE || facet.check(&value).is_err() {
            return Err(Unreadable::Value { field: field.to_owned(), expected: NAMEABLE });
        }
        self.0.insert(Fact { facet, value });
        Ok(())
    }

    /// Every fact, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Fact> {
        self.0.iter()
    }

    /// Whether the request gives nothing away.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds everything in `other`.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }
}

/// Facts in a recording: a map from facets to lists of values.
impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut facets: BTreeMap<Facet, Vec<&str>> = BTreeMap::new();
        for fact in &self.0 {
            facets.entry(fact.facet).or_default().push(&fact.value);
        }
        to.collect_map(facets.iter().map(|(facet, values)| (facet.as_str(), values)))
    }
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let facets = BTreeMap::<String, Vec<String>>::deserialize(from)?;
        let mut facts = BTreeSet::new();
        for (facet, values) in facets {
            let facet: Facet = facet.parse().map_err(|()| de::Error::custom("an unknown facet"))?;
            for value in values {
                facet.check(&value).map_err(de::Error::custom)?;
                facts.insert(Fact { facet, value });
            }
        }
        Ok(Self(facts))
    }
}

impl FromIterator<Fact> for Facts {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        Self(facts.into_iter().collect())
    }
}

/// Escapes a text for a value: `%`, `*`, `#`, what is not safe to show, spaces at its ends, and the
/// characters in `more`.
pub(super) fn escaped(text: &str, more: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (place, character) in text.chars().enumerate() {
        let is_edge = character == ' ' && (place == 0 || place == last);
        if "%*#".contains(character) || more.contains(&character) || is_edge || is_unsafe(character)
        {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_be_a_pattern_or_is_not_safe_is_escaped() {
        assert_eq!(escaped("/a b*%", &[]), "/a b%2A%25");
        assert_eq!(escaped(" a:\u{202e}\n ", &[':']), "%20a%3A%E2%80%AE%0A%20");
    }

    proptest! {
        #[test]
        fn different_texts_have_different_spellings(one in "\\PC{0,6}|[ %*:\n]{0,4}", other in "\\PC{0,6}|[ %*:\n]{0,4}") {
            prop_assert_eq!(one == other, escaped(&one, &[':']) == escaped(&other, &[':']));
            prop_assert!(!escaped(&one, &[]).contains(is_unsafe));
        }
    }
}
