use crate::generate::recording;
use crate::support::World;

const PROFILE: &str = "version: 1\nname: p\nmin_api: \"1.41\"\nallow:\n  - HEAD /_ping\n  - GET /_ping\n  \
    - GET /containers/json\n  - GET /containers/web*/json\ndeny:\n  - POST /containers/*/exec\n";

#[test]
fn what_is_allowed_passes() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    recording(
        &world,
        "r",
        &["HEAD /_ping", "GET /v1.41/containers/json", "GET /v1.41/containers/web1/json"],
    );
    let done = world.dsp(&["check", "p.yaml", "r"]);
    let last = done.out.lines().last().unwrap();
    assert_eq!(last, "checked 3 operations, 3 requests, 1 session: 0 errors, 0 warnings, 1 note");
    assert_eq!((done.status, done.err.as_str()), (0, ""));
}

#[test]
fn drift_is_named_with_what_settles_it() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    recording(
        &world,
        "r",
        &[
            "GET /v1.41/images/json",
            "GET /v1.41/containers/db/json",
            "GET /v1.40/containers/web/json",
            "POST /v1.41/containers/web/exec",
            "GET /v1.41/extension",
            "GET /a/../b",
        ],
    );
    let done = world.dsp(&["check", "p.yaml", "r"]);
    assert_eq!(done.status, 3);
    insta::assert_snapshot!(done.out);
}

#[test]
fn an_unused_rule_counts_when_asked() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    recording(&world, "r", &["HEAD /_ping", "GET /v1.41/containers/json"]);
    assert_eq!(world.dsp(&["check", "p.yaml", "r"]).status, 0);
    let done = world.dsp(&["check", "p.yaml", "r", "--fail-on", "warning"]);
    assert_eq!(done.status, 3);
    assert!(done.out.contains("p.yaml:8"), "{}", done.out);
}

#[test]
fn nothing_passes_vacuously() {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    recording(&world, "empty", &[]);
    assert_eq!(world.dsp(&["check", "p.yaml", "empty"]).status, 4);
    world.write("nothing", "");
    assert_eq!(world.dsp(&["check", "p.yaml", "nothing"]).status, 4);
    recording(&world, "r", &["GET /v1.41/containers/json"]);
    let whole = world.read("r");
    let cut = whole.lines().take(2).collect::<Vec<_>>().join("\n");
    world.write("cut", &cut);
    let done = world.dsp(&["check", "p.yaml", "cut"]);
    assert_eq!(done.status, 4, "{}", done.out);
    assert!(done.out.contains("incomplete-recording"), "{}", done.out);
    world.write("lossy", &whole.replace("\"dropped\":0", "\"dropped\":2"));
    assert_eq!(world.dsp(&["check", "p.yaml", "lossy"]).status, 4);
    // Drift is drift, however incomplete the recording is.
    world.write("both", &cut.replace("containers/json", "images/json"));
    assert_eq!(world.dsp(&["check", "p.yaml", "both"]).status, 3);
}
