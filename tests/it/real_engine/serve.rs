//! One `dsp serve` for four real programs: Traefik and Dozzle in containers with one socket, Prometheus with
//! a certificate, and Woodpecker's CLI. dsp is restarted, upgraded, reloaded with a file that is wrong, and
//! killed while they work.
//!
//! Opt-in, because the programs take minutes to build: `scripts/workloads install traefik dozzle prometheus
//! woodpecker` puts them into the folder that `DSP_TEST_WORKLOADS` names.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::follow::with_ask;
use super::real_or_return;
use super::who::first_process;
use crate::monitoring::free_port;
use crate::support::{World, dsp_binary, left_out};
use crate::tls::ends::{Authority, Pair};

const PROGRAMS: [&str; 4] = ["traefik", "dozzle", "prometheus", "woodpecker"];

/// How often each thing happens to dsp.
const TIMES: usize = 3;

const PIPELINE: &str = "\
skip_clone: true
when: { event: manual }
steps:
  - name: make
    image: busybox:latest
    commands: [\"echo made >file\", \"sleep 2\"]
  - name: use
    image: busybox:latest
    commands: [\"cat file\"]
";

/// The folder of the installed programs; `None` if not all of them are there.
fn installed() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("DSP_TEST_WORKLOADS")?);
    PROGRAMS.iter().all(|name| folder.join(name).join(".done").exists()).then_some(folder)
}

/// What keeps dsp's sockets open, and starts and ends dsp.
struct Keeper {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Keeper {
    fn new(world: &World, socket: &Path, port: u16) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/real_engine/keeper.py");
        let folder = world.folder.path().to_str().unwrap();
        let first = first_process(world).unwrap_or_default();
        let (socket, port) = (socket.to_str().unwrap(), port.to_string());
        let mut command = world.command("python3", &[script, folder, &first, socket, &port]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, orders, answers }
    }

    /// Does what keeper.py describes, and returns the ID of dsp's process.
    fn order(&mut self, order: &str) -> String {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer
            .strip_prefix("done ")
            .unwrap_or_else(|| panic!("{order}: {answer}"))
            .trim()
            .to_owned()
    }

    fn restart(&mut self, how: &str) -> String {
        self.order(how);
        self.order("start")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // It ends dsp when there are no more orders.
        self.orders = None;
        let _ = self.child.wait();
    }
}

/// A program on this machine; ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The programs, and what they ask dsp.
struct Host<'a> {
    world: &'a World,
    programs: PathBuf,
    authority: Authority,
    pair: Pair,
    /// The port of dsp, and that of Prometheus.
    ports: [u16; 2],
}

impl<'a> Host<'a> {
    fn new(world: &'a World, programs: PathBuf) -> Self {
        let authority = Authority::new(&world.path("ca"));
        authority.sign("own", &["localhost"]);
        let pair = authority.sign("prometheus", &["prometheus.example"]);
        fs::create_dir(world.path("s")).unwrap();
        let host = Self { world, programs, authority, pair, ports: [free_port(), free_port()] };
        host.world.write("dsp.yaml", &host.file());
        host.put_dsp();
        host
    }

    /// A dsp that was not there before, as an upgrade puts it in place.
    fn put_dsp(&self) -> u64 {
        fs::copy(dsp_binary(), self.world.path("dsp.new")).unwrap();
        fs::rename(self.world.path("dsp.new"), self.world.path("dsp")).unwrap();
        fs::metadata(self.world.path("dsp")).unwrap().ino()
    }

    fn socket(&self) -> PathBuf {
        self.world.path("s/docker.sock")
    }

    fn file(&self) -> String {
        let (folder, engine) = (self.world.folder.path().display(), &self.world.host);
        format!(
            "version: 1\nengine: {engine}\ncontrol: unix://{folder}/control.sock\nprograms:\n  \
             traefik:\n    profile: builtin:traefik\n    listen: unix://{folder}/s/docker.sock\n    \
             clients: [{{ container: dsp-four-traefik }}]\n    audit_log: traefik.jsonl\n  \
             dozzle:\n    profile: builtin:dozzle\n    listen: unix://{folder}/s/docker.sock\n    \
             clients: [{{ container: dsp-four-dozzle }}]\n    audit_log: dozzle.jsonl\n  \
             prometheus:\n    profile: builtin:prometheus\n    \
             clients: [{{ certificate: prometheus.example }}]\n    listen:\n      \
             address: tcp://127.0.0.1:{port}\n      tls_cert: ca/own-cert.pem\n      \
             tls_key: ca/own-key.pem\n      tls_client_ca: ca/ca.pem\n    \
             audit_log: prometheus.jsonl\n  \
             ci:\n    profile: builtin:woodpecker\n    own: ci\n    listen: unix://{folder}/ci.sock\n    \
             audit_log: ci.jsonl\n",
            port = self.ports[0],
        )
    }

    fn docker(&self, line: &str) -> String {
        let done = self.world.shell(&format!("docker {line}"));
        assert_eq!(done.status, 0, "docker {line}: {}{}", done.out, done.err);
        done.out
    }

    /// Starts a program in a container that can reach the shared socket.
    fn contain(&self, name: &str, line: &str) {
        let program = self.programs.join(name).join(name);
        let (ask, sockets) = (self.world.path("ask"), self.world.path("s"));
        self.docker(&format!(
            "run -d --name dsp-four-{name} --network none -e DOCKER_HOST=unix:///s/docker.sock \
             -v {}:/{name}:ro -v {}:/ask:ro -v {}:/s {line}",
            program.display(),
            ask.display(),
            sockets.display()
        ));
    }

    fn start_programs(&self) -> Running {
        self.contain(
            "traefik",
            "busybox /traefik --log.level=DEBUG --log.nocolor --global.checknewversion=false \
             --global.sendanonymoususage=false --api.insecure --providers.docker=true \
             --entrypoints.traefik.address=127.0.0.1:8080 --entrypoints.web.address=127.0.0.1:8000 \
             --providers.docker.endpoint=unix:///s/docker.sock",
        );
        self.contain(
            "dozzle",
            "-e DOZZLE_ADDR=127.0.0.1:8080 -e DOZZLE_NO_ANALYTICS=true -e DOZZLE_LEVEL=debug \
             -e DOZZLE_RELEASE_CHECK_MODE=manual -w /tmp busybox /dozzle",
        );
        let [dsp, own] = self.ports;
        let file = |path: &Path| path.display().to_string();
        let text = format!(
            "scrape_configs:\n  - job_name: d\n    docker_sd_configs:\n      - host: \
             https://localhost:{dsp}\n        refresh_interval: 1s\n        tls_config: {{ ca_file: {}, \
             cert_file: {}, key_file: {} }}\n    relabel_configs:\n      - source_labels: \
             [__meta_docker_container_name]\n        target_label: container\n",
            file(&self.authority.file()),
            file(&self.pair.certificate),
            file(&self.pair.key),
        );
        self.world.write("prometheus.yml", &text);
        let program = self.programs.join("prometheus/prometheus");
        let listen = format!("--web.listen-address=127.0.0.1:{own}");
        let words = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", &listen];
        let log = File::create(self.world.path("prometheus.log")).unwrap();
        Running(self.world.command(program, &words).stderr(log).spawn().unwrap())
    }

    /// Whether each program that looks for containers has found this one.
    fn is_found(&self, name: &str) -> [bool; 3] {
        let says = |line: &str, what: &str| self.world.shell(line).out.contains(what);
        [
            says(
                "docker exec dsp-four-traefik wget -qO- http://127.0.0.1:8080/api/http/routers",
                &format!("\"{name}@docker\""),
            ),
            says(
                "docker exec dsp-four-dozzle timeout 3 wget -qO- http://127.0.0.1:8080/api/events/stream",
                &format!("\"name\":\"{name}\""),
            ),
            says(
                &format!(
                    "curl -s 'http://127.0.0.1:{}/api/v1/targets?state=active'",
                    self.ports[1]
                ),
                &format!("\"container\":\"/{name}\""),
            ),
        ]
    }

    /// A container that is started now is found by all three.
    fn finds_a_new_container(&self, name: &str) {
        self.docker(&format!(
            "run -d --name {name} --expose 80 -l traefik.http.routers.{name}.rule=Path\\(\\`/{name}\\`\\) \
             busybox sleep 1000"
        ));
        let begun = Instant::now();
        loop {
            let found = self.is_found(name);
            if found == [true; 3] {
                return;
            }
            let logs = || {
                self.world.shell("docker logs --tail 30 dsp-four-traefik 2>&1; docker logs --tail 30 dsp-four-dozzle 2>&1").out
            };
            assert!(
                begun.elapsed() < Duration::from_secs(90),
                "[traefik, dozzle, prometheus] have found {name}: {found:?}\n{}{}",
                logs(),
                self.world.read("dsp.log")
            );
        }
    }

    /// Runs a pipeline; what it said if it failed.
    fn pipeline(&self) -> Result<(), String> {
        let program = self.programs.join("woodpecker/woodpecker-cli");
        let mut command = self
            .world
            .command("timeout", &["100", program.to_str().unwrap(), "exec", "--local=false"]);
        command.arg(self.world.path("pipeline.yaml"));
        command.env("DOCKER_HOST", format!("unix://{}", self.world.path("ci.sock").display()));
        command.env("WOODPECKER_BACKEND", "docker").env("WOODPECKER_DISABLE_UPDATE_CHECK", "true");
        command.env("WOODPECKER_BACKEND_DOCKER_STOP_TIMEOUT", "1");
        let done = self.world.finish(command);
        let said = format!("status {}: {}{}", done.status, done.out, done.err);
        let is_done = done.status == 0 && said.lines().any(|line| line.ends_with("s] made"));
        if is_done { Ok(()) } else { Err(said) }
    }

    /// Asks as each program does, again and again, until `stop` is there. What is lost is in files.
    fn load(&self) -> Vec<Running> {
        for name in ["traefik", "dozzle"] {
            self.docker(&format!(
                "exec -d dsp-four-{name} sh -c '{}'",
                repeated("/ask /s/docker.sock GET /containers/json", "/s", name)
            ));
        }
        let (folder, shared) = (self.world.folder.path().display(), self.world.path("s"));
        let curl = format!(
            "curl -sS -m 60 -f -o {folder}/answer --cacert {} --cert {} --key {} https://localhost:{}/networks",
            self.authority.file().display(),
            self.pair.certificate.display(),
            self.pair.key.display(),
            self.ports[0]
        );
        let ask = format!("{folder}/ask {folder}/ci.sock GET /info");
        let here = |line: &str, name: &str| {
            let line = repeated(line, shared.to_str().unwrap(), name);
            Running(self.world.command("sh", &["-c", &line]).spawn().unwrap())
        };
        vec![here(&curl, "prometheus"), here(&ask, "ci")]
    }

    /// Ends the load. How many requests of each were answered, and what was said about the others.
    fn unload(&self, load: Vec<Running>) -> Vec<(&'static str, u64, String)> {
        self.world.write("s/stop", "");
        let names = ["traefik", "dozzle", "prometheus", "ci"];
        let count =
            |name: &str| fs::read_to_string(self.world.path(&format!("s/{name}.count"))).ok();
        crate::support::wait_for("the end of the load", || {
            names.iter().all(|name| count(name).is_some_and(|count| count.ends_with('\n')))
        });
        drop(load);
        let ended = names.map(|name| {
            let lost = fs::read_to_string(self.world.path(&format!("s/{name}.lost")));
            (name, count(name).unwrap().trim().parse().unwrap(), lost.unwrap_or_default())
        });
        for file in fs::read_dir(self.world.path("s")).unwrap().flatten() {
            if file.path() != self.socket() {
                fs::remove_file(file.path()).unwrap();
            }
        }
        ended.into()
    }

    /// What Prometheus said about requests that failed.
    fn prometheus_errors(&self) -> String {
        let log = self.world.read("prometheus.log");
        log.lines().filter(|line| line.contains("level=ERROR")).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Host<'_> {
    fn drop(&mut self) {
        self.world.shell("docker rm -f $(docker ps -aq --filter name=dsp-four-)");
    }
}

/// A shell line that repeats a command until there is a file `stop`, and counts.
fn repeated(command: &str, folder: &str, name: &str) -> String {
    format!(
        "count=0; while [ ! -e {folder}/stop ]; do \
         if {command} >/tmp/{name}.said 2>&1; then count=$((count + 1)); \
         else echo \"status $?: $(cat /tmp/{name}.said)\" >>{folder}/{name}.lost; fi; done; \
         echo $count >{folder}/{name}.count"
    )
}

/// Pipelines, one after the other, while something is done. Returns those that failed, and how many there
/// were.
fn while_pipelines_run(host: &Host<'_>, mut done: impl FnMut()) -> (Vec<String>, usize) {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let pipelines = scope.spawn(|| {
            let (mut failed, mut count) = (Vec::new(), 0);
            while !is_done.load(Ordering::Relaxed) {
                failed.extend(host.pipeline().err());
                count += 1;
            }
            (failed, count)
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut done));
        is_done.store(true, Ordering::Relaxed);
        let pipelines = pipelines.join().unwrap();
        outcome.map(|()| pipelines).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn four_real_programs_of_one_host_outlive_what_happens_to_dsp() {
    let world = real_or_return!();
    let Some(programs) = installed() else {
        return left_out(
            "DSP_TEST_WORKLOADS names no folder with traefik, dozzle, prometheus and woodpecker",
        );
    };
    let world = with_ask(world);
    world.write("pipeline.yaml", PIPELINE);
    let host = Host::new(&world, programs);
    let mut keeper = Keeper::new(&world, &host.socket(), host.ports[0]);
    keeper.order("start");
    let mut prometheus = host.start_programs();
    host.finds_a_new_container("dsp-four-first");
    host.pipeline().unwrap();
    each_is_held_to_its_own_profile(&host);

    nothing_is_lost_over_restarts(&host, &mut keeper);
    little_is_lost_over_kills(&host, &mut keeper);
    a_client_that_connects_meanwhile_waits(&host, &mut keeper);
    host.pipeline().unwrap();
    assert!(prometheus.0.try_wait().unwrap().is_none());
    for name in ["traefik", "dozzle"] {
        let running = host.docker(&format!("inspect -f '{{{{.State.Running}}}}' dsp-four-{name}"));
        assert_eq!(running, "true\n", "{name}");
    }
}

/// Reloads that fail, restarts, and upgrades.
fn nothing_is_lost_over_restarts(host: &Host<'_>, keeper: &mut Keeper) {
    let load = host.load();
    let (failed, pipelines) = while_pipelines_run(host, || {
        for time in 0..TIMES {
            reload_a_wrong_file(host, keeper);
            keeper.restart("stop");
            let new = host.put_dsp();
            let dsp = keeper.restart("stop");
            let runs = fs::metadata(format!("/proc/{dsp}/exe")).unwrap().ino();
            assert_eq!(runs, new, "it is the new dsp");
            host.finds_a_new_container(&format!("dsp-four-restarted-{time}"));
        }
    });
    assert_eq!(failed, Vec::<String>::new(), "{}", host.world.read("dsp.log"));
    assert!(pipelines >= 2, "{pipelines}");
    for (name, answered, lost) in host.unload(load) {
        assert_eq!(lost, "", "{name}");
        assert!(answered > 20, "{name}: {answered}");
        eprintln!("{name}: {answered} requests answered, none lost over {} restarts", 2 * TIMES);
    }
    eprintln!("{pipelines} pipelines, all of which succeeded");
    assert_eq!(host.prometheus_errors(), "");
}

/// Only what dsp was answering is lost, and nobody finds a socket closed.
fn little_is_lost_over_kills(host: &Host<'_>, keeper: &mut Keeper) {
    let load = host.load();
    let (failed, pipelines) = while_pipelines_run(host, || {
        for time in 0..TIMES {
            keeper.restart("kill");
            host.finds_a_new_container(&format!("dsp-four-killed-{time}"));
        }
    });
    eprintln!("{} of {pipelines} pipelines failed over {TIMES} kills", failed.len());
    assert!(failed.len() <= TIMES, "{}", failed.join("\n"));
    for (name, answered, lost) in host.unload(load) {
        let count = lost.matches("status ").count();
        eprintln!("{name}: {answered} requests answered, {count} lost over {TIMES} kills");
        assert!(count <= TIMES, "{name}: {lost}");
        assert!(!lost.contains("refused") && !lost.contains("No such file"), "{name}: {lost}");
    }
}

/// What one of them may do, the others may not.
fn each_is_held_to_its_own_profile(host: &Host<'_>) {
    let ask = |name: &str, path: &str| {
        let line = format!("docker exec dsp-four-{name} /ask /s/docker.sock GET {path}");
        host.world.shell(&line).out
    };
    assert!(ask("traefik", "/version").contains("ApiVersion"));
    assert!(ask("traefik", "/info").contains("not allowed by profile \\\"traefik\\\""));
    assert!(ask("dozzle", "/info").contains("ServerVersion"));
    assert!(ask("dozzle", "/version").contains("not allowed by profile \\\"dozzle\\\""));
    let ci = host.world.path("ci.sock");
    let run = format!("docker -H unix://{} run --rm -v /:/host busybox true", ci.display());
    let done = host.world.shell(&run);
    assert!(done.err.contains("not allowed by profile \"woodpecker\""), "{}", done.err);
    // Another certificate of the same authority is nobody's.
    let other = host.authority.sign("other", &["other.example"]);
    let curl = format!(
        "curl -s --cacert {} --cert {} --key {} https://localhost:{}/networks",
        host.authority.file().display(),
        other.certificate.display(),
        other.key.display(),
        host.ports[0]
    );
    assert!(host.world.shell(&curl).out.contains("may not use this socket"));
}

/// The old version stays in force, whoever asked for the reload.
fn reload_a_wrong_file(host: &Host<'_>, keeper: &mut Keeper) {
    let right = host.world.read("dsp.yaml");
    host.world.write("dsp.yaml", &right.replace("builtin:dozzle", "builtin:dizzle"));
    keeper.order("hang-up");
    let done = host.world.dsp(&["reload", "control.sock"]);
    assert_eq!(done.status, 1, "{}", done.err);
    host.world.write("dsp.yaml", &right);
    let done = host.world.dsp(&["reload", "control.sock"]);
    assert_eq!(done.status, 0, "{}", done.err);
}

fn a_client_that_connects_meanwhile_waits(host: &Host<'_>, keeper: &mut Keeper) {
    keeper.order("kill");
    let mut client = UnixStream::connect(host.world.path("ci.sock")).unwrap();
    client.write_all(b"GET /info HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n").unwrap();
    keeper.order("start");
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
