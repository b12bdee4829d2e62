use rexpect::session::spawn_command;
use rustix::process::Signal;
use rustix::termios::{Winsize, tcsetwinsize};

use super::{Container, real_or_return};
use crate::support::{World, wait_for};

/// Checks that a shell line has the same output and status directly and through dsp.
fn same(world: &World, line: &str) {
    let direct = world.shell(line);
    let recorded = world.finish({
        let mut command =
            world.dsp_command(&["record", "-q", "-o", "all.jsonl", "--", "sh", "-c", line]);
        command.env("PATH", std::env::var("PATH").unwrap_or_default());
        command
    });
    assert_eq!(
        (&recorded.out, &recorded.err, recorded.status),
        (&direct.out, &direct.err, direct.status),
        "{line}"
    );
}

#[test]
fn outputs_and_statuses_are_the_same_through_dsp() {
    let world = real_or_return!();
    let container =
        Container::run(&world, "dsp-same", "sh -c 'echo out; echo err >&2; sleep 1000'");
    let name = &container.name;
    for line in [
        "docker ps --filter name=dsp-same --format '{{.Names}} {{.Image}}'".to_owned(),
        format!("docker inspect --format '{{{{.Id}}}}' {name}"),
        "docker inspect nothing-is-called-so".to_owned(),
        format!("docker logs {name}"),
        format!("docker exec {name} sh -c 'echo a; echo b >&2; exit 3'"),
        format!("printf 'hello' | docker exec -i {name} wc -c"),
        format!("yes | docker exec -i {name} head -c 500000 | sha256sum"),
        "printf 'hello' | docker run -i --rm --network none busybox cat".to_owned(),
        format!("docker exec {name} no-such-program"),
        "docker run --rm busybox sh -c 'echo run; exit 7'".to_owned(),
        "docker run --rm no-such-image-here:1 2>/dev/null".to_owned(),
        format!("docker cp {name}:/etc/passwd - | tar -x -O"),
        format!("docker top {name} -o comm"),
        "docker version --format '{{.Server.Version}}'".to_owned(),
    ] {
        same(&world, &line);
    }
}

#[test]
fn bytes_survive_in_both_directions() {
    let world = real_or_return!();
    let container = Container::run(&world, "dsp-bytes", "sleep 1000");
    let name = &container.name;
    let line = format!(
        "head -c 20000000 /dev/urandom > data && \
         docker exec -i {name} sh -c 'cat > /data' < data && \
         docker exec {name} cat /data | cmp - data && \
         docker cp {name}:/data copied && cmp data copied && \
         docker cp data {name}:/second && docker exec {name} cmp /data /second && \
         docker save busybox | tar -t | grep -c manifest.json"
    );
    let recorded = world.dsp(&["record", "--", "sh", "-c", &line]);
    assert_eq!((recorded.status, recorded.out.as_str()), (0, "1\n"), "{}", recorded.err);
    assert_eq!(world.dsp(&["generate", "-o", "p.yaml"]).status, 0);
    let enforced = world.dsp(&["enforce", "p.yaml", "--", "sh", "-c", &line]);
    assert_eq!((enforced.status, enforced.out.as_str()), (0, "1\n"), "{}", enforced.err);
    assert_eq!(enforced.err.matches("denied").count(), 0, "{}", enforced.err);
}

#[test]
fn logs_that_are_followed_arrive_line_by_line() {
    let world = real_or_return!();
    let container = Container::run(
        &world,
        "dsp-follow",
        "sh -c 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.2; done'",
    );
    let server = world.serve(&["record", "-q"]);
    let mut command = world.command("docker", &["logs", "-f", &container.name]);
    command.env("DOCKER_HOST", format!("unix://{}", server.socket.display()));
    let out = std::fs::File::create(world.path("out")).unwrap();
    let mut child = command.stdout(out).spawn().unwrap();
    wait_for("lines to arrive while the container runs", || world.read("out").lines().count() > 5);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait().unwrap();
    let done = server.stop(Signal::INT);
    assert_eq!(done.status, 0, "{}", done.err);
}

#[test]
fn live_statistics_keep_the_terminal_and_ctrl_c_ends_them_once() {
    let world = real_or_return!();
    let _container = Container::run(&world, "dsp-live", "sleep 1000");
    // Without a name: with one, the CLI of Engine 28 ends only at its third signal, with or without
    // dsp.
    let mut command = world.dsp_command(&["record", "--", "docker", "stats"]);
    command.stdin(std::process::Stdio::inherit()).env("TERM", "xterm");
    let mut session = spawn_command(command, Some(60_000)).unwrap();
    for _ in 0..2 {
        // The CLI clears the screen for each round, but only on a terminal.
        session.exp_string("\u{1b}[").unwrap();
        session.exp_string("dsp-live").unwrap();
    }
    session.send_control('c').unwrap();
    session.exp_string("operations recorded in recording.jsonl").unwrap();
    session.exp_eof().unwrap();
    let recording = world.read("recording.jsonl");
    assert!(recording.contains("ContainerStats") && recording.contains("\"end\""), "{recording}");
}

#[test]
fn an_interactive_shell_works_in_a_terminal() {
    let world = real_or_return!();
    interactive(&world, &["record", "-q"]);
    assert_eq!(world.dsp(&["generate", "-o", "p.yaml"]).status, 0);
    interactive(&world, &["enforce", "-q", "p.yaml"]);
}

/// Types into a shell in a container, and resizes its terminal.
fn interactive(world: &World, dsp: &[&str]) {
    let docker = ["--", "docker", "run", "-it", "--rm", "--network", "none", "busybox", "sh"];
    let mut command = world.dsp_command(&[dsp, &docker].concat());
    command.stdin(std::process::Stdio::inherit()).env("TERM", "xterm");
    let mut session = spawn_command(command, Some(60_000)).unwrap();
    session.exp_string("#").unwrap();
    session.send_line("echo $((6*7)); tty").unwrap();
    session.exp_string("42").unwrap();
    session.exp_string("/dev/").unwrap();
    let size = Winsize { ws_row: 31, ws_col: 97, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(session.process().get_file_handle().unwrap(), size).unwrap();
    session.send_line("until stty size | grep '31 97'; do sleep 0.1; done; echo resized").unwrap();
    session.exp_regex("\nresized").unwrap();
    session.send_line("exit 4").unwrap();
    session.exp_eof().unwrap();
    // The terminal is closed before the process is gone, so its status may take a moment.
    let status = session.process().wait().unwrap();
    assert!(format!("{status:?}").contains(", 4"), "{status:?}");
}

#[test]
fn a_build_streams_its_context() {
    let world = real_or_return!();
    std::fs::create_dir(world.path("context")).unwrap();
    world.write("context/Dockerfile", "FROM busybox\nCOPY data /data\nRUN wc -c /data\n");
    std::fs::write(world.path("context/data"), vec![b'x'; 30_000_000]).unwrap();
    // The classic builder, and BuildKit as the CLI of Engine 20.10 uses it.
    for (buildkit, docker) in [("0", "docker"), ("1", "/usr/bin/docker")] {
        let line = format!(
            "DOCKER_BUILDKIT={buildkit} {docker} build --network none -q -t dsp-build-{buildkit} context"
        );
        let recording = format!("{buildkit}.jsonl");
        let recorded = world.dsp(&["record", "-o", &recording, "--", "sh", "-c", &line]);
        assert_eq!(recorded.status, 0, "{}", recorded.err);
        let profile = format!("{buildkit}.yaml");
        assert_eq!(world.dsp(&["generate", &recording, "-o", &profile]).status, 0);
        let enforced = world.dsp(&["enforce", &profile, "--", "sh", "-c", &line]);
        assert_eq!(enforced.status, 0, "{}", enforced.err);
        world.shell(&format!("docker rmi dsp-build-{buildkit}"));
    }
}
