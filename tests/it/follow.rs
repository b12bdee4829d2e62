use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::Signal;

use crate::support::{PATIENCE, Server, World, exchange, read_until, wait_for};

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const BODY: &str = r#"{"Image":"busybox","HostConfig":{"Binds":["/var/run/docker.sock:/var/run/docker.sock:ro","/etc:/e"],"Memory":1e3},"Env":["S=/var/run/docker.sock"]}"#;

/// An engine that keeps what it receives and answers everything.
pub struct Engine {
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    /// The answer to the request for all containers.
    pub containers: Arc<Mutex<String>>,
}

impl Engine {
    /// Serves the world's address.
    pub fn start(world: &World) -> Self {
        let seen = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let listener = UnixListener::bind(world.host.trim_start_matches("unix://")).unwrap();
        let containers = Arc::new(Mutex::new("[]".to_owned()));
        let (all, listed) = (Arc::clone(&seen), Arc::clone(&containers));
        // It ends with the test's process, and its folder with the test.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (all, listed) = (Arc::clone(&all), Arc::clone(&listed));
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    while let Some(request) = next_request(&mut stream) {
                        let answer = answer(&request, &listed.lock().unwrap());
                        // As an engine does; the recorder leaves that to it.
                        let is_last = request.windows(17).any(|part| part == b"Connection: close");
                        all.lock().unwrap().push(request);
                        if stream.write_all(answer.as_bytes()).is_err() || is_last {
                            return;
                        }
                    }
                });
            }
        });
        Self { seen, containers }
    }

    /// The last request whose head contains these words.
    pub fn request(&self, words: &str) -> String {
        let seen = self.seen.lock().unwrap();
        let mut texts = seen.iter().map(|request| String::from_utf8_lossy(request).into_owned());
        texts.rfind(|text| text.contains(words)).unwrap_or_else(|| panic!("no {words}"))
    }

    /// The socket that replaced the engine's in the last create request.
    fn socket(&self) -> PathBuf {
        let request = self.request("/containers/create");
        let at = request.rfind("/dsp-").unwrap();
        let start = request[..at].rfind('"').unwrap() + 1;
        let end = start + request[start..].find([':', '"']).unwrap();
        request[start..end].into()
    }
}

fn next_request(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    let mut more = |bytes: &mut Vec<u8>| {
        let read = stream.read(&mut byte).unwrap_or_default();
        bytes.extend_from_slice(&byte[..read]);
        read == 1
    };
    while !bytes.ends_with(b"\r\n\r\n") {
        more(&mut bytes).then_some(())?;
    }
    let head = String::from_utf8(bytes.clone()).unwrap().to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    if let Some(length) = length {
        let start = bytes.len();
        bytes.resize(start + length, 0);
        stream.read_exact(&mut bytes[start..]).ok()?;
    } else if head.contains("transfer-encoding: chunked") {
        let start = bytes.len();
        while !String::from_utf8_lossy(&bytes[start..]).contains("\r\n0\r\n")
            || !bytes.ends_with(b"\r\n\r\n")
        {
            more(&mut bytes).then_some(())?;
        }
    }
    Some(bytes)
}

fn answer(request: &[u8], containers: &str) -> String {
    let line = String::from_utf8_lossy(request).lines().next().unwrap().to_owned();
    let (status, body) = if line.contains("/version ") {
        (200, r#"{"Version":"1","ApiVersion":"1.41"}"#.to_owned())
    } else if line.contains("absent") || line.contains(&format!("/containers/{ID}/json")) {
        (404, r#"{"message":"no such thing"}"#.to_owned())
    } else if line.contains("/containers/json?all=1 ") {
        (200, containers.to_owned())
    } else if line.contains("/create") {
        (201, format!("{{\"Id\":\"{ID}\",\"Warnings\":[]}}"))
    } else {
        (200, "{}".to_owned())
    };
    format!(
        "HTTP/1.1 {status} X\r\nApi-Version: 1.41\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn followed(world: &World) -> (Engine, Server) {
    let engine = Engine::start(world);
    let server = world.serve(&["record", "--follow", "--split", "rec"]);
    (engine, server)
}

fn create(name: &str, headers: &str, body: &str) -> String {
    format!(
        "POST /v1.41/containers/create?name={name} HTTP/1.1\r\nHost: d\r\nX-One: 1\r\n{headers}\
         Content-Type: application/json\r\nX-Two: 2\r\n\r\n{body}"
    )
}

fn with_length(name: &str, body: &str) -> String {
    create(name, &format!("Content-Length: {}\r\n", body.len()), body)
}

fn send(stream: &mut UnixStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    read_until(stream, "}")
}

/// Sends a request through a container's socket, as a program in the container would.
pub fn ask(socket: &Path, target: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
    exchange(&mut stream, request.as_bytes())
}

#[test]
fn only_the_socket_and_the_length_change() {
    let world = World::without_engine();
    let (engine, server) = followed(&world);
    let mut client = server.connect();
    assert!(send(&mut client, &with_length("web", BODY)).starts_with("HTTP/1.1 201"));
    let socket = engine.socket();
    let body = BODY.replacen("/var/run/docker.sock", socket.to_str().unwrap(), 1);
    assert_eq!(engine.request("name=web"), with_length("web", &body));

    // In chunks, with a trailer and another request immediately after it.
    let (one, two) = BODY.split_at(40);
    let chunks =
        format!("{:x}\r\n{one}\r\n{:X}\r\n{two}\r\n0\r\nX-T: 1\r\n\r\n", one.len(), two.len());
    let headers = "Transfer-Encoding: chunked\r\nTrailer: X-T\r\n";
    let mut both = create("chunked", headers, &chunks);
    both.push_str("GET /v1.41/info HTTP/1.1\r\nHost: d\r\n\r\n");
    send(&mut client, &both);
    assert!(read_until(&mut client, "{}").starts_with("HTTP/1.1 200"));
    let body = BODY.replacen("/var/run/docker.sock", engine.socket().to_str().unwrap(), 1);
    assert_ne!(engine.socket(), socket, "each has its own");
    assert_eq!(engine.request("name=chunked"), with_length("chunked", &body));
    server.stop(Signal::TERM);
}

#[test]
fn requests_without_the_socket_are_forwarded_unchanged() {
    let world = World::without_engine();
    let (engine, server) = followed(&world);
    let other = BODY.replacen("/var/run/docker.sock:", "/srv:", 1);
    let chunks = format!("{:X}\r\n{other}\r\n0\r\n\r\n", other.len());
    let chunked = create("c", "Transfer-Encoding: chunked\r\n", &chunks);
    let odd = chunks.replacen("\r\n", ";odd=1\r\n", 1);
    let odd = create("odd", "Transfer-Encoding: chunked\r\n", &odd);
    let no_json = with_length("n", "{\"HostConfig\":{\"Binds\":[\"/var/run/docker.sock:/s\"]}");
    let long = with_length("long", &format!("{BODY}{}", " ".repeat(4 << 20)));
    let expects = with_length("expects", BODY).replacen("X-One: 1", "Expect: 100-continue", 1);
    let elsewhere = with_length("e", BODY).replacen("containers/create", "volumes/create", 1);
    for (name, request) in [
        ("name=c ", chunked),
        ("name=odd ", odd),
        ("name=n ", no_json),
        ("name=long ", long),
        ("name=expects ", expects),
        ("name=e ", elsewhere),
        ("name=old ", with_length("old", BODY).replacen("/v1.41", "/v1.12", 1)),
    ] {
        send(&mut server.connect(), &request);
        assert!(engine.request(name) == request, "{name}");
    }
    let done = server.stop(Signal::TERM);
    insta::assert_snapshot!(done.err.lines().skip(1).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_container_is_recorded_under_its_name() {
    let world = World::without_engine();
    let (engine, server) = followed(&world);
    let engine_mode = std::fs::metadata(world.path("none.sock")).unwrap().permissions().mode();
    let mut client = server.connect();
    send(&mut client, &with_length("web&name=not", BODY));
    let web = engine.socket();
    assert_eq!(std::fs::metadata(&web).unwrap().permissions().mode(), engine_mode);
    let folder = std::fs::metadata(web.parent().unwrap()).unwrap().permissions().mode();
    assert_eq!(folder & 0o777, 0o700);
    assert!(ask(&web, "/v1.41/containers/json").ends_with("{}"));
    ask(&web, "/v1.41/containers/json");

    // It asks for its own mounts, as a program that recreates its container does.
    let own = BODY.replacen("/var/run/docker.sock", web.to_str().unwrap(), 1);
    let mut inside = UnixStream::connect(&web).unwrap();
    send(&mut inside, &with_length("", &own));
    let nameless = engine.socket();
    assert_ne!(nameless, web);
    ask(&nameless, "/v1.41/info");

    // A name that comes later counts until the first request.
    send(&mut client, &with_length("late", BODY));
    let late = engine.socket();
    let rename = "POST /v1.41/containers/late/rename?name=renamed HTTP/1.1\r\nHost: d\r\n\r\n";
    send(&mut client, rename);
    ask(&late, "/v1.41/version");

    let done = server.stop(Signal::TERM);
    assert!(!web.exists() && !web.parent().unwrap().exists(), "the sockets are gone");
    insta::assert_snapshot!(done.err);
    let generated = world.dsp(&["generate", "rec/web.jsonl"]);
    assert!(generated.out.starts_with("# web: 2 operations"), "{}", generated.out);
    assert!(generated.out.contains("  - GET /containers/json"), "{}", generated.out);
    assert!(generated.out.contains("  - POST /containers/create"), "{}", generated.out);
    assert!(world.read("rec/web.jsonl").contains("\"container\":\"web\""));
    assert!(world.read("rec/0123456789ab.jsonl").contains("\"operation\":\"SystemInfo\""));
    assert!(world.read("rec/renamed.jsonl").contains("\"container\":\"renamed\""));
    let checked = world.dsp(&["generate", "-q", "rec/web.jsonl", "-o", "web.yaml"]);
    assert_eq!(checked.status, 0, "{}", checked.err);
    let checked =
        world.dsp(&["check", "web.yaml", "rec/web.jsonl", "--severity", "unreviewed=off"]);
    assert_eq!(checked.status, 0, "{}", checked.out);
}

#[test]
fn one_file_holds_all_sessions_without_a_folder_for_them() {
    let world = World::without_engine();
    let engine = Engine::start(&world);
    let server = world.serve(&["record", "--follow", "--label", "a=b"]);
    send(&mut server.connect(), &with_length("web", BODY));
    ask(&engine.socket(), "/v1.41/info");
    let done = server.stop(Signal::TERM);
    assert!(done.err.contains("container web: 1 request, 1 operation\n"), "{}", done.err);
    let recording = world.read("recording.jsonl");
    assert_eq!(recording.matches("{\"session\":{").count(), 2, "{recording}");
    assert_eq!(recording.matches("{\"end\":{").count(), 2, "{recording}");
    assert!(recording.contains("\"container\":\"web\",\"labels\":{\"a\":\"b\"}"), "{recording}");
    let generated = world.dsp(&["generate"]);
    assert!(generated.out.contains("2 operations"), "{}", generated.out);
}

#[test]
fn standard_output_has_all_sessions_without_a_folder_for_them() {
    let world = World::without_engine();
    let engine = Engine::start(&world);
    let listen = format!("unix://{}", world.path("p.sock").display());
    let mut command = world.dsp_command(&["record", "--follow", "-o", "-", "--listen", &listen]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_for("the socket", || UnixStream::connect(world.path("p.sock")).is_ok());
    let mut client = UnixStream::connect(world.path("p.sock")).unwrap();
    send(&mut client, &with_length("web", BODY));
    ask(&engine.socket(), "/v1.41/info");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("1 operation recorded on standard output\n"), "{said}");
    assert!(said.contains("container web: 1 request, 1 operation\n"), "{said}");
    assert!(!world.path("-").exists());
    std::fs::write(world.path("piped"), output.stdout).unwrap();
    let recording = world.read("piped");
    assert_eq!(recording.matches("{\"session\":{").count(), 2, "{recording}");
    assert!(recording.contains("\"container\":\"web\""), "{recording}");
    let generated = world.dsp(&["generate", "piped", "--container", "web"]);
    assert!(generated.out.contains("\n  - GET /info"), "{}{}", generated.out, generated.err);
}

#[test]
fn requests_of_the_command_are_kept_apart_whatever_a_container_is_called() {
    let world = World::without_engine();
    let engine = Engine::start(&world);
    let server = world.serve(&["record", "--follow", "--split", "."]);
    send(&mut server.connect(), &with_length("recording", BODY));
    ask(&engine.socket(), "/v1.41/info");
    server.stop(Signal::TERM);
    assert!(!world.read("recording.jsonl").contains("SystemInfo"));
    assert!(world.read("recording.container.jsonl").contains("SystemInfo"));
}

#[test]
fn a_container_that_is_not_created_leaves_no_socket() {
    let world = World::without_engine();
    let (engine, server) = followed(&world);
    let answer = send(&mut server.connect(), &with_length("absent", BODY));
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let socket = engine.socket();
    wait_for("the socket to go", || !socket.exists());
    let done = server.stop(Signal::TERM);
    assert!(done.err.contains("no container asked for the engine's socket"), "{}", done.err);
}

#[test]
fn a_body_may_come_in_pieces() {
    let world = World::without_engine();
    let (engine, server) = followed(&world);
    let (one, two) = BODY.split_at(70);
    let chunks = format!("{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", one.len(), two.len());
    let chunked = create("c", "Transfer-Encoding: chunked\r\n", &chunks);
    for (request, size) in [(with_length("l", BODY), 1), (chunked.clone(), 1), (chunked, 3)] {
        let mut client = server.connect();
        for piece in request.as_bytes().chunks(size) {
            client.write_all(piece).unwrap();
        }
        assert!(read_until(&mut client, "}").starts_with("HTTP/1.1 201"));
        let body = BODY.replacen("/var/run/docker.sock", engine.socket().to_str().unwrap(), 1);
        assert!(engine.request("/containers/create").ends_with(&format!("\r\n\r\n{body}")));
    }
    // A truncated body is forwarded as far as it came.
    let whole = with_length("broken", BODY);
    let mut client = server.connect();
    client.write_all(&whole.as_bytes()[..whole.len() - 1]).unwrap();
    drop(client);
    let done = server.stop(Signal::TERM);
    assert_eq!(done.status, 0, "{}", done.err);
}

#[test]
fn a_container_of_an_earlier_session_has_its_socket_again() {
    // For other users, a folder that only they can write to may not exist.
    if !rustix::process::getuid().is_root() {
        return;
    }
    let world = World::without_engine();
    let (engine, server) = followed(&world);
    send(&mut server.connect(), &with_length("web", BODY));
    let socket = engine.socket();
    server.stop(Signal::TERM);
    // What an engine creates for a path that does not exist.
    std::fs::create_dir_all(&socket).unwrap();
    *engine.containers.lock().unwrap() = format!(
        "[{{\"Id\":\"{ID}\",\"Names\":[\"/web\"],\"State\":\"running\",\"Mounts\":[{{\"Type\":\"bind\",\"Source\":\"{}\"}}]}},\
         {{\"Id\":\"1\",\"Names\":[\"/other\"],\"Mounts\":[{{\"Source\":\"/etc\"}}]}}]",
        socket.display()
    );
    let server = world.serve(&["record", "--follow", "--split", "rec"]);
    ask(&socket, "/v1.41/info");
    // Next to a follower, a second one leaves it the socket.
    let second = world.dsp(&["record", "--follow", "-o", "second.jsonl", "--", "true"]);
    assert_eq!(second.status, 0, "{}", second.err);
    assert!(!second.err.contains("web"), "{}", second.err);
    ask(&socket, "/v1.41/version");
    let done = server.stop(Signal::TERM);
    assert!(done.err.contains("container web: 2 requests, 2 operations"), "{}", done.err);
    let warning = "warning: container web is still running from an earlier session, and its recording socket is gone:";
    assert!(done.err.contains(warning), "{}", done.err);
    assert!(done.err.contains("  help: docker restart web\n"), "{}", done.err);
    assert!(!socket.parent().unwrap().exists());
    assert!(world.read("rec/web.jsonl").contains("\"operation\":\"SystemInfo\""));
}

#[test]
fn containers_leave_room_for_connections() {
    let world = World::without_engine();
    let engine = Engine::start(&world);
    // As many containers as a workload may create in days: all requests get through, and the first
    // one that is not followed is named.
    let body = BODY.replace('"', "\\\"");
    let line = format!(
        "ulimit -n 64; exec dsp record -o r.jsonl --follow -- sh -c 'for i in $(seq 40); do \
         curl -sf -o /dev/null --unix-socket ${{DOCKER_HOST#unix://}} -H Content-Type:application/json \
         -d \"{body}\" http://d/v1.41/containers/create?name=c$i || exit 9; done'"
    );
    let done = world.shell(&line);
    assert_eq!(done.status, 125, "a container that is not followed is a failure: {}", done.err);
    assert!(engine.request("name=c16 ").contains("/dsp-"));
    assert!(engine.request("name=c40 ").ends_with(BODY));
    let told = "error: container c17 and others after it are not followed: 16 containers have a socket, \
                and the limit of open files has no room for more\n";
    assert!(done.err.contains(told), "{}", done.err);
    assert_eq!(done.err.matches("error:").count(), 1, "{}", done.err);
}

#[test]
fn into_the_folder_of_the_socket_another_mount_is_put() {
    let world = World::without_engine();
    let (engine, server) = followed(&world);
    let folder = world.folder.path().display().to_string();
    let body = BODY.replacen("/var/run/docker.sock:", &format!("{folder}:"), 1);
    send(&mut server.connect(), &with_length("folder", &body));
    let socket = engine.socket();
    let name = world.host.rsplit('/').next().unwrap();
    let mount = format!(":ro\",\"{}:/var/run/docker.sock/{name}\"", socket.display());
    let expected = body.replacen(":ro\"", &mount, 1);
    assert!(
        engine.request("name=folder").ends_with(&expected),
        "{}",
        engine.request("name=folder")
    );
    ask(&socket, "/v1.41/info");
    // A mount over the socket stays, and no useless listener is started.
    let over = format!("/var/run/docker.sock/{name}");
    let covered = body.replacen("/etc:/e", &format!("/etc:{over}"), 1);
    let request = with_length("covered", &covered);
    send(&mut server.connect(), &request);
    assert_eq!(engine.request("name=covered"), request);
    let done = server.stop(Signal::TERM);
    assert!(done.err.contains("container folder: 1 request, 1 operation"), "{}", done.err);
    assert!(!done.err.contains("covered"), "{}", done.err);
}

#[test]
fn containers_that_cannot_be_followed_are_reported() {
    let world = World::without_engine();
    let (engine, server) = followed(&world);
    let folder = world.folder.path();
    let shared = BODY.replacen("/var/run/docker.sock", folder.to_str().unwrap(), 1);
    let above = BODY.replacen("/var/run/docker.sock", "/", 1);
    for (name, body) in [("shared", shared.replace(":ro", ":rshared")), ("above", above)] {
        let request = with_length(name, &body);
        send(&mut server.connect(), &request);
        assert_eq!(engine.request(&format!("name={name}")), request);
    }
    let service = r#"{"Name":"s","TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/run/docker.sock","Target":"/s"}]}}}"#;
    let request = with_length("s", service).replacen("containers/create", "services/create", 1);
    send(&mut server.connect(), &request);
    assert_eq!(engine.request("services/create"), request);
    let done = server.stop(Signal::TERM);
    let err = done.err.replace(folder.to_str().unwrap(), "[DIR]");
    insta::assert_snapshot!(err.lines().skip(1).collect::<Vec<_>>().join("\n"));
}

#[test]
fn an_engine_elsewhere_is_refused() {
    let world = World::sample();
    let server = world.serve(&["record", "-q", "--listen", "tcp://127.0.0.1:0"]);
    let engine = server.first_address();
    let done = world.dsp(&["record", "--follow", "-H", &engine, "-o", "r.jsonl", "--", "true"]);
    assert_eq!(done.status, 125);
    assert!(done.err.contains("--follow needs an engine on this machine"), "{}", done.err);
    assert!(!world.path("r.jsonl").exists());
    let done = world.dsp(&["record", "--split", "x", "--", "true"]);
    assert_eq!(done.status, 2, "{}", done.err);
    world.write("file", "");
    let done = world.dsp(&["record", "--follow", "--split", "file", "--", "true"]);
    assert_eq!(done.err, "error: cannot make the folder file: File exists (os error 17)\n");
}
