//! When HAProxy, nginx and Caddy write a request down, which decides on what `--from` can find of one
//! that is still open.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command};

use dsp::recording::{Format, Holds, Line};
use rustix::process::{Pid, Signal, kill_process};

use super::proxy::{around, is_installed};
use super::until;
use crate::support::{PATIENCE, World, wait_for};

/// The request that is held open, and one that is answered at once.
const HELD: &str = "/v1.41/events";
const QUICK: &str = "/v1.41/info";

/// A proxy that only passes on, and writes its log into `log`.
struct Logging {
    child: Child,
    port: u16,
    format: Format,
    listener: UnixListener,
    world: World,
}

impl Logging {
    fn start(format: Format) -> Self {
        let world = World::without_engine();
        let socket = world.path("u.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let socket = socket.to_str().unwrap();
        let (file, text) = configuration(format, port, socket, &world);
        world.write(file, &text);
        let mut command = command(format, file, &world);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin"));
        // nginx opens the file itself, to append to it.
        let log = File::options().create(true).append(true).open(world.path("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let proxy = Self { child, port, format, listener, world };
        wait_for("the proxy", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        proxy
    }

    /// Sends a request; returns both ends of it, once its head has come to the engine.
    fn ask(&self, target: &str) -> (TcpStream, UnixStream) {
        let mut client = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(client, "GET {target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
            .unwrap();
        loop {
            let mut accepted = None;
            wait_for("a connection to the engine", || {
                accepted = self.listener.accept().ok();
                accepted.is_some()
            });
            let (mut engine, _) = accepted.unwrap();
            engine.set_nonblocking(false).unwrap();
            engine.set_read_timeout(Some(PATIENCE)).unwrap();
            // A connection that was only tried has no head.
            if until(&mut engine, "\r\n\r\n").contains(target) {
                return (client, engine);
            }
        }
    }

    /// Whether the log has the request that is held open. Another one that was answered meanwhile is
    /// waited for, so that what is not in the log by then was not written.
    fn has_held(&self) -> bool {
        let before = self.logged(QUICK);
        let (mut client, mut engine) = self.ask(QUICK);
        engine
            .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
            .unwrap();
        drop(engine);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        wait_for("the line of a request that has ended", || self.logged(QUICK) > before);
        self.logged(HELD) > 0
    }

    /// How many requests for a path `--from` finds in the log.
    fn logged(&self, path: &str) -> usize {
        let log = self.world.read("log");
        // The last line may not be whole yet.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().flat_map(|line| self.format.lines(line));
        let is_of = |line: &Line| matches!(line, Line::Request(entry) if entry.target == path);
        lines.flatten().filter(is_of).count()
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// The name of a configuration and its text.
fn configuration(format: Format, port: u16, socket: &str, world: &World) -> (&'static str, String) {
    match format {
        Format::Haproxy => (
            "haproxy.cfg",
            format!(
                "global\n    log stdout format raw daemon\ndefaults\n    mode http\n    log global\n    \
                 option httplog\n    timeout connect 1m\n    timeout client 1m\n    timeout server 1m\n\
                 frontend f\n    bind 127.0.0.1:{port}\n    default_backend b\n\
                 backend b\n    server s unix@{socket}\n"
            ),
        ),
        Format::Nginx => {
            let (folder, log) = (world.folder.path().to_str().unwrap(), world.path("log"));
            let server = format!(
                "access_log {} combined;\n    server {{\n        listen 127.0.0.1:{port};\n        location / {{\n            \
                 proxy_pass http://unix:{socket}:;\n            proxy_http_version 1.1;\n            \
                 proxy_buffering off;\n        }}\n    }}\n",
                log.display()
            );
            ("nginx.conf", around(folder, &server))
        }
        _ => (
            "Caddyfile",
            format!(
                "{{\n    debug\n    admin off\n}}\nhttp://:{port} {{\n    \
                 reverse_proxy unix/{socket}\n}}\n"
            ),
        ),
    }
}

fn command(format: Format, file: &str, world: &World) -> Command {
    match format {
        Format::Haproxy => world.command("haproxy", &["-db", "-f", file]),
        Format::Nginx => {
            let folder = world.folder.path().to_str().unwrap().to_owned() + "/";
            world.command("nginx", &["-p", &folder, "-c", file])
        }
        _ => world.command("caddy", &["run", "--config", file, "--adapter", "caddyfile"]),
    }
}

#[test]
fn a_request_is_in_a_log_as_soon_as_the_format_says() {
    for format in [Format::Caddy, Format::Haproxy, Format::Nginx] {
        if !is_installed(format.as_str()) {
            continue;
        }
        let proxy = Logging::start(format);
        let (mut client, mut engine) = proxy.ask(HELD);
        let has_begun = proxy.has_held();
        engine
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n")
            .unwrap();
        until(&mut client, "{\"a\":1}");
        let is_answered = proxy.has_held();
        engine.write_all(b"0\r\n\r\n").unwrap();
        drop(engine);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).unwrap();
        let has_ended = proxy.has_held();
        let expected = match format.holds() {
            Holds::Begun => [true, true, true],
            Holds::Answered => [false, true, true],
            Holds::Ended => [false, false, true],
        };
        let log = proxy.world.read("log");
        assert_eq!([has_begun, is_answered, has_ended], expected, "{}: {log}", format.as_str());
    }
}
