//! The debug log of wollomatic's socket-proxy (`-loglevel DEBUG`), as text and as JSON.
//!
//! `msg="allowed request" method=GET URL=/v1.41/info client=127.0.0.1:5` was passed on, `msg="blocked
//! request"` was not. Neither contains the engine's status.

use serde::Deserialize;

use super::text::{Fields, fields, is_without_time, pairs, value};
use super::{Entry, Line, Unreadable};
use crate::api::encode_segment;

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
                let Asked { method, url } =
                    serde_json::from_str(json).map_err(|_| Unreadable::Json)?;
                Line::request(entry(method, url.target()))
            }
            Ok(Json { msg: Some(message) }) if message == BLOCKED => {
                Ok(match serde_json::from_str(json) {
                    Ok(Asked { method, url }) => Line::turned_away(entry(method, url.target())),
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
                    let field = |key| value(&pairs, key).unwrap_or_default().to_owned();
                    let entry = entry(field("method"), field("URL"));
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

fn entry(method: String, target: String) -> Entry {
    Entry { method, target, status: None, agent: None }
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
        let mut target = if self.raw_path.is_empty() {
            let segments: Vec<String> = self.path.split('/').map(encode_segment).collect();
            segments.join("/")
        } else {
            self.raw_path
        };
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
        let blocked = Line::turned_away(entry("GET".into(), "/images/json".into()));
        assert_eq!(read(line), Ok(blocked.clone()));
        for url in [r#"{"Path":"/images/json"}"#, r#""/images/json""#] {
            let line = json(url).replace("allowed", "blocked");
            assert_eq!(read(&line), Ok(blocked.clone()));
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
