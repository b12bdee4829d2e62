//! The JSON Schema of a profile, generated from the catalogues. It is for editors: it accepts
//! everything that [`super::parse`] accepts, and some input that [`super::parse`] rejects.

use serde_json::{Value, json};

use super::CheckCode;
use crate::api::{EngineKind, Operation, Part, Risk};

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
                .map(|risk| (risk.as_str().to_owned(), rules(engine)))
                .into_iter()
                .collect::<serde_json::Map<_, _>>() },
        } })
    };
    let codes: Vec<&str> = CheckCode::ALL
        .into_iter()
        .filter(|code| code.is_acceptable())
        .map(CheckCode::as_str)
        .collect();
    let list = json!({ "type": ["array", "null"], "items": { "type": "string" } });
    let mut reviewed = serde_json::Map::new();
    reviewed.insert("digest".into(), json!({ "type": "string" }));
    for risk in Risk::ALL {
        reviewed.insert(risk.as_str().into(), list.clone());
    }
    reviewed.insert("unknown".into(), list.clone());
    reviewed.insert("deny".into(), list.clone());
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
        "$defs": {
            "docker": rule(EngineKind::Docker),
            "podman": rule(EngineKind::Podman),
        },
    })
}

fn reference(engine: EngineKind) -> Value {
    json!({ "$ref": format!("#/$defs/{engine}") })
}

/// Every operation as a completion, and a pattern for rules with names.
fn rule(engine: EngineKind) -> Value {
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
