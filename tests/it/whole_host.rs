use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::follow::{Engine, ask};
use crate::support::{Done, World, left_out, wait_for};

/// The path of the world's engine.
fn usual(world: &World) -> PathBuf {
    world.host.trim_start_matches("unix://").into()
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |found| found.ino())
}

/// An engine whose socket every user may open.
fn engine(world: &World) -> Engine {
    let engine = Engine::start(world);
    fs::set_permissions(usual(world), fs::Permissions::from_mode(0o666)).unwrap();
    engine
}

/// The names in the folder of the socket that begin like it.
fn names(world: &World) -> Vec<String> {
    let names = fs::read_dir(world.folder.path()).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("none.sock")).collect();
    names.sort();
    names
}

fn is_taken(world: &World) -> bool {
    let record = usual(world).with_file_name("none.sock.dsp-record");
    inode(&usual(world)) != 0 && inode(&usual(world)) == inode(&record)
}

fn send(pid: Pid, signal: Signal) {
    kill_process(pid, signal).unwrap();
}

/// Records while `during` runs, which ends dsp.
fn record(world: &World, options: &[&str], during: impl FnOnce(Pid)) -> Done {
    let words = [&["record", "--whole-host", "-o", "rec"][..], options].concat();
    world.finish_with(world.dsp_command(&words), |pid| {
        // After a kill -9, the names are still there.
        let is_served = || UnixStream::connect(usual(world)).is_ok();
        wait_for("the place", || is_taken(world) && is_served());
        during(pid);
    })
}

/// All recordings.
fn recorded(world: &World) -> String {
    let files = fs::read_dir(world.path("rec")).unwrap().flatten();
    files.map(|file| fs::read_to_string(file.path()).unwrap()).collect()
}

/// The answer to a request of another user.
fn ask_as(user: u32, socket: &Path, target: &str) -> String {
    let curl = Command::new("curl")
        .args(["--silent", "--max-time", "20", "--unix-socket"])
        .arg(socket)
        .arg(format!("http://d{target}"))
        .uid(user)
        .output()
        .unwrap();
    String::from_utf8_lossy(&curl.stdout).into_owned()
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        left_out("root is needed");
    }
    is_root
}

#[test]
fn the_place_is_taken_and_given_back() {
    let world = World::without_engine();
    let engine = engine(&world);
    let before = inode(&usual(&world));
    let done = record(&world, &["--label", "run=1"], |pid| {
        let mode = fs::metadata(usual(&world)).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o666, "who could open the engine's socket can open dsp's");
        assert!(ask(&usual(&world), "/v1.41/info").contains("200"));
        send(pid, Signal::TERM);
    });
    assert_eq!(done.status, 0, "{}", done.err);
    assert_eq!(done.out, "");
    assert_eq!(inode(&usual(&world)), before);
    assert_eq!(names(&world), ["none.sock"]);
    assert!(engine.request("/v1.41/info").starts_with("GET "));
    assert!(done.err.contains("[DIR]/none.sock.dsp-engine now"), "{}", done.err);
    assert!(done.err.contains("[DIR]/none.sock is the engine's again"), "{}", done.err);
    assert!(done.err.contains("1 request  1 operation"), "{}", done.err);
    assert!(recorded(&world).contains("\"labels\":{\"run\":\"1\"}"));
    assert!(recorded(&world).contains("SystemInfo"));
}

#[test]
fn a_lock_of_the_folder_keeps_nobody_from_the_engine() {
    let world = World::without_engine();
    let _engine = engine(&world);
    let before = inode(&usual(&world));
    // Any user who may read the folder can have this lock.
    let folder = fs::File::open(world.folder.path()).unwrap();
    let done = record(&world, &[], |pid| {
        rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).unwrap();
        send(pid, Signal::INT);
    });
    assert_eq!(done.status, 0, "{}", done.err);
    assert_eq!(inode(&usual(&world)), before);
    assert_eq!(names(&world), ["none.sock"]);
}

#[test]
fn what_kill_9_leaves_is_mended() {
    let world = World::without_engine();
    let _engine = engine(&world);
    let before = inode(&usual(&world));
    record(&world, &[], |pid| send(pid, Signal::KILL));
    assert!(UnixStream::connect(usual(&world)).is_err(), "nobody serves the usual path");
    let restore = ["record", "--whole-host", "--restore"];
    let done = world.dsp(&restore);
    assert_eq!(done.status, 0, "{}", done.err);
    insta::assert_snapshot!(done.err, @"dsp: gave [DIR]/none.sock back to the engine; a dsp that had its place was killed");
    assert_eq!(inode(&usual(&world)), before);
    assert_eq!(names(&world), ["none.sock"]);
    insta::assert_snapshot!(world.dsp(&restore).err, @"dsp: [DIR]/none.sock is the engine's; there is nothing to restore");

    // The next recording mends it, too.
    record(&world, &[], |pid| send(pid, Signal::KILL));
    let done = record(&world, &[], |pid| {
        assert!(ask(&usual(&world), "/v1.41/info").contains("200"));
        send(pid, Signal::TERM);
    });
    assert!(done.err.contains("gave [DIR]/none.sock back to the engine; a dsp"), "{}", done.err);
    assert_eq!(inode(&usual(&world)), before);

    // And so does what docs/host.md tells a person without dsp.
    record(&world, &[], |pid| send(pid, Signal::KILL));
    assert_eq!(world.shell("mv none.sock.dsp-engine none.sock").status, 0);
    assert!(ask(&usual(&world), "/v1.41/info").contains("200"));
    assert_eq!(world.dsp(&restore).status, 0);
    assert_eq!(names(&world), ["none.sock"]);
}

#[test]
fn an_engine_that_makes_its_socket_anew_loses_nothing() {
    let world = World::without_engine();
    let _first = engine(&world);
    let mut second = None;
    let done = record(&world, &[], |pid| {
        let own = inode(&usual(&world));
        fs::remove_file(usual(&world)).unwrap();
        second = Some(engine(&world));
        wait_for("the place", || is_taken(&world));
        assert_eq!(inode(&usual(&world)), own);
        assert!(ask(&usual(&world), "/v1.41/info?again").contains("200"));
        send(pid, Signal::TERM);
    });
    assert!(second.unwrap().request("info?again").starts_with("GET "));
    assert!(done.err.contains("the engine has made its socket anew"), "{}", done.err);
    assert!(recorded(&world).contains("SystemInfo"));
    assert_eq!(names(&world), ["none.sock"]);
    assert!(ask(&usual(&world), "/v1.41/info").contains("200"));
}

#[test]
fn only_one_dsp_records_a_host() {
    let world = World::without_engine();
    let _engine = engine(&world);
    let done = record(&world, &[], |pid| {
        for words in [&["-o", "other"][..], &["--restore"]] {
            let second = world.dsp(&[&["record", "--whole-host"][..], words].concat());
            assert_eq!(second.status, 1);
            assert!(
                second.err.contains("another dsp records at [DIR]/none.sock"),
                "{}",
                second.err
            );
        }
        assert!(ask(&usual(&world), "/v1.41/info").contains("200"));
        send(pid, Signal::TERM);
    });
    assert_eq!(done.status, 0, "{}", done.err);
    assert_eq!(names(&world), ["none.sock"]);
}

/// A container as an engine lists it, with the socket mounted.
fn container(world: &World, id: &str, name: &str) -> String {
    let source = usual(world).display().to_string();
    format!(
        "{{\"Id\":\"{id}\",\"Names\":[\"/{name}\"],\"State\":\"running\",\"Mounts\":[{{\"Source\":\"{source}\"}}]}}"
    )
}

#[test]
fn containers_are_listed_that_have_the_other_socket() {
    let world = World::without_engine();
    let engine = engine(&world);
    let list = |containers: &[String]| {
        *engine.containers.lock().unwrap() = format!("[{}]", containers.join(","));
    };
    let (old, new) = (container(&world, "aaa", "old\\u001b"), container(&world, "bbb", "new"));
    list(std::slice::from_ref(&old));
    let ended = record(&world, &[], |pid| {
        list(&[old.clone(), new.clone()]);
        send(pid, Signal::TERM);
    });
    assert!(ended.err.contains("the engine's own socket mounted: old\\u{1b}\n"), "{}", ended.err);
    assert!(ended.err.contains("until they are restarted: new\n"), "{}", ended.err);
    assert!(ended.err.contains("help: docker restart new\n"), "{}", ended.err);

    // A person who interrupts dsp breaks no container: dsp goes on for those.
    list(std::slice::from_ref(&old));
    let ended = record(&world, &[], |pid| {
        let own = usual(&world).with_file_name("mounted.sock");
        fs::hard_link(usual(&world), &own).unwrap();
        list(&[old.clone(), new.clone()]);
        send(pid, Signal::INT);
        wait_for("the engine's socket", || !is_taken(&world));
        assert!(ask(&own, "/v1.41/info").contains("200"), "the container's socket is served");
        list(&[old]);
    });
    assert_eq!(ended.status, 0);
    assert!(ended.err.contains("or until Ctrl-C: new\n"), "{}", ended.err);
    assert!(!ended.err.contains("cannot reach"), "{}", ended.err);
    assert_eq!(names(&world), ["none.sock"]);
}

#[test]
fn a_place_that_cannot_be_given_back_is_not_said_to_be() {
    let world = World::without_engine();
    let engine = engine(&world);
    let ended = record(&world, &[], |pid| {
        // A name that dsp needs for the exchange is a folder.
        fs::create_dir(usual(&world).with_file_name("none.sock.dsp-spare")).unwrap();
        *engine.containers.lock().unwrap() = format!("[{}]", container(&world, "bbb", "new"));
        // It would wait for the container if it had given the place back.
        send(pid, Signal::INT);
    });
    assert_eq!(ended.status, 1, "{}", ended.err);
    assert!(ended.err.contains("error: cannot give [DIR]/none.sock back: "), "{}", ended.err);
    assert!(!ended.err.contains("to the engine. These"), "{}", ended.err);
    assert!(ended.err.contains("cannot reach the engine until they are restarted: new"));
    fs::remove_dir(usual(&world).with_file_name("none.sock.dsp-spare")).unwrap();
    assert_eq!(world.dsp(&["record", "--whole-host", "--restore"]).status, 0);
    assert_eq!(names(&world), ["none.sock"]);
}

#[test]
fn what_cannot_be_recorded_is_said_with_what_to_do() {
    let world = World::without_engine();
    let failing = |host: &str| {
        let done = world.dsp(&["record", "--whole-host", "-H", host]);
        assert_eq!(done.status, 1, "{}", done.err);
        done.err
    };
    insta::assert_snapshot!(failing("tcp://127.0.0.1:1"), @r#"
    error: --whole-host takes the place of a unix socket, and tcp://127.0.0.1:1 is not one
      help: run dsp on the machine of the engine, or record there with --listen
    "#);
    insta::assert_snapshot!(failing("unix:///none/docker.sock"), @r#"
    error: there is no socket at /none/docker.sock
      help: start the engine, or name its socket with -H unix:///path
    "#);
    assert!(failing(&world.host).contains("no Docker Engine answers"));
    if !is_root() {
        return;
    }
    let _engine = engine(&world);
    fs::set_permissions(world.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = world.dsp_command(&["record", "--whole-host"]);
    command.uid(65534);
    insta::assert_snapshot!(world.finish(command).err, @r#"
    error: cannot change the names of sockets in [DIR]: Permission denied (os error 13)
      help: use sudo
    "#);
    fs::write(world.path("m.sock"), "").unwrap();
    let line = "mount --bind none.sock m.sock && dsp record --whole-host -H unix://$PWD/m.sock";
    let mut command = world.command("unshare", &["--mount", "sh", "-c"]);
    let path = std::env::var("PATH").unwrap();
    let dsp = crate::support::dsp_binary().parent().unwrap();
    command.arg(line).env("PATH", format!("{}:{path}", dsp.display()));
    insta::assert_snapshot!(world.finish(command).err, @r#"
    error: [DIR]/m.sock is mounted here from somewhere else, so its name cannot be changed
      help: run dsp on the host itself, and not in a container or a mount namespace
    "#);
    assert_eq!(names(&world), ["none.sock"]);
}

#[test]
fn each_program_has_a_profile_and_serve_holds_them_all() {
    let world = World::without_engine();
    let _engine = engine(&world);
    if !is_root() {
        return;
    }
    fs::set_permissions(world.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    record(&world, &[], |pid| {
        assert_eq!(ask_as(0, &usual(&world), "/v1.41/info"), "{}");
        assert_eq!(ask_as(65534, &usual(&world), "/v1.41/images/json"), "{}");
        send(pid, Signal::TERM);
    });
    let user = "rec/login-nobody.jsonl";
    if !world.path("rec/login-root.jsonl").exists() || !world.path(user).exists() {
        left_out("the tests run in a container or a service");
        return;
    }
    // What is not a program of its own is left out.
    world.write(
        "rec/others.jsonl",
        &world.read(user).replace("\"client\":{\"login\":\"nobody\"},", ""),
    );
    let generate = ["generate", "--whole-host", "rec", "-o", "policy"];
    let done = world.dsp(&generate);
    assert_eq!(done.status, 0, "{}", done.err);
    insta::assert_snapshot!(done.err, @r#"
    warning: rec/others.jsonl was left out: it does not say which program asked, because dsp could not tell, or because the program had no recording of its own (there is room for 100)
    dsp: wrote policy/login-nobody.yaml (1 rule, highest risk: read); next: dsp review policy/login-nobody.yaml
    dsp: complete, minimal, exact: 1 rule, 0 extra operations, 1 of 341 escapes
    dsp: wrote policy/login-root.yaml (1 rule, highest risk: read); next: dsp review policy/login-root.yaml
    dsp: complete, minimal, exact: 1 rule, 0 extra operations, 0 of 341 escapes
    dsp: wrote policy/dsp.yaml (2 programs); next: review each profile, then dsp serve policy/dsp.yaml --check
    "#);
    insta::assert_snapshot!(world.read("policy/dsp.yaml"), @r#"
    # The programs of a host, made by dsp generate. Review each profile, and check the file:
    #   dsp serve dsp.yaml --check
    # The socket is in the place of the engine's: mount it into containers as /var/run/docker.sock.
    version: 1
    programs:
      login-nobody:
        profile: login-nobody.yaml
        listen: { address: unix:///run/dsp/docker.sock, mode: "666" }
        clients:
          - login: nobody
      login-root:
        profile: login-root.yaml
        listen: unix:///run/dsp/docker.sock
        clients:
          - login: "root"
    "#);
    assert_eq!(world.dsp(&["serve", "policy/dsp.yaml", "--check"]).status, 0);
    let again = world.dsp(&generate);
    assert_eq!(again.status, 1);
    assert!(
        again.err.contains("login-nobody.yaml exists; replace it with --replace"),
        "{}",
        again.err
    );
    assert_eq!(world.dsp(&[&generate[..], &["--replace"]].concat()).status, 0);

    let socket = world.path("d.sock");
    let text = world.read("policy/dsp.yaml");
    let listen = format!("unix://{}", socket.display());
    world.write("policy/dsp.yaml", &text.replace("unix:///run/dsp/docker.sock", &listen));
    world.finish_with(world.dsp_command(&["serve", "policy/dsp.yaml"]), |pid| {
        wait_for("the socket", || UnixStream::connect(&socket).is_ok());
        assert_eq!(ask_as(0, &socket, "/v1.41/info"), "{}");
        assert_eq!(ask_as(65534, &socket, "/v1.41/images/json"), "{}");
        let denied = ask_as(65534, &socket, "/v1.41/info");
        assert!(denied.contains("not allowed by profile \\\"login-nobody\\\""), "{denied}");
        let denied = ask_as(0, &socket, "/v1.41/images/json");
        assert!(denied.contains("not allowed by profile \\\"login-root\\\""), "{denied}");
        let other = ask_as(1, &socket, "/v1.41/info");
        assert!(other.contains("may not use this socket"), "{other}");
        send(pid, Signal::TERM);
    });
}

#[test]
fn a_folder_without_programs_makes_no_profile() {
    let world = World::without_engine();
    fs::create_dir(world.path("rec")).unwrap();
    let done = world.dsp(&["generate", "--whole-host", "rec", "-o", "policy"]);
    assert_eq!(done.status, 4);
    assert!(done.err.contains("rec has no recordings of programs"), "{}", done.err);
    let done = world.dsp(&["generate", "--whole-host", "none", "-o", "policy"]);
    assert_eq!(done.status, 1);
    assert!(done.err.contains("cannot read the folder none"), "{}", done.err);
    let session = |client: &str| {
        format!(
            "{{\"session\":{{\"version\":3,\"id\":\"{client}\",\"start\":\"2026-11-24T11:20:07.18Z\",\
             \"dsp\":\"0.1.0\",\"client\":{{\"unit\":\"{client}.service\"}},\"lossy\":false}}}}\n"
        )
    };
    world.write("rec/a.jsonl", &(session("a") + &session("b")));
    let done = world.dsp(&["generate", "--whole-host", "rec", "-o", "policy"]);
    assert_eq!(done.status, 1);
    assert!(
        done.err.contains("rec/a.jsonl has requests of unit a.service and of unit b.service"),
        "{}",
        done.err
    );
}
