//! What is left of answers.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::api::EngineKind;

fn answer(name: &str) -> &'static Answer {
    Answer::of(EngineKind::Docker.catalogue().named(name).unwrap()).unwrap()
}

fn inspect(text: &str) -> Result<String, Unfit> {
    filtered(answer("ContainerInspect"), Kind::Environment.into(), &[text.as_bytes()])
}

#[test]
fn a_value_at_a_place_becomes_empty_and_nothing_else_changes() {
    for (text, left) in [
        (r#"{"Config":{"Env":["A=b","C=d"],"Cmd":["x"]}}"#, r#"{"Config":{"Env":[],"Cmd":["x"]}}"#),
        (r#"{"Config": {"Env" : [ "A" ] } } "#, r#"{"Config": {"Env" : [] } } "#),
        (r#"{"Config":{"Env":null}}"#, r#"{"Config":{"Env":null}}"#),
        (r#"{"Config":{"Env":"A=b"}}"#, r#"{"Config":{"Env":""}}"#),
        (
            r#"{"Config":{"Env":{"A":{"b":[1]}},"x":-1.5e+3}}"#,
            r#"{"Config":{"Env":{},"x":-1.5e+3}}"#,
        ),
        (r#"{"Config":{"Env":12,"Env":true}}"#, r#"{"Config":{"Env":0,"Env":false}}"#),
        (r#"{"Env":["A=b"],"x":{"Env":["A=b"]}}"#, r#"{"Env":["A=b"],"x":{"Env":["A=b"]}}"#),
        (r#"{"Config":{"x":{"Env":["A"]}}}"#, r#"{"Config":{"x":{"Env":["A"]}}}"#),
        ("[]", "[]"),
        (" null\n", " null\n"),
        ("0", "0"),
    ] {
        assert_eq!(inspect(text).as_deref(), Ok(left), "{text}");
    }
}

/// Readers differ in what they take for the name of a field. What any of them takes for it counts.
#[test]
fn a_field_is_found_however_it_is_spelled() {
    for key in ["env", "ENV", r"\u0045nv", r"\u0065\u004e\u0056", r"Env\u0000x", "eNv"] {
        let left = inspect(&format!(r#"{{"config":{{"{key}":["A=b"]}}}}"#)).unwrap();
        assert!(!left.contains("A=b"), "{left}");
    }
    for config in ["CONFIG", "Conf\u{130}g", "conf\u{131}g", r"conf\u0130g", "Config\\u0000"] {
        let left = inspect(&format!(r#"{{"{config}":{{"Env":["A=b"]}}}}"#)).unwrap();
        assert!(!left.contains("A=b"), "{left}");
    }
    let hidden = |name: &str, text: &str| {
        filtered(answer(name), Hidden::EVERYTHING, &[text.as_bytes()]).unwrap()
    };
    assert_eq!(
        hidden("SwarmInspect", "{\"Jo\u{131}nTo\u{212a}en\u{17f}\":{\"Worker\":\"x\"}}"),
        "{\"Jo\u{131}nTo\u{212a}en\u{17f}\":{}}"
    );
    // Not the same name to anybody.
    for key in ["Envs", "En", "Ｅnv", r"E\u006e", "Env "] {
        let text = format!(r#"{{"Config":{{"{key}":["A=b"]}}}}"#);
        assert_eq!(inspect(&text), Ok(text));
    }
    let long = format!(r#"{{"Config":{{"{}":["A=b"]}}}}"#, "env".repeat(100));
    assert_eq!(inspect(&long), Ok(long));
}

#[test]
fn lists_and_what_is_in_them_are_searched_alike() {
    let hidden = |name: &str, kind: Kind, text: &str| kind.hide_in(answer(name), text).unwrap();
    assert_eq!(
        hidden(
            "VolumeList",
            Kind::Credentials,
            r#"{"Volumes":[{"Options":{"o":"x"}},{"Options":null}]}"#
        ),
        r#"{"Volumes":[{"Options":{}},{"Options":null}]}"#
    );
    assert_eq!(
        hidden(
            "ContainerList",
            Kind::Commands,
            r#"[{"Id":"a","Command":"sh -c x"},{"Command":"y"}]"#
        ),
        r#"[{"Id":"a","Command":""},{"Command":""}]"#
    );
    let service = r#"[{"Spec":{"TaskTemplate":{"ContainerSpec":{"Env":["A=b"],"Image":"i"}}},"PreviousSpec":{"TaskTemplate":{"ContainerSpec":{"Env":["A=b"]}}}}]"#;
    assert_eq!(
        hidden("ServiceList", Kind::Environment, service),
        service.replace(r#"["A=b"]"#, "[]")
    );
}

#[test]
fn what_is_not_strict_json_is_not_passed() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "]",
        "{]",
        "[}",
        "[1,]",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "01",
        "1.",
        "-",
        "1e",
        "+1",
        "nul",
        "nulll",
        "True",
        "NaN",
        "Infinity",
        "[1]x",
        "{}{}",
        "1 2",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"a\tb\"",
        "\"\u{0}\"",
        "\u{feff}{}",
        "// x\n{}",
        "/**/{}",
        "{\"Config\":{\"Env\":[\"A\"}}",
        "{\"Config\":{\"Env\":[A]}}",
        "{\"Config\":{\"Env\":[\"A\"]",
        "[\u{b}]",
        "[\u{a0}]",
        "\u{1f}",
    ] {
        assert_eq!(inspect(text), Err(Unfit), "{text:?}");
    }
    let gzip = filtered(answer("ContainerInspect"), Hidden::EVERYTHING, &[b"\x1f\x8b\x08\x00"]);
    assert_eq!(gzip, Err(Unfit));
    let key = filtered(answer("ContainerInspect"), Hidden::EVERYTHING, &[b"{\"Con\xfffig\":1}"]);
    assert_eq!(key, Err(Unfit));
}

#[test]
fn depth_and_memory_are_bounded() {
    let nested = |deep: usize| format!("{}1{}", "[".repeat(deep), "]".repeat(deep));
    assert!(inspect(&nested(DEEPEST)).is_ok());
    assert_eq!(inspect(&nested(DEEPEST + 1)), Err(Unfit));
    let hidden = format!(r#"{{"Config":{{"Env":{}}}}}"#, nested(DEEPEST));
    assert_eq!(inspect(&hidden), Err(Unfit));
    let mut filter = Filter::new(answer("ContainerInspect"), Hidden::EVERYTHING);
    let mut out = Vec::new();
    filter.push(b"{\"", &mut out).unwrap();
    for _ in 0..1000 {
        out.clear();
        filter.push(&[b'k'; 1000], &mut out).unwrap();
    }
    assert!(filter.held() < 4096, "{}", filter.held());
}

/// JSON texts with names of places in them, in several spellings, repeated, and at other depths.
fn any_json() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "Config",
        "config",
        r"C\u006fnfig",
        "Env",
        "env",
        r"\u0045nv",
        "Cmd",
        "Args",
        "x",
        "é",
        "HostConfig",
        "LogConfig",
        "Mounts",
        "VolumeOptions",
        "DriverConfig",
        "Options",
        "Healthcheck",
        "Test",
        r"a\\b",
    ]);
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "false",
            "0",
            "-1.5e3",
            "[]",
            "{}",
            "\"\"",
            r#""SECRET=1""#,
            r#""\"\u00e9\\""#,
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z=é ]{0,8}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(5, 60, 5, move |inner| {
        let space = "( |\n|\t)?";
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..4), space)
                .prop_map(|(items, space)| format!("[{space}{}]", items.join(","))),
            (prop::collection::vec((key.clone(), inner), 0..5), space).prop_map(
                |(fields, space)| {
                    let fields =
                        fields.iter().map(|(key, value)| format!("\"{key}\"{space}:{value}"));
                    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
                }
            ),
        ]
    })
}

/// What is left of a value, by another way: with names that were read by serde.
fn left(value: &Value, path: &str, hidden: Hidden) -> Value {
    let is_hidden = match path {
        ".config.env" => hidden.has(Kind::Environment),
        ".config.cmd" | ".config.healthcheck.test" | ".args" => hidden.has(Kind::Commands),
        ".hostconfig.logconfig.config"
        | ".hostconfig.mounts.volumeoptions.driverconfig.options" => hidden.has(Kind::Credentials),
        _ => false,
    };
    match value {
        Value::Array(_) if is_hidden => Value::Array(vec![]),
        Value::Object(_) if is_hidden => Value::Object(serde_json::Map::new()),
        Value::String(_) if is_hidden => Value::String(String::new()),
        Value::Number(_) if is_hidden => Value::from(0),
        Value::Bool(_) if is_hidden => Value::Bool(false),
        Value::Array(items) => items.iter().map(|item| left(item, path, hidden)).collect(),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| {
                (key.clone(), left(value, &format!("{path}.{}", key.to_lowercase()), hidden))
            };
            Value::Object(fields.iter().map(field).collect())
        }
        other => other.clone(),
    }
}

fn any_hidden() -> impl Strategy<Value = Hidden> {
    prop::collection::vec(prop::sample::select(Kind::ALL.as_slice()), 0..3)
        .prop_map(|kinds| kinds.into_iter().collect())
}

proptest! {
    /// Whatever reads the answer afterwards finds nothing that is hidden, and everything else as it was.
    #[test]
    fn what_is_left_is_the_answer_without_what_is_hidden(
        text in any_json(),
        hidden in any_hidden(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let out = filtered(answer("ContainerInspect"), hidden, &[text.as_bytes()]);
        let before: Value = serde_json::from_str(&text).unwrap();
        let after: Value = serde_json::from_str(out.as_deref().unwrap()).unwrap();
        prop_assert_eq!(after, left(&before, "", hidden), "{} -> {:?}", text, out);
        // Where it is cut makes no difference, and neither does a second time.
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        let (mut parts, mut done) = (Vec::new(), 0);
        for cut in cuts.into_iter().chain([text.len()]) {
            parts.push(&text.as_bytes()[done..cut]);
            done = cut;
        }
        prop_assert_eq!(&filtered(answer("ContainerInspect"), hidden, &parts), &out);
        let again = filtered(answer("ContainerInspect"), hidden, &[out.as_deref().unwrap().as_bytes()]);
        prop_assert_eq!(again, out);
    }

    /// Whatever passes is JSON to a strict reader, too, and what is none does not pass.
    #[test]
    fn what_passes_is_json(
        text in any_json(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = text.into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let read = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes);
        let out = filtered(answer("ContainerInspect"), Hidden::NOTHING, &[&bytes]);
        match out {
            Ok(out) => prop_assert_eq!(out.as_bytes(), &bytes[..]),
            // Halves of pairs and bytes that are not UTF-8 pass, but do not matter here.
            Err(Unfit) => prop_assert!(read.is_err() || std::str::from_utf8(&bytes).is_err()),
        }
    }
}
