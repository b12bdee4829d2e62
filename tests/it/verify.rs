use crate::support::World;

#[test]
fn a_profile_is_compared_with_the_engine_that_is_there() {
    let world = World::sample();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    let done = world.dsp(&["verify", "p.yaml"]);
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    insta::assert_snapshot!(done.out, @"verified 1 rule for Docker Engine 20.10.24 (API 1.12 to 1.41) at unix://[DIR]/e.sock: 0 errors, 0 warnings");

    world.write(
        "newer.yaml",
        "version: 1\nname: p\nmin_api: \"1.55\"\nallow:\n  - GET /images/*/attestations\n  \
         - GET /services\n  - POST /containers/create\n",
    );
    let done = world.dsp(&["verify", "newer.yaml"]);
    assert_eq!((done.status, done.err.as_str()), (3, ""));
    insta::assert_snapshot!(done.out);
    let done = world.dsp(&["verify", "newer.yaml", "--format", "json"]);
    assert_eq!(done.status, 3);
    assert!(done.out.contains("\"code\": \"not-in-engine\""), "{}", done.out);
}

#[test]
fn an_engine_that_does_not_answer_is_an_error() {
    let mut world = World::sample();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    world.stop_engine();
    let done = world.dsp(&["verify", "p.yaml"]);
    assert_eq!((done.status, done.out.as_str()), (1, ""));
    assert!(done.err.starts_with("error: no Docker Engine answers at "), "{}", done.err);
}

#[test]
fn what_the_engine_hides_is_said() {
    let world = World::sample();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /version\n");
    let _server = world.serve(&["enforce", "p.yaml"]);
    let host = format!("--host=unix://{}", world.path("p.sock").display());
    let done = world.dsp(&["verify", &host, "p.yaml"]);
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.out.contains("the engine does not tell its settings"), "{}", done.out);
}

#[test]
fn the_profile_and_the_report_may_be_standard_input_and_output() {
    let world = World::sample();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    let named = world.dsp(&["verify", "p.yaml", "--format", "json=report.json"]);
    let piped = world.shell("dsp verify - --format json=- <p.yaml");
    assert_eq!((named.status, piped.status), (0, 0), "{}", piped.err);
    let folder = world.path("p.yaml").parent().unwrap().display().to_string();
    assert_eq!(piped.out, world.read("report.json").replace(&folder, "[DIR]"));
    assert!(!world.path("-").exists());
}
