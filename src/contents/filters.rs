//! The filters of a list, a prune or events: what the request is about, and the label of an owner among them.
//! Filters narrow a request, so no filter means everything.

use std::collections::BTreeSet;

use super::reading::{Reading, odd};
use super::{Facet, Json, Unreadable, fact};
use crate::api::Query;

/// The query parameter with the filters: JSON, a map of lists or a map of maps (moby `api/types/filters`).
const PARAMETER: &str = "filters";

/// The filter that compares labels.
const LABEL: &str = "label";

/// The filters that name another object.
const REFERENCES: [&str; 2] = ["before", "since"];

/// Adds what filters let a request be about. Only the labels that an object must have tell whose it is.
pub(super) fn read(
    reading: &mut Reading<'_>,
    facet: Facet,
    filters: &Json,
    field: &str,
) -> Result<(), Unreadable> {
    let filters = Filters::of(filters)?;
    // Engines combine labels with AND, so all of them together are one fact. The value of a label may be
    // a secret, and nothing of it is kept.
    let key = |label: &str| fact::escaped(key_of(label), &['&']);
    let labels: BTreeSet<String> = filters.values(LABEL).map(key).collect();
    let labels: Vec<String> = labels.into_iter().collect();
    let value = match labels.is_empty() {
        true => fact::EVERYTHING.to_owned(),
        false => format!("label={}", labels.join("&")),
    };
    reading.add(facet, value, field)?;
    // The answer tells whether such an object exists, also if it is another owner's.
    for filter in REFERENCES {
        filters
            .values(filter)
            .try_for_each(|name| reading.add_named(facet, filter, name, field))?;
    }
    Ok(())
}

/// A query whose filters also ask for the label of an owner, in the shape that the client uses.
///
/// The swarm's lists compare a key only once, with any one of the values that it is given, so the client has
/// to leave this key to dsp.
///
/// # Errors
/// If the filters ask for another owner, or could be read in two ways.
pub(super) fn with_owner(query: Query<'_>, label: &str, owner: &str) -> Result<String, Unreadable> {
    let given = query.pairs().find(|(key, _)| key.eq_ignore_ascii_case(PARAMETER));
    let given = given.map(|(_, value)| value).filter(|value| !value.is_empty());
    let given = given.map_or(Ok(Json::Object(Vec::new())), |value| Json::read(&value))?;
    let filters = Filters::of(&given)?;
    let wanted = format!("{label}={owner}");
    let of_owner = |value: &&str| key_of(value) == label;
    if filters.values(LABEL).filter(of_owner).any(|value| value != label && value != wanted) {
        return Err(odd(PARAMETER, "free of labels of other owners"));
    }
    let mut entries: Vec<(&str, Vec<&str>)> = filters.entries.clone();
    entries.retain(|(key, _)| *key != LABEL);
    let kept = filters.values(LABEL).filter(|value| !of_owner(value));
    entries.push((LABEL, kept.chain([wanted.as_str()]).collect()));
    let text = |text: &str| Json::Text(text.to_owned());
    let entries = entries.into_iter().map(|(key, values)| {
        let values = match filters.are_lists {
            true => Json::List(values.into_iter().map(text).collect()),
            false => {
                let values = values.into_iter().map(|value| (value.to_owned(), Json::Flag(true)));
                Json::Object(values.collect())
            }
        };
        (key.to_owned(), values)
    });
    let mut written = Vec::new();
    Json::Object(entries.collect()).write(&mut written);
    let written = String::from_utf8_lossy(&written).into_owned();
    Ok(query.with(&[PARAMETER], &[(PARAMETER, written)]))
}

/// The keys of labels with a value that recorded filters ask for, as facts spell them; none if that is not
/// certain.
#[must_use]
pub fn labels_asked_for(filters: &str) -> BTreeSet<String> {
    let read = Json::read(filters.as_bytes()).ok();
    let Some(Ok(filters)) = read.as_ref().map(Filters::of) else { return BTreeSet::new() };
    if REFERENCES.iter().any(|filter| filters.values(filter).next().is_some()) {
        return BTreeSet::new();
    }
    let with_value = filters.values(LABEL).filter_map(|label| label.split_once('='));
    let with_value = with_value.filter(|(_, value)| !value.is_empty());
    with_value.map(|(key, _)| fact::escaped(key, &['&'])).collect()
}

/// Filters that were read.
struct Filters<'a> {
    /// Their keys and values, in order.
    entries: Vec<(&'a str, Vec<&'a str>)>,
    /// Whether they have the older of the two shapes.
    are_lists: bool,
}

impl<'a> Filters<'a> {
    /// Reads filters in one of the two shapes. Engines refuse a mixture of both, some with a part of it read.
    fn of(filters: &'a Json) -> Result<Self, Unreadable> {
        const SHAPES: &str = "an object of lists of strings, or an object of objects of true";
        let Json::Object(entries) = filters else { return Err(odd(PARAMETER, SHAPES)) };
        let are_lists = entries.iter().any(|(_, values)| matches!(values, Json::List(_)));
        let read = |(key, values): &'a (String, Json)| {
            let values: Option<Vec<&str>> = match values {
                Json::List(items) => items.iter().map(Json::text).collect(),
                Json::Object(entries) if !are_lists => {
                    let value = |(value, on): &'a (String, Json)| {
                        (*on == Json::Flag(true)).then_some(value.as_str())
                    };
                    entries.iter().map(value).collect()
                }
                _ => None,
            };
            if *key != LABEL && key.eq_ignore_ascii_case(LABEL) {
                return Err(odd(PARAMETER, "an object with its keys in lower case"));
            }
            Ok((key.as_str(), values.ok_or_else(|| odd(PARAMETER, SHAPES))?))
        };
        let entries = entries.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { entries, are_lists })
    }

    /// The values of a filter.
    fn values(&self, filter: &str) -> impl Iterator<Item = &'a str> {
        let named = self.entries.iter().find(|(key, _)| *key == filter);
        named.map(|(_, values)| values.clone()).into_iter().flatten()
    }
}

/// The key of a label in a filter.
fn key_of(label: &str) -> &str {
    label.split_once('=').map_or(label, |(key, _)| key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::{CanonicalRequest, EngineKind};
    use crate::contents::{Context, Schema};

    fn encoded(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    /// The facts of a request, and the filters that it gets for an owner.
    fn with_owner(
        engine: EngineKind,
        (method, path): (&str, &str),
        query: &str,
    ) -> Result<(String, String), Unreadable> {
        let target = format!("{path}?{query}");
        let request = CanonicalRequest::parse(engine, method, &target).unwrap();
        let schema = Schema::in_rules(request.locate().unwrap().operation).unwrap();
        let contents = schema.read(request.query(), None, &Context::default())?;
        let facts: Vec<String> = contents.facts.iter().map(ToString::to_string).collect();
        let query = schema.with_owner(request.query(), "ci")?.unwrap();
        let target = format!("{path}?{query}");
        let written = CanonicalRequest::parse(engine, method, &target).unwrap();
        let all = written.query().pairs();
        let filters = all.filter(|(key, _)| key == "filters").map(|(_, value)| value);
        let filters: Vec<String> =
            filters.map(|value| String::from_utf8(value.into_owned()).unwrap()).collect();
        Ok((facts.join(", "), filters.join(" ")))
    }

    const LIST: (&str, &str) = ("GET", "/containers/json");

    fn list(filters: &str) -> Result<(String, String), Unreadable> {
        with_owner(EngineKind::Docker, LIST, &format!("filters={}", encoded(filters)))
    }

    #[test]
    fn the_label_goes_next_to_the_clients_own_filters() {
        for (filters, facts, expected) in [
            ("", "filters everything", r#"{"label":{"dsp.owner=ci":true}}"#),
            ("{}", "filters everything", r#"{"label":{"dsp.owner=ci":true}}"#),
            (
                r#"{"label":["a=b","c"],"name":["x","y"]}"#,
                "filters label=a&c",
                r#"{"name":["x","y"],"label":["a=b","c","dsp.owner=ci"]}"#,
            ),
            (
                r#"{"label":{"a=b":true},"status":{"exited":true}}"#,
                "filters label=a",
                r#"{"status":{"exited":true},"label":{"a=b":true,"dsp.owner=ci":true}}"#,
            ),
            (
                r#"{"status":["exited"]}"#,
                "filters everything",
                r#"{"status":["exited"],"label":["dsp.owner=ci"]}"#,
            ),
            // The swarm compares a key with one of its values only.
            (
                r#"{"label":["dsp.owner","dsp.owner=ci","dsp.owners=x"]}"#,
                "filters label=dsp.owner&dsp.owners",
                r#"{"label":["dsp.owners=x","dsp.owner=ci"]}"#,
            ),
        ] {
            assert_eq!(list(filters), Ok((facts.to_owned(), expected.to_owned())), "{filters}");
        }
        let named = list(r#"{"before":["web"]}"#).unwrap();
        assert_eq!(named.0, "filters before=web, filters everything");
        let images = with_owner(EngineKind::Docker, ("GET", "/images/json"), "all=1").unwrap();
        assert_eq!(images.1, r#"{"label":{"dsp.image.owner=ci":true}}"#);
        let networks = with_owner(EngineKind::Podman, ("GET", "/networks"), "Filters=%7B%7D");
        assert_eq!(networks.unwrap().1, r#"{"label":{"dsp.owner=ci":true}}"#);
    }

    #[test]
    fn filters_with_two_meanings_are_refused() {
        for filters in [
            "null",
            "[]",
            "1",
            r#""x""#,
            "{",
            r#"{"label":"a"}"#,
            r#"{"label":null}"#,
            r#"{"label":[1]}"#,
            r#"{"label":[null]}"#,
            r#"{"label":{"a":1}}"#,
            r#"{"label":{"a":false}}"#,
            r#"{"label":["a"],"name":{"x":true}}"#,
            r#"{"name":{"x":true},"label":["a"]}"#,
            r#"{"label":["a"],"label":["b"]}"#,
            r#"{"label":["a"],"Label":["b"]}"#,
            r#"{"LABEL":["a"]}"#,
            r#"{"label":["dsp.owner=other"]}"#,
            r#"{"label":["dsp.owner="]}"#,
            r#"{"label":{"dsp.owner=other":true}}"#,
        ] {
            assert!(list(filters).is_err(), "{filters}");
        }
        let twice = with_owner(EngineKind::Docker, LIST, "filters=%7B%7D&filters=%7B%7D");
        assert_eq!(twice, Err(Unreadable::Repeated("filters".into())));
        let podman = with_owner(EngineKind::Podman, LIST, "filters=%7B%7D&FILTERS=%7B%7D");
        assert!(podman.is_err());
        let unknown = with_owner(EngineKind::Docker, LIST, "Filters=%7B%7D");
        assert_eq!(unknown, Err(Unreadable::Parameter("Filters".into())));
    }

    fn some_filters() -> impl Strategy<Value = (bool, Vec<(String, Vec<String>)>)> {
        let key = prop::sample::select(vec!["label", "label!", "name", "status", "until"]);
        let value = "[a-z]{1,3}(=[a-z&\"%é]{0,2})?|dsp\\.owner(=ci)?|dsp\\.own[a-z]{1,3}";
        let values = prop::collection::btree_set(value, 0..4);
        let entries = prop::collection::btree_map(key, values, 0..4);
        let owned = |entries: std::collections::BTreeMap<&str, BTreeSet<String>>| {
            let entry = |(key, values): (&str, BTreeSet<String>)| {
                (key.to_owned(), values.into_iter().collect())
            };
            entries.into_iter().map(entry).collect()
        };
        (any::<bool>(), entries.prop_map(owned))
    }

    proptest! {
        #[test]
        fn the_owner_and_all_filters_of_the_client_go_upstream(
            (are_lists, entries) in some_filters(),
        ) {
            let shaped = entries.iter().map(|(key, values)| {
                let values = match are_lists {
                    true => serde_json::json!(values),
                    false => values.iter().map(|one| (one.clone(), serde_json::json!(true))).collect(),
                };
                (key.clone(), values)
            });
            let sent = serde_json::Value::Object(shaped.collect()).to_string();
            let (_, written) = list(&sent).unwrap();
            let written = Json::read(written.as_bytes()).unwrap();
            let written = Filters::of(&written).unwrap();
            let labels: Vec<&str> = written.values(LABEL).collect();
            let of_owner: Vec<&&str> =
                labels.iter().filter(|label| key_of(label) == "dsp.owner").collect();
            prop_assert_eq!(of_owner, [&"dsp.owner=ci"]);
            for (key, values) in &entries {
                for value in values.iter().filter(|value| key_of(value) != "dsp.owner" || key != LABEL) {
                    prop_assert!(written.values(key).any(|one| one == value), "{} {}", key, value);
                }
            }
            let count = |entries: usize| entries;
            let (sent, got) = (entries.iter(), written.entries.iter());
            let sent = sent.filter(|(key, _)| key != LABEL).map(|(_, values)| values.len());
            let got = got.filter(|(key, _)| *key != LABEL).map(|(_, values)| values.len());
            prop_assert_eq!(count(sent.sum()), count(got.sum()));
        }
    }
}
