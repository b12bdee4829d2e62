use super::{Container, real_or_return};
use crate::attempts::{Against, real, run};

/// The current state of a container, and whether a forbidden one was created.
const STATE: &str = "docker inspect --format '{{.Id}} {{.Name}} {{.State.Status}} {{.State.StartedAt}}' \
    dsp-attempt; docker ps -aq --filter name=dsp-harm";

#[test]
fn attempts_do_no_harm_to_a_real_engine() {
    let world = real_or_return!();
    let _container = Container::run(&world, "dsp-attempt", "sleep 1000");
    let before = world.shell(STATE).out;
    assert!(before.contains("running"), "{before}");
    let mut failures = Vec::new();
    for attempt in real() {
        world.write("p.yaml", &attempt.profile);
        let server = world.serve(&["enforce", "p.yaml", "-q"]);
        let held = run(&attempt, Against::RealStatuses, || server.connect());
        failures.extend(held.err().map(|error| format!("{}: {error}", attempt.name)));
        assert_eq!(world.shell(STATE).out, before, "{} did harm", attempt.name);
    }
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n\n"));
}
