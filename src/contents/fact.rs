//! What one request gives away.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::unreadable::NAMEABLE;
use super::{Facet, OWN, Unreadable};
use crate::api::{Object, ObjectKind};
use crate::text::is_unsafe;

/// The length limit of a value, in bytes. Names, paths and references are shorter.
const LONGEST_VALUE: usize = 1024;

/// The value of filters that name no labels.
pub(super) const EVERYTHING: &str = "everything";

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

impl Fact {
    /// The object of the engine that the value names; `None` if it names none, or none that has an owner.
    #[must_use]
    pub fn object(&self) -> Option<Object> {
        let (kind, name) = self.named()?;
        Some(Object::new(kind, self.value.get(name)?))
    }

    /// The same fact about an object that was made through the profile, whatever its name, or about all of
    /// these objects; `None` if the value names no object.
    #[must_use]
    pub fn as_own(&self) -> Option<Self> {
        if self.facet == Facet::Filters {
            let is_of_objects = self.value == EVERYTHING || self.value.starts_with("label=");
            return is_of_objects.then(|| Self::new(self.facet, OWN));
        }
        let (_, name) = self.named()?;
        let mut value = self.value.clone();
        value.replace_range(name, OWN);
        Some(Self::new(self.facet, value))
    }

    /// The kind of the object that the value names, and where the name is in it.
    fn named(&self) -> Option<(ObjectKind, Range<usize>)> {
        let value = self.value.as_str();
        let after = |prefix: &str| value.starts_with(prefix).then_some(prefix.len());
        let of_container = || {
            let at = value.find("container:").map(|at| at + "container:".len())?;
            let before = value.get(..at)?;
            let is_one = before == "container:" || before.ends_with("=container:");
            is_one.then_some((ObjectKind::Container, at))
        };
        let (kind, start) = match self.facet {
            Facet::Image => (ObjectKind::Image, 0),
            Facet::Container => (ObjectKind::Container, 0),
            Facet::Namespaces => match (after("pod="), after("starts=")) {
                (Some(start), _) => (ObjectKind::Pod, start),
                (_, Some(start)) => (ObjectKind::Container, start),
                (None, None) => of_container()?,
            },
            Facet::Devices => (ObjectKind::Container, after("from=")?),
            Facet::Network if value == "host" => return None,
            Facet::Network if !value.contains([':', '=']) => (ObjectKind::Network, 0),
            Facet::Network => match (after("link="), after("config-from=")) {
                (Some(start), _) => (ObjectKind::Container, start),
                (_, Some(start)) => (ObjectKind::Network, start),
                (None, None) => of_container().filter(|(_, at)| {
                    matches!(value.get(..*at), Some("container:" | "mode=container:"))
                })?,
            },
            Facet::Mounts if value.starts_with('/') => return None,
            Facet::Mounts if !value.contains('=') => (ObjectKind::Volume, 0),
            // podman takes several at once, without telling them apart here.
            Facet::Mounts if value == "secret=any" => return None,
            Facet::Mounts => {
                let kinds = [
                    ("from=", ObjectKind::Container),
                    ("image=", ObjectKind::Image),
                    ("secret=", ObjectKind::Secret),
                    ("config=", ObjectKind::Config),
                ];
                kinds.into_iter().find_map(|(word, kind)| Some((kind, after(word)?)))?
            }
            _ => return None,
        };
        let name = value.get(start..)?;
        let has_options = self.facet == Facet::Mounts && kind != ObjectKind::Image;
        let end = if has_options { name.find(':').unwrap_or(name.len()) } else { name.len() };
        // An escaped text is not the name of an object, and neither is a symbol such as "@socket".
        let is_name = !name.is_empty() && !name.starts_with('@') && !name.contains('%');
        is_name.then_some((kind, start..start + end))
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

    #[test]
    fn facts_name_objects() {
        for (facet, value, object, own) in [
            (Facet::Network, "web", "network web", "@own"),
            (Facet::Network, "host", "", ""),
            (Facet::Network, "container:db", "container db", "container:@own"),
            (Facet::Network, "mode=container:db", "container db", "mode=container:@own"),
            (Facet::Network, "option=container:db", "", ""),
            (Facet::Network, "mode=ns:/proc/1/ns/net", "", ""),
            (Facet::Network, "link=db", "container db", "link=@own"),
            (Facet::Network, "alias=db", "", ""),
            (Facet::Network, "@own", "", ""),
            (Facet::Mounts, "/srv:ro", "", ""),
            (Facet::Mounts, "data:ro", "volume data", "@own:ro"),
            (Facet::Mounts, "from=db:ro", "container db", "from=@own:ro"),
            (Facet::Mounts, "image=a/b:1", "image a/b:1", "image=@own"),
            (Facet::Mounts, "type=nfs", "", ""),
            (Facet::Mounts, "@socket", "", ""),
            (Facet::Namespaces, "pid=container:db", "container db", "pid=container:@own"),
            (Facet::Namespaces, "pid=host", "", ""),
            (Facet::Namespaces, "pod=web", "pod web", "pod=@own"),
            (Facet::Namespaces, "starts=db", "container db", "starts=@own"),
            (Facet::Devices, "from=db", "container db", "from=@own"),
            (Facet::Devices, "/dev/fuse", "", ""),
            (Facet::Mounts, "secret=s", "secret s", "secret=@own"),
            (Facet::Mounts, "secret=any", "", ""),
            (Facet::Mounts, "config=c", "config c", "config=@own"),
            (Facet::Image, "busybox:1", "image busybox:1", "@own"),
            (Facet::Image, "b%2A", "", ""),
            (Facet::Container, "db", "container db", "@own"),
            (Facet::Labels, "db", "", ""),
            (Facet::Filters, "everything", "", "@own"),
            (Facet::Filters, "label=a&b", "", "@own"),
            (Facet::Filters, "build-cache", "", ""),
        ] {
            let fact = Fact::new(facet, value);
            let named = fact.object().map(|object| format!("{} {}", object.kind, object.name));
            assert_eq!(named.unwrap_or_default(), object, "{facet} {value}");
            let as_own = fact.as_own().map(|fact| fact.value).unwrap_or_default();
            assert_eq!(as_own, own, "{facet} {value}");
            assert!(own.is_empty() || facet.check(own).is_ok(), "{facet} {own}");
        }
    }

    proptest! {
        #[test]
        fn different_texts_have_different_spellings(one in "\\PC{0,6}|[ %*:\n]{0,4}", other in "\\PC{0,6}|[ %*:\n]{0,4}") {
            prop_assert_eq!(one == other, escaped(&one, &[':']) == escaped(&other, &[':']));
            prop_assert!(!escaped(&one, &[]).contains(is_unsafe));
        }
    }
}
