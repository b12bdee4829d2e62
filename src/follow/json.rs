//! JSON read in its own spelling: values stay the text that they are in the body.
//!
//! Engines are written in Go and read JSON with one of two libraries: Docker Engine and podman up to 5
//! with `encoding/json`, podman 6 with `json-iterator`. Both take keys in any case, merge what equal keys
//! have, and stop after the first value. They differ in which letters are the same in any case, and in
//! what null does. So every entry is shown, in order, a key has each name that one of them takes it for,
//! and what follows is not looked at. Text that engines mend, bytes that are not UTF-8 and halves of
//! surrogate pairs, cannot be read here, which is told.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Why an engine may read more in a text than is read here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unreadable {
    /// It has bytes that are not UTF-8.
    Bytes,
    /// It is not JSON, or has text that an engine would mend.
    Json,
    /// It has more mounts, or deeper ones, than are looked at.
    Much,
}

/// The entries of an object; nothing when the text is something else.
pub(super) fn entries(text: &str) -> Result<Vec<(String, &str)>, Unreadable> {
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

    if !begins(text, '{') {
        return Ok(Vec::new());
    }
    serde_json::Deserializer::from_str(text).deserialize_map(Entries).map_err(|_| Unreadable::Json)
}

/// The values of an object under a name, in order.
pub(super) fn under<'a>(text: &'a str, name: &str) -> Result<Vec<&'a str>, Unreadable> {
    let named = entries(text)?.into_iter().filter(|(key, _)| is_key(key, name));
    Ok(named.map(|(_, value)| value).collect())
}

/// The items of a list; nothing when the text is something else.
pub(super) fn items(text: &str) -> Result<Vec<&str>, Unreadable> {
    if !begins(text, '[') {
        return Ok(Vec::new());
    }
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Unreadable::Json)?;
    Ok(items.into_iter().map(RawValue::get).collect())
}

/// A text value; none when it is something else.
pub(super) fn text(value: &str) -> Result<Option<String>, Unreadable> {
    if !begins(value, '"') {
        return Ok(None);
    }
    serde_json::from_str(value).map(Some).map_err(|_| Unreadable::Json)
}

fn begins(text: &str, with: char) -> bool {
    text.trim_ascii_start().starts_with(with)
}

/// Whether an engine takes a key for the name of a field: in any case, for which `encoding/json` has a
/// third form of two letters, and `json-iterator` one of two.
pub(super) fn is_key(key: &str, name: &str) -> bool {
    let fold = |letter: char| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        '\u{130}' => 'i',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(name.chars().map(fold))
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
        assert_eq!(under(object, "A").unwrap(), ["1.0e0", "[ 1,2 ]"]);
        assert_eq!(items("[1.50, \"x\"]").unwrap(), ["1.50", "\"x\""]);
    }

    #[test]
    fn keys_are_the_ones_that_an_engine_takes() {
        for key in ["Binds", "bINDS", "bind\u{17f}", "B\u{130}nds"] {
            assert!(is_key(key, "Binds"), "{key}");
        }
        for key in ["Bind", "Bindss", "B\u{131}nds", ""] {
            assert!(!is_key(key, "Binds"), "{key}");
        }
    }

    #[test]
    fn what_is_something_else_has_nothing_and_what_is_broken_is_told() {
        for text in ["", "[1]", "null", "1", "\"{\""] {
            assert_eq!(entries(text), Ok(Vec::new()), "{text}");
        }
        for text in ["{", "{\"a\":}", " {\"a\" 1}", r#"{"\udce9": 1}"#] {
            assert_eq!(entries(text), Err(Unreadable::Json), "{text}");
        }
        assert_eq!(entries("{\"a\":1} {} x").unwrap(), [("a".to_owned(), "1")]);
        assert_eq!((items("{}"), items("null")), (Ok(Vec::new()), Ok(Vec::new())));
        assert_eq!((text("1"), text(r#""\udce9""#)), (Ok(None), Err(Unreadable::Json)));
    }
}
