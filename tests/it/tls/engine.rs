use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::Command;

use tokio::runtime::Runtime;

use super::ends::{Authority, put_tls_before, put_tls_of};
use crate::support::{Done, World, exchange, read_until};

/// A sample engine with TLS before it, and a client's files.
pub struct TlsWorld {
    pub world: World,
    pub authority: Authority,
    pub runtime: Runtime,
}

impl TlsWorld {
    pub fn new() -> Self {
        let world = World::sample();
        let authority = Authority::new(&world.path("certs"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self { world, authority, runtime }
    }

    /// An engine for these names, which wants certificates of its clients. Sets `DOCKER_HOST`.
    fn engine(&mut self, names: &[&str], versions: &[&'static rustls::SupportedProtocolVersion]) {
        let own = self.authority.sign("engine", names);
        let (socket, clients) = (self.world.path("e.sock"), Some(self.authority.store()));
        let port = put_tls_of(&self.runtime, &socket, &own, clients, versions);
        self.world.host = format!("tcp://127.0.0.1:{port}");
    }

    /// A command with TLS, and the client's files in this folder.
    pub fn command(&self, folder: &str, args: &[&str]) -> Command {
        let mut command = self.world.dsp_command(args);
        command.env("DOCKER_TLS_VERIFY", "1").env("DOCKER_CERT_PATH", self.world.path(folder));
        command
    }

    pub fn dsp(&self, folder: &str, args: &[&str]) -> Done {
        self.world.finish(self.command(folder, args))
    }
}

/// A message without the port.
fn said(done: &Done, world: &World) -> String {
    done.err.replace(world.host.rsplit(':').next().unwrap(), "PORT")
}

#[test]
fn both_versions_reach_the_engine() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut tls = TlsWorld::new();
        tls.engine(&["127.0.0.1"], &[version]);
        let client = tls.authority.sign("client", &["ci.example"]);
        tls.authority.docker_folder("c", Some(&client));
        let done = tls.dsp("certs/c", &["health"]);
        assert_eq!((done.status, done.err.as_str()), (0, ""), "{version:?}");
        // The usual place, and the settings of a command.
        std::fs::rename(tls.world.path("certs/c"), tls.world.path(".docker")).unwrap();
        let mut command = tls.world.dsp_command(&[
            "record",
            "-q",
            "--",
            "sh",
            "-c",
            "test -z \"$DOCKER_TLS_VERIFY$DOCKER_CERT_PATH\" && \
             curl -sS --unix-socket ${DOCKER_HOST#unix://} http://d/containers/json",
        ]);
        command.env("DOCKER_TLS_VERIFY", "1");
        let done = tls.world.finish(command);
        assert_eq!(done.status, 0, "{}", done.err);
        assert!(done.out.starts_with('['), "{}", done.out);
    }
}

#[test]
fn each_fault_is_named_with_what_to_do() {
    let mut tls = TlsWorld::new();
    tls.engine(&["127.0.0.1"], rustls::ALL_VERSIONS);
    let client = tls.authority.sign("client", &["ci.example"]);
    tls.authority.docker_folder("c", Some(&client));
    tls.authority.docker_folder("none", None);
    let other = Authority::new(&tls.world.path("other"));
    other.docker_folder("c", Some(&other.sign("client", &["ci.example"])));
    std::fs::copy(tls.world.path("other/ca.pem"), tls.world.path("certs/mixed.pem")).unwrap();
    // Its certificate is another CA's.
    let foreign = tls.authority.docker_folder("foreign", Some(&other.sign("x", &["x"])));
    std::fs::write(tls.world.path("certs/none/key.pem"), "").unwrap();
    let odd = tls.authority.docker_folder("odd", Some(&client));
    std::fs::copy(foreign.join("key.pem"), odd.join("key.pem")).unwrap();
    let mut all = String::new();
    for (what, folder) in [
        ("without files", "nowhere"),
        ("another CA", "other/c"),
        ("a certificate of another CA", "certs/foreign"),
        ("a key without a certificate", "certs/none"),
        ("a key of another certificate", "certs/odd"),
    ] {
        let done = tls.dsp(folder, &["verify", "builtin:monitor"]);
        assert_ne!(done.status, 0, "{what}");
        all.push_str(&format!("# {what}\n{}\n", said(&done, &tls.world)));
    }
    std::fs::remove_file(tls.world.path("certs/none/key.pem")).unwrap();
    let done = tls.dsp("certs/none", &["verify", "builtin:monitor"]);
    all.push_str(&format!("# no certificate\n{}\n", said(&done, &tls.world)));

    let port = |own, tls: &TlsWorld| {
        put_tls_before(&tls.runtime, &tls.world.path("e.sock"), own, Some(&tls.authority))
    };
    let own = tls.authority.sign("named", &["engine.example", "10.0.0.1"]);
    let expired = tls.authority.sign_with("expired", &["127.0.0.1"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let unnamed = tls.authority.sign_with("unnamed", &[], |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "127.0.0.1");
    });
    for (what, own) in [("other names", &own), ("a name in CN", &unnamed), ("expired", &expired)] {
        tls.world.host = format!("tcp://127.0.0.1:{}", port(own, &tls));
        let done = tls.dsp("certs/c", &["verify", "builtin:monitor"]);
        all.push_str(&format!("# {what}\n{}\n", said(&done, &tls.world)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn plain_text_and_tls_are_told_apart() {
    let mut tls = TlsWorld::new();
    tls.authority.docker_folder("c", None);
    let answer =
        "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    tls.world.host = format!("tcp://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let plain = tls.world.dsp(&["verify", "builtin:monitor"]);
    let secured = tls.dsp("certs/c", &["verify", "builtin:monitor"]);
    server.join().unwrap();
    insta::assert_snapshot!(said(&plain, &tls.world) + "\n" + &said(&secured, &tls.world));
}

#[test]
fn a_context_has_its_own_files() {
    let mut tls = TlsWorld::new();
    tls.engine(&["127.0.0.1"], rustls::ALL_VERSIONS);
    let client = tls.authority.sign("client", &["ci.example"]);
    let own = tls.authority.docker_folder("c", Some(&client));
    let meta = |skips: bool, host: &str| {
        format!(
            "{{\"Name\":\"far\",\"Endpoints\":{{\"docker\":{{\"Host\":\"{host}\",\"SkipTLSVerify\":{skips}}}}}}}"
        )
    };
    let folder = tls.world.path(".docker/contexts");
    std::fs::create_dir_all(folder.join("meta/ab")).unwrap();
    std::fs::create_dir_all(folder.join("tls/ab")).unwrap();
    std::fs::rename(own, folder.join("tls/ab/docker")).unwrap();
    let health = |skips: bool, host: &str| {
        std::fs::write(folder.join("meta/ab/meta.json"), meta(skips, host)).unwrap();
        let mut command = tls.world.dsp_command(&["health"]);
        command.env_remove("DOCKER_HOST").env("DOCKER_CONTEXT", "far");
        // The environment is for addresses without a context.
        command.env("DOCKER_TLS_VERIFY", "1").env("DOCKER_CERT_PATH", "/nowhere");
        tls.world.finish(command)
    };
    let done = health(false, &tls.world.host);
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    // The certificate is for 127.0.0.1 only.
    let named = tls.world.host.replace("127.0.0.1", "localhost");
    let done = health(false, &named);
    assert!(done.err.contains("its certificate is not for this name"), "{}", done.err);
    assert_eq!(health(true, &named).status, 0);
}

/// Requests to `web/exec` and `exec/*/start` of the sample engine.
fn started(server: &crate::support::Server, command: &str) -> std::os::unix::net::UnixStream {
    let request = |path: &str, headers: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nHost: d\r\n{headers}Content-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
    };
    let body = format!("{{\"AttachStdin\":true,\"AttachStdout\":true,\"Cmd\":{command}}}");
    let create = request("/v1.41/containers/web/exec", "Connection: close\r\n", &body);
    let answer = exchange(&mut server.connect(), create.as_bytes());
    let id = answer.split("\"Id\":\"").nth(1).unwrap_or_else(|| panic!("{answer}"));
    let path = format!("/v1.41/exec/{}/start", id.split('"').next().unwrap());
    let upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    let mut stream = server.connect();
    stream
        .write_all(request(&path, upgrade, "{\"Detach\":false,\"Tty\":true}").as_bytes())
        .unwrap();
    read_until(&mut stream, "\r\n\r\n");
    stream
}

/// The contents of multiplexed frames.
fn unframed(mut bytes: &[u8]) -> Vec<u8> {
    let mut contents = Vec::new();
    while let [_, _, _, _, a, b, c, d, rest @ ..] = bytes {
        let (frame, rest) = rest.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        contents.extend_from_slice(frame);
        bytes = rest;
    }
    contents
}

#[test]
fn a_hijack_over_tls_ends_one_direction_at_a_time() {
    const INPUT: usize = 5 << 20;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut tls = TlsWorld::new();
        tls.engine(&["127.0.0.1"], &[version]);
        let client = tls.authority.sign("client", &["ci.example"]);
        tls.authority.docker_folder("c", Some(&client));
        let server = tls.world.serve_command(tls.command("certs/c", &["record", "-q"]));
        let mut stream = started(&server, "[\"wc\",\"-c\"]");
        stream.write_all(&vec![b'x'; INPUT]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut output = String::new();
        stream.read_to_string(&mut output).unwrap();
        assert!(output.contains(&INPUT.to_string()), "{output}");
    }
}

#[test]
fn what_cannot_be_sent_at_once_is_sent_later() {
    const INPUT: usize = 20 << 20;
    let mut tls = TlsWorld::new();
    tls.engine(&["127.0.0.1"], rustls::ALL_VERSIONS);
    let client = tls.authority.sign("client", &["ci.example"]);
    tls.authority.docker_folder("c", Some(&client));
    let server = tls.world.serve_command(tls.command("certs/c", &["record", "-q"]));
    // Both directions are full until the client reads.
    let mut stream = started(&server, "[\"cat\"]");
    let mut input = stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        let piece: Vec<u8> = (0..=255).cycle().take(64 << 10).collect();
        for _ in 0..INPUT / piece.len() {
            input.write_all(&piece).unwrap();
        }
        input.shutdown(Shutdown::Write).unwrap();
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut output = Vec::new();
    stream.read_to_end(&mut output).unwrap();
    writer.join().unwrap();
    let output = unframed(&output);
    assert_eq!(output.len(), INPUT);
    assert!(output.chunks(256).all(|part| part.iter().copied().eq(0..=255)));
}
