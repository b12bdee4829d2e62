//! The fields of a body: how a body is brought into the API's own spelling, and what it gives away.

use super::reader::Reads;
use super::reading::Reading;
use super::{Json, Unreadable};

/// A value in a body.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// The type of the value.
    pub(super) kind: Kind,
    /// How the value becomes facts; `None` if it gives nothing away, or if the reader of a value
    /// around it reads it too.
    pub(super) reading: Option<Reads>,
}

/// The type of a value. null stands for a missing field of any type.
#[derive(Clone, Debug, Default)]
pub(super) enum Kind {
    Text,
    Flag,
    Integer,
    /// A number that may have a fraction.
    Number,
    /// A text that is JSON itself, in a query.
    Json,
    /// A list of texts, or a text, which engines before 29 read as a list of one.
    Words,
    /// A list of values of one type.
    List(Box<Node>),
    /// A map from any text to values of one type.
    Map(Box<Node>),
    /// An object with known fields, in the order in which they are written.
    Object(Vec<(&'static str, Node)>),
    /// Nothing but null: a row of the data that was not completed.
    #[default]
    Nothing,
}

impl Node {
    /// Checks a value, brings the names of its fields into the API's own spelling and order, and
    /// adds what it gives away. Fields that are null are left out, and so are unknown ones that say
    /// nothing. `path` names the value in an error.
    pub(super) fn read(
        &self,
        value: Json,
        path: &str,
        reading: &mut Reading<'_>,
    ) -> Result<Json, Unreadable> {
        let mut value = self.kind.read(value, path, reading)?;
        if let Some(reads) = &self.reading {
            reading.apply(reads, &mut value, path)?;
        }
        Ok(value)
    }
}

impl Kind {
    fn read(&self, value: Json, path: &str, reading: &mut Reading<'_>) -> Result<Json, Unreadable> {
        let wrong = |expected| Err(Unreadable::Type { field: path.to_owned(), expected });
        match (self, value) {
            (_, Json::Null) => Ok(Json::Null),
            (Self::Integer | Self::Number, value @ Json::Integer(_))
            | (Self::Number, value @ Json::Fraction(_))
            | (Self::Flag, value @ Json::Flag(_))
            | (Self::Text | Self::Words, value @ Json::Text(_)) => Ok(value),
            (Self::Words, Json::List(items)) => {
                let is_text = |item: &Json| matches!(item, Json::Text(_));
                match items.iter().all(is_text) {
                    true => Ok(Json::List(items)),
                    false => wrong("a list of strings"),
                }
            }
            (Self::List(node), Json::List(items)) => {
                let around = std::mem::take(&mut reading.more);
                let items = items.into_iter().map(|item| match item {
                    // Parsers differ on null in a list.
                    Json::Null => wrong("a list without null"),
                    item => node.read(item, path, reading),
                });
                let mut items = items.collect::<Result<Vec<_>, _>>()?;
                items.append(&mut reading.more);
                reading.more = around;
                Ok(Json::List(items))
            }
            (Self::Map(node), Json::Object(entries)) => {
                let entries = entries.into_iter().map(|(key, value)| match value {
                    // An entry without a value still is an entry: a network that is joined.
                    Json::Null if matches!(node.kind, Kind::Object(_) | Kind::List(_)) => {
                        Ok((key, Json::Null))
                    }
                    Json::Null => {
                        let (field, expected) = (path.to_owned(), "a map without null");
                        Err(Unreadable::Type { field, expected })
                    }
                    value => Ok((key, node.read(value, path, reading)?)),
                });
                entries.collect::<Result<_, _>>().map(Json::Object)
            }
            (Self::Object(fields), Json::Object(entries)) => object(fields, entries, path, reading),
            // Read by the query.
            (Self::Json, value) => Ok(value),
            (_, Json::Fraction(_)) => Err(Unreadable::Number),
            (Self::Integer, _) => wrong("an integer"),
            (Self::Number, _) => wrong("a number"),
            (Self::Flag, _) => wrong("true or false"),
            (Self::Text, _) => wrong("a string"),
            (Self::Words | Self::List(_), _) => wrong("a list"),
            (Self::Map(_) | Self::Object(_), _) => wrong("an object"),
            (Self::Nothing, _) => wrong("null"),
        }
    }
}

fn object(
    fields: &[(&'static str, Node)],
    entries: Vec<(String, Json)>,
    path: &str,
    reading: &mut Reading<'_>,
) -> Result<Json, Unreadable> {
    let mut values: Vec<Option<Json>> = vec![None; fields.len()];
    for (key, value) in entries {
        if !key.is_ascii() {
            return Err(Unreadable::Letters(key));
        }
        let place = fields.iter().position(|(name, _)| name.eq_ignore_ascii_case(&key));
        let known = place.and_then(|place| Some((fields.get(place)?, values.get_mut(place)?)));
        let Some(((name, node), seen)) = known else {
            if value.is_empty() {
                continue;
            }
            return Err(Unreadable::Unknown(below(path, &key)));
        };
        if seen.is_some() {
            return Err(Unreadable::Twice(key));
        }
        *seen = Some(node.read(value, &below(path, name), reading)?);
    }
    let named = fields.iter().zip(values);
    let entries = named.filter_map(|((name, _), value)| Some(((*name).to_owned(), value?)));
    Ok(Json::Object(entries.filter(|(_, value)| *value != Json::Null).collect()))
}

/// `HostConfig.Binds`.
fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Schema};
    use crate::api::Query;

    const ROWS: &str = "\
        T\tbody\tName\ttext\tfree\t\t\t\t\tx\n\
        T\tbody\tInner.On\ttext\tfree\t\t\t\t\tx\n\
        T\tbody\tInner.Of\tinteger\tfree\t\t\t\t\tx\n\
        T\tbody\tWords[]\ttext\tfree\t\t\t\t\tx\n\
        T\tbody\tLabels{}\ttext\tlabels\tkeys\t\t\t\tx\n\
        T\tbody\tLine\twords\tfree\t\t\t\t\tx\n\
        T\tbody\tPorts{}[].To\ttext\tfree\t\t\t\t\tx\n";

    fn read(text: &str) -> Result<String, String> {
        let schema = Schema::parse(ROWS, "T").unwrap();
        let contents = schema.read(Query::default(), Some(text.as_bytes()), &Context::default());
        let contents = contents.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(contents.body.unwrap()).unwrap())
    }

    #[test]
    fn names_get_the_spelling_and_order_of_the_api() {
        let text = r#"{"labels":{"É":"x","a":""},"WORDS":["b"],"inner":{"of":3,"on":null},"name":"n","ports":{"80":null,"81":[{"to":""}]},"line":"x"}"#;
        let expected = r#"{"Name":"n","Inner":{"Of":3},"Words":["b"],"Labels":{"É":"x","a":""},"Line":"x","Ports":{"80":null,"81":[{"To":""}]}}"#;
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn unknown_fields_have_to_be_empty() {
        for value in ["null", "false", "0", "\"\"", "[]", "{}"] {
            assert_eq!(read(&format!("{{\"New\":{value}}}")).unwrap(), "{}", "{value}");
        }
        assert_eq!(read("null").unwrap(), "{}");
        insta::assert_snapshot!(
            read(r#"{"Inner":{"New":1}}"#).unwrap_err(),
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
            r#"{"Line":[1]}"#,
            r#"{"Labels":{"a":null}}"#,
            r#"{"Labels":["a"]}"#,
            r#"{"Inner":{"On":true}}"#,
            r#"{"Inner":{"Of":"1"}}"#,
            r#"{"Inner":{"Of":1.0}}"#,
            r#"{"Inner":{"Of":1e3}}"#,
            r#"{"Inner":{"Of":-0}}"#,
            r#"{"Inner":[]}"#,
            "[]",
            "1",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
