//! Own objects over time: two owners at once, a restart of dsp and of the engine, removals by others.

use std::thread;

use super::{OwnEngine, real_or_return};
use crate::support::{World, wait_for};

/// A profile with everything about own objects. Its name is the owner's.
const PROFILE: &str = r#"version: 1
name: NAME
allow:
  - HEAD /_ping
  - GET /_ping
  - POST /containers/create: {image: any, mounts: ["@own"], network: ["@own"]}
  - GET /containers/json: {filters: ["@own"]}
  - POST /containers/prune: {filters: ["@own"]}
  - GET /containers/@own/json
  - POST /containers/@own/start
  - POST /containers/@own/exec: {}
  - POST /exec/@own/start
  - GET /exec/@own/json
  - DELETE /containers/@own
  - POST /networks/create: {}
  - GET /networks/@own
  - DELETE /networks/@own
  - POST /volumes/create: {}
  - GET /volumes/@own
  - DELETE /volumes/@own
"#;

/// What each owner makes. `$1` is its name.
const MAKE: &str = "set -e
docker network create $1-net
docker volume create $1-data
docker run -d --name $1-run --network $1-net -v $1-data:/d -v $1-new:/n --restart always busybox sleep 1000
docker create --name $1-stopped --network none busybox true
";

struct Owner<'a> {
    world: &'a World,
    name: &'static str,
}

impl Owner<'_> {
    /// The status of a script under the owner's profile, and everything that it prints.
    fn run(&self, script: &str) -> (i32, String) {
        let Self { world, name } = self;
        let profile = world.write(&format!("{name}.yaml"), &PROFILE.replace("NAME", name));
        let script = world.write(&format!("{name}.sh"), script).display().to_string();
        let profile = profile.display().to_string();
        let done = world.dsp(&["enforce", &profile, "--", "sh", &script, name]);
        (done.status, done.out + &done.err)
    }

    #[track_caller]
    fn works(&self, script: &str) -> String {
        let (status, said) = self.run(script);
        assert_eq!(status, 0, "{}: {script}: {said}", self.name);
        said
    }

    /// It reaches its own, and nothing of the other one.
    #[track_caller]
    fn is_confined_to_its_own(&self, other: &str) {
        self.works("set -e; docker exec $1-run true; docker network inspect $1-net; docker volume inspect $1-new");
        assert_eq!(
            self.works("docker ps -a --format '{{.Names}}' | sort"),
            self.named("run\n%-stopped\n")
        );
        for line in [
            "docker exec OTHER-run true",
            "docker network rm OTHER-net",
            "docker volume rm OTHER-data",
            "docker rm -f OTHER-stopped",
        ] {
            let (_, said) = self.run(&line.replace("OTHER", other));
            assert!(said.contains("denied:"), "{}: {line}: {said}", self.name);
        }
    }

    fn named(&self, text: &str) -> String {
        format!("{}-{}", self.name, text.replace('%', self.name))
    }
}

#[test]
fn two_owners_at_once_survive_restarts_and_removals_by_others() {
    let mut world = real_or_return!();
    let engine = OwnEngine::start(&mut world, "ownlasting");
    let [one, two] = ["one", "two"].map(|name| Owner { world: &world, name });
    // At the same time, for each asks the engine about its own and the other's.
    thread::scope(|scope| {
        let makes = [&one, &two].map(|owner| scope.spawn(|| owner.run(MAKE)));
        for made in makes {
            let (status, said) = made.join().unwrap();
            assert_eq!(status, 0, "{said}");
        }
    });
    thread::scope(|scope| {
        scope.spawn(|| one.is_confined_to_its_own("two"));
        scope.spawn(|| two.is_confined_to_its_own("one"));
    });

    // The labels are the engine's, so they outlast it and each dsp.
    engine.run("restart");
    wait_for("the containers to run again", || {
        world.shell("docker ps --format '{{.Names}}' | grep -c run").out.trim() == "2"
    });
    one.is_confined_to_its_own("two");
    two.is_confined_to_its_own("one");

    // What the host's admin removes is gone for its owner, and its name is free for the other one.
    assert_eq!(world.shell("docker rm -f one-run && docker network rm one-net").status, 0);
    let (status, said) = one.run("docker exec $1-run true");
    assert!(status != 0 && said.contains("No such container: one-run"), "{said}");
    assert!(!said.contains("denied:"), "nobody has it: {said}");
    two.works("docker run -d --name one-run --network two-net busybox sleep 1000");
    let (_, said) = one.run("docker exec $1-run true");
    assert!(said.contains("denied:"), "it is the other one's now: {said}");

    // A prune takes what is own, and nothing else.
    one.works("docker container prune -f");
    let left = world.shell("docker ps -a --format '{{.Names}}' | sort").out;
    assert_eq!(left, "one-run\ntwo-run\ntwo-stopped\n");
}
