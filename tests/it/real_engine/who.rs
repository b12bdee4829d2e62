//! Which container asks: rules about containers, and ways to pass for another one.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal};

use super::follow::with_ask;
use super::podman::podman_or_none;
use super::real_or_return;
use crate::support::{Done, Server, World, dsp_binary, left_out, wait_for};

const PROFILE: &str = "version: 1\nname: p\nallow:\n  - GET /version\n";

/// The first process in the namespaces of an engine that `scripts/engine` started; `None` if it runs in the
/// same ones as this test.
pub(super) fn first_process(world: &World) -> Option<String> {
    let socket = world.host.trim_start_matches("unix://");
    let pid = Path::new(socket).parent()?.join("world/pid");
    fs::read_to_string(pid).ok().map(|pid| pid.trim().to_owned())
}

/// A command where the engine's processes are visible by their IDs, which ends with this one.
pub(super) fn near_engine(world: &World, words: &[&str]) -> Command {
    match first_process(world) {
        Some(first) => {
            let around = [
                &["--target", &first, "--pid", "--"][..],
                &["unshare", "--mount", "--mount-proc", "--"],
                &["setpriv", "--pdeathsig", "TERM"],
            ];
            world.command("nsenter", &[&around.concat(), words].concat())
        }
        None => world.command(words[0], &words[1..]),
    }
}

/// Starts dsp with rules about clients.
fn serve(world: &World, rules: &[&str]) -> Server {
    let socket = world.path("s/dsp.sock");
    let listen = format!("unix://{}", socket.display());
    let dsp = dsp_binary().to_str().unwrap();
    let words =
        [&[dsp, "enforce", "p.yaml", "--mode", "666", "--listen", &listen][..], rules].concat();
    World::served(near_engine(world, &words), socket, 1)
}

/// The world with what the tests mount into containers.
fn prepared(world: World) -> World {
    let world = with_ask(world);
    fs::create_dir(world.path("s")).unwrap();
    world.write("p.yaml", PROFILE);
    world
}

/// Containers that are removed at the end.
pub(super) struct Started<'a>(pub(super) &'a World, pub(super) Vec<String>);

impl Started<'_> {
    /// Starts a container that can ask dsp.
    fn run(&mut self, name: &str, options: &str) {
        let world = self.0;
        let (ask, folder) = (world.path("ask"), world.path("s"));
        let line = format!(
            "docker rm -f {name} >/dev/null 2>&1; docker run -d --name {name} --network none -v \
             {}:/ask:ro -v {}:/s {options} sleep 1000",
            ask.display(),
            folder.display()
        );
        let done = world.shell(&line);
        assert_eq!(done.status, 0, "{}", done.err);
        self.1.push(name.to_owned());
    }

    fn id(&self, name: &str) -> String {
        let done = self.0.shell(&format!("docker inspect -f '{{{{.Id}}}}' {name}"));
        assert_eq!(done.status, 0, "{}", done.err);
        done.out.trim().to_owned()
    }

    /// A request from a container.
    fn ask(&self, name: &str) -> Done {
        self.0.shell(&format!("docker exec {name} /ask /s/dsp.sock GET /version"))
    }

    #[track_caller]
    fn is_admitted(&self, name: &str) {
        let done = self.ask(name);
        assert_eq!(done.status, 0, "{}{}", done.out, done.err);
        assert!(done.out.contains("ApiVersion"), "{}", done.out);
    }

    #[track_caller]
    fn is_turned_away(&self, name: &str, who: &str) {
        let done = self.ask(name);
        assert_eq!(done.status, 1, "{}{}", done.out, done.err);
        assert!(done.out.contains("may not use this socket"), "{}", done.out);
        assert!(done.out.contains(who), "{}", done.out);
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        self.0.shell(&format!("docker rm -f {}", self.1.join(" ")));
    }
}

/// Two containers with one socket, by every kind of rule.
fn told_apart(world: &World) {
    let mut containers = Started(world, Vec::new());
    let compose =
        "--label com.docker.compose.project=shop --label com.docker.compose.service=front";
    containers.run("dsp-who-web", &format!("{compose} busybox"));
    containers.run("dsp-who-other", "busybox");
    let id = containers.id("dsp-who-web");
    for rule in ["dsp-who-web", &id, &id[..12], "shop/front"] {
        let server = serve(world, &["--allow-container", rule, "--audit-log", "audit.jsonl"]);
        containers.is_admitted("dsp-who-web");
        containers.is_turned_away("dsp-who-other", "container dsp-who-other (");
        // A process of the host is in no container.
        let mut command = world.command(world.path("ask"), &[]);
        command.arg(&server.socket).args(["GET", "/version"]);
        let done = world.finish(command);
        assert!(done.out.contains("may not use this socket"), "{rule}: {}", done.out);
        drop(server);
        let audit = world.read("audit.jsonl");
        assert!(
            audit.contains(&format!(
                "\"client\":{{\"container\":{{\"id\":\"{id}\",\"name\":\"dsp-who-web\""
            )),
            "{audit}"
        );
    }
}

#[test]
fn containers_of_one_socket_are_told_apart() {
    let world = prepared(real_or_return!());
    told_apart(&world);
}

#[test]
fn containers_of_podman_are_told_apart() {
    let Some((world, _engine)) = podman_or_none("who") else { return };
    let world = prepared(world);
    world.write("p.yaml", "version: 1\nname: p\nengine: podman\nallow:\n  - GET /version\n");
    told_apart(&world);
}

#[test]
fn a_name_that_another_container_takes_over_is_known_soon() {
    let world = prepared(real_or_return!());
    let mut containers = Started(&world, Vec::new());
    containers.run("dsp-who-first", "busybox");
    containers.run("dsp-who-second", "busybox");
    let _server = serve(&world, &["--allow-container", "dsp-who-first"]);
    containers.is_admitted("dsp-who-first");
    let renamed = world.shell(
        "docker rename dsp-who-first dsp-who-third && docker rename dsp-who-second dsp-who-first",
    );
    assert_eq!(renamed.status, 0, "{}", renamed.err);
    containers.1.push("dsp-who-third".to_owned());
    crate::support::wait_for("the new names", || {
        containers.ask("dsp-who-third").status == 1 && containers.ask("dsp-who-first").status == 0
    });
    containers.is_turned_away("dsp-who-third", "container dsp-who-third (");
}

#[test]
fn a_container_cannot_pass_for_another_one() {
    let world = prepared(real_or_return!());
    let mut containers = Started(&world, Vec::new());
    containers.run("dsp-who-meant", "busybox");
    let id = containers.id("dsp-who-meant");

    // The labels of Compose, from an image.
    let made = world.shell(
        "docker commit --change 'LABEL com.docker.compose.project=shop' \
         --change 'LABEL com.docker.compose.service=front' dsp-who-meant dsp-who-image",
    );
    assert_eq!(made.status, 0, "{}", made.err);
    containers.run("dsp-who-labels", "dsp-who-image");
    let server = serve(&world, &["--allow-container", "shop/front"]);
    containers.is_turned_away("dsp-who-labels", "container dsp-who-labels (");
    drop(server);
    world.shell("docker rm -f dsp-who-labels && docker rmi dsp-who-image");

    // The processes of the host are visible, and the other container's ID is a name and a host name.
    containers.run("dsp-who-host", &format!("--pid host --uts host -e HOSTNAME={id} busybox"));
    let server = serve(&world, &["--allow-container", &id]);
    containers.is_turned_away("dsp-who-host", "container dsp-who-host (");
    containers.is_admitted("dsp-who-meant");

    // A group of the host with the container's ID, in which a process of the host runs.
    let hierarchy = Path::new("/sys/fs/cgroup");
    let unified = hierarchy.join("cgroup.procs");
    let hierarchy = if unified.exists() { hierarchy.to_owned() } else { hierarchy.join("pids") };
    let own = hierarchy.join(format!("dsp-who-{}", std::process::id()));
    let group = own.join("docker").join(&id);
    if fs::create_dir_all(&group).is_err() {
        left_out("groups of processes cannot be made");
        return;
    }
    let (ask, socket) = (world.path("ask"), server.socket.display().to_string());
    let line = format!("{} {socket} GET /version", ask.display());
    // The shell joins the group before it enters the engine's namespace.
    let procs = group.join("cgroup.procs");
    let mut inner = near_engine(&world, &["sh", "-c", &line]);
    let words: Vec<_> = std::iter::once(inner.get_program()).chain(inner.get_args()).collect();
    let mut command = world.command("sh", &["-c"]);
    command.arg(format!("echo $$ >{} && exec \"$@\"", procs.display())).arg("sh").args(words);
    let done = world.finish(command);
    inner.env_clear();
    for folder in [&group, &own.join("docker"), &own] {
        let _ = fs::remove_dir(folder);
    }
    assert!(
        done.out.contains("\"dsp: user 0, group 0 (where it runs is not known) may not"),
        "{}{}",
        done.out,
        done.err
    );
    drop(server);
}

#[test]
fn a_parent_that_is_called_like_a_unit_does_not_make_one() {
    let world = prepared(real_or_return!());
    let driver = world.shell("docker info -f '{{.CgroupDriver}}'");
    if driver.out.trim() != "cgroupfs" {
        left_out("systemd chooses the groups of containers");
        return;
    }
    let parent = format!("/dsp-who-{}.slice", std::process::id());
    let mut containers = Started(&world, Vec::new());
    containers.run("dsp-who-parent", &format!("--cgroup-parent {parent}/traefik.service busybox"));
    let server = serve(&world, &["--allow-unit", "traefik"]);
    containers.is_turned_away("dsp-who-parent", "user 0, group 0");
    drop(server);
    let server = serve(&world, &["--allow-container", "dsp-who-parent"]);
    containers.is_admitted("dsp-who-parent");
    let done = server.stop(Signal::TERM);
    drop(containers);
    assert!(!done.err.contains("turned away"), "{}", done.err);
    for hierarchy in fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
        let slice = hierarchy.path().join(parent.trim_start_matches('/'));
        let _ = fs::remove_dir(slice.join("traefik.service"));
        let _ = fs::remove_dir(slice);
    }
}

/// A dsp that serves `dsp.yaml`; ended when dropped.
struct Host(Child);

impl Host {
    fn serve(world: &World) -> Self {
        let dsp = dsp_binary().to_str().unwrap();
        let mut command = near_engine(world, &[dsp, "serve", "dsp.yaml"]);
        let said = fs::File::create(world.path("said")).unwrap();
        let host = Self(command.stderr(said).spawn().unwrap());
        wait_for("the socket", || UnixStream::connect(world.path("s/dsp.sock")).is_ok());
        host
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

#[test]
fn programs_that_share_a_socket_are_told_apart_by_their_containers() {
    let world = prepared(real_or_return!());
    world.write("other.yaml", "version: 1\nname: other\nallow:\n  - GET /info\n");
    let (folder, engine) = (world.path("s"), &world.host);
    let text = format!(
        "version: 1\nengine: {engine}\nprograms:\n  web:\n    profile: p.yaml\n    \
         clients: [{{ container: dsp-two-web }}]\n    \
         listen: {{ address: unix://{folder}/dsp.sock, mode: 666 }}\n  other:\n    \
         profile: other.yaml\n    clients: [{{ container: shop/two }}]\n    \
         audit_log: other.jsonl\n    listen: unix://{folder}/dsp.sock\n",
        folder = folder.display()
    );
    world.write("dsp.yaml", &text);
    let mut containers = Started(&world, Vec::new());
    containers.run("dsp-two-web", "busybox");
    let compose = "--label com.docker.compose.project=shop --label com.docker.compose.service=two";
    containers.run("dsp-two-other", &format!("{compose} busybox"));
    containers.run("dsp-two-third", "busybox");
    let host = Host::serve(&world);
    let ask = |name: &str, path: &str| {
        world.shell(&format!("docker exec {name} /ask /s/dsp.sock GET {path}")).out
    };
    assert!(ask("dsp-two-web", "/version").contains("ApiVersion"));
    assert!(ask("dsp-two-web", "/info").contains("not allowed by profile \\\"p\\\""));
    assert!(ask("dsp-two-other", "/info").contains("ServerVersion"));
    assert!(ask("dsp-two-other", "/version").contains("not allowed by profile \\\"other\\\""));
    assert!(ask("dsp-two-third", "/version").contains("may not use this socket"));
    // A container that gives its name away is not the program any more.
    let renamed = world.shell("docker rename dsp-two-web dsp-two-was");
    assert_eq!(renamed.status, 0, "{}", renamed.err);
    containers.1.push("dsp-two-was".to_owned());
    wait_for("the new name", || ask("dsp-two-was", "/version").contains("may not use this socket"));
    drop(host);
    let log = world.read("other.jsonl");
    assert!(log.contains("\"name\":\"dsp-two-other\""), "{log}");
    assert!(!log.contains("dsp-two-web"), "{log}");
}
