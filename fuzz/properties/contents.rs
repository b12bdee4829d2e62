//! The contents of requests: what dsp writes has one reading, and gives away what was decided on.

use dsp::api::{EngineKind, Query};
use dsp::contents::{Context, Facts, Schema};
use dsp::profile::{Constraints, ValuePattern};

/// Checks a body. The first line names the engine and the operation; the rest is the body.
pub fn check(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (first, body) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let first = String::from_utf8_lossy(first);
    let Some((engine, name)) = first.split_once(' ') else { return };
    let Ok(engine) = engine.parse::<EngineKind>() else { return };
    let Some(operation) = engine.catalogue().named(name) else { return };
    let Some(schema) = Schema::of(operation).filter(|schema| schema.has_body()) else { return };
    let read = |body: &[u8]| schema.read(Query::default(), Some(body), &Context::default());
    let contents = match read(body) {
        Ok(contents) => contents,
        Err(why) => return assert!(super::printable(&why.to_string()), "{why:?}"),
    };
    are_known_to_rules(&contents.facts);
    let Some(written) = contents.body else { return assert!(body.is_empty()) };
    let again = read(&written).expect("what dsp writes is read");
    assert_eq!(again.facts, contents.facts, "{}", String::from_utf8_lossy(&written));
    assert_eq!(again.body.as_deref(), Some(&*written), "it is written in one form");
    // Another parser finds everything in it that it finds in the original, or nothing.
    let other: serde_json::Value = serde_json::from_slice(&written).expect("it is JSON");
    assert!(other.is_object());
    let original: serde_json::Value = serde_json::from_slice(body).expect("so was the original");
    let size = |value: &serde_json::Value| value.to_string().len();
    assert!(size(&other) <= size(&original), "{other} says more than {original}");
}

/// Every fact can be in a rule, and a rule with exactly these facts allows them.
fn are_known_to_rules(facts: &Facts) {
    let exact = Constraints::of(facts);
    assert!(exact.refused(facts).next().is_none(), "{facts:?}");
    for fact in facts.iter() {
        assert!(super::printable(&fact.to_string()), "{fact:?}");
        let value = ValuePattern::parse(fact.facet, &fact.value);
        assert!(value.is_ok_and(|value| value.matches(&fact.value)), "{fact:?}");
        let is_free = fact.facet.is_free();
        assert_eq!(Constraints::harmless().admits(fact), is_free, "{fact:?}");
    }
}
