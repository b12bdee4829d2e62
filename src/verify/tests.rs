//! What is said about a profile in front of an engine.

use std::fmt::Write;

use super::*;
use crate::api::Address;
use crate::engine::{EngineVersion, Source as EngineSource};
use crate::profile::parse;

fn engine(kind: EngineKind, version: &str, api: &str, oldest: &str) -> Engine {
    Engine {
        address: Address::unix("/run/engine.sock").unwrap().into(),
        source: EngineSource::Flag,
        version: EngineVersion {
            version: version.to_owned(),
            api: api.to_owned(),
            min_api: Some(oldest.to_owned()),
            kind,
        },
    }
}

fn report(profile: &str, engine: &Engine, settings: Option<&Settings>) -> Report {
    let text = format!("version: 1\nname: p\n{profile}");
    let profile = parse(&text).unwrap();
    verify(&profile, Source::file("p.yaml", text), engine, settings, Severity::Error)
}

/// The findings in short: severity, code, line, message and help.
fn said(report: &Report) -> String {
    let mut text = format!("{:?}: {}\n", report.verdict, report.summary);
    for finding in &report.findings {
        let line = finding.region.as_ref().map(|region| report.sources[0].lines(&region.span).line);
        let line = line.map_or_else(String::new, |line| format!(" line {line}"));
        let _ = writeln!(
            text,
            "{} {}{line}: {}",
            finding.severity.as_str(),
            finding.code,
            finding.message
        );
        if let Some(help) = &finding.help {
            let _ = writeln!(text, "  help: {help}");
        }
    }
    text
}

const RULES: &str = "allow:\n  - GET /info\n  - POST /containers/create\n  - GET /images/*/attestations\n  \
    - POST /containers/*/checkpoints\n  - GET /debug/vars\n  - GET /services\n  - POST /swarm/init\n";

#[test]
fn an_old_engine_lacks_operations_and_settings() {
    let engine = engine(EngineKind::Docker, "20.10.24", "1.41", "1.12");
    let settings = Settings { live_restore: true, ..Settings::default() };
    let report = report(&format!("min_api: \"1.55\"\n{RULES}"), &engine, Some(&settings));
    insta::assert_snapshot!(said(&report));
    assert_eq!(report.verdict, Verdict::Fail);
}

#[test]
fn a_new_engine_with_every_setting_has_notes_only() {
    let engine = engine(EngineKind::Docker, "29.7.2", "1.56", "1.40");
    let settings = Settings {
        experimental: true,
        debug: true,
        rootless: true,
        user_namespaces: true,
        authorization: vec!["opa\u{202e}\u{1b}".to_owned(), "authz".to_owned()],
        swarm_manager: true,
        live_restore: false,
    };
    let report = report(RULES, &engine, Some(&settings));
    insta::assert_snapshot!(said(&report));
    assert_eq!(report.verdict, Verdict::Pass);
}

#[test]
fn releases_of_podman_are_told_apart() {
    let rules = "engine: podman\nallow:\n  - POST /libpod/volumes/*/rename\n  \
        - GET /libpod/volumes/*/export\n  - GET /libpod/info\n  - GET /checkpoints\n";
    let rules = rules.replace("  - GET /checkpoints\n", "");
    let newer = engine(EngineKind::Podman, "6.1.1", "1.44", "1.24");
    let settings = Settings::default();
    assert!(report(&rules, &newer, Some(&settings)).findings.is_empty());
    let older = engine(EngineKind::Podman, "5.4.2", "1.41", "1.24");
    insta::assert_snapshot!(said(&report(&rules, &older, Some(&settings))));
    let odd = engine(EngineKind::Podman, "next", "next", "?");
    let findings = report(&rules, &odd, Some(&settings)).findings;
    let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    let expected = "\"next\" is not an API version, so the engine's versions were not compared";
    assert_eq!(messages, [expected]);
}

#[test]
fn another_kind_of_engine_is_an_error_or_a_warning() {
    let docker = engine(EngineKind::Docker, "28.5.2", "1.51", "1.24");
    let podman = engine(EngineKind::Podman, "5.4.2", "1.41", "1.24");
    let own = "engine: podman\nallow:\n  - GET /libpod/info\n";
    let text = said(&report(own, &docker, None))
        + &said(&report("allow:\n  - GET /info\n", &podman, None));
    insta::assert_snapshot!(text);
}

#[test]
fn fail_on_decides_on_the_verdict() {
    let engine = engine(EngineKind::Docker, "20.10.24", "1.41", "1.12");
    let text = "version: 1\nname: p\nallow:\n  - GET /services\n";
    let verdict = |fail_on| {
        let profile = parse(text).unwrap();
        let source = Source::file("p.yaml", text.to_owned());
        verify(&profile, source, &engine, Some(&Settings::default()), fail_on).verdict
    };
    assert_eq!(verdict(Severity::Error), Verdict::Pass);
    assert_eq!(verdict(Severity::Warning), Verdict::Fail);
}

#[test]
fn every_code_has_its_kind() {
    let codes: Vec<&str> = KINDS.iter().map(|kind| kind.code).collect();
    assert_eq!(codes.len(), 10);
    assert_eq!(Code::NeedsSetting.kind().code, "needs-setting");
    assert_eq!(Code::SettingsUnknown.kind().code, "settings-unknown");
    assert_eq!(Code::Rootless.kind().code, "rootless");
}

#[test]
fn no_min_api_is_advised_that_dsp_refuses() {
    let ancient = engine(EngineKind::Docker, "1.0", "1.10", "1.0");
    let report = report("min_api: \"1.30\"\nallow:\n  - GET /info\n", &ancient, None);
    let finding = report.findings.iter().find(|finding| finding.code == "min-api").unwrap();
    let expected = "use a newer engine: dsp refuses API versions below 1.24";
    assert_eq!(finding.help.as_deref(), Some(expected));
}
