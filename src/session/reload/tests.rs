//! An invalid new profile never replaces the old one.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;
use crate::api::{Address, EngineKind};
use crate::engine::{EngineVersion, Source};
use crate::policy::Body;
use crate::profile::LoadError;
use crate::proxy::{Access, Listener, Proxy};
use crate::sample::SampleEngine;
use crate::session::audit::Audit;
use crate::session::source::SourceError;
use crate::session::to_enforce::EnforcementMode;

const OLD: &str = "version: 1\nname: p\nallow:\n  - GET /info\n";
const NEW: &str = "version: 1\nname: p\nallow:\n  - GET /version\n";

/// Whether an error is the expected one.
type IsMeant = fn(&LoadError) -> bool;

/// A profile that is enforced on a sample engine.
struct World {
    folder: TempDir,
    engine: Engine,
    profile: ProfileInForce,
    running: Running,
    _sample: SampleEngine,
}

impl World {
    async fn new(mode: EnforcementMode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sample = SampleEngine::start(&folder.path().join("engine.sock")).unwrap();
        let engine = Engine {
            address: sample.address().into(),
            source: Source::Flag,
            version: EngineVersion {
                kind: EngineKind::Docker,
                version: "29.0.0".to_owned(),
                api: "1.41".to_owned(),
                min_api: None,
            },
        };
        let path = folder.path().join("p.yaml");
        fs::write(&path, OLD).unwrap();
        let file = ProfileToEnforce::load(&path, mode).unwrap();
        let runtime_dir = RuntimeDir::of_user(None, folder.path());
        let sockets = Sockets::new(Vec::new(), vec!["/run/docker.sock".to_owned()]);
        let engine_address = engine.address.clone();
        let place = Place { runtime_dir, engine: engine_address, first_number: 0 };
        let (profile, _) = ProfileInForce::new(file, sockets, place).unwrap();
        let address = Address::unix(folder.path().join("dsp.sock")).unwrap();
        let listener = Listener::bind(&address, &Access::default()).await.unwrap();
        let audit = Arc::new(Audit::default());
        let service = audit.service(profile.gate(), engine.address.clone());
        let running = Proxy::new(vec![listener]).serve(Arc::new(service));
        Self { folder, engine, profile, running, _sample: sample }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("p.yaml")
    }

    fn reload(&mut self) -> Result<Reload, ProfileError> {
        let service =
            |gate| Arc::new(Audit::default()).nested_service(gate, self.engine.address.clone());
        self.profile.reload(Some(&self.engine), &self.running, service)
    }

    /// The socket that a container of this image gets that asks for the engine's.
    fn socket_of(&self, gate: &dyn Gate, image: &str) -> String {
        let mut asked = Request::new("POST", "/containers/create");
        asked.head.content_type = Some(b"application/json");
        let body =
            format!(r#"{{"Image":"{image}","HostConfig":{{"Binds":["/run/docker.sock:/s"]}}}}"#);
        asked.body = Body::Whole(body.as_bytes());
        let Verdict::Forward(permit) = gate.decide(&asked).verdict else { panic!("{image}") };
        let body: serde_json::Value = serde_json::from_slice(permit.body().unwrap()).unwrap();
        let bind = body["HostConfig"]["Binds"][0].as_str().unwrap();
        bind.strip_suffix(":/s").unwrap().to_owned()
    }

    fn allows(&self, path: &str) -> bool {
        let decision = self.profile.gate().decide(&Request::new("GET", path));
        matches!(decision.verdict, Verdict::Forward(_))
    }
}

#[tokio::test]
async fn each_kind_of_bad_profile_leaves_the_old_one_in_force_and_says_why() {
    let mut world = World::new(EnforcementMode::default()).await;
    let path = &world.path();
    let far = "x".repeat(usize::try_from(crate::profile::MAX_BYTES).unwrap() + 1);
    let bad: [(&str, IsMeant); 4] = [
        ("version: 1\nname: p\nallow: [", |it| matches!(it, LoadError::Invalid { .. })),
        ("version: 1\nname: p\nallow:\n  - GET /no/such\n", |it| {
            matches!(it, LoadError::Invalid { .. })
        }),
        ("", |it| matches!(it, LoadError::Invalid { .. })),
        (&far, |it| matches!(it, LoadError::TooLarge { .. })),
    ];
    let mut check = |is_meant: IsMeant, what: &str| {
        match world.reload().unwrap_err() {
            ProfileError::Source(SourceError::Load(error)) => assert!(is_meant(&error), "{error}"),
            other => panic!("{what}: {other}"),
        }
        assert!(world.allows("/info") && !world.allows("/version"), "{what}");
    };
    for (text, is_meant) in bad {
        fs::write(path, text).unwrap();
        check(is_meant, text.get(..20).unwrap_or(text));
    }
    fs::write(path, b"\xff").unwrap();
    check(|it| matches!(it, LoadError::NotText { .. }), "bytes");
    fs::remove_file(path).unwrap();
    check(|it| matches!(it, LoadError::Io { .. }), "no file");
    symlink(path, path).unwrap();
    check(|it| matches!(it, LoadError::Io { .. }), "a link to itself");
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
    check(|it| matches!(it, LoadError::Folder { .. }), "a folder");
    fs::remove_dir(path).unwrap();
    fs::write(path, NEW).unwrap();
    assert_eq!(world.reload().unwrap().profile.allow.len(), 1);
    assert!(!world.allows("/info") && world.allows("/version"));
}

#[tokio::test]
async fn a_profile_that_nobody_has_reviewed_is_refused_when_a_review_is_required() {
    let mut world = World::new(EnforcementMode::default()).await;
    world.profile.file.mode.requires_reviewed = true;
    fs::write(world.path(), NEW).unwrap();
    let error = world.reload().unwrap_err();
    let ProfileError::NotReviewed(not_reviewed) = &error else { panic!("{error}") };
    assert!(not_reviewed.help().starts_with("dsp review "));
    assert!(error.to_string().contains("GET /version"), "{error}");
    assert!(world.allows("/info"));
}

#[tokio::test]
async fn a_profile_for_another_engine_is_refused_and_an_api_that_is_too_new_is_reported() {
    let mut world = World::new(EnforcementMode::default()).await;
    fs::write(world.path(), NEW.replace("name: p", "name: p\nengine: podman")).unwrap();
    let error = world.reload().unwrap_err();
    assert!(matches!(error, ProfileError::Engine(_)), "{error}");
    assert!(world.allows("/info"));
    fs::write(world.path(), NEW.replace("name: p", "name: p\nmin_api: \"1.44\"")).unwrap();
    let caveats = world.reload().unwrap().caveats;
    let [caveat @ Caveat::MinApi { .. }] = caveats.as_slice() else { panic!("{caveats:?}") };
    assert!(caveat.to_string().contains("its min_api is \"1.44\"") && caveat.help().is_some());
    world.engine.version.kind = EngineKind::Podman;
    fs::write(world.path(), OLD).unwrap();
    let caveats = world.reload().unwrap().caveats;
    assert!(matches!(caveats.as_slice(), [Caveat::IsPodman { .. }]), "{caveats:?}");
}

#[tokio::test]
async fn requests_under_way_that_the_new_profile_denies_are_named_and_ended_when_asked_for() {
    for drops_denied in [false, true] {
        let mode = EnforcementMode { drops_denied, ..EnforcementMode::default() };
        let mut world = World::new(mode).await;
        let events = "version: 1\nname: p\nallow:\n  - GET /events\n";
        fs::write(world.path(), events).unwrap();
        assert!(world.reload().unwrap().denied.is_empty());
        let mut client = UnixStream::connect(world.folder.path().join("dsp.sock")).await.unwrap();
        client.write_all(b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n").await.unwrap();
        let mut start = [0; 12];
        client.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        fs::write(world.path(), NEW).unwrap();
        let reload = world.reload().unwrap();
        assert_eq!(reload.has_ended, drops_denied);
        let [open] = reload.denied.as_slice() else { panic!("{:?}", reload.denied) };
        assert_eq!((open.method.as_str(), open.target.as_str()), ("GET", "/events"));
        if drops_denied {
            let mut rest = Vec::new();
            let read = client.read_to_end(&mut rest);
            let _ = tokio::time::timeout(Duration::from_secs(30), read).await.unwrap();
        } else {
            assert_eq!(world.running.open(), 1);
        }
    }
}

/// The status of an answer to a request at a socket.
async fn status(socket: &str, target: &str) -> String {
    let mut client = UnixStream::connect(socket).await.unwrap();
    let head = format!("GET {target} HTTP/1.1\r\nHost: d\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[9..]).into_owned()
}

/// A profile that says `@socket` for the first time opens the socket that containers get.
#[tokio::test]
async fn a_reload_gives_containers_a_socket() {
    let mut world = World::new(EnforcementMode::default()).await;
    assert!(world.profile.mounts().is_none());
    let rules =
        "  - GET /version\n  - POST /containers/create: {image: any, mounts: [\"@socket\"]}\n";
    fs::write(world.path(), format!("version: 1\nname: p\nallow:\n{rules}")).unwrap();
    world.reload().unwrap();
    let path = world.socket_of(&*world.profile.gate(), "a");
    assert_eq!(status(&path, "/version").await, "200");
    assert_eq!(status(&path, "/info").await, "403");
    // It stays when the profile is reloaded once more.
    world.reload().unwrap();
    assert_eq!(world.socket_of(&*world.profile.gate(), "a"), path);
    // No container mounts it.
    assert!(world.profile.close_nested().await.is_empty());
    assert!(!Path::new(&path).exists());
}

/// A rule names the profile for the sockets of its containers, and that one names another.
#[tokio::test]
async fn containers_are_held_to_the_profile_that_the_rule_names() {
    let mut world = World::new(EnforcementMode::default()).await;
    let folder = world.folder.path().to_owned();
    let write = |name: &str, rules: &[&str]| {
        let rules: String = rules.iter().map(|rule| format!("  - {rule}\n")).collect();
        let text = format!("version: 1\nname: {name}\nallow:\n{rules}");
        fs::write(folder.join(format!("{name}.yaml")), text).unwrap();
    };
    let plain = r#"POST /containers/create: {image: ["plain:latest"], mounts: ["@socket"]}"#;
    let ryuk = r#"POST /containers/create: {image: ["ryuk:latest"], mounts: ["@socket:./q.yaml"]}"#;
    let inner = r#"POST /containers/create: {image: any, mounts: ["@socket:builtin:monitor"]}"#;
    write("p", &["GET /version", plain, ryuk]);
    write("q", &["GET /info", "DELETE /containers/@own", inner]);
    world.reload().unwrap();
    let gate = world.profile.gate();
    let (own, other) = (world.socket_of(&*gate, "plain"), world.socket_of(&*gate, "ryuk"));
    assert!(own != other, "{own}");
    let statuses =
        async |socket: &str| [status(socket, "/version").await, status(socket, "/info").await];
    assert_eq!(statuses(&own).await, ["200", "403"]);
    assert_eq!(statuses(&other).await, ["403", "200"]);
    // A container that gets the other socket gives its own containers a third one, of dsp's own profile.
    let of_other = world.profile.members.iter().find(|member| member.path.ends_with("q.yaml"));
    let third = world.socket_of(&*of_other.unwrap().gate, "x");
    assert!(third != own && third != other);
    assert_eq!(status(&third, "/containers/json").await, "200");

    // A socket of dsp is one wherever it is mounted, and never another path of the host.
    let mut asked = Request::new("POST", "/containers/create");
    asked.head.content_type = Some(b"application/json");
    let body = format!(r#"{{"Image":"plain","HostConfig":{{"Binds":["{other}:/s"]}}}}"#);
    asked.body = Body::Whole(body.as_bytes());
    let Verdict::Forward(permit) = gate.decide(&asked).verdict else { panic!() };
    assert!(String::from_utf8_lossy(permit.body().unwrap()).contains(&own));

    // All of them are reloaded, or none.
    write("q", &["GET /version"]);
    world.reload().unwrap();
    assert_eq!(statuses(&other).await, ["200", "403"]);
    write("p", &["GET /info", ryuk]);
    fs::write(folder.join("q.yaml"), "version: 1\nname: q\nallow:\n  - GET /no\n").unwrap();
    let error = world.reload().unwrap_err();
    let said = error.to_string();
    assert!(said.contains("q.yaml") && said.contains("p.yaml holds the sockets"), "{said}");
    assert!(world.allows("/version") && !world.allows("/info"));
    assert_eq!(statuses(&other).await, ["200", "403"]);
    // One that no rule names any more stays in force for the containers that have its socket.
    write("p", &["GET /info"]);
    world.reload().unwrap();
    assert_eq!(statuses(&other).await, ["200", "403"]);
    assert!(world.profile.close_nested().await.is_empty());
    for socket in [own, other, third] {
        assert!(!Path::new(&socket).exists(), "{socket}");
    }
}

/// What a container makes is its profile's owner's, whichever profile it is held to.
#[tokio::test]
async fn profiles_for_sockets_share_the_owner() {
    let world = World::new(EnforcementMode::default()).await;
    let folder = world.folder.path();
    let create = r#"POST /containers/create: {image: any, mounts: ["@socket:q.yaml"]}"#;
    fs::write(folder.join("p.yaml"), format!("version: 1\nname: p\nallow:\n  - {create}\n"))
        .unwrap();
    let other = "version: 1\nname: q\nallow:\n  - DELETE /containers/@own\n";
    fs::write(folder.join("q.yaml"), other).unwrap();
    let file = ProfileToEnforce::load(&folder.join("p.yaml"), EnforcementMode::default()).unwrap();
    let mut asked = Request::new("POST", "/containers/create");
    asked.head.content_type = Some(b"application/json");
    asked.body = Body::Whole(br#"{"Image":"a"}"#);
    let gate = file.gate(file.main(), Sockets::default());
    let Verdict::Forward(permit) = gate.decide(&asked).verdict else { panic!() };
    let body = String::from_utf8_lossy(permit.body().unwrap()).into_owned();
    assert!(body.contains(r#""dsp.owner":"p""#), "{body}");
}

/// Profiles that name each other end, and those that name ever more are refused.
#[test]
fn profiles_that_name_each_other_are_loaded_once() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, other: &str| {
        let rule = format!(r#"POST /containers/create: {{mounts: ["@socket:{other}"]}}"#);
        let text = format!("version: 1\nname: p\nallow:\n  - {rule}\n");
        fs::write(folder.path().join(name), text).unwrap();
    };
    write("a.yaml", "b.yaml");
    write("b.yaml", "./a.yaml");
    let load =
        |name: &str| ProfileToEnforce::load(&folder.path().join(name), EnforcementMode::default());
    assert_eq!(load("a.yaml").unwrap().profiles().count(), 2);
    for number in 0..100 {
        write(&format!("{number}.yaml"), &format!("{}.yaml", number + 1));
    }
    assert!(matches!(load("0.yaml").unwrap_err(), ProfileError::TooMany { .. }));
    write("b.yaml", "missing.yaml");
    let error = load("a.yaml").unwrap_err().to_string();
    assert!(error.contains("missing.yaml") && error.contains("b.yaml holds"), "{error}");
}

/// Sockets in containers need an engine on this machine.
#[tokio::test]
async fn an_engine_that_may_be_elsewhere_gives_containers_no_socket() {
    let mut world = World::new(EnforcementMode::default()).await;
    world.profile.place.engine = "tcp://127.0.0.1:1".parse::<Address>().unwrap().into();
    let rule = "POST /containers/create: {mounts: [\"@socket\"]}";
    fs::write(world.path(), format!("version: 1\nname: p\nallow:\n  - {rule}\n")).unwrap();
    let error = world.reload().unwrap_err();
    assert!(matches!(error, ProfileError::Nested(NestedError::OtherMachine { .. })), "{error}");
    assert!(world.allows("/info"), "the old profile stays in force");
}
