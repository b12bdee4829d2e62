//! Logs and traces of programs without a fixture of their own. The lines of CetusGuard, sockguard, curl and
//! urllib3 are those that the programs wrote; the others follow their sources.

use crate::support::{Done, World};

const CETUSGUARD: &str = "\
INFO: 2026/11/30 19:53:23 serve on 127.0.0.1:18101
DEBUG: 2026/11/30 19:53:25 allowed request: GET /v1.41/containers/json
WARNING: 2026/11/30 19:53:25 denied request: POST /v1.41/containers/a b/start
";

const SOCKGUARD_JSON: &str = r#"{"time":"2026-11-30T19:53:23.1Z","level":"INFO","msg":"sockguard starting"}
{"time":"2026-11-30T19:53:25.9252262Z","level":"INFO","msg":"request","method":"GET","path":"/v1.41/containers/json","request_id":"20f3","listener_name":"default","normalized_path":"/containers/json","decision":"allow","rule":0,"reason_code":"matched_allow_rule","trace_sampled":false,"status":200,"latency_ms":0.879,"bytes":2,"client":"127.0.0.1:54382"}
{"time":"2026-11-30T19:53:25.9510393Z","level":"WARN","msg":"request_denied","method":"POST","path":"/v1.41/containers/a b/start","request_id":"45a4","listener_name":"default","normalized_path":"/containers/a b/start","decision":"deny","rule":-1,"reason_code":"no_matching_allow_rule","reason":"no matching allow rule","status":403,"latency_ms":0.098,"bytes":49,"client":"127.0.0.1:54398"}
"#;

const SOCKGUARD_TEXT: &str = r#"time=2026-11-30T19:53:26.004Z level=INFO msg=request method=GET path=/v1.41/containers/json request_id=1 listener_name=default normalized_path=/containers/json decision=allow rule=0 status=200 latency_ms=0.9 bytes=2 client=127.0.0.1:38198
time=2026-11-30T19:53:26.013Z level=WARN msg=request_denied method=POST path="/v1.41/containers/a b/start" request_id=2 listener_name=default normalized_path="/containers/a b/start" decision=deny rule=-1 reason="no matching allow rule" status=403 client=127.0.0.1:38210
"#;

const CURL: &str = "*   Trying u.sock:0...
* Connected to d (/tmp/u.sock) port 80 (#0)
> GET /v1.41/containers/json?all=1 HTTP/1.1
> Host: d
> User-Agent: curl/7.88.1
> 
< HTTP/1.1 200 OK
< Content-Length: 2
< 
{ [2 bytes data]
";

const URLLIB3: &str = r#"DEBUG:urllib3.connectionpool:Starting new HTTP connection (1): 127.0.0.1:18101
DEBUG:urllib3.connectionpool:http://127.0.0.1:18101 "GET /v1.41/containers/json?all=1 HTTP/1.1" 200 0
"#;

const SOCAT: &str = "> 2026/11/30 20:00:00.000612345  length=63 from=0 to=62\n\
    GET /v1.41/containers/json HTTP/1.1\\r\nHost: d\\r\n\\r\n\
    < 2026/11/30 20:00:00.000712345  length=86 from=0 to=85\nHTTP/1.1 200 OK\\r\n";

const KNRDL: &str = r"request rule:  GET /v1\.41/containers/json
request rule:  POST /v1\.41/build
request denied: POST /v1.41/build
";

const LIST: &str = "# what the vendor says\nGET /containers/json\n";

fn generate(world: &World, from: &str, options: &[&str]) -> Done {
    world.dsp(&[&["generate", "--name", "p", "--from", from, "log"], options].concat())
}

fn rules(profile: &str) -> Vec<&str> {
    let rules = profile.lines().filter_map(|line| line.strip_prefix("  - "));
    rules.map(|rule| rule.split("  ").next().unwrap()).collect()
}

#[test]
fn each_log_gives_what_was_passed_on() {
    let world = World::without_engine();
    for (from, text, denied) in [
        ("cetusguard", CETUSGUARD, Some("POST /containers/*/start")),
        ("sockguard", SOCKGUARD_JSON, Some("POST /containers/*/start")),
        ("sockguard", SOCKGUARD_TEXT, Some("POST /containers/*/start")),
        ("knrdl", KNRDL, Some("POST /build")),
        ("curl", CURL, None),
        ("urllib3", URLLIB3, None),
        ("socat", SOCAT, None),
        ("list", LIST, None),
    ] {
        world.write("log", text);
        let done = generate(&world, from, &[]);
        assert_eq!(rules(&done.out), ["GET /containers/json"], "{from}: {}", done.err);
        let with = generate(&world, from, &["--denied"]);
        match denied {
            Some(denied) => assert!(rules(&with.out).contains(&denied), "{from}: {}", with.out),
            None => {
                assert_eq!(with.status, 2, "{from}");
                assert!(with.err.contains("--denied has no effect"), "{from}: {}", with.err);
            }
        }
    }
    world.write("log", "2026/11/30 20:00:00 blocked: POST /v1.41/build\n");
    assert_eq!(generate(&world, "11notes", &[]).status, 4);
    assert_eq!(rules(&generate(&world, "11notes", &["--denied"]).out), ["POST /build"]);
}

/// How `docker logs`, the json-file driver, journald and Loki keep lines.
#[test]
fn the_lines_may_be_wrapped() {
    fn quoted(line: &str) -> String {
        serde_json::to_string(line).unwrap()
    }
    let wrappings: [fn(&str) -> String; 5] = [
        |line| format!("{{\"log\":{},\"stream\":\"stderr\"}}", quoted(&format!("{line}\n"))),
        |line| format!("{{\"MESSAGE\":{},\"_PID\":\"7\"}}", quoted(line)),
        |line| {
            format!(
                "{{\"labels\":{{\"job\":\"x\"}},\"line\":{},\"timestamp\":\"2026-11-30T20:00:00Z\"}}",
                quoted(line)
            )
        },
        |line| {
            format!(
                "{{\"streams\":[{{\"stream\":{{\"job\":\"x\"}},\"values\":[[\"1764532800000000000\",{}]]}}]}}",
                quoted(line)
            )
        },
        |line| format!("proxy-1  | {line}"),
    ];
    let world = World::without_engine();
    for (from, text) in [
        ("cetusguard", CETUSGUARD),
        ("sockguard", SOCKGUARD_JSON),
        ("sockguard", SOCKGUARD_TEXT),
        ("knrdl", KNRDL),
        ("urllib3", URLLIB3),
    ] {
        for wrap in wrappings {
            world.write("log", &text.lines().map(|line| wrap(line) + "\n").collect::<String>());
            let done = generate(&world, from, &[]);
            let example = wrap(text.lines().nth(1).unwrap());
            assert_eq!(rules(&done.out), ["GET /containers/json"], "{example}: {}", done.err);
        }
    }
}

#[test]
fn what_a_client_sent_is_not_taken_for_a_line() {
    let world = World::without_engine();
    let fake = "DEBUG: 2026/11/30 19:53:25 allowed request: GET /v1.41/info";
    for (from, line) in [
        ("cetusguard", format!("WARNING: 2026/11/30 19:53:25 denied request: GET /x {fake}")),
        ("cetusguard", format!("ERROR: 2026/11/30 19:53:25 error forwarding request: {fake}")),
        ("sockguard", r#"{"time":"x","level":"INFO","msg":"request_denied","method":"GET","path":"/\",\"msg\":\"request","decision":"deny"}"#.to_owned()),
        ("knrdl", "unsupported protocol scheme: request rule:  GET /info".to_owned()),
        ("curl", "< X: > GET /info HTTP/1.1".to_owned()),
        ("urllib3", "DEBUG:app:got \"GET /info HTTP/1.1\" 200 1 of urllib3.connectionpool".to_owned()),
    ] {
        world.write("log", &(line.clone() + "\n"));
        let done = generate(&world, from, &[]);
        assert_eq!((done.status, done.out.as_str()), (4, ""), "{line}: {}", done.err);
    }
}

#[test]
fn one_client_is_taken_out_of_a_log() {
    let world = World::without_engine();
    let other = "{\"time\":\"x\",\"level\":\"INFO\",\"msg\":\"request\",\"method\":\"GET\",\"path\":\"/info\",\"decision\":\
                 \"allow\",\"status\":200,\"client\":\"10.0.0.9:1\"}\n";
    world.write("log", &(SOCKGUARD_JSON.to_owned() + other));
    let done = generate(&world, "sockguard", &["--client", "10.0.0.0/24"]);
    assert_eq!(rules(&done.out), ["GET /info"], "{}", done.err);
    assert!(done.err.contains("log: left out 2 requests of other clients"), "{}", done.err);
    world.write("p.yaml", &done.out);
    let line = ["check", "p.yaml", "--from", "sockguard", "log", "--client"];
    assert_eq!(world.dsp(&[&line[..], &["10.0.0.9"]].concat()).status, 0);
    assert_eq!(world.dsp(&[&line[..], &["127.0.0.1"]].concat()).status, 3);
    let nobody = generate(&world, "sockguard", &["--client", "10.9.9.9"]);
    assert_eq!(nobody.status, 4);
    assert!(nobody.err.contains("3 requests in it are of other clients"), "{}", nobody.err);
    let nameless = generate(&world, "curl", &["--client", "10.0.0.9"]);
    assert_eq!(nameless.status, 2);
    assert!(nameless.err.contains("--client has no effect with --from curl"), "{}", nameless.err);
}

/// A log that is written when requests have ended says what it lacks, and is never called complete.
#[test]
fn logs_of_ended_requests_are_never_complete() {
    let world = World::without_engine();
    world.write("log", SOCKGUARD_JSON);
    let done = generate(&world, "sockguard", &[]);
    assert!(done.err.contains("requests that are still open are not in the log"), "{}", done.err);
    assert!(!done.err.contains("complete"), "{}", done.err);
}
