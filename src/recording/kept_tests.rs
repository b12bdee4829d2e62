//! Which requests have a line, which are counted, and what can be read again.

use std::collections::BTreeMap;
use std::time::Instant;

use super::tests::begin;
use super::{CommandLine, Event, Observation, Purpose, Reader, Repeat, Request, Session, Writer};
use crate::api::{CanonicalRequest, EngineKind};
use crate::http1::Arrival;
use crate::peer::Peer;

/// A request from a client.
#[derive(Clone, Copy)]
struct By<'a> {
    user: u32,
    process: u32,
    connection: u64,
    agent: Option<&'a str>,
    denied: Option<&'a str>,
}

const ROOT: By<'static> = By { user: 0, process: 1, connection: 1, agent: None, denied: None };

fn ask(writer: &Writer, by: By<'_>, method: &str, target: &str) {
    let request = CanonicalRequest::parse(EngineKind::Docker, method, target);
    let located = request.as_ref().ok().and_then(CanonicalRequest::locate);
    let process = std::num::NonZeroU32::new(by.process);
    let ticket = writer.request(&Observation {
        contents: None,
        arrival: Arrival {
            at: Instant::now(),
            connection: by.connection,
            peer: Peer::Process { user: by.user, group: 0, process },
            client: None,
            method,
            target,
            agent: by.agent,
        },
        request: request.as_ref().ok(),
        refusal: request.as_ref().err(),
        located: located.as_ref(),
        denied: by.denied,
        would_deny: None,
    });
    assert!(ticket.is_written());
}

/// What the file of a session with this purpose contains at the end.
fn written(
    purpose: Purpose,
    work: impl FnOnce(&Writer),
) -> (Vec<Request<'static>>, Vec<Repeat<'static>>) {
    let folder = tempfile::tempdir().unwrap();
    let (path, writer) = begin(folder.path(), 0);
    let writer = writer.for_purpose(purpose);
    work(&writer);
    writer.end(None);
    let (mut requests, mut repeats) = (Vec::new(), BTreeMap::new());
    for event in Reader::open(&path).unwrap().map(Result::unwrap) {
        match event {
            Event::Request(request) => requests.push(request),
            Event::Repeat(repeat) => drop(repeats.insert(repeat.seq, repeat)),
            _ => {}
        }
    }
    (requests, repeats.into_values().collect())
}

fn value<'a>(request: &'a Request<'_>, key: &str) -> &'a str {
    let mut named = request.query.iter().filter(|(name, _)| name == key);
    named.next().and_then(|(_, value)| value.as_deref()).unwrap_or_default()
}

#[test]
fn each_change_has_a_line_in_an_audit_log() {
    let pull = |from: &str| format!("/images/create?fromImage={from}&tag=1");
    let (requests, repeats) = written(Purpose::Audit, |writer| {
        (0..20).for_each(|number| ask(writer, ROOT, "POST", &pull(&format!("busybox{number}"))));
        ask(writer, ROOT, "POST", &pull("evil"));
        (0..3).for_each(|_| ask(writer, ROOT, "POST", "/containers/web/kill?signal=HUP"));
        (0..3).for_each(|_| ask(writer, ROOT, "POST", "/containers/web/exec"));
        // The effect of an unknown operation is unknown, so it may change something.
        (0..3).for_each(|_| ask(writer, ROOT, "GET", "/vendor/x?a=1"));
        // So may a request that dsp cannot read.
        (0..3).for_each(|_| ask(writer, ROOT, "GET", "/a//b"));
    });
    assert_eq!((requests.len(), repeats.len()), (33, 0));
    assert!(requests.iter().any(|request| value(request, "fromImage") == "evil"));
}

#[test]
fn no_change_is_counted_with_another_one_in_a_recording() {
    let (requests, repeats) = written(Purpose::Evidence, |writer| {
        for number in 0..40 {
            let target = format!("/containers/web/archive?path=/{number}");
            ask(writer, ROOT, "PUT", &target);
            ask(writer, ROOT, "PUT", &target);
            ask(writer, ROOT, "GET", &format!("/vendor/{number}"));
            ask(writer, ROOT, "GET", &format!("/containers/json?limit={number}"));
        }
    });
    let of = |path: &str| requests.iter().filter(|request| request.path.starts_with(path)).count();
    assert_eq!(
        (of("/containers/web/archive"), of("/vendor/"), of("/containers/json")),
        (40, 40, 16)
    );
    let lists = repeats.iter().find(|repeat| repeat.alike > 0).unwrap();
    assert_eq!((lists.count, lists.alike), (24, 24));
}

#[test]
fn an_audit_log_counts_polls_and_nothing_else_that_is_read() {
    let (requests, repeats) = written(Purpose::Audit, |writer| {
        for number in 0..1000 {
            ask(writer, ROOT, "GET", &format!("/events?since=170000{number:04}.5&filters=%7B%7D"));
            ask(writer, ROOT, "GET", "/containers/json");
        }
        for number in 0..40 {
            ask(writer, ROOT, "GET", &format!("/containers/web/archive?path=/{number}"));
            ask(writer, ROOT, "GET", &format!("/events?since=1&filters=%7B%22x%22%3A{number}%7D"));
            ask(writer, ROOT, "GET", &format!("/events?since=a{number}"));
        }
    });
    let of = |path: &str| requests.iter().filter(|request| request.path.starts_with(path)).count();
    assert_eq!(of("/containers/web/archive"), 40);
    assert_eq!(of("/containers/json"), 1);
    assert_eq!(of("/events"), 16 + 40 + 40);
    assert!(repeats.iter().any(|repeat| repeat.alike == 984), "{repeats:?}");
}

#[test]
fn who_asked_is_never_lost() {
    for purpose in [Purpose::Evidence, Purpose::Audit] {
        let (requests, repeats) = written(purpose, |writer| {
            for user in [0, 1000, 1001] {
                for process in 1..50 {
                    let by = By { user, process, connection: u64::from(process), ..ROOT };
                    ask(writer, by, "POST", "/containers/web/kill");
                    ask(writer, by, "GET", "/info");
                }
            }
        });
        for operation in ["SystemInfo", "ContainerKill"] {
            let users: std::collections::BTreeSet<u32> = requests
                .iter()
                .filter(|request| request.operation.as_deref() == Some(operation))
                .filter_map(|request| match request.peer {
                    Peer::Process { user, .. } => Some(user),
                    _ => None,
                })
                .collect();
            assert_eq!(users, [0, 1000, 1001].into(), "{purpose:?} {operation}");
        }
        for repeat in repeats {
            let last = repeat.last.unwrap();
            let Peer::Process { process, .. } = last.peer else { panic!("{last:?}") };
            assert_eq!((repeat.count, last.connection), (48, 49), "{purpose:?}");
            assert_eq!(process.unwrap().get(), 49);
            let request = requests.iter().find(|request| request.seq == repeat.seq).unwrap();
            assert!(last.time >= request.time, "{last:?} {request:?}");
        }
    }
}

#[test]
fn what_differs_in_anything_that_is_recorded_is_another_request() {
    let long = "a".repeat(5000);
    let (requests, repeats) = written(Purpose::Evidence, |writer| {
        for end in ["x", "y"] {
            // Longer than any length at which a text might be cut.
            ask(writer, ROOT, "GET", &format!("/containers/{long}{end}/json"));
            ask(writer, ROOT, "GET", &format!("/containers/web/archive?path=/{long}{end}"));
            ask(writer, ROOT, "GET", &format!("/info?{end}=1&{}", end.repeat(2)));
            ask(writer, By { agent: Some(end), ..ROOT }, "GET", "/version");
            ask(writer, By { denied: Some(end), ..ROOT }, "GET", "/version");
            // A request that is refused for another reason.
            ask(
                writer,
                ROOT,
                "GET",
                &format!("/{}b?{end}", if end == "x" { "a//" } else { "a/%00" }),
            );
        }
        ask(writer, ROOT, "GET", "/%63ontainers/json");
        ask(writer, ROOT, "GET", "/containers/json");
        ask(writer, ROOT, "GET", "/containers/json?all=1");
        ask(writer, ROOT, "GET", "/containers/json?all=1&x");
        ask(writer, ROOT, "GET", "/containers/json?all=1&x&y");
    });
    // For `/info`, neither the names nor the values are recorded, only their number.
    assert_eq!((requests.len(), repeats.len()), (16, 1), "{requests:?}");
}

#[test]
fn denied_requests_fill_neither_the_disk_nor_the_memory() {
    let key = "k".repeat(6000);
    let denied = By { denied: Some("no"), ..ROOT };
    let (requests, repeats) = written(Purpose::Audit, |writer| {
        for number in 0..400 {
            ask(writer, denied, "GET", &format!("/info?{number}{key}="));
            ask(writer, denied, "GET", &format!("/containers/{number}{key}/json"));
            ask(writer, denied, "GET", &format!("/{number}/{key}"));
            ask(writer, denied, "POST", &format!("/containers/{number}/kill"));
            ask(writer, denied, "GET", &format!("/{number}//{key}"));
        }
        ask(writer, ROOT, "POST", "/containers/1/kill");
    });
    let bytes: usize = requests.iter().map(|request| request.path.len()).sum();
    assert!(bytes < 1 << 19, "{bytes} bytes of paths");
    // Everything in requests that cannot be read is hidden, so they count as one.
    assert_eq!(requests.len(), 1 + 3 * 256 + 1 + 1);
    assert_eq!(repeats.iter().map(|repeat| repeat.count).sum::<u64>(), 5 * 400 - 1 - 3 * 256 - 1);
    assert!(requests.last().unwrap().denied.is_none());
}

#[test]
fn a_recording_can_be_read_wherever_it_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let command: Vec<std::ffi::OsString> = vec!["docker".into(), "ps".into()];
    drop(Writer::create(&path, &Session::begin(CommandLine::Short.of(&command))).unwrap());
    let whole = std::fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        for sessions in 1..3 {
            let writer = Writer::create(&path, &Session::begin(vec![]));
            writer.unwrap_or_else(|error| panic!("{cut}: {error}")).end(None);
            let ends = Reader::open(&path)
                .unwrap()
                .map(|event| event.unwrap_or_else(|error| panic!("{cut}: {error}")))
                .filter(|event| matches!(event, Event::End(_)));
            assert_eq!(ends.count(), sessions, "{cut}");
        }
    }
}

#[test]
fn the_longest_first_line_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    for filler in ["\u{1}", "a", "é", "\u{10ffff}", "\""] {
        let path = folder.path().join("r.jsonl");
        let _ = std::fs::remove_file(&path);
        let long = filler.repeat((1 << 20) / filler.len());
        let mut session = Session::begin(vec![long.clone(); 20]);
        session.arguments = true;
        session.container = Some(long.clone());
        session.labels = (0..20).map(|number| (format!("{number}{long}"), long.clone())).collect();
        let engine = super::Engine {
            kind: EngineKind::Docker,
            version: long.clone(),
            api: long.clone(),
            min_api: None,
        };
        session.engine = Some(engine);
        Writer::create(&path, &session).unwrap().end(None);
        Writer::create(&path, &session).unwrap().end(None);
        assert_eq!(Reader::open(&path).unwrap().map(Result::unwrap).count(), 4);
    }
}

#[test]
fn a_recording_of_before_is_shown_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let lines = [
        r#"{"session":{"version":1,"id":"a","start":"2026-01-01T00:00:00Z","dsp":"0.1.0","command":["docker","login","-p","hunter2"]}}"#,
        r#"{"request":{"session":"a","seq":1,"time":"2026-01-01T00:00:00Z","connection":1,"method":"GET","path":"/v1.41/images/u:hunter2@reg/x/json","operation":"ImageInspect","agent":"x token=hunter2"}}"#,
        r#"{"request":{"session":"a","seq":2,"time":"2026-01-01T00:00:00Z","connection":1,"method":"{\"p\":\"hunter2\"}","path":"hunter2","refused":"no"}}"#,
        r#"{"request":{"session":"a","seq":3,"time":"2026-01-01T00:00:00Z","connection":1,"method":"GET","path":"/v1.41/containers/json;t=hunter2"}}"#,
        r#"{"request":{"session":"a","seq":4,"time":"2026-01-01T00:00:00Z","connection":1,"method":"GET","path":"/v1.41/containers/json"}}"#,
    ];
    std::fs::write(&path, lines.map(|line| line.to_owned() + "\n").concat()).unwrap();
    let events: Vec<Event<'_>> = Reader::open(&path).unwrap().map(Result::unwrap).collect();
    assert!(!format!("{events:?}").contains("hunter2"), "{events:#?}");
    assert!(
        matches!(&events[0], Event::Session(session) if session.command == ["docker", "login"])
    );
    assert!(
        matches!(&events[4], Event::Request(request) if request.path == "/v1.41/containers/json")
    );
}
