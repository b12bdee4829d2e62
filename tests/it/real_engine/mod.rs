//! What users do, on a real engine. `scripts/test` starts one. Without it these tests pass without
//! doing anything, unless `DSP_TEST_ENGINE=required` is set.
//!
//! `scripts/matrix` runs them on many engines: those with podman in their names on each podman, the
//! others on each Docker Engine. What differs between versions is asked of the engine.

/// The attempts of `tests/attempts` that also apply to it.
mod attempts;
/// The engine makes what dsp read in a body.
mod bodies;
/// The steps of a pipeline.
mod ci;
/// Programs and libraries that talk to Docker.
mod clients;
/// dsp in containers.
mod compose;
/// The engine runs the operation that dsp locates.
mod differential;
/// The known ways from the socket to the host.
mod escapes;
/// Each fixture's profile, enforced, lets its own command succeed.
mod fixtures;
/// `record --follow`.
mod follow;
/// What rules hide in answers.
mod hide;
/// Programs that know only one socket.
mod intercept;
/// The tests' own engines next to another one.
mod isolation;
/// The workflow of a new user.
mod journey;
/// When the engine writes a request down.
mod log;
/// What creates make.
mod made;
/// Sockets that containers get under `enforce`.
mod nested;
/// Rules about own objects.
mod own;
/// Own objects over time, and of several owners.
mod own_lasting;
/// Lists, prunes and events of own objects.
mod own_lists;
/// The same on podman.
mod own_podman;
/// The same of a swarm.
mod own_swarm;
/// The other engine.
mod podman;
/// Secrets in the requests of podman's clients must not appear anywhere.
mod podman_secrets;
/// The commands of the README and `docs`.
mod readme;
/// The engine's own list of routes.
mod routes;
/// One `dsp serve` for four real programs.
mod serve;
/// Programs cannot notice that they are recorded.
mod transparent;
/// Messages of every form, byte for byte.
mod verbatim;
/// Which container asks.
mod who;
/// `record --whole-host`.
mod whole_host;

use std::process::{Command, Stdio};

use crate::support::World;

/// The test's world; ends the test if there is no engine.
macro_rules! real_or_return {
    () => {
        match crate::support::World::real() {
            Some(world) => world,
            None => return,
        }
    };
}
use real_or_return;

/// The major and minor number of the engine's own version.
fn engine_version(world: &World) -> (u32, u32) {
    let told = told(world);
    numbers(told["Components"][0]["Version"].as_str().unwrap())
}

/// The newest version of Docker's API that the engine speaks. Unlike its own version, this one also
/// orders engines that are built from a module.
fn api_version(world: &World) -> (u32, u32) {
    numbers(told(world)["ApiVersion"].as_str().unwrap())
}

fn told(world: &World) -> serde_json::Value {
    let socket = world.host.trim_start_matches("unix://");
    let curl =
        format!("curl --silent --fail --max-time 20 --unix-socket {socket} http://d/version");
    let done = world.shell(&curl);
    assert_eq!(done.status, 0, "{curl}: {}", done.err);
    serde_json::from_str(&done.out).unwrap()
}

/// The first two numbers of a version.
fn numbers(version: &str) -> (u32, u32) {
    let mut numbers = version.split(['.', '-', '+']).map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// A running container, removed at the end of the test.
pub struct Container<'a> {
    world: &'a World,
    pub name: String,
}

impl<'a> Container<'a> {
    pub fn run(world: &'a World, name: &str, command: &str) -> Self {
        world.shell(&format!("docker rm -f {name}"));
        let done = world.shell(&format!("docker run -d --name {name} busybox {command}"));
        assert_eq!(done.status, 0, "{}", done.err);
        Self { world, name: name.to_owned() }
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.world.shell(&format!("docker rm -f {}", self.name));
    }
}

/// The names by which `scripts/engine` knows the engines that tests start for themselves: the
/// machine's own unless `scripts/matrix` says otherwise.
fn engine_name(kind: &str) -> String {
    let variable = if kind == "podman" { "DSP_TEST_PODMAN" } else { "DSP_TEST_DOCKER" };
    std::env::var(variable).unwrap_or_else(|_| kind.to_owned())
}

/// An engine for one test, ended with the test.
pub struct OwnEngine {
    folder: String,
    kind: &'static str,
}

impl OwnEngine {
    /// Starts an engine that only this test uses, and makes it the world's.
    pub fn start(world: &mut World, name: &str) -> Self {
        Self::start_kind(world, name, "docker")
    }

    /// The same with `docker` or `podman`.
    pub fn start_kind(world: &mut World, name: &str, kind: &'static str) -> Self {
        // Short, because a socket's path is limited, and in /tmp, because `scripts/engine` removes
        // the folder.
        let folder = format!("/tmp/dsp-{name}-{}", std::process::id());
        world.host = format!("unix://{folder}/docker.sock");
        let engine = Self { folder, kind };
        engine.run("start");
        engine
    }

    pub fn run(&self, action: &str) {
        let done = self.command(action).output().unwrap();
        assert!(done.status.success(), "{action}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// A command in the network of the engine's host.
    pub fn inside(&self, words: &[&str]) -> Command {
        let mut command = self.command("run");
        command.args(words);
        command
    }

    /// The file to which the engine writes its log.
    pub fn log(&self) -> std::path::PathBuf {
        std::path::Path::new(&self.folder).join("log")
    }

    /// Kills it, as in a crash.
    pub fn kill(&self) {
        let pid = std::fs::read_to_string(format!("{}/pid", self.folder)).unwrap();
        let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }

    fn command(&self, action: &str) -> Command {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/engine"));
        command.args([action, &self.folder]).stdin(Stdio::null());
        if action == "start" {
            command.arg(engine_name(self.kind));
        }
        command
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        let _ = self.command("stop").output();
    }
}
