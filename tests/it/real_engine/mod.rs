//! What users do, on a real Docker Engine. `scripts/test` starts one; without it these tests pass
//! by doing nothing, unless `DSP_TEST_ENGINE=required` is set.

/// Each fixture's profile, enforced, lets its own command succeed.
mod fixtures;
/// The loop as a new user tries it.
mod journey;
/// The README's tour.
mod readme;
/// Programs cannot tell that they are recorded.
mod transparent;

use crate::support::World;

/// The test's world, or an end of the test where there is no engine.
macro_rules! real_or_return {
    () => {
        match crate::support::World::real() {
            Some(world) => world,
            None => return,
        }
    };
}
use real_or_return;

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
