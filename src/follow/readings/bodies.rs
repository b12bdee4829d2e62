//! Bodies with mounts in any spelling.

use proptest::prelude::*;

use super::{FOLDER, SOCKET};

fn spelled(name: &'static str) -> impl Strategy<Value = String> {
    let lower = name.to_lowercase();
    let odd = lower.replacen('s', "\u{17f}", 1).replacen('i', "\u{130}", 1);
    let escaped = format!("\\u{:04x}{}", u32::from(name.chars().next().unwrap()), &name[1..]);
    prop_oneof![
        8 => Just(name.to_owned()),
        1 => Just(lower.clone()),
        1 => Just(lower.replacen('i', "\u{130}", 1)),
        1 => Just(lower.replacen('s', "\u{17f}", 1)),
        1 => Just(odd),
        1 => Just(escaped),
    ]
}

fn object(entry: impl Strategy<Value = String>, most: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(entry, 0..most).prop_map(|all| format!("{{{}}}", all.join(",")))
}

fn list(item: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::collection::vec(item, 0..3).prop_map(|all| format!("[{}]", all.join(","))),
        1 => Just("null".to_owned()),
    ]
}

fn entry(
    key: impl Strategy<Value = String>,
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    (key, value).prop_map(|(key, value)| format!("\"{key}\":{value}"))
}

fn path() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(SOCKET), 2 => Just(FOLDER), 1 => Just("/etc"), 1 => Just("data")]
}

fn source() -> impl Strategy<Value = String> {
    prop_oneof![8 => path().prop_map(|path| format!("\"{path}\"")), 1 => Just("null".to_owned())]
}

fn mount() -> impl Strategy<Value = String> {
    let target = prop_oneof![8 => "\"/[a-c]/?\"", 1 => Just("null".to_owned())];
    let kind = prop_oneof![
        8 => Just("\"bind\"".to_owned()),
        2 => Just("\"volume\"".to_owned()),
        1 => Just("null".to_owned()),
    ];
    let keys = "h1|h2|h3|Consistency";
    object(
        prop_oneof![
            3 => entry(spelled("Source"), source()),
            3 => entry(spelled("Type"), kind.clone()),
            3 => entry(spelled("Target"), target),
            1 => entry(keys, prop_oneof![source(), kind]),
        ],
        5,
    )
}

fn lists() -> impl Strategy<Value = String> {
    let bind = (path(), "/[a-c]/?(:ro|:rshared)?")
        .prop_map(|(path, target)| format!("\"{path}:{target}\""));
    prop_oneof![
        entry(spelled("Binds"), list(bind)),
        entry(spelled("Mounts"), list(prop_oneof![8 => mount(), 1 => Just("null".to_owned())])),
        Just("\"Memory\":1".to_owned()),
    ]
}

pub(super) fn body() -> impl Strategy<Value = String> {
    let host = prop_oneof![6 => object(lists(), 4), 1 => Just("null".to_owned())];
    object(prop_oneof![3 => entry(spelled("HostConfig"), host), 1 => lists()], 4)
}
