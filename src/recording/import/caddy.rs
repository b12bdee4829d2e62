//! Caddy's debug log, as JSON and in the console form.
//!
//! Only the proxy's own `upstream roundtrip` counts: it is written for what went to the engine.
//! The access log would also hold what Caddy answered by itself, and each request twice.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::text::without_colours;
use super::{Entry, Line, Unreadable};

const MESSAGE: &str = "upstream roundtrip";
const LOGGER: &str = "http.handlers.reverse_proxy";

/// What every JSON line has, and what a round trip has besides.
#[derive(Deserialize)]
struct Json {
    logger: Option<String>,
    msg: Option<String>,
    request: Option<Request>,
    status: Option<u16>,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    uri: String,
    #[serde(default)]
    headers: Map<String, Value>,
}

pub(super) fn read(line: &str) -> Result<Line, Unreadable> {
    // A quick look first: most of a debug log is about other things.
    if !line.contains(MESSAGE) {
        return Ok(Line::Other);
    }
    let Some(start) = line.find('{') else { return Ok(Line::Other) };
    let (columns, json) = line.split_at(start);
    // The console form is time, level, logger and message, and JSON for the rest.
    let columns = without_colours(columns);
    let mut columns = columns.trim_end().rsplit('\t');
    let console = (columns.next(), columns.next()) == (Some(MESSAGE), Some(LOGGER));
    match serde_json::from_str::<Json>(json) {
        Ok(found) if console || is_roundtrip(&found) => roundtrip(found),
        Ok(_) => Ok(Line::Other),
        Err(_) if console || begins_as_roundtrip(json) => Err(Unreadable::Json),
        Err(_) => Ok(Line::Other),
    }
}

fn is_roundtrip(json: &Json) -> bool {
    json.msg.as_deref() == Some(MESSAGE) && json.logger.as_deref() == Some(LOGGER)
}

fn roundtrip(found: Json) -> Result<Line, Unreadable> {
    let Request { method, uri: target, headers } = found.request.ok_or(Unreadable::Json)?;
    let agent = headers.get("User-Agent").and_then(|agents| agents.get(0)).and_then(Value::as_str);
    let agent = agent.map(str::to_owned);
    Line::request(Entry { method, target, status: found.status, agent })
}

/// Whether what stands before the request, which is Caddy's own, says that it is a round trip.
fn begins_as_roundtrip(json: &str) -> bool {
    let own = json.split("\"request\"").next().unwrap_or_default();
    own.contains(&format!("\"msg\":\"{MESSAGE}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = r#""request":{"method":"HEAD","uri":"/_ping","headers":{"User-Agent":["Docker-Client/28.2.2 (linux)"]}},"status":200}"#;

    fn json(request: &str) -> String {
        format!(
            r#"{{"level":"debug","ts":1.5,"logger":"http.handlers.reverse_proxy","msg":"upstream roundtrip",{request}"#
        )
    }

    #[test]
    fn both_forms_are_read() {
        let ping = Line::Request(Entry {
            method: "HEAD".into(),
            target: "/_ping".into(),
            status: Some(200),
            agent: Some("Docker-Client/28.2.2 (linux)".into()),
        });
        assert_eq!(read(&json(REQUEST)), Ok(ping.clone()));
        assert_eq!(read(&format!("caddy-1  | {}", json(REQUEST))), Ok(ping.clone()));
        let columns = "2026/11/24 20:00:00.1\t\x1b[35mDEBUG\x1b[0m\thttp.handlers.reverse_proxy";
        assert_eq!(read(&format!("{columns}\tupstream roundtrip\t{{{REQUEST}")), Ok(ping));
    }

    #[test]
    fn other_lines_are_passed_over() {
        // What a client sends does not make a line a round trip.
        let access = r#"{"logger":"http.log.access","msg":"handled request","request":{"method":"GET","uri":"/?\"msg\":\"upstream roundtrip\""},"status":403}"#;
        let other = json(REQUEST).replace("reverse_proxy", "other");
        for line in [
            "",
            "upstream roundtrip",
            access,
            &access[..access.len() - 9],
            &other,
            "{} upstream roundtrip",
        ] {
            assert_eq!(read(line), Ok(Line::Other), "{line}");
        }
    }

    #[test]
    fn broken_round_trips_are_refused() {
        let whole = json(REQUEST);
        let message = whole.find("roundtrip\"").unwrap() + "roundtrip\"".len();
        for cut in message..whole.len() {
            assert_eq!(read(&whole[..cut]), Err(Unreadable::Json), "{cut}");
        }
        for (good, bad) in
            [("\"HEAD\"", "7"), ("\"method\"", "\"m\""), ("\"status\":200", "\"status\":70000")]
        {
            assert_eq!(read(&json(&REQUEST.replace(good, bad))), Err(Unreadable::Json), "{bad}");
        }
        assert_eq!(read(&json("\"status\":200}")), Err(Unreadable::Json));
        assert_eq!(read(&json(&REQUEST.replace("HEAD", "A B"))), Err(Unreadable::Request));
    }
}
