//! Compares dsp's reading of strange bodies with that of a real engine.
//!
//! The body of a container's creation is changed in ways that JSON libraries read differently, and sent
//! once to the engine as it is, and once through `enforce` with a rule that reads contents and allows
//! every value. dsp must refuse it, or the engine must have made the same container from what dsp wrote.
//!
//! `DSP_BODIES` is the number of bodies, `DSP_BODIES_SEED` chooses others.

use dsp::api::EngineKind;
use dsp::contents::Schema;
use serde_json::Value;

use super::escapes::client::{Answer, Client};
use super::{OwnEngine, real_or_return};
use crate::support::World;

/// What clients send: most fields say nothing.
const BODY: &str = r#"{"Hostname":"h","User":"0","Tty":false,"Env":["A=b"],"Cmd":["true"],"Image":"busybox","Volumes":{"/anonymous":{}},"WorkingDir":"/tmp","Labels":{"k":"v","K":"w"},"StopSignal":"TERM","HostConfig":{"Binds":["/tmp:/t:ro","vol:/v"],"NetworkMode":"none","RestartPolicy":{"Name":"no","MaximumRetryCount":0},"CapAdd":["NET_ADMIN"],"CapDrop":null,"Privileged":false,"PidMode":"","SecurityOpt":["no-new-privileges"],"Memory":67108864,"MemorySwap":67108864,"Mounts":[{"Type":"tmpfs","Target":"/m"},{"Type":"bind","Source":"/tmp","Target":"/b","ReadOnly":true}],"Tmpfs":{"/run":"size=64k"},"ShmSize":65536,"Sysctls":{},"LogConfig":{"Type":"json-file","Config":{"max-size":"1m"}},"MaskedPaths":null,"ReadonlyPaths":null,"Ulimits":[{"Name":"nofile","Hard":64,"Soft":64}]},"NetworkingConfig":{"EndpointsConfig":{}}}"#;

/// What takes the place of a value, or comes in an additional field.
const VALUES: [&str; 16] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1.0",
    "1e2",
    "\"\"",
    "\"x\"",
    "\"1\"",
    "[]",
    "{}",
    "[null]",
    "[\"NET_RAW\"]",
    "{\"a\":\"b\"}",
];

/// Fields that are added, in the right place or another.
const FIELDS: [&str; 12] = [
    "Privileged",
    "CapAdd",
    "PidMode",
    "Binds",
    "hostconfig",
    "HOSTCONFIG",
    "New",
    "Image",
    "image",
    "MacAddress",
    "\u{212a}ernelMemory",
    "Privilege\u{17f}",
];

/// Numbers from a seed (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// The keys of a body, without their quotes, and where the value after each begins and ends.
fn fields(body: &str) -> Vec<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let bytes = body.as_bytes();
    let mut fields = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'"' {
            at += 1;
            continue;
        }
        let end = at + 1 + body[at + 1..].find('"').unwrap();
        if bytes.get(end + 1) == Some(&b':') {
            fields.push((at + 1..end, end + 2..end + 2 + value_length(&bytes[end + 2..])));
        }
        at = end + 1;
    }
    fields
}

/// The length of the value that a text begins with. No string has a quote in it.
fn value_length(bytes: &[u8]) -> usize {
    let (mut depth, mut is_text) = (0_usize, false);
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return place,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    bytes.len()
}

/// Changes a body once.
fn changed(body: &str, random: &mut Random) -> String {
    let fields = fields(body);
    let Some((key, value)) = fields.get(random.below(fields.len())).cloned() else {
        return body.to_owned();
    };
    let name = &body[key.clone()];
    let replaced = |range: std::ops::Range<usize>, text: &str| {
        format!("{}{text}{}", &body[..range.start], &body[range.end..])
    };
    match random.below(9) {
        0 => replaced(value, random.of(&VALUES)),
        1 => replaced(key, &name.to_lowercase()),
        2 => replaced(key, &name.to_uppercase()),
        3 => {
            let folded = [("s", "\u{17f}"), ("k", "\u{212a}"), ("i", "\u{130}"), ("S", "\u{17f}")];
            let (from, to) = random.of(&folded);
            replaced(key, &name.replacen(from, to, 1))
        }
        4 => {
            let escaped: String =
                name.chars().map(|one| format!("\\u{:04x}", u32::from(one))).collect();
            replaced(key, &escaped)
        }
        // The same key again, before or after.
        5 => {
            let again = format!("\"{name}\":{},", random.of(&VALUES));
            replaced(key.start - 1..key.start - 1, &again)
        }
        6 => {
            let again = format!(",\"{name}\":{}", random.of(&VALUES));
            replaced(value.end..value.end, &again)
        }
        7 => {
            let other = format!("\"{}\":{},", random.of(&FIELDS), random.of(&VALUES));
            replaced(key.start - 1..key.start - 1, &other)
        }
        _ => format!("{body}{}", random.of(&["}", " ", "{}", "x", "\n", "]", "\u{0}"])),
    }
}

/// What the engine made, without what is new each time; the status if it made nothing.
fn made(engine: &Client, answer: &Answer) -> Result<Value, u16> {
    let Some(id) = answer.json()["Id"].as_str().map(str::to_owned) else {
        return Err(answer.status);
    };
    let mut inspected = engine.get(&format!("/containers/{id}/json?size=0")).good("inspect").json();
    engine.send("DELETE", &format!("/containers/{id}?force=1&v=1"), &[], b"").good("delete");
    let mut kept = serde_json::Map::new();
    for part in ["Config", "HostConfig", "Mounts", "Args", "Path", "Image"] {
        kept.insert(part.to_owned(), inspected[part].take());
    }
    let networks = inspected["NetworkSettings"]["Networks"].take();
    kept.insert("Networks".to_owned(), networks);
    let mut text = Value::Object(kept).to_string().replace(&id, "ID").replace(&id[..12], "ID");
    // The names of anonymous volumes.
    while let Some(at) = hexadecimal(&text) {
        text.replace_range(at..at + 64, "VOLUME");
    }
    let mut value: Value = serde_json::from_str(&text).unwrap();
    if let Some(mounts) = value["Mounts"].as_array_mut() {
        mounts.sort_by_key(|mount| mount["Destination"].to_string());
    }
    Ok(value)
}

/// Where 64 hexadecimal digits begin that are not a digest.
fn hexadecimal(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_digit = |byte: &u8| byte.is_ascii_hexdigit();
    (0..bytes.len().saturating_sub(64)).find(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        bytes[*at..at + 64].iter().all(is_digit) && before.is_none_or(|byte| *byte != b':')
    })
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// A profile that reads the contents of a creation and allows all of them.
fn profile(world: &World) {
    let create = EngineKind::Docker.catalogue().named("ContainerCreate").unwrap();
    let facets = Schema::of(create).unwrap().facets();
    let any: String = facets.iter().map(|facet| format!("      {facet}: any\n")).collect();
    let text = format!("version: 1\nname: any\nallow:\n  - POST /containers/create:\n{any}");
    world.write("any.yaml", &text);
}

#[test]
fn the_engine_makes_what_dsp_read() {
    let mut world = real_or_return!();
    let _engine = OwnEngine::start(&mut world, "bodies");
    profile(&world);
    let server = world.serve(&["enforce", "any.yaml"]);
    let engine = Client::new(&world.host);
    let through = Client::new(&server.socket.display().to_string());
    let mut random = Random(number("DSP_BODIES_SEED", 7).max(1));
    let (mut refused, mut same, mut mended, mut wrong) = (0, 0, 0, Vec::new());
    for _ in 0..number("DSP_BODIES", 500) {
        let mut body = BODY.to_owned();
        for _ in 0..=random.below(3) {
            body = changed(&body, &mut random);
        }
        let answer = through.send("POST", "/containers/create", &[], body.as_bytes());
        if answer.text().contains("\"dsp: ") {
            refused += 1;
            continue;
        }
        let by_dsp = made(&engine, &answer);
        let direct = engine.send("POST", "/containers/create", &[], body.as_bytes());
        let direct = made(&engine, &direct);
        match (&direct, &by_dsp) {
            _ if by_dsp == direct => same += 1,
            // An unknown field that says nothing, of a type that this engine does not take: dsp leaves
            // it out.
            (Err(_), Ok(_)) => mended += 1,
            _ => wrong.push(format!("{body}\n  directly: {direct:?}\n  by dsp:   {by_dsp:?}")),
        }
    }
    eprintln!(
        "{refused} refused by dsp, {same} the same, {mended} taken only as dsp writes them, {} different",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused > 0 && same > 0, "{refused} {same}");
}
