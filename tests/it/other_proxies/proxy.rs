//! A real proxy in its own folder and on its own port.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Instant;

use dsp::export::{Format, export};
use dsp::profile::Profile;
use rustix::process::{Pid, Signal, kill_process};

use super::upstream::{REACHED, Upstream};
use crate::support::{PATIENCE, World};

/// A running proxy with an exported file, and its engine.
pub struct Proxy {
    child: Child,
    port: u16,
    // Dropped before the folder of its socket.
    upstream: Upstream,
    world: World,
}

/// Whether the program of a format is installed; panics if it is required and missing.
pub fn available(format: Format) -> bool {
    is_installed(format.as_str())
}

/// Whether a program is here; a failure where it is required and is not.
pub fn is_installed(program: &str) -> bool {
    let folders = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
    let found =
        folders.split(':').any(|folder| std::path::Path::new(folder).join(program).is_file());
    let required = std::env::var("DSP_TEST_ENGINE").is_ok_and(|value| value == "required");
    assert!(found || !required, "{program} is not installed; run scripts/test");
    found
}

impl Proxy {
    /// Starts the program with the exported profile and waits until it serves.
    pub fn start(format: Format, profile: &Profile) -> Self {
        Self::serve(format.as_str(), |world, socket, port| {
            command(format, profile, world, socket, port)
        })
    }

    /// Starts a program, which `command` prepares in a folder for the socket of an engine and a port, and
    /// waits until it serves.
    pub fn serve(program: &str, command: impl FnOnce(&World, &Path, u16) -> Command) -> Self {
        let world = World::without_engine();
        let socket = world.path("u.sock");
        let upstream = Upstream::start(&socket);
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = command(&world, &socket, port);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin"));
        let said = std::fs::File::create(world.path("said")).unwrap();
        command.stdout(said.try_clone().unwrap()).stderr(said);
        let mut child = command.spawn().unwrap();
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = child.try_wait().unwrap();
            assert!(
                ended.is_none() && start.elapsed() < PATIENCE,
                "{program} does not serve: {}",
                world.read("said")
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Self { world, child, port, upstream }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends one request and returns the answer.
    pub fn ask(&self, method: &str, target: &str, headers: &str) -> String {
        let mut stream = self.connect();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Whether a request reaches the engine, whatever the answer is otherwise.
    pub fn reaches(&self, method: &str, target: &str) -> bool {
        let before = self.upstream.arrived();
        self.ask(method, target, "");
        self.upstream.arrived() > before
    }

    /// Whether a request reaches the engine. Otherwise, the answer must not be a success.
    pub fn forwards(&self, method: &str, target: &str, headers: &str) -> bool {
        let answer = self.ask(method, target, headers);
        let reached = answer.to_ascii_lowercase().contains(REACHED);
        let refused =
            ["HTTP/1.1 400", "HTTP/1.1 403", "HTTP/1.0 400", "HTTP/1.1 405", "HTTP/1.1 505"];
        assert!(
            reached || refused.iter().any(|status| answer.starts_with(status)),
            "{method} {target}: {answer:?}\n{}",
            self.world.read("said")
        );
        reached
    }
}

/// The command of a program with an exported profile.
fn command(format: Format, profile: &Profile, world: &World, socket: &Path, port: u16) -> Command {
    let text = export(profile, format)
        .unwrap()
        .replace("127.0.0.1:2375", &format!("127.0.0.1:{port}"))
        .replace("http://:2375", &format!("http://:{port}"))
        .replace("/var/run/docker.sock", socket.to_str().unwrap());
    world.write("exported", &text);
    match format {
        Format::Haproxy => world.command("haproxy", &["-db", "-f", "exported"]),
        Format::Nginx => {
            world.write(
                "nginx.conf",
                &around(
                    world.folder.path().to_str().unwrap(),
                    &format!(
                        "access_log off;\n    include {}/exported;\n",
                        world.folder.path().display()
                    ),
                ),
            );
            let folder = world.folder.path().to_str().unwrap().to_owned() + "/";
            world.command("nginx", &["-p", &folder, "-c", "nginx.conf"])
        }
        Format::Caddy => {
            world.command("caddy", &["run", "--config", "exported", "--adapter", "caddyfile"])
        }
        other => panic!("no program for {other}"),
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The workers of nginx end with their master only if it is asked to end.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// The nginx configuration around its server: nginx writes everything into its own folder.
pub fn around(folder: &str, server: &str) -> String {
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String =
        kinds.iter().map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n")).collect();
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    format!(
        "{user}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log stderr;\n\
         events {{}}\nhttp {{\n{temporary}    {server}}}\n"
    )
}
