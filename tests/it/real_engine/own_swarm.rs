//! Rules about own objects of a swarm: services and their tasks, secrets and configs.

use serde_json::Value;

use super::own::{engine, run};
use super::{OwnEngine, real_or_return};
use crate::support::{World, wait_for};

const PROFILE: &str = r#"version: 1
name: own-test
allow:
  - HEAD /_ping
  - GET /_ping
  - GET /info
  - GET /tasks
  - GET /nodes
  - GET /nodes/*
  - GET /services
  - POST /networks/create: {network: ["driver=overlay"]}
  - GET /networks
  - GET /networks/@own
  - DELETE /networks/@own
  - GET /distribution/*/json
  - POST /services/create:
      image: ["busybox:*"]
      mounts: ["@own", "secret=@own", "config=@own"]
      network: ["@own"]
      labels: ["job"]
  - GET /services/@own
  - POST /services/@own/update:
      image: ["busybox:*"]
      mounts: ["@own", "secret=@own", "config=@own"]
      network: ["@own"]
      labels: any
      source: ["rollback=previous"]
  - GET /services/@own/logs
  - DELETE /services/@own
  - GET /tasks/@own
  - GET /tasks/@own/logs
  - POST /secrets/create: {}
  - GET /secrets
  - GET /secrets/@own
  - POST /secrets/@own/update: {labels: any}
  - DELETE /secrets/@own
  - POST /configs/create: {}
  - GET /configs
  - GET /configs/@own
  - POST /configs/@own/update: {labels: any}
  - DELETE /configs/@own
  - POST /containers/@own/exec: {}
  - POST /exec/@own/start
  - GET /exec/@own/json
  - GET /containers/@own/json
"#;

/// The services of a test wait until a task runs, or do not start any.
const OTHERS: &str = "set -e
docker network create -d overlay theirs-net
printf theirs | docker secret create theirs-secret -
printf theirs | docker config create theirs-config -
docker service create -d --no-resolve-image --name theirs --network theirs-net --secret theirs-secret \
    --config theirs-config busybox:latest sleep 1000
";

const JOB: &str = "set -e
docker network create -d overlay mine-net
printf mine-data | docker secret create mine-secret -
printf mine-data | docker config create mine-config -
docker service create -d --no-resolve-image --name mine --network mine-net --secret mine-secret \
    --config mine-config --label job=1 --mount type=volume,source=mine-volume,target=/v \
    --mount type=volume,target=/w busybox:latest sleep 1000
docker service inspect mine >/dev/null
docker service update -d --no-resolve-image --env-add A=b --label-rm dsp.owner --label-add job=2 mine
docker service update -d --no-resolve-image --label-add dsp.owner=other --container-label-rm dsp.owner mine
docker service rollback -d mine
docker secret inspect $(docker secret inspect -f '{{.ID}}' mine-secret) >/dev/null
docker config inspect mine-config >/dev/null
";

const END: &str = "set -e
docker service rm mine
docker network rm mine-net
";

/// What must not work, each a line. `SERVICE`, `TASK`, `SECRET` and `CONFIG` are the IDs of others' objects.
const REFUSED: &str = "docker service inspect theirs
docker service inspect SERVICE
docker service logs theirs
docker service rm theirs
docker service update -d --no-resolve-image --env-add A=b theirs
docker service rollback -d theirs
docker inspect --type task TASK
docker service logs TASK
docker secret inspect theirs-secret
docker secret inspect SECRET
docker secret rm theirs-secret
docker config inspect theirs-config
docker config inspect CONFIG
docker config rm theirs-config
docker network rm theirs-net
docker service create -d --no-resolve-image --name x --network theirs-net busybox:latest true
docker service create -d --no-resolve-image --name x --secret theirs-secret busybox:latest true
docker service create -d --no-resolve-image --name x --config theirs-config busybox:latest true
docker service update -d --no-resolve-image --secret-add theirs-secret mine
docker service update -d --no-resolve-image --network-add theirs-net mine
";

/// What others have, without what the swarm itself changes.
const STATE: &str = "docker service inspect -f '{{.ID}} {{json .Spec}}' theirs; docker secret ls -q; docker config ls -q; \
                     docker network inspect -f '{{.Id}}' theirs-net; docker service ls -q | sort";

fn swarm(world: &World) {
    engine(world, "docker swarm init --listen-addr 127.0.0.1:12378 --advertise-addr 127.0.0.1");
    // A new swarm cannot make networks yet.
    wait_for("the swarm to make a network", || {
        world.shell("docker network create -d overlay first && docker network rm first").status == 0
    });
}

fn inspect(world: &World, kind: &str, name: &str) -> Value {
    let told = engine(world, &format!("docker {kind} inspect {name}"));
    serde_json::from_str::<Value>(&told).unwrap()[0].clone()
}

/// A request through dsp with a body.
fn post(socket: &str, target: &str, body: &Value) -> (u16, String) {
    let mut curl = std::process::Command::new("curl");
    curl.args(["--silent", "--max-time", "20", "-w", "\n%{http_code}", "--unix-socket", socket]);
    curl.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
    let done = curl.arg(format!("http://d{target}")).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let (text, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), text.to_owned())
}

#[test]
fn what_others_made_in_a_swarm_is_not_there() {
    let mut world = real_or_return!();
    let _engine = OwnEngine::start(&mut world, "ownswarm");
    swarm(&world);
    engine(&world, OTHERS);
    world.write("p.yaml", PROFILE);
    let enforce = ["enforce", "p.yaml"];

    let (status, said) = run(&world, &enforce, JOB);
    assert_eq!(status, 0, "{said}");
    let label =
        |kind: &str, name: &str| inspect(&world, kind, name)["Spec"]["Labels"]["dsp.owner"].clone();
    for (kind, name) in [("service", "mine"), ("secret", "mine-secret"), ("config", "mine-config")]
    {
        assert_eq!(label(kind, name), "own-test", "{kind} {name}");
    }
    let service = inspect(&world, "service", "mine");
    let template = &service["Spec"]["TaskTemplate"]["ContainerSpec"];
    assert_eq!(template["Labels"]["dsp.owner"], "own-test", "{template}");
    let is_marked = |mount: &Value| mount["VolumeOptions"]["Labels"]["dsp.owner"] == "own-test";
    assert_eq!(
        template["Mounts"].as_array().unwrap().iter().filter(|one| is_marked(one)).count(),
        1
    );

    // The owner outlives dsp, and another one sees nothing of it. A task is its service's.
    let task = task_of(&world, "mine");
    for line in [
        "docker service inspect mine".to_owned(),
        "docker secret inspect mine-secret".to_owned(),
        "docker config inspect mine-config".to_owned(),
        format!("docker inspect --type task {task}"),
    ] {
        let (status, said) = run(&world, &enforce, &line);
        assert_eq!(status, 0, "{line}: {said}");
        assert_ne!(run(&world, &["enforce", "p.yaml", "--own", "else"], &line).0, 0, "{line}");
    }
    let before = engine(&world, STATE);
    let id =
        |kind: &str, name: &str| inspect(&world, kind, name)["ID"].as_str().unwrap().to_owned();
    let ids = [
        ("SERVICE", id("service", "theirs")),
        ("TASK", task_of(&world, "theirs")),
        ("SECRET", id("secret", "theirs-secret")),
        ("CONFIG", id("config", "theirs-config")),
    ];
    for line in REFUSED.lines() {
        let line = ids.iter().fold(line.to_owned(), |line, (word, id)| line.replace(word, id));
        let (_, said) = run(&world, &enforce, &line);
        assert!(said.contains("denied:"), "{line}: {said}");
        assert_eq!(engine(&world, STATE), before, "{line}");
    }
    let audit = format!("docker exec {} true", container_of(&world, "mine"));
    let (status, said) = run(&world, &enforce, &audit);
    assert_eq!(status, 0, "{said}");
    let (status, said) = run(&world, &enforce, END);
    assert_eq!(status, 0, "{said}");
    for line in ["docker secret rm mine-secret", "docker config rm mine-config"] {
        // The tasks that use them take a moment to go.
        wait_for(line, || run(&world, &enforce, line).0 == 0);
    }
    assert!(!said.contains("mine-data"), "{said}");
}

/// With a rule for any name, the label of what others have stays what it is.
#[test]
fn an_update_takes_nothing_over() {
    let mut world = real_or_return!();
    let _engine = OwnEngine::start(&mut world, "ownupdate");
    swarm(&world);
    engine(
        &world,
        "printf x | docker secret create theirs - && printf x | docker secret create -l dsp.owner=else other -
        printf x | docker secret create -l dsp.owner=own-test mine -
        printf x | docker config create theirs -",
    );
    let rules = "  - POST /secrets/*/update\n  - POST /configs/*/update: {labels: any}\n";
    world.write(
        "p.yaml",
        &format!("version: 1\nname: own-test\nallow:\n{rules}  - GET /secrets/@own\n"),
    );
    let server = world.serve(&["enforce", "p.yaml"]);
    let socket = server.socket.display().to_string();
    for (kind, name, owner) in [
        ("secret", "theirs", Value::Null),
        ("secret", "other", "else".into()),
        ("secret", "mine", "own-test".into()),
        ("config", "theirs", Value::Null),
    ] {
        let there = inspect(&world, kind, name);
        let mut spec = there["Spec"].clone();
        spec["Labels"] = serde_json::json!({"new": "1", "dsp.owner": "own-test"});
        if name == "mine" {
            spec["Labels"] = serde_json::json!({"new": "1"});
        }
        let target = format!("/{kind}s/{name}/update?version={}", there["Version"]["Index"]);
        assert_eq!(post(&socket, &target, &spec), (200, String::new()), "{target}");
        let labels = inspect(&world, kind, name)["Spec"]["Labels"].clone();
        assert_eq!(labels["new"], "1", "{kind} {name}");
        assert_eq!(labels["dsp.owner"], owner, "{kind} {name}");
    }
}

/// The ID of a task, which may take a moment to be made.
fn task_of(world: &World, service: &str) -> String {
    let list = format!("docker service ps -q --no-trunc {service} | head -n 1");
    wait_for("a task", || !engine(world, &list).is_empty());
    engine(world, &list)
}

/// The container of a running task.
fn container_of(world: &World, service: &str) -> String {
    let list = format!(
        "docker ps -q --no-trunc --filter label=com.docker.swarm.service.name={service} | head -n 1"
    );
    wait_for("a container", || !engine(world, &list).is_empty());
    engine(world, &list)
}
