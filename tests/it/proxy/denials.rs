use super::{CLOSE, both, request};
use crate::support::{World, exchange};

#[test]
fn a_denial_is_json_with_the_rule_and_reaches_no_engine() {
    let [_, (world, server)] = both();
    let mut pipelined = request("POST", "/v1.41/containers/create", "", "{}");
    pipelined.extend(request("GET", "/_ping", CLOSE, ""));
    let answer = exchange(&mut server.connect(), &pipelined);
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    assert!(answer.contains("\r\nContent-Type: application/json\r\n"));
    assert!(answer.contains(
        "{\"message\":\"dsp: POST /containers/create is not allowed by profile \\\"all\\\"; to allow it: - POST /containers/create\"}"
    ), "{answer}");
    assert!(answer.contains("HTTP/1.1 200 OK"), "the connection goes on: {answer}");
    let targets: Vec<String> = world.engine().seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets.iter().filter(|target| target.contains("create")).count(), 0, "{targets:?}");
    // A denied HEAD has no body.
    let answer = exchange(
        &mut server.connect(),
        &request("HEAD", "/v1.41/containers/web/archive?path=/", CLOSE, ""),
    );
    assert!(answer.starts_with("HTTP/1.1 403") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn a_denied_upload_hears_its_denial() {
    let world = World::sample();
    world.write("p.yaml", "version: 1\nname: p\nallow: []\n");
    let server = world.serve(&["enforce", "p.yaml", "-q"]);
    let body = "x".repeat(500_000);
    let answer = exchange(&mut server.connect(), &request("POST", "/v1.41/build", CLOSE, &body));
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden"), "{answer}");
}
