use std::os::unix::fs::PermissionsExt;

use crate::support::{World, wait_for};

/// A program called `ssh` that writes down its arguments and connects to the sample engine.
fn with_ssh(world: &World, script: &str) -> String {
    let folder = world.path("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("ssh");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

const BRIDGE: &str = r#"echo "$@" >> ARGS
exec python3 -c '
import os, socket, sys, threading
s = socket.socket(socket.AF_UNIX); s.connect("e.sock")
def inward():
    while True:
        b = os.read(0, 65536)
        if not b: break
        s.sendall(b)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=inward, daemon=True).start()
while True:
    b = s.recv(65536)
    if not b: break
    os.write(1, b)
'"#;

#[test]
fn an_engine_is_reached_through_ssh() {
    let mut world = World::sample();
    let path = with_ssh(&world, BRIDGE);
    world.host = "ssh://me@far.example:2222".to_owned();
    let mut command = world.dsp_command(&[
        "record",
        "-q",
        "--",
        "sh",
        "-c",
        "for i in 1 2; do curl -sS --unix-socket ${DOCKER_HOST#unix://} http://d/containers/json; done",
    ]);
    command.env("PATH", &path);
    let done = world.finish(command);
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.out.starts_with('['), "{}", done.out);
    let asked = world.read("ARGS");
    let expected = "-o ConnectTimeout=30 -o BatchMode=yes -T -l me -p 2222 -- far.example docker system dial-stdio";
    assert!(asked.lines().all(|line| line == expected), "{asked}");
    assert_eq!(asked.lines().count(), 3, "one for each connection: {asked}");
}

#[test]
fn what_ssh_says_is_the_error() {
    let mut world = World::sample();
    world.host = "ssh://far.example".to_owned();
    let run = |script: &str| {
        let path = with_ssh(&world, script);
        let mut command = world.dsp_command(&["verify", "builtin:monitor"]);
        command.env("PATH", path);
        world.finish(command).err
    };
    let denied = "echo \"me@far.example: Permission denied (publickey).\" >&2; exit 255";
    let silent = "exit 255";
    let shouting = "printf '\\033[31mred\\n' >&2; exit 1";
    let mut all = String::new();
    for script in [denied, silent, shouting] {
        all.push_str(&run(script));
    }
    let mut command = world.dsp_command(&["verify", "builtin:monitor"]);
    command.env("PATH", "/nowhere");
    all.push_str(&world.finish(command).err);
    world.host = "ssh://-oProxyCommand=x".to_owned();
    all.push_str(&world.dsp(&["verify", "builtin:monitor"]).err);
    insta::assert_snapshot!(all);
}

#[test]
fn a_host_file_can_name_it() {
    let world = World::sample();
    let path = with_ssh(&world, BRIDGE);
    let folder = world.folder.path().display();
    world.write(
        "dsp.yaml",
        &format!(
            "version: 1\nengine: ssh://me@far.example\nprograms:\n  a:\n    \
             profile: builtin:monitor\n    listen: unix://{folder}/a.sock\n"
        ),
    );
    let mut command = world.dsp_command(&["serve", "dsp.yaml"]);
    command.env("PATH", path);
    let mut dsp = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let asked = || {
        let curl = "curl -s --unix-socket a.sock http://d/containers/json";
        world.shell(curl).out.starts_with('[')
    };
    wait_for("an answer through ssh", asked);
    dsp.kill().unwrap();
    dsp.wait().unwrap();
}
