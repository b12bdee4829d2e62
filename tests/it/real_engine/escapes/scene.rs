//! An engine with objects of an attacker and of others, and a part of a host that belongs to the
//! test.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use dsp::contents::OWNER_LABEL;
use dsp::escapes::{Escape, fill};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::archives;
use super::client::Client;
use crate::real_engine::{OwnEngine, numbers};
use crate::support::{World, wait_for};

/// What only those know who got there.
pub const MARK: &str = "dsp-mark-4711";

/// Where the web server listens, in the network of the engine's host.
pub const SERVER: &str = "127.0.0.1:18099";

/// The address of the others' container in their network.
pub const THEIR_ADDRESS: &str = "10.213.2.10";

/// The repository of the image of others. It has no server.
const THEIR_IMAGE: &str = "registry.invalid/app";

/// How podman's own API is addressed.
const LIBPOD: &str = "/v4.0.0/libpod";

/// The name of the profile of the attacker.
pub const OWNER: &str = "p";

/// Something that was made through the profile of the attacker, so that the contents of requests decide.
fn own(body: &Value) -> Value {
    let mut body = body.clone();
    body["Labels"] = json!({OWNER_LABEL: OWNER});
    body
}

/// The containers: name, whether it runs, and what it is made from.
fn containers() -> [(&'static str, bool, Value); 5] {
    let sleep = |settings: Value| {
        let mut body = json!({"Image": "busybox", "Cmd": ["sleep", "1000"], "StopSignal": "KILL"});
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        body
    };
    let serve = format!(
        "echo {MARK}; mkdir -p /tmp/www; echo {MARK} >/tmp/www/mark; httpd -h /tmp/www; exec sleep 1000"
    );
    let endpoint = json!({"esc-theirs-net": {"IPAMConfig": {"IPv4Address": THEIR_ADDRESS}}});
    [
        ("esc-own", true, sleep(own(&json!({"HostConfig": {"NetworkMode": "esc-base"}})))),
        ("esc-created", false, sleep(own(&json!({"HostConfig": {"NetworkMode": "none"}})))),
        (
            "esc-theirs",
            true,
            sleep(json!({
                "Cmd": ["sh", "-c", serve],
                "Env": [format!("SECRET={MARK}")],
                "HostConfig": {
                    "NetworkMode": "esc-theirs-net",
                    "IpcMode": "shareable",
                    "Binds": ["esc-theirs-volume:/v"],
                },
                "NetworkingConfig": {"EndpointsConfig": endpoint},
            })),
        ),
        ("esc-victim", true, sleep(json!({"HostConfig": {"NetworkMode": "none"}}))),
        ("esc-stopped", false, sleep(json!({"HostConfig": {"NetworkMode": "none"}}))),
    ]
}

/// The networks: name, and what it is made from.
fn networks(is_podman: bool) -> Vec<(&'static str, Value)> {
    let subnet = |number: u8| {
        let subnet = format!("10.213.{number}.0/24");
        json!({"Driver": "bridge", "IPAM": {"Driver": "default", "Config": [{"Subnet": subnet}]}})
    };
    let mut all = vec![
        ("esc-base", subnet(0)),
        ("esc-own-net", own(&subnet(1))),
        ("esc-theirs-net", subnet(2)),
        ("esc-empty-net", subnet(3)),
    ];
    if !is_podman {
        let parent = json!({"parent": "docker0"});
        all.push(("esc-config-net", json!({"ConfigOnly": true, "Options": parent})));
    }
    all
}

const VOLUMES: [&str; 2] = ["esc-theirs-volume", "esc-unused-volume"];

/// The networks that an engine has by itself.
const BUILT_IN: [&str; 6] = ["bridge", "host", "none", "podman", "docker_gwbridge", "ingress"];

/// The whole stage. Fields are dropped in this order.
pub struct Scene {
    server: Child,
    pub client: Client,
    /// The newest version of Docker's API that the engine speaks.
    pub api: (u32, u32),
    /// The oldest one.
    pub oldest_api: (u32, u32),
    is_podman: bool,
    folder: PathBuf,
    scratch: PathBuf,
    socket: PathBuf,
    received: Arc<Mutex<Vec<u8>>>,
    /// The state of each container when it was made.
    kept: RefCell<BTreeMap<&'static str, Value>>,
    their_image: String,
    busybox: String,
    saved: Vec<u8>,
    has_swarm: bool,
    /// The command of others, if one was prepared since the last escape.
    exec: RefCell<Option<String>>,
    log: PathBuf,
    /// How much of the engine's log is from before the last escape, in bytes.
    logged: usize,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Scene {
    /// Sets everything up on a new engine.
    pub fn new(world: &World, engine: &OwnEngine, api: (u32, u32), is_podman: bool) -> Self {
        let client = Client::new(&world.host);
        let oldest = client.get("/version").json();
        let oldest_api = oldest["MinAPIVersion"].as_str().map_or((0, 0), numbers);
        let received = Arc::new(Mutex::new(Vec::new()));
        let socket = world.path("host.sock");
        listen(&socket, &received);
        let served = world.path("served");
        fs::create_dir(&served).unwrap();
        let server = serve(engine, &served);
        let mut scene = Self {
            server,
            client,
            api,
            oldest_api,
            is_podman,
            folder: world.path("folder"),
            scratch: world.path("scratch"),
            socket,
            received,
            kept: RefCell::default(),
            their_image: String::new(),
            busybox: String::new(),
            saved: Vec::new(),
            has_swarm: false,
            exec: RefCell::default(),
            log: engine.log(),
            logged: 0,
        };
        scene.publish(&served);
        scene.make_images();
        scene.restore(None);
        scene
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What arrived at the socket of the host.
    pub fn received(&self) -> String {
        String::from_utf8_lossy(&self.received.lock()).into_owned()
    }

    /// What the engine wrote into its log since the last escape.
    pub fn logged(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(log.get(self.logged..).unwrap_or_default()).into_owned()
    }

    /// A text of an escape with real objects; `made` is what the escape made. `None` if the engine
    /// has no such object.
    pub fn fill(&self, text: &str, made: Option<&str>) -> Option<Vec<u8>> {
        fill(text, |name| match name {
            "made" => made.map(Into::into),
            name => self.value(name),
        })
    }

    fn value(&self, name: &str) -> Option<Vec<u8>> {
        let text = match name {
            "image" => "busybox:latest".to_owned(),
            "own-image" => "dsp-escape".to_owned(),
            "own-tag" => "1".to_owned(),
            "own" => "esc-own".to_owned(),
            "created" => "esc-created".to_owned(),
            "own-network" => "esc-own-net".to_owned(),
            "theirs" => "esc-theirs".to_owned(),
            "their-id" => self.id("/containers/esc-theirs/json"),
            "their-short-id" => self.id("/containers/esc-theirs/json")[..12].to_owned(),
            "victim" => "esc-victim".to_owned(),
            "their-stopped" => "esc-stopped".to_owned(),
            "exec" => self.prepare(),
            "their-image" => THEIR_IMAGE.to_owned(),
            "their-image-id" => self.their_image.clone(),
            "their-network" => "esc-theirs-net".to_owned(),
            "their-network-id" => self.id("/networks/esc-theirs-net"),
            "their-empty-network" => "esc-empty-net".to_owned(),
            "their-config-network" => "esc-config-net".to_owned(),
            "their-volume" => "esc-theirs-volume".to_owned(),
            "their-unused-volume" => "esc-unused-volume".to_owned(),
            "their-pod" => "esc-pod".to_owned(),
            "their-secret" if self.is_podman => "esc-secret".to_owned(),
            "their-secret" => self.swarm("/secrets/dsp-theirs", "/ID")?,
            "their-config" => self.swarm("/configs/dsp-theirs", "/ID")?,
            "their-overlay" => "esc-overlay".to_owned(),
            "swarm-version" => self.swarm("/swarm", "/Version/Index")?,
            "node" => self.swarm("/nodes", "/0/ID")?,
            "node-version" => self.swarm("/nodes", "/0/Version/Index")?,
            "folder" => self.folder.display().to_string(),
            "socket" => self.socket.display().to_string(),
            "mark" => MARK.to_owned(),
            "server" => format!("http://{SERVER}"),
            "server-address" => SERVER.to_owned(),
            "saved" => return Some(self.saved.clone()),
            name => return Some(archives::pack(&self.scratch, name, MARK)),
        };
        Some(text.into_bytes())
    }

    fn id(&self, target: &str) -> String {
        let found = self.client.get(target).good(target).json();
        found["Id"].as_str().unwrap().to_owned()
    }

    fn swarm(&self, target: &str, pointer: &str) -> Option<String> {
        let found = self.client.get(target).json();
        let found = found.pointer(pointer)?;
        Some(found.as_str().map_or_else(|| found.to_string(), str::to_owned))
    }

    /// A command that others prepared in their container.
    fn prepare(&self) -> String {
        let make = || {
            let made = self.post("/containers/esc-theirs/exec", &json!({"Cmd": ["sleep", "1000"]}));
            made["Id"].as_str().unwrap().to_owned()
        };
        self.exec.borrow_mut().get_or_insert_with(make).clone()
    }

    #[track_caller]
    fn post(&self, target: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.client.send("POST", target, &[], body.as_bytes()).good(target).json()
    }

    fn delete(&self, target: &str) {
        self.client.send("DELETE", target, &[], b"");
    }

    /// Undoes whatever an escape did.
    pub fn restore(&mut self, escape: Option<&Escape>) {
        if !self.has_swarm && !self.is_podman {
            self.client.send("POST", "/swarm/leave?force=1", &[], b"");
        }
        self.remove_objects(escape);
        self.reset_folder();
        self.received.lock().clear();
        self.exec.borrow_mut().take();
        self.make_objects();
        self.logged = fs::metadata(&self.log).map_or(0, |log| log.len() as usize);
    }

    /// Removes every object that does not belong to the scene, or no longer is what it was.
    fn remove_objects(&self, escape: Option<&Escape>) {
        let is_used = |name: &str| {
            let word = match name {
                "esc-victim" => "{victim}",
                "esc-created" => "{created}",
                _ => return false,
            };
            escape.is_some_and(|escape| {
                escape.method.as_str() != "GET" && escape.target.contains(word)
            })
        };
        if self.is_podman {
            self.delete(&format!("{LIBPOD}/pods/dsp-escape?force=1"));
        }
        for (name, id, state) in self.list() {
            let is_kept = self.kept.borrow().get(name.as_str()) == Some(&state);
            if !is_kept || is_used(&name) {
                self.client.send("POST", &format!("/containers/{id}/unpause"), &[], b"");
                self.delete(&format!("/containers/{id}?force=1"));
            }
        }
        let ours = networks(self.is_podman);
        for network in self.client.get("/networks").json().as_array().into_iter().flatten() {
            let name = network["Name"].as_str().unwrap_or_default();
            let is_ours = ours.iter().any(|(own, _)| *own == name) || name == "esc-overlay";
            if !is_ours && !BUILT_IN.contains(&name) {
                self.delete(&format!("/networks/{name}"));
            }
        }
        for volume in self.client.get("/volumes").json()["Volumes"].as_array().into_iter().flatten()
        {
            let name = volume["Name"].as_str().unwrap_or_default();
            if !VOLUMES.contains(&name) {
                self.delete(&format!("/volumes/{name}?force=1"));
            }
        }
        self.remove_others();
    }

    fn remove_others(&self) {
        self.delete("/images/dsp-escape:1?force=1");
        if self.is_podman {
            self.delete(&format!("{LIBPOD}/secrets/dsp-escape"));
        } else {
            self.delete("/plugins/dsp-escape:1?force=1");
        }
        if self.has_swarm {
            for kind in ["services", "secrets", "configs"] {
                self.delete(&format!("/{kind}/dsp-escape"));
            }
        }
    }

    /// Every container: its name, its ID, and what may have changed.
    fn list(&self) -> Vec<(String, String, Value)> {
        let list = self.client.get("/containers/json?all=1").json();
        let containers =
            list.as_array().cloned().unwrap_or_default().into_iter().map(|container| {
                let id = container["Id"].as_str().unwrap().to_owned();
                let name = container["Names"][0].as_str().unwrap_or_default();
                let networks = container["NetworkSettings"]["Networks"].as_object();
                let networks: Vec<_> =
                    networks.into_iter().flatten().map(|(name, _)| name).collect();
                let state = json!([id, container["State"], networks]);
                (name.trim_start_matches('/').to_owned(), id, state)
            });
        containers.collect()
    }

    /// The part of the host that belongs to the test.
    fn reset_folder(&self) {
        let folder = &self.folder;
        let _ = fs::remove_dir_all(folder);
        for name in ["lower", "upper", "work", "context", "bin"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        for name in ["mark", "lower/mark", "context/mark"] {
            fs::write(folder.join(name), MARK).unwrap();
        }
        symlink(folder, folder.join("link")).unwrap();
        fs::write(folder.join("seccomp"), r#"{"defaultAction":"SCMP_ACT_ALLOW"}"#).unwrap();
        fs::write(folder.join("context/Dockerfile"), "FROM busybox\nCOPY mark /mark\n").unwrap();
        fs::write(folder.join("hosts"), format!("203.0.113.5 {MARK}\n")).unwrap();
        fs::write(folder.join("program"), "#!/bin/sh\nexec runc \"$@\"\n").unwrap();
        fs::set_permissions(folder.join("program"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(folder.join("saved.tar"), &self.saved).unwrap();
    }

    fn make_objects(&self) {
        self.make_networks_and_volumes();
        self.mend_images();
        let there: Vec<String> = self.list().into_iter().map(|(name, _, _)| name).collect();
        let mut is_new = false;
        for (name, runs, body) in containers() {
            if there.iter().any(|there| there == name) {
                continue;
            }
            self.post(&format!("/containers/create?name={name}"), &body);
            if runs {
                self.post(&format!("/containers/{name}/start"), &Value::Null);
            }
            if name == "esc-theirs" {
                self.fill_their_volume();
            }
            is_new = true;
        }
        if is_new {
            let mut kept = self.kept.borrow_mut();
            for (name, _, state) in self.list() {
                let known = containers().into_iter().find(|(known, _, _)| *known == name);
                kept.extend(known.map(|(known, _, _)| (known, state)));
            }
        }
    }

    fn make_networks_and_volumes(&self) {
        for (name, mut body) in networks(self.is_podman) {
            if self.client.get(&format!("/networks/{name}")).status != 200 {
                body["Name"] = name.into();
                self.post("/networks/create", &body);
            }
        }
        for name in VOLUMES {
            if self.client.get(&format!("/volumes/{name}")).status != 200 {
                self.post("/volumes/create", &json!({"Name": name}));
            }
        }
        if self.is_podman {
            self.make_podman_objects();
        }
        if self.has_swarm {
            self.make_swarm();
        }
    }

    fn make_podman_objects(&self) {
        if self.client.get(&format!("{LIBPOD}/pods/esc-pod/exists")).status != 204 {
            let body = json!({"name": "esc-pod", "no_infra": true});
            self.post(&format!("{LIBPOD}/pods/create"), &body);
        }
        self.delete(&format!("{LIBPOD}/secrets/esc-secret"));
        let target = format!("{LIBPOD}/secrets/create?name=esc-secret");
        self.client.send("POST", &target, &[], MARK.as_bytes()).good(&target);
    }

    fn make_swarm(&self) {
        if self.client.get("/info").json()["Swarm"]["LocalNodeState"] == "inactive" {
            let body = json!({"ListenAddr": "127.0.0.1:12377", "AdvertiseAddr": "127.0.0.1"});
            self.post("/swarm/init", &body);
        }
        // An engine that leaves a swarm before its networks are complete makes none for the next one.
        wait_for("the networks of the swarm", || {
            ["ingress", "docker_gwbridge"].iter().all(|network| {
                let found = self.client.get(&format!("/networks/{network}")).json();
                !found["Containers"]["ingress-sbox"].is_null()
            })
        });
        let name = json!({"Name": "dsp-theirs", "Data": "eA=="});
        for kind in ["secrets", "configs"] {
            if self.client.get(&format!("/{kind}/dsp-theirs")).status != 200 {
                self.post(&format!("/{kind}/create"), &name);
            }
        }
        if self.client.get("/networks/esc-overlay").status != 200 {
            let body = json!({"Name": "esc-overlay", "Driver": "overlay"}).to_string();
            // A new swarm cannot make networks yet.
            wait_for("the swarm to make a network", || {
                let made = self.client.send("POST", "/networks/create", &[], body.as_bytes());
                made.status == 201
            });
        }
    }

    /// From now on, the engine manages a swarm.
    pub fn start_swarm(&mut self) {
        self.has_swarm = true;
        self.restore(None);
    }

    /// Fills the others' volume through their container.
    fn fill_their_volume(&self) {
        fs::create_dir_all(self.scratch.join("sub")).unwrap();
        let filling = archives::pack(&self.scratch, "archive", MARK);
        let put = |target: &str, body: &[u8]| {
            self.client.send("PUT", target, &[], body).good(target);
        };
        put("/containers/esc-theirs/archive?path=/v", &filling);
        let folder = Command::new("sh")
            .args(["-c", "mkdir -p sub && tar -c sub"])
            .current_dir(&self.scratch)
            .output()
            .unwrap();
        put("/containers/esc-theirs/archive?path=/v", &folder.stdout);
    }

    fn image_id(&self, name: &str) -> Option<String> {
        let found = self.client.get(&format!("/images/{name}/json")).json();
        found["Id"].as_str().map(str::to_owned)
    }

    fn make_images(&mut self) {
        self.busybox = self.image_id("busybox:latest").unwrap();
        let tag = format!("/images/busybox:latest/tag?repo={THEIR_IMAGE}&tag=1");
        self.post(&tag, &Value::Null);
        let name = format!("{THEIR_IMAGE}:1");
        self.saved = self.client.get(&format!("/images/{name}/get")).good("saving").body;
        self.delete(&format!("/images/{name}"));
        self.mend_images();
        self.their_image = self.image_id(&name).unwrap();
    }

    /// Makes the image of others, from a file that nobody else has, unless it is what it was.
    fn mend_images(&self) {
        if self.image_id("busybox:latest").as_ref() != Some(&self.busybox) {
            let target = format!("/images/{}/tag?repo=busybox&tag=latest", self.busybox);
            self.post(&target, &Value::Null);
        }
        let name = format!("{THEIR_IMAGE}:1");
        let found = self.image_id(&name);
        if found.is_some()
            && (self.their_image.is_empty() || found.as_ref() == Some(&self.their_image))
        {
            return;
        }
        let tag = format!("/images/{}/tag?repo={THEIR_IMAGE}&tag=1", self.their_image);
        if !self.their_image.is_empty() && self.client.send("POST", &tag, &[], b"").status < 300 {
            return;
        }
        let file = archives::pack(&self.scratch, "archive", MARK);
        // podman 4.3 ignores a tag of its own here.
        let changes = "changes=ENV%20SECRET%3Dx&changes=CMD%20%5B%22x%22%5D";
        let target = format!("/images/create?fromSrc=-&repo={THEIR_IMAGE}:1&{changes}");
        self.client.send("POST", &target, &[], &file).good(&target);
    }

    /// The image of others may have been made again, with another ID.
    pub fn look_up_image(&mut self) {
        self.their_image = self.image_id(&format!("{THEIR_IMAGE}:1")).unwrap();
    }

    /// What the web server serves.
    fn publish(&self, served: &Path) {
        fs::write(served.join("mark"), MARK).unwrap();
        fs::write(served.join("Dockerfile"), "FROM busybox\nLABEL own=1\n").unwrap();
        for (file, name) in [("archive.tar", "archive"), ("context.tar", "context")] {
            fs::write(served.join(file), archives::pack(&self.scratch, name, MARK)).unwrap();
        }
    }
}

/// Keeps whatever arrives at a socket.
fn listen(socket: &Path, received: &Arc<Mutex<Vec<u8>>>) {
    let listener = UnixListener::bind(socket).unwrap();
    let received = Arc::clone(received);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, received) = (stream.unwrap(), Arc::clone(&received));
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length) = stream.read(&mut buffer) {
                    if length == 0 {
                        return;
                    }
                    received.lock().extend_from_slice(&buffer[..length]);
                }
            });
        }
    });
}

/// A web server in the network of the engine's host.
fn serve(engine: &OwnEngine, folder: &Path) -> Child {
    let mut command = engine.inside(&["busybox", "httpd", "-f", "-p", SERVER, "-h"]);
    let child = command.arg(folder).stdin(Stdio::null()).spawn().unwrap();
    let ask = format!("http://{SERVER}/");
    wait_for("the web server", || {
        let mut ask = engine.inside(&["curl", "--silent", "--max-time", "2", &ask]);
        ask.stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    });
    child
}
