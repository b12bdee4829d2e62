//! Follows containers in process, with a sample engine.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;
use crate::api::{Address, EngineKind};
use crate::engine::{Engine, EngineVersion, Environment, Source};
use crate::policy::Observer;
use crate::proxy::{Access, Limits, Listener, Proxy, Running};
use crate::recording::{Purpose, Session};
use crate::sample::SampleEngine;
use crate::session::RuntimeDir;
use crate::session::output::JournalOutput;
use crate::session::recorder::Recorder;

/// A recorded command whose containers are followed.
struct World {
    folder: TempDir,
    follower: Arc<Follower>,
    _running: Running,
    _sample: SampleEngine,
}

impl World {
    async fn new(split: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let sample = SampleEngine::start(&path("engine.sock")).unwrap();
        let engine = Engine {
            address: sample.address().into(),
            source: Source::Flag,
            version: EngineVersion {
                kind: EngineKind::Docker,
                version: "20.10.24".to_owned(),
                api: "1.41".to_owned(),
                min_api: None,
            },
        };
        let output = JournalOutput::File(path("recording.jsonl"));
        let sessions =
            split.map_or(ContainerSessions::Shared, |split| ContainerSessions::Folder(path(split)));
        let options = FollowOptions { output: output.clone(), sessions, labels: Vec::new() };
        let environment = Environment { uid: 1, ..Environment::default() };
        let runtime_dir = RuntimeDir::new(&environment, folder.path().to_owned());
        let follower =
            Arc::new(Follower::new(options, &engine, Limits::DEFAULT, &runtime_dir).unwrap());
        assert!(follower.adopt().await.is_empty());
        let writer = output.begin(&Session::begin(Vec::new()), Purpose::Evidence).unwrap();
        let followed = Followed::command(&follower, &Arc::new(Recorder::new(writer)));
        let address = Address::unix(path("dsp.sock")).unwrap();
        let listener = Listener::bind(&address, &Access::default()).await.unwrap();
        let gate = Arc::new(Observer::new(EngineKind::Docker).reading_bodies());
        let service = Arc::new(followed).service(gate, engine.address);
        let running = Proxy::new(vec![listener]).serve(Arc::new(service));
        Self { folder, follower, _running: running, _sample: sample }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Requests a container that mounts this file or folder. Returns the status.
    async fn create(&self, name: &str, image: &str, mounted: &str) -> u16 {
        let source = self.path(mounted);
        let body = format!(
            r#"{{"Image":"{image}","HostConfig":{{"Binds":["{}:/x"]}}}}"#,
            source.to_str().unwrap()
        );
        let target = format!("/containers/create?name={name}");
        ask(self.path("dsp.sock"), "POST", &target, &body).await
    }

    /// The socket that the only container got.
    fn socket(&self) -> PathBuf {
        let mut found = fs::read_dir(&self.follower.folder).unwrap();
        found.next().unwrap().unwrap().path()
    }
}

async fn ask(socket: PathBuf, method: &str, target: &str, body: &str) -> u16 {
    let mut client = UnixStream::connect(socket).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

async fn end(world: &World) -> FollowEnd {
    world.follower.end(Duration::from_secs(5)).await
}

#[tokio::test]
async fn a_container_that_never_asks_has_a_socket_and_no_recording() {
    let world = World::new(None).await;
    assert_eq!(world.create("quiet", "busybox", "engine.sock").await, 201);
    let socket = world.socket();
    assert!(socket.exists());
    let end = end(&world).await;
    let quiet = FollowedContainer { name: "quiet".into(), is_heard: false, recorded: None };
    assert_eq!(end.containers, [quiet]);
    assert!(!end.is_lossy() && end.warnings.is_empty() && end.failures.is_empty());
    assert_eq!(end.orphans, ["quiet"], "the engine still has it, without its socket");
    assert!(socket.exists(), "no engine makes a folder of it");
    assert!(std::os::unix::net::UnixStream::connect(&socket).is_err());
}

#[tokio::test]
async fn what_a_container_asks_is_counted_and_is_in_its_own_file_if_that_was_asked_for() {
    for split in [None, Some("split")] {
        let world = World::new(split).await;
        assert_eq!(world.create("mine", "busybox", "engine.sock").await, 201);
        for target in ["/info", "/info", "/version"] {
            assert_eq!(ask(world.socket(), "GET", target, "").await, 200);
        }
        let end = end(&world).await;
        let [mine] = end.containers.as_slice() else { panic!("{end:?}") };
        let recorded = mine.recorded.as_ref().unwrap();
        assert!(mine.is_heard && recorded.is_own_file == split.is_some());
        assert_eq!((recorded.totals.requests, recorded.totals.operations), (3, 2));
        let file = if split.is_some() { "split/mine.jsonl" } else { "recording.jsonl" };
        assert_eq!(recorded.file, Some(world.path(file)));
        assert!(fs::read_to_string(world.path(file)).unwrap().contains("\"container\":\"mine\""));
    }
}

#[tokio::test]
async fn a_container_that_the_engine_refuses_is_forgotten() {
    let world = World::new(None).await;
    assert_eq!(world.create("none", "no-such-image", "engine.sock").await, 404);
    let end = end(&world).await;
    assert!(end.containers.is_empty() && end.orphans.is_empty(), "{end:?}");
    assert!(!world.follower.folder.exists(), "nothing is left in it");
}

#[tokio::test]
async fn what_is_not_followed_is_warned_about_once_and_does_not_count_as_lost() {
    let world = World::new(None).await;
    fs::create_dir(world.path("other")).unwrap();
    assert_eq!(world.create("plain", "busybox", "other").await, 201);
    assert_eq!(world.create("above", "busybox", "..").await, 201);
    assert_eq!(world.create("above", "busybox", "..").await, 409);
    let end = end(&world).await;
    assert!(end.containers.is_empty() && !end.is_lossy(), "{end:?}");
    let [Unfollowed::Uncovered { noun: "container", name: Some(name), .. }] =
        end.warnings.as_slice()
    else {
        panic!("{:?}", end.warnings)
    };
    assert_eq!((name.as_str(), end.more_warnings), ("above", 0));
}

#[tokio::test]
async fn warnings_are_bounded_and_the_limit_of_sockets_is_reported_once() {
    let world = World::new(None).await;
    for number in 0..150 {
        world.follower.pass_unread("pod", Some(number.to_string()), WhyUnread::NotAhead);
    }
    for name in ["one", "two"] {
        world.follower.fail(FollowFailure::Full { name: Some(name.into()), sockets: 9 });
    }
    let end = end(&world).await;
    assert_eq!((end.warnings.len(), end.more_warnings), (100, 50));
    let [FollowFailure::Full { name: Some(name), .. }] = end.failures.as_slice() else {
        panic!("{:?}", end.failures)
    };
    assert!(name == "one" && end.is_lossy());
}

#[tokio::test]
async fn a_recording_that_cannot_be_begun_is_a_failure_and_the_container_works() {
    let world = World::new(Some("split")).await;
    assert_eq!(world.create("mine", "busybox", "engine.sock").await, 201);
    fs::create_dir(world.path("split/mine.jsonl")).unwrap();
    assert_eq!(ask(world.socket(), "GET", "/info", "").await, 200);
    let end = end(&world).await;
    assert!(
        matches!(end.failures.as_slice(), [FollowFailure::Recording { name, .. }] if name == "mine")
    );
    let [mine] = end.containers.as_slice() else { panic!("{end:?}") };
    assert!(mine.is_heard && mine.recorded.is_none() && end.is_lossy());
}
