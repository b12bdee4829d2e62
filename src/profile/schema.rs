//! The JSON Schema of a profile, generated from the catalogues. It is for editors: it accepts
//! everything that [`super::parse`] accepts, and some input that [`super::parse`] rejects.

use serde_json::{Value, json};

use super::CheckCode;
use super::hide::HIDE;
use crate::answers::{Answer, Hidden};
use crate::api::{EngineKind, Operation, Part, Risk};
use crate::contents::{Facet, OWN, Schema};

/// The title of the schema.
pub const TITLE: &str = "A profile of dsp, version 1";

/// The schema, as text.
#[must_use]
pub fn schema() -> String {
    // A value built from text and numbers always has a JSON form.
    serde_json::to_string_pretty(&value()).unwrap_or_default() + "\n"
}

fn value() -> Value {
    let rules = |engine| json!({ "type": ["array", "null"], "items": reference(engine) });
    let lists = |engine| {
        json!({ "properties": {
            "allow": rules(engine),
            "deny": rules(engine),
            "reviewed": { "properties": Risk::ALL
                .map(Risk::as_str)
                .into_iter()
                .chain(["deny"])
                .map(|list| (list.to_owned(), rules(engine)))
                .collect::<serde_json::Map<_, _>>() },
        } })
    };
    let codes: Vec<&str> = CheckCode::ALL
        .into_iter()
        .filter(|code| code.is_acceptable())
        .map(CheckCode::as_str)
        .collect();
    let list = json!({ "type": ["array", "null"], "items": { "type": "string" } });
    let of_rules = json!({ "type": ["array", "null"] });
    let mut reviewed = serde_json::Map::new();
    reviewed.insert("digest".into(), json!({ "type": "string" }));
    for risk in Risk::ALL {
        reviewed.insert(risk.as_str().into(), of_rules.clone());
    }
    reviewed.insert("unknown".into(), list.clone());
    reviewed.insert("deny".into(), of_rules);
    reviewed.insert("marks".into(), list);
    reviewed.insert("min_api".into(), json!({ "type": "string" }));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "type": "object",
        "required": ["version", "name"],
        "additionalProperties": false,
        "properties": {
            "version": { "const": 1, "description": "The version of the format." },
            "name": {
                "type": "string",
                "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
                "description": "The name of the profile in denials and the log.",
            },
            "engine": {
                "enum": EngineKind::ALL.map(|engine| engine.to_string()),
                "description": "The engine whose operations the rules name; the default is docker.",
            },
            "min_api": {
                "type": ["string", "number"],
                "description": "The lowest API version that requests may ask for, in quotes.",
            },
            "allow": { "description": "What is allowed; * is one parameter." },
            "deny": { "description": "What is denied; overrides allow." },
            "unknown": {
                "type": ["array", "null"],
                "items": { "type": "string", "pattern": "^[A-Z]+ /[^*\\s]*$" },
                "description": "Requests that are not in the catalogue, allowed literally.",
            },
            "accept": {
                "type": ["array", "null"],
                "description": "Findings of dsp check that do not count.",
                "items": {
                    "type": "object",
                    "required": ["code", "reason"],
                    "additionalProperties": false,
                    "properties": {
                        "code": { "enum": codes },
                        "rule": { "type": "string", "description": "Only findings about this rule or request." },
                        "reason": { "type": "string", "pattern": "\\S" },
                        "until": {
                            "type": "string",
                            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
                            "description": "The last day on which the entry counts, in UTC.",
                        },
                    },
                },
            },
            "reviewed": {
                "type": "object",
                "description": "What a person has accepted; dsp review writes it.",
                "required": ["digest"],
                "additionalProperties": false,
                "properties": reviewed,
            },
        },
        "if": { "properties": { "engine": { "const": "podman" } }, "required": ["engine"] },
        "then": lists(EngineKind::Podman),
        "else": lists(EngineKind::Docker),
        "$defs": definitions(),
    })
}

fn reference(engine: EngineKind) -> Value {
    json!({ "$ref": format!("#/$defs/{engine}") })
}

/// The name of the values of filters where the engine can filter by owner.
const OWN_FILTERS: &str = "own-filters";

/// The rules of each engine, and the values of each facet.
fn definitions() -> Value {
    let rules = EngineKind::ALL.into_iter().map(|engine| {
        let rule = json!({ "anyOf": [line(engine), mapping(engine)] });
        (engine.to_string(), rule)
    });
    let values = Facet::ALL.into_iter().map(|facet| (facet.to_string(), values(facet, false)));
    let own = (OWN_FILTERS.to_owned(), self::values(Facet::Filters, true));
    Value::Object(rules.chain(values).chain([own]).collect())
}

/// The rules of an engine with contents, by their line.
fn mapping(engine: EngineKind) -> Value {
    let (mut complete, mut narrowed) = (serde_json::Map::new(), serde_json::Map::new());
    for operation in engine.catalogue().operations() {
        let (schema, kinds) = (Schema::in_rules(operation), Answer::kinds_of(operation));
        if schema.is_none() && kinds.is_empty() {
            continue;
        }
        let contents = contents(schema, kinds);
        if operation.template.parameters().next().is_some() {
            narrowed.insert(format!("^{}$", pattern(operation)), contents.clone());
        }
        complete.insert(operation.to_string(), contents);
    }
    json!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": complete,
        "patternProperties": narrowed,
        "additionalProperties": false,
    })
}

/// What a rule for an operation may say about contents, and what it may hide in answers.
fn contents(schema: Option<&Schema>, kinds: Hidden) -> Value {
    let facets = schema
        .into_iter()
        .flat_map(|schema| schema.facets().into_iter().map(move |facet| (schema, facet)));
    let facets = facets.map(|(schema, facet)| {
        let fields = schema.fields().iter().filter(|field| field.facet == Some(facet));
        let named: Vec<&str> = fields.map(|field| field.path).filter(|path| *path != ".").collect();
        let from = match named.as_slice() {
            [] => String::new(),
            named => format!(" From {}.", named.join(", ")),
        };
        let about = format!("{}.{from}", facet.about());
        let values = match facet {
            Facet::Filters if schema.owner_filter().is_some() => OWN_FILTERS.to_owned(),
            facet => facet.to_string(),
        };
        (facet.to_string(), json!({ "$ref": format!("#/$defs/{values}"), "description": about }))
    });
    let hide = (!kinds.is_empty()).then(|| (HIDE.to_owned(), hide(kinds)));
    // Braces with nothing in them allow only harmless contents, of which there have to be some.
    let least = u8::from(schema.is_none());
    json!({
        "type": "object",
        "minProperties": least,
        "description": "What requests may contain; a facet that is not named only allows what is harmless.",
        "additionalProperties": false,
        "properties": facets.chain(hide).collect::<serde_json::Map<_, _>>(),
    })
}

/// The kinds of secrets that the answers to an operation can hide.
fn hide(kinds: Hidden) -> Value {
    let kinds: Vec<Value> = kinds
        .iter()
        .map(|kind| json!({ "const": kind.as_str(), "description": kind.about() }))
        .collect();
    let kind = json!({ "anyOf": kinds });
    json!({
        "description": "What is taken out of the answers.",
        "anyOf": [kind, { "type": "array", "minItems": 1, "items": kind }],
    })
}

/// The values of a facet: those that people often need as completions, and any others.
fn values(facet: Facet, filters_by_owner: bool) -> Value {
    let any = json!({ "const": "any", "description": "Every value." });
    if facet.is_flag() {
        let is_true = json!({ "enum": [true, "true"] });
        return json!({ "anyOf": [any, is_true, { "type": "array", "items": is_true }] });
    }
    let offered = facet
        .offered()
        .iter()
        .filter(|(value, _)| facet != Facet::Filters || filters_by_owner || *value != OWN)
        .map(|(value, about)| json!({ "const": value, "description": about }));
    let other = json!({ "type": ["string", "boolean"] });
    let value = json!({ "anyOf": offered.chain([other]).collect::<Vec<_>>() });
    json!({ "anyOf": [any, value, { "type": "array", "items": value }] })
}

/// Every operation as a completion, and a pattern for rules with names.
fn line(engine: EngineKind) -> Value {
    let operations = engine.catalogue().operations();
    let complete = operations.iter().map(|operation| {
        json!({
            "const": operation.to_string(),
            "description": format!("{}: {}. Because {}.", operation.risk, operation.permits, operation.reason),
        })
    });
    let mut any: Vec<Value> = complete.collect();
    let narrowed: Vec<String> = operations.iter().map(pattern).collect();
    any.push(json!({ "pattern": format!("^(?:{})$", narrowed.join("|")) }));
    json!({ "type": "string", "anyOf": any })
}

/// A regular expression for the rules of an operation, using only syntax that all dialects share.
fn pattern(operation: &Operation) -> String {
    let parts = operation.template.parts().iter().map(|part| match part {
        Part::Literal(word) => regular(word),
        Part::One(_) => "[^/\\s]+".to_owned(),
        Part::Several(_) | Part::Many(_) => "\\S+".to_owned(),
    });
    let path: Vec<String> = parts.collect();
    format!("{} /{}", operation.method, path.join("/"))
}

/// A literal of a template as a regular expression. Of the special characters only the dot occurs
/// in one.
fn regular(word: &str) -> String {
    word.replace('.', "\\.")
}
