//! The fixtures: recordings of docker commands, made by dsp on a real engine, and the profiles
//! generated from them. `scripts/fixtures` records them again; the tests here check that each
//! profile lets its own command succeed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal};

use super::{Container, real_or_return};
use crate::fixtures::{NAMES, path};
use crate::support::{Done, World, wait_for};

/// A docker command that is recorded, and then run with the profile of its recording.
struct Fixture {
    name: &'static str,
    /// The command; `CONTAINER` stands for a container that runs during the fixture.
    command: &'static str,
    ends: Ends,
}

#[derive(Clone, Copy)]
enum Ends {
    /// On its own, with this status.
    With(i32),
    /// Never: it is ended after a request for a path with this suffix.
    NeverAfter(&'static str),
}

use Ends::{NeverAfter, With};

macro_rules! fixtures {
    ($($name:ident: $command:expr, $ends:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let world = real_or_return!();
                let name = stringify!($name);
                check(&world, &Fixture { name, command: $command, ends: $ends });
            }
        )*

        #[test]
        fn there_is_a_test_for_each_committed_fixture() {
            let mut tests = [$(stringify!($name).replace('_', "-")),*];
            tests.sort();
            assert_eq!(tests.as_slice(), NAMES);
        }
    };
}

fixtures! {
    ps: "docker ps", With(0);
    stats: "docker stats CONTAINER", NeverAfter("/stats");
    stats_no_stream: "docker stats --no-stream CONTAINER", With(0);
    logs_follow: "docker logs -f CONTAINER", NeverAfter("/logs");
    events: "docker events", NeverAfter("/events");
    inspect: "docker inspect CONTAINER", With(0);
    run_rm: "docker run --rm busybox true", With(0);
    run_detached: "docker run -d --label fixture=run-detached busybox true", With(0);
    exec: "docker exec CONTAINER true", With(0);
    exec_interactive: "docker exec -i CONTAINER wc -c", With(0);
    cp_out: "docker cp CONTAINER:/etc/passwd copied", With(0);
    cp_in: "docker cp context CONTAINER:/tmp", With(0);
    // There is no registry with this name, so that it fails in the same way everywhere.
    pull: "docker pull registry.invalid/app:1", With(1);
    build_classic: "env DOCKER_BUILDKIT=0 docker build --network none -t fixture-classic context", With(0);
    // The CLI of Debian's docker.io includes BuildKit; newer ones need a plugin for it.
    build_buildkit: "env DOCKER_BUILDKIT=1 /usr/bin/docker build --network none -t fixture-buildkit context", With(0);
    network_life: "sh -ec 'docker network create fixture-life; docker network ls -q; \
        docker network inspect fixture-life; docker network rm fixture-life'", With(0);
    volume_life: "sh -ec 'docker volume create fixture-life; docker volume ls -q; \
        docker volume inspect fixture-life; docker volume rm fixture-life'", With(0);
    system_df: "docker system df", With(0);
    // The filter matches nothing, so that it does not disturb parallel tests.
    system_prune: "docker system prune -f --filter label=fixture=prune", With(0);
}

/// Records the fixture again if requested, and checks that its profile lets its command succeed.
fn check(world: &World, fixture: &Fixture) {
    fs::create_dir(world.path("context")).unwrap();
    world.write("context/Dockerfile", "FROM busybox\nCOPY data /data\nRUN wc -c /data\n");
    world.write("context/data", "some data\n");
    let name = fixture.name.replace('_', "-");
    let (recording, profile) = (path(&name, "jsonl"), path(&name, "yaml"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    if std::env::var("DSP_FIXTURES").is_ok_and(|value| value == "append") {
        let _ = fs::remove_file(&profile);
        run(world, fixture, &["record", "-v", "-o", &text(&recording)]);
        let done = world.dsp(&["generate", &text(&recording), "-o", &text(&profile)]);
        assert_eq!(done.status, 0, "{}", done.err);
    }
    let enforced = run(world, fixture, &["enforce", "-v", &text(&profile)]);
    assert!(!enforced.err.contains("denied"), "{}", enforced.err);
}

/// Runs the fixture's command under dsp and checks how it ends.
fn run(world: &World, fixture: &Fixture, dsp: &[&str]) -> Done {
    let container = fixture.command.contains("CONTAINER").then(|| {
        let name = format!("fixture-{}", fixture.name.replace('_', "-"));
        Container::run(world, &name, "sh -c 'echo started; sleep 1000'")
    });
    let name = container.as_ref().map_or("", |container| &container.name);
    let mut command = world.dsp_command(dsp);
    command.arg("--").args(words(&fixture.command.replace("CONTAINER", name)));
    command.stdin(fs::File::open(world.write("input", "hello\n")).unwrap());
    let done = match fixture.ends {
        With(_) => world.finish(command),
        NeverAfter(path) => finish_after(world, command, path),
    };
    if let With(status) = fixture.ends {
        assert_eq!(done.status, status, "{}", done.err);
    }
    world.shell("docker ps -aq --filter label=fixture=run-detached | xargs -r docker rm -f");
    done
}

/// Runs dsp until it has logged a request for a path that ends with `path`, and ends it.
fn finish_after(world: &World, mut command: Command, path: &str) -> Done {
    let said = world.path("said");
    command.stdout(Stdio::null()).stderr(fs::File::create(&said).unwrap());
    let mut child = command.spawn().unwrap();
    let text = || fs::read_to_string(&said).unwrap();
    // Who asked stands after the path.
    let asks = |line: &str| line.split(" client=").next().is_some_and(|line| line.ends_with(path));
    wait_for(path, || text().lines().any(asks));
    let pid = Pid::from_child(&child);
    // Without a terminal, `docker stats` 28.2 ignores TERM, and gives up at the third one.
    wait_for("the end of dsp", || {
        let ended = child.try_wait().unwrap().is_some();
        if !ended {
            rustix::process::kill_process(pid, Signal::TERM).unwrap();
        }
        ended
    });
    let status = child.wait().unwrap().code().unwrap_or(-1);
    Done { status, signal: None, out: String::new(), err: text() }
}

/// Splits a command line at spaces, except in single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (place, part) in line.split('\'').enumerate() {
        if place % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
