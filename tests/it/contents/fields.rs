//! Each row of the data at work: a field that has a facet gives a fact of it, and its harmless values
//! give none.

use std::collections::BTreeSet;

use dsp::api::{CanonicalRequest, EngineKind, Operation};
use dsp::contents::{Context, Facet, Facts, Place, Schema, Unreadable};
use serde_json::{Value, json};

use super::{ENGINES, Row, operation, resolved};

/// The value at a path, in the objects, lists and maps that lead there.
fn at(path: &str, value: Value) -> Value {
    if path.is_empty() || path == "." {
        return value;
    }
    if let Some(rest) = path.strip_prefix("[]") {
        return json!([at(rest.trim_start_matches('.'), value)]);
    }
    if let Some(rest) = path.strip_prefix("{}") {
        return json!({"k": at(rest.trim_start_matches('.'), value)});
    }
    let end = path.find(['.', '[', '{']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    json!({name: at(rest.trim_start_matches('.'), value)})
}

/// The path of the list or the map that an item is in.
fn whole(path: &str) -> &str {
    path.strip_suffix("[]").or_else(|| path.strip_suffix("{}")).unwrap_or(path)
}

/// A value with which the field gives something away, and the path that has it. `rows` are those of
/// the operation.
fn sample(row: &Row, rows: &[Row]) -> (String, Value) {
    let is_object = row.kind == "object";
    let (word, _) = row.reader.split_once(' ').unwrap_or((&row.reader, ""));
    let item = match word {
        "text" | "volumes-from" | "network-mode" | "container" | "image" | "cgroup-parent" => {
            json!("zz")
        }
        "path" | "device" if !is_object => json!("/dev/zz"),
        "bind" if !is_object => json!("/zz:/h"),
        "flag" => json!(true),
        "capability" => json!("SYS_ADMIN"),
        "security-opt" => json!("seccomp=unconfined"),
        "link" => json!("zz:y"),
        "changes" => json!("LABEL a=b"),
        "url" => json!("https://zz.example/x"),
        "registry" => json!("zz.example"),
        "assignment" => json!("a=b"),
        "build-output" => json!("type=local,dest=/zz"),
        "mount" => json!({"Type": "bind", "Source": "/zz", "Target": "/h"}),
        "volume" => json!({"Driver": "zz"}),
        "device" if row.path.starts_with("devices") || row.path.starts_with("host_device") => {
            json!({"path": "/dev/zz"})
        }
        "device" => json!({"PathOnHost": "/dev/zz"}),
        "device-request" => json!({"Driver": "zz"}),
        "endpoint" => json!({"NetworkID": "zz"}),
        "port-bindings" => json!({"HostPort": "80"}),
        "service-ports" => json!({"PublishedPort": 80}),
        "log-config" => match row.path.as_str() {
            "log_configuration" => json!({"driver": "zz"}),
            "HostConfig.LogConfig" => json!({"Type": "zz"}),
            _ => json!({"Name": "zz"}),
        },
        "libpod-mount" => json!({"type": "bind", "source": "/zz", "destination": "/h"}),
        "libpod-volume" => json!({"Name": "zz", "Dest": "/h"}),
        "libpod-overlay" => json!({"source": "/zz", "destination": "/h"}),
        "libpod-namespace" => json!({"nsmode": "host"}),
        "libpod-ports" => json!({"host_port": 80}),
        "libpod-device-rule" => json!({"allow": true, "type": "b", "major": 8, "access": "rwm"}),
        // What is read as a whole.
        "keys" if row.path.ends_with("Mounts[].VolumeOptions.Labels{}") => {
            let volume = json!({"Labels": {"zz": "zz"}});
            let path = row.path.trim_end_matches("[].VolumeOptions.Labels{}");
            return (path.to_owned(), json!([{"Type": "volume", "VolumeOptions": volume}]));
        }
        "keys" => return (whole(&row.path).to_owned(), json!({"zz": item_of(row, rows)})),
        "endpoints" | "libpod-networks" => return (whole(&row.path).to_owned(), json!({"zz": {}})),
        "bind" => return (whole(&row.path).to_owned(), json!({"/zz:/h": {}})),
        "set" => return (whole(&row.path).to_owned(), json!([])),
        "filled" => return (row.path.clone(), item_of(row, rows)),
        "nsoptions" => json!([{"Name": "pid", "Host": true}]),
        "tagged-image" => json!({"repo": "zz"}),
        "prune" | "list" => json!({}),
        _ => panic!("no sample: {}", row.at),
    };
    (row.path.clone(), item)
}

/// A value of the type of the row: for an object, with one of its fields.
fn item_of(row: &Row, rows: &[Row]) -> Value {
    match row.kind.as_str() {
        "text" => json!("zz"),
        "integer" => json!(7),
        "flag" => json!(true),
        "json" => json!(["zz"]),
        _ => {
            let is_inner = |other: &&Row| {
                let rest = other.path.strip_prefix(&row.path);
                other.place == row.place && rest.is_some_and(|rest| rest.starts_with('.'))
            };
            let inner = rows.iter().find(is_inner).unwrap_or_else(|| panic!("{}", row.at));
            at(inner.path[row.path.len()..].trim_start_matches('.'), item_of(inner, rows))
        }
    }
}

/// What a request with one field gives away.
fn read(of: &Operation, place: Place, path: &str, value: Value) -> Result<Facts, Unreadable> {
    let schema = Schema::in_rules(of).unwrap();
    let context = Context::default();
    let (query, body) = match place {
        Place::Body => (String::new(), at(path, value).to_string()),
        Place::Query => (pairs(of, path, &value), String::new()),
    };
    let version = if of.template.to_string().starts_with("/libpod") { "/v5.0.0" } else { "" };
    let path = of.template.to_string().replace('*', "own");
    let target = format!("{version}{path}?{query}");
    let request = CanonicalRequest::parse(of.engine, of.method.as_str(), &target).unwrap();
    let body = (!body.is_empty()).then_some(body.as_bytes());
    Ok(schema.read(request.query(), body, &context)?.facts)
}

/// A query with these values.
fn pairs(of: &Operation, path: &str, value: &Value) -> String {
    let is_json = |name: &str| {
        let fields = Schema::in_rules(of).unwrap().fields();
        fields.iter().any(|field| field.path == name && field.kind == "json")
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let encoded =
        |text: String| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
    match (path, value) {
        (".", Value::Object(entries)) => {
            let pairs =
                entries.iter().map(|(key, value)| format!("{key}={}", encoded(text(value))));
            pairs.collect::<Vec<_>>().join("&")
        }
        (path, value) if is_json(path) => format!("{path}={}", encoded(value.to_string())),
        (path, value) => format!("{}={}", whole(path), encoded(text(value))),
    }
}

fn place(row: &Row) -> Place {
    if row.place == "body" { Place::Body } else { Place::Query }
}

/// The rows that have a facet and that the test can fill in.
fn with_facets() -> Vec<(&'static Operation, Row, Vec<Row>)> {
    let mut found = Vec::new();
    for engine in ENGINES {
        for (name, rows) in resolved(engine) {
            let of = operation(engine, &name).unwrap();
            for row in rows.iter().filter(|row| row.facet.parse::<Facet>().is_ok()) {
                found.push((of, row.clone(), rows.clone()));
            }
        }
    }
    found
}

#[test]
fn each_field_with_a_facet_gives_a_fact_of_it() {
    let (mut silent, mut tried) = (Vec::new(), 0);
    for (of, row, rows) in with_facets() {
        let facet: Facet = row.facet.parse().unwrap();
        let (path, value) = sample(&row, &rows);
        let whole = match row.kind.as_str() {
            "json"
                if matches!(
                    row.reader.split(' ').next(),
                    Some("text" | "capability" | "security-opt" | "device" | "image")
                ) =>
            {
                json!([value])
            }
            _ => value,
        };
        let found = read(of, place(&row), &path, whole.clone());
        tried += 1;
        match found {
            Ok(facts) if facts.iter().any(|fact| fact.facet == facet) => {}
            Ok(facts) => silent.push(format!("{facts:?} of {path} = {whole}: {}", row.at)),
            Err(error) => silent.push(format!("{error} of {path} = {whole}: {}", row.at)),
        }
    }
    assert!(tried > 400, "{tried}");
    assert!(silent.is_empty(), "{} of {tried}:\n{}", silent.len(), silent.join("\n"));
}

#[test]
fn a_harmless_value_gives_nothing() {
    let (mut loud, mut tried) = (Vec::new(), 0);
    for (of, row, rows) in with_facets() {
        for word in row.harmless.split(',').filter(|word| !word.is_empty()) {
            let (path, value) = match row.reader.split(' ').next().unwrap() {
                "keys" => (whole(&row.path).to_owned(), json!({word: item_of(&row, &rows)})),
                "libpod-namespace" => (row.path.clone(), json!({"nsmode": word})),
                "libpod-networks" => (whole(&row.path).to_owned(), json!({word: {}})),
                "set" => {
                    let all: Vec<&str> = row.harmless.split(',').collect();
                    (whole(&row.path).to_owned(), json!(all))
                }
                _ if row.kind == "json" => (row.path.clone(), json!([word])),
                _ => (row.path.clone(), json!(word)),
            };
            tried += 1;
            match read(of, place(&row), &path, value.clone()) {
                Ok(facts) if facts.iter().all(|fact| fact.facet.to_string() != row.facet) => {}
                other => loud.push(format!("{other:?} of {path} = {value}: {}", row.at)),
            }
        }
    }
    assert!(tried > 150, "{tried}");
    assert!(loud.is_empty(), "{} of {tried}:\n{}", loud.len(), loud.join("\n"));
}

/// The rows whose harmless capabilities dsp does not read yet. This list only gets shorter.
const UNREAD: [&str; 0] = [];

/// What Docker gives to each container, podman may not.
#[test]
fn a_capability_that_is_not_harmless_is_a_fact() {
    let docker = resolved(EngineKind::Docker).remove("ContainerCreate").unwrap();
    let of_docker = docker.iter().find(|row| row.reader == "capability").unwrap();
    let mut wrong = BTreeSet::new();
    for (of, row, _) in with_facets() {
        if row.reader != "capability" || row.kind == "json" {
            continue;
        }
        let harmless: Vec<&str> = row.harmless.split(',').collect();
        for capability in of_docker.harmless.split(',') {
            let facts = read(of, Place::Body, &row.path, json!(capability)).unwrap();
            if facts.is_empty() != harmless.contains(&capability) {
                assert_eq!(of.engine, EngineKind::Podman, "{capability}: {}", row.at);
                wrong.insert(row.path.clone());
            }
        }
    }
    assert_eq!(wrong, UNREAD.map(str::to_owned).into());
}
