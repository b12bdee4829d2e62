use crate::support::World;

#[test]
fn an_operation_is_explained() {
    let world = World::without_engine();
    let done = world.dsp(&["explain", "POST /exec/1/start"]);
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.out.starts_with("POST /exec/*/start  (ExecStart)\n"), "{}", done.out);
    assert!(done.out.contains("risk") && done.out.contains("raw tunnel"), "{}", done.out);
    // A request and a rule that mean the same operation.
    assert_eq!(done.out, world.dsp(&["explain", "POST /v1.41/exec/1/start"]).out);
    assert_eq!(done.out, world.dsp(&["explain", "POST /exec/*/start"]).out);
    let create = world.dsp(&["explain", "POST /containers/create"]);
    insta::assert_snapshot!("create", create.out);
}

#[test]
fn the_rule_that_decides_is_named_with_its_line() {
    let world = World::without_engine();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n  - POST /exec/*/start\ndeny:\n  - GET /events\n");
    let last = |request: &str| {
        let done = world.dsp(&["explain", "p.yaml", request]);
        assert_eq!(done.status, 0, "{}", done.err);
        done.out.lines().last().unwrap().to_owned()
    };
    assert_eq!(last("GET /v1.41/info"), "allowed by p.yaml: GET /info (line 4)");
    assert_eq!(last("GET /events"), "GET /events is denied by profile \"p\" (line 7)");
    assert_eq!(
        last("GET /version"),
        "GET /version is not allowed by profile \"p\"; to allow it: - GET /version"
    );
    let all = world.dsp(&["explain", "p.yaml"]).out;
    insta::assert_snapshot!(all);
}

#[test]
fn what_a_rule_leaves_open_is_explained() {
    let world = World::without_engine();
    world.write(
        "p.yaml",
        "version: 1\nname: p\nallow:\n  - GET /info\n  - POST /build\n  - POST /containers/create:\n      image:\n        \
         - postgres:16\n      mounts:\n        - \"@socket\"\n        - /etc:ro\n        - /run\n  - POST /containers/*/update: {}\n",
    );
    let all = world.dsp(&["explain", "p.yaml"]);
    assert_eq!(all.status, 0, "{}", all.err);
    let one = world.dsp(&["explain", "p.yaml", "POST /v1.41/containers/create"]);
    insta::assert_snapshot!(format!("{}\n{}", all.out, one.out));
}

#[test]
fn an_unknown_operation_gets_the_nearest_ones() {
    let world = World::without_engine();
    let done = world.dsp(&["explain", "GET /container/json"]);
    assert_eq!(done.status, 1);
    assert!(done.err.contains("did you mean GET /containers/json"), "{}", done.err);
    assert_eq!(world.dsp(&["explain"]).status, 2);
    assert_eq!(world.dsp(&["explain", "GET /info", "GET /info"]).status, 2);
}

#[test]
fn the_evidence_behind_a_rule_is_shown() {
    let world = World::without_engine();
    world.write("p.yaml", "version: 1\nname: x\nallow:\n  - GET /containers/*/json\n");
    let requests = ["GET /info", "GET /v1.41/containers/a/json", "GET /v1.41/containers/b/json"];
    crate::generate::recording(&world, "r", &requests);
    let explain = |rule: &str| {
        let done = world.dsp(&["explain", "p.yaml", rule, "--recording", "r"]);
        assert_eq!(done.status, 0, "{}", done.err);
        done.out.split_once("recorded\n").unwrap().1.to_owned()
    };
    insta::assert_snapshot!(explain("GET /containers/*/json"), @r"
      r:3  2026-01-01 00:00:00  GET /v1.41/containers/a/json
      r:4  2026-01-01 00:00:00  GET /v1.41/containers/b/json
    ");
    assert_eq!(explain("GET /containers/b/json").lines().count(), 1);
    assert_eq!(explain("GET /version"), "  never\n");
    let done = world.dsp(&["explain", "p.yaml", "--recording", "r"]);
    assert_eq!(done.status, 2);
}

#[test]
fn the_code_of_a_finding_is_explained() {
    let world = World::without_engine();
    let done = world.dsp(&["explain", "unused-rule"]);
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    let (title, text) = done.out.split_once('\n').unwrap();
    assert_eq!(title, "unused-rule");
    assert!(
        text.starts_with("A rule allows something that no recording used. A profile should"),
        "{text}"
    );
    assert_eq!(text.trim_end().lines().count(), 1, "a terminal wraps it: {text}");
    let done = world.dsp(&["explain", "unused-rul"]);
    assert_eq!(done.status, 1);
    assert!(
        done.err.contains("is not a kind of finding")
            && done.err.contains("did you mean unused-rule?"),
        "{}",
        done.err
    );
}
