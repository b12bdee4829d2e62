use crate::support::World;

/// A recording with one request for each line.
pub fn recording(world: &World, name: &str, requests: &[&str]) {
    let mut text = format!(
        "{{\"session\":{{\"version\":1,\"id\":\"{name}\",\"start\":\"2026-01-01T00:00:00Z\",\"dsp\":\"0.1.0\",\"command\":[\"docker\",\"ps\"]}}}}\n"
    );
    for (seq, request) in requests.iter().enumerate() {
        let (method, path) = request.split_once(' ').unwrap();
        let request = serde_json::json!({"request": {
            "session": name, "seq": seq + 1, "time": "2026-01-01T00:00:00Z", "connection": 1,
            "method": method, "path": path,
        }});
        text += &format!("{request}\n");
    }
    text += &format!(
        "{{\"end\":{{\"session\":\"{name}\",\"time\":\"2026-01-01T00:00:01Z\",\"requests\":{},\"dropped\":0}}}}\n",
        requests.len()
    );
    world.write(name, &text);
}

#[test]
fn a_profile_goes_to_stdout_or_to_a_new_file() {
    let world = World::without_engine();
    recording(&world, "recording.jsonl", &["HEAD /_ping", "GET /v1.41/containers/json"]);
    let done = world.dsp(&["generate"]);
    let proof = "dsp: complete, minimal, exact: 3 rules, 0 extra operations\n";
    assert_eq!((done.status, done.err.as_str()), (0, proof));
    insta::assert_snapshot!(done.out, @r#"
    # docker ps: 3 operations, highest risk: read
    # evidence: 1 session, sha256 e428e506368165b4
    version: 1
    name: docker-ps
    min_api: "1.41"
    allow:
      - HEAD /_ping
      - GET /_ping
      - GET /containers/json
    "#);
    let done = world.dsp(&["generate", "-o", "ci.yaml"]);
    assert_eq!((done.status, done.out.as_str()), (0, ""));
    assert_eq!(
        done.err,
        format!(
            "dsp: wrote ci.yaml (3 rules, highest risk: read); next: dsp review ci.yaml\n{proof}"
        )
    );
    assert!(world.read("ci.yaml").contains("name: ci\n"));
    let again = world.dsp(&["generate", "-o", "ci.yaml"]);
    assert_eq!(again.status, 1);
    assert_eq!(
        again.err,
        "error: ci.yaml exists; add to it with --update, or choose another file with -o\n"
    );
}

#[test]
fn recordings_are_joined_whatever_their_order() {
    let world = World::without_engine();
    recording(&world, "a", &["GET /v1.41/containers/a/json"]);
    recording(&world, "b", &["GET /v1.40/containers/b/json", "GET /info"]);
    let one = world.dsp(&["generate", "a", "b"]);
    let other = world.dsp(&["generate", "b", "a", "b"]);
    assert_eq!(one.out, other.out);
    assert!(
        one.out.contains("min_api: \"1.40\"") && one.out.contains("# 2 containers"),
        "{}",
        one.out
    );
}

#[test]
fn unknown_operations_are_left_out_unless_they_are_accepted() {
    let world = World::without_engine();
    recording(
        &world,
        "recording.jsonl",
        &["GET /info", "GET /v1.41/extension/\u{1b}x", "GET /v1.41/extension/a", "GET //x"],
    );
    let done = world.dsp(&["generate"]);
    assert_eq!(done.status, 3);
    assert!(!done.out.contains("extension"), "{}", done.out);
    insta::assert_snapshot!(done.err, @r"
    dsp: complete, minimal, exact: 1 rule, 0 extra operations
    warning: GET /extension/a is no known operation and is left out
      help: take them as they were recorded with --accept-unknown
    warning: enforce refuses this whatever the profile says: GET //x: an empty segment in the path
    warning: enforce refuses this whatever the profile says: GET /v1.41/extension/\u{1b}x: a control character in the path
    ");
    let done = world.dsp(&["generate", "--accept-unknown"]);
    assert_eq!(done.status, 0);
    assert!(done.out.ends_with("unknown:\n  - GET /extension/a\n"), "{}", done.out);
}

#[test]
fn nothing_recorded_is_no_profile() {
    let world = World::without_engine();
    recording(&world, "recording.jsonl", &[]);
    let done = world.dsp(&["generate", "-o", "p.yaml"]);
    assert_eq!(done.status, 4);
    insta::assert_snapshot!(done.err, @"
    error: recording.jsonl holds no request
      help: record a program first: dsp record -- docker stats --no-stream
    ");
    assert!(!world.path("p.yaml").exists());
}

#[test]
fn names_are_kept_when_asked_for() {
    let world = World::without_engine();
    let requests =
        ["GET /v1.41/containers/ci-1/json", "GET /v1.41/containers/ci-2/json", "GET /info"];
    recording(&world, "recording.jsonl", &requests);
    let rules = |names: &str| {
        let done = world.dsp(&["generate", "--names", names]);
        assert_eq!(done.status, 0, "{}", done.err);
        let lines = done.out.lines().filter(|line| line.contains("/containers"));
        lines.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(rules("any"), ["- GET /containers/*/json  # 2 containers"]);
    assert_eq!(rules("glob"), ["- GET /containers/ci-*/json  # 2 containers"]);
    assert_eq!(
        rules("exact"),
        [
            "- GET /containers/ci-1/json  # 2 containers",
            "- GET /containers/ci-2/json  # 2 containers"
        ]
    );
    recording(&world, "recording.jsonl", &["GET /v1.41/containers/deadbeefcafe/json"]);
    let done = world.dsp(&["generate", "--names", "exact"]);
    assert!(done.err.contains("warning: 1 rule on ids"), "{}", done.err);
}

#[test]
fn an_update_adds_what_is_new_and_keeps_what_people_decided() {
    let world = World::without_engine();
    let text = "# ours: 3 operations, highest risk: root\n# reviewed by the platform team\n\
                version: 1\nname: ours\nallow:\n  - GET /containers/json   # the list\n  \
                - GET /containers/ci-*/json  # only ours\n  - POST /containers/create\n\
                deny:\n  - POST /containers/*/exec  # no shells\n";
    world.write("p.yaml", text);
    let requests = [
        "HEAD /_ping",
        "GET /v1.41/containers/json",
        "GET /v1.41/containers/web/json",
        "POST /v1.41/containers/web/exec",
        "DELETE /v1.41/containers/web",
    ];
    recording(&world, "recording.jsonl", &requests);
    let done = world.dsp(&["generate", "--update", "p.yaml"]);
    assert_eq!((done.status, done.out.as_str()), (0, ""), "{}", done.err);
    insta::assert_snapshot!(done.err, @"
    dsp: p.yaml was brought up to date: 3 rules added
      + HEAD /_ping
      + GET /_ping
      + DELETE /containers/*
    dsp: complete, minimal, exact: 6 rules, 0 extra operations
    warning: POST /containers/*/exec was recorded and is denied by the profile; it stays so
    warning: GET /containers/*/json was recorded and is allowed for other names only; it stays so
      help: dsp check p.yaml names each request
    ");
    insta::assert_snapshot!(world.read("p.yaml"), @r"
    # ours: 6 operations, highest risk: root
    # reviewed by the platform team
    version: 1
    name: ours
    allow:
      - HEAD /_ping
      - GET /_ping
      - GET /containers/json   # the list
      - GET /containers/ci-*/json  # only ours
      - POST /containers/create
      - DELETE /containers/*  # 1 container
    deny:
      - POST /containers/*/exec  # no shells
    ");
    // Once more: nothing is new, and what is denied is still told.
    let before = world.read("p.yaml");
    let done = world.dsp(&["generate", "--update", "p.yaml"]);
    assert_eq!(world.read("p.yaml"), before);
    assert!(done.err.starts_with("dsp: p.yaml has it all; nothing was added\n"), "{}", done.err);
    assert_eq!(done.err.matches("it stays so").count(), 2, "{}", done.err);
}
