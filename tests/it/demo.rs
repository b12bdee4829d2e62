use crate::support::World;

#[test]
fn the_loop_needs_nothing_but_dsp() {
    let world = World::without_engine();
    let mut command = world.dsp_command(&["demo", "--sample", "--dir", "made"]);
    command.env_remove("DOCKER_HOST");
    let done = world.finish(command);
    assert_eq!(done.status, 0, "{}", done.err);
    insta::with_settings!({filters => vec![(r"sha256 [0-9a-f]{16}", "sha256 [DIGEST]")]}, {
        insta::assert_snapshot!(done.out);
    });
    assert_eq!(world.dsp(&["check", "made/profile.yaml", "made/recording.jsonl"]).status, 0);
    let again = world.dsp(&["demo", "--sample", "--dir", "made"]);
    assert_eq!(again.status, 1);
    assert!(again.err.contains("exists; choose another folder with --dir"), "{}", again.err);
}

#[test]
fn the_engine_that_is_found_is_used_and_only_read_from() {
    let world = World::sample();
    let done = world.dsp(&["demo", "--dir", "made"]);
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.out.contains("dsp only reads from it"), "{}", done.out);
    let methods: Vec<String> = world.engine().seen().into_iter().map(|seen| seen.method).collect();
    assert!(methods.iter().all(|method| method == "GET" || method == "HEAD"), "{methods:?}");
}

#[test]
fn a_missing_engine_that_was_named_is_an_error() {
    let world = World::without_engine();
    let done = world.dsp(&["demo", "-H", "unix:///nowhere/docker.sock"]);
    assert_eq!(done.status, 1);
    assert!(
        done.err.contains("no Docker Engine answers at unix:///nowhere/docker.sock"),
        "{}",
        done.err
    );
}
