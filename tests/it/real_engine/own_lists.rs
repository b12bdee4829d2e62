//! Lists, prunes and events with `filters: @own`: what others have is neither shown nor deleted, whatever filters a
//! client sends itself.

use super::podman::podman_or_none;
use super::{OwnEngine, real_or_return};
use crate::support::World;

const PROFILE: &str = r#"version: 1
name: NAME
allow:
  - HEAD /_ping
  - GET /_ping
  - GET /version
  - POST /containers/create: {image: ["busybox:latest"], labels: any, mounts: ["@own"]}
  - POST /containers/@own/start
  - POST /containers/@own/wait
  - POST /containers/@own/attach
  - DELETE /containers/@own
  - POST /commit: {image: ["lists-*:*"], container: ["@own"], labels: any}
  - POST /networks/create: {labels: any}
  - POST /volumes/create: {labels: any}
  - GET /containers/json: {filters: ["@own"]}
  - GET /images/json: {filters: ["@own"]}
  - GET /networks: {filters: ["@own"]}
  - GET /volumes: {filters: ["@own"]}
  - GET /events: {filters: ["@own"]}
  - POST /containers/prune: {filters: ["@own"]}
  - POST /images/prune: {filters: ["@own"]}
  - POST /networks/prune: {filters: ["@own"]}
  - POST /volumes/prune: {filters: ["@own"]}
"#;

/// Makes one of each kind with a label, called `WHO-PART`.
const MAKE: &str = "set -e
docker network create --label part=PART WHO-PART
docker volume create --label part=PART WHO-PART
docker create --name WHO-PART --label part=PART -v WHO-PART:/d busybox true
docker commit -c 'LABEL part=PART' WHO-PART lists-WHO:PART
";

/// What each list shows, without what every engine has, and what a client's own filters leave of it.
const LISTS: [(&str, &str, &str); 11] = [
    ("docker ps -a --format '{{.Names}}'", "WHO-x WHO-y", "all"),
    ("docker ps -a --filter label=part=x --format '{{.Names}}'", "WHO-x", "label"),
    ("docker ps -a --filter label=part --format '{{.Names}}'", "WHO-x WHO-y", "key"),
    ("docker ps -a --filter name=y --format '{{.Names}}'", "WHO-y", "name"),
    ("docker network ls --format '{{.Name}}'", "WHO-x WHO-y", "all"),
    ("docker network ls --filter label=part=y --format '{{.Name}}'", "WHO-y", "label"),
    ("docker volume ls --format '{{.Name}}'", "WHO-x WHO-y", "all"),
    ("docker volume ls --filter label=part=x --format '{{.Name}}'", "WHO-x", "label"),
    ("docker images --format '{{.Repository}}:{{.Tag}}'", "lists-WHO:x lists-WHO:y", "all"),
    (
        "docker images --filter label=part=x --format '{{.Repository}}:{{.Tag}}'",
        "lists-WHO:x",
        "label",
    ),
    ("docker ps -a --filter label=dsp.owner --format '{{.Names}}'", "WHO-x WHO-y", "owner"),
];

fn engine(world: &World, script: &str) -> String {
    let done = world.shell(script);
    assert_eq!(done.status, 0, "{script}: {}", done.err);
    sorted(&done.out)
}

fn sorted(lines: &str) -> String {
    let mut words: Vec<&str> = lines.split_whitespace().collect();
    words.sort_unstable();
    words.join(" ")
}

/// Runs a script under the profile of an owner.
fn under(world: &World, owner: &str, script: &str) -> (i32, String, String) {
    let profile = world.write(&format!("{owner}.yaml"), &PROFILE.replace("NAME", owner));
    let script = world.write("script", script).display().to_string();
    let done = world.dsp(&["enforce", &profile.display().to_string(), "--", "sh", &script]);
    (done.status, done.out, done.err)
}

/// What is there, whoever made it.
const STATE: &str = "docker ps -a --format 'c:{{.Names}}'; docker network ls --format 'n:{{.Name}}'; \
                     docker volume ls --format 'v:{{.Name}}'; \
                     docker images --format 'i:{{.Repository}}:{{.Tag}}'";

/// The state without what this owner made.
fn without(state: &str, who: &str) -> String {
    let is_other = |word: &&str| {
        !word.contains(&format!("{who}-")) && !word.contains(&format!("lists-{who}:"))
    };
    state.split(' ').filter(is_other).collect::<Vec<_>>().join(" ")
}

#[test]
fn lists_prunes_and_events_are_about_own_objects() {
    let mut world = real_or_return!();
    let _engine = OwnEngine::start(&mut world, "lists");
    for part in ["x", "y"] {
        // Nobody's, and two owners'.
        engine(&world, &MAKE.replace("PART", part).replace("WHO", "nobody"));
        for who in ["one", "two"] {
            let make = MAKE.replace("PART", part).replace("WHO", who);
            let (status, _, said) = under(&world, who, &make);
            assert_eq!(status, 0, "{said}");
        }
    }
    for who in ["one", "two"] {
        for (list, expected, what) in LISTS {
            let (status, out, said) = under(&world, who, list);
            let shown = sorted(&out);
            assert_eq!((status, shown), (0, expected.replace("WHO", who)), "{what}: {list} {said}");
        }
    }
    for odd in [
        "docker ps -a --filter label=dsp.owner=two",
        "docker network ls --filter label=dsp.owner=two",
        "docker ps -a --filter before=nobody-x",
        "docker ps -a --filter since=nosuch",
    ] {
        let (status, out, said) = under(&world, "one", odd);
        assert!(status != 0 && out.is_empty() && said.contains("denied"), "{odd}: {out} {said}");
    }
    events(&world);
    prunes(&world);
}

/// Events of containers have their labels in them, others do not.
fn events(world: &World) {
    let since = engine(world, "date +%s");
    let (status, _, said) = under(world, "one", "docker run --rm --name one-event busybox true");
    assert_eq!(status, 0, "{said}");
    engine(
        world,
        "docker run --rm --name nobody-event busybox true; docker network create nobody-event",
    );
    let until = engine(world, "sleep 1; date +%s");
    let show = |filter: &str| {
        format!(
            "docker events --since {since} --until {until} {filter} \
             --format '{{{{.Type}}}}:{{{{.Actor.Attributes.name}}}}'"
        )
    };
    let (status, out, said) = under(world, "one", &show(""));
    assert_eq!(status, 0, "{said}");
    let lines: std::collections::BTreeSet<&str> = out.lines().collect();
    assert_eq!(lines.into_iter().collect::<Vec<_>>(), ["container:one-event"], "{out}");
    let (_, none, _) = under(world, "one", &show("--filter container=nobody-event"));
    assert_eq!(none, "");
    let (_, none, _) = under(world, "one", &show("--filter type=network"));
    assert_eq!(none, "");
    let (_, started, _) = under(world, "one", &show("--filter event=start"));
    assert_eq!(started, "container:one-event\n");
    let all = engine(world, &show(""));
    assert!(
        all.contains("container:nobody-event") && all.contains("network:nobody-event"),
        "{all}"
    );
    engine(world, "docker network rm nobody-event");
}

/// A prune deletes what is the owner's and what the client's filters name, and nothing else.
fn prunes(world: &World) {
    let before = engine(world, STATE);
    let some = "docker container prune -f --filter label=part=x
docker network prune -f --filter label!=part=y
docker image prune -af --filter label=part=x";
    let (status, _, said) = under(world, "one", some);
    assert_eq!(status, 0, "{said}");
    let after = engine(world, STATE);
    let gone: Vec<&str> = before.split(' ').filter(|one| !after.contains(one)).collect();
    assert_eq!(gone, ["c:one-x", "i:lists-one:x", "n:one-x"]);
    // Newer clients and engines delete volumes with names only if they are asked to.
    let all = "docker container prune -f && docker network prune -f && docker image prune -af && \
               { docker volume prune -af || docker volume prune -f; }";
    let (status, _, said) = under(world, "one", all);
    assert_eq!(status, 0, "{said}");
    assert_eq!(engine(world, STATE), without(&before, "one"));
}

const SWARM: &str = r#"version: 1
name: NAME
allow:
  - HEAD /_ping
  - GET /_ping
  - GET /info
  - POST /secrets/create: {labels: any}
  - POST /configs/create: {labels: any}
  - POST /services/create: {image: ["busybox:latest"], labels: any}
  - GET /services/@own
  - GET /secrets: {filters: ["@own"]}
  - GET /configs: {filters: ["@own"]}
  - GET /services: {filters: ["@own"]}
  - GET /tasks: {filters: ["@own"]}
"#;

/// The swarm compares a key with any one of the values that a request gives it, so a client must not add one to
/// the owner's.
#[test]
fn lists_of_a_swarm_are_about_own_objects() {
    let mut world = real_or_return!();
    let _engine = OwnEngine::start(&mut world, "swarmlists");
    engine(&world, "docker swarm init --listen-addr 127.0.0.1:0 --advertise-addr 127.0.0.1");
    let make = "set -e
echo x | docker secret create --label part=x WHO-s -
echo x | docker config create --label part=x WHO-c -
docker service create -d --no-resolve-image --label part=x --name WHO-v busybox:latest sleep 1000
";
    engine(&world, &make.replace("WHO", "nobody"));
    let under = |owner: &str, script: &str| {
        let profile = world.write(&format!("{owner}.yaml"), &SWARM.replace("NAME", owner));
        let script = world.write("script", script).display().to_string();
        let done = world.dsp(&["enforce", &profile.display().to_string(), "--", "sh", &script]);
        (done.status, sorted(&done.out), done.err)
    };
    for who in ["one", "two"] {
        let (status, _, said) = under(who, &make.replace("WHO", who));
        assert_eq!(status, 0, "{said}");
    }
    for (list, name) in [("secret", "s"), ("config", "c"), ("service", "v")] {
        for filter in
            ["", "--filter label=part", "--filter label=dsp.owner", "--filter label=part=x"]
        {
            let list = format!("docker {list} ls {filter} --format '{{{{.Name}}}}'");
            // Often, because the swarm may choose among the values of a key.
            let (status, shown, said) = under("one", &format!("{list}; {list}; {list}; {list}"));
            let expected = vec![format!("one-{name}"); 4].join(" ");
            assert_eq!((status, shown), (0, expected), "{list}: {said}");
        }
        let other = format!("docker {list} ls --filter label=dsp.owner=two");
        let (status, shown, said) = under("one", &other);
        assert!(status != 0 && shown.is_empty() && said.contains("denied"), "{shown} {said}");
    }
}

const PODMAN: &str = r#"version: 1
name: NAME
engine: podman
allow:
  - HEAD /_ping
  - GET /_ping
  - POST /containers/create: {image: any, labels: any}
  - POST /networks/create: {labels: any}
  - GET /containers/json: {filters: ["@own"]}
  - GET /networks: {filters: ["@own"]}
  - POST /containers/prune: {filters: ["@own"]}
  - POST /networks/prune: {filters: ["@own"]}
"#;

/// podman combines label filters of containers and networks as Docker Engine does, in Docker's API.
#[test]
fn lists_and_prunes_are_about_own_objects_on_podman() {
    let Some((world, _engine)) = podman_or_none("ownlists") else { return };
    let make = "set -e
docker network create --label part=x WHO-n
docker create --name WHO-c --label part=x busybox true
";
    engine(&world, &make.replace("WHO", "nobody"));
    let under = |owner: &str, script: &str| {
        let profile = world.write(&format!("{owner}.yaml"), &PODMAN.replace("NAME", owner));
        let script = world.write("script", script).display().to_string();
        let done = world.dsp(&["enforce", &profile.display().to_string(), "--", "sh", &script]);
        (done.status, sorted(&done.out), done.err)
    };
    for who in ["one", "two"] {
        let (status, _, said) = under(who, &make.replace("WHO", who));
        assert_eq!(status, 0, "{said}");
    }
    for filter in ["", "--filter label=part=x", "--filter label=part --filter label=dsp.owner"] {
        for (list, shown) in [("ps -a", "one-c"), ("network ls", "one-n")] {
            let name = if list == "ps -a" { "{{.Names}}" } else { "{{.Name}}" };
            let list = format!("docker {list} {filter} --format '{name}'");
            assert_eq!(under("one", &list).1, shown, "{list}");
        }
    }
    let prune = "docker container prune -f --filter label=part=x && docker network prune -f";
    let (status, _, said) = under("one", prune);
    assert_eq!(status, 0, "{said}");
    let left = "docker ps -a --format '{{.Names}}'; docker network ls --format '{{.Name}}'";
    let left = engine(&world, left);
    let left: Vec<&str> = left.split(' ').filter(|name| name.contains('-')).collect();
    assert_eq!(left, ["nobody-c", "nobody-n", "two-c", "two-n"]);
}
