//! `dsp adopt` as a command.

use crate::generate::recording;
use crate::support::World;

const COMPOSE: &str = "services:
  dockerproxy:
    image: tecnativa/docker-socket-proxy
    environment:
      - CONTAINERS=1
      - IMAGES=true
      - INFO=${WITH_INFO}
      - LOG_LEVEL=info
  wollomatic:
    image: wollomatic/socket-proxy:1
    command:
      - '-allowfrom=app'
      - '-allowGET=/v1\\..{1,2}/(containers/.*|events)'
      - '-allowPOST=(/v1\\.[0-9]+)?/containers/(web|ci-.*)/restart'
      - '-allowDELETE=(?<!a)/x'
      - '-allowbindmountfrom=/srv'
";

fn world() -> World {
    let world = World::without_engine();
    world.write("compose.yaml", COMPOSE);
    let requests = ["GET /v1.41/containers/json", "GET /v1.41/containers/json", "GET /v1.41/info"];
    recording(&world, "r", &requests);
    world
}

#[test]
fn the_profile_and_what_it_lacks() {
    let world = world();
    let done = world.dsp(&["adopt", "compose.yaml", "--service", "wollomatic"]);
    assert_eq!(done.status, 3, "{}", done.err);
    insta::assert_snapshot!("wollomatic", format!("{}----\n{}", done.out, done.err));
    world.write("p.yaml", &done.out);
    let reviewed = world.dsp(&["check", "p.yaml", "r", "--require-reviewed"]);
    assert!(reviewed.out.contains("nobody has reviewed this profile"), "{}", reviewed.out);
}

#[test]
fn what_the_program_never_used() {
    let world = world();
    let line =
        ["adopt", "compose.yaml", "--service", "dockerproxy", "--recording", "r", "-o", "new.yaml"];
    let done = world.dsp(&line);
    assert_eq!((done.status, done.out.as_str()), (3, ""), "{}", done.err);
    insta::assert_snapshot!("used", done.err);
    assert!(world.read("new.yaml").contains("name: new\n"));
    let again = world.dsp(&line);
    assert_eq!(again.status, 1);
    assert!(again.err.contains("new.yaml exists; remove it"), "{}", again.err);
}

#[test]
fn programs_read_json() {
    let world = world();
    world.write("proxy.env", "POST=0\nINFO=1\nEVENTS=0\n");
    let line =
        ["adopt", "--from", "tecnativa", "proxy.env", "--recording", "r", "--format", "json"];
    let done = world.dsp(&line);
    assert_eq!(done.status, 0, "{}", done.err);
    insta::assert_snapshot!("json", done.out);
}

#[test]
fn errors_say_what_to_do() {
    let world = world();
    world.write("env", "CONTAINERS=1\n");
    world.write("broken.yaml", "services:\n  a: [\n");
    world.write("sockguard.yaml", "services:\n  p:\n    image: codeswhat/sockguard\n");
    world.write("Caddyfile", ":80 {\n  reverse_proxy unix//s\n");
    for (line, error, help) in [
        ("adopt compose.yaml", "several services: dockerproxy, wollomatic", "--service"),
        ("adopt compose.yaml --service x", "has no \"x\"", "--service"),
        ("adopt env", "does not show which proxy", "--from tecnativa or --from linuxserver"),
        ("adopt broken.yaml", "line ", ""),
        ("adopt sockguard.yaml", "in a file of its own", "dsp adopt --from sockguard FILE"),
        ("adopt --from caddy Caddyfile", "a brace is missing", ""),
        ("adopt none", "cannot read none", ""),
    ] {
        let done = world.dsp(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(done.status, 1, "{line}: {}", done.err);
        assert!(done.err.contains(error) && done.err.contains(help), "{line}: {}", done.err);
        assert_eq!(done.out, "", "{line}");
    }
}

#[test]
fn foreign_text_is_made_safe() {
    let world = World::without_engine();
    world.write("p", "-allowGET='/\u{1b}[31m(?=x)'\n-allowGET=/info\n");
    let done = world.dsp(&["adopt", "--from", "wollomatic", "p"]);
    assert_eq!(done.status, 3);
    assert!(!done.err.contains("\u{1b}[31m(") && done.err.contains("(?=x)"), "{}", done.err);
}
