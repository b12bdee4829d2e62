//! Request targets that no client would send: real ones, changed in the ways that have made proxies
//! and engines read a target differently.

use std::collections::HashSet;

use dsp::api::{EngineKind, Operation, Part};

use super::oracle::WITNESS;

/// Values of parameters in addition to the literals of the API, plain ones first. Only the witness
/// exists on the engine.
const NAMES: [&str; 29] = [
    "webapp",
    WITNESS,
    WITNESS,
    "WebApp",
    "web.app_1-x",
    "team/webapp",
    "reg.example:5000/team/webapp:1.2",
    "webapp@sha256:0123",
    "webapp:json",
    "team/json",
    "json/exec",
    "exec/start",
    "prune/connect",
    "create/json",
    "attach/ws",
    "build/prune",
    "webapp/alias",
    "webapp/start",
    "webapp/checkpoints/json",
    "webapp/checkpoints/a/b",
    "prune/connect/json",
    "containers/json",
    "v1.41/info",
    "v1.41",
    "two words",
    "semi;colon",
    "a+b=c&d",
    "caf\u{e9}",
    "...",
];

const GOOD_VERSIONS: [&str; 12] =
    ["", "", "", "", "", "/v1.41", "/v1.41", "/v1.41", "/v1.40", "/v1.29", "/v1.25", "/v1.24"];

const BAD_VERSIONS: [&str; 14] = [
    "/v1.23",
    "/v1.12",
    "/v1.42",
    "/v1.99",
    "/v1.041",
    "/v01.41",
    "/v1.41.0",
    "/v1.41.",
    "/V1.41",
    "/v1",
    "/v",
    "/1.41",
    "/v1.4x",
    "/v1.41/v1.41",
];

const METHODS: [&str; 11] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "Post", "FOO"];

/// A deterministic source of choices for a seed: xorshift64*.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % limit
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// A method and a path, without a query.
pub type Target = (&'static str, String);

/// Generates this many distinct targets.
pub fn generate(count: usize, seed: u64) -> Vec<Target> {
    let mut chance = Chance::new(seed);
    let operations = EngineKind::Docker.catalogue().operations();
    let literals = literals(operations);
    let mut seen = HashSet::new();
    let mut targets = Vec::with_capacity(count);
    while targets.len() < count {
        let operation = &operations[chance.below(operations.len())];
        let target = one(&mut chance, operation, &literals);
        if seen.insert(target.clone()) {
            targets.push(target);
        }
    }
    targets
}

/// Every literal in the templates.
fn literals(operations: &[Operation]) -> Vec<&'static str> {
    let parts = operations.iter().flat_map(|operation| operation.template.parts());
    let mut words: Vec<&'static str> = parts
        .filter_map(|part| match part {
            Part::Literal(word) if !word.is_empty() => Some(*word),
            _ => None,
        })
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn one(chance: &mut Chance, operation: &Operation, literals: &[&'static str]) -> Target {
    let method = match chance.below(8) {
        0 => chance.pick(&METHODS),
        _ => operation.method.as_str(),
    };
    let path = operation.template.fill(|_| {
        let name = match chance.below(4) {
            0 | 1 => chance.pick(literals),
            2 => chance.pick(&NAMES),
            _ => chance.pick(&NAMES[..6]),
        };
        spelled(chance, name).into()
    });
    let version = match chance.below(6) {
        0 => chance.pick(&BAD_VERSIONS),
        _ => chance.pick(&GOOD_VERSIONS),
    };
    let mut path = format!("{version}{path}");
    for _ in 0..chance.below(4) {
        path = changed(chance, &path, literals);
    }
    (method, path)
}

/// A name as clients put it into a path: raw, or with everything escaped that may be.
fn spelled(chance: &mut Chance, name: &str) -> String {
    match chance.below(3) {
        0 => name.to_owned(),
        1 => name.replace(' ', "%20").replace('\u{e9}', "%C3%A9"),
        _ => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            let spell = |byte| match plain(byte) {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            };
            name.bytes().map(spell).collect()
        }
    }
}

fn changed(chance: &mut Chance, path: &str, literals: &[&'static str]) -> String {
    let places: Vec<usize> = path.char_indices().map(|(at, _)| at).collect();
    let at = places.get(chance.below(places.len().max(1))).copied().unwrap_or_default();
    let (before, behind) = path.split_at(at);
    let letter = behind.chars().next().unwrap_or('/');
    let rest = behind.get(letter.len_utf8()..).unwrap_or_default();
    match chance.below(20) {
        // Escapes one character, which turns an escape into a double one.
        0..=6 => format!("{before}{}{rest}", escaped(chance, letter)),
        // Escapes a slash or a dot.
        7..=9 => at_one(chance, path, '/', &["%2F", "%2f"]),
        10 => at_one(chance, path, '.', &["%2E", "%2e"]),
        // A slash with something that a cleaning parser removes.
        11 => at_one(chance, path, '/', &["//", "/./", "/../", "/%2e/", "/%2E%2e/", "/x/../"]),
        12 => format!("{path}{}", chance.pick(&["/", "/.", "/..", "%2F", "//", " ", "%20", "%"])),
        13 => match letter.is_ascii_uppercase() {
            true => format!("{before}{}{rest}", letter.to_ascii_lowercase()),
            false => format!("{before}{}{rest}", letter.to_ascii_uppercase()),
        },
        14 => {
            let inserted =
                ["%00", "%0A", "%", "%zz", "\\", "\"", "%5C", "#", "%23", ";", "%3F", " ", "+"];
            format!("{before}{}{behind}", chance.pick(&inserted))
        }
        15 => format!("{path}/{}", chance.pick(literals)),
        16 => {
            at_one(chance, path, '/', &["/web/", "/json/", "/v1.41/", "/containers/", "%2Fexec/"])
        }
        17 | 18 => with_other_segment(chance, path, literals),
        _ => chance.pick(&["http://d", "http://", "x", "*", "/v1.41"]).to_owned() + path,
    }
}

fn escaped(chance: &mut Chance, letter: char) -> String {
    let mut bytes = [0; 4];
    let lower = chance.below(2) == 0;
    let escape = |byte: &u8| if lower { format!("%{byte:02x}") } else { format!("%{byte:02X}") };
    letter.encode_utf8(&mut bytes).as_bytes().iter().map(escape).collect()
}

/// The path with one occurrence of `what` replaced.
fn at_one(chance: &mut Chance, path: &str, what: char, by: &[&str]) -> String {
    let places: Vec<usize> = path.match_indices(what).map(|(at, _)| at).collect();
    if places.is_empty() {
        return path.to_owned();
    }
    let at = places[chance.below(places.len())];
    format!("{}{}{}", &path[..at], chance.pick(by), &path[at + 1..])
}

/// The path with a segment removed, doubled, replaced by a word of the API, or moved.
fn with_other_segment(chance: &mut Chance, path: &str, literals: &[&'static str]) -> String {
    let mut segments: Vec<&str> = path.split('/').collect();
    let at = chance.below(segments.len());
    match chance.below(4) {
        0 => drop(segments.remove(at)),
        1 => segments.insert(at, segments[at]),
        2 => segments[at] = chance.pick(literals),
        _ => {
            let other = chance.below(segments.len());
            segments.swap(at, other);
        }
    }
    segments.join("/")
}
