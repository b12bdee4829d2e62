use serde_json::Value;

use crate::support::World;

const PROFILE: &str = "version: 1\nname: ci\nallow:\n  - GET /info\n  \
    - GET /containers/*/json: {hide: environment}\n  - GET /containers/json: {filters: [\"@own\"]}\n  \
    - POST /containers/create:\n      image:\n        - app:1\n  - DELETE /containers/@own\n  \
    - POST /containers/ci-*/start\nunknown:\n  - GET /extension\n";

fn world() -> World {
    let world = World::without_engine();
    world.write("p.yaml", PROFILE);
    world
}

#[test]
fn one_request_is_decided_on() {
    let world = world();
    let mut shown = String::new();
    for (args, status) in [
        (&["GET /v1.41/info"][..], 0),
        (&["GET /containers/x/json"], 0),
        (&["GET /containers/json"], 0),
        (&["GET /extension"], 0),
        (&["GET /version"], 3),
        (&["POST /containers/web/start"], 3),
        (&["DELETE /containers/web"], 4),
        (&["DELETE /containers/web", "--own", "web"], 0),
        (&["DELETE /containers/web", "--own", "db"], 3),
        (&["POST /containers/create", "--body", "{\"Image\": \"app:1\"}"], 0),
        (&["POST /containers/create", "--body", "{\"Image\": \"app:2\"}"], 3),
        (&["GET /\u{1b}[2J"], 3),
    ] {
        let done = world.dsp(&[&["match", "p.yaml"], args].concat());
        assert_eq!((done.status, done.err.as_str()), (status, ""), "{args:?}");
        shown += &format!("$ dsp match p.yaml {args:?}\n{}", done.out);
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_file_of_requests_is_a_test_of_a_profile() {
    let world = world();
    world.write("create.json", "{\"Image\": \"app:1\", \"HostConfig\": {\"Privileged\": true}}");
    world.write(
        "good.txt",
        "# What the runner needs.\nallow GET /info\nown DELETE /containers/x\n\
         deny POST /containers/create @create.json\nGET /_ping\n",
    );
    let done = world.dsp(&["match", "p.yaml", "good.txt"]);
    assert_eq!(done.status, 3, "nothing allows /_ping, and the line expects nothing else");
    world.write("good.txt", &world.read("good.txt").replace("GET /_ping\n", ""));
    let done = world.dsp(&["match", "p.yaml", "good.txt"]);
    assert_eq!((done.status, done.out.as_str()), (0, ""));
    assert_eq!(done.err, "dsp: 3 requests: 1 allowed, 1 denied, 1 for own objects only\n");
    let all = world.dsp(&["match", "p.yaml", "good.txt", "-v"]);
    assert_eq!((all.status, all.out.lines().filter(|line| !line.starts_with(' ')).count()), (0, 3));

    world.write("bad.txt", "deny GET /info\nallow POST /containers/create @create.json\n");
    let done = world.dsp(&["match", "p.yaml", "bad.txt"]);
    assert_eq!(done.status, 3);
    insta::assert_snapshot!(format!("{}{}", done.out, done.err));
}

#[test]
fn programs_get_one_object_for_each_request() {
    let world = world();
    world.write("r.txt", "GET /info\ndeny GET /version\nGET /containers/x/json\n");
    let done = world.dsp(&["match", "p.yaml", "r.txt", "--format", "json", "-q"]);
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    let rows: Vec<Value> =
        done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<&str> = rows.iter().map(|row| row["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["allow", "deny", "allow"]);
    assert_eq!(
        (rows[0]["rule"].as_str(), rows[0]["rule_line"].as_u64()),
        (Some("GET /info"), Some(4))
    );
    assert_eq!(
        (rows[1]["reason"].as_str(), rows[1]["status"].as_u64()),
        (Some("not-allowed"), Some(403))
    );
    assert_eq!(
        (rows[2]["hides"].as_str(), rows[2]["line"].as_u64()),
        (Some("environment"), Some(3))
    );
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    let world = world();
    world.write("typo.txt", "GET /info\nalow GET /info\n");
    world.write("empty.txt", "# nothing\n");
    world.write("missing.txt", "GET /info\nPOST /build @none.tar\n");
    world.write("rec.jsonl", "{\"v\":1}\n");
    let mut shown = String::new();
    for file in ["typo.txt", "empty.txt", "missing.txt", "rec.jsonl", "none.txt", "/info"] {
        let done = world.dsp(&["match", "p.yaml", file]);
        assert_eq!((done.status, done.out.as_str()), (1, ""), "{file}");
        shown += &format!("$ dsp match p.yaml {file}\n{}", done.err);
    }
    insta::assert_snapshot!(shown);
    let done = world.dsp(&["match", "p.yaml", "typo.txt", "--body", "{}"]);
    assert_eq!(done.status, 2, "{}", done.err);
}

#[test]
fn the_profile_or_the_requests_may_be_standard_input() {
    let world = world();
    world.write("r.txt", "GET /info\nGET /version\n");
    let named = world.dsp(&["match", "p.yaml", "r.txt"]);
    for line in ["dsp match - r.txt <p.yaml", "dsp match p.yaml - <r.txt"] {
        let piped = world.shell(line);
        assert_eq!(piped.status, named.status);
        assert_eq!(piped.out.replace("standard input", "p.yaml"), named.out, "{line}");
    }
    assert_eq!(world.shell("dsp match - - <p.yaml").status, 2);
}
