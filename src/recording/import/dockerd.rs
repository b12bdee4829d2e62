//! dockerd's own log with `--debug`, as text, as JSON and in its terminal form.
//!
//! Most engines write `msg="Calling GET /v1.41/containers/json"`, the newest ones `msg="handling GET
//! request" method=GET request-url=/v1.48/containers/json`. The log omits requests that match no route of
//! the engine. It contains the requests of all clients and does not distinguish them.

use serde::Deserialize;

use super::text::{Fields, fields, is_without_time, pairs, value, without_colours};
use super::{Entry, Line, Unreadable};

/// How the message of a request begins.
const CALLING: &str = "Calling ";
const HANDLING: &str = "handling ";

/// The levels as the terminal form writes them.
const LEVELS: [&str; 7] = ["TRAC", "DEBU", "INFO", "WARN", "ERRO", "FATA", "PANI"];

/// The fields of a JSON line that matter.
#[derive(Deserialize)]
struct Json {
    msg: Option<String>,
    method: Option<String>,
    #[serde(rename = "request-url")]
    url: Option<String>,
    status: Option<u16>,
}

pub(super) fn read(line: &str) -> Result<Line, Unreadable> {
    let plain = without_colours(line);
    if let Some((level, text)) = on_terminal(&plain) {
        return if level == "DEBU" { terminal(text) } else { Ok(Line::Other) };
    }
    if let Some(called) = plain.strip_prefix(CALLING) {
        let has_path = called.split_once(' ').is_some_and(|(_, path)| path.starts_with('/'));
        return if has_path { request(&plain, None, None, None) } else { Ok(Line::Other) };
    }
    if plain.starts_with(HANDLING) {
        return terminal(&plain);
    }
    match fields(line) {
        Some(Fields::Json(json)) => match serde_json::from_str::<Json>(json) {
            Ok(Json { msg: Some(message), method, url, status }) => {
                request(&message, method.as_deref(), url.as_deref(), status)
            }
            Ok(_) => Ok(Line::Other),
            Err(_) => unless_of_no_interest(json, "\"msg\":\"", Unreadable::Json),
        },
        Some(Fields::Text(text)) => match pairs(text) {
            Ok(pairs) => {
                let field = |key| value(&pairs, key);
                let status = field("status").and_then(|status| status.parse().ok());
                let message = field("msg").unwrap_or_default();
                request(message, field("method"), field("request-url"), status)
            }
            Err(error) => unless_of_no_interest(text, "msg=\"", error),
        },
        None => Ok(Line::Other),
    }
}

/// Whether a text begins with a time or a level.
pub(super) fn begins(line: &str) -> bool {
    let has_level = || LEVELS.iter().any(|level| line.starts_with(level));
    line.starts_with("time=") || is_without_time(line) || has_level()
}

/// Level and text of a line in the terminal form, `DEBU[2026-11-24T20:00:00Z] message`. The level has to
/// come before anything that a client could have sent.
fn on_terminal(line: &str) -> Option<(&str, &str)> {
    let (before, after) = line.split_once('[')?;
    let level = LEVELS.into_iter().find(|level| before.ends_with(level))?;
    let (_, text) = after.split_once("] ")?;
    fields(before).is_none().then_some((level, text))
}

/// The terminal form, which has no `key=` before the message.
fn terminal(text: &str) -> Result<Line, Unreadable> {
    if !text.starts_with(HANDLING) {
        return request(text, None, None, None);
    }
    // The message is padded with spaces before the fields.
    let padded = text.split_once("  ").or_else(|| {
        let end = text.find(" request ")? + " request".len();
        text.split_at_checked(end)
    });
    let (message, after) = padded.unwrap_or((text, ""));
    let pairs = pairs(after)?;
    let field = |key| value(&pairs, key);
    let status = field("status").and_then(|status| status.parse().ok());
    request(message, field("method"), field("request-url"), status)
}

fn request(
    message: &str,
    method: Option<&str>,
    url: Option<&str>,
    status: Option<u16>,
) -> Result<Line, Unreadable> {
    let entry =
        |method: &str, target: &str| Line::request(Entry { status, ..Entry::new(method, target) });
    if let Some(called) = message.strip_prefix(CALLING) {
        let (method, target) = called.trim_end().split_once(' ').unwrap_or((called, ""));
        return entry(method, target);
    }
    // An error is logged again as "error response for GET request", with the same fields.
    if message.starts_with(HANDLING) && message.ends_with(" request") {
        return match (method, url) {
            (None, None) => Ok(Line::Other),
            (method, url) => entry(method.unwrap_or_default(), url.unwrap_or_default()),
        };
    }
    Ok(Line::Other)
}

/// A line that cannot be read matters only if it would have been a request.
fn unless_of_no_interest(text: &str, key: &str, error: Unreadable) -> Result<Line, Unreadable> {
    let message = text.split_once(key).map_or("", |(_, message)| message);
    if message.starts_with(CALLING) || message.starts_with(HANDLING) {
        Err(error)
    } else {
        Ok(Line::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(line: &str) -> String {
        match read(line) {
            Ok(Line::Request(Entry { method, target, status, .. })) => {
                format!("{method} {target} {status:?}")
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn every_form_of_the_message_is_read() {
        let time = "time=\"2026-11-24T20:00:00.123456789Z\" level=debug";
        for prefix in ["", "Nov 24 20:00:00 host dockerd[123]: ", "<29>Nov 24 20:00:00 dockerd: "] {
            let line = format!("{prefix}{time} msg=\"Calling HEAD /_ping\"");
            assert_eq!(requested(&line), "HEAD /_ping None");
            let line = format!(
                "{prefix}{time} msg=\"handling GET request\" method=GET module=api \
                 request-url=\"/v1.48/containers/json?all=1\" status=200 vars=\"map[version:1.48]\""
            );
            assert_eq!(requested(&line), "GET /v1.48/containers/json?all=1 Some(200)");
            let line = format!(
                "{prefix}{{\"level\":\"debug\",\"msg\":\"Calling GET /info\",\"time\":\"x\"}}"
            );
            assert_eq!(requested(&line), "GET /info None");
            let line = format!(
                "{prefix}{{\"form-data\":{{\"Image\":\"x\"}},\"level\":\"debug\",\"method\":\"POST\",\
                 \"msg\":\"handling POST request\",\"request-url\":\"/v1.48/containers/create\"}}"
            );
            assert_eq!(requested(&line), "POST /v1.48/containers/create None");
        }
        assert_eq!(
            requested("\x1b[37mDEBU\x1b[0m[2026-11-24T20:00:00Z] Calling GET /_ping        "),
            "GET /_ping None"
        );
        assert_eq!(
            requested(
                "DEBU[0007] handling GET request    \x1b[37mmethod\x1b[0m=GET request-url=/info"
            ),
            "GET /info None"
        );
    }

    #[test]
    fn a_line_without_its_front_is_read() {
        for front in ["time=x level=debug ", "level=debug ", ""] {
            assert_eq!(requested(&format!("{front}msg=\"Calling GET /info\"")), "GET /info None");
        }
        for line in ["Calling GET /info", "handling GET request method=GET request-url=/info"] {
            assert_eq!(requested(line), "GET /info None");
        }
        assert_eq!(requested("Calling home failed"), "Ok(Other)");
        let quoted = r#"level=debug msg="form data: {\"a\":\"time=x msg=Calling GET /info\"}""#;
        assert_eq!(requested(quoted), "Ok(Other)");
    }

    #[test]
    fn other_messages_are_passed_over() {
        for line in [
            "",
            "time=\"x\" level=info msg=\"API listen on /run/docker.sock\"",
            // A message may contain text that a client sent.
            r#"time="x" level=debug msg="form data: {\"Cmd\":[\"msg=\\\"Calling GET /info\\\"\"]}""#,
            r#"time="x" level=debug msg="form data: {\"Cmd\":[\" DEBU[0] Calling GET /info"#,
            r#"{"level":"debug","msg":"form data: \"msg\":\"Calling GET /info\"","time":"x"}"#,
            r#"time=x msg="error response for GET request" method=GET request-url=/info status=404"#,
            "{\"level\":\"debug\"",
            "{\"msg\":7}",
            "DEBU without a time",
            "INFO[0007] time=x msg=\"Calling GET /info\"",
            "DEBU[0007] form data: time=x msg=\"Calling GET /info\"",
        ] {
            assert_eq!(read(line), Ok(Line::Other), "{line}");
        }
    }

    #[test]
    fn broken_requests_are_refused() {
        assert_eq!(read("time=x msg=\"Calling GET /conta"), Err(Unreadable::Unclosed));
        assert_eq!(read("time=x msg=\"Calling GET\""), Err(Unreadable::Request));
        assert_eq!(read("time=x msg=\"Calling \\x01 /a\""), Err(Unreadable::Request));
        assert_eq!(read("time=x msg=\"Calling GET /\\xff\""), Err(Unreadable::Text));
        assert_eq!(read("{\"msg\":\"Calling GET /conta"), Err(Unreadable::Json));
        let line = "time=x msg=\"handling GET request\" method=GET";
        assert_eq!(read(line), Err(Unreadable::Request));
        assert_eq!(read("DEBU[0] handling GET request  a=\"b"), Err(Unreadable::Unclosed));
    }
}
