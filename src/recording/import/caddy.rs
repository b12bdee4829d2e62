//! Caddy's debug log, as JSON and in the console form.
//!
//! Caddy's own `upstream roundtrip` is the line that counts: Caddy writes it for requests to the engine.
//! The access log has each request again, so only the requests that Caddy refused itself are taken from it.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::line::client;
use super::text::without_colours;
use super::{Entry, Line, Unreadable};

const MESSAGE: &str = "upstream roundtrip";
const LOGGER: &str = "http.handlers.reverse_proxy";

/// The message of the access log for each request, and the statuses with which Caddy refuses one.
const HANDLED: &str = "handled request";
const ACCESS: &str = "http.log.access";
const REFUSED: [u16; 2] = [401, 403];

/// The fields of every JSON line, and the additional ones of a round trip.
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
    remote_ip: Option<String>,
    /// Versions before 2.5 have address and port in one.
    remote_addr: Option<String>,
    #[serde(default)]
    headers: Map<String, Value>,
}

pub(super) fn read(line: &str) -> Result<Line, Unreadable> {
    // A cheap check first: most of a debug log is about other things.
    if !line.contains(MESSAGE) {
        return Ok(if line.contains(HANDLED) { refused(line) } else { Line::Other });
    }
    let Some(start) = line.find('{') else { return Ok(Line::Other) };
    let (columns, json) = line.split_at(start);
    if columns.contains(&format!("\"msg\":\"{MESSAGE}\"")) {
        return Err(Unreadable::Cut);
    }
    // The console form has time, level, logger and message, then JSON for the rest.
    let columns = without_colours(columns);
    let mut columns = columns.trim_end().rsplit('\t');
    let console = (columns.next(), columns.next()) == (Some(MESSAGE), Some(LOGGER));
    match serde_json::from_str::<Json>(json) {
        Ok(found) if console || is_roundtrip(&found) => roundtrip(found),
        Ok(_) => Ok(refused(line)),
        Err(_) if console || begins_as_roundtrip(json) => Err(Unreadable::Json),
        Err(_) => Ok(Line::Other),
    }
}

fn is_roundtrip(json: &Json) -> bool {
    json.msg.as_deref() == Some(MESSAGE) && json.logger.as_deref() == Some(LOGGER)
}

fn roundtrip(found: Json) -> Result<Line, Unreadable> {
    let status = found.status;
    found.request.ok_or(Unreadable::Json).and_then(|request| Line::request(request.entry(status)))
}

/// A line of the access log, if Caddy refused the request.
fn refused(line: &str) -> Line {
    let found = line.find('{').and_then(|start| {
        let (columns, json) = line.split_at_checked(start)?;
        let columns = without_colours(columns);
        let mut columns = columns.trim_end().rsplit('\t');
        let console = columns.next() == Some(HANDLED)
            && columns.next().is_some_and(|logger| logger.starts_with(ACCESS));
        let found: Json = serde_json::from_str(json).ok()?;
        let is_access = found.msg.as_deref() == Some(HANDLED)
            && found.logger.as_deref().is_some_and(|logger| logger.starts_with(ACCESS));
        let status = found.status.filter(|status| REFUSED.contains(status))?;
        found.request.filter(|_| console || is_access).map(|request| request.entry(Some(status)))
    });
    found.map_or(Line::Other, Line::turned_away)
}

/// Whether a text begins with the columns of the console form.
pub(super) fn begins(line: &str) -> bool {
    let columns = line.split('{').next().unwrap_or_default();
    columns.contains('\t') && !columns.contains('"')
}

impl Request {
    fn entry(self, status: Option<u16>) -> Entry {
        let agents = self.headers.get("User-Agent").and_then(|agents| agents.get(0));
        let agent = agents.and_then(Value::as_str).map(str::to_owned);
        let client = self.remote_ip.as_deref().or(self.remote_addr.as_deref()).and_then(client);
        Entry { status, agent, client, ..Entry::new(&self.method, &self.uri) }
    }
}

/// Whether the text before the request, which Caddy wrote, says that this is a round trip.
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
            status: Some(200),
            agent: Some("Docker-Client/28.2.2 (linux)".into()),
            ..Entry::new("HEAD", "/_ping")
        });
        assert_eq!(read(&json(REQUEST)), Ok(ping.clone()));
        assert_eq!(read(&format!("caddy-1  | {}", json(REQUEST))), Ok(ping.clone()));
        let columns = "2026/11/24 20:00:00.1\t\x1b[35mDEBUG\x1b[0m\thttp.handlers.reverse_proxy";
        assert_eq!(read(&format!("{columns}\tupstream roundtrip\t{{{REQUEST}")), Ok(ping));
    }

    #[test]
    fn other_lines_are_passed_over() {
        // Text from a client must not turn a line into a round trip.
        let access = r#"{"logger":"http.log.access","msg":"handled request","request":{"method":"GET","uri":"/?\"msg\":\"upstream roundtrip\""},"status":403}"#;
        let other = json(REQUEST).replace("reverse_proxy", "other");
        let passed = access.replace("403", "200");
        for line in [
            "",
            "upstream roundtrip",
            &passed,
            &access[..access.len() - 9],
            &other,
            "{} upstream roundtrip",
        ] {
            assert_eq!(read(line), Ok(Line::Other), "{line}");
        }
    }

    #[test]
    fn what_caddy_refused_is_told_by_its_access_log() {
        let line = r#"{"logger":"http.log.access.log0","msg":"handled request","request":{"method":"GET","uri":"/info"},"status":403}"#;
        let entry = Entry { status: Some(403), ..Entry::new("GET", "/info") };
        assert_eq!(read(line), Ok(Line::turned_away(entry.clone())));
        let (_, fields) = line.split_once(r#""handled request","#).unwrap();
        let console =
            format!("x\t\x1b[34mINFO\x1b[0m\thttp.log.access\thandled request\t{{{fields}");
        assert_eq!(read(&console), Ok(Line::turned_away(entry)));
        for (good, other) in [("403", "404"), ("403", "200"), ("http.log.access", "http.log.other")]
        {
            assert_eq!(read(&line.replace(good, other)), Ok(Line::Other), "{other}");
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
