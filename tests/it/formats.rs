//! The formats of `check` and `diff`: complete, valid under their schemas, and foreign text cannot
//! break out of its place.

use std::io::Write;
use std::process::{Command, Stdio};

use dsp::check::{CHANGES, KINDS};
use dsp::report::{Fact, Finding, Format, Region, Report, Severity, Source, Verdict};
use proptest::prelude::*;
use serde_json::Value;

use crate::generate::recording;
use crate::support::World;

const HOSTILE: &str =
    "GET /<script>alert(1)</script>|`x`|@admin %0A::error::x ]]> \u{202e}\u{1b}[31m\n::warning::y";

pub fn schema(path: &str) -> jsonschema::Validator {
    let text = std::fs::read_to_string(path).unwrap();
    // The one pattern in SARIF's schema that is not a valid regular expression, for a key that dsp
    // does not write.
    let text = text.replace("^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$", "^[a-zA-Z]{2}");
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn valid(validator: &jsonschema::Validator, text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, Vec::<String>::new(), "{text}");
    value
}

/// Whether the XML is well-formed and valid; true if the validator is missing.
fn is_valid_junit(text: &str) -> bool {
    let child = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema", "tests/schemas/junit.xsd", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        let is_required = std::env::var("DSP_TEST_ENGINE").is_ok_and(|value| value == "required");
        assert!(!is_required, "xmllint is missing");
        return true;
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        eprintln!("{}\n{text}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

/// A report with every kind of finding, and with an attacker's text wherever foreign text can
/// occur.
fn rich() -> Report {
    let kind = |code: &str| KINDS.iter().find(|kind| kind.code == code).unwrap();
    let text = "version: 1\nname: p\nallow:\n  - GET /info\n";
    let span = text.find("GET /info").unwrap()..text.len() - 1;
    let region = |label: &str| Some(Region { source: 0, span: span.clone(), label: label.into() });
    let findings = vec![
        Finding {
            subject: Some(HOSTILE.into()),
            region: region("add it after this line"),
            seen: Some("2 requests, 1 session".into()),
            help: Some(format!("add under unknown: - {HOSTILE}")),
            ..Finding::new(kind("unknown-operation"), format!("{HOSTILE} is unknown"))
        },
        Finding {
            subject: Some("POST /containers/create".into()),
            risk: Some(dsp::api::Risk::Root),
            region: region(""),
            help: Some("to allow it, add under allow: - POST /containers/create".into()),
            ..Finding::new(kind("new-operation"), "POST /containers/create is used but not allowed")
        },
        Finding {
            subject: Some("GET /info".into()),
            region: region(""),
            ..Finding::new(kind("unused-rule"), "GET /info is allowed but was not used")
        },
        Finding {
            severity: Severity::Note,
            ..Finding::new(kind("unreviewed"), "nobody has reviewed this profile")
        },
        Finding {
            accepted: Some(format!("because {HOSTILE}")),
            ..Finding::new(kind("lossy-recording"), "lines were lost while recording")
        },
    ];
    Report {
        command: "check",
        kinds: &KINDS,
        sources: vec![Source::file("a b/é:p.yaml", text.to_owned())],
        findings,
        facts: vec![("operations", Fact::Count(3)), ("requests", Fact::Count(7))],
        summary: "checked 3 operations, 7 requests, 1 session".into(),
        fail_on: Severity::Error,
        verdict: Verdict::Fail,
    }
}

#[test]
fn each_format_is_as_it_was() {
    let report = rich();
    for format in Format::ALL {
        let text = format.render(&report).replace(env!("CARGO_PKG_VERSION"), "[VERSION]");
        insta::assert_snapshot!(format.as_str(), text);
    }
}

#[test]
fn the_output_of_a_run_is_valid_under_its_schema() {
    let world = World::without_engine();
    world.write(
        "p.yaml",
        "version: 1\nname: p\nallow:\n  - GET /info\n  - GET /containers/web/json\n",
    );
    world.write("q.yaml", "version: 1\nname: p\nmin_api: \"1.41\"\nallow:\n  - POST /build\n  - GET /containers/*/json\n");
    recording(
        &world,
        "r",
        &["GET /v1.41/images/json", "GET /v1.41/containers/db/json", "GET /info/../json"],
    );
    let (json, sarif) = (schema("schema/report.v1.json"), schema("tests/schemas/sarif-2.1.0.json"));
    for command in [&["check", "p.yaml", "r"][..], &["diff", "p.yaml", "q.yaml"]] {
        let formats = ["--format", "text", "--format", "json=o.json", "--format", "sarif=o.sarif"];
        let more =
            ["--format", "junit=o.xml", "--format", "markdown=o.md", "--format", "github=o.txt"];
        let done = world.dsp(&[command, &formats, &more].concat());
        assert_eq!(done.err, "", "{command:?}");
        let found = valid(&json, &world.read("o.json"));
        let count = found["findings"].as_array().unwrap().len();
        assert!(count > 2, "{found}");
        let log = valid(&sarif, &world.read("o.sarif"));
        assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), count);
        assert!(is_valid_junit(&world.read("o.xml")));
        for file in ["o.txt", "o.xml", "o.md"] {
            let text = world.read(file);
            insta::assert_snapshot!(format!("{}_{}", command[0], &file[2..]), text);
        }
        // Standard output is the same, also when repeated.
        for (format, file) in
            [("json", "o.json"), ("sarif", "o.sarif"), ("junit", "o.xml"), ("markdown", "o.md")]
        {
            let again = world.dsp(&[command, &["--format", format]].concat());
            assert_eq!((again.out, again.status), (world.read(file), done.status));
        }
    }
}

#[test]
fn the_schema_names_every_code() {
    let text = std::fs::read_to_string("schema/report.v1.json").unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let codes = &schema["$defs"]["finding"]["properties"]["code"]["enum"];
    let codes: Vec<&str> =
        codes.as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    let known: Vec<&str> = KINDS.iter().chain(&CHANGES).map(|kind| kind.code).collect();
    assert_eq!(codes.len(), known.len());
    assert!(known.iter().all(|code| codes.contains(code)), "{known:?}");
}

#[test]
fn the_document_has_every_code_with_its_weight() {
    let document = std::fs::read_to_string("docs/formats.md").unwrap();
    for kind in KINDS {
        let row = format!("| `{}` | {} | {} |", kind.code, kind.severity.as_str(), kind.title);
        assert!(document.lines().any(|line| line == row), "{row}");
    }
    for format in Format::ALL {
        assert!(document.contains(&format!("\n| `{}` | ", format.as_str())), "{format:?}");
    }
}

#[test]
fn a_long_report_stays_a_comment() {
    let mut report = rich();
    let one = report.findings[1].clone();
    report.findings.extend(std::iter::repeat_n(one, 20_000));
    let text = Format::Markdown.render(&report);
    assert!(text.len() < 1 << 15 && text.contains("\nand 19"), "{}", text.len());
    // Long names and accepted findings have to fit as well.
    report.findings.iter_mut().for_each(|finding| finding.message = "n".repeat(1000));
    report.findings.iter_mut().skip(50).for_each(|finding| finding.accepted = Some("a".into()));
    let text = Format::Markdown.render(&report);
    assert!(text.len() < 1 << 15 && text.contains("\n- and 19"), "{}", text.len());
    assert!(text.ends_with("\n</details>\n"));
}

#[test]
fn formats_do_not_run_into_each_other() {
    let world = World::without_engine();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    recording(&world, "r", &["GET /v1.41/info"]);
    let check = |args: &[&str]| world.dsp(&[&["check", "p.yaml", "r"], args].concat());
    let done = check(&["--format", "json", "--format", "text"]);
    assert_eq!((done.status, done.out.as_str()), (1, ""));
    assert!(done.err.contains("--format text=FILE"), "{}", done.err);
    for wrong in ["jsn", "sarif=", "=x"] {
        assert_eq!(check(&["--format", wrong]).status, 2, "{wrong}");
    }
    // Annotations may accompany text for people, but not output for programs.
    let done = check(&["--format", "github", "--format", "json"]);
    assert_eq!((done.status, done.out.as_str()), (1, ""));
    assert!(done.err.contains("--format json=FILE"), "{}", done.err);
    assert_eq!(check(&["--format", "github", "--format", "text"]).status, 0);
    let done = check(&["--format", "json=o", "--format", "sarif=o"]);
    assert_eq!((done.status, world.path("o").exists()), (1, false));
    assert!(done.err.contains("two formats would be written to o"), "{}", done.err);
    let nowhere = ["--format", "json=/dev/null", "--format", "sarif=/dev/null"];
    assert_eq!(check(&nowhere).status, 0);
    let done = check(&["--format", "text", "--format", "sarif=none/out.sarif"]);
    assert_eq!(done.status, 1);
    assert!(done.err.contains("none/out.sarif"), "{}", done.err);
    // dsp replaces what it wrote before, and nothing else; it can write to a device.
    world.write("out.json", "old");
    assert_eq!(check(&["--format", "json=out.json"]).status, 1);
    assert_eq!(world.read("out.json"), "old");
    world.write("out.json", "");
    assert_eq!(check(&["--format", "json=out.json"]).status, 0);
    assert_eq!(check(&["--format", "json=out.json", "--format", "markdown=/dev/null"]).status, 0);
    assert!(world.read("out.json").starts_with("{\n"));
}

#[test]
fn only_files_of_the_tree_are_annotated() {
    let world = World::without_engine();
    recording(&world, "r", &["GET /v1.41/images/json"]);
    let done = world.dsp(&["check", "builtin:monitor", "r", "--format", "github"]);
    assert!(done.out.contains("::error file=builtin%3Amonitor,line=1,title="), "{}", done.out);
    let sarif = world.dsp(&["check", "builtin:monitor", "r", "--format", "sarif"]).out;
    let log = valid(&schema("tests/schemas/sarif-2.1.0.json"), &sarif);
    let region = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region, &serde_json::json!({ "startLine": 1, "startColumn": 1 }));
}

#[test]
fn a_summary_is_added_to_the_step() {
    let world = World::without_engine();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    recording(&world, "r", &["GET /v1.41/info"]);
    world.write("summary.md", "before\n");
    let mut command = world.dsp_command(&["check", "p.yaml", "r", "--format", "github"]);
    command.env("GITHUB_STEP_SUMMARY", world.path("summary.md"));
    assert_eq!(world.finish(command).status, 0);
    assert!(world.read("summary.md").starts_with("before\n\n### dsp check `p.yaml`: passed\n"));
}

#[test]
fn nothing_to_compare_is_reported_to_programs_too() {
    let world = World::without_engine();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    recording(&world, "r", &[]);
    let formats = ["json=o.json", "junit=o.xml", "sarif=o.sarif", "markdown=o.md", "github=o.txt"];
    let args = formats.iter().flat_map(|format| ["--format", format]);
    let args: Vec<&str> = ["check", "p.yaml", "r"].into_iter().chain(args).collect();
    let done = world.dsp(&args);
    assert_eq!((done.status, done.out.as_str()), (4, ""));
    let found = valid(&schema("schema/report.v1.json"), &world.read("o.json"));
    assert_eq!(found["verdict"], "unknown");
    assert_eq!(found["findings"], serde_json::json!([]));
    let junit = world.read("o.xml");
    assert!(is_valid_junit(&junit) && junit.contains(" errors=\"1\"") && junit.contains("<error "));
    assert!(world.read("o.md").starts_with("### dsp check `p.yaml`: no verdict\n"));
    assert!(world.read("o.txt").starts_with("::error title=dsp check::no verdict: "));
    // An upload without results would close the open alerts.
    assert!(!world.path("o.sarif").exists());
    // On a terminal, the error is the whole output.
    assert_eq!(world.dsp(&["check", "p.yaml", "r"]).out, "");
}

#[test]
fn nothing_of_others_becomes_markup() {
    let mut report = rich();
    report.findings.truncate(1);
    let said = "@all #1 GH-1 www.a.b http://a.b :tada: $x$ {0} [a](http://b) \\| `` \u{9b}31m";
    report.findings[0].message = said.to_owned();
    report.findings[0].subject = Some(said.to_owned());
    report.findings[0].help = Some("to allow it, add under unknown: - GET /a:`b`".to_owned());
    report.sources[0].path = "a\\|b.yaml".to_owned();
    let markdown = Format::Markdown.render(&report);
    insta::assert_snapshot!("markup_markdown", markdown);
    let row = markdown.lines().last().unwrap();
    assert_eq!(row.matches('|').count(), 5, "{row}");
    let sarif = Format::Sarif.render(&report);
    let log: Value = serde_json::from_str(&sarif).unwrap();
    let message = log["runs"][0]["results"][0]["message"]["text"].as_str().unwrap();
    assert!(message.contains(r"{{0}} \[a\](http://b)"), "{message}");
    let json = Format::Json.render(&report);
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["findings"][0]["message"], said);
    for text in [json, sarif] {
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
}

#[test]
fn findings_on_one_line_are_distinguished_and_tracked() {
    let prints = |report: &Report| -> Vec<String> {
        let log: Value = serde_json::from_str(&Format::Sarif.render(report)).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let print = |result: &Value| {
            result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().to_owned()
        };
        results.iter().map(print).collect()
    };
    let mut report = rich();
    report.findings.push(report.findings[3].clone());
    let before = prints(&report);
    let different: std::collections::BTreeSet<&String> = before.iter().collect();
    assert_eq!(different.len(), before.len(), "{before:?}");
    // Neither a moved line nor a number in a message makes it a different finding.
    report.sources[0].text.insert_str(0, "# moved\n");
    report.findings[3].message += " (5 rules)";
    assert_eq!(prints(&report), before);
}

#[test]
fn a_revision_is_not_a_place_in_the_tree() {
    let mut report = rich();
    let text = report.sources[0].text.clone();
    let revision = Source::new("main:p.yaml", text.clone(), false);
    report.sources = vec![revision, Source::file("tree.yaml", text)];
    for format in [Format::Github, Format::Sarif] {
        let rendered = format.render(&report);
        assert!(rendered.contains("tree.yaml"), "{rendered}");
        assert!(!rendered.contains("main:p") && !rendered.contains("main%3Ap"), "{rendered}");
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ -~\r\n\t<>&|`@%:,\"']{0,30}", Just(HOSTILE.to_owned())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_gets_out_of_its_place(
        message in any_text(),
        subject in any_text(),
        path in any_text(),
        reason in any_text(),
    ) {
        let mut report = rich();
        report.sources[0].path.clone_from(&path);
        report.findings[0].message.clone_from(&message);
        report.findings[0].subject = Some(subject.clone());
        report.findings[4].accepted = Some(reason.clone());
        report.findings[4].message.clone_from(&message);
        let json: Value = serde_json::from_str(&Format::Json.render(&report)).unwrap();
        prop_assert_eq!(json["findings"][0]["message"].as_str(), Some(message.as_str()));
        prop_assert_eq!(json["findings"][0]["subject"].as_str(), Some(subject.as_str()));
        prop_assert_eq!(json["findings"][0]["place"]["file"].as_str(), Some(path.as_str()));
        prop_assert_eq!(json["findings"][4]["accepted"].as_str(), Some(reason.as_str()));
        let sarif: Value = serde_json::from_str(&Format::Sarif.render(&report)).unwrap();
        let justification = &sarif["runs"][0]["results"][4]["suppressions"][0]["justification"];
        prop_assert_eq!(justification.as_str(), Some(reason.as_str()));
        // One command for each finding that counts; the last line is not one.
        let github = Format::Github.render(&report);
        let commands = github.lines().filter(|line| line.starts_with("::")).count();
        prop_assert_eq!((commands, github.lines().count()), (4, 5), "{}", github);
        // A heading, the summary, a head and four rows, and the accepted one.
        let markdown = Format::Markdown.render(&report);
        let rows = markdown.lines().filter(|line| line.starts_with('|'));
        let cells = |row: &str| row.matches('|').count();
        let rows: Vec<usize> = rows.map(cells).collect();
        prop_assert_eq!(rows, vec![5; 6], "{}", markdown);
        prop_assert_eq!(markdown.lines().count(), 16, "{}", markdown);
        let junit = Format::Junit.render(&report);
        let is_allowed = |character: char| matches!(character, '\n' | ' '..='\u{fffd}' | '\u{10000}'..);
        prop_assert!(junit.chars().all(is_allowed), "{:?}", junit);
        prop_assert_eq!(junit.matches("<testcase").count(), KINDS.len() + 1);
        let text = Format::Text.render(&report);
        prop_assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{:?}", text);
    }
}

#[test]
fn hostile_text_makes_valid_files() {
    let report = rich();
    valid(&schema("tests/schemas/sarif-2.1.0.json"), &Format::Sarif.render(&report));
    valid(&schema("schema/report.v1.json"), &Format::Json.render(&report));
    assert!(is_valid_junit(&Format::Junit.render(&report)));
    let unknown = Report { verdict: Verdict::Unknown, ..rich() };
    assert!(is_valid_junit(&Format::Junit.render(&unknown)));
}
