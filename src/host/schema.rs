//! The JSON Schema of host files, for editors.

use serde_json::{Value, json};

/// The title, by which the file is recognized.
pub const TITLE: &str = "dsp host file";

/// The JSON Schema of host files.
#[must_use]
pub fn schema() -> String {
    // A value built from text and numbers always has a JSON form.
    serde_json::to_string_pretty(&value()).unwrap_or_default() + "\n"
}

fn value() -> Value {
    let address = json!({
        "type": "string",
        "pattern": "^(unix://|tcp://)",
        "description": "unix:///path or tcp://host:port"
    });
    let engine = json!({
        "type": "string",
        "pattern": "^(unix://|tcp://|ssh://)",
        "description": "unix:///path, tcp://host:port or ssh://user@host"
    });
    let account = json!({ "type": ["string", "integer"] });
    let socket = json!({
        "oneOf": [address, {
            "type": "object",
            "required": ["address"],
            "additionalProperties": false,
            "properties": {
                "address": address,
                "mode": { "type": "string", "pattern": "^[0-7]{1,3}$", "description": "The mode of the file, in octal" },
                "owner": account,
                "group": account,
                "allow_host": { "type": "array", "items": { "type": "string" } },
                "insecure_tcp": { "type": "boolean", "description": "Allow an address that other machines can reach" },
                "tls_cert": { "type": "string", "description": "The certificate with which a TCP address speaks TLS" },
                "tls_key": { "type": "string", "description": "Its private key" },
                "tls_client_ca": { "type": "string", "description": "The CAs that sign the certificates of clients" }
            }
        }]
    });
    let name = json!({ "type": "string" });
    let client = |key: &str, value: &Value, description: &str| {
        let mut value = value.clone();
        if let Some(value) = value.as_object_mut() {
            value.insert("description".to_owned(), json!(description));
        }
        json!({ "type": "object", "required": [key], "additionalProperties": false, "properties": { (key): value } })
    };
    let clients = json!({ "type": "array", "minItems": 1, "items": { "oneOf": [
        client("user", &account, "A user, by name or number"),
        client("group", &account, "A group, by name or number; all groups of a process count"),
        client("container", &name, "A container: its name, 12 digits or more of its ID, or PROJECT/SERVICE of Compose"),
        client("unit", &name, "A service of systemd"),
        client("login", &account, "A user, by name or number, outside of containers and services"),
        client("address", &name, "An address, or a range such as 10.0.0.0/8"),
        client("certificate", &name, "A name in the certificate")
    ] } });
    let program = json!({
        "type": "object",
        "required": ["profile", "listen"],
        "additionalProperties": false,
        "properties": {
            "profile": { "type": "string", "description": "A file, from the folder of this one, or builtin:NAME" },
            "listen": { "oneOf": [socket, { "type": "array", "minItems": 1, "items": socket }] },
            "clients": clients,
            "own": { "type": "string", "description": "Whose objects @own are; the name of the profile if it is left out" },
            "audit": { "type": "boolean", "description": "Deny nothing, and report what would be denied" },
            "require_reviewed": { "type": "boolean", "description": "Refuse a profile that is not fully reviewed" },
            "drop_denied": { "type": "boolean", "description": "After a reload, end open requests that the new profile denies" },
            "audit_log": { "type": "string", "description": "Where each request and its decision are written" },
            "audit_log_optional": { "type": "boolean", "description": "Go on if the audit log cannot be written" }
        }
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "description": "The programs of a host, each with its profile and its sockets (dsp serve)",
        "type": "object",
        "required": ["version", "programs"],
        "additionalProperties": false,
        "properties": {
            "version": { "const": 1 },
            "engine": engine,
            "control": { "type": "string", "pattern": "^unix://", "description": "Where dsp reload connects" },
            "metrics": address,
            "grace": { "type": "integer", "minimum": 0, "description": "Seconds that open requests get at the end" },
            "body_timeout": { "type": "integer", "minimum": 0, "description": "Seconds in which a body has to make progress; 0 for no limit" },
            "max_connections": { "type": "integer", "minimum": 1 },
            "require_reviewed": { "type": "boolean", "description": "For all programs that do not say otherwise" },
            "programs": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": { "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$" },
                "additionalProperties": program
            }
        }
    })
}
