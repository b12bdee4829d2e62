use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::ends::{Authority, Pair};
use crate::support::{Done, PATIENCE, Server, World, wait_for};

const PROFILE: &str = "version: 1\nname: p\nallow:\n  - GET /_ping\n  - GET /containers/json\n  \
     - POST /containers/*/exec\n  - POST /exec/*/start\n";

/// A dsp that listens with TLS, and the CA of both sides.
struct TlsServer {
    world: World,
    authority: Authority,
    /// What clients trust.
    roots: RootCertStore,
    server: Server,
    port: u16,
}

type Client = StreamOwned<ClientConnection, TcpStream>;

impl TlsServer {
    /// Enforces with these options more. The certificate is for `localhost`.
    fn new(more: &[&str]) -> Self {
        let world = World::sample();
        world.write("p.yaml", PROFILE);
        let authority = Authority::new(&world.path("ca"));
        authority.sign("own", &["localhost", "dsp.example"]);
        let first = ["enforce", "p.yaml", "--audit-log", "log", "--listen", "tcp://127.0.0.1:0"];
        let files = ["--tls-cert", "ca/own-cert.pem", "--tls-key", "ca/own-key.pem"];
        let server = world.serve(&[&first[..], &files, more].concat());
        let port = server.first_address().rsplit(':').next().unwrap().parse().unwrap();
        let roots = authority.store();
        Self { world, authority, roots, server, port }
    }

    /// One that wants certificates.
    fn with_clients(more: &[&str]) -> Self {
        Self::new(&[&["--tls-client-ca", "ca/ca.pem"], more].concat())
    }

    fn config(
        &self,
        pair: Option<&Pair>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> ClientConfig {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(versions).unwrap();
        let builder = builder.with_root_certificates(self.roots.clone());
        match pair {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let (chain, key) = pair.read();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    }

    fn socket(&self) -> TcpStream {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    fn connect(&self, pair: Option<&Pair>) -> Client {
        let name = ServerName::try_from("localhost").unwrap();
        let config = self.config(pair, rustls::ALL_VERSIONS);
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        StreamOwned::new(session, self.socket())
    }

    /// The answer to a request, or the error instead of one.
    fn ask(&self, pair: Option<&Pair>) -> String {
        ask(&mut self.connect(pair), "localhost")
    }
}

fn ask(client: &mut Client, host: &str) -> String {
    let request = format!("GET /_ping HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    if let Err(error) = client.write_all(request.as_bytes()) {
        return error.to_string();
    }
    let mut answer = Vec::new();
    match client.read_to_end(&mut answer) {
        Err(error) if answer.is_empty() => error.to_string(),
        _ => String::from_utf8_lossy(&answer).into_owned(),
    }
}

#[test]
fn a_client_is_known_by_the_names_in_its_certificate() {
    let tls = TlsServer::with_clients(&[]);
    let pair = tls.authority.sign_with("c", &["ci.example", "uri:spiffe://x/ci"], |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "somebody.else");
    });
    let answer = tls.ask(Some(&pair));
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    // The listener's own names are names of its host.
    let answer = ask(&mut tls.connect(Some(&pair)), "dsp.example:2376");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let answer = ask(&mut tls.connect(Some(&pair)), "evil.example");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let log = tls.world.read("log");
    assert!(log.contains("\"certificate\":[\"ci.example\",\"spiffe://x/ci\"]"), "{log}");
    assert!(!log.contains("somebody.else"), "{log}");
}

#[test]
fn without_a_certificate_of_the_ca_nothing_is_answered() {
    let tls = TlsServer::with_clients(&[]);
    let other = Authority::new(&tls.world.path("other"));
    let expired = tls.authority.sign_with("expired", &["ci.example"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let of_server = tls.authority.sign_with("server", &["ci.example"], |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    let foreign = other.sign("c", &["ci.example"]);
    for (what, pair) in [
        ("none", None),
        ("another CA's", Some(&foreign)),
        ("expired", Some(&expired)),
        ("a server's", Some(&of_server)),
    ] {
        let answer = tls.ask(pair);
        assert!(!answer.contains("HTTP/1.1"), "{what}: {answer}");
    }
    let name = ServerName::try_from("localhost").unwrap();
    let old = tls.config(None, &[&rustls::version::TLS12]);
    let session = ClientConnection::new(Arc::new(old), name).unwrap();
    let answer = ask(&mut StreamOwned::new(session, tls.socket()), "localhost");
    assert!(answer.contains("ProtocolVersion"), "{answer}");
    assert!(!tls.world.read("log").contains("_ping"));
    let said = tls.server.stop(Signal::TERM).err;
    assert!(said.contains("turned away: TLS failed: it has no certificate"), "{said}");
}

#[test]
fn only_named_certificates_come_in() {
    let tls = TlsServer::with_clients(&["--allow-cert", "CI.example", "--allow-uid", "0"]);
    let named = tls.authority.sign("named", &["other.example", "ci.example"]);
    let other = tls.authority.sign_with("other", &["web.example"], |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "ci.example");
    });
    assert!(tls.ask(Some(&named)).starts_with("HTTP/1.1 200 OK"));
    let answer = tls.ask(Some(&other));
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(
        answer.contains("certificate web.example, 127.0.0.1 may not use this socket"),
        "{answer}"
    );
}

#[test]
fn plain_http_is_answered_and_a_silent_client_holds_up_nobody() {
    let tls = TlsServer::new(&[]);
    let silent: Vec<TcpStream> = (0..50).map(|_| tls.socket()).collect();
    let mut half = tls.socket();
    half.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    let mut plain = tls.socket();
    plain.write_all(b"GET /_ping HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.contains("Client sent an HTTP request to an HTTPS server"), "{answer}");
    let begun = Instant::now();
    assert!(tls.ask(None).starts_with("HTTP/1.1 200 OK"));
    assert!(begun.elapsed() < Duration::from_secs(5));
    // They are not waited for much longer than ten seconds.
    for mut socket in silent.into_iter().chain([half]) {
        assert!(socket.read(&mut [0; 16]).is_ok_and(|count| count < 16));
    }
    assert!(begun.elapsed() < Duration::from_secs(25));
}

#[test]
fn bytes_that_are_not_tls_are_harmless() {
    let tls = TlsServer::with_clients(&[]);
    let mut config = proptest::test_runner::Config::with_cases(64);
    config.failure_persistence = None;
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let bytes = proptest::collection::vec(proptest::prelude::any::<u8>(), 1..600);
    let is_tls = proptest::prelude::any::<bool>();
    runner
        .run(&(bytes, is_tls), |(mut bytes, is_tls)| {
            if is_tls {
                // The head of a record, with a length that is there.
                let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
                bytes.splice(0..0, [22, 3, 1, length[0], length[1]]);
            }
            let mut socket = tls.socket();
            let _ = socket.write_all(&bytes);
            let _ = socket.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer);
            proptest::prop_assert!(!String::from_utf8_lossy(&answer).contains(" 200 "));
            Ok(())
        })
        .unwrap();
    let pair = tls.authority.sign("c", &["ci.example"]);
    assert!(tls.ask(Some(&pair)).starts_with("HTTP/1.1 200 OK"));
    assert!(!tls.world.read("log").contains("_ping\",\"denied"));
}

#[test]
fn certificates_are_read_again_with_the_profile() {
    let tls = TlsServer::with_clients(&[]);
    let old = tls.authority.sign("old", &["ci.example"]);
    assert!(tls.ask(Some(&old)).starts_with("HTTP/1.1 200 OK"));
    // Another CA for clients.
    let other = Authority::new(&tls.world.path("other"));
    let new = other.sign("new", &["ci.example"]);
    std::fs::copy(other.file(), tls.authority.file()).unwrap();
    tls.server.signal(Signal::HUP);
    wait_for("the new CA", || {
        // The listener's own certificate is still the old CA's.
        tls.ask(Some(&new)).starts_with("HTTP/1.1 200 OK")
    });
    assert!(!tls.ask(Some(&old)).contains("HTTP/1.1"));
    std::fs::write(tls.authority.file(), "nothing").unwrap();
    tls.server.signal(Signal::HUP);
    // The signals are handled in order.
    wait_for("the next session", || tls.world.read("log").matches("\"start\"").count() >= 3);
    assert!(tls.ask(Some(&new)).starts_with("HTTP/1.1 200 OK"));
    let said = tls.server.stop(Signal::TERM).err;
    assert!(said.contains("the certificates were not reloaded"), "{said}");
}

/// Runs an other program as a client of `localhost`.
fn run(tls: &TlsServer, program: &str, args: &[&str]) -> Option<Done> {
    let pair = tls.authority.sign("c", &["ci.example"]);
    tls.authority.docker_folder("c", Some(&pair));
    if Command::new(program).arg("--version").output().is_err() {
        return None;
    }
    let mut command = tls.world.command(program, args);
    command
        .env("DOCKER_HOST", format!("tcp://localhost:{}", tls.port))
        .env("DOCKER_TLS_VERIFY", "1")
        .env("DOCKER_CERT_PATH", tls.world.path("ca/c"));
    Some(tls.world.finish(command))
}

#[test]
fn curl_and_the_docker_cli_come_in() {
    let tls = TlsServer::with_clients(&[]);
    let url = format!("https://localhost:{}/_ping", tls.port);
    let files = ["--cacert", "ca/c/ca.pem", "--cert", "ca/c/cert.pem", "--key", "ca/c/key.pem"];
    if let Some(done) = run(&tls, "curl", &[&["-sS", &url], &files[..]].concat()) {
        assert_eq!((done.status, done.out.as_str()), (0, "OK"), "{}", done.err);
    }
    if let Some(done) = run(&tls, "docker", &["ps"]) {
        assert_eq!(done.status, 0, "{}", done.err);
    }
    // And dsp itself, as a client of dsp.
    let done = run(&tls, crate::support::dsp_binary().to_str().unwrap(), &["health"]).unwrap();
    assert_eq!((done.status, done.err.as_str()), (0, ""));
}

#[test]
fn wrong_files_and_options_are_named() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    let authority = Authority::new(&world.path("ca"));
    authority.sign("own", &["localhost"]);
    authority.sign("other", &["localhost"]);
    world.write("empty.pem", "");
    world.write(
        "encrypted.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let own = ["--tls-cert", "ca/own-cert.pem", "--tls-key"];
    let tcp = ["--listen", "tcp://127.0.0.1:0"];
    let mut all = String::new();
    for (args, listen) in [
        (&["--tls-cert", "ca/own-cert.pem"][..], &tcp[..]),
        (&["--tls-cert", "nosuch.pem", "--tls-key", "ca/own-key.pem"], &tcp),
        (&[own[0], own[1], own[2], "empty.pem"], &tcp),
        (&[own[0], own[1], own[2], "encrypted.pem"], &tcp),
        (&[own[0], own[1], own[2], "ca/other-key.pem"], &tcp),
        (&[own[0], own[1], own[2], "ca/own-key.pem", "--tls-client-ca", "empty.pem"], &tcp),
        (&[own[0], own[1], own[2], "ca/own-key.pem", "--allow-cert", "x"], &tcp),
        (&[own[0], own[1], own[2], "ca/own-key.pem"], &["--listen", "unix:///tmp/x"]),
        (&[own[0], own[1], own[2], "ca/own-key.pem"], &["--listen", "tcp://0.0.0.0:0"]),
    ] {
        let done = world.dsp(&[&["enforce", "p.yaml"], args, listen].concat());
        let options = args.join(" ");
        all.push_str(&format!("$ dsp enforce p.yaml {options}\n[{}]\n{}\n", done.status, done.err));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn other_machines_need_a_certificate_and_nothing_else() {
    let world = World::sample();
    world.write("p.yaml", PROFILE);
    let authority = Authority::new(&world.path("ca"));
    authority.sign("own", &["localhost"]);
    let files = ["--tls-cert", "ca/own-cert.pem", "--tls-key", "ca/own-key.pem"];
    let everywhere = ["enforce", "p.yaml", "--listen", "tcp://0.0.0.0:0"];
    let server =
        world.serve(&[&everywhere[..], &files, &["--tls-client-ca", "ca/ca.pem"]].concat());
    let said = server.stop(Signal::TERM).err;
    assert!(!said.contains("can connect to"), "{said}");
}
