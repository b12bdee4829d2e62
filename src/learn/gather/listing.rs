//! Which lists, prunes and events were about the program's own objects only: each request for the operation asked for a
//! label that the program itself sets on what it creates.

use std::collections::{BTreeMap, BTreeSet};

use crate::contents::{self, Facet, Fact, Facts, Schema, filters_by_owner, makes_owned};
use crate::learn::asked::{Asked, Target};
use crate::recording::Request;

/// The keys of labels with a value with which a request limited what it was about.
pub(super) fn labels_asked_for(request: &Request<'_>) -> BTreeSet<String> {
    let value = |wanted: &str| {
        let mut found = request.query.iter().filter(|(key, _)| key.eq_ignore_ascii_case(wanted));
        found.next()?.1.as_deref().filter(|value| !value.is_empty())
    };
    let Some(filters) = value("filters") else { return BTreeSet::new() };
    // In a list of containers, these name a container, and no rule about own objects allows that.
    let names_one = request.path.ends_with("/containers/json")
        && (value("before").is_some() || value("since").is_some());
    if names_one { BTreeSet::new() } else { contents::labels_asked_for(filters) }
}

/// Notes which requests were about own objects only. Those whose contents were not recorded get what their filters
/// say, so that they are compared like others.
pub(super) fn tell_filters(targets: &mut [Target]) {
    let own = own_labels(targets);
    let is_own = |asked: &Asked| asked.labels.iter().any(|label| own.contains(label));
    let mut all_own: BTreeMap<usize, bool> = BTreeMap::new();
    for asked in known(targets) {
        if filters_by_owner(asked.operation) {
            *all_own.entry(asked.operation.index).or_insert(true) &= is_own(asked);
        }
    }
    for target in targets {
        let Target::Known(asked) = target else { continue };
        if all_own.get(&asked.operation.index) == Some(&true) {
            asked.whose.is_filtered = true;
            let labels: Vec<&str> = asked.labels.iter().map(String::as_str).collect();
            let asked_for = || Fact::new(Facet::Filters, format!("label={}", labels.join("&")));
            if asked.facts.is_none() || Schema::of(asked.operation).is_none() {
                asked.facts = Some(Facts::from_iter([asked_for()]));
            }
        }
    }
}

/// The keys of labels that requests set on what they create and `enforce` marks.
fn own_labels(targets: &[Target]) -> BTreeSet<String> {
    let creates = known(targets).filter(|asked| makes_owned(asked.operation));
    let facts = creates.flat_map(|asked| asked.facts.iter().flat_map(Facts::iter));
    let labels = facts.filter(|fact| fact.facet == Facet::Labels);
    labels.map(|fact| fact.value.clone()).collect()
}

fn known(targets: &[Target]) -> impl Iterator<Item = &Asked> {
    targets.iter().filter_map(|target| match target {
        Target::Known(asked) => Some(asked),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use crate::learn::told::evidence;
    use crate::learn::{Generated, Options, generate, prove};
    use crate::profile::emit;

    const CREATE: &str = "POST /containers/create labels=app.session image=a:1";

    /// The rules that are learned from requests, without the one that creates containers.
    fn learned(sessions: &[&[&str]]) -> String {
        let evidence = evidence(sessions);
        let Generated { profile, comments } = generate(&evidence, &Options::default());
        prove(&evidence, &profile, None).unwrap();
        let text = emit(&profile, &comments);
        let (_, rules) = text.split_once("allow:\n").unwrap();
        let lines = rules
            .lines()
            .filter(|line| line.contains(" /") || line.contains('@') || line.contains("filters"));
        let lines = lines.filter(|line| !line.contains("/create"));
        lines.map(str::trim_start).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_asks_for_the_programs_own_labels_is_about_own_objects() {
        let own = r#"filters={"label":["app.session=1"]}"#;
        let map = r#"filters={"label":{"app.session=1":true,"x":true},"status":{"exited":true}}"#;
        for (path, method) in [
            ("/containers/json", "GET"),
            ("/networks", "GET"),
            ("/events", "GET"),
            ("/volumes/prune", "POST"),
        ] {
            let (one, two) = (
                format!("{method} {path}?{own} filters=label=app.session"),
                format!("{method} {path}?since=1&{map}"),
            );
            let requests: &[&str] = &[CREATE, &one];
            let learned = learned(&[requests]);
            assert_eq!(learned, format!("- {method} {path}: filters: - \"@own\""));
            if path == "/events" {
                assert_eq!(self::learned(&[requests, &[&two]]), learned);
            }
        }
    }

    #[test]
    fn what_may_be_about_others_is_learned_as_it_was() {
        let list = |query: &str| learned(&[&[CREATE, &format!("GET /containers/json?{query}")]]);
        for query in [
            "all=1",
            "filters={}",
            // Any value, another label, or not certain.
            r#"filters={"label":["app.session"]}"#,
            r#"filters={"label":["other=1"]}"#,
            r#"filters={"label!":["app.session=1"]}"#,
            r#"filters={"label":["app.session=1"],"name":{"x":true}}"#,
            r#"filters={"label":["app.session=1"],"before":["web"]}"#,
            r#"filters={"label":["app.ses"#,
            r#"filters={"label":["app.session=1"]}&since=web"#,
        ] {
            assert_eq!(list(query), "- GET /containers/json", "{query}");
        }
        let own = r#"GET /containers/json?filters={"label":["app.session=1"]}"#;
        let mixed: &[&str] = &[CREATE, own, "GET /containers/json"];
        assert_eq!(learned(&[mixed]), "- GET /containers/json");
        // Nothing that the program makes has the label.
        assert_eq!(learned(&[&[own]]), "- GET /containers/json");
        // The engine cannot filter these.
        let df =
            r#"POST /build/prune?filters={"label":["app.session=1"]} filters=label=app.session"#;
        assert!(!learned(&[&[CREATE, df]]).contains("@own"));
    }
}
