//! The files of `docs/compose.md`, with the image that `scripts/image` builds.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use super::{OwnEngine, real_or_return};
use crate::support::{Done, World, left_out, wait_for};

const DOCUMENT: &str = include_str!("../../../docs/compose.md");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Runs a line of shell with compose, and shows its output if it fails.
struct Project {
    world: World,
    plugins: String,
    group: u32,
}

impl Project {
    fn run(&self, line: &str) -> Done {
        let mut command = self.world.command("sh", &["-c", line]);
        let socket = self.world.host.strip_prefix("unix://").unwrap();
        command.env("DOCKER_CONFIG", &self.plugins).env("DOCKER_SOCKET", socket);
        command.env("DOCKER_GID", self.group.to_string()).env("COMPOSE_PROJECT_NAME", "project");
        command.env("COMPOSE_PROGRESS", "plain").env("DOCKER_BUILDKIT", "0");
        self.world.finish(command)
    }

    fn works(&self, line: &str) -> String {
        let done = self.run(line);
        assert_eq!(done.status, 0, "{line}\n{}{}", done.out, done.err);
        done.out
    }

    /// Waits until the program can do this: it and dsp restart on their own.
    fn comes_to(&self, words: &str) {
        let line = format!("docker compose exec -T program {words}");
        wait_for(words, || self.run(&line).status == 0);
    }
}

/// A file of the document.
fn file(name: &str) -> &'static str {
    after(&format!("<!-- test: {name} -->\n```yaml\n"))
}

/// The block that begins with this.
fn after(mark: &str) -> &'static str {
    DOCUMENT.split_once(mark).unwrap().1.split_once("```").unwrap().0
}

/// An image with this machine's docker CLI and its libraries.
const CLIENT: &str = "mkdir client && cd client && docker=$(command -v docker) && \
    cp --parents $(ldd $docker | grep -o '/[^ ]*') . 2>/dev/null; mkdir -p usr/local/bin && \
    cp -L $docker usr/local/bin/docker && \
    printf 'FROM busybox\\nCOPY . /\\nENV PATH=/usr/local/bin:/bin\\n' >Dockerfile && \
    docker build -q -t docker:cli .";

/// An engine with both images, and the folder that the document asks for; `None` if a prerequisite
/// is missing.
fn project(mut world: World) -> Option<(OwnEngine, Project)> {
    let (binary, clients) = (std::env::var("DSP_TEST_STATIC"), std::env::var("DSP_TEST_CLIENTS"));
    let (Ok(binary), Ok(clients)) = (binary, clients) else {
        left_out("DSP_TEST_STATIC (scripts/static) or DSP_TEST_CLIENTS is not set");
        return None;
    };
    let plugins = format!("{clients}/docker-config");
    if !std::fs::exists(format!("{plugins}/cli-plugins/docker-compose")).unwrap() {
        left_out("compose is not installed");
        return None;
    }
    let engine = OwnEngine::start(&mut world, "compose");
    let group = std::fs::metadata(world.host.strip_prefix("unix://").unwrap()).unwrap().gid();
    let project = Project { world, plugins, group };
    project.works(&format!("{ROOT}/scripts/image dsp {binary}"));
    project.works(CLIENT);
    for name in ["compose.yaml", "record.yaml", "tcp.yaml", "several.yaml", "own-user.yaml"] {
        project.world.write(name, file(name));
    }
    project.works("mkdir policy && chown 65534 policy");
    Some((engine, project))
}

#[test]
fn a_program_in_a_container_is_recorded_and_confined() {
    let world = real_or_return!();
    let Some((engine, project)) = project(world) else { return };

    // Recording.
    project.works("docker compose -f compose.yaml -f record.yaml up -d --wait");
    assert!(project.works("docker compose exec -T program docker ps").contains("docker:cli"));
    project.works("docker compose stop dsp");
    let generated =
        project.world.dsp(&["generate", "policy/recording.jsonl", "-o", "policy/profile.yaml"]);
    assert_eq!(generated.status, 0, "{}", generated.err);
    let profile = project.world.read("policy/profile.yaml");
    assert!(profile.contains("- GET /containers/json") && profile.contains("- GET /events"));

    // Enforcing.
    project.works("docker compose up -d --wait");
    let confinement = "docker inspect project-dsp-1 --format '{{.HostConfig.ReadonlyRootfs}} \
        {{.HostConfig.CapDrop}} {{.HostConfig.NetworkMode}} {{.Config.User}} {{.HostConfig.SecurityOpt}}'";
    assert_eq!(
        project.works(confinement),
        "true [ALL] none 65534:65534 [no-new-privileges:true]\n"
    );
    project.comes_to("docker ps");
    let denied = project.run("docker compose exec -T program docker rm -f project-dsp-1");
    assert_ne!(denied.status, 0);
    assert!(
        denied.err.contains("DELETE /containers/project-dsp-1 is not allowed"),
        "{}",
        denied.err
    );
    assert!(project.works("docker compose logs dsp").contains("DELETE /containers/project-dsp-1"));
    let replaced = project.run("docker compose exec -T program rm /run/dsp/docker.sock");
    assert!(replaced.err.contains("Read-only file system"), "{}", replaced.err);

    // The profile changes.
    assert_ne!(project.run("docker compose exec -T program docker images").status, 0);
    project.works("echo '  - GET /images/json' >>policy/profile.yaml");
    project.works("docker compose kill -s HUP dsp");
    project.comes_to("docker images");

    // Each service restarts.
    project.works("docker compose restart dsp");
    project.comes_to("docker ps");
    project.works("docker compose restart program");
    project.comes_to("docker ps");
    engine.kill();
    engine.run("start");
    project.comes_to("docker ps");
    project.works("docker compose down --volumes");

    followed(&project);
    over_tcp(&project);
    several_programs(&project);
    recorded_as_oneself(&project);
}

/// A program as it is before dsp: with the engine's socket.
const BEFORE: &str = "
services:
  program:
    image: docker:cli
    command: docker events
    init: true
    volumes:
      - ${DOCKER_SOCKET}:/var/run/docker.sock
";

/// A followed container runs with the profile of its recording. Part of the test above, because
/// parallel engines that create networks remove each other's rules.
fn followed(project: &Project) {
    project.world.write("before.yaml", BEFORE);
    let compose = "docker compose -f before.yaml";
    let line =
        format!("{compose} up -d --wait && {compose} exec -T program docker ps && {compose} down");
    let dsp = env!("CARGO_BIN_EXE_dsp");
    project.works(&format!("{dsp} record --follow --split rec -- sh -c '{line}'"));
    project.works("rm policy/profile.yaml");
    project.works(&format!("{dsp} generate rec/project-program-1.jsonl -o policy/profile.yaml"));
    let profile = project.world.read("policy/profile.yaml");
    assert!(profile.contains("- GET /containers/json") && profile.contains("- GET /events"));
    assert!(!profile.contains("POST"), "compose's own requests are not the program's: {profile}");

    project.works("docker compose up -d --wait");
    project.comes_to("docker ps");
    let denied = project.run("docker compose exec -T program docker volume ls");
    assert!(denied.err.contains("GET /volumes is not allowed"), "{}", denied.err);
    let log = project.works("docker compose logs dsp");
    let denials = log.lines().filter(|line| line.contains("is not allowed")).count();
    assert_eq!(denials, 1, "only what was asked for in vain: {log}");
    project.works("docker compose down --volumes");
}

/// Over TCP in a network of their own.
fn over_tcp(project: &Project) {
    let compose = "docker compose -f tcp.yaml";
    project.works(&format!("{compose} up -d --wait"));
    let exec = format!("{compose} exec -T program docker");
    assert!(project.works(&format!("{exec} ps")).contains("docker:cli"));
    let denied = project.run(&format!("{exec} rm -f project-dsp-1"));
    assert!(denied.err.contains("is not allowed"), "{}", denied.err);
    project.works(&format!("{compose} down"));
}

/// Two programs of one dsp, told apart by their services.
fn several_programs(project: &Project) {
    let host = after("The file `policy/dsp.yaml`:\n\n<!-- host file -->\n```yaml\n");
    project.world.write("policy/dsp.yaml", host);
    // The name in the file counts, and not the one of the environment.
    let compose = "docker compose -p shop -f several.yaml";
    project.works(&format!("{compose} up -d --wait"));
    let ask = |service: &str, words: &str| {
        project.run(&format!("{compose} exec -T {service} docker {words}"))
    };
    wait_for("dsp", || ask("watcher", "ps").status == 0);
    assert_eq!(ask("discovery", "network ls").status, 0);
    let denied = ask("watcher", "network ls");
    assert!(denied.err.contains("profile \"monitor\""), "{}", denied.err);
    let denied = ask("discovery", "info");
    assert!(format!("{}{}", denied.out, denied.err).contains("profile \"prometheus\""));
    let reload = format!("{compose} exec -T dsp /dsp reload /run/dsp/control.sock");
    project.works(&reload);
    project.works("echo nonsense >>policy/dsp.yaml");
    assert_eq!(project.run(&reload).status, 1);
    project.works(&format!("{compose} down --volumes"));
}

/// The recording belongs to the user.
fn recorded_as_oneself(project: &Project) {
    project.works("rm -rf policy && mkdir policy sockets && chown 4711:4711 policy sockets");
    let own = "OWN_USER=4711 OWN_GROUP=4711";
    let files = "-f compose.yaml -f record.yaml -f own-user.yaml";
    let compose = format!("{own} docker compose {files}");
    project.works(&format!("{compose} up -d --wait"));
    assert!(project.works(&format!("{compose} exec -T program docker ps")).contains("docker:cli"));
    project.works(&format!("{compose} stop dsp"));
    assert_eq!(project.works("stat -c '%u %a' policy/recording.jsonl"), "4711 600\n");
    project.works(&format!("{compose} down --volumes"));
}

#[test]
fn the_binary_of_the_image_is_static() {
    let Ok(binary) = std::env::var("DSP_TEST_STATIC") else {
        return left_out("DSP_TEST_STATIC (scripts/static) is not set");
    };
    let linked = Command::new("ldd").arg(&binary).output().unwrap();
    let text = String::from_utf8_lossy(&linked.stdout).into_owned();
    assert!(!text.contains("=>"), "{text}");
}
