use crate::generate::recording;
use crate::support::World;

#[test]
fn sessions_and_what_they_added_are_shown() {
    let world = World::without_engine();
    recording(&world, "a", &["GET /info", "POST /v1.41/containers/create"]);
    recording(&world, "b", &["GET /info", "GET /v1.41/containers/json"]);
    recording(&world, "c", &["GET /info", "GET /info"]);
    let done = world.dsp(&["coverage", "a", "b", "c"]);
    assert_eq!(done.status, 0, "{}", done.err);
    insta::assert_snapshot!(done.out, @"
    SESSION  BEGAN                 NEW  TOTAL  WHAT
          1  2026-01-01T00:00:00     2      2  docker ps
          2  2026-01-01T00:00:00     1      3  docker ps
          3  2026-01-01T00:00:00     0      3  docker ps

    SESSIONS  REQUESTS  OPERATION
         1/3         1  POST /containers/create
         1/3         1  GET /containers/json
         3/3         4  GET /info

    3 operations in 3 sessions, 2 of them in one session only: the next session is expected to add 0.67 (record more).

    Seen in one session only:
      POST /containers/create
      GET /containers/json

    Contents not recorded, so their rules are open:
                     1  POST /containers/create

    Questions:
      POST /containers/create was seen, POST /containers/*/start was not: does the workload start what it creates?
      POST /containers/create was seen, DELETE /containers/* was not: does the workload remove what it creates?
      POST /containers/create was seen, POST /images/create was not: does the workload pull images that are not there yet?
    ");
    assert_eq!(world.dsp(&["coverage", "c", "b", "a", "b"]).out, done.out);
    let done = world.dsp(&["coverage", "a", "b", "c", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(json["expected_new_operations"], 0.67);
    assert_eq!(json["sessions"][1]["new"], 1);
    assert_eq!(json["operations"][0]["risk"], "root");
    assert_eq!(json["questions"][0]["seen"], "POST /containers/create");
}

#[test]
fn one_session_does_not_allow_an_estimate() {
    let world = World::without_engine();
    recording(&world, "a", &["GET /info"]);
    let done = world.dsp(&["coverage", "a"]);
    assert!(
        done.out.contains("One session says nothing about the next: record more"),
        "{}",
        done.out
    );
    recording(&world, "none", &[]);
    assert_eq!(world.dsp(&["coverage", "none"]).status, 4);
}
