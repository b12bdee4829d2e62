//! sockguard's access log, as JSON and as text.
//!
//! `msg=request` was passed on, and so was `msg=request_would_deny`, which sockguard writes if it only
//! watches; `msg=request_denied` was not. The path is decoded and has no query, and the line is written
//! when the request has ended (`app/internal/logging/access.go`).

use serde::Deserialize;

use super::text::{Fields, decoded_target, fields, is_without_time, pairs, value};
use super::{Entry, Line, Unreadable};

const PASSED: [&str; 2] = ["request", "request_would_deny"];
const DENIED: &str = "request_denied";

/// The fields of a line that matter. Only a line about a request has them all.
#[derive(Deserialize)]
struct Json {
    msg: Option<String>,
    method: Option<String>,
    path: Option<String>,
    decision: Option<String>,
    status: Option<u16>,
    client: Option<String>,
}

pub(super) fn read(line: &str) -> Result<Line, Unreadable> {
    match fields(line) {
        Some(Fields::Json(json)) => match serde_json::from_str::<Json>(json) {
            Ok(found) => found.line(),
            // A line that is cut off begins with time, level and message.
            Err(error) if error.is_eof() && is_of_a_request(json, "\"msg\":\"", '"') => {
                Err(Unreadable::Json)
            }
            Err(_) => Ok(Line::Other),
        },
        Some(Fields::Text(text)) => match pairs(text) {
            Ok(pairs) => {
                let field = |key| value(&pairs, key).map(str::to_owned);
                let found = Json {
                    msg: field("msg"),
                    method: field("method"),
                    path: field("path"),
                    decision: field("decision"),
                    status: field("status").and_then(|status| status.parse().ok()),
                    client: field("client"),
                };
                found.line()
            }
            Err(error) if is_of_a_request(text, "msg=", ' ') => Err(error),
            Err(_) => Ok(Line::Other),
        },
        None => Ok(Line::Other),
    }
}

/// Whether a text begins with a time or a level.
pub(super) fn begins(line: &str) -> bool {
    line.starts_with("time=") || is_without_time(line)
}

/// Whether the message of a line is that of a request which was passed on.
fn is_of_a_request(line: &str, before: &str, end: char) -> bool {
    let message = line.split_once(before).and_then(|(_, message)| message.split_once(end));
    message.is_some_and(|(message, _)| PASSED.contains(&message))
}

impl Json {
    fn line(self) -> Result<Line, Unreadable> {
        let Some(message) = self.msg.as_deref() else { return Ok(Line::Other) };
        let is_passed = PASSED.contains(&message);
        // Other parts of sockguard log requests, too, without a decision.
        if self.decision.is_none() || !(is_passed || message == DENIED) {
            return Ok(Line::Other);
        }
        let mut entry = Entry::new(
            self.method.as_deref().unwrap_or_default(),
            &decoded_target(self.path.as_deref().unwrap_or_default()),
        );
        entry.status = self.status;
        entry.client = self.client.as_deref().and_then(super::line::client);
        if is_passed { Line::request(entry) } else { Ok(Line::turned_away(entry)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(message: &str, path: &str) -> String {
        format!(
            r#"{{"time":"2026-11-30T19:53:25.9Z","level":"INFO","msg":"{message}","method":"GET","path":"{path}","normalized_path":"/x","decision":"allow","rule":0,"status":200,"client":"127.0.0.1:54382"}}"#
        )
    }

    fn requested(line: &str) -> String {
        match read(line) {
            Ok(Line::Request(Entry { method, target, status, client, .. })) => {
                format!("{method} {target} {status:?} {}", client.unwrap())
            }
            Ok(Line::TurnedAway(Some(Entry { method, target, .. }))) => {
                format!("no {method} {target}")
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn both_forms_are_read() {
        let expected = "GET /v1.41/containers/a%20b/json Some(200) 127.0.0.1";
        for message in PASSED {
            assert_eq!(requested(&json(message, "/v1.41/containers/a b/json")), expected);
            let text = format!(
                "time=2026-11-30T19:53:26.013Z level=INFO msg={message} method=GET \
                 path=\"/v1.41/containers/a b/json\" decision=allow rule=0 status=200 client=127.0.0.1:5"
            );
            assert_eq!(requested(&text), expected);
        }
        assert_eq!(requested(&json(DENIED, "/info")), "no GET /info");
    }

    #[test]
    fn other_lines_are_passed_over_and_broken_ones_are_refused() {
        let whole = json("request", "/info");
        for line in [
            "",
            r#"{"time":"x","level":"INFO","msg":"sockguard stopped"}"#,
            &whole.replace("\"decision\":\"allow\",", ""),
            r#"time=x level=INFO msg="started" path="/?msg=request decision=allow""#,
        ] {
            assert_eq!(read(line), Ok(Line::Other), "{line}");
        }
        for cut in whole.find("\"method\"").unwrap()..whole.len() {
            assert_eq!(read(&whole[..cut]), Err(Unreadable::Json), "{cut}");
        }
    }
}
