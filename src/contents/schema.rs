//! The fields of a body, and how a body is brought into the API's own spelling.

use super::json::{Json, Unreadable};

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// The name, as the API spells it.
    pub(super) name: &'static str,
    /// The type of its value.
    pub(super) kind: Kind,
}

/// The type of a value. null stands for a missing field of any type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Integer,
    Text,
    /// A list of values of one type.
    List(&'static Kind),
    /// A map from any text to values of one type.
    Map(&'static Kind),
    /// An object with known fields.
    Object(&'static [Field]),
}

/// A field with this name and type.
pub(super) const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

impl Kind {
    /// Checks a value, and brings the names of its fields into the API's own spelling and order.
    /// Fields that are null are left out, and so are unknown ones that say nothing. `path` names
    /// the value in an error.
    pub(super) fn read(self, value: Json, path: &str) -> Result<Json, Unreadable> {
        let wrong = |expected| Err(Unreadable::Type { field: path.to_owned(), expected });
        match (self, value) {
            (_, Json::Null) => Ok(Json::Null),
            (Self::Integer, value @ Json::Integer(_)) | (Self::Text, value @ Json::Text(_)) => {
                Ok(value)
            }
            (Self::List(kind), Json::List(items)) => {
                let items = items.into_iter().map(|item| match item {
                    // Parsers differ on null in a list.
                    Json::Null => wrong("a list without null"),
                    item => kind.read(item, path),
                });
                items.collect::<Result<_, _>>().map(Json::List)
            }
            (Self::Map(kind), Json::Object(entries)) => {
                let entries = entries.into_iter().map(|(key, value)| match value {
                    Json::Null => {
                        let (field, expected) = (path.to_owned(), "a map without null");
                        Err(Unreadable::Type { field, expected })
                    }
                    value => Ok((key, kind.read(value, path)?)),
                });
                entries.collect::<Result<_, _>>().map(Json::Object)
            }
            (Self::Object(fields), Json::Object(entries)) => object(fields, entries, path),
            (Self::Integer, _) => wrong("an integer"),
            (Self::Text, _) => wrong("a string"),
            (Self::List(_), _) => wrong("a list"),
            (Self::Map(_) | Self::Object(_), _) => wrong("an object"),
        }
    }
}

fn object(
    fields: &'static [Field],
    entries: Vec<(String, Json)>,
    path: &str,
) -> Result<Json, Unreadable> {
    let mut values: Vec<Option<Json>> = vec![None; fields.len()];
    for (key, value) in entries {
        if !key.is_ascii() {
            return Err(Unreadable::Letters(key));
        }
        let place = fields.iter().position(|field| field.name.eq_ignore_ascii_case(&key));
        let known = place.and_then(|place| Some((fields.get(place)?, values.get_mut(place)?)));
        let Some((field, seen)) = known else {
            if value.is_empty() {
                continue;
            }
            return Err(Unreadable::Unknown(below(path, &key)));
        };
        if seen.is_some() {
            return Err(Unreadable::Twice(key));
        }
        *seen = Some(field.kind.read(value, &below(path, field.name))?);
    }
    let named = fields.iter().zip(values);
    let entries = named.filter_map(|(field, value)| Some((field.name.to_owned(), value?)));
    Ok(Json::Object(entries.filter(|(_, value)| *value != Json::Null).collect()))
}

/// `HostConfig.Binds`.
fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: Kind = Kind::Object(&[
        field("Name", Kind::Text),
        field("Inner", Kind::Object(&[field("On", Kind::Text), field("Of", Kind::Integer)])),
        field("Words", Kind::List(&Kind::Text)),
        field("Labels", Kind::Map(&Kind::Text)),
    ]);

    fn read(text: &str) -> Result<String, Unreadable> {
        let value = BODY.read(Json::read(text.as_bytes())?, "")?;
        let mut out = Vec::new();
        value.write(&mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn names_get_the_spelling_and_order_of_the_api() {
        let text =
            r#"{"labels":{"É":"x","a":""},"WORDS":["b"],"inner":{"of":3,"on":null},"name":"n"}"#;
        let expected = r#"{"Name":"n","Inner":{"Of":3},"Words":["b"],"Labels":{"É":"x","a":""}}"#;
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn unknown_fields_have_to_be_empty() {
        for value in ["null", "false", "0", "\"\"", "[]", "{}"] {
            assert_eq!(read(&format!("{{\"New\":{value}}}")).unwrap(), "{}", "{value}");
        }
        let unknown = |text: &str| read(text).unwrap_err().to_string();
        insta::assert_snapshot!(
            unknown(r#"{"Inner":{"New":1}}"#),
            @"the body has the field \"Inner.New\", which dsp does not know here"
        );
    }

    #[test]
    fn bodies_with_two_meanings_are_refused() {
        for text in [
            r#"{"Name":"a","name":"b"}"#,
            r#"{"Inner":{},"INNER":{"On":"x"}}"#,
            r#"{"Word\u017f":["a"]}"#,
            r#"{"\u212aey":0}"#,
            r#"{"\u0130nner":{}}"#,
            r#"{"Name":1}"#,
            r#"{"Words":"a"}"#,
            r#"{"Words":[null]}"#,
            r#"{"Labels":{"a":null}}"#,
            r#"{"Labels":["a"]}"#,
            r#"{"Inner":{"On":true}}"#,
            r#"{"Inner":{"Of":"1"}}"#,
            r#"{"Inner":[]}"#,
            "[]",
            "1",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
