//! `enforce --audit-log`: requests and decisions, in the format of a recording.

use rustix::process::Signal;

use crate::support::{World, exchange};

const PROFILE: &str =
    "version: 1\nname: look\nallow:\n  - GET /_ping\n  - GET /containers/*/json\n";

/// Sends each of these requests from a confined command.
fn confined(world: &World, more: &[&str], requests: &[&str]) -> crate::support::Done {
    world.write("p.yaml", PROFILE);
    let curls = requests.iter().map(|request| {
        let (method, path) = request.split_once(' ').unwrap();
        format!(
            "curl -s -o /dev/null -w '%{{http_code}} ' --path-as-is -X {method} \
             --unix-socket ${{DOCKER_HOST#unix://}} http://d{path}"
        )
    });
    let line = curls.collect::<Vec<_>>().join("; ");
    let command = [&["enforce", "p.yaml", "-q"], more, &["--", "sh", "-c", line.as_str()]].concat();
    world.dsp(&command)
}

#[test]
fn decisions_are_evidence_for_check_and_generate() {
    let world = World::sample();
    let requests = [
        "GET /v1.41/containers/web/json?size=1",
        "POST /v1.41/containers/web/exec",
        "GET /v1.41/images/../info",
    ];
    let done = confined(&world, &["--audit-log", "audit.jsonl"], &requests);
    assert_eq!((done.status, done.out.as_str()), (0, "200 403 400 "), "{}", done.err);
    let log = world.read("audit.jsonl");
    let of = |path: &str| log.lines().find(|line| line.contains(path)).unwrap().to_owned();
    assert!(!of("/containers/web/json").contains("denied"), "{log}");
    let denied = of("/containers/web/exec\"");
    assert!(denied.contains("\"denied\":\"dsp: POST /containers/web/exec is not allowed"), "{log}");
    assert!(denied.contains("\"operation\":\"ContainerExec\""), "{log}");
    let digest = world.shell("sha256sum <p.yaml").out;
    let digest = digest.split_whitespace().next().unwrap();
    let labels = format!("\"labels\":{{\"profile\":\"look\",\"digest\":\"{digest}\"}}");
    assert!(log.contains(&labels) && log.contains("\"end\":"), "{log}");

    let checked = world.dsp(&["check", "p.yaml", "audit.jsonl"]);
    assert_eq!(checked.status, 3);
    assert!(
        checked.out.contains("error[new-operation]: POST /containers/*/exec"),
        "{}",
        checked.out
    );
    let generated = world.dsp(&["generate", "audit.jsonl"]);
    assert_eq!(generated.status, 0, "{}", generated.err);
    assert!(!generated.out.contains("exec"), "{}", generated.out);
    assert!(generated.err.contains("left out 1 request that enforce denied"), "{}", generated.err);
    let generated = world.dsp(&["generate", "--denied", "audit.jsonl"]);
    assert!(generated.out.contains("  - POST /containers/*/exec"), "{}", generated.out);
}

#[test]
fn an_audit_run_says_what_would_be_denied_and_counts_as_evidence() {
    let world = World::sample();
    let requests = ["GET /v1.41/images/json"; 3];
    let done = confined(&world, &["--audit", "--audit-log", "audit.jsonl"], &requests);
    assert_eq!(done.out, "200 200 200 ", "{}", done.err);
    let log = world.read("audit.jsonl");
    assert!(log.contains("\"would_deny\":\"dsp: GET /images/json is not allowed"), "{log}");
    assert!(log.contains("\"repeat\":") && log.contains("\"count\":2"), "{log}");
    let generated = world.dsp(&["generate", "audit.jsonl"]);
    assert!(generated.out.contains("  - GET /images/json"), "{}", generated.out);
}

#[test]
fn nothing_is_admitted_that_cannot_be_written_down() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    let line = "for i in 1 2 3 4 5 6 7 8; do curl -s -w '%{http_code} ' -o /tmp/dsp-it-$$ \
                --unix-socket ${DOCKER_HOST#unix://} http://d/v1.41/containers/web$i/json; done";
    // A limit on the size of files simulates a full disk.
    world.write("workload", &line.replace("/tmp/dsp-it-$$", "/dev/null"));
    let run = |more: &str| {
        let line = "trap '' XFSZ; ulimit -f 2; dsp enforce p.yaml --audit-log";
        world.shell(&format!("{line} audit{}.jsonl {more} -- sh ./workload", more.len()))
    };
    let strict = run("");
    assert!(strict.out.starts_with("404 ") && strict.out.ends_with("503 503 "), "{}", strict.out);
    assert!(strict.err.contains("the audit log cannot be written"), "{}", strict.err);
    let lax = run("--audit-log-optional");
    assert_eq!(lax.out, "404 ".repeat(8), "{}", lax.err);
}

#[test]
fn the_log_may_go_to_stdout_of_a_listener() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    let refused = world.dsp(&["enforce", "p.yaml", "--audit-log", "-", "--", "true"]);
    assert_eq!(refused.status, 2, "wrong usage, and not a failure of the command");
    assert!(refused.err.contains("stdout belongs to the command"), "{}", refused.err);
    let socket = world.path("p.sock");
    let mut command = world.dsp_command(&["enforce", "p.yaml", "--audit-log", "-"]);
    command.args(["--listen", &format!("unix://{}", socket.display())]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    crate::support::wait_for("the socket", || {
        std::os::unix::net::UnixStream::connect(&socket).is_ok()
    });
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    let request = b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    assert!(exchange(&mut stream, request).starts_with("HTTP/1.1 200"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.lines().all(|line| line.starts_with("{\"")), "{out}");
    assert!(out.contains("SystemPing\"") && out.contains("{\"end\":"), "{out}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("DOCKER_HOST=unix://"));
}
