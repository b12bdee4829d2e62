//! The items of a profile's lists, with their positions.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;

use super::problem::{Problem, at, bytes, hint, printable};
use super::{Entry, Rule, RuleError, UnknownOperation};
use crate::api::{ApiVersion, EngineKind};

/// A rule as written.
pub(super) struct Item(String);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a rule such as GET /containers/json")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Item, E> {
        Ok(Item(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Item, A::Error> {
        Err(de::Error::custom(
            "this version of dsp has no conditions on rules; write only METHOD /path",
        ))
    }
}

pub(super) fn parse_min_api(
    text: &str,
    engine: EngineKind,
    version: &Spanned<String>,
) -> Result<ApiVersion, Problem> {
    let wrong = |message: String, help: &str| at(text, span(text, version), message, hint(help));
    let parsed = ApiVersion::parse(engine, &version.value)
        .map_err(|error| wrong(format!("{error}"), "write it in quotes: min_api: \"1.41\""))?;
    if engine == EngineKind::Docker && parsed < ApiVersion::FLOOR {
        let floor = ApiVersion::FLOOR;
        let message =
            format!("versions below {floor} are always refused, so min_api cannot be {parsed}");
        return Err(wrong(message, &format!("min_api: \"{floor}\", or leave it out")));
    }
    Ok(parsed)
}

pub(super) fn parse_list<T>(
    list: Option<Vec<Spanned<Item>>>,
    parse: impl Fn(&Spanned<Item>) -> Result<Entry<T>, Problem>,
) -> Result<Vec<Entry<T>>, Problem> {
    list.unwrap_or_default().iter().map(parse).collect()
}

pub(super) fn parse_rule(
    text: &str,
    engine: EngineKind,
    item: &Spanned<Item>,
) -> Result<Entry<Rule>, Problem> {
    let span = span(text, item);
    match Rule::parse(engine, &item.value.0) {
        Ok(value) => Ok(Entry { value, span: Some(span) }),
        Err(error) => {
            let help = match &error {
                RuleError::NoOperation { nearest, .. } if nearest.is_empty() => {
                    hint("an engine's extension can be allowed literally, under unknown:")
                }
                RuleError::NoOperation { nearest, .. } => {
                    Some(format!("did you mean {}?", nearest.join(", or ")))
                }
                RuleError::Version { without } => Some(format!("write {without}")),
                RuleError::Query { without } => Some(format!("write {without}")),
                RuleError::Parameter(_) => hint("escapes are %XX, and %2A is a star"),
                RuleError::Method(_) | RuleError::Shape => None,
            };
            Err(at(text, span, printable(&error.to_string()), help.map(|help| printable(&help))))
        }
    }
}

pub(super) fn parse_unknown(
    text: &str,
    engine: EngineKind,
    item: &Spanned<Item>,
) -> Result<Entry<UnknownOperation>, Problem> {
    let span = span(text, item);
    match UnknownOperation::parse(engine, &item.value.0) {
        Ok(value) => Ok(Entry { value, span: Some(span) }),
        Err(message) => Err(at(text, span, printable(&message), None)),
    }
}

/// The byte range of a value.
pub(super) fn span<T>(text: &str, value: &Spanned<T>) -> Range<usize> {
    bytes(text, value.defined.span())
}
