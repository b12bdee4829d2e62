//! Programs that talk to Docker, as people use them. Each has its own engine, and must get the same
//! results directly, recorded, and enforced with the profile of its own recording.
//!
//! `scripts/clients` installs and runs them. Missing ones are skipped, like a missing engine.

use std::process::Command;

use rustix::process::Signal;

use super::{OwnEngine, real_or_return};
use crate::support::{Done, World, left_out};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/clients");

macro_rules! clients {
    ($kind:literal: $($test:ident: $name:expr, $through:expr;)*) => {
        $(
            #[test]
            fn $test() {
                let world = real_or_return!();
                if let Some(client) = Client::installed(world, $name, $kind) {
                    client.sees_the_same($through);
                }
            }
        )*
    };
}

clients! { "docker":
    docker: "docker", by_command;
    docker_of_debian: "docker-debian", by_command;
    docker_over_tcp: "docker-host", by_tcp_listener;
    docker_26: "docker-26.1", by_command;
    docker_28: "docker-28.5", by_command;
    curl: "curl", by_command;
    docker_py: "docker-py", by_command;
    docker_py_old: "docker-py-old", by_command;
    aiodocker: "aiodocker", by_command;
    testcontainers: "testcontainers", by_command;
    testcontainers_node: "testcontainers-node", by_command;
    dockerode: "dockerode", by_command;
    bollard: "bollard", by_command;
    java: "java", by_tcp_listener;
    moby_client: "moby-client", by_command;
    buildx: "buildx", by_command;
    buildx_new: "buildx-new", by_command;
    compose: "compose", by_command;
    compose_5: "compose-5", by_command;
}

// Each of them on the podman of the run, which is mostly of another version.
clients! { "podman":
    podman_4: "podman-4.3", by_command;
    podman_5: "podman-5", by_command;
    podman_6: "podman-6", by_command;
}

/// An installed client, with its own engine.
struct Client {
    name: &'static str,
    folder: String,
    world: World,
    _engine: OwnEngine,
}

/// Clients whose folders and names have a part that is new in each run. Only a second session shows
/// which part that is.
const VARYING: [&str; 5] = ["compose", "compose-5", "podman-4.3", "podman-5", "podman-6"];

/// Clients that join networks whose names are random as a whole. No value of a rule can say that.
const NAMELESS: [&str; 1] = ["testcontainers"];

/// How a client runs through dsp, given the arguments of dsp.
type Through = fn(&Client, &[&str]) -> Done;

impl Client {
    /// With an engine of this kind. `None` if it is not installed, which `scripts/test` reports at its
    /// end. A registry that does not answer is not dsp's fault.
    fn installed(mut world: World, name: &'static str, kind: &'static str) -> Option<Self> {
        let folder = std::env::var("DSP_TEST_CLIENTS").unwrap_or_default();
        let listed = Command::new(SCRIPT).args(["list", &folder]).output().unwrap();
        let there = String::from_utf8(listed.stdout).unwrap().lines().any(|line| line == name);
        if !there {
            left_out(&format!("{name} is not installed"));
            return None;
        }
        let _engine = OwnEngine::start_kind(&mut world, &format!("c-{name}"), kind);
        Some(Self { name, folder, world, _engine })
    }

    fn words(&self) -> [&str; 4] {
        [SCRIPT, "run", &self.folder, self.name]
    }

    fn run(&self, host: &str) -> Done {
        let [script, words @ ..] = self.words();
        let mut command = self.world.command(script, &words);
        command.env("DOCKER_HOST", host);
        self.world.finish(command)
    }

    fn sees_the_same(&self, through: Through) {
        let direct = self.run(&self.world.host);
        assert_eq!(direct.status, 0, "{}{}", direct.out, direct.err);

        let recorded = through(self, &["record", "-q"]);
        self.assert_same("recorded", &direct, &recorded);

        if VARYING.contains(&self.name) {
            self.assert_same("recorded again", &direct, &through(self, &["record", "-q"]));
        }
        let contents = if NAMELESS.contains(&self.name) { "any" } else { "seen" };
        let generate = ["generate", "-o", "profile.yaml", "--contents", contents];
        let generated = self.world.dsp(&generate);
        assert_eq!(generated.status, 0, "{}", generated.err);
        let profile = self.world.read("profile.yaml");
        assert!(!profile.contains("unknown:"), "{profile}");

        // A denial would appear in dsp's messages after the client's output.
        let mut enforced = through(self, &["enforce", "profile.yaml"]);
        enforced.err = without_unrouted(&enforced.err);
        self.assert_same("enforced", &direct, &enforced);
    }

    fn assert_same(&self, how: &str, direct: &Done, other: &Done) {
        let [direct, other] = [direct, other].map(|done| without_marks(&transcript(done)));
        let pairs = direct.lines().zip(other.lines());
        let differ = pairs.enumerate().find(|(_, (direct, other))| direct != other);
        assert!(
            direct == other,
            "{} sees something else when {how}, first: {differ:?}\n\
             --- directly\n{direct}--- {how}\n{other}",
            self.name
        );
    }
}

/// What clients of podman ask engines that do not have it: a profile does not allow that, and the
/// client takes a denial as it takes the engine's answer.
const UNROUTED: [&str; 2] = ["/shouldrestart is not a known operation", "GET /libpod/artifacts/"];

/// Removes dsp's list of denials if it contains nothing else.
fn without_unrouted(err: &str) -> String {
    let Some(at) = err.find("dsp: ").filter(|at| err[*at..].contains(" denied:\n")) else {
        return err.to_owned();
    };
    let mut denials = err[at..].lines().skip(1);
    let is_all = denials.all(|line| UNROUTED.iter().any(|one| line.contains(one)));
    err[..if is_all { at } else { err.len() }].to_owned()
}

/// Removes what differs because dsp writes labels into what clients create, and names objects by their full
/// IDs.
fn without_marks(transcript: &str) -> String {
    let mut text = transcript.to_owned();
    for (mark, rest) in [
        // The steps of a build, which are then counted, and what a builder says between them.
        (r#"['"]?Step \d+/\d+ : LABEL dsp\.[^,'"\n]*['"]?(, ?|\n)"#, ""),
        (r"Step (\d+)/\d+", "Step $1"),
        // podman repeats what it was asked for.
        (r"(network rm \w+\n)(ID|\w+)\n", "$1NAME\n"),
        (r#"STEP \d+/\d+: LABEL "?dsp\.[^\n]*\n"#, ""),
        (r"STEP (\d+)/\d+", "STEP $1"),
        (r"( ---> (Running in )?|Removing intermediate container )ID\n", ""),
        (r#", ?(?:'dsp\.owner': '[^']*'|"dsp\.owner":"[^"]*"|dsp\.owner=[^ ",]*)"#, ""),
        // podman 6 waits for a container that it is about to remove, and says this if it comes too late.
        (
            r#"! Error: wait for container: no container with name or ID "ID" found: no such container\n= 126\n"#,
            "",
        ),
        // `docker ps` writes labels in any order.
        (r#"dsp\.owner=[^ ",]*,"#, ""),
        (r" ?dsp\.owner:[^\]\s]+", ""),
        (r"(in container|kill container:) [\w-]+", "$1 NAME"),
        // dsp itself says that there is no such object.
        (r"HTTP/1\.1 404 Not Found\n([\w-]+: .*\n)+", "HTTP/1.1 404 Not Found\n"),
        // The engine says it in other words where it looks at an image.
        (r"no such image: [^ ]+: No such image: ", "No such image: "),
        // A container without any setting, and one with a label alone.
        (
            r#"(?i)Content-Length: \d+\s+\{"message":"(Config cannot be empty in order to create a container|No command specified)"\}"#,
            "a container of nothing",
        ),
    ] {
        text = regex::Regex::new(mark).unwrap().replace_all(&text, rest).into_owned();
    }
    text
}

fn transcript(done: &Done) -> String {
    format!("{}--- on stderr\n{}--- status {}\n", done.out, done.err, done.status)
}

/// `dsp ... -- CLIENT`
fn by_command(client: &Client, dsp: &[&str]) -> Done {
    client.world.dsp(&[dsp, &["--"], &client.words()].concat())
}

/// `dsp ... --listen tcp://...`, and the client next to it.
fn by_tcp_listener(client: &Client, dsp: &[&str]) -> Done {
    let server = client.world.serve(&[dsp, &["--listen", "tcp://127.0.0.1:0"]].concat());
    let done = client.run(&server.first_address());
    let ended = server.stop(Signal::INT);
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert!(!ended.err.contains("not allowed"), "{}", ended.err);
    done
}
