//! What a prune is about. Filters narrow it, so no filter means everything.

use std::collections::BTreeSet;

use super::reading::{Reading, odd};
use super::{Facet, Json, Unreadable, fact};

/// The `filters` of a prune: JSON, a map of lists or a map of maps (moby `api/types/filters`). Only the
/// labels that an object must have tell whose it is.
pub(super) fn filters(
    reading: &mut Reading<'_>,
    facet: Facet,
    filters: &Json,
    field: &str,
) -> Result<(), Unreadable> {
    let Json::Object(entries) = filters else { return Err(odd("filters", "an object")) };
    let mut labels = BTreeSet::new();
    for (key, values) in entries {
        let values: Vec<&str> = match values {
            Json::List(items) => items.iter().filter_map(Json::text).collect(),
            Json::Object(entries) if entries.iter().all(|(_, on)| *on == Json::Flag(true)) => {
                entries.iter().map(|(key, _)| key.as_str()).collect()
            }
            _ => return Err(odd("filters", "an object of lists, or of objects of true")),
        };
        if key == "label" {
            labels.extend(values);
        } else if key.eq_ignore_ascii_case("label") {
            return Err(odd("filters", "an object with its keys in lower case"));
        }
    }
    // Engines combine labels with AND, so all of them together are one fact. The value of a label may be
    // a secret, and nothing of it is kept.
    let key = |label: &str| {
        let key = label.split_once('=').map_or(label, |(key, _)| key);
        fact::escaped(key, &['&'])
    };
    let labels: BTreeSet<String> = labels.into_iter().map(key).collect();
    let labels: Vec<String> = labels.into_iter().collect();
    let value = match labels.is_empty() {
        true => "everything".to_owned(),
        false => format!("label={}", labels.join("&")),
    };
    reading.add(facet, value, field)
}
