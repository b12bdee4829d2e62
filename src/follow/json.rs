//! JSON read in its own spelling: values stay the text that they are in the body.
//!
//! An engine is written in Go, whose JSON reader takes keys in any case, lets the last of two equal
//! keys win, and stops behind the first value. So every entry is shown, in order, names are compared
//! as Go does it, and what stands behind is not looked at. Text that Go would mend, bytes that are no
//! UTF-8 and halves of surrogate pairs, cannot be read here, which is told.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Text of which an engine may read more than is read here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unreadable;

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
    serde_json::Deserializer::from_str(text).deserialize_map(Entries).map_err(|_| Unreadable)
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
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Unreadable)?;
    Ok(items.into_iter().map(RawValue::get).collect())
}

/// A text value; none when it is something else.
pub(super) fn text(value: &str) -> Result<Option<String>, Unreadable> {
    if !begins(value, '"') {
        return Ok(None);
    }
    serde_json::from_str(value).map(Some).map_err(|_| Unreadable)
}

fn begins(text: &str, with: char) -> bool {
    text.trim_ascii_start().starts_with(with)
}

/// Whether Go takes a key for the name of a field: in any case, of which there are three for two of
/// the letters.
pub(super) fn is_key(key: &str, name: &str) -> bool {
    let fold = |letter: char| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
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
    fn keys_are_the_ones_that_go_takes() {
        for key in ["Binds", "bINDS", "bind\u{17f}"] {
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
            assert_eq!(entries(text), Err(Unreadable), "{text}");
        }
        assert_eq!(entries("{\"a\":1} {} x").unwrap(), [("a".to_owned(), "1")]);
        assert_eq!((items("{}"), items("null")), (Ok(Vec::new()), Ok(Vec::new())));
        assert_eq!((text("1"), text(r#""\udce9""#)), (Ok(None), Err(Unreadable)));
    }
}
