//! What is left of an answer: JSON whenever it was, without anything that is hidden, and otherwise the same.

use dsp::answers::{Hidden, Hide, Unfit};
use dsp::api::EngineKind;
use serde_json::{Map, Value};

/// Where answers have secrets, read again without dsp.
const PLACES: &str = include_str!("../../src/answers/places.tsv");

/// How much memory a filter may use, in bytes, however long and deep an answer is.
const MOST_HELD: usize = 16 << 10;

/// Checks an answer. The first line names the operation of Docker Engine, the kinds that are hidden, and the
/// lengths of the parts in which it arrives: `ContainerInspect environment,commands 7`. The rest is the answer.
pub fn check(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (first, answer) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let first = String::from_utf8_lossy(first);
    let words: Vec<&str> = first.split(' ').collect();
    let [name, kinds, length] = words[..] else { return };
    let Some(operation) = EngineKind::Docker.catalogue().named(name) else { return };
    let Ok(hidden) = kinds.split(',').map(str::parse).collect::<Result<Hidden, ()>>() else {
        return;
    };
    let Some(hide) = Hide::of(operation, hidden) else { return };
    let length = length.parse().unwrap_or(1_usize).max(1);

    let filtered = filter(hide, answer, answer.len().max(1));
    assert_eq!(filter(hide, answer, length), filtered, "the parts do not matter");
    let Ok(is) = serde_json::from_slice::<Value>(answer) else { return };
    let left = filtered.expect("it is JSON");
    let should = without(is, &places(name, kinds));
    let is = serde_json::from_slice::<Value>(&left).expect("so is what is left");
    assert_eq!(is, should, "{}", String::from_utf8_lossy(&left));
}

/// What is left of an answer that arrives in parts of this length.
fn filter(hide: Hide, answer: &[u8], length: usize) -> Result<Vec<u8>, Unfit> {
    let (mut filter, mut left) = (hide.filter(), Vec::new());
    for part in answer.chunks(length) {
        filter.push(part, &mut left)?;
        assert!(filter.held() <= MOST_HELD, "{} bytes are held", filter.held());
    }
    filter.finish()?;
    // `true` becomes `false`.
    assert!(left.len() <= answer.len() + answer.len() / 4, "it grows");
    Ok(left)
}

/// The paths of what is hidden in the answers to an operation.
fn places(name: &str, kinds: &str) -> Vec<Vec<String>> {
    let rows = PLACES.lines().skip(1).map(|row| row.split('\t').collect::<Vec<_>>());
    let of_operation = rows.filter(|row| row[0] == "any" && row[1] == name);
    let is_hidden = |row: &Vec<&str>| {
        row[3].split(',').any(|kind| kinds.split(',').any(|hidden| hidden == kind))
    };
    let paths = of_operation.filter(is_hidden);
    paths.map(|row| row[2].split('.').map(str::to_ascii_lowercase).collect()).collect()
}

/// A value without what is at these paths. Lists are not part of a path.
fn without(value: Value, paths: &[Vec<String>]) -> Value {
    if paths.iter().any(Vec::is_empty) {
        return empty(&value);
    }
    match value {
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| without(item, paths)).collect())
        }
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| {
                let name = folded(&key);
                let rest = paths.iter().filter(|path| path[0] == name);
                let rest: Vec<Vec<String>> = rest.map(|path| path[1..].to_vec()).collect();
                let left = without(value, &rest);
                (key, left)
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn empty(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => false.into(),
        Value::Number(_) => 0.into(),
        Value::String(_) => "".into(),
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(_) => Value::Object(Map::new()),
    }
}

/// The field that some reader takes this key for.
fn folded(key: &str) -> String {
    let name = key.split('\0').next().unwrap_or_default();
    let fold = |character: char| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        '\u{130}' | '\u{131}' => 'i',
        other => other.to_ascii_lowercase(),
    };
    // Longer than any name, whatever it begins with.
    if key.len() > 128 { key.to_owned() } else { name.chars().map(fold).collect() }
}
