use crate::support::World;

#[test]
fn every_command_has_help_with_an_example() {
    let world = World::without_engine();
    let top = world.dsp(&["--help"]);
    assert_eq!(top.status, 0);
    let mut all = top.out.clone();
    let commands = [
        "record",
        "generate",
        "review",
        "enforce",
        "check",
        "match",
        "validate",
        "verify",
        "diff",
        "coverage",
        "show",
        "explain",
        "escapes",
        "export",
        "report",
        "profiles",
        "demo",
        "health",
        "schema",
        "completions",
        "man",
    ];
    for command in commands {
        let done = world.dsp(&[command, "--help"]);
        assert_eq!(done.status, 0);
        assert!(done.out.contains("Examples:\n  dsp "), "{command}");
        all += &format!("\n=== {command} ===\n{}", done.out);
    }
    insta::assert_snapshot!(all);
}

#[test]
fn wrong_usage_has_status_2() {
    let world = World::without_engine();
    for args in [
        &["nonsense"][..],
        &["check"],
        &["check", "p.yaml"],
        &["record", "--label", "x"],
        &["enforce"],
        &["export", "p.yaml"],
        &["export", "--format", "squid", "p.yaml"],
        &[],
    ] {
        assert_eq!(world.dsp(args).status, 2, "{args:?}");
    }
}
