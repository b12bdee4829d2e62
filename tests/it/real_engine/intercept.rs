use super::{OwnEngine, real_or_return};
use crate::support::wait_for;

#[test]
fn the_engines_own_socket_stays_covered_when_it_restarts() {
    let mut world = real_or_return!();
    let engine = OwnEngine::start(&mut world, "intercept");
    let socket = world.host.strip_prefix("unix://").unwrap().to_owned();
    // Only after the socket is covered again: there is a short gap.
    let line = format!(
        "docker -H {host} ps -q && was=$(stat -c %i {socket}) && touch ready && \
         until [ -e again ]; do sleep 0.1; done && \
         until [ \"$(stat -c %i {socket})\" = \"$was\" ]; do sleep 0.1; done && \
         env -u DOCKER_HOST docker -H {host} images -q",
        host = world.host
    );
    let intercept = format!("--intercept={socket}");
    let command = world.dsp_command(&["record", &intercept, "--", "sh", "-c", &line]);
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_for("the command to run", || world.path("ready").exists());
            engine.kill();
            engine.run("start");
            world.write("again", "");
        });
        world.finish(command)
    });
    assert_eq!(done.status, 0, "{}", done.err);
    let recording = world.read("recording.jsonl");
    for operation in ["ContainerList", "ImageList"] {
        assert!(recording.contains(operation), "{operation}: {recording}");
    }
}
