use std::process::Command;

use rustix::process::Signal;

use crate::support::{World, dsp_binary, wait_for};

const PROFILE: &str = "version: 1\nname: look\nallow:\n  - GET /_ping\n";

/// A world with a file `s` where its programs expect the engine's socket, without a listener.
/// `None`, with a message, if mounting is not possible on this machine.
fn world() -> Option<World> {
    let may = Command::new("unshare").args(["--mount", "true"]).output();
    if !may.is_ok_and(|done| done.status.success()) {
        eprintln!("left out: this process may not make a mount namespace");
        return None;
    }
    let world = World::sample();
    world.write("s", "");
    Some(world)
}

/// A program that knows only one path.
fn ask(path: &str) -> String {
    format!("curl -s --unix-socket {path} http://docker/_ping")
}

#[test]
fn a_program_that_ignores_docker_host_is_recorded() {
    let Some(world) = world() else { return };
    let line = format!("{}; echo \" $DOCKER_HOST\"; exit 7", ask("$PWD/s"));
    let done = world.dsp(&["record", "--intercept=s", "--", "sh", "-c", &line]);
    assert_eq!(done.status, 7, "{}", done.err);
    assert!(done.out.starts_with("OK unix:///") && done.out.contains("/docker.sock"));
    assert_eq!(
        done.err,
        "dsp: 1 request, 1 operation recorded in recording.jsonl; next: dsp generate\n"
    );
    assert_eq!(world.read("recording.jsonl").matches("\"SystemPing\"").count(), 1);
    // Other processes do not see it.
    assert!(world.path("s").metadata().unwrap().is_file());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(world.path("s").to_str().unwrap()));
}

#[test]
fn it_is_confined_too() {
    let Some(world) = world() else { return };
    world.write("p.yaml", PROFILE);
    let line = format!("{}; {} -X POST", ask("s"), ask("s").replace("_ping", "build"));
    let done = world.dsp(&["enforce", "p.yaml", "--intercept=s", "--", "sh", "-c", &line]);
    assert!(done.out.starts_with("OK{\"message\":\"dsp: POST /build is"), "{}", done.out);
    assert!(!world.engine().seen().iter().any(|seen| seen.target.contains("build")));
}

#[test]
fn the_usual_socket_is_meant_by_both_its_names() {
    let Some(world) = world() else { return };
    // Without an engine, and with a /run of its own.
    let line = format!(
        "dsp record -q --intercept -- sh -c '{}; {}'",
        ask("/var/run/docker.sock"),
        ask("/run/docker.sock")
    );
    let run = |before: &str| {
        world.shell(&format!("unshare --mount sh -c \"mount -t tmpfs none /run; {before} {line}\""))
    };
    let done = run("");
    assert_eq!(done.status, 125);
    insta::assert_snapshot!(done.err, @"
    error: cannot cover /var/run/docker.sock: no such file
      help: create an empty file there, or name the socket that the program uses with --intercept=PATH
    ");
    assert!(!world.path("recording.jsonl").exists(), "nothing was begun");
    let done = run("touch /run/docker.sock;");
    assert_eq!((done.status, done.out.as_str()), (0, "OKOK"), "{}", done.err);
}

#[test]
fn a_restarted_engine_does_not_end_it() {
    let Some(world) = world() else { return };
    let line = format!(
        "was=$(stat -c %i s); touch ready; until [ -e replaced ]; do sleep 0.01; done; \
         until [ \"$(stat -c %i s)\" = \"$was\" ]; do sleep 0.01; done; {}",
        ask("s")
    );
    let mut command =
        world.dsp_command(&["record", "-q", "--intercept=s", "--", "sh", "-c", &line]);
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for("the command to run", || world.path("ready").exists());
            // As an engine does: the old socket goes, and a new one appears later.
            std::fs::remove_file(world.path("s")).unwrap();
            world.write("new", "");
            world.write("s", "");
            world.write("replaced", "");
        });
        command.env("LC_ALL", "C");
        world.finish(command)
    });
    assert_eq!((done.status, done.out.as_str()), (0, "OK"), "{}", done.err);
    assert!(world.read("recording.jsonl").contains("\"SystemPing\""));
}

#[test]
fn signals_reach_the_command() {
    let Some(world) = world() else { return };
    let line = "trap 'exit 5' TERM; touch ready; while :; do sleep 0.01; done";
    let command = world.dsp_command(&["record", "-q", "--intercept=s", "--", "sh", "-c", line]);
    let done = world.finish_with(command, |dsp| {
        wait_for("the command to run", || world.path("ready").exists());
        rustix::process::kill_process(dsp, Signal::TERM).unwrap();
    });
    assert_eq!(done.status, 5, "{}", done.err);
}

#[test]
fn a_client_that_names_the_covered_socket_is_not_warned_about() {
    let Some(world) = world() else { return };
    let docker = world.write("docker", "#!/bin/sh\n");
    std::fs::set_permissions(&docker, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let covered = format!("unix://{}", world.path("s").display());
    let record = |host: &str| {
        world.dsp(&["record", "--intercept=s", "--", "./docker", "-H", host, "ps"]).err
    };
    insta::assert_snapshot!(record(&covered), @"dsp: no request came through; where does the program look for the engine?");
    assert!(record("unix:///other.sock").starts_with("warning: the command names its own engine"));
}

#[test]
fn impossible_intercepts_are_reported_before_anything_starts() {
    let world = World::sample();
    world.write("s", "");
    let folder = world.dsp(&["record", "--intercept=.", "--", "true"]);
    assert_eq!(folder.status, 125);
    assert_eq!(folder.err, "error: cannot cover . with a socket: it is a folder\n");
    for args in [&["record", "--intercept"][..], &["enforce", "p.yaml", "--intercept=s"]] {
        assert_eq!(world.dsp(args).status, 2, "there is no command");
    }
    if let Some(world) = self::world() {
        let tcp = ["record", "--intercept=s", "--listen", "tcp://127.0.0.1:0", "--", "true"];
        let done = world.dsp(&tcp);
        assert_eq!(done.status, 125);
        assert_eq!(done.err, "error: --intercept needs a unix socket; add --listen unix:///path\n");
        assert!(!world.path("recording.jsonl").exists());
    }
}

/// Whether user namespaces can be created here; prints a message if not.
fn has_user_namespaces() -> bool {
    let has = Command::new("unshare").args(["--user", "--map-root-user", "true"]).output();
    let has = has.is_ok_and(|done| done.status.success());
    if !has {
        eprintln!("left out: no user namespace can be made here");
    }
    has
}

#[test]
fn a_command_can_change_to_a_user_that_may_use_the_engine() {
    let Some(world) = world() else { return };
    if !rustix::process::getuid().is_root() {
        return;
    }
    let user = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    let asks = format!("{user} {}; {user} {}", ask("s"), ask("${DOCKER_HOST#unix://}"));
    let run = |mode: &str, more: &[&str]| {
        world.shell(&format!("chmod 711 . && chmod {mode} e.sock"));
        let words = [&["record", "-q", "--intercept=s"], more, &["--", "sh", "-c", &asks]].concat();
        world.dsp(&words)
    };
    let done = run("666", &[]);
    assert_eq!((done.status, done.out.as_str()), (0, "OKOK"), "{}", done.err);
    assert_eq!(run("660", &[]).out, "", "who could not use the one cannot use the other");
    assert_eq!(run("666", &["--mode", "600"]).out, "", "but what is asked for counts");
    assert_eq!(run("660", &["--owner", "65534"]).out, "OKOK");
    // The covered socket disappears before the engine's.
    world.shell("rm s");
    let covered = std::os::unix::net::UnixListener::bind(world.path("s")).unwrap();
    world.shell("chown 65534 s && chmod 600 s");
    assert_eq!(run("600", &[]).out, "OKOK");
    drop(covered);
}

#[test]
fn without_root_a_user_namespace_will_do() {
    let Some(world) = world() else { return };
    if !has_user_namespaces() || !rustix::process::getuid().is_root() {
        return;
    }
    // Other users may not have access to the build folder.
    std::fs::copy(dsp_binary(), world.path("dsp")).unwrap();
    let line = format!(
        "chown -R 65534:65534 . && chmod 777 e.sock && exec setpriv --reuid 65534 --regid 65534 \
         --clear-groups ./dsp record --intercept=s -- sh -c 'id -u; grep CapEff /proc/self/status; {}'",
        ask("s")
    );
    let done = world.shell(&line);
    assert_eq!(done.status, 0, "{}", done.err);
    assert_eq!(done.out, "65534\nCapEff:\t0000000000000000\nOK");
}

#[test]
fn without_either_dsp_says_what_to_do() {
    let Some(world) = world() else { return };
    if !has_user_namespaces() {
        return;
    }
    let line = "unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; \
                exec setpriv --bounding-set=-sys_admin dsp record --intercept=s -- true'";
    let done = world.shell(line);
    assert_eq!(done.status, 125, "{}", done.err);
    insta::assert_snapshot!(done.err, @"
    error: cannot cover [DIR]/s: this process is not permitted to mount, and cannot create a user namespace (the limit for user namespaces is reached)
      help: run dsp as root, in a container with CAP_SYS_ADMIN, or allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)
    ");
    assert!(!world.path("recording.jsonl").exists());
}
