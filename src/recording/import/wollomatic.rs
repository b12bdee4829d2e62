//! The debug log of wollomatic's socket-proxy (`-loglevel DEBUG`), as text and as JSON.
//!
//! `msg="allowed request" method=GET URL=/v1.41/info client=127.0.0.1:5` was passed on, `msg="blocked
//! request"` was not. Neither contains the engine's status.

use serde::Deserialize;

use super::line::client;
use super::text::{Fields, decoded_target, fields, is_without_time, pairs, value};
use super::{Entry, Line, Unreadable};

const ALLOWED: &str = "allowed request";
const BLOCKED: &str = "blocked request";

/// The fields of a JSON line that matter. In other messages their values have other types.
#[derive(Deserialize)]
struct Json {
    msg: Option<String>,
}

#[derive(Deserialize)]
struct Asked {
    method: String,
    #[serde(rename = "URL")]
    url: Spelled,
    #[serde(default)]
    client: Option<String>,
}

/// A URL. In JSON, that of a blocked request may be a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Spelled {
    Parts(Url),
    Text(String),
}

/// In JSON, a URL is an object with the parts of Go's `url.URL`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Url {
    /// Decoded.
    path: String,
    /// The path as received, if encoding `path` again would give something else.
    #[serde(default)]
    raw_path: String,
    #[serde(default)]
    raw_query: String,
}

pub(super) fn read(line: &str) -> Result<Line, Unreadable> {
    match fields(line) {
        Some(Fields::Json(json)) => match serde_json::from_str::<Json>(json) {
            Ok(Json { msg: Some(message) }) if message == ALLOWED => {
                let asked: Asked = serde_json::from_str(json).map_err(|_| Unreadable::Json)?;
                Line::request(asked.entry())
            }
            Ok(Json { msg: Some(message) }) if message == BLOCKED => {
                Ok(match serde_json::from_str::<Asked>(json) {
                    Ok(asked) => Line::turned_away(asked.entry()),
                    Err(_) => Line::TurnedAway(None),
                })
            }
            Ok(_) => Ok(Line::Other),
            Err(_) if json.contains(&format!("\"msg\":\"{ALLOWED}\"")) => Err(Unreadable::Json),
            Err(_) => Ok(Line::Other),
        },
        Some(Fields::Text(text)) => match pairs(text) {
            Ok(pairs) => match value(&pairs, "msg") {
                Some(message @ (ALLOWED | BLOCKED)) => {
                    let field = |key| value(&pairs, key).unwrap_or_default();
                    let client = client(field("client"));
                    let entry = Entry { client, ..Entry::new(field("method"), field("URL")) };
                    if message == ALLOWED {
                        Line::request(entry)
                    } else {
                        Ok(Line::turned_away(entry))
                    }
                }
                _ => Ok(Line::Other),
            },
            Err(error) if text.contains(&format!("msg=\"{ALLOWED}\"")) => Err(error),
            Err(_) => Ok(Line::Other),
        },
        None => Ok(Line::Other),
    }
}

/// Whether a text begins with a time or a level.
pub(super) fn begins(line: &str) -> bool {
    line.starts_with("time=") || is_without_time(line)
}

impl Asked {
    fn entry(self) -> Entry {
        let client = self.client.as_deref().and_then(client);
        Entry { client, ..Entry::new(&self.method, &self.url.target()) }
    }
}

impl Spelled {
    fn target(self) -> String {
        match self {
            Self::Parts(url) => url.target(),
            Self::Text(url) => url,
        }
    }
}

impl Url {
    fn target(self) -> String {
        let mut target =
            if self.raw_path.is_empty() { decoded_target(&self.path) } else { self.raw_path };
        if !self.raw_query.is_empty() {
            target.push('?');
            target.push_str(&self.raw_query);
        }
        target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(line: &str) -> String {
        match read(line) {
            Ok(Line::Request(Entry { method, target, .. })) => format!("{method} {target}"),
            other => format!("{other:?}"),
        }
    }

    fn json(url: &str) -> String {
        format!(
            r#"{{"time":"x","level":"DEBUG","msg":"allowed request","method":"GET","URL":{url},"client":"127.0.0.1:5"}}"#
        )
    }

    #[test]
    fn both_forms_are_read() {
        for prefix in ["", "socket-proxy-1  | ", "Nov 24 20:00:00 host socket-proxy[7]: "] {
            let text = "time=2026-11-24T20:00:00.1Z level=DEBUG msg=\"allowed request\" method=GET";
            assert_eq!(
                requested(&format!("{prefix}{text} URL=/_ping client=1.2.3.4:5")),
                "GET /_ping"
            );
            let line = format!("{prefix}{text} URL=\"/events?a=\\\"b\" client=1.2.3.4:5");
            assert_eq!(requested(&line), "GET /events?a=\"b");
            let line = json(
                r#"{"Scheme":"","User":null,"Path":"/a/b c%/d","RawPath":"","RawQuery":"e=f"}"#,
            );
            assert_eq!(requested(&format!("{prefix}{line}")), "GET /a/b%20c%25/d?e=f");
        }
        let escaped = json(r#"{"Path":"/a/b","RawPath":"/a%2Fb"}"#);
        assert_eq!(requested(&escaped), "GET /a%2Fb");
    }

    #[test]
    fn blocked_requests_were_turned_away() {
        let line = "time=x level=WARN msg=\"blocked request\" reason=\"path not allowed\" method=GET \
                    URL=/images/json client=1.2.3.4:5 response=403";
        let entry = |client: &str| {
            Line::turned_away(Entry {
                client: client.parse().ok(),
                ..Entry::new("GET", "/images/json")
            })
        };
        assert_eq!(read(line), Ok(entry("1.2.3.4")));
        for url in [r#"{"Path":"/images/json"}"#, r#""/images/json""#] {
            let line = json(url).replace("allowed", "blocked");
            assert_eq!(read(&line), Ok(entry("127.0.0.1")));
        }
        let line = json("{}").replace("allowed", "blocked");
        assert_eq!(read(&line), Ok(Line::TurnedAway(None)));
    }

    #[test]
    fn other_lines_are_passed_over() {
        for line in [
            "",
            "Request allowlist:",
            "time=x level=INFO msg=\"starting socket-proxy\" version=1.13.0",
            r#"{"time":"x","level":"INFO","msg":"request allowlist","method":["GET"],"URL":7}"#,
            r#"time=x msg="blocked request" URL="/?msg=\"allowed request\"" method=GET"#.trim(),
            "{\"msg\":",
        ] {
            assert!(!matches!(read(line), Ok(Line::Request(_)) | Err(_)), "{line}");
        }
    }

    #[test]
    fn broken_requests_are_refused() {
        let start = "time=x msg=\"allowed request\" method=GET";
        assert_eq!(read(&format!("{start} URL=\"/conta")), Err(Unreadable::Unclosed));
        assert_eq!(read(&format!("{start} client=1.2.3.4:5")), Err(Unreadable::Request));
        assert_eq!(read(&json("7")), Err(Unreadable::Json));
        let whole = json(r#"{"Path":"/_ping"}"#);
        assert_eq!(read(&whole[..whole.len() - 9]), Err(Unreadable::Json));
    }
}
