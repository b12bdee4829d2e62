//! A host file says what it says, and what is wrong with one.

use proptest::prelude::*;

use super::*;

const WHOLE: &str = "\
version: 1
engine: unix:///var/run/docker.sock
control: unix:///run/dsp/control.sock
metrics: tcp://127.0.0.1:9323
grace: 5
body_timeout: 0
max_connections: 100
require_reviewed: true
programs:
  traefik:
    profile: builtin:traefik
    listen: unix:///run/dsp/traefik.sock
  ci:
    profile: ./ci.yaml
    own: runner
    require_reviewed: false
    audit_log: logs/ci.jsonl
    audit_log_optional: true
    listen:
      - address: unix:///run/dsp/ci.sock
        mode: 660
        group: 998
      - tcp://127.0.0.1:2379
";

fn problem(text: &str) -> String {
    let problem = parse(text, Path::new("/etc/dsp")).unwrap_err();
    let hint = problem.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}:{}: {}{hint}", problem.line, problem.column, problem.message)
}

#[test]
fn a_host_file_is_read() {
    let host = parse(WHOLE, Path::new("/etc/dsp")).unwrap();
    assert_eq!(host.settings.body_timeout, None);
    assert_eq!(host.settings.grace, Duration::from_secs(5));
    let names: Vec<&str> = host.programs.keys().map(Name::as_str).collect();
    assert_eq!(names, ["traefik", "ci"]);
    let (traefik, ci) = (&host.programs[0], &host.programs[1]);
    assert_eq!(traefik.profile, Path::new("builtin:traefik"));
    assert!(traefik.requires_reviewed && !ci.requires_reviewed);
    assert_eq!(ci.profile, Path::new("/etc/dsp/ci.yaml"));
    assert_eq!(ci.own, Some(Name::parse("runner").unwrap()));
    let log = ci.audit_log.as_ref().unwrap();
    assert_eq!((log.path.as_path(), log.is_optional), (Path::new("/etc/dsp/logs/ci.jsonl"), true));
    assert_eq!(host.sockets.len(), 3);
    let settings = &host.sockets[1].settings;
    assert_eq!((settings.mode, settings.group.as_deref()), (Some(0o660), Some("998")));
    assert_eq!(ci.listen[1].to_string(), "tcp://127.0.0.1:2379");
}

#[test]
fn an_engine_is_named_as_for_the_docker_cli() {
    let named = |engine: &str| WHOLE.replace("unix:///var/run/docker.sock", engine);
    for engine in ["ssh://root@far:22", "ssh://far/run/docker.sock", "tcp://[::1]:2376"] {
        let host = parse(&named(engine), Path::new("/etc/dsp")).unwrap();
        assert_eq!(host.settings.engine.unwrap().spelled(), engine);
    }
    assert!(problem(&named("ssh://-oProxyCommand=x")).starts_with("2:9: "), "in its place");
    assert!(problem(&named("http://far")).starts_with("2:9: "));
}

#[test]
fn programs_share_a_socket_if_their_clients_can_be_told_apart() {
    let text = "version: 1\nprograms:\n  a:\n    profile: x\n    listen: { address: unix:///s, mode: 666 }\n    \
                clients: [{ container: web }, { user: 7 }]\n  b:\n    profile: y\n    listen: unix:///s\n    \
                clients:\n      - unit: backup\n";
    let host = parse(text, Path::new("")).unwrap();
    assert_eq!(host.sockets.len(), 1);
    assert_eq!(host.sockets[0].settings.mode, Some(0o666));
    assert_eq!(host.programs[0].listen, host.programs[1].listen);
    assert_eq!(host.programs[0].clients.users, ["7"]);
    assert_eq!(host.programs[1].clients.others.units[0].to_string(), "backup.service");
    let other = text.replace("listen: unix:///s\n", "listen: { address: unix:///s, mode: 600 }\n");
    assert!(problem(&other).contains("already has other settings"), "{}", problem(&other));
}

#[test]
fn errors_have_a_place_and_a_hint() {
    let with = |rest: &str| problem(&format!("version: 1\nprograms:\n  a:\n    {rest}\n"));
    let shared = |one: &str, other: &str| {
        let program = |name: &str, clients: &str| {
            format!("  {name}: {{ profile: x, listen: unix:///a, clients: {clients} }}\n")
        };
        problem(&format!("version: 1\nprograms:\n{}{}", program("a", one), program("b", other)))
    };
    let app = "profile: builtin:traefik\n    ";
    insta::assert_snapshot!(
        [
            problem(""),
            problem("version: 2\n"),
            problem("version: 1\n"),
            problem("version: 1\nprograms: {}\n"),
            problem("version: 1\nprogram: {}\n"),
            problem("version: 1\nprograms:\n  a b: { profile: x, listen: unix:///a }\n"),
            problem("version: 1\ncontrol: tcp://127.0.0.1:1\nprograms: {}\n"),
            problem("version: 1\nmax_connections: 0\nprograms: {}\n"),
            problem("version: 1\nprograms:\n  a: { profile: x, listen: unix:///a }\n  a: { profile: x, listen: unix:///b }\n"),
            problem("version: 1\nprograms:\n  a: { profile: x, listen: unix:///a }\n  b: { profile: x, listen: unix:///a }\n"),
            with("listen: unix:///a"),
            with(&format!("{app}listen:")),
            with("profile: builtin:traefik"),
            with("profile: \"\"\n    listen: unix:///a"),
            with(&format!("{app}listen: []")),
            with(&format!("{app}listen: [unix:///a, unix:///a]")),
            with(&format!("{app}listen: unix://a")),
            with(&format!("{app}listen: [fd://3]")),
            with(&format!("{app}listen: {{ mode: 660 }}")),
            with(&format!("{app}listen: {{ address: unix:///a, mode: 0o660 }}")),
            with(&format!("{app}listen: {{ address: unix:///a, modes: 660 }}")),
            with(&format!("{app}listen: {{ address: tcp://127.0.0.1:1, group: a }}")),
            with(&format!("{app}listen: {{ address: unix:///a, insecure_tcp: true }}")),
            with(&format!("{app}listen: {{ address: tcp://127.0.0.1:1, allow_host: [\"a:1\"] }}")),
            with(&format!("{app}listen: unix:///a\n    own: \"@own\"")),
            with(&format!("{app}listen: unix:///a\n    audit_log_optional: true")),
            with(&format!("{app}listen: unix:///a\n    audit: true\n    drop_denied: true")),
            with(&format!("{app}listen: unix:///a\n    audit: maybe")),
            with(&format!("{app}listen: unix:///a\n    ports: 1")),
            with(&format!("{app}listen: {{ address: unix:///a, tls_cert: a }}")),
            with(&format!("{app}listen: {{ address: tcp://127.0.0.1:1, tls_cert: a }}")),
            with(&format!("{app}listen: {{ address: tcp://127.0.0.1:1, tls_client_ca: a }}")),
            with(&format!("{app}listen: tcp://127.0.0.1:1\n    clients: [{{ certificate: a }}]")),
            with(&format!("{app}listen: unix:///a\n    clients: []")),
            with(&format!("{app}listen: unix:///a\n    clients: [{{}}]")),
            with(&format!("{app}listen: unix:///a\n    clients: [{{ user: a, unit: b }}]")),
            with(&format!("{app}listen: unix:///a\n    clients: [{{ user: \"\" }}]")),
            with(&format!("{app}listen: unix:///a\n    clients: [{{ container: a b }}]")),
            with(&format!("{app}listen: unix:///a\n    clients: [{{ unit: a.socket }}]")),
            with(&format!("{app}listen: unix:///a\n    clients: [{{ address: 10.0.0.1/8 }}]")),
            with(&format!("{app}listen: unix:///a\n    clients: [{{ address: 10.0.0.0/8 }}]")),
            with(&format!("{app}listen: tcp://127.0.0.1:1\n    clients: [{{ user: a }}]")),
            with(&format!("{app}listen: unix:///a\n    clients: [{{ pod: a }}]")),
            shared("[{ user: a }]", "[{ user: a }]"),
            shared("[{ user: a }]", "null"),
        ]
        .join("\n")
    );
}

#[test]
fn files_that_cannot_be_read_have_distinct_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dsp.yaml");
    assert!(matches!(load(&path), Err(HostError::Io { .. })));
    std::fs::write(&path, b"\xff\xfe").unwrap();
    assert!(matches!(load(&path), Err(HostError::NotText { .. })));
    std::fs::write(&path, " ".repeat(2 << 20)).unwrap();
    assert!(matches!(load(&path), Err(HostError::TooLarge { .. })));
    std::fs::write(&path, "version: 1\n").unwrap();
    assert!(matches!(load(&path), Err(HostError::Invalid { .. })));
    std::fs::write(&path, WHOLE).unwrap();
    assert_eq!(load(&path).unwrap().programs[1].profile, folder.path().join("ci.yaml"));
}

/// Pieces of host files, and input that trips up YAML parsers.
const PARTS: &str = r#"(version: 1|engine: |control: |programs:|\n  a:|\n    profile: |\n    listen: |unix:///a|tcp://b:1|builtin:x|\n      - |address: |mode: |660|true|\n|\{|\}|\[|\]|, |&a|!!str|é|[ -~])"#;

proptest! {
    #[test]
    fn every_text_is_read_or_has_a_problem_with_a_place(
        head in "(version: 1\nprograms:\n  a:\n)?",
        parts in prop::collection::vec(PARTS, 0..24),
    ) {
        let text = head + &parts.concat();
        if let Err(problem) = parse(&text, Path::new("")) {
            prop_assert!(text.get(problem.span.clone()).is_some(), "{:?}", problem);
            let line = text.split('\n').nth(problem.line - 1);
            prop_assert!(line.is_some(), "{:?}", problem);
        }
    }
}
