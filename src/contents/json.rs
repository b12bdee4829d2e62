//! A JSON text that has one meaning.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Unreadable;
use super::unreadable::{DEEPEST, MOST};

/// The length limit, in bytes, for a body that is read before the request is forwarded.
pub const LONGEST_BODY: usize = 4 << 20;

/// A JSON value that every parser reads in the same way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// An integer.
    Integer(i64),
    /// Another number, as it is written again. Hardly any field takes one, and parsers differ on those
    /// that do not.
    Fraction(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object, in the order of the text. No key is in it twice.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text.
    ///
    /// # Errors
    /// [`Unreadable`], for every text that could have a second meaning.
    pub fn read(text: &[u8]) -> Result<Self, Unreadable> {
        let (flaw, left) = (Cell::new(None), Cell::new(MOST));
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let strict = Strict { flaw: &flaw, left: &left, depth: 0 };
        let read = strict.deserialize(&mut deserializer);
        let read = read.and_then(|value| deserializer.end().map(|()| value));
        read.map_err(|_| flaw.take().unwrap_or(Unreadable::Syntax))
    }

    /// Whether the value says nothing: null, false, 0, or an empty string, list or object. Clients
    /// send such values for fields that they do not use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null | Self::Flag(false) | Self::Integer(0) => true,
            Self::Flag(true) | Self::Integer(_) | Self::Fraction(_) => false,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Object(entries) => entries.is_empty(),
        }
    }

    /// The text; `None` for a value of another type.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list; none for a value of another type.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of an object; none for a value of another type.
    pub(super) fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Object(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a field; `None` if it is missing, or if this is not an object.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Sets the text of a field that has one.
    pub(super) fn set_text(&mut self, name: &str, text: String) {
        if let Self::Object(entries) = self
            && let Some((_, value)) = entries.iter_mut().find(|(key, _)| key == name)
        {
            *value = Self::Text(text);
        }
    }

    /// The text of a field; empty if it is missing or has another type.
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.field(name).and_then(Self::text).unwrap_or_default()
    }

    /// Whether a field is true.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.field(name) == Some(&Self::Flag(true))
    }

    /// Writes the value.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Flag(flag) => out.extend_from_slice(flag.to_string().as_bytes()),
            Self::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Self::Fraction(text) => out.extend_from_slice(text.as_bytes()),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push(b'[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(entries) => {
                out.push(b'{');
                for (place, (key, value)) in entries.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    write_text(key, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

/// Reads a value, and says in `flaw` what is wrong with it if it is JSON.
#[derive(Clone, Copy)]
struct Strict<'a> {
    flaw: &'a Cell<Option<Unreadable>>,
    /// How many more values are taken.
    left: &'a Cell<usize>,
    depth: usize,
}

impl Strict<'_> {
    fn fail<T, E: Error>(self, flaw: Unreadable) -> Result<T, E> {
        self.flaw.set(Some(flaw));
        Err(E::custom("refused"))
    }

    /// The same for the values inside this one.
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEEPEST {
            return self.fail(Unreadable::Deep);
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => return self.fail(Unreadable::Many),
        }
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        match i64::try_from(number) {
            Ok(number) => Ok(Json::Integer(number)),
            Err(_) => self.fail(Unreadable::Number),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        match serde_json::Number::from_f64(number) {
            Some(number) => Ok(Json::Fraction(number.to_string())),
            None => self.fail(Unreadable::Number),
        }
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let inside = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let inside = self.deeper()?;
        let mut entries: Vec<(String, Json)> = Vec::new();
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !keys.insert(key.clone()) {
                return self.fail(Unreadable::Twice(key));
            }
            entries.push((key, map.next_value_seed(inside)?));
        }
        Ok(Json::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, Unreadable> {
        let value = Json::read(text.as_bytes())?;
        let mut out = Vec::new();
        value.write(&mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_text_with_one_meaning_is_written_again() {
        let text =
            " { \"a\" : [ 1 , -2, true,null,{} ],\n\"\\u0062\":\"\\/\\u00e9\\ud83d\\ude00\"}\t";
        assert_eq!(read(text).unwrap(), "{\"a\":[1,-2,true,null,{}],\"b\":\"/é😀\"}");
        assert_eq!(read(&i64::MIN.to_string()).unwrap(), i64::MIN.to_string());
    }

    #[test]
    fn texts_that_parsers_read_differently_are_refused() {
        use Unreadable::{Deep, Many, Number, Syntax};

        let twice = |key: &str| Unreadable::Twice(key.to_owned());
        for (text, expected) in [
            ("", Syntax),
            ("{", Syntax),
            ("{}{}", Syntax),
            ("{}}", Syntax),
            ("{\"a\":1,}", Syntax),
            ("\u{feff}{}", Syntax),
            ("{\"a\":\"\\udce9\"}", Syntax),
            ("{\"\\udce9\":1}", Syntax),
            ("{\"a\":NaN}", Syntax),
            ("[9223372036854775808]", Number),
            ("[1e999]", Syntax),
            ("{\"a\":1,\"a\":1}", twice("a")),
            ("{\"a\":1,\"\\u0061\":1}", twice("a")),
            ("[{\"b\":{\"a\":1,\"c\":2,\"a\":null}}]", twice("a")),
            (&"[".repeat(100), Deep),
            (&format!("[{}0]", "0,".repeat(MOST)), Many),
        ] {
            let short: String = text.chars().take(60).collect();
            assert_eq!(read(text), Err(expected), "{short}");
        }
        assert_eq!(Json::read(b"{\"a\":\"\xe9\"}"), Err(Syntax));
        assert!(read(&format!("{}{}", "[".repeat(DEEPEST), "]".repeat(DEEPEST))).is_ok());
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<String>().prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        /// A second parser reads the same from what is written as from what was sent.
        #[test]
        fn what_is_written_is_what_was_read(value in value(), pretty in any::<bool>()) {
            let text = match pretty {
                true => serde_json::to_string_pretty(&value).unwrap(),
                false => value.to_string(),
            };
            let written = read(&text).unwrap();
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value);
            prop_assert_eq!(read(&written).unwrap(), written);
        }

        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "[\\[\\]{}\",:0-9a\\\\u]{0,40}") {
            let _ = Json::read(&bytes);
            if let Ok(value) = Json::read(text.as_bytes()) {
                let mut out = Vec::new();
                value.write(&mut out);
                prop_assert_eq!(Json::read(&out), Ok(value));
            }
        }
    }
}
