use crate::generate::recording;
use crate::support::World;

#[test]
fn builtin_profiles_are_listed_and_shown() {
    let world = World::without_engine();
    let list = world.dsp(&["profiles"]);
    assert_eq!(list.out, world.dsp(&["profiles", "list"]).out);
    insta::assert_snapshot!(list.out);
    let shown = world.dsp(&["profiles", "show", "monitor"]);
    assert_eq!(shown.out, std::fs::read_to_string("profiles/monitor.yaml").unwrap());
    assert_eq!(world.dsp(&["profiles", "show", "nothing"]).status, 2);
}

/// A person has accepted each rule, so that a strict proxy accepts them.
#[test]
fn each_is_reviewed() {
    for shipped in dsp::profile::SHIPPED {
        let profile = dsp::profile::parse(shipped.text).unwrap();
        assert!(profile.standing().is_reviewed(), "{}: {:?}", shipped.name, profile.standing());
    }
    let world = World::sample();
    let args = ["enforce", "--require-reviewed", "builtin:monitor", "--", "true"];
    assert_eq!(world.dsp(&args).status, 0);
}

#[test]
fn builtin_profiles_are_accepted_wherever_a_profile_is() {
    let world = World::sample();
    recording(&world, "r", &["GET /v1.41/info"]);
    for args in [
        &["check", "builtin:monitor", "r"][..],
        &["diff", "builtin:monitor", "builtin:monitor"],
        &["explain", "builtin:monitor"],
        &["explain", "builtin:monitor", "GET /info"],
        &["export", "--format", "haproxy", "builtin:monitor"],
        &["report", "builtin:monitor"],
        &["enforce", "builtin:monitor", "--", "true"],
    ] {
        let done = world.dsp(args);
        assert_eq!(
            (done.status, done.out.is_empty()),
            (0, args[0] == "enforce"),
            "{args:?}: {}",
            done.err
        );
    }
    let server = world.serve(&["enforce", "builtin:monitor"]);
    let done = server.stop(rustix::process::Signal::TERM);
    assert_eq!(done.status, 0, "{}", done.err);
}

#[test]
fn an_unknown_builtin_profile_is_reported() {
    let world = World::without_engine();
    recording(&world, "r", &["GET /v1.41/info"]);
    let said = |args: &[&str]| {
        let done = world.dsp(args);
        format!("{args:?}\n{} {}", done.status, done.err)
    };
    insta::assert_snapshot!(
        [
            said(&["explain", "builtin:monitr"]),
            said(&["review", "builtin:monitor", "--keep", "read"]),
            said(&["generate", "--update", "builtin:monitor", "r"]),
            said(&["enforce", "builtin:", "--", "true"]),
        ]
        .join("\n")
    );
}
