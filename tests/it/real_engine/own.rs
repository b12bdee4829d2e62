//! Rules about own objects: what others made is not there, whatever a client calls it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{OwnEngine, real_or_return};
use crate::support::World;

const PROFILE: &str = r#"version: 1
name: own-test
allow:
  - HEAD /_ping
  - GET /_ping
  - POST /containers/create:
      image: ["busybox:latest"]
      mounts: ["@own", "from=@own"]
      labels: [part]
      network: ["@own", "container:@own"]
      namespaces: ["pid=container:@own"]
  - GET /containers/@own/json
  - GET /containers/@own/logs
  - POST /containers/@own/start
  - POST /containers/@own/kill
  - POST /containers/@own/rename
  - POST /containers/@own/wait
  - POST /containers/@own/attach
  - DELETE /containers/@own
  - GET /containers/@own/archive: {path: any}
  - POST /containers/@own/exec: {}
  - POST /exec/@own/start
  - GET /exec/@own/json
  - POST /commit: {image: ["dsp-own:*"], container: ["@own"]}
  - DELETE /images/@own
  - GET /images/@own/json
  - POST /networks/create: {}
  - GET /networks/@own
  - DELETE /networks/@own
  - POST /networks/@own/connect: {container: ["@own"]}
  - POST /networks/@own/disconnect: {container: ["@own"]}
  - POST /volumes/create: {}
  - GET /volumes/@own
  - DELETE /volumes/@own
"#;

/// What others have.
const OTHERS: &str = "set -e
docker network create theirs-net
docker volume create theirs-data
docker run -d --name theirs -v theirs-data:/d busybox sleep 1000
docker commit theirs theirs-image:1
";

/// What the profile's own program does.
const JOB: &str = "set -e
docker network create mine-net
docker volume create mine-data
docker run -d --name mine --network mine-net -v mine-data:/a -v mine-new:/b \
    --mount type=volume,target=/c \
    --mount type=volume,source=mine-label,target=/e,volume-label=part=mine busybox sleep 1000
docker exec mine true
docker volume inspect -f '{{.Labels.part}}' mine-label | grep -x mine
docker volume inspect $(docker inspect -f '{{range .Mounts}}{{if eq .Destination \"/c\"}}{{.Name}}{{end}}{{end}}' mine)
docker volume create mine-data
docker network create mine-second
docker network connect mine-second mine
docker network disconnect mine-second mine
docker run --rm --network container:mine --pid container:mine --volumes-from mine busybox true
docker cp mine:/etc/hostname - >/dev/null
docker commit mine dsp-own:1
docker rename mine mine-2
docker logs mine-2
docker inspect $(docker inspect -f '{{.Id}}' mine-2 | cut -c1-12) >/dev/null
";

/// Ends what the program has made.
const END: &str = "set -e
docker rm -f -v mine-2
docker rmi dsp-own:1
docker network rm mine-net mine-second
docker volume rm mine-data mine-new mine-label
docker volume rm -f mine-data
";

/// What must not work, each a line. `ID` is the ID of the others' container.
const REFUSED: &str = "docker logs theirs
docker logs ID
docker exec theirs true
docker cp theirs:/etc/hostname -
docker kill theirs
docker rm -f theirs
docker rename theirs x
docker commit theirs dsp-own:2
docker inspect --type container theirs
docker network inspect theirs-net
docker network rm theirs-net
docker network connect theirs-net mine
docker network connect mine-net theirs
docker volume inspect theirs-data
docker volume rm theirs-data
docker volume rm -f theirs-data
docker volume create theirs-data
docker rmi theirs-image:1
docker image inspect busybox
docker run --rm --network theirs-net busybox true
docker run --rm --network container:theirs busybox true
docker run --rm --pid container:theirs busybox true
docker run --rm --volumes-from theirs busybox true
docker run --rm -v theirs-data:/d busybox true
docker run --rm --network host busybox true
";

pub(super) fn run(world: &World, args: &[&str], script: &str) -> (i32, String) {
    let script = world.write("script", script).display().to_string();
    let done = world.dsp(&[args, &["--", "sh", "-x", &script]].concat());
    (done.status, done.out + &done.err)
}

pub(super) fn engine(world: &World, script: &str) -> String {
    let done = world.shell(script);
    assert_eq!(done.status, 0, "{script}: {}", done.err);
    done.out.trim().to_owned()
}

#[test]
fn what_others_made_is_not_there() {
    let mut world = real_or_return!();
    let _engine = OwnEngine::start(&mut world, "own");
    engine(&world, OTHERS);
    let theirs = engine(&world, "docker inspect -f '{{.Id}}' theirs");
    world.write("p.yaml", PROFILE);
    let enforce = ["enforce", "p.yaml"];

    let (status, said) = run(&world, &enforce, JOB);
    assert_eq!(status, 0, "{said}");
    // The owner outlives dsp, and another one sees nothing of it.
    for line in ["docker logs mine-2", "docker volume inspect mine-new", "docker exec mine-2 true"]
    {
        assert_eq!(run(&world, &enforce, line).0, 0, "{line}");
        assert_ne!(run(&world, &["enforce", "p.yaml", "--own", "else"], line).0, 0, "{line}");
    }
    let before = engine(&world, STATE);
    for line in REFUSED.lines().map(|line| line.replace("ID", &theirs)) {
        // Not by its status: the CLI takes 404 for success if it was to remove something anyway.
        let (_, said) = run(&world, &enforce, &line);
        assert!(said.contains("denied:"), "{line}: {said}");
        assert_eq!(engine(&world, STATE), before, "{line}");
    }
    // What nobody has made is not worth a word.
    let (status, said) = run(&world, &enforce, "docker inspect --type container nosuch");
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("No such container: nosuch") && !said.contains("dsp:"), "{said}");
    let (status, said) = run(&world, &enforce, END);
    assert_eq!(status, 0, "{said}");
    assert_eq!(engine(&world, "docker ps -q --no-trunc"), theirs);
    // The volume without a name went with its container, as it does without a label.
    assert_eq!(engine(&world, "docker volume ls -q"), "theirs-data");
}

/// What is there, whoever made it. Lists are sorted: an engine orders what it made in the same second in any
/// way.
const STATE: &str = "{ docker ps -a --no-trunc --format '{{.ID}} {{.Names}} {{.State}}'; \
                     docker network ls --no-trunc; docker volume ls; \
                     docker images --no-trunc -a --format '{{.ID}} {{.Repository}} {{.Tag}}'; } | sort; \
                     docker inspect -f '{{json .NetworkSettings.Networks}}' theirs";

/// A container of others must not be meant by a name that an own container had when it was decided on.
#[test]
fn a_name_that_moves_takes_nobody_else_s_container() {
    let mut world = real_or_return!();
    let _engine = OwnEngine::start(&mut world, "ownrace");
    engine(&world, "docker run -d --name theirs busybox sleep 1000");
    let beginning = engine(&world, "docker inspect -f '{{.Id}}' theirs | cut -c1-6");
    world.write("p.yaml", PROFILE);
    // The own container has the beginning of the other's ID for a name, some of the time.
    let create = format!("docker create --name {beginning} busybox true");
    let (status, said) = run(&world, &["enforce", "p.yaml"], &create);
    assert_eq!(status, 0, "{said}");
    let server = world.serve(&["enforce", "p.yaml"]);
    let (socket, is_over) = (server.socket.display().to_string(), AtomicBool::new(false));
    let host = world.host.trim_start_matches("unix://").to_owned();
    let post = |socket: &str, path: &str| {
        let mut curl = std::process::Command::new("curl");
        curl.args(["--silent", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}"]);
        let done =
            curl.args(["--unix-socket", socket, "-X", "POST"]).arg(format!("http://d{path}"));
        String::from_utf8(done.output().unwrap().stdout).unwrap()
    };
    let statuses = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                post(&host, &format!("/containers/{beginning}/rename?name=moved"));
                post(&host, &format!("/containers/moved/rename?name={beginning}"));
            }
        });
        let kill = || post(&socket, &format!("/containers/{beginning}/kill"));
        let statuses: Vec<String> = (0..200).map(|_| kill()).collect();
        is_over.store(true, Ordering::Relaxed);
        statuses
    });
    // The own one does not run, and the other one's is not found.
    for status in ["409", "404"] {
        assert!(statuses.iter().any(|other| other == status), "no {status}: {statuses:?}");
    }
    let unexpected = statuses.iter().find(|status| !["409", "404"].contains(&status.as_str()));
    assert_eq!(unexpected, None);
    let running = engine(&world, "docker inspect -f '{{.State.Running}}' theirs");
    assert_eq!(running, "true");
}
