use crate::support::World;

/// Writes a recording with these requests.
pub fn recording(world: &World, name: &str, requests: &[&str]) {
    let mut text = format!(
        "{{\"session\":{{\"version\":1,\"id\":\"{name}\",\"start\":\"2026-01-01T00:00:00Z\",\"dsp\":\"0.1.0\",\"command\":[\"docker\",\"ps\"]}}}}\n"
    );
    for (seq, request) in requests.iter().enumerate() {
        let (method, path) = request.split_once(' ').unwrap();
        let request = serde_json::json!({"request": {
            "session": name, "seq": seq + 1, "time": "2026-01-01T00:00:00Z", "connection": 1,
            "method": method, "path": path,
        }});
        text += &format!("{request}\n");
    }
    text += &format!(
        "{{\"end\":{{\"session\":\"{name}\",\"time\":\"2026-01-01T00:00:01Z\",\"requests\":{},\"dropped\":0}}}}\n",
        requests.len()
    );
    world.write(name, &text);
}

#[test]
fn a_profile_goes_to_stdout_or_to_a_new_file() {
    let world = World::without_engine();
    recording(&world, "recording.jsonl", &["HEAD /_ping", "GET /v1.41/containers/json"]);
    let done = world.dsp(&["generate"]);
    let proof = "dsp: complete, minimal, exact: 3 rules, 0 extra operations, ";
    assert_eq!(done.status, 0);
    assert!(done.err.starts_with(proof) && done.err.ends_with(" escapes\n"), "{}", done.err);
    insta::assert_snapshot!(done.out, @"
    # docker ps: 3 operations, highest risk: read
    # evidence: 1 session, sha256 e428e506368165b4
    version: 1
    name: docker-ps
    allow:
      - HEAD /_ping
      - GET /_ping
      - GET /containers/json
    ");
    let done = world.dsp(&["generate", "-o", "ci.yaml"]);
    assert_eq!((done.status, done.out.as_str()), (0, ""));
    let next = "dsp: wrote ci.yaml (3 rules, highest risk: read); next: dsp review ci.yaml\n";
    assert!(done.err.starts_with(&format!("{next}{proof}")), "{}", done.err);
    assert!(world.read("ci.yaml").contains("name: ci\n"));
    let again = world.dsp(&["generate", "-o", "ci.yaml"]);
    assert_eq!(again.status, 1);
    assert_eq!(
        again.err,
        "error: ci.yaml exists; add to it with --update, replace it with --replace, or choose another file with -o\n"
    );
}

#[test]
fn recordings_are_joined_whatever_their_order() {
    let world = World::without_engine();
    recording(&world, "a", &["GET /v1.41/containers/a/json"]);
    recording(&world, "b", &["GET /v1.40/containers/b/json", "GET /info"]);
    let one = world.dsp(&["generate", "a", "b"]);
    let other = world.dsp(&["generate", "b", "a", "b"]);
    assert_eq!(one.out, other.out);
    assert!(
        !one.out.contains("min_api") && one.out.contains("# 2 containers"),
        "the recorded version is not a bound: {}",
        one.out
    );
    let pinned = |version: &str| {
        let done = world.dsp(&["generate", "a", "b", "--min-api", version]);
        assert_eq!(done.status, 0, "{}", done.err);
        done.out.lines().find(|line| line.starts_with("min_api")).map(str::to_owned)
    };
    assert_eq!(pinned("recorded").as_deref(), Some("min_api: \"1.40\""));
    assert_eq!(pinned("1.30").as_deref(), Some("min_api: \"1.30\""));
    assert_eq!(pinned("none"), None);
    let wrong = world.dsp(&["generate", "a", "--min-api", "4.3.1"]);
    assert_eq!(wrong.status, 1, "{}", wrong.err);
    assert!(wrong.err.contains("--min-api is wrong"), "{}", wrong.err);
}

#[test]
fn unknown_operations_are_left_out_unless_they_are_accepted() {
    let world = World::without_engine();
    recording(
        &world,
        "recording.jsonl",
        &["GET /info", "GET /v1.41/info/\u{1b}x", "GET /v1.41/extension/a", "GET //json"],
    );
    let done = world.dsp(&["generate"]);
    assert_eq!(done.status, 3);
    assert!(!done.out.contains("extension"), "{}", done.out);
    insta::assert_snapshot!(done.err, @r"
dsp: minimal, exact: 1 rule, 0 extra operations, 0 of 341 escapes; not in it: 2 requests that enforce refuses, 1 unknown operation
warning: GET /extension/a is not a known operation and is left out
  help: allow them exactly as recorded with --accept-unknown
warning: enforce refuses this whatever the profile says: GET //json: an empty segment in the path
warning: enforce refuses this whatever the profile says: GET /v1.41/info/[hidden]: a control character in the path
");
    let done = world.dsp(&["generate", "--accept-unknown"]);
    assert_eq!(done.status, 0);
    assert!(done.out.ends_with("unknown:\n  - GET /extension/a\n"), "{}", done.out);
}

#[test]
fn an_empty_recording_gives_no_profile() {
    let world = World::without_engine();
    recording(&world, "recording.jsonl", &[]);
    let done = world.dsp(&["generate", "-o", "p.yaml"]);
    assert_eq!(done.status, 4);
    insta::assert_snapshot!(done.err, @"
    error: recording.jsonl contains no requests
      help: record a program first: dsp record -- docker stats --no-stream
    ");
    assert!(!world.path("p.yaml").exists());
}

#[test]
fn names_are_kept_when_asked_for() {
    let world = World::without_engine();
    let requests =
        ["GET /v1.41/containers/ci-1/json", "GET /v1.41/containers/ci-2/json", "GET /info"];
    recording(&world, "recording.jsonl", &requests);
    let rules = |names: &str| {
        let done = world.dsp(&["generate", "--names", names]);
        assert_eq!(done.status, 0, "{}", done.err);
        let lines = done.out.lines().filter(|line| line.contains("/containers"));
        lines.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(rules("any"), ["- GET /containers/*/json  # 2 containers"]);
    assert_eq!(rules("glob"), ["- GET /containers/ci-*/json  # 2 containers"]);
    assert_eq!(
        rules("exact"),
        [
            "- GET /containers/ci-1/json  # 2 containers",
            "- GET /containers/ci-2/json  # 2 containers"
        ]
    );
    recording(&world, "recording.jsonl", &["GET /v1.41/containers/deadbeefcafe/json"]);
    let done = world.dsp(&["generate", "--names", "exact"]);
    assert!(done.err.contains("warning: 1 rule matches ids"), "{}", done.err);
}

#[test]
fn an_update_adds_what_is_new_and_keeps_what_people_decided() {
    let world = World::without_engine();
    let text = "# ours: 3 operations, highest risk: root\n# reviewed by the platform team\n\
                version: 1\nname: ours\nallow:\n  - GET /containers/json   # the list\n  \
                - GET /containers/ci-*/json  # only ours\n  - POST /containers/create\n\
                deny:\n  - POST /containers/*/exec  # no shells\n";
    world.write("p.yaml", text);
    let requests = [
        "HEAD /_ping",
        "GET /v1.41/containers/json",
        "GET /v1.41/containers/web/json",
        "POST /v1.41/containers/web/exec",
        "DELETE /v1.41/containers/web",
    ];
    recording(&world, "recording.jsonl", &requests);
    let done = world.dsp(&["generate", "--update", "p.yaml"]);
    assert_eq!((done.status, done.out.as_str()), (0, ""), "{}", done.err);
    insta::assert_snapshot!(done.err, @"
    dsp: updated p.yaml: 3 rules added
      + HEAD /_ping
      + GET /_ping
      + DELETE /containers/*
    dsp: minimal, exact: 6 rules, 0 extra operations, 181 of 341 escapes; not in it: 2 operations that people decided against
    warning: POST /containers/*/exec was recorded but is denied by the profile; this was not changed
    warning: GET /containers/*/json was recorded but is allowed for other names only; this was not changed
      help: dsp check p.yaml lists each request
    ");
    insta::assert_snapshot!(world.read("p.yaml"), @r"
    # ours: 6 operations, highest risk: root
    # reviewed by the platform team
    version: 1
    name: ours
    allow:
      - HEAD /_ping
      - GET /_ping
      - GET /containers/json   # the list
      - GET /containers/ci-*/json  # only ours
      - POST /containers/create
      - DELETE /containers/*  # 1 container
    deny:
      - POST /containers/*/exec  # no shells
    ");
    // Again: nothing is new, and denials are still reported.
    let before = world.read("p.yaml");
    let done = world.dsp(&["generate", "--update", "p.yaml"]);
    assert_eq!(world.read("p.yaml"), before);
    assert!(done.err.starts_with("dsp: nothing was added to p.yaml\n"), "{}", done.err);
    assert!(
        !done.err.contains("complete") && !done.err.contains("covers everything"),
        "{}",
        done.err
    );
    assert_eq!(done.err.matches("this was not changed").count(), 2, "{}", done.err);
}

#[test]
fn denials_by_min_api_are_reported_once_and_never_called_complete() {
    let world = World::without_engine();
    let requests = ["HEAD /_ping", "GET /v1.41/containers/json", "GET /v1.40/containers/web/json"];
    recording(&world, "today.jsonl", &requests);
    let text = "version: 1\nname: p\nmin_api: \"1.51\"  # as ours\nallow:\n  - HEAD /_ping\n  \
                - GET /_ping\n  - GET /containers/json\n  - GET /containers/*/json\n";
    world.write("p.yaml", text);
    let done = world.dsp(&["generate", "--update", "p.yaml", "today.jsonl"]);
    assert_eq!(world.read("p.yaml"), text, "it is never lowered without a word");
    insta::assert_snapshot!(done.err, @r#"
    dsp: nothing was added to p.yaml
    dsp: minimal, exact: 4 rules, 0 extra operations, 2 of 341 escapes; not in it: 2 operations in versions older than min_api "1.51"
    warning: 2 operations in the recording used API versions as old as 1.40, but min_api: "1.51" denies older versions
      help: use a newer client, --min-api 1.40, or --min-api none (versions below 1.24 are always refused)
    "#);
    let done = world.dsp(&["check", "p.yaml", "today.jsonl", "--severity", "unreviewed=off"]);
    assert_eq!(done.status, 3);
    assert_eq!(done.out.matches("error[").count(), 1, "{}", done.out);
    let done =
        world.dsp(&["generate", "--update", "p.yaml", "today.jsonl", "--min-api", "recorded"]);
    assert!(done.err.contains("min_api was \"1.51\" and is \"1.40\""), "{}", done.err);
    assert!(done.err.contains("complete, minimal, exact"), "{}", done.err);
    assert!(world.read("p.yaml").contains("min_api: \"1.40\"  # as ours\n"));
    let done = world.dsp(&["check", "p.yaml", "today.jsonl", "--severity", "unreviewed=off"]);
    assert_eq!(done.status, 0, "{}", done.out);
    let done = world.dsp(&["generate", "--update", "p.yaml", "today.jsonl", "--min-api", "none"]);
    assert!(done.err.contains("and is none") && !world.read("p.yaml").contains("min_api"));
}

#[test]
fn refused_evidence_gives_no_verdict() {
    let world = World::without_engine();
    recording(&world, "recording.jsonl", &["GET /v1.22/containers/json", "GET //json"]);
    let done = world.dsp(&["generate", "-o", "p.yaml"]);
    assert_eq!(done.status, 4);
    insta::assert_snapshot!(done.err, @"
    error: recording.jsonl contains only requests that enforce refuses
    warning: enforce refuses this whatever the profile says: GET //json: an empty segment in the path
    warning: enforce refuses this whatever the profile says: GET /v1.22/containers/json: API version 1.22 is older than 1.24, where container start takes a host configuration
      help: no profile can allow them; the program has to send other requests
    ");
    assert!(!world.path("p.yaml").exists());
    let done = world.dsp(&["coverage"]);
    assert_eq!(done.status, 4, "{}", done.err);
    assert!(done.out.contains("Refused by enforce"), "{}", done.out);
}

/// The lines of a session in which a command sent these requests.
fn session(id: &str, command: &[&str], exit: u8, requests: &[&str]) -> String {
    let begin = serde_json::json!({"session": {
        "version": 1, "id": id, "start": format!("2026-01-01T00:00:0{}Z", id.len()),
        "dsp": "0.1.0", "command": command,
    }});
    let mut text = format!("{begin}\n");
    for (seq, path) in requests.iter().enumerate() {
        let request = serde_json::json!({"request": {
            "session": id, "seq": seq + 1, "time": "2026-01-01T00:00:00Z", "connection": 1,
            "method": "GET", "path": path,
        }});
        text += &format!("{request}\n");
    }
    let end = serde_json::json!({"end": {
        "session": id, "time": "2026-01-01T00:01:00Z", "requests": requests.len(), "dropped": 0,
        "exit": exit,
    }});
    format!("{text}{end}\n")
}

#[test]
fn a_recording_of_several_programs_is_reported_and_one_can_be_chosen() {
    let world = World::without_engine();
    let text = [
        session("a", &["docker", "stats"], 0, &["/info"]),
        session("bb", &["/usr/bin/docker", "run", "-v"], 0, &["/version", "/events"]),
        session("ccc", &["nosuch"], 127, &[]),
    ];
    world.write("recording.jsonl", &text.concat());
    let done = world.dsp(&["generate"]);
    assert_eq!(done.status, 0);
    insta::assert_snapshot!(done.err, @"
    warning: the evidence is from 2 different commands: docker stats (1 session), docker run (1 session)
      help: choose one of them, as with --command 'docker stats', or ignore this if they share one profile; dsp coverage lists the sessions
    warning: left out 1 session in which the command could not be started: nosuch (exit status 127)
    dsp: complete, minimal, exact: 3 rules, 0 extra operations, 1 of 341 escapes
    ");
    let rules = |args: &[&str]| {
        let done = world.dsp(&[&["generate"], args].concat());
        assert_eq!((done.status, done.err.contains("commands")), (0, false), "{}", done.err);
        let rules = done.out.lines().filter_map(|line| line.trim().strip_prefix("- "));
        rules.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rules(&["--command", "docker stats"]), ["GET /info"]);
    assert_eq!(rules(&["--session", "2"]), ["GET /events", "GET /version"]);
    assert_eq!(rules(&["--session", "bb"]), ["GET /events", "GET /version"]);
    assert_eq!(rules(&["--session", "1", "--command", "docker"]), ["GET /info"]);
    let done = world.dsp(&["generate", "--container", "web"]);
    assert_eq!(done.status, 1);
    insta::assert_snapshot!(done.err, @"error: no session matches --session, --command, --container and --label; there are: 1 docker stats, 2 docker run, 3 nosuch");
    let done = world.dsp(&["coverage", "--command", "docker"]);
    insta::assert_snapshot!(done.out, @"
    SESSION  BEGAN                 NEW  TOTAL  WHAT
          1  2026-01-01T00:00:01     1      1  docker stats
          2  2026-01-01T00:00:02     2      3  docker run

    SESSIONS  REQUESTS  OPERATION
         1/2         1  GET /events
         1/2         1  GET /info
         1/2         1  GET /version

    3 operations in 2 sessions, 3 of them in one session only: the next session is expected to add 1.5 (record more).

    Seen in one session only:
      GET /events
      GET /info
      GET /version

    Questions:
      GET /events was seen, GET /containers/*/json was not: does the workload inspect containers that events mention?
    ");
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    let check =
        |args: &[&str]| world.dsp(&[&["check", "p.yaml", "recording.jsonl"], args].concat());
    assert_eq!(check(&[]).status, 3);
    assert_eq!(check(&["--session", "1"]).status, 0);
}

#[test]
fn a_gap_of_any_cause_makes_the_evidence_lossy() {
    let world = World::without_engine();
    let whole = session("a", &["docker", "ps"], 0, &["/info", "/version"]);
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n  - GET /version\n");
    let check = |text: &str| {
        world.write("r.jsonl", text);
        let generated = world.dsp(&["generate", "r.jsonl"]);
        let checked = world.dsp(&["check", "p.yaml", "r.jsonl", "--severity", "unused-rule=off"]);
        (generated.status, generated.err.contains("complete, "), checked.status)
    };
    assert_eq!(check(&whole), (0, true, 0));
    // A missing line, which only the count at the end reveals.
    let line = whole.lines().find(|line| line.contains("/version")).unwrap();
    assert_eq!(check(&whole.replace(&format!("{line}\n"), "")), (4, false, 4));
    // A head that could not be read and was forwarded with everything after it.
    let passed = r#"{"response":{"session":"a","seq":2,"milliseconds":1,"received":0,"sent":0,"upgraded":true}}"#;
    let unread = whole.replace(
        &format!("{line}\n"),
        &format!("{}\n{passed}\n", line.replace("\"path\"", "\"refused\":\"x\",\"path\"")),
    );
    assert_eq!(check(&unread), (4, false, 3));
    // Without an end, and without a start.
    let lines: Vec<&str> = whole.lines().collect();
    assert_eq!(check(&format!("{}\n", lines[..3].join("\n"))), (0, false, 4));
    assert_eq!(check(&format!("{}\n", lines[1..].join("\n"))), (0, false, 4));
    // A truncated line.
    let cut = whole.replace(lines[2], &lines[2][..40]);
    assert!(!check(&cut).1);
    let lossy =
        session("a", &["docker", "ps"], 0, &["/info"]).replace("\"dropped\":0", "\"dropped\":1");
    assert_eq!(check(&lossy), (4, false, 4));
}

/// A profile with a name that may be a prefix of an ID is not called exact.
#[test]
fn a_profile_on_names_that_can_be_ids_is_not_called_exact() {
    let world = World::without_engine();
    recording(&world, "r", &["DELETE /v1.41/containers/db", "GET /v1.41/networks/ci-1"]);
    let done = world.dsp(&["generate", "r", "--names", "exact"]);
    assert_eq!(done.status, 0);
    assert!(!done.err.contains("minimal, exact"), "{}", done.err);
    assert!(done.err.contains("not exact: 1 rule with names that are not unique"), "{}", done.err);
    assert!(done.err.contains("DELETE /containers/db also matches any"), "{}", done.err);
    let done = world.dsp(&["generate", "r"]);
    assert!(
        done.err.contains("minimal, exact") && !done.err.contains("also matches"),
        "{}",
        done.err
    );
}

#[test]
fn a_profile_of_a_shell_is_named_after_its_recording() {
    let world = World::without_engine();
    let name = |args: &[&str]| {
        let done = world.dsp(&[&["generate"], args].concat());
        assert_eq!(done.status, 0, "{}", done.err);
        let line = done.out.lines().find(|line| line.starts_with("name: "));
        line.unwrap().trim_start_matches("name: ").to_owned()
    };
    for (command, alone) in [
        (r#""docker""#, "docker"),
        (r#""make","test""#, "make"),
        (r#""pytest""#, "pytest"),
        (r#""python3","-m","pytest""#, "profile"),
        (r#""sh""#, "profile"),
    ] {
        recording(&world, "recording.jsonl", &["GET /info"]);
        let text = world.read("recording.jsonl").replace(r#""docker","ps""#, command);
        world.write("recording.jsonl", &text);
        world.write("shop.jsonl", &text);
        // The folder of a test is temporary, so nothing is named after it.
        assert_eq!(name(&[]), alone, "{command}");
        assert_eq!(name(&["shop.jsonl"]), "shop", "{command}");
        assert_eq!(name(&["shop.jsonl", "--name", "mine"]), "mine", "{command}");
    }
}

#[test]
fn unrecorded_parts_of_a_path_are_reported_when_they_are_left_out() {
    let world = World::without_engine();
    let requests = ["GET /info", "GET /v1.41/hooks/aB3/run", "GET /v1.41/hooks/list"];
    recording(&world, "r.jsonl", &requests);
    let done = world.dsp(&["generate", "r.jsonl", "--accept-unknown"]);
    assert_eq!(done.status, 3, "{}", done.err);
    assert!(done.out.ends_with("unknown:\n  - GET /hooks/list\n"), "{}", done.out);
    insta::assert_snapshot!(done.err);
    // The same for what an update omits.
    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    let done = world.dsp(&["generate", "--update", "p.yaml", "r.jsonl", "--accept-unknown"]);
    assert_eq!(done.status, 3, "{}", done.err);
    assert!(!world.read("p.yaml").contains("hidden"), "{}", world.read("p.yaml"));
    assert!(done.err.contains("/hooks/[hidden]/run is left out"), "{}", done.err);
}

#[test]
fn exact_names_report_those_that_were_not_recorded() {
    let world = World::without_engine();
    let requests = ["GET /images/u:pw@reg/x/json", "GET /images/busybox/json", "GET /info"];
    recording(&world, "r.jsonl", &requests);
    let done = world.dsp(&["generate", "r.jsonl", "--names", "exact"]);
    assert!(!done.out.contains("hidden") && !done.out.contains("pw"), "{}", done.out);
    let rules: Vec<&str> = done.out.lines().filter(|line| line.contains("/images/")).collect();
    insta::assert_snapshot!(format!("[{}]\n{}\n{}", done.status, rules.join("\n"), done.err));
    assert!(!world.dsp(&["generate", "r.jsonl"]).err.contains("any name"));
}
