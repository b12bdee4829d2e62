use dsp::answers::Answer;
use dsp::api::{EngineKind, Operation};
use dsp::contents::Schema;
use dsp::profile::{Constraints, Pattern, Rule, ValuePattern, parse, rule_lines, schema};

use crate::formats;
use crate::generate::recording;
use crate::support::World;

const PATH: &str = "schema/profile.v1.json";
const HOST_PATH: &str = "schema/host.v1.json";

/// The errors that an editor shows for a profile.
fn errors(validator: &jsonschema::Validator, text: &str) -> Vec<String> {
    let value: serde_json::Value = serde_saphyr::from_str(text).unwrap();
    validator.iter_errors(&value).map(|error| error.instance_path().to_string()).collect()
}

#[test]
fn both_are_committed_and_printed() {
    let world = World::without_engine();
    for (text, path, args) in
        [(schema(), PATH, &["schema"][..]), (dsp::host::schema(), HOST_PATH, &["schema", "--host"])]
    {
        if std::env::var("DSP_README").is_ok_and(|value| value == "write") {
            std::fs::write(path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == text, "write {path} again with DSP_README=write");
        assert_eq!(world.dsp(args).out, text);
        assert_eq!(world.dsp(&[args, &["-o", "s.json"]].concat()).status, 0);
        assert_eq!(world.read("s.json"), text);
        std::fs::remove_file(world.path("s.json")).unwrap();
    }
}

/// The host files in the documentation.
fn documented_host_files() -> Vec<String> {
    let pages = ["service", "compose", "tecnativa"].map(|name| format!("docs/{name}.md"));
    let texts = pages.map(|page| std::fs::read_to_string(page).unwrap());
    let blocks = texts.iter().flat_map(|text| text.split("<!-- host file -->\n```yaml\n").skip(1));
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn host_files_are_of_theirs() {
    let validator = formats::schema(HOST_PATH);
    let documented = documented_host_files();
    assert!(documented.len() > 3, "{documented:?}");
    for text in documented {
        assert_eq!(errors(&validator, &text), Vec::<String>::new(), "{text}");
        let host = dsp::host::parse(&text, std::path::Path::new("/etc/dsp"));
        assert!(host.is_ok(), "{host:?}");
    }
    for (wrong, place) in [
        ("version: 1\nprograms:\n  a: { listen: unix:///a }\n", "/programs/a"),
        (
            "version: 1\nprograms:\n  a: { profile: x, listen: unix:///a, clients: [{}] }\n",
            "/programs/a/clients/0",
        ),
        (
            "version: 1\nprograms:\n  a: { profile: x, listen: { address: unix:///a, modes: 1 } }\n",
            "/programs/a/listen",
        ),
        ("version: 1\n", ""),
    ] {
        assert_eq!(errors(&validator, wrong), [place], "{wrong}");
        assert!(dsp::host::parse(wrong, std::path::Path::new("")).is_err(), "{wrong}");
    }
}

#[test]
fn every_profile_here_is_of_it() {
    let validator = formats::schema(PATH);
    let mut count = 0;
    for folder in ["profiles", "fixtures"] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = std::fs::read_to_string(&path).unwrap();
                assert_eq!(errors(&validator, &text), Vec::<String>::new(), "{}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 15, "{count}");
}

#[test]
fn every_rule_that_can_be_written_is_of_it() {
    let validator = formats::schema(PATH);
    let names = ["web", "json", "create", "a b%", "*", "é", "x:", "libpod", "a/registry/b"];
    for engine in EngineKind::ALL {
        let mut rules: Vec<String> = Vec::new();
        for operation in engine.catalogue().operations() {
            rules.push(operation.to_string());
            for name in names {
                for pattern in [Pattern::Exact(name.to_owned()), Pattern::Any] {
                    let patterns = operation.template.parameters().map(|_| pattern.clone());
                    let rule = Rule::narrowed(operation, patterns.collect()).to_string();
                    rules.extend(Rule::parse(engine, &rule).is_ok().then_some(rule));
                }
            }
        }
        let with_contents: Vec<String> = (engine.catalogue().operations().iter())
            .flat_map(|operation| with_contents(operation).into_iter().chain(narrow(operation)))
            .collect();
        assert!(with_contents.len() > 500, "{}", with_contents.len());
        rules.extend(engine.catalogue().operations().iter().flat_map(hiding));
        rules.extend(with_contents);
        assert!(rules.len() > 1000);
        let list = |rules: &mut dyn Iterator<Item = &String>| -> String {
            rules.map(|rule| format!("  - {rule}\n")).collect()
        };
        let lines = list(&mut rules.iter());
        let is_denied = |rule: &&String| !rule.contains("@own") && !rule.contains("hide");
        let denied = list(&mut rules.iter().filter(is_denied));
        let text = format!(
            "version: 1\nname: x\nengine: {engine}\nallow:\n{lines}deny:\n{denied}\
             reviewed:\n  digest: none\n  root:\n    - {}\n    - {}\n  deny:\n    - {}\n",
            rules[0],
            rules[rules.len() - 1],
            rules[rules.len() - 1],
        );
        parse(&text).map_err(|problem| problem.message).unwrap();
        assert_eq!(errors(&validator, &text), Vec::<String>::new());
    }
}

/// Rules that hide something in the answers to an operation, in the forms that people write.
fn hiding(operation: &'static Operation) -> Vec<String> {
    let kinds = Answer::kinds_of(operation);
    let closed = Rule::any(operation).with_contents(Some(Constraints::harmless())).hiding(kinds);
    let mut rules: Vec<String> =
        kinds.iter().map(|kind| format!("{operation}: {{ hide: {kind} }}")).collect();
    if !kinds.is_empty() {
        let rule = Rule::any(operation).hiding(kinds);
        rules.extend([rule.to_string(), rule_lines(&rule).join("\n  ")]);
    }
    if !kinds.is_empty() && Schema::in_rules(operation).is_some() {
        rules.extend([closed.to_string(), rule_lines(&closed).join("\n  ")]);
    }
    rules
}

/// Rules for an operation with contents, in the forms that people write.
fn with_contents(operation: &'static Operation) -> Vec<String> {
    let Some(schema) = Schema::in_rules(operation) else { return Vec::new() };
    let mut rules = vec![format!("{operation}: {{}}")];
    for facet in schema.facets() {
        let values =
            ["alpine:3", "/srv", "/srv:ro", "@socket", "*:80", "true", "host", "NET_ADMIN", "a=b"];
        for value in values.into_iter().chain(facet.offered().iter().map(|(value, _)| *value)) {
            let Ok(value) = ValuePattern::parse(facet, value) else { continue };
            let mut constraints = Constraints::harmless();
            constraints.add(value.clone());
            let rule = Rule::any(operation).with_contents(Some(constraints));
            if Rule::parse(operation.engine, &rule.to_string()).is_err() {
                continue;
            }
            rules.push(rule.to_string());
            rules.push(rule_lines(&rule).join("\n  "));
            rules.push(format!("{operation}: {{ {facet}: \"{}\" }}", value.as_str()));
        }
        rules.push(format!("{operation}:\n      {facet}: any"));
        rules.push(format!("{operation}: {{ {facet}: [] }}"));
    }
    rules
}

/// A rule with contents for one name.
fn narrow(operation: &'static Operation) -> Option<String> {
    Schema::in_rules(operation)?;
    let patterns: Vec<Pattern> =
        operation.template.parameters().map(|_| Pattern::Exact("ci-1".to_owned())).collect();
    let rule = Rule::narrowed(operation, patterns).with_contents(Some(Constraints::harmless()));
    Rule::parse(operation.engine, &rule.to_string()).is_ok().then(|| rule.to_string())
}

#[test]
fn an_editor_marks_errors() {
    let validator = formats::schema(PATH);
    let with = |rest: &str| errors(&validator, &format!("version: 1\nname: x\n{rest}")).join(" ");
    assert_eq!(with("allow:\n  - GET /info\n  - GET /container/json\n"), "/allow/1");
    assert_eq!(with("allow:\n  - GET /libpod/info\n"), "/allow/0");
    assert_eq!(with("engine: podman\nallow:\n  - GET /libpod/info\n"), "");
    assert_eq!(with("deny:\n  - GET /v1.41/info\n"), "/deny/0");
    assert_eq!(with("unknown:\n  - GET /x/*\n"), "/unknown/0");
    let create =
        |contents: &str| with(&format!("allow:\n  - POST /containers/create: {contents}\n"));
    assert_eq!(create("{ image: [\"alpine:3\"], privileged: true }"), "");
    for wrong in [
        "{ filters: any }",
        "{ images: any }",
        "{ privileged: false }",
        "[]",
        "{ image: 3 }",
        "{ image: [3] }",
    ] {
        assert_eq!(create(wrong), "/allow/0", "{wrong}");
    }
    assert_eq!(with("allow:\n  - POST /container/create: {}\n"), "/allow/0");
    assert_eq!(with("allow:\n  - GET /info: {}\n"), "/allow/0");
    assert_eq!(with("allow:\n  - GET /info: { hide: credentials }\n"), "");
    assert_eq!(with("allow:\n  - GET /info: { hide: [environment] }\n"), "/allow/0");
    assert_eq!(with("allow:\n  - GET /info: { hide: [] }\n"), "/allow/0");
    assert_eq!(with("allow:\n  - POST /build: {}\n    POST /containers/create: {}\n"), "/allow/0");
    assert_eq!(with("engine: dockr\n"), "/engine");
    assert_eq!(with("accept:\n  - code: unused-rul\n    reason: x\n"), "/accept/0/code");
    assert_eq!(with("accept:\n  - code: unused-rule\n"), "/accept/0");
    assert_eq!(
        with("accept:\n  - code: unused-rule\n    reason: x\n    until: soon\n"),
        "/accept/0/until"
    );
    assert_eq!(with("reviewed:\n  digest: x\n  root:\n    - POST /x\n"), "/reviewed/root/0");
    // The path of the profile itself is empty.
    assert_eq!(errors(&validator, "version: 1\nname: x\nalow: []\n"), [""]);
    assert_eq!(errors(&validator, "name: x\n"), [""]);
}

#[test]
fn a_generated_profile_names_it_where_that_is_asked_for() {
    let world = World::without_engine();
    recording(&world, "r", &["GET /v1.41/info"]);
    let text = world.dsp(&["generate", "r", "--schema", "s.json"]).out;
    assert!(text.starts_with("# yaml-language-server: $schema=s.json\n# "), "{text}");
    parse(&text).map_err(|problem| problem.message).unwrap();
    // An update keeps it and updates the lines after it.
    world.write("p.yaml", &text);
    recording(&world, "r2", &["GET /v1.41/info", "GET /v1.41/events"]);
    assert_eq!(world.dsp(&["generate", "--update", "p.yaml", "r", "r2"]).status, 0);
    let updated = world.read("p.yaml");
    assert!(updated.starts_with("# yaml-language-server: $schema=s.json\n"), "{updated}");
    assert!(updated.contains(": 2 operations, highest risk: secrets\n"), "{updated}");
}
