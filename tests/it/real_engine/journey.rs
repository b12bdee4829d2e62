use rustix::process::Signal;

use super::{Container, OwnEngine, real_or_return};
use crate::support::wait_for;

#[test]
fn record_generate_enforce_check() {
    let world = real_or_return!();
    let container = Container::run(&world, "dsp-journey", "sleep 1000");
    let stats =
        ["docker", "stats", "--no-stream", "--format", "{{.Name}}", container.name.as_str()];
    let direct = world.finish(world.command(stats[0], &stats[1..]));

    let recorded = world.dsp(&[&["record", "--"], &stats[..]].concat());
    assert_eq!((recorded.status, &recorded.out), (0, &direct.out), "{}", recorded.err);
    let generated = world.dsp(&["generate", "-o", "profile.yaml"]);
    assert_eq!(generated.status, 0, "{}", generated.err);
    let profile = world.read("profile.yaml");
    let rules: Vec<&str> =
        profile.lines().filter_map(|line| line.strip_prefix("  - ")?.split("  #").next()).collect();
    let mut expected = vec!["HEAD /_ping", "GET /_ping", "GET /containers/*/stats"];
    // The CLI of 20.10 first asks for the system of the engine.
    if world.shell("docker --version").out.contains(" 20.10.") {
        expected.push("GET /version");
    }
    assert_eq!(rules, expected);

    let enforced = world.dsp(&[&["enforce", "profile.yaml", "--"], &stats[..]].concat());
    assert_eq!((enforced.status, &enforced.out), (0, &direct.out), "{}", enforced.err);
    let denied =
        world.dsp(&["enforce", "profile.yaml", "--", "docker", "run", "--rm", "busybox", "true"]);
    assert_eq!(denied.status, 125);
    assert!(
        denied.err.contains(
            "Error response from daemon: dsp: POST /containers/create is not allowed by profile \
             \"docker-stats\"; to allow it: - POST /containers/create"
        ),
        "{}",
        denied.err
    );

    assert_eq!(world.dsp(&["check", "profile.yaml", "recording.jsonl"]).status, 0);
    assert_eq!(world.dsp(&["record", "-o", "more.jsonl", "--", "docker", "images"]).status, 0);
    let drifted = world.dsp(&["check", "profile.yaml", "more.jsonl"]);
    assert_eq!(drifted.status, 3);
    assert!(drifted.out.contains("error[new-operation]: GET /images/json"), "{}", drifted.out);
}

#[test]
fn a_profile_for_another_engine_is_refused() {
    let world = real_or_return!();
    world.write("p.yaml", "version: 1\nname: p\nengine: podman\nallow:\n  - GET /info\n");
    let refused = world.dsp(&["enforce", "p.yaml", "--", "true"]);
    assert_eq!(refused.status, 125);
    assert!(refused.err.contains("the profile is for podman"), "{}", refused.err);
}

#[test]
fn a_monitor_may_look_and_not_touch() {
    let world = real_or_return!();
    let container = Container::run(&world, "dsp-monitor", "sleep 1000");
    let looks = [
        "docker info",
        "docker version",
        "docker ps",
        // By name, because the containers of parallel tests come and go.
        "docker stats --no-stream dsp-monitor",
        "timeout 3 docker events",
    ];
    for look in looks {
        let words: Vec<&str> = look.split(' ').collect();
        let done = world.dsp(&[&["record", "-o", "monitor.jsonl", "--"], &words[..]].concat());
        assert!(
            done.status == 0 || (look.contains("events") && done.status == 124),
            "{look}: {}",
            done.err
        );
    }
    let generated = world.dsp(&["generate", "monitor.jsonl", "-o", "monitor.yaml"]);
    assert_eq!(generated.status, 0, "{}", generated.err);
    // The built-in profile is the same as the one generated here.
    let rules = |text: &str| -> Vec<String> {
        let rules = text.lines().filter_map(|line| line.strip_prefix("  - "));
        rules.map(|rule| rule.split(" #").next().unwrap().trim_end().to_owned()).collect()
    };
    let shipped = std::fs::read_to_string("profiles/monitor.yaml").unwrap();
    assert_eq!(rules(&world.read("monitor.yaml")), rules(&shipped));

    let server = world.serve(&["enforce", "monitor.yaml", "-q", "--listen", "tcp://127.0.0.1:0"]);
    let host = server.first_address();
    for look in looks {
        let done = world.shell(&look.replace("docker", &format!("docker -H {host}")));
        assert!(done.status == 0 || done.status == 124, "{look}: {}", done.err);
        assert!(!done.out.is_empty() || look.contains("events"), "{look}: {}", done.err);
    }
    for (touch, rule) in [
        ("images".to_owned(), "- GET /images/json"),
        (format!("rm -f {}", container.name), "- DELETE /containers/*"),
        (format!("exec {} true", container.name), "- GET /containers/*/json"),
    ] {
        let done = world.shell(&format!("docker -H {host} {touch}"));
        assert_ne!(done.status, 0, "{touch}");
        assert!(
            done.err.contains("to allow it: ") && done.err.contains(rule),
            "{touch}: {}",
            done.err
        );
    }
    server.stop(Signal::TERM);
}

#[test]
fn an_engine_that_restarts_is_a_502_meanwhile_and_used_again_after() {
    let mut world = real_or_return!();
    // This test's own engine, which it may end.
    let engine = OwnEngine::start(&mut world, "restart");
    let server = world.serve(&["record", "-q"]);
    let docker =
        |line: &str| world.shell(&format!("docker -H unix://{} {line}", server.socket.display()));
    assert_eq!(docker("ps").status, 0);
    engine.run("stop");
    let meanwhile = docker("ps");
    assert_ne!(meanwhile.status, 0);
    assert!(meanwhile.err.contains("dsp: cannot reach the engine"), "{}", meanwhile.err);
    engine.run("start");
    wait_for("the engine to answer again", || docker("ps").status == 0);
    engine.kill();
    wait_for("the engine to be gone", || docker("ps").status != 0);
    let meanwhile = docker("ps");
    assert!(meanwhile.err.contains("dsp: cannot reach the engine"), "{}", meanwhile.err);
    engine.run("start");
    wait_for("the engine to answer again", || docker("ps").status == 0);
    engine.run("stop");
}
