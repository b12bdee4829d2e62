//! Reads JSON but keeps its spelling: each value is a part of the body's text.
//!
//! Engines are written in Go and read JSON with one of two libraries: Docker Engine and podman up
//! to 5 use `encoding/json`, podman 6 uses `json-iterator`. Both ignore the case of keys, merge the
//! values of equal keys, and stop after the first value. They differ in which letters they consider
//! equal and in the meaning of null. So this module returns every entry in order, accepts a key
//! under each name that one of the libraries would accept, and ignores what follows the first
//! value. Text that engines repair (invalid UTF-8, unpaired surrogates) is an error here.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Why an engine may read more in a text than this module does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unreadable {
    /// The text contains bytes that are not UTF-8.
    Bytes,
    /// The text is not JSON, or an engine would have to repair it.
    Json,
    /// The text has more mounts, or deeper ones, than this module examines.
    Much,
}

/// The entries of an object; empty if the text is something else.
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

/// The items of a list; empty if the text is something else.
pub(super) fn items(text: &str) -> Result<Vec<&str>, Unreadable> {
    if !begins(text, '[') {
        return Ok(Vec::new());
    }
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Unreadable::Json)?;
    Ok(items.into_iter().map(RawValue::get).collect())
}

/// The value of a string; `None` if the text is something else.
pub(super) fn text(value: &str) -> Result<Option<String>, Unreadable> {
    if !begins(value, '"') {
        return Ok(None);
    }
    serde_json::from_str(value).map(Some).map_err(|_| Unreadable::Json)
}

fn begins(text: &str, with: char) -> bool {
    text.trim_ascii_start().starts_with(with)
}

/// Whether an engine takes a key for the field `name`. Case is ignored. `encoding/json` also takes
/// `ſ` for s and the Kelvin sign for k, `json-iterator` the Kelvin sign and `İ` for i.
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
    fn keys_match_as_in_an_engine() {
        for key in ["Binds", "bINDS", "bind\u{17f}", "B\u{130}nds"] {
            assert!(is_key(key, "Binds"), "{key}");
        }
        for key in ["Bind", "Bindss", "B\u{131}nds", ""] {
            assert!(!is_key(key, "Binds"), "{key}");
        }
    }

    #[test]
    fn other_values_are_empty_and_broken_text_is_an_error() {
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
