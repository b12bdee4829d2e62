use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::support::World;

/// A recording with two sessions: a container that reads and creates, and a command that is denied.
const RECORDING: &str = r#"{"session":{"version":3,"id":"aaaa","start":"2026-01-01T10:00:00Z","dsp":"0.1.0","container":"web"}}
{"request":{"session":"aaaa","seq":1,"time":"2026-01-01T10:00:01Z","connection":1,"method":"GET","path":"/v1.41/containers/json","query":[["all","1"]],"agent":"docker-sdk-python/7.2.0"}}
{"response":{"session":"aaaa","seq":1,"status":200,"milliseconds":3,"received":0,"sent":100}}
{"request":{"session":"aaaa","seq":2,"time":"2026-01-01T10:00:02Z","connection":1,"method":"GET","path":"/v1.41/events"}}
{"request":{"session":"aaaa","seq":3,"time":"2026-01-01T10:00:03Z","connection":2,"method":"POST","path":"/v1.41/containers/create","contents":{"image":["app:1"],"privileged":["true"]}}}
{"response":{"session":"aaaa","seq":3,"status":409,"milliseconds":40,"received":120,"sent":60}}
{"repeat":{"session":"aaaa","seq":1,"count":4,"statuses":{"200":4}}}
{"session":{"version":3,"id":"bbbb","start":"2026-01-01T11:00:00Z","dsp":"0.1.0","command":["pytest"],"labels":{"ci":"7"}}}
{"request":{"session":"bbbb","seq":1,"time":"2026-01-01T11:00:01Z","connection":1,"method":"POST","path":"/build","denied":"POST /build is not allowed by profile \"x\""}}
{"request":{"session":"bbbb","seq":2,"time":"2026-01-01T11:00:02Z","connection":1,"method":"GET","path":"/odd\u001b[2J","refused":"a control character"}}
{"response":{"session":"bbbb","seq":2,"status":400,"milliseconds":0,"received":0,"sent":10}}
"#;

fn world() -> World {
    let world = World::without_engine();
    world.write("r", RECORDING);
    world
}

#[test]
fn requests_are_rows_with_what_became_of_them() {
    let world = world();
    let mut shown = String::new();
    for args in [
        &["r"][..],
        &["r", "risk>=change"],
        &["r", "status>=400", "container=web"],
        &["r", "verdict=denied"],
        &["r", "contents=privileged true"],
        &["r", "--by", "operation"],
        &["r", "--by", "client"],
        &["r", "--by", "session"],
        &["r", "ms>1000"],
        &["r:5"],
    ] {
        let done = world.dsp(&[&["show"], args].concat());
        assert_eq!(done.status, 0, "{args:?}: {}", done.err);
        shown += &format!("$ dsp show {args:?}\n{}{}\n", done.out, done.err);
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn programs_get_one_object_for_each_request() {
    let world = world();
    let done = world.dsp(&["show", "r", "--format", "json"]);
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    let rows: Vec<Value> =
        done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 5);
    assert_eq!((rows[0]["times"].as_u64(), rows[0]["risk"].as_str()), (Some(5), Some("read")));
    assert_eq!(rows[1]["status"], Value::Null);
    assert_eq!((rows[2]["client"].as_str(), rows[2]["risk"].as_str()), (Some("web"), Some("root")));
    assert_eq!(rows[3]["verdict"].as_str(), Some("denied"));
    let one = world.dsp(&["show", "r:5", "--format", "json"]);
    assert_eq!(one.out, done.out.lines().nth(2).unwrap().to_owned() + "\n");
}

#[test]
fn what_cannot_be_shown_is_said() {
    let world = world();
    let mut shown = String::new();
    for (args, status) in [
        (&["risk=root"][..], 2),
        (&["r", "risc=root"], 2),
        (&["r", "status=ok"], 2),
        (&["-f", "r", "r"], 2),
        (&["-f", "-"], 2),
        (&["r:5", "risk=root"], 2),
        (&["r:5", "--by", "client"], 2),
        (&["none"], 1),
        (&["r:4711"], 1),
        (&["r:3"], 1),
        (&["."], 1),
    ] {
        let done = world.dsp(&[&["show"], args].concat());
        assert_eq!((done.status, done.out.as_str()), (status, ""), "{args:?}");
        shown += &format!("$ dsp show {args:?}\n{}", done.err);
    }
    insta::assert_snapshot!(shown);
    world.write("empty", "");
    let done = world.dsp(&["show", "empty"]);
    assert_eq!((done.status, done.err.as_str()), (0, "dsp: empty contains no requests\n"));
}

#[test]
fn a_recording_may_be_standard_input() {
    let world = world();
    let piped = world.shell("cat r | dsp show - risk=root");
    assert_eq!(piped.status, 0, "{}", piped.err);
    assert_eq!(piped.out, world.dsp(&["show", "r", "risk=root"]).out);
}

#[test]
fn a_file_that_is_written_is_followed() {
    let world = world();
    let mut command = world.dsp_command(&["show", "-f", "r", "session=cccc"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let append = |text: &str| {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new().append(true).open(world.path("r")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    append(concat!(
        r#"{"session":{"version":3,"id":"cccc","start":"2026-01-02T10:00:00Z","dsp":"0.1.0","command":["cron"]}}"#,
        "\n",
        r#"{"request":{"session":"cccc","seq":1,"time":"2026-01-02T10:00:01Z","connection":1,"method":"GET","path":"/events"}}"#,
        "\n",
    ));
    assert!(lines.next().unwrap().starts_with("TIME"));
    let stream = lines.next().unwrap();
    assert!(stream.starts_with("10:00:01   open") && stream.ends_with("GET /events"), "{stream}");
    append(concat!(
        r#"{"request":{"session":"cccc","seq":2,"time":"2026-01-02T10:00:02Z","connection":1,"method":"GET","path":"/info"}}"#,
        "\n",
        r#"{"response":{"session":"cccc","seq":2,"status":200,"milliseconds":5,"received":0,"sent":1"#,
    ));
    append("00}}\n");
    let ended = lines.next().unwrap();
    assert!(ended.starts_with("10:00:02    200") && ended.ends_with("GET /info"), "{ended}");
    // A log that is rotated goes on under its name.
    std::fs::rename(world.path("r"), world.path("r.1")).unwrap();
    world.write("r", concat!(
        r#"{"session":{"version":3,"id":"cccc","start":"2026-01-02T11:00:00Z","dsp":"0.1.0","command":["cron"]}}"#, "\n",
        r#"{"request":{"session":"cccc","seq":1,"time":"2026-01-02T11:00:01Z","connection":1,"method":"GET","path":"/events"}}"#, "\n",
    ));
    let rotated = lines.next().unwrap();
    assert!(rotated.starts_with("11:00:01   open"), "{rotated}");
    child.kill().unwrap();
    child.wait().unwrap();
}
