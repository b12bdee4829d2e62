//! The output of `dsp export`, compared with dsp's own policy over the whole catalogue.

/// Profiles and requests.
pub mod corpus;
/// How the other proxies would read the files.
mod readers;

use dsp::api::{CanonicalRequest, EngineKind, Refusal, decode_name};
use dsp::export::{Format, export};
use dsp::policy::Enforcer;
use dsp::profile::{Profile, parse};

use crate::support::World;
use corpus::{FEW, NAMES, allowed, targets};
use readers::Reading;

fn read(profile: &Profile, format: Format) -> Reading {
    let text = export(profile, format).unwrap();
    match format {
        Format::Caddy => Reading::caddy(&text),
        Format::Cetusguard => Reading::cetusguard(&text),
        Format::Haproxy => Reading::haproxy(&text),
        Format::Nginx => Reading::nginx(&text),
        Format::Wollomatic => Reading::wollomatic(&text),
    }
}

/// Compares every format with the policy. The tests with the real proxies cover non-canonical
/// spellings.
fn compare(profile: &Profile, targets: &[String]) {
    let gate = Enforcer::new(profile);
    let readings = Format::ALL.map(|format| (format, read(profile, format)));
    for method in corpus::methods(profile) {
        for target in targets {
            let refused = CanonicalRequest::parse(EngineKind::Docker, method, target).err();
            if refused.is_some_and(|refusal| {
                !matches!(refusal, Refusal::Version(_) | Refusal::OldVersion(_))
            }) {
                continue;
            }
            let expected = allowed(&gate, method, target, None);
            let path = decode_name(target).unwrap();
            for (format, reading) in &readings {
                assert_eq!(
                    reading.allows(method, path.as_bytes()),
                    expected,
                    "{method} {target} by {format} with profile {}",
                    profile.name
                );
            }
        }
    }
}

#[test]
fn a_rule_for_each_operation_admits_in_every_format_what_the_policy_admits() {
    let targets = targets(&FEW);
    corpus::single().for_each(|profile| compare(&profile, &targets));
}

#[test]
fn many_rules_admit_in_every_format_what_the_policy_admits() {
    compare(&corpus::everything(), &targets(&NAMES));
    compare(&corpus::all(), &targets(&FEW));
}

#[test]
fn versions_are_allowed_from_the_lowest_on() {
    for min in ["1.24", "1.30", "1.41", "1.99", "1.100", "2.0", "9.109", "999.999"] {
        let profile = format!("version: 1\nname: p\nmin_api: \"{min}\"\nallow:\n  - GET /info\n");
        let minors = || (0..130).chain([199, 200, 998, 999, 1000]);
        let majors = (0..12).chain([99, 100, 998, 999, 1000]);
        let versions = majors.flat_map(|major| minors().map(move |minor| (major, minor)));
        let targets = versions.map(|(major, minor)| format!("/v{major}.{minor}/info"));
        compare(&parse(&profile).unwrap(), &targets.collect::<Vec<_>>());
    }
}

#[test]
fn rules_with_contents_are_left_out_and_named() {
    let text = "version: 1\nname: x\nallow:\n  - GET /info\n  - POST /containers/create: {image: [\"alpine:3\"]}\n  \
        - POST /containers/*/exec\ndeny:\n  - POST /containers/*/exec: {privileged: true}\n";
    let profile = parse(text).unwrap();
    for format in Format::ALL {
        let text = export(&profile, format).unwrap();
        let (head, rest): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| line.starts_with(['#', '!', '/']));
        assert!(
            head.join(" ").contains("Left out, and so denied: POST /containers/create"),
            "{text}"
        );
        assert!(
            !rest.iter().any(|line| line.contains("create") || line.contains("exec")),
            "{format}: {text}"
        );
    }
    let world = World::without_engine();
    world.write("p.yaml", text);
    let done = world.dsp(&["export", "--format", "nginx", "p.yaml"]);
    let said = "a rule is left out, because nginx does not read what requests and answers contain: POST /containers/create";
    assert!(done.err.contains(said), "{}", done.err);
}

#[test]
fn completely_denied_operations_are_in_no_file() {
    let profile = "version: 1\nname: p\nallow:\n  - GET /containers/*/export\n  - GET /info\n\
        deny:\n  - GET /containers/*/export\n";
    let profile = parse(profile).unwrap();
    for format in Format::ALL {
        let text = export(&profile, format).unwrap();
        assert!(text.contains("/info") && !text.contains("export"), "{text}");
    }
}

#[test]
fn a_profile_for_podman_is_not_exported() {
    let profile = "version: 1\nname: p\nengine: podman\nallow:\n  - GET /libpod/info\n";
    let world = World::without_engine();
    world.write("p.yaml", profile);
    let done = world.dsp(&["export", "--format", "nginx", "p.yaml", "-o", "out"]);
    assert_eq!(done.status, 1);
    assert!(done.err.contains("a profile for podman cannot be exported"), "{}", done.err);
    assert!(!world.path("out").exists());
}

#[test]
fn each_file_says_what_it_is_and_what_it_cannot_say() {
    for format in Format::ALL {
        insta::assert_snapshot!(format.as_str(), export(&corpus::everything(), format).unwrap());
    }
}

#[test]
fn a_file_is_written_once_and_stdout_gets_the_same() {
    let world = World::without_engine();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    let printed = world.dsp(&["export", "--format", "nginx", "p.yaml"]);
    assert_eq!((printed.status, printed.err.as_str()), (0, ""));
    let done = world.dsp(&["export", "--format", "nginx", "p.yaml", "-o", "dsp.conf"]);
    assert_eq!((done.status, done.out.as_str()), (0, ""));
    assert_eq!(
        done.err,
        "dsp: wrote dsp.conf for nginx; its first lines say what it cannot express\n"
    );
    assert_eq!(world.read("dsp.conf"), printed.out);
    let done = world.dsp(&["export", "--format", "caddy", "p.yaml", "-o", "dsp.conf"]);
    assert_eq!(done.status, 1);
    assert!(done.err.contains("dsp.conf exists; remove it"), "{}", done.err);
    assert_eq!(world.read("dsp.conf"), printed.out);
}

#[test]
fn an_invalid_profile_is_reported() {
    let world = World::without_engine();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /inf\n");
    let done = world.dsp(&["export", "--format", "haproxy", "p.yaml", "-o", "haproxy.cfg"]);
    assert_eq!(done.status, 1);
    assert!(done.err.contains("names no operation"), "{}", done.err);
    assert!(!world.path("haproxy.cfg").exists());
}
