use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use rustix::process::Signal;

use crate::support::{PATIENCE, World, dsp_binary, exchange, read_until, wait_for};

const PING: &[u8] = b"HEAD /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";

/// A shell line that sends one request through `DOCKER_HOST`.
fn curl(path: &str) -> String {
    format!("curl -s --unix-socket ${{DOCKER_HOST#unix://}} http://docker{path}")
}

#[test]
fn the_command_gets_a_socket_of_its_own_and_its_status_is_returned() {
    let world = World::sample();
    let line = format!("{} > body; echo out; echo err >&2; exit 7", curl("/v1.41/containers/json"));
    let done = world.dsp(&["record", "--", "sh", "-c", &line]);
    assert_eq!(done.status, 7);
    assert_eq!(done.out, "out\n");
    insta::assert_snapshot!(done.err, @"
    err
    dsp: 1 request, 1 operation recorded in recording.jsonl; next: dsp generate
    ");
    assert!(world.read("body").contains("\"Id\""), "the answer came through");
    let recording = world.read("recording.jsonl");
    assert!(recording.contains("\"operation\":\"ContainerList\""), "{recording}");
    assert!(recording.contains("\"exit\":7"), "{recording}");
}

#[test]
fn variables_that_would_bypass_dsp_are_removed() {
    let world = World::sample();
    let mut command = world.dsp_command(&["record", "-q", "--", "sh", "-c", "env"]);
    for name in ["DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"] {
        command.env(name, "x");
    }
    command.env("DOCKER_API_VERSION", "1.30");
    let done = world.finish(command);
    let docker: Vec<&str> = done.out.lines().filter(|line| line.starts_with("DOCKER_")).collect();
    assert!(docker.iter().any(|line| line.starts_with("DOCKER_HOST=unix:///")), "{docker:?}");
    assert!(docker.contains(&"DOCKER_API_VERSION=1.30"), "{docker:?}");
    assert_eq!(docker.len(), 2, "{docker:?}");
}

#[test]
fn a_command_that_names_its_own_engine_is_warned_about() {
    let world = World::sample();
    let docker = world.write("docker", "#!/bin/sh\n");
    std::fs::set_permissions(&docker, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let done = world.dsp(&["record", "--", "./docker", "-c", "far", "ps"]);
    assert_eq!(done.status, 0);
    insta::assert_snapshot!(done.err, @"
    warning: the command names its own engine with -c, so its requests bypass dsp; remove the option, and pass the engine to dsp with -H
    dsp: no request came through; does the program use DOCKER_HOST?
      help: if it does not, record with --intercept
    ");
}

#[test]
fn commands_that_do_not_start_have_the_shells_statuses() {
    let world = World::sample();
    world.write("plain", "text");
    let missing = world.dsp(&["record", "-q", "--", "./missing"]);
    assert_eq!(
        (missing.status, missing.err.as_str()),
        (127, "error: ./missing: command not found\n")
    );
    let plain = world.dsp(&["record", "-q", "--", "./plain"]);
    assert_eq!(plain.status, 126);
    let killed = world.dsp(&["record", "-q", "--", "sh", "-c", "kill -KILL $$"]);
    assert_eq!(killed.status, 137);
}

#[test]
fn a_listener_serves_until_a_signal_and_ends_in_order() {
    for signal in [Signal::INT, Signal::TERM] {
        let world = World::sample();
        let server = world.serve(&["record"]);
        assert!(exchange(&mut server.connect(), PING).starts_with("HTTP/1.1 200 OK\r\n"));
        let socket = server.socket.clone();
        let done = server.stop(signal);
        assert_eq!(done.status, 0, "{}", done.err);
        assert!(!socket.exists(), "the socket is removed");
        assert_eq!(done.out, format!("DOCKER_HOST=unix://{}\n", socket.display()));
        assert!(done.err.contains("1 request, 1 operation recorded"), "{}", done.err);
        assert!(world.read("recording.jsonl").contains("\"end\""));
    }
}

#[test]
fn an_open_stream_gets_the_grace_time_and_a_second_signal_ends_at_once() {
    let world = World::sample();
    let server = world.serve(&["record", "--grace", "600"]);
    let mut stream = server.connect();
    let events = b"GET /v1.41/events HTTP/1.1\r\nHost: docker\r\n\r\n";
    std::io::Write::write_all(&mut stream, events).unwrap();
    read_until(&mut stream, "\r\n\r\n");
    server.signal(Signal::INT);
    wait_for("the listener to close", || {
        std::os::unix::net::UnixStream::connect(&server.socket).is_err()
    });
    read_until(&mut stream, "}");
    let done = server.stop(Signal::INT);
    assert_eq!(done.status, 0, "{}", done.err);
    let recording = world.read("recording.jsonl");
    assert!(recording.contains("\"status\":200") && recording.contains("\"end\""), "{recording}");
}

#[test]
fn the_request_is_on_disk_before_the_answer_ends() {
    let world = World::sample();
    let server = world.serve(&["record"]);
    let mut stream = server.connect();
    let events = b"GET /v1.41/events HTTP/1.1\r\nHost: docker\r\n\r\n";
    std::io::Write::write_all(&mut stream, events).unwrap();
    read_until(&mut stream, "\r\n\r\n");
    assert!(world.read("recording.jsonl").contains("SystemEvents"));
    // A killed recorder leaves a session without an end, which is still usable.
    server.stop(Signal::KILL);
    let done = world.dsp(&["generate"]);
    assert_eq!(done.status, 0);
    assert!(done.out.contains("- GET /events"), "{}", done.out);
    assert!(done.err.contains("1 session without an end"), "{}", done.err);
}

/// If `enforce` refuses a request because of something other than the target, that is recorded like
/// a refused target: in the recording, in the log of `--audit`, and so in every output made from
/// them.
#[test]
fn refusals_by_enforce_are_recorded_with_the_operation() {
    let form = b"POST /v1.41/containers/none/kill HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\
        Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\nsignal=CONT";
    let profile = "version: 1\nname: p\nallow:\n  - POST /containers/*/kill\n";
    for args in [
        &["record", "-o", "log"] as &[&str],
        &["enforce", "p.yaml", "--audit", "--audit-log", "log"],
    ] {
        let world = World::sample();
        world.write("p.yaml", profile);
        let server = world.serve(args);
        assert!(exchange(&mut server.connect(), form).starts_with("HTTP/1.1 404"));
        server.stop(Signal::TERM);
        let log = world.read("log");
        for noted in ["\"operation\":\"ContainerKill\"", "\"refused\":\"a form as the body, which"]
        {
            assert!(log.contains(noted), "{log}");
        }
        let checked = world.dsp(&["check", "p.yaml", "log", "--severity", "unreviewed=off"]);
        assert_eq!(checked.status, 3, "{}", checked.err);
        assert!(checked.out.contains("refused-request"), "{}", checked.out);
        let generated = world.dsp(&["generate", "log"]);
        assert!(generated.err.contains("enforce refuses this"), "{}", generated.err);
    }
}

#[test]
fn secrets_never_reach_the_disk() {
    let world = World::sample();
    let line = format!(
        "{} -X POST -H 'X-Registry-Auth: hunter2' -H 'Authorization: hunter2' -H 'Cookie: hunter2' \
         -H 'Content-Type: application/json' -d '{{\"Env\":[\"A=hunter2\"]}}' -o /dev/null; {} -X POST -o /dev/null",
        curl("/v1.41/containers/create?name=x"),
        curl("/v1.41/build?buildargs=%7B%22A%22%3A%22hunter2%22%7D"),
    );
    let done = world.dsp(&["record", "--", "sh", "-c", &line]);
    assert_eq!(done.status, 0, "{}", done.err);
    let recording = world.read("recording.jsonl");
    assert!(
        recording.contains("ContainerCreate") && recording.contains("ImageBuild"),
        "{recording}"
    );
    // Only the program of the command line is recorded.
    assert!(recording.contains(r#""command":["sh"]"#), "{recording}");
    assert!(!recording.contains("hunter2"), "{recording}");
}

/// Requests with a secret where none is expected. `~` stands for the secret.
const SECRETS: [&str; 34] = [
    "POST /v1.41/images/create?fromImage=u:~@reg/x",
    "POST /v1.41/images/create?fromImage=u%3A~%40reg%2Fx",
    "POST /v1.41/images/create?fromSrc=http://u:~@h/x.tar",
    "POST /v1.41/build?remote=https://u:~@h/x.git&t=x",
    "POST /v1.41/build?cachefrom=%5B%22u:~@reg/x%22%5D",
    "POST /v1.41/build?labels=%7B%22a%22:%22~%22%7D",
    "POST /v1.41/build?outputs=%5B%7B%22Type%22:%22registry%22,%22Attrs%22:%7B%22password%22:%22~%22%7D%7D%5D",
    "POST /v1.41/commit?container=x&comment=~&author=~",
    "POST /v1.41/plugins/pull?remote=u:~@reg/x",
    "GET /v1.41/images/get?names=u:~@reg/x",
    "GET /v1.41/info?~",
    "GET /v1.41/info?~=1",
    "GET /v1.41/nowhere?~",
    "GET /v1.41/nowhere%3Ftoken=~",
    "GET /v1.41/containers/x/json%3Ftoken=~",
    "GET /v1.41/containers/x/json%253Ftoken=~",
    "GET /v1.41/containers/json;token=~",
    "GET /v1.41/containers;t=~/json",
    "GET /v1.41/images/u:~@reg/x/json",
    "GET /v1.41/images/u:x%2F~%40reg/x/json",
    "POST /v1.41/images/u:~@reg/x/push",
    "GET /v1.41/distribution/u:~@reg/x/json",
    "GET /v1.41/u:~@h/x",
    "GET /v1.41/../u:~@h/x",
    "GET /v1.41/info?a;token=~",
    "GET /v1.41/info?token=~%zz",
    "GET /v1.41/info#token=~",
    "GET /v1.23/info?token=~",
    "~ /v1.41/info",
    "GET http://u:~@d/v1.41/info",
    "CONNECT u:~@d:443",
    "GET ~",
    "{\"password\":\"~\"} /x",
    "X-Registry-Auth: ~",
];

#[test]
fn secrets_in_a_request_are_in_no_file_and_on_no_screen() {
    let world = World::sample();
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /_ping\n");
    let mut ask = String::from("import os, socket\n");
    for (number, request) in SECRETS.iter().enumerate() {
        let request = request.replace('~', &format!("hunter2x{number}x"));
        let head = format!(
            "{request} HTTP/1.1\r\nHost: d\r\nUser-Agent: a/1 t=hunter2\r\nContent-Length: 0\r\n\r\nhunter2"
        );
        ask.push_str(&format!(
            "c = socket.socket(socket.AF_UNIX); c.settimeout(5); c.connect(os.environ['DOCKER_HOST'][7:])\n\
             c.sendall({head:?}.encode()); c.shutdown(1)\n\
             try:\n while c.recv(65536): pass\nexcept OSError: pass\n"
        ));
    }
    world.write("ask.py", &ask);
    let mut told = Vec::new();
    let python = ["--", "python3", "ask.py", "hunter2"];
    // Some heads cannot be read, so the recording has gaps, which its exit status reports.
    for (line, status) in [
        (&["record", "-vv", "-o", "r.jsonl"][..], 125),
        (&["enforce", "p.yaml", "-vv", "--audit-log", "a.jsonl"], 0),
        (&["enforce", "p.yaml", "-vv", "--audit", "--audit-log", "b.jsonl"], 0),
    ] {
        let done = world.dsp(&[line, &python].concat());
        assert_eq!(done.status, status, "{}", done.err);
        told.push((line.join(" "), done.err));
    }
    for log in ["r.jsonl", "a.jsonl", "b.jsonl"] {
        let text = world.read(log);
        // Each one has arrived, and only the hidden part is missing.
        let (_, end) = text.rsplit_once("\"requests\":").unwrap();
        let requests = end.split(',').next().and_then(|count| count.parse().ok());
        assert!(requests >= Some(SECRETS.len()), "{text}");
        for kept in ["ImageCreate", "[hidden]@reg/x", "[hidden]@h/x", "/v1.41/nowhere[hidden]"] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
        told.push((log.to_owned(), text));
        for format in ["text", "json", "sarif", "junit", "markdown", "github"] {
            let done = world.dsp(&["check", "p.yaml", log, "--format", format]);
            assert!(!done.out.is_empty(), "{}", done.err);
            told.push((format!("check {log} {format}"), done.out + &done.err));
        }
        for more in [
            &["generate", "--allow-lossy", "--denied", "--accept-unknown", "--names", "exact"][..],
            &["coverage"],
            &["explain", "GET /images/x/json", "--recording"],
        ] {
            let done = world.dsp(&[more, &[log]].concat());
            let text = done.out + &done.err;
            assert!(text.len() > 20, "{more:?} {log}: {text}");
            told.push((format!("{more:?} {log}"), text));
        }
        let page = format!("{log}.html");
        world.dsp(&["report", "p.yaml", log, "-o", &page]);
        told.push((page.clone(), world.read(&page)));
    }
    for (name, text) in &told {
        let leaks: Vec<&str> = text.lines().filter(|line| line.contains("hunter2")).collect();
        assert!(leaks.is_empty(), "{name}: {leaks:#?}");
    }
}

#[test]
fn arguments_are_written_down_when_that_is_asked_for() {
    let world = World::sample();
    let command = |how: &[&str]| {
        let line =
            [&["record", "-q", "-o", "r.jsonl"], how, &["--", "true", "web", "-p", "hunter2"]];
        assert_eq!(world.dsp(&line.concat()).status, 0);
        world.read("r.jsonl").lines().rev().nth(1).unwrap().to_owned()
    };
    assert!(command(&[]).contains(r#""command":["true"],"engine""#));
    let full = command(&["--command-line", "full"]);
    assert!(
        full.contains(r#""command":["true","web","-p","[hidden]"],"arguments":true"#),
        "{full}"
    );
    assert!(!command(&["--command-line", "none"]).contains("command"));
}

#[test]
fn a_long_command_line_and_long_labels_can_be_read_again() {
    let world = World::sample();
    world.write("long", &"a".repeat(100_000));
    let fifteen = r#""$(cat long)" "#.repeat(15);
    for how in ["short", "full"] {
        let line = format!(
            "for i in 1 2; do dsp record -q -o {how} --command-line {how} --label a=$(head -c 4000 long) -- true {fifteen}; done; \
             dsp coverage {how}"
        );
        let done = world.shell(&line);
        assert!(!done.err.contains("more than"), "{}", done.err);
        assert_eq!(world.read(how).lines().count(), 4, "{}", done.err);
    }
}

#[test]
fn a_full_disk_stops_the_recording_and_not_the_workload() {
    let world = World::sample();
    // A limit on the size of files simulates a full disk: writing fails, and with the signal
    // ignored nothing else happens. The size is in blocks of 512 bytes.
    let requests = format!(
        "for i in 1 2 3 4 5 6 7 8; do {} -o /dev/null || exit 9; done; echo worked",
        curl("/v1.41/containers/web/json?size=$i")
    );
    world.write("workload", &requests);
    let done = world.shell("trap '' XFSZ; ulimit -f 2; dsp record -- sh ./workload");
    assert_eq!(done.out, "worked\n");
    assert_eq!(done.status, 125, "{}", done.err);
    assert!(done.err.contains("could not be written to recording.jsonl"), "{}", done.err);
    assert!(world.read("recording.jsonl").contains("\"lossy\":true"));
    let generated = world.dsp(&["generate"]);
    assert_eq!(generated.status, 4, "{}", generated.err);
    assert_eq!(world.dsp(&["generate", "--allow-lossy"]).status, 0);
}

#[test]
fn sessions_are_appended_and_other_files_left_alone() {
    let world = World::sample();
    for _ in 0..2 {
        assert_eq!(world.dsp(&["record", "-q", "--label", "a=b", "--", "true"]).status, 0);
    }
    let recording = world.read("recording.jsonl");
    assert_eq!(recording.matches("{\"session\":{").count(), 2);
    assert!(recording.contains("\"labels\":{\"a\":\"b\"}"));
    world.write("notes", "my notes\n");
    let done = world.dsp(&["record", "-o", "notes", "--", "true"]);
    assert_eq!(done.status, 125);
    assert_eq!(done.err, "error: notes exists and is not a dsp recording; choose another file\n");
    assert_eq!(world.read("notes"), "my notes\n");
}

#[test]
fn many_streams_fit_and_the_command_keeps_its_own_limit_of_open_files() {
    let world = World::sample();
    let done = world.shell("ulimit -S -n 200; dsp record -q -- sh -c 'sleep 0.1; ulimit -S -n'");
    assert_eq!(done.out, "200\n");
    let line = format!(
        "ulimit -S -n 200; exec {} record -q --listen unix://$PWD/p.sock",
        dsp_binary().display()
    );
    let mut dsp = world.command("sh", &["-c", &line]).stdout(Stdio::null()).spawn().unwrap();
    let socket = world.path("p.sock");
    wait_for("dsp to serve", || UnixStream::connect(&socket).is_ok());
    let streams: Vec<UnixStream> = (0..300)
        .map(|_| {
            let mut stream = UnixStream::connect(&socket).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"GET /events HTTP/1.1\r\nHost: docker\r\n\r\n").unwrap();
            read_until(&mut stream, "\r\n\r\n");
            stream
        })
        .collect();
    drop(streams);
    rustix::process::kill_process(rustix::process::Pid::from_child(&dsp), Signal::INT).unwrap();
    assert!(dsp.wait().unwrap().success());
}

#[test]
fn unrouted_requests_are_not_evidence() {
    let world = World::sample();
    let lines =
        [curl("/v1.41/plugins"), curl("/v1.41/extension"), curl("/v1.41/containers/no/json")];
    let done = world.dsp(&["record", "-q", "--", "sh", "-c", &lines.join("; ")]);
    assert_eq!(done.status, 0, "{}", done.err);
    assert_eq!(world.read("recording.jsonl").matches("\"unrouted\":true").count(), 2);
    let done = world.dsp(&["generate"]);
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(
        done.out.ends_with("allow:\n  - GET /containers/*/json  # 1 container\n"),
        "{}",
        done.out
    );
    assert!(
        done.err.contains("GET /v1.41/plugins is left out: the recorded engine does not have it"),
        "{}",
        done.err
    );
}

#[test]
fn a_listener_can_record_to_stdout() {
    let world = World::sample();
    let listen = format!("unix://{}", world.path("p.sock").display());
    let mut command = world.dsp_command(&["record", "-o", "-", "--listen", &listen]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_for("the socket", || UnixStream::connect(world.path("p.sock")).is_ok());
    let mut stream = UnixStream::connect(world.path("p.sock")).unwrap();
    assert!(exchange(&mut stream, PING).starts_with("HTTP/1.1 200"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("DOCKER_HOST=unix://"), "{said}");
    assert!(said.contains("1 operation recorded on standard output\n"), "{said}");
    assert!(!world.path("-").exists());
    // What came out is a recording, also for the next command of a pipe.
    std::fs::write(world.path("piped"), output.stdout).unwrap();
    let mut generate = world.dsp_command(&["generate", "-"]);
    generate.stdin(std::fs::File::open(world.path("piped")).unwrap());
    let done = world.finish(generate);
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.out.contains("HEAD /_ping"), "{}", done.out);
}
