//! `dsp serve`: several programs in one process.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::monitoring::free_port;
use crate::support::{PATIENCE, World, exchange, left_out, read_until, wait_for};
use crate::tls::ends::{Authority, Pair};

const LISTS: &str = "version: 1\nname: lists\nallow:\n  - GET /containers/json\n";
const WATCHES: &str =
    "version: 1\nname: watches\nallow:\n  - GET /_ping\n  - GET /containers/*/stats\n";

/// A dsp that serves the programs of `dsp.yaml`; ended when dropped.
struct Serving<'a> {
    world: &'a World,
    child: Child,
}

impl<'a> Serving<'a> {
    /// Starts it, and waits until these sockets are served.
    fn start(world: &'a World, file: &str, sockets: &[&str]) -> Self {
        world.write("dsp.yaml", file);
        let mut command = world.dsp_command(&["serve", "dsp.yaml"]);
        let said = fs::File::create(world.path("said")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(said).spawn().unwrap();
        let mut serving = Self { world, child };
        for socket in sockets {
            wait_for("a socket", || {
                let ended = serving.child.try_wait().unwrap();
                assert!(ended.is_none(), "{ended:?}: {}", serving.said());
                UnixStream::connect(world.path(socket)).is_ok()
            });
        }
        serving
    }

    fn said(&self) -> String {
        let folder = self.world.folder.path().to_str().unwrap();
        self.world.read("said").replace(folder, "[DIR]")
    }

    fn connect(&self, socket: &str) -> UnixStream {
        let stream = UnixStream::connect(self.world.path(socket)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The status of a GET for this path.
    fn status(&self, socket: &str, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
        exchange(&mut self.connect(socket), request.as_bytes())[9..12].to_owned()
    }

    /// An open stream of statistics.
    fn streaming(&self, socket: &str) -> UnixStream {
        let mut stream = self.connect(socket);
        stream.write_all(b"GET /containers/web/stats HTTP/1.1\r\nHost: d\r\n\r\n").unwrap();
        read_until(&mut stream, "\r\n\r\n");
        stream
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends it, and returns its exit status and what it said.
    fn stop(mut self) -> (Option<i32>, String) {
        self.signal(Signal::TERM);
        let status = self.child.wait().unwrap().code();
        (status, self.said())
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file with these programs: the name, which is also that of the profile's file, and more lines.
fn file(world: &World, programs: &[(&str, &str)]) -> String {
    let folder = world.folder.path().display();
    let program = |(name, more): &(&str, &str)| {
        format!(
            "  {name}:\n    profile: {name}.yaml\n    listen: unix://{folder}/{name}.sock\n{more}"
        )
    };
    let programs: String = programs.iter().map(program).collect();
    format!("version: 1\ncontrol: unix://{folder}/control.sock\nprograms:\n{programs}")
}

fn two_programs(world: &World) -> String {
    world.write("lists.yaml", LISTS);
    world.write("watches.yaml", WATCHES);
    file(world, &[("lists", ""), ("watches", "")])
}

#[test]
fn each_program_is_held_to_its_own_profile() {
    let world = World::sample();
    let serving = Serving::start(&world, &two_programs(&world), &["lists.sock", "watches.sock"]);
    assert_eq!(serving.status("lists.sock", "/containers/json"), "200");
    assert_eq!(serving.status("watches.sock", "/containers/json"), "403");
    assert_eq!(serving.status("lists.sock", "/_ping"), "403");
    assert_eq!(serving.status("watches.sock", "/_ping"), "200");
    let (status, said) = serving.stop();
    assert_eq!(status, Some(0));
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("dsp:")).collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert!(!world.path("lists.sock").exists() && !world.path("control.sock").exists());
}

#[test]
fn a_reload_adds_changes_and_removes_programs() {
    let world = World::sample();
    let serving = Serving::start(&world, &two_programs(&world), &["lists.sock", "watches.sock"]);
    let mut stream = serving.streaming("watches.sock");
    world.write("lists.yaml", &LISTS.replace("/containers/json", "/_ping"));
    world.write("other.yaml", &WATCHES.replace("name: watches", "name: other"));
    world.write("dsp.yaml", &file(&world, &[("lists", ""), ("other", "")]));
    let mut idle = serving.connect("watches.sock");
    let done = world.dsp(&["reload", "control.sock"]);
    assert_eq!(done.status, 0, "{}", done.err);
    insta::assert_snapshot!(done.err);
    assert_eq!(serving.status("lists.sock", "/_ping"), "200");
    assert_eq!(serving.status("lists.sock", "/containers/json"), "403");
    assert_eq!(serving.status("other.sock", "/_ping"), "200");
    // The program that is gone has no socket, no stream, and no rights on a connection that it kept.
    wait_for("the end of the socket", || !world.path("watches.sock").exists());
    let _ = stream.read_to_end(&mut Vec::new());
    let ping = b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
    assert!(exchange(&mut idle, ping).starts_with("HTTP/1.1 403"));
}

#[test]
fn a_reload_takes_effect_as_a_whole_or_not_at_all() {
    let world = World::sample();
    let whole = two_programs(&world);
    let serving = Serving::start(&world, &whole, &["lists.sock", "watches.sock"]);
    let mut stream = serving.streaming("watches.sock");
    let folder = world.folder.path().display().to_string();
    let changed = LISTS.replace("/containers/json", "/_ping");
    let wrong: &[(&str, &str, &str)] = &[
        ("dsp.yaml", &whole.replace("listen", "lisen"), "there is no key"),
        ("dsp.yaml", &whole.replace("watches.yaml", "none.yaml"), "cannot read the profile"),
        (
            "watches.yaml",
            "version: 1\nname: watches\nallow:\n  - GET /nothing\n",
            "watches.yaml:4:5",
        ),
        (
            "dsp.yaml",
            &whole.replace(&format!("{folder}/watches.sock"), &format!("{folder}/none/x.sock")),
            "cannot listen",
        ),
        ("dsp.yaml", &whole.replace("control.sock", "other.sock"), "control changed"),
        (
            "dsp.yaml",
            &whole.replace("    profile: lists", "    own: me\n    profile: lists"),
            "own of program",
        ),
    ];
    for (name, text, error) in wrong {
        // This alone would be taken.
        world.write("lists.yaml", &changed);
        world.write("dsp.yaml", &whole);
        world.write("watches.yaml", WATCHES);
        world.write(name, text);
        let done = world.dsp(&["reload", "control.sock"]);
        assert_eq!(done.status, 1, "{error}: {}", done.err);
        assert!(done.err.contains(error) && done.err.contains("stays in force"), "{}", done.err);
        assert_eq!(serving.status("lists.sock", "/containers/json"), "200", "{error}");
        assert_eq!(serving.status("watches.sock", "/_ping"), "200", "{error}");
    }
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 1, "the stream continues");
    // A hang-up says the same, and goes on.
    serving.signal(Signal::HUP);
    wait_for("the answer to the signal", || {
        serving.said().matches("nothing was reloaded").count() == wrong.len() + 1
    });
    world.write("dsp.yaml", &whole);
    serving.signal(Signal::HUP);
    wait_for("the new profile", || serving.status("lists.sock", "/containers/json") == "403");
}

#[test]
fn a_reload_changes_who_may_use_a_socket() {
    let world = World::sample();
    let text = two_programs(&world);
    let with = |mode: &str, more: &str| {
        let folder = world.folder.path().display().to_string();
        ["lists", "watches"].iter().fold(text.clone(), |text, name| {
            let address = format!("listen: unix://{folder}/{name}.sock");
            let listen = format!(
                "listen: {{ address: unix://{folder}/{name}.sock, mode: \"{mode}\"{more} }}"
            );
            text.replace(&address, &listen)
        })
    };
    let mode = |name: &str| {
        let file = fs::metadata(world.path(&format!("{name}.sock"))).unwrap();
        (file.permissions().mode() & 0o777, std::os::unix::fs::MetadataExt::gid(&file))
    };
    let own = rustix::process::getegid().as_raw();
    let serving = Serving::start(&world, &text, &["lists.sock", "watches.sock"]);
    let mut stream = serving.streaming("watches.sock");
    world.write("dsp.yaml", &with("666", ""));
    let done = world.dsp(&["reload", "control.sock"]);
    assert_eq!(done.status, 0, "{}", done.err);
    assert_eq!([mode("lists"), mode("watches")], [(0o666, own); 2]);
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 1, "the stream continues");
    if rustix::process::geteuid().is_root() {
        world.write("dsp.yaml", &with("640", ", group: 4711"));
        let done = world.dsp(&["reload", "control.sock"]);
        assert_eq!(done.status, 0, "{}", done.err);
        assert_eq!([mode("lists"), mode("watches")], [(0o640, 4711); 2]);
        // Which group it would have without the key is not known any more.
        world.write("dsp.yaml", &with("666", ""));
        let done = world.dsp(&["reload", "control.sock"]);
        assert_eq!(done.status, 1);
        assert!(done.err.contains("group of unix://") && done.err.contains("restarted"));
        assert_eq!([mode("lists"), mode("watches")], [(0o640, 4711); 2]);
    }
    // If one of them cannot be changed, none is.
    let (group, before) = (mode("lists").1, mode("lists"));
    fs::remove_file(world.path("watches.sock")).unwrap();
    world.write("dsp.yaml", &with("600", &format!(", group: {group}")));
    let done = world.dsp(&["reload", "control.sock"]);
    assert_eq!(done.status, 1);
    assert!(done.err.contains("cannot change who may use unix://"), "{}", done.err);
    assert_eq!(mode("lists"), before);
}

#[test]
fn requests_get_502_until_the_engine_is_there() {
    let mut world = World::without_engine();
    let text = two_programs(&world);
    world.write("dsp.yaml", &text);
    let mut command = world.dsp_command(&["serve", "dsp.yaml"]);
    let said = fs::File::create(world.path("said")).unwrap();
    let mut child = command.stderr(said).spawn().unwrap();
    let path = world.path("lists.sock");
    let answer = || -> Option<String> {
        let mut stream = UnixStream::connect(&path).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let request = b"GET /containers/json HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";
        Some(exchange(&mut stream, request)[9..12].to_owned())
    };
    wait_for("the socket", || answer().is_some());
    assert_eq!(answer().unwrap(), "502");
    world.start_engine();
    wait_for("the engine", || answer().unwrap() == "200");
    world.stop_engine();
    wait_for("the loss of the engine", || answer().unwrap() == "502");
    world.start_engine();
    wait_for("the engine again", || answer().unwrap() == "200");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    let said = world.read("said");
    for line in [
        "requests are answered with 502 until the engine",
        "dsp: the engine answers now: ",
        "the engine does not answer",
        "the engine answers again",
    ] {
        assert_eq!(said.matches(line).count(), 1, "{line}: {said}");
    }
}

#[test]
fn metrics_and_health_have_a_listener_of_their_own() {
    let mut world = World::sample();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = two_programs(&world)
        .replace("programs:", &format!("metrics: tcp://127.0.0.1:{port}\nprograms:"));
    let ask = |path: &str| {
        // The sockets of programs are open a little earlier.
        wait_for("the listener", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    {
        let serving = Serving::start(&world, &text, &["lists.sock", "watches.sock"]);
        assert_eq!(serving.status("lists.sock", "/containers/json"), "200");
        assert_eq!(serving.status("lists.sock", "/containers/json"), "200");
        assert_eq!(serving.status("lists.sock", "/_ping"), "403");
        assert_eq!(serving.status("lists.sock", "/nothing"), "403");
        let _stream = serving.streaming("watches.sock");
        assert_eq!(world.dsp(&["reload", "control.sock"]).status, 0);
        wait_for("the end of the requests", || {
            ask("/metrics").contains("dsp_open_requests{program=\"lists\"} 0")
        });
        let answer = ask("/metrics");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
        // Durations and the digests depend on the run and the file.
        let samples = body.lines().filter(|line| {
            !line.contains("duration_seconds_")
                && !line.contains("dsp_start_time_seconds ")
                && !line.contains("dsp_connections ")
        });
        insta::assert_snapshot!(samples.collect::<Vec<_>>().join("\n"));
        let count = "dsp_request_duration_seconds_count{program=\"lists\"} 4";
        assert!(body.lines().any(|line| line == count), "{body}");
        assert!(
            ask("/healthz").starts_with("HTTP/1.1 200")
                && ask("/readyz").starts_with("HTTP/1.1 200")
        );
        assert!(ask("/").starts_with("HTTP/1.1 404"));
    }
    world.stop_engine();
    let _serving = Serving::start(&world, &text, &["lists.sock"]);
    assert!(ask("/healthz").starts_with("HTTP/1.1 200"));
    assert!(ask("/readyz").starts_with("HTTP/1.1 503"));
    assert!(ask("/metrics").contains("dsp_engine_up 0"));
}

/// The status that a process of another user gets.
fn status_as(world: &World, user: u32, path: &str) -> String {
    let socket = world.path("shared.sock");
    let mut curl = Command::new("curl");
    curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket"]).arg(socket);
    curl.arg(format!("http://d{path}")).uid(user).gid(user).current_dir("/");
    String::from_utf8(curl.output().unwrap().stdout).unwrap()
}

#[test]
fn programs_that_share_a_socket_are_told_apart() {
    if !rustix::process::geteuid().is_root() {
        return left_out("only root can run programs of other users");
    }
    let world = World::sample();
    fs::set_permissions(world.folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    world.write("lists.yaml", LISTS);
    world.write("watches.yaml", WATCHES);
    let folder = world.folder.path().display();
    let text = format!(
        "version: 1\nprograms:\n  lists:\n    profile: lists.yaml\n    clients: [{{ user: 4711 }}]\n    \
         listen: {{ address: unix://{folder}/shared.sock, mode: 666 }}\n  watches:\n    \
         profile: watches.yaml\n    clients: [{{ user: 4712 }}, {{ group: 4713 }}]\n    \
         listen: unix://{folder}/shared.sock\n"
    );
    let serving = Serving::start(&world, &text, &["shared.sock"]);
    assert_eq!(status_as(&world, 4711, "/containers/json"), "200");
    assert_eq!(status_as(&world, 4711, "/_ping"), "403");
    assert_eq!(status_as(&world, 4712, "/_ping"), "200");
    assert_eq!(status_as(&world, 4713, "/_ping"), "200");
    assert_eq!(status_as(&world, 4712, "/containers/json"), "403");
    // Nobody falls through to a program, root least of all.
    assert_eq!(status_as(&world, 4714, "/_ping"), "403");
    assert_eq!(status_as(&world, 0, "/_ping"), "403");
    let (_, said) = serving.stop();
    assert!(said.contains("strangers in all") && said.contains("times=3"), "{said}");
}

#[test]
fn programs_over_tcp_are_told_apart_by_their_certificates() {
    let world = World::sample();
    let authority = Authority::new(&world.path("ca"));
    authority.sign("own", &["localhost"]);
    let pairs = ["lists", "watches", "other"]
        .map(|name| authority.sign(name, &[&format!("{name}.example")]));
    world.write("lists.yaml", LISTS);
    world.write("watches.yaml", WATCHES);
    let (port, folder) = (free_port(), world.folder.path().display());
    let more = "tls_cert: ca/own-cert.pem, tls_key: ca/own-key.pem, tls_client_ca: ca/ca.pem";
    let text = format!(
        "version: 1\nprograms:\n  lists:\n    profile: lists.yaml\n    \
         clients: [{{ certificate: lists.example }}]\n    \
         listen: {{ address: tcp://127.0.0.1:{port}, {more} }}\n  watches:\n    \
         profile: watches.yaml\n    clients: [{{ certificate: watches.example }}]\n    \
         listen: tcp://127.0.0.1:{port}\n  local:\n    profile: lists.yaml\n    \
         listen: unix://{folder}/local.sock\n"
    );
    let _serving = Serving::start(&world, &text, &["local.sock"]);
    let status = |pair: Option<&Pair>, path: &str| {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert"])
            .arg(authority.file());
        if let Some(pair) = pair {
            curl.arg("--cert").arg(&pair.certificate).arg("--key").arg(&pair.key);
        }
        curl.arg("--connect-to").arg(format!("localhost::127.0.0.1:{port}"));
        curl.arg(format!("https://localhost{path}"));
        String::from_utf8(curl.output().unwrap().stdout).unwrap()
    };
    let [lists, watches, other] = &pairs;
    assert_eq!(status(Some(lists), "/containers/json"), "200");
    assert_eq!(status(Some(lists), "/_ping"), "403");
    assert_eq!(status(Some(watches), "/_ping"), "200");
    assert_eq!(status(Some(watches), "/containers/json"), "403");
    assert_eq!(status(Some(other), "/_ping"), "403", "it is nobody's");
    assert_eq!(status(None, "/_ping"), "000", "it has no certificate");
}

#[test]
fn a_file_is_checked_without_serving() {
    let world = World::without_engine();
    let text = two_programs(&world);
    world.write("dsp.yaml", &text);
    let done = world.dsp(&["serve", "dsp.yaml", "--check"]);
    assert_eq!(done.status, 0);
    insta::assert_snapshot!(format!("{}{}", done.out, done.err));
    world.write("dsp.yaml", &text.replace("programs:", "require_reviewed: true\nprograms:"));
    let done = world.dsp(&["serve", "dsp.yaml", "--check"]);
    assert_eq!(done.status, 3, "{}", done.err);
    world.write("dsp.yaml", &text.replace("profile: lists", "profil: lists"));
    let done = world.dsp(&["serve", "dsp.yaml", "--check"]);
    assert_eq!(done.status, 1);
    insta::assert_snapshot!(done.err);
    assert!(!world.path("lists.sock").exists());
}

#[test]
fn sockets_that_systemd_opened_stay_while_dsp_is_restarted() {
    let world = World::sample();
    world.write("lists.yaml", &format!("{LISTS}  - GET /events\n"));
    let folder = world.folder.path().display();
    let text = format!(
        "version: 1\nprograms:\n  lists:\n    profile: lists.yaml\n    \
         listen: [unix://{folder}/lists.sock, tcp://127.0.0.1:PORT]\n"
    );
    world.write("dsp.yaml", &text);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/serve_activated.py");
    let dsp = crate::support::dsp_binary().to_str().unwrap();
    let done = world.finish(world.command("python3", &[script, dsp, folder.to_string().as_str()]));
    assert_eq!((done.status, done.out.as_str()), (0, "done\n"), "{}", done.err);
}

#[test]
fn the_log_is_json_where_that_is_asked_for() {
    let world = World::sample();
    let file = two_programs(&world);
    world.write("dsp.yaml", &file);
    let mut command = world.dsp_command(&["serve", "dsp.yaml", "--log-format", "json"]);
    let said = fs::File::create(world.path("said")).unwrap();
    let child = command.stdout(Stdio::null()).stderr(said).spawn().unwrap();
    let serving = Serving { world: &world, child };
    wait_for("the socket", || UnixStream::connect(world.path("lists.sock")).is_ok());
    assert_eq!(serving.status("lists.sock", "/_ping"), "403");
    let (_, said) = serving.stop();
    let line = said.lines().find(|line| line.starts_with('{')).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["level"], &line["status"]), (&"WARN".into(), &403.into()), "{line}");
    assert!(line["message"].as_str().unwrap().contains("is not"), "{line}");
}
