//! YAML of other programs: any keys, anchors and merge keys, as a tree with line numbers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Spanned, budget, options};

use super::problem::{FileKind, Problem, explain};

/// A node of a YAML file. Numbers and booleans are their text, as programs that read environments from
/// YAML take them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Node {
    /// Nothing, or `null`.
    #[default]
    Null,
    /// A scalar.
    Text(String),
    /// A list.
    List(Vec<Placed>),
    /// A mapping, in the order of the file.
    Map(Vec<(String, Placed)>),
}

/// A node and its line, from 1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Placed {
    /// The node.
    pub node: Node,
    /// Its first line.
    pub line: usize,
}

/// What errors call such a file.
const KIND: FileKind = FileKind {
    name: "a configuration",
    the_name: "the configuration",
    parts: "values",
    twice: "keep one of them",
    list: "write a dash before each entry",
    origin: "the program that it is for",
    keys: &[],
    keys_inside: &[],
    needed: &[],
};

/// Reads a text as one document.
///
/// # Errors
/// The first [`Problem`].
pub fn from_foreign(text: &str) -> Result<Node, Problem> {
    let options = options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Merge,
        with_snippet: false,
        budget: budget! {
            max_anchors: 1000,
            max_aliases: 1000,
            max_depth: 32,
            max_documents: 1,
            max_nodes: 100_000,
        },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| explain(text, &error, &KIND))
}

impl Node {
    /// The value of a key of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Placed> {
        self.entries().iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The entries of a mapping; none for other nodes.
    #[must_use]
    pub fn entries(&self) -> &[(String, Placed)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }

    /// The items of a list; none for other nodes.
    #[must_use]
    pub fn items(&self) -> &[Placed] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(placed(item));
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry()? {
            map.push((key, placed(value)));
        }
        Ok(Node::Map(map))
    }
}

fn placed(spanned: Spanned<Node>) -> Placed {
    let line = usize::try_from(spanned.defined.line()).unwrap_or_default();
    Placed { node: spanned.value, line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_and_merge_keys_are_followed() {
        let text = "x-common: &common\n  POST: 1\nenvironment:\n  <<: *common\n  GET: true\n  R: |\n    a\n    b\n";
        let node = from_foreign(text).unwrap();
        let environment = &node.get("environment").unwrap().node;
        let values: Vec<(&str, &str, usize)> = (environment.entries().iter())
            .map(|(key, value)| (key.as_str(), value.node.text().unwrap(), value.line))
            .collect();
        assert!(values.contains(&("POST", "1", 2)), "{values:?}");
        assert!(values.contains(&("GET", "true", 5)), "{values:?}");
        assert!(values.contains(&("R", "a\nb\n", 7)), "{values:?}");
    }

    #[test]
    fn what_grows_without_bound_is_refused() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let before = level - 1;
            text +=
                &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(","));
        }
        assert!(from_foreign(&text).is_err());
        assert!(from_foreign(&"[".repeat(1000)).is_err());
        assert!(from_foreign("a: 1\na: 2\n").unwrap_err().message.contains("twice"));
    }
}
