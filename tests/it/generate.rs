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
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    insta::assert_snapshot!(done.out, @r#"
    # docker ps: 3 operations, highest risk: read
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
    assert_eq!(done.err, "dsp: wrote ci.yaml (3 rules, highest risk: read)\n");
    assert!(world.read("ci.yaml").contains("name: ci\n"));
    let again = world.dsp(&["generate", "-o", "ci.yaml"]);
    assert_eq!(again.status, 1);
    assert_eq!(again.err, "error: ci.yaml exists; remove it, or choose another file with -o\n");
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
