//! JSON read in its own spelling: values stay the text that they are in the body.
//!
//! An engine is written in Go, whose JSON reader takes keys in any case and lets the last of two
//! equal keys win. So every entry is shown, in order, and names are compared without their case.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The entries of an object; none when the text is something else.
pub(super) fn entries(text: &str) -> Option<Vec<(String, &str)>> {
    struct Entries;

    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<(String, &'de str)>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                entries.push((key, value.get()));
            }
            Ok(entries)
        }
    }

    let mut reader = serde_json::Deserializer::from_str(text);
    let entries = reader.deserialize_map(Entries).ok()?;
    reader.end().ok()?;
    Some(entries)
}

/// The values of an object under a name, in order.
pub(super) fn under<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let entries = entries(text).unwrap_or_default();
    let named = entries.into_iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value).collect()
}

/// The items of a list; nothing when the text is something else.
pub(super) fn items(text: &str) -> Vec<&str> {
    let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
    items.into_iter().map(RawValue::get).collect()
}

/// A text value; none when it is something else.
pub(super) fn text(value: &str) -> Option<String> {
    serde_json::from_str(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_spelling_and_equal_keys_are_all_shown() {
        let object = r#"{"a": 1.0e0, "\u0061":[ 1,2 ],"b":{"x" : null}}"#;
        let entries = entries(object).unwrap();
        let expected = [("a", "1.0e0"), ("a", "[ 1,2 ]"), ("b", "{\"x\" : null}")];
        assert_eq!(entries, expected.map(|(key, value)| (key.to_owned(), value)));
        assert_eq!(under(object, "A"), ["1.0e0", "[ 1,2 ]"]);
        assert_eq!(items("[1.50, \"x\"]"), ["1.50", "\"x\""]);
    }

    #[test]
    fn what_is_no_json_has_nothing() {
        for text in ["", "{", "{} {}", "[1]", "null", "{\"a\":}"] {
            assert_eq!(entries(text), None, "{text}");
        }
        assert!(items("{}").is_empty() && items("null").is_empty());
    }
}
