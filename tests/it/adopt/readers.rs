//! Files of each kind, and what cannot be read in them.

use std::collections::{BTreeMap, BTreeSet};

use dsp::adopt::{AdoptError, Effect, Options, Program, adopt};
use dsp::api::{Catalogue, EngineKind, Method};
use dsp::export::{Format, export};
use dsp::policy::Enforcer;
use dsp::profile::{Profile, parse};
use proptest::prelude::*;

use super::{Decisions, adopted, operations, rules};
use crate::export::corpus::{FEW, allowed, targets};

/// An operation, and the smallest sets of settings that allow it.
type Row = (String, Vec<BTreeSet<String>>);

/// `docs/sections.tsv`, which comes from the `haproxy.cfg` of both programs: the settings that allow an
/// operation, by program.
fn sections() -> BTreeMap<String, Vec<Row>> {
    let text = std::fs::read_to_string("docs/sections.tsv").unwrap();
    let mut sections: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let least = cells[4].split('|').filter(|settings| *settings != "none");
        let least =
            least.map(|settings| settings.split('+').map(str::to_owned).collect()).collect();
        sections.entry(cells[0].to_lowercase()).or_default().push((cells[3].to_owned(), least));
    }
    sections
}

#[test]
fn each_section_grants_the_operations_that_its_configuration_does() {
    for (program, rows) in sections() {
        let program: Program = program.parse().unwrap();
        let settings: BTreeSet<&BTreeSet<String>> =
            rows.iter().flat_map(|(_, least)| least).collect();
        assert!(settings.len() > 30, "{program}");
        // Several at once, and with and without writes: what a group lacks must not be granted either.
        let (writes, reads): (Vec<_>, Vec<_>) =
            settings.into_iter().partition(|settings| settings.contains("POST"));
        let groups = writes.chunks(8).chain(reads.chunks(8));
        for settings in groups.map(|group| -> BTreeSet<&String> {
            group.iter().flat_map(|settings| settings.iter()).collect()
        }) {
            let defaults = ["PING", "VERSION", "EVENTS"].map(|name| format!("{name}=0\n")).concat();
            let on: String = settings.iter().map(|name| format!("{name}=1\n")).collect();
            let adopted = adopted(program, &format!("{defaults}{on}"), None);
            let expected: BTreeSet<&str> = (rows.iter())
                .filter(|(_, least)| {
                    least.iter().any(|least| least.iter().all(|name| settings.contains(name)))
                })
                .map(|(operation, _)| operation.as_str())
                .filter(|name| Catalogue::docker().named(name).unwrap().method != Method::Options)
                .collect();
            assert_eq!(operations(&adopted), expected, "{program} {settings:?}");
        }
    }
}

#[test]
fn what_dsp_exports_is_adopted_again() {
    let profile = parse(
        "version: 1\nname: p\nallow:\n  - GET /_ping\n  - GET /containers/json\n  - GET /containers/*/logs\n  \
         - POST /containers/ci-*/start\n  - POST /containers/web/stop\n  - DELETE /networks/*\n  \
         - GET /images/*/json\n  - GET /debug/pprof/*\ndeny:\n  - DELETE /networks/prod\n",
    )
    .unwrap();
    let gate = Enforcer::new(&profile);
    for (format, program) in
        [(Format::Wollomatic, Program::Wollomatic), (Format::Cetusguard, Program::Cetusguard)]
    {
        let text = export(&profile, format).unwrap();
        let text = match format {
            // The file is for a program without rules of its own.
            Format::Cetusguard => format!(
                "services:\n  p:\n    image: hectorm/cetusguard\n    environment:\n      CETUSGUARD_NO_BUILTIN_RULES: \"true\"\n      \
                 CETUSGUARD_RULES: |\n{}",
                text.replace('$', "$$")
                    .lines()
                    .map(|line| format!("        {line}\n"))
                    .collect::<String>()
            ),
            _ => text,
        };
        let adopted = adopted(program, &text, None);
        assert!(
            adopted.unread.iter().all(|one| one.effect == Effect::Apart),
            "{:?}",
            adopted.unread
        );
        let decisions = Decisions::of(&adopted);
        for method in ["GET", "POST", "DELETE"] {
            for target in targets(&FEW).iter().chain(&[
                "/containers/ci-1/start".to_owned(),
                "/networks/prod".to_owned(),
                "/containers/web/stop".to_owned(),
            ]) {
                if decisions.differs(method, target) {
                    continue;
                }
                assert_eq!(
                    decisions.allows(method, target),
                    allowed(&gate, method, target, None),
                    "{format}: {method} {target} {:?}",
                    rules(&adopted)
                );
            }
        }
    }
}

fn any_profile() -> impl Strategy<Value = Profile> {
    let operations = Catalogue::docker().operations();
    let names = prop::sample::select(vec!["*", "web", "ci-*", "a.b"]);
    prop::collection::vec((0..operations.len(), names), 1..8).prop_filter_map(
        "no rule",
        move |rules| {
            // One rule for each operation: what another one covers does not come back.
            let rules: BTreeMap<usize, &str> = rules.into_iter().collect();
            let rules: BTreeSet<String> = (rules.into_iter())
                .filter(|(place, _)| operations[*place].method != Method::Options)
                .map(|(place, name)| {
                    let operation = &operations[place];
                    let single = operation.template.parameters().count() == 1;
                    let path = operation.template.fill(|_| if single { name } else { "*" }.into());
                    format!("  - {} {path}\n", operation.method)
                })
                .collect();
            let rules: String = rules.into_iter().collect();
            parse(&format!("version: 1\nname: p\nallow:\n{rules}")).ok()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Each rule of a profile comes back from the flags that dsp writes for wollomatic's proxy.
    #[test]
    fn rules_come_back(profile in any_profile()) {
        let text = export(&profile, Format::Wollomatic).unwrap();
        let adopted = adopted(Program::Wollomatic, &text, None);
        let mut given: Vec<String> =
            profile.allow.iter().map(|entry| entry.value.to_string()).collect();
        let mut found = rules(&adopted);
        given.sort();
        found.sort();
        prop_assert_eq!(found, given);
    }

    /// No text makes a reader fail in another way than with an error.
    #[test]
    fn no_text_panics(
        text in r#"(frontend f\n|http-request (allow|deny) (if|unless) |\{|\}|@a |path /|\n|reverse_proxy |unix//x |services:\n|  p:\n|    image: tecnativa/docker-socket-proxy\n|    environment:\n|POST=1\n|GET,HEAD %API_PREFIX%|rules:\n|  - match: |-allowGET=|'|"|\\|\$\{|[ -~]){0,40}"#,
    ) {
        for program in Program::ALL.into_iter().map(Some).chain([None]) {
            let options = Options { program, service: None, engine: EngineKind::Docker };
            let _ = adopt(&text, &options);
        }
    }
}

fn unread(program: Program, text: &str) -> Vec<(Option<usize>, Effect, String)> {
    let unread = adopted(program, text, None).unread.into_iter();
    unread.map(|one| (one.line, one.effect, one.reason)).collect()
}

#[test]
fn what_cannot_be_read_grants_nothing_and_is_listed() {
    let text = "-allowGET=/info\n-allowPOST=(?=/build).*\n-allowDELETE=/vendor/x\n";
    let adopted = adopted(Program::Wollomatic, text, None);
    assert_eq!(rules(&adopted), ["GET /info"]);
    assert!(!adopted.is_exact());
    assert_eq!(
        unread(Program::Wollomatic, text),
        [
            (Some(2), Effect::Less, "an expression that dsp cannot evaluate".to_owned()),
            (Some(3), Effect::Less, "the Engine API has no operation that it allows".to_owned()),
        ]
    );
}

#[test]
fn an_unreadable_denial_denies_what_it_may() {
    let text = "frontend f\n  http-request deny if { path_sub /containers } { query -m found }\n  \
                http-request deny if { path_sub /images } { src 10.0.0.0/8 }\n  http-request deny unless METH_GET\n  \
                default_backend e\nbackend e\n  server e unix@/s\n";
    let adopted = adopted(Program::Haproxy, text, None);
    let rules = rules(&adopted);
    assert!(!rules.contains(&"GET /containers/json".to_owned()), "{rules:?}");
    // Somebody from elsewhere may read images.
    assert!(rules.contains(&"GET /images/json".to_owned()), "{rules:?}");
    let unread = unread(Program::Haproxy, text);
    assert_eq!(unread.len(), 2, "{unread:?}");
    assert_eq!((unread[0].0, unread[0].1), (Some(2), Effect::Less));
    assert_eq!((unread[1].0, unread[1].1), (Some(3), Effect::Apart));
}

#[test]
fn some_names_become_narrow_rules() {
    let of = |flag: &str| rules(&adopted(Program::Wollomatic, flag, None));
    assert_eq!(
        of(r"-allowPOST=(/v1\.[0-9]+)?/containers/(web|ci-.*)/restart"),
        ["POST /containers/web/restart", "POST /containers/ci-*/restart"]
    );
    // The engine knows only by their IDs what this means; a rule cannot say it.
    let adopted = adopted(Program::Wollomatic, "-allowGET=/containers/[a-f0-9]+/json", None);
    assert_eq!(rules(&adopted), ["GET /containers/*/json"]);
    assert!(!adopted.is_exact());
}

#[test]
fn the_program_is_told_by_the_file_where_it_can_be() {
    let told = |text: &str| {
        let options = Options { program: None, service: None, engine: EngineKind::Docker };
        adopt(text, &options).map(|adopted| adopted.program)
    };
    for (text, program) in [
        (
            "services:\n  p:\n    image: ghcr.io/tecnativa/docker-socket-proxy:v0.4.0\n",
            Program::Tecnativa,
        ),
        (
            "services:\n  p:\n    image: lscr.io/linuxserver/socket-proxy@sha256:0\n",
            Program::Linuxserver,
        ),
        ("SP_ALLOW_GET=/info\n", Program::Wollomatic),
        ("command:\n  - '-allowGET=/info'\n", Program::Wollomatic),
        ("! x\nGET %API_PREFIX_INFO%\n", Program::Cetusguard),
        (
            "rules:\n  - match: { method: GET, path: /info }\n    action: allow\n",
            Program::Sockguard,
        ),
        (":80 {\n reverse_proxy /info unix//s\n}\n", Program::Caddy),
        (
            "frontend f\n http-request allow if METH_GET\n default_backend e\nbackend e\n server e /s\n",
            Program::Haproxy,
        ),
    ] {
        assert_eq!(told(text).unwrap(), program, "{text}");
    }
    let Err(AdoptError::NotRecognized { candidates }) = told("CONTAINERS=1\n") else { panic!() };
    assert_eq!(candidates, [Program::Tecnativa, Program::Linuxserver]);
    for text in ["", "x", "services: 1\n", "services:\n  a:\n    image: nginx\n", "A=1\n"] {
        assert!(matches!(told(text), Err(AdoptError::NotRecognized { .. })), "{text}");
    }
    let two = "services:\n  a:\n    image: wollomatic/socket-proxy\n  b:\n    image: wollomatic/socket-proxy:1\n";
    assert!(matches!(told(two), Err(AdoptError::Several { .. })));
}

#[test]
fn a_container_has_a_list_of_its_own_in_its_labels() {
    let text = "services:\n  p:\n    image: wollomatic/socket-proxy\n    command: -allowGET=/info\n  app:\n    image: x\n    \
                labels:\n      - socket-proxy.allow.get=/version\n      - socket-proxy.allow.get.1=/_ping\n";
    let of = |service| adopted(Program::Wollomatic, text, Some(service));
    assert_eq!(rules(&of("p")), ["GET /info"]);
    assert_eq!(of("p").unread[0].text, "app");
    assert_eq!(rules(&of("app")), ["GET /_ping", "GET /version"]);
}
