//! Terminal manners, in a real pseudo-terminal.

use std::process::Command;

use rexpect::session::{PtySession, spawn_command};

use crate::support::{World, dsp_binary};

fn session(world: &World, args: &[&str]) -> PtySession {
    let mut command: Command = world.dsp_command(args);
    command.env("TERM", "xterm");
    // The child's input is the pseudo-terminal, not empty.
    command.stdin(std::process::Stdio::inherit());
    spawn_command(command, Some(30_000)).unwrap()
}

#[test]
fn the_child_has_the_terminal_and_the_summary_comes_after_it() {
    let world = World::sample();
    let line =
        "test -t 0 && test -t 1 && test -t 2 && echo a-terminal; read answer; echo got $answer";
    let mut session = session(&world, &["record", "--", "sh", "-c", line]);
    session.exp_string("a-terminal").unwrap();
    session.send_line("word").unwrap();
    session.exp_string("got word").unwrap();
    session.exp_string("no request came through").unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn ctrl_c_reaches_the_child_once_and_the_recording_is_complete() {
    let world = World::sample();
    // A second interrupt would arrive while the first one is being handled.
    let line = "n=0; trap 'n=$((n+1)); [ $n = 1 ] || echo twice; sleep 0.3; echo bye; exit 130' INT; \
                echo ready; while :; do sleep 0.1; done";
    let mut session = session(&world, &["record", "--", "sh", "-c", line]);
    session.exp_string("ready").unwrap();
    session.send_control('c').unwrap();
    let before = session.exp_string("bye").unwrap();
    assert!(!before.contains("twice"), "{before}");
    session.exp_string("no request came through").unwrap();
    session.exp_eof().unwrap();
    // The terminal is closed before the process is gone, so its status may take a moment.
    let status = session.process().wait().unwrap();
    assert!(format!("{status:?}").contains("130"), "{status:?}");
    assert!(world.read("recording.jsonl").contains("\"exit\":130"));
}

#[test]
fn a_listener_shows_one_live_line_and_removes_it() {
    let world = World::sample();
    let socket = format!("unix://{}", world.path("p.sock").display());
    let mut session = session(&world, &["record", "--listen", &socket]);
    session.exp_string("DOCKER_HOST=unix://").unwrap();
    session.exp_string("0 requests").unwrap();
    let ping =
        format!("curl -s --unix-socket {} http://docker/_ping", world.path("p.sock").display());
    assert_eq!(world.shell(&ping).out, "OK");
    session.exp_string("last new one").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("1 request, 1 operation recorded in recording.jsonl").unwrap();
    session.exp_eof().unwrap();
    assert!(dsp_binary().exists());
}
