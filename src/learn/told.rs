//! Evidence for tests, told in short lines.

use serde_json::{Value, json};

use super::{Evidence, Gathering};
use crate::api::EngineKind;

/// An ID of 64 digits, which lines call `ID`.
pub(crate) const ID: &str = "4f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5c";
/// Another one.
pub(crate) const OTHER: &str = "9a5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5ce1b0a3d24f5c";

/// The evidence of sessions. A line is a request (`GET /x`, with ` 404` for another status than 200, and
/// contents as `facet=value`, or `unread` for contents that could not be read), the same request again (`again 201`), or
/// what the request before it made (`+container ID NAME`).
pub(crate) fn evidence(sessions: &[&[&str]]) -> Evidence {
    of_version(3, sessions)
}

/// The same in a version of the format.
pub(crate) fn of_version(version: u32, sessions: &[&[&str]]) -> Evidence {
    let mut gathering = Gathering::default();
    let mut absorb = |event: Value| gathering.absorb(serde_json::from_value(event).unwrap());
    for (place, lines) in sessions.iter().enumerate() {
        let (session, time) = (place.to_string(), format!("2026-01-01T00:00:0{place}Z"));
        absorb(json!({"session": {
            "version": version, "id": session, "start": time, "dsp": "0", "command": ["x"],
        }}));
        let mut seq = 0;
        for line in *lines {
            let words: Vec<&str> = line.split(' ').collect();
            if let Some(kind) = words[0].strip_prefix('+') {
                let id = words[1].replace("OTHER", OTHER).replace("ID", ID);
                let mut made = json!({"session": session, "seq": seq, "kind": kind, "id": id});
                if let Some(name) = words.get(2) {
                    made["name"] = json!(name);
                }
                absorb(json!({ "made": made }));
                continue;
            }
            if words[0] == "again" {
                let statuses = json!({ words[1]: 1 });
                absorb(json!({"repeat": {
                    "session": session, "seq": seq, "count": 1, "statuses": statuses,
                }}));
                continue;
            }
            seq += 1;
            let (path, query) = words[1].split_once('?').unwrap_or((words[1], ""));
            let path = path.replace("OTHER", OTHER).replace("ID", ID);
            let query: Vec<Value> = query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(key, value)| json!([key, value]))
                .collect();
            let mut contents = serde_json::Map::new();
            for (facet, value) in words
                .iter()
                .filter_map(|word| word.split_once('='))
                .skip(usize::from(!query.is_empty()))
            {
                let values = contents.entry(facet).or_insert_with(|| json!([]));
                let value = value.replace("OTHER", OTHER).replace("ID", ID);
                values.as_array_mut().unwrap().push(json!(value));
            }
            absorb(json!({"request": {
                "session": session, "seq": seq, "time": time, "connection": 1,
                "method": words[0], "path": path, "query": query,
                "contents": if words.contains(&"unread") { Value::Null } else { json!(contents) },
            }}));
            let status = words.iter().skip(2).find_map(|word| word.parse().ok());
            absorb(json!({"response": {
                "session": session, "seq": seq, "status": status.unwrap_or(200_u16),
                "milliseconds": 1, "received": 0, "sent": 0,
            }}));
        }
        absorb(json!({"end": {
            "session": session, "time": time, "requests": seq, "dropped": 0,
        }}));
    }
    gathering.finish(EngineKind::Docker)
}
