//! Records and enforces in process: no program, no terminal, no signal.

use std::fs;
use std::io::{BufReader, PipeReader};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;
use crate::api::Address;
use crate::engine::{self, Engine, Environment};
use crate::proxy::Access;
use crate::recording::{Event, Reader, Stream};
use crate::sample::SampleEngine;
use crate::verify::Caveat;

const PROFILE: &str = "version: 1\nname: p\nallow:\n  - GET /info\n";

/// An engine, and a folder for everything else.
struct World {
    folder: TempDir,
    engine: Engine,
    _sample: SampleEngine,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sample = SampleEngine::start(&folder.path().join("engine.sock")).unwrap();
        let host_flag = Some(sample.address().spelled());
        let environment = Environment { host_flag, ..Environment::default() };
        let engine = engine::find(&environment, Duration::from_secs(30)).await.unwrap();
        Self { folder, engine, _sample: sample }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn front(&self) -> FrontOptions {
        let environment = Environment { uid: 1, ..Environment::default() };
        FrontOptions {
            listen: ListenOptions::default(),
            runtime_dir: RuntimeDir::new(&environment, self.folder.path().to_owned()),
            workload: Workload::InProcess,
        }
    }

    /// Records the program `name` into `r.jsonl`.
    fn recording(&self, name: &str) -> RecordingOptions {
        RecordingOptions {
            front: self.front(),
            output: JournalOutput::File(self.path("r.jsonl")),
            command: vec![name.to_owned()],
            has_arguments: false,
            labels: vec![("job".to_owned(), "test".to_owned())],
            follow: None,
        }
    }

    /// Enforces this profile, with an audit log in `audit.jsonl`.
    fn enforcement(&self, profile: &str) -> EnforcementOptions {
        fs::write(self.path("p.yaml"), profile).unwrap();
        let mode = EnforcementMode::default();
        EnforcementOptions {
            front: self.front(),
            profile: ProfileToEnforce::load(&self.path("p.yaml"), mode).unwrap(),
            audit_log: Some(AuditLogOptions {
                output: JournalOutput::File(self.path("audit.jsonl")),
                command: Vec::new(),
                is_optional: false,
            }),
        }
    }

    async fn record(&self, options: RecordingOptions) -> Recording {
        Recording::start(self.engine.clone(), options, &mut |it| panic!("{it}")).await.unwrap()
    }

    async fn enforce(&self, options: EnforcementOptions) -> Enforcement {
        Enforcement::start(self.engine.clone(), options, &mut |it| panic!("{it}")).await.unwrap()
    }
}

/// Sends a request, and returns the status of its answer.
async fn ask(docker_host: &str, method: &str, target: &str, body: &str) -> u16 {
    let socket = docker_host.strip_prefix("unix://").unwrap();
    let mut client = UnixStream::connect(socket).await.unwrap();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn events(path: &Path) -> Vec<Event<'static>> {
    Reader::open(path).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_recording_returns_its_totals_and_leaves_nothing_but_the_file() {
    let world = World::new().await;
    let recording = world.record(world.recording("monitor")).await;
    let host = recording.docker_host().to_owned();
    assert_eq!(recording.addresses(), std::slice::from_ref(&host));
    for target in ["/info", "/info", "/version", "/v1.41/extension"] {
        ask(&host, "GET", target, "").await;
    }
    let end = recording.end().await;
    assert_eq!((end.totals.requests, end.totals.operations), (4, 2));
    assert!(matches!(end.workload, WorkloadEnd::Stopped) && end.workload.exit_status().is_none());
    assert!(!end.is_lossy() && end.follow.is_none() && end.several_programs().is_none());
    let socket = PathBuf::from(host.strip_prefix("unix://").unwrap());
    assert!(!socket.parent().unwrap().exists(), "the folder of the socket is removed");
    let events = events(&world.path("r.jsonl"));
    let Some(Event::Session(session)) = events.first() else { panic!("{events:?}") };
    assert_eq!(
        (session.command.as_slice(), session.arguments),
        (&["monitor".to_owned()][..], false)
    );
    assert_eq!(session.labels.get("job").map(String::as_str), Some("test"));
    assert_eq!(session.engine.as_ref().unwrap().version, world.engine.version.version);
    assert!(matches!(events.last(), Some(Event::End(end)) if end.requests == 4));
}

#[tokio::test]
async fn a_recording_of_several_programs_is_noticed() {
    let world = World::new().await;
    for (name, several) in [("one", None), ("one", None), ("two", Some((3, "one", true)))] {
        let end = world.record(world.recording(name)).await.end().await;
        let found = end.several_programs();
        let found = found.as_ref().map(|it| (it.number, it.other.as_str(), it.is_first));
        assert_eq!(found, several, "{name}");
    }
    let end = world.record(world.recording("one")).await.end().await;
    let several = SeveralPrograms { number: 4, other: "two".to_owned(), is_first: false };
    assert_eq!(end.several_programs(), Some(several));
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_part_of_the_result() {
    let world = World::new().await;
    let mut options = world.recording("none");
    let command = vec![world.path("none").into()];
    options.front.workload = Workload::Program { command, intercept: None };
    let end = world.record(options).await.run(|notice| panic!("{notice:?}")).await;
    assert!(matches!(end.workload, WorkloadEnd::NotStarted(_)), "{:?}", end.workload);
    let events = events(&world.path("r.jsonl"));
    assert!(matches!(events.last(), Some(Event::End(end)) if end.exit == Some(127)), "{events:?}");
}

/// Creates a container that mounts the engine's socket, and asks through the socket that it got.
async fn use_a_container(world: &World, docker_host: &str) {
    let socket = world.path("engine.sock");
    let body = format!(
        r#"{{"Image":"busybox","HostConfig":{{"Binds":["{}:/var/run/docker.sock"]}}}}"#,
        socket.to_str().unwrap()
    );
    assert_eq!(ask(docker_host, "POST", "/containers/create?name=mine", &body).await, 201);
    let folders = fs::read_dir(world.folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let own = folders.map(|folder| folder.join("1.sock")).find(|socket| socket.exists()).unwrap();
    assert_eq!(ask(&format!("unix://{}", own.to_str().unwrap()), "GET", "/info", "").await, 200);
}

#[tokio::test]
async fn followed_containers_are_part_of_the_result_and_of_the_recording() {
    let world = World::new().await;
    for sessions in [ContainerSessions::Shared, ContainerSessions::Folder(world.path("split"))] {
        let is_split = sessions != ContainerSessions::Shared;
        let name = if is_split { "split.jsonl" } else { "shared.jsonl" };
        let output = JournalOutput::File(world.path(name));
        let options =
            RecordingOptions { output, follow: Some(sessions), ..world.recording("compose") };
        let recording = world.record(options).await;
        use_a_container(&world, recording.docker_host()).await;
        ask(recording.docker_host(), "DELETE", "/containers/mine", "").await;
        let follow = recording.end().await.follow.unwrap();
        let [container] = follow.containers.as_slice() else { panic!("{follow:?}") };
        let recorded = container.recorded.as_ref().unwrap();
        assert_eq!((container.name.as_str(), recorded.is_own_file), ("mine", is_split));
        assert_eq!(recorded.totals.requests, 1);
        let file = if is_split { "split/mine.jsonl" } else { name };
        assert_eq!(recorded.file, Some(world.path(file)));
    }
}

/// A recording on a pipe in place of standard output.
fn piped() -> (PipeReader, JournalOutput) {
    let (reader, writer) = std::io::pipe().unwrap();
    (reader, JournalOutput::Stdout(Stream::new(OwnedFd::from(writer).into())))
}

#[tokio::test]
async fn standard_output_gets_the_sessions_of_containers_too() {
    let world = World::new().await;
    let (reader, output) = piped();
    let follow = Some(ContainerSessions::Shared);
    let options = RecordingOptions { output, follow, ..world.recording("compose") };
    let recording = world.record(options).await;
    use_a_container(&world, recording.docker_host()).await;
    let end = recording.end().await;
    let follow = end.follow.unwrap();
    assert_eq!(follow.containers.first().unwrap().recorded.as_ref().unwrap().file, None);
    let reader = Reader::new(Path::new("pipe"), BufReader::new(reader));
    let sessions: Vec<Option<String>> = reader
        .map(Result::unwrap)
        .filter_map(|event| match event {
            Event::Session(session) => Some(session.container),
            _ => None,
        })
        .collect();
    assert_eq!(sessions, [None, Some("mine".to_owned())]);
}

#[tokio::test]
async fn what_prevents_a_start_is_a_type() {
    let world = World::new().await;
    let start = async |engine: &Engine, options| {
        let started = Recording::start(engine.clone(), options, &mut |_| ()).await;
        started.err().unwrap()
    };
    let output = JournalOutput::File(world.path("none/r.jsonl"));
    let error = start(&world.engine, RecordingOptions { output, ..world.recording("x") }).await;
    assert!(matches!(error, StartError::Journal(JournalError::File(_))), "{error}");
    let elsewhere = Address::Tcp { host: "127.0.0.1".to_owned(), port: 2375 };
    let engine = Engine { address: elsewhere.into(), ..world.engine.clone() };
    let follow = Some(ContainerSessions::Shared);
    let error = start(&engine, RecordingOptions { follow, ..world.recording("x") }).await;
    assert!(matches!(error, StartError::Follow(FollowError::OtherMachine { .. })), "{error}");
    let mut options = world.recording("x");
    options.front.listen.addresses = vec!["tcp://127.0.0.1:0".parse().unwrap()];
    options.front.listen.access = Access { anywhere: true, ..Access::default() };
    let error = start(&world.engine, options).await;
    assert!(matches!(error, StartError::Sockets(SocketsError::OnlyLocal)), "{error}");
    assert!(!world.path("r.jsonl").exists());
    let podman = world.enforcement(&PROFILE.replace("name: p", "name: p\nengine: podman"));
    let started = Enforcement::start(world.engine.clone(), podman, &mut |_| ()).await;
    assert!(matches!(started.err(), Some(StartError::Profile(ProfileError::Engine(_)))));
    assert!(!world.path("audit.jsonl").exists());
}

#[tokio::test]
async fn what_a_person_should_know_is_a_type() {
    let world = World::new().await;
    let mut options = world.enforcement(&PROFILE.replace("name: p", "name: p\nmin_api: \"1.99\""));
    options.front.listen.addresses = vec!["tcp://127.0.0.1:0".parse().unwrap()];
    let mut warnings = Vec::new();
    let warn = &mut |warning| warnings.push(warning);
    let enforcement = Enforcement::start(world.engine.clone(), options, warn).await.unwrap();
    let host = enforcement.docker_host().to_owned();
    enforcement.end().await;
    let [
        StartWarning::Caveat(Caveat::MinApi { .. }),
        StartWarning::OpenToAll { address, is_local },
    ] = warnings.as_slice()
    else {
        panic!("{warnings:?}")
    };
    assert!(*is_local && host == address.spelled());
    assert!(warnings.iter().all(|warning| warning.help().is_some()));
}

#[tokio::test]
async fn an_enforcement_returns_its_denials_and_puts_a_new_profile_in_force() {
    let world = World::new().await;
    let mut enforcement = world.enforce(world.enforcement(PROFILE)).await;
    assert_eq!(enforcement.profile().allow.len(), 1);
    let host = enforcement.docker_host().to_owned();
    let statuses =
        async || (ask(&host, "GET", "/info", "").await, ask(&host, "GET", "/version", "").await);
    assert_eq!(statuses().await, (200, 403));
    assert_eq!(statuses().await, (200, 403));
    fs::write(world.path("p.yaml"), "version: 1\nname: p\nallow: [").unwrap();
    let ReloadEnd { profile, audit_log, certificates: _ } = enforcement.reload();
    assert!(
        matches!(profile, Err(ProfileError::Source(SourceError::Load(_)))) && audit_log.is_ok()
    );
    assert_eq!(statuses().await, (200, 403));
    fs::write(world.path("p.yaml"), PROFILE.replace("/info", "/version")).unwrap();
    fs::rename(world.path("audit.jsonl"), world.path("audit.1.jsonl")).unwrap();
    let reload = enforcement.reload().profile.unwrap();
    assert!(reload.denied.is_empty() && reload.caveats.is_empty());
    assert_eq!(enforcement.profile().allow, reload.profile.allow);
    assert_eq!(statuses().await, (403, 200));
    let end = enforcement.end().await;
    let denials: Vec<(&str, u64)> =
        end.denials.iter().map(|(text, times)| (text.as_str(), *times)).collect();
    let [(version, 3), (info, 1)] = denials.as_slice() else { panic!("{denials:?}") };
    assert!(version.contains("GET /version") && info.contains("GET /info"), "{denials:?}");
    let is_request = |event: &Event| matches!(event, Event::Request(_));
    let rotated = events(&world.path("audit.jsonl"));
    assert!(rotated.iter().any(is_request) && matches!(rotated.last(), Some(Event::End(_))));
    assert!(events(&world.path("audit.1.jsonl")).iter().any(is_request));
}

#[test]
fn a_profile_that_nobody_has_reviewed_cannot_be_put_in_force_where_a_review_is_required() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    fs::write(&path, PROFILE).unwrap();
    let mode = EnforcementMode { requires_reviewed: true, ..EnforcementMode::default() };
    let error = ProfileToEnforce::load(&path, mode).unwrap_err();
    assert!(matches!(error, ProfileError::NotReviewed(_)), "{error}");
}
