//! Edits of values, in each form in which people write them.

use proptest::prelude::*;

use super::*;
use crate::profile::{
    Allowed, Constraints, Insertion, Profile, comment, insert, parse, remove, replace, rule_lines,
    set_comment,
};

const TEXT: &str = "version: 1\nname: x\nallow:\n  - GET /info\n  - POST /containers/create:   # why\n      \
    # ours\n      image:\n        - postgres:16   # the database\n      network: [\"a\", b] # two\n      \
    ports: any\n  # last\n  - POST /containers/*/update: {}  # empty\n  - POST /build: { image: [\"x:1\", # one\n    \
    \"y:2\"], source: any }  # end\ndeny: []\n";

fn entry(text: &str, place: usize) -> Entry<Rule> {
    parse(text).unwrap().allow[place].clone()
}

fn value(facet: Facet, text: &str) -> ValuePattern {
    ValuePattern::parse(facet, text).unwrap()
}

fn added(text: &str, place: usize, facet: Facet, one: &str) -> String {
    let edited = add_value(text, &entry(text, place), &value(facet, one)).unwrap();
    parse(&edited).map_err(|problem| format!("{problem:?}\n{edited}")).unwrap();
    edited
}

fn removed(text: &str, place: usize, facet: Facet, one: &str) -> String {
    remove_value(text, &entry(text, place), &value(facet, one)).unwrap()
}

#[test]
fn a_value_is_a_line() {
    assert_eq!(
        added(TEXT, 1, Facet::Image, "alpine:3"),
        TEXT.replace("      image:\n", "      image:\n        - alpine:3\n"),
    );
    assert_eq!(
        added(TEXT, 1, Facet::Image, "redis:7"),
        TEXT.replace("# the database\n", "# the database\n        - redis:7\n"),
    );
    assert_eq!(added(TEXT, 1, Facet::Network, "c"), TEXT.replace("b] #", "b, \"c\"] #"));
    assert_eq!(
        added(TEXT, 1, Facet::Mounts, "@socket"),
        TEXT.replace("database\n", "database\n      mounts:\n        - \"@socket\"\n"),
    );
    assert_eq!(
        added(TEXT, 1, Facet::Privileged, "true"),
        TEXT.replace("ports: any\n", "ports: any\n      privileged: true\n"),
    );
    assert_eq!(added(TEXT, 1, Facet::Ports, "*:80"), TEXT);
    assert_eq!(
        added(TEXT, 3, Facet::Network, "host"),
        TEXT.replace("\"y:2\"],", "\"y:2\"], network: [\"host\"],"),
    );
    assert_eq!(added(TEXT, 3, Facet::Image, "z:3"), TEXT.replace("\"y:2\"", "\"y:2\", \"z:3\""));
    let full = added(TEXT, 1, Facet::Image, "redis:7");
    assert_eq!(removed(&full, 1, Facet::Image, "redis:7"), TEXT);
}

#[test]
fn a_facet_goes_with_its_last_value_and_the_last_one_leaves_braces() {
    let none = "POST /containers/create: {}   # why\n      # ours\n  # last";
    let mut text = removed(TEXT, 1, Facet::Image, "postgres:16");
    assert!(!text.contains("image:\n"), "{text}");
    text = removed(&text, 1, Facet::Network, "a");
    assert!(text.contains("      network: [b] # two\n"), "{text}");
    text = removed(&text, 1, Facet::Network, "b");
    text = close_facet(&text, &entry(&text, 1), Facet::Ports).unwrap();
    assert!(text.contains(none), "{text}");
    let again = added(&text, 1, Facet::Mounts, "/srv");
    let block = "create:   # why\n      mounts:\n        - /srv\n      # ours\n";
    assert!(again.contains(block), "{again}");
    let flow = removed(TEXT, 3, Facet::Image, "x:1");
    assert_eq!(flow, TEXT.replace("\"x:1\", # one\n    ", ""));
    let flow = close_facet(TEXT, &entry(TEXT, 3), Facet::Source).unwrap();
    assert_eq!(flow, TEXT.replace(", source: any", ""));
}

#[test]
fn a_facet_that_is_opened_loses_its_values() {
    let opened = |place, facet| open_facet(TEXT, &entry(TEXT, place), facet).unwrap();
    assert_eq!(
        opened(1, Facet::Image),
        TEXT.replace("image:\n        - postgres:16   # the database\n", "image: any\n"),
    );
    assert_eq!(opened(1, Facet::Network), TEXT.replace("[\"a\", b] #", "any #"));
    assert_eq!(
        opened(1, Facet::Mounts),
        TEXT.replace("database\n", "database\n      mounts: any\n"),
    );
}

#[test]
fn entries_with_contents_are_edited_as_a_whole() {
    let all = parse(TEXT).unwrap().allow;
    for (place, told) in ["", "why", "empty", "end"].into_iter().enumerate() {
        assert_eq!(comment(TEXT, &all[place]).unwrap(), told);
        let noted = set_comment(TEXT, &all[place], "new").unwrap();
        assert_eq!(comment(&noted, &entry(&noted, place)).unwrap(), "new");
        assert_eq!(parse(&noted).unwrap().allow, all, "{noted}");
    }
    assert_eq!(
        remove(TEXT, "allow", &all, 3).unwrap(),
        format!("{}deny: []\n", TEXT.split("  - POST /build").next().unwrap()),
    );
    let plain = replace(TEXT, &all[1], "GET /version").unwrap();
    assert!(plain.contains("\n  - GET /version  # why\n  # last\n"), "{plain}");
    let line = "POST /auth:\n    source:\n      - registry=x".to_owned();
    let wider = replace(TEXT, &all[0], &line).unwrap();
    assert!(
        wider.contains("  - POST /auth:\n      source:\n        - registry=x\n  - POST /c"),
        "{wider}"
    );
    let insertion = |after| Insertion { line: line.clone(), comment: "new".into(), after };
    let more = insert(TEXT, "allow", &all, (0..5).map(insertion).collect()).unwrap();
    let rules: Vec<String> = parse(&more)
        .unwrap()
        .allow
        .iter()
        .map(|entry| entry.value.operation().to_string())
        .collect();
    assert_eq!(rules.iter().filter(|rule| *rule == "POST /auth").count(), 5, "{more}");
    assert!(more.contains("ports: any\n  - POST /auth:  # new\n"), "{more}");
}

/// Ways to write contents that a person could choose.
fn written(constraints: &Constraints, form: usize, note: &str) -> String {
    let rule = parse("version: 1\nname: x\nallow: [POST /containers/create]\n").unwrap().allow[0]
        .value
        .clone()
        .with_contents(Some(constraints.clone()));
    let flow = rule.to_string();
    match form {
        0 => format!("  - {flow}  # {note}\n"),
        1 => {
            format!(
                "  - {}",
                flow.replace("], ", "],\n       ").replacen(
                    ": {",
                    &format!(":  # {note}\n      {{"),
                    1
                )
            ) + "\n"
        }
        2 => {
            let mut text = format!("  -   POST /containers/create:  # {note}\n");
            for (facet, allowed) in constraints.iter() {
                match allowed {
                    Allowed::Values(values)
                        if !facet.is_flag()
                            && (values.len() > 1
                                || values.iter().any(|one| one.as_str() == "any")) =>
                    {
                        let list = values.iter().map(|one| double_quoted(one.as_str()));
                        text += &format!(
                            "         \"{facet}\" : [ {} ,] # {note}\n",
                            list.collect::<Vec<_>>().join(" , ")
                        );
                    }
                    Allowed::Values(values) => {
                        let one = double_quoted(values.iter().next().unwrap().as_str());
                        text +=
                            &format!("         {facet}:    {one}  # {note}\n         # {note}\n");
                    }
                    Allowed::Any => text += &format!("         {facet}: 'any'\n"),
                }
            }
            if constraints.is_empty() {
                format!("  - POST /containers/create: {{  }} # {note}\n")
            } else {
                text
            }
        }
        _ => rule_lines(&rule)
            .iter()
            .enumerate()
            .map(|(place, line)| {
                let start = if place == 0 { "  - " } else { "  " };
                let flag = line.ends_with('}') || place == 0;
                let note =
                    if flag { String::new() } else { format!(" # {note}\n\n        # {note}") };
                format!("{start}{line}{note}\n")
            })
            .collect(),
    }
}

fn any_value() -> impl Strategy<Value = ValuePattern> {
    let facets = vec![
        Facet::Image,
        Facet::Mounts,
        Facet::Network,
        Facet::Privileged,
        Facet::Labels,
        Facet::Name,
    ];
    let text = "alpine:[1-3]|/srv/[ab](:ro)?|true|null|x[ab]|a, b|\\[c\\]|'q|\"|a: b|any|%23";
    (prop::sample::select(facets), text)
        .prop_filter_map("no value", |(facet, text)| ValuePattern::parse(facet, &text).ok())
}

fn edited(
    kind: usize,
    text: &str,
    entry: &Entry<Rule>,
    value: &ValuePattern,
    expected: &mut Constraints,
) -> Option<String> {
    let facet = value.facet();
    match kind {
        0 | 1 => {
            expected.add(value.clone());
            add_value(text, entry, value)
        }
        2 => {
            expected.remove(value);
            remove_value(text, entry, value)
        }
        3 => {
            expected.open(facet);
            open_facet(text, entry, facet)
        }
        _ => {
            expected.close(facet);
            close_facet(text, entry, facet)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn an_edit_of_a_value_changes_nothing_else(
        values in prop::collection::vec(any_value(), 0..5),
        open in prop::option::of(any_value()),
        form in 0..4_usize,
        note in "[a-z\\]},\"' ]{0,4}x",
        edits in prop::collection::vec((0..5_usize, any_value()), 1..5),
        is_last in any::<bool>(),
    ) {
        let mut constraints = Constraints::harmless();
        values.into_iter().for_each(|value| constraints.add(value));
        open.iter().for_each(|value| constraints.open(value.facet()));
        let rest = if is_last { "" } else { "  # y\n  - GET /version\ndeny: []\n" };
        let mut text = format!("version: 1\nname: x\nallow:\n  - GET /info\n{}{rest}", written(&constraints, form, &note));
        let mut profile: Profile = parse(&text).map_err(|problem| TestCaseError::fail(format!("{problem:?} {text}")))?;
        for (kind, value) in edits {
            let next = edited(kind, &text, &profile.allow[1], &value, &mut constraints);
            let next = next.ok_or_else(|| TestCaseError::fail(format!("not edited: {text}")))?;
            let mut expected = profile.clone();
            expected.allow[1].value = expected.allow[1].value.clone().with_contents(Some(constraints.clone()));
            let read = parse(&next).map_err(|problem| TestCaseError::fail(format!("{kind} {value:?} {problem:?}\n{text}\n{next}")))?;
            prop_assert_eq!(&read, &expected, "{} {:?}\n{}\n{}", kind, value, text, next);
            // Comments on lines of their own stay, unless their facet goes.
            let is_kept = |line: &&str| match kind {
                0 | 1 => line.trim_start().starts_with('#'),
                _ => *line == "  # y",
            };
            let comments = |text: &str| text.lines().filter(is_kept).count();
            prop_assert_eq!(comments(&text), comments(&next), "{}\n{}", text, next);
            (text, profile) = (next, read);
        }
        let gone = remove(&text, "allow", &profile.allow, 1).unwrap();
        let mut expected = profile.clone();
        expected.allow.remove(1);
        prop_assert_eq!(parse(&gone).map_err(|problem| problem.message), Ok(expected), "{}\n{}", text, gone);
        let mut expected = profile.clone();
        expected.allow[1].value = expected.allow[0].value.clone();
        let lines = rule_lines(&profile.allow[1].value).join("\n");
        let same = replace(&text, &profile.allow[1], &lines).unwrap();
        prop_assert_eq!(parse(&same).map_err(|problem| problem.message), Ok(profile.clone()), "{}\n{}", text, same);
        let plain = replace(&text, &profile.allow[1], "GET /info").unwrap();
        prop_assert_eq!(parse(&plain).map_err(|problem| problem.message), Ok(expected), "{}\n{}", text, plain);
    }
}
