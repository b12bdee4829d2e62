//! `record --whole-host`: programs of a real host, one recording and one profile for each.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use super::follow::with_ask;
use super::podman::podman_or_none;
use super::who::{Started, near_engine};
use super::{OwnEngine, real_or_return};
use crate::support::{Done, World, dsp_binary, left_out, wait_for};

fn usual(world: &World) -> PathBuf {
    world.host.trim_start_matches("unix://").into()
}

fn is_taken(world: &World) -> bool {
    let inode = |path: &Path| fs::symlink_metadata(path).map_or(0, |found| found.ino());
    let own = inode(&usual(world).with_file_name("docker.sock.dsp-record"));
    own != 0 && own == inode(&usual(world))
}

/// A shell line of root on the host, where dsp sees its processes.
fn near(world: &World, line: &str) -> Done {
    world.finish(near_engine(world, &["sh", "-c", line]))
}

/// Starts a container with the usual socket mounted.
fn start<'a>(world: &'a World, started: &mut Started<'a>, name: &str, options: &str) {
    let (ask, socket) = (world.path("ask"), usual(world));
    let line = format!(
        "docker run -d --name {name} --network none -v {}:/ask:ro -v {}:/d.sock {options} busybox sleep 1000",
        ask.display(),
        socket.display()
    );
    let done = near(world, &line);
    assert_eq!(done.status, 0, "{}", done.err);
    started.1.push(name.to_owned());
}

/// A request from a container, through the socket that it has mounted.
fn ask(world: &World, container: &str, target: &str) -> Done {
    near(world, &format!("docker exec {container} /ask /d.sock GET {target}"))
}

/// A service of systemd, as its control group says.
struct Unit {
    slice: PathBuf,
    name: &'static str,
}

impl Unit {
    fn make(name: &'static str) -> Option<Self> {
        let hierarchies = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup"].map(Path::new);
        let hierarchy = hierarchies.iter().find(|it| it.join("cgroup.procs").exists())?;
        let slice = hierarchy.join(format!("dsp{}.slice", std::process::id()));
        fs::create_dir_all(slice.join(name)).ok()?;
        Some(Self { slice, name })
    }

    /// A request of a process in it.
    fn ask(&self, world: &World, socket: &Path, target: &str) -> Done {
        let line = format!(
            "echo $$ >{}/cgroup.procs && {} {} GET {target}",
            self.slice.join(self.name).display(),
            world.path("ask").display(),
            socket.display()
        );
        let inner = near_engine(world, &["sh", "-c", &line]);
        world.finish(inner)
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _ = fs::remove_dir(self.slice.join(self.name));
        let _ = fs::remove_dir(&self.slice);
    }
}

/// A request of a process of the host, by a user who is in no container and no service.
fn ask_as(world: &World, user: &str, socket: &Path, target: &str) -> Done {
    let (ask, socket) = (world.path("ask"), socket.display().to_string());
    let ask = ask.to_str().unwrap();
    let user = ["setpriv", "--reuid", user, "--clear-groups", ask, &socket, "GET", target];
    world.finish(near_engine(world, &user))
}

/// Runs dsp near the engine, and `during` with the ID of its process; `ready` says when it serves.
fn run(
    world: &World,
    words: &[&str],
    ready: impl Fn() -> bool,
    during: impl FnOnce(&dyn Fn(Signal)),
) -> Done {
    let pid = world.path("pid");
    let line = format!("echo $$ >{}; exec \"$@\"", pid.display());
    let dsp = dsp_binary().to_str().unwrap();
    let words = [&["sh", "-c", &line, "sh", dsp][..], words].concat();
    let command = near_engine(world, &words);
    world.finish_with(command, |outer| {
        wait_for("dsp", ready);
        // `nsenter` waits for the process in the other namespace, whose ID here is that of its child.
        let signal = |signal| {
            let child = child_of(outer);
            kill_process(child, signal).unwrap();
        };
        during(&signal);
    })
}

/// The innermost child of a process.
fn child_of(outer: Pid) -> Pid {
    let number = outer.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{number}/task/{number}/children"));
    let child = children.ok().and_then(|all| all.split_ascii_whitespace().next()?.parse().ok());
    child.and_then(Pid::from_raw).map_or(outer, child_of)
}

#[test]
fn each_program_of_a_host_has_a_profile_that_serve_holds() {
    let mut world = with_ask(real_or_return!());
    let engine = OwnEngine::start(&mut world, "whole");
    let usual = usual(&world);
    // Other users may pass through these folders.
    for folder in [world.folder.path(), usual.parent().unwrap()] {
        fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(&usual, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let Some(unit) = Unit::make("dsp-backup.service") else {
        left_out("groups of processes cannot be made");
        return;
    };
    let mut containers = Started(&world, Vec::new());
    start(&world, &mut containers, "wh-before", "");
    let compose =
        "--label com.docker.compose.project=shop --label com.docker.compose.service=front";
    let words = ["record", "--whole-host", "-o", "rec", "-H", &world.host];
    let done = run(
        &world,
        &words,
        || is_taken(&world),
        |signal| {
            // The docker CLI of root, who also starts the containers.
            start(&world, &mut containers, "wh-web", "");
            start(&world, &mut containers, "wh-front", compose);
            for (container, target) in
                [("wh-before", "/info"), ("wh-web", "/version"), ("wh-front", "/info")]
            {
                let done = ask(&world, container, target);
                assert_eq!(done.status, 0, "{container}: {}{}", done.out, done.err);
            }
            assert_eq!(unit.ask(&world, &usual, "/images/json").status, 0);
            assert_eq!(ask_as(&world, "65534", &usual, "/networks").status, 0);
            signal(Signal::TERM);
        },
    );
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.err.contains("engine's own socket mounted: wh-before\n"), "{}", done.err);
    assert!(done.err.contains("until they are restarted: wh-"), "{}", done.err);
    assert!(!is_taken(&world));
    assert_eq!(near(&world, "docker ps").status, 0);
    // A restart mounts the socket that is there now.
    assert_eq!(ask(&world, "wh-web", "/version").status, 2, "nobody serves the socket that it has");
    assert_eq!(near(&world, "docker restart -t 0 wh-web wh-front").status, 0);
    assert_eq!(ask(&world, "wh-web", "/version").status, 0);

    let mut files: Vec<String> = fs::read_dir(world.path("rec"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let user = match files.iter().any(|file| file == "login-nobody.jsonl") {
        true => "login-nobody",
        false => "login-65534",
    };
    assert_eq!(
        files,
        [
            "dsp-backup.service.jsonl",
            &format!("{user}.jsonl"),
            "login-root.jsonl",
            "shop-front.jsonl",
            "wh-web.jsonl"
        ],
        "{}",
        done.err
    );
    assert!(world.read("rec/wh-web.jsonl").contains("SystemVersion"));
    assert!(!world.read("rec/wh-web.jsonl").contains("SystemInfo"));
    assert!(world.read("rec/login-root.jsonl").contains("ContainerCreate"));

    let made = world.dsp(&["generate", "--whole-host", "rec", "-o", "policy"]);
    assert_eq!(made.status, 0, "{}", made.err);
    let checked = world.dsp(&["serve", "policy/dsp.yaml", "--check"]);
    assert_eq!(checked.status, 0, "{}{}", checked.out, checked.err);
    let socket = world.path("s/dsp.sock");
    fs::create_dir(world.path("s")).unwrap();
    fs::set_permissions(world.path("s"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let listen = format!("unix://{}", socket.display());
    let text = world.read("policy/dsp.yaml").replace("unix:///run/dsp/docker.sock", &listen);
    let text = text.replace("version: 1\n", &format!("version: 1\nengine: {}\n", world.host));
    world.write("policy/dsp.yaml", &text);
    for name in ["wh-web", "wh-front"] {
        world.shell(&format!("docker rm -f {name}"));
    }
    let mount = format!("-v {}:/s", world.path("s").display());
    start(&world, &mut containers, "wh-web", &mount);
    start(&world, &mut containers, "wh-front", &format!("{mount} {compose}"));
    start(&world, &mut containers, "wh-other", &mount);
    let served = || UnixStream::connect(&socket).is_ok();
    let ended = run(&world, &["serve", "policy/dsp.yaml"], served, |signal| {
        let ask = |name: &str, target: &str| {
            let done = near(&world, &format!("docker exec {name} /ask /s/dsp.sock GET {target}"));
            (done.status, done.out)
        };
        assert_eq!(ask("wh-web", "/version").0, 0);
        assert_eq!(ask("wh-front", "/info").0, 0);
        assert!(ask("wh-web", "/info").1.contains("not allowed by profile \\\"wh-web\\\""));
        assert!(
            ask("wh-front", "/version").1.contains("not allowed by profile \\\"shop-front\\\"")
        );
        assert!(ask("wh-other", "/version").1.contains("may not use this socket"));
        assert_eq!(unit.ask(&world, &socket, "/images/json").status, 0);
        let denied = unit.ask(&world, &socket, "/info").out;
        assert!(denied.contains("not allowed by profile \\\"dsp-backup.service\\\""), "{denied}");
        assert_eq!(ask_as(&world, "65534", &socket, "/networks").status, 0);
        assert!(
            ask_as(&world, "65534", &socket, "/info")
                .out
                .contains(&format!("profile \\\"{user}\\\""))
        );
        assert!(ask_as(&world, "1", &socket, "/networks").out.contains("may not use this socket"));
        let pulled = near(&world, &format!("docker -H {listen} network ls")).err;
        assert!(pulled.contains("profile \"login-root\""), "{pulled}");
        signal(Signal::TERM);
    });
    assert_eq!(ended.status, 0, "{}", ended.err);
    drop(containers);
    drop(engine);
}

#[test]
fn programs_of_podman_are_told_apart() {
    let Some((world, _engine)) = podman_or_none("wholep") else { return };
    let world = with_ask(world);
    let mut containers = Started(&world, Vec::new());
    start(&world, &mut containers, "wh-podman-before", "");
    let words = ["record", "--whole-host", "-o", "rec", "-H", &world.host];
    let done = run(
        &world,
        &words,
        || is_taken(&world),
        |signal| {
            start(&world, &mut containers, "wh-podman", "");
            assert_eq!(ask(&world, "wh-podman", "/version").status, 0);
            signal(Signal::TERM);
        },
    );
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.err.contains("socket mounted: wh-podman-before\n"), "{}", done.err);
    assert!(done.err.contains("until they are restarted: wh-podman\n"), "{}", done.err);
    assert!(world.read("rec/wh-podman.jsonl").contains("SystemVersion"));
    assert!(world.read("rec/login-root.jsonl").contains("ContainerCreate"));
    let made = world.dsp(&["generate", "--whole-host", "rec", "-o", "policy"]);
    assert_eq!(made.status, 0, "{}", made.err);
    assert!(world.read("policy/wh-podman.yaml").contains("engine: podman"));
    assert_eq!(world.dsp(&["serve", "policy/dsp.yaml", "--check"]).status, 0);
}

#[test]
fn an_engine_that_restarts_while_dsp_records_starts_and_is_recorded_again() {
    let mut world = with_ask(real_or_return!());
    let engine = OwnEngine::start(&mut world, "whole2");
    let usual = usual(&world);
    let words = ["record", "--whole-host", "-o", "rec", "-H", &world.host];
    let done = run(
        &world,
        &words,
        || is_taken(&world),
        |signal| {
            let own = fs::metadata(&usual).unwrap().ino();
            engine.run("restart");
            wait_for("the place", || is_taken(&world));
            assert_eq!(fs::metadata(&usual).unwrap().ino(), own);
            assert_eq!(near(&world, "docker ps").status, 0);
            signal(Signal::KILL);
        },
    );
    assert!(done.err.contains("the engine has made its socket anew"), "{}", done.err);
    assert_ne!(near(&world, "docker ps").status, 0, "dsp was killed");
    // An engine that is restarted mends it by itself.
    engine.run("restart");
    assert_eq!(near(&world, "docker ps").status, 0);
    let restored = world.dsp(&["record", "--whole-host", "--restore"]);
    assert_eq!(restored.status, 0, "{}", restored.err);
    assert!(
        restored.err.contains("removed what a dsp that was killed had left"),
        "{}",
        restored.err
    );
    assert_eq!(near(&world, "docker ps").status, 0);
    let names = fs::read_dir(usual.parent().unwrap()).unwrap().flatten();
    assert!(names.into_iter().all(|it| !it.file_name().to_string_lossy().contains("dsp-")));
    assert!(world.read("rec/login-root.jsonl").contains("ContainerList"));
}
