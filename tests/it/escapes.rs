//! `dsp escapes`.

use crate::support::World;

const CONFINED: &str = "version: 1\nname: job\nallow:\n  - GET /containers/json\n  - POST /containers/create:\n      image:\n        - alpine:3\n      network:\n        - host\n";

#[test]
fn the_open_ones_are_listed_below_their_rules() {
    let world = World::without_engine();
    world.write("job.yaml", CONFINED);
    let done = world.dsp(&["escapes", "job.yaml"]);
    assert_eq!((done.status, done.err.as_str()), (3, ""));
    insta::assert_snapshot!(done.out);
    let contents = world.dsp(&["escapes", "job.yaml", "--closed-by", "contents"]);
    assert!(contents.out.lines().count() < done.out.lines().count(), "{}", contents.out);
    let json = world.dsp(&["escapes", "job.yaml", "--format", "json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json.out).unwrap();
    let is_listed = |row: &serde_json::Value| done.out.contains(row["effect"].as_str().unwrap());
    assert!(!rows.is_empty() && rows.iter().all(is_listed), "{}", json.out);
}

#[test]
fn a_profile_without_any_says_so_and_may_be_standard_input() {
    let world = World::without_engine();
    let closed = CONFINED.replace("      network:\n        - host\n", "");
    world.write("closed.yaml", &closed);
    let done = world.shell("dsp escapes - --closed-by contents <closed.yaml");
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.out.starts_with("0 of "), "{}", done.out);
}
