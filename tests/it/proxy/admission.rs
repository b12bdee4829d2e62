use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dsp::api::{Address, EngineKind};
use dsp::http1::Outcome;
use dsp::peer::{Client, Identified, Peer};
use dsp::policy::{Decision, Enforcer, Gate, Observer, Request};
use dsp::profile::parse;
use dsp::proxy::{
    Access, Admission, Admitted, Admitting, Begun, Caller, Decided, Listener, NotAdmitted, Proxy,
    Record, Service,
};

use tokio::net::TcpSocket;
use tokio::sync::watch;

use crate::support::PATIENCE;

/// Two addresses of this machine.
const MACHINE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Records nothing.
struct Nothing;

impl Record for Nothing {
    type Ticket = ();

    fn begin(&self, _: &Decided<'_>) -> Begun<()> {
        Begun::Admitted(())
    }

    fn finish(&self, (): &(), _: &Outcome) {}
}

/// Serves processes in one way, the clients of [`MACHINE`] in another way, and no other clients.
struct ByPeer {
    processes: Arc<Service<Nothing>>,
    machines: Arc<Service<Nothing>>,
}

impl Admission<Nothing> for ByPeer {
    fn admit(&self, caller: &Caller<'_>) -> Admitting<Nothing> {
        Admitting::Now(match caller.peer() {
            Peer::Process { .. } => Ok(Admitted::to(Arc::clone(&self.processes))),
            Peer::Address { ip, .. } if ip == MACHINE => {
                Ok(Admitted::to(Arc::clone(&self.machines)))
            }
            Peer::Address { .. } | Peer::Unknown => Err(NotAdmitted::Unknown),
        })
    }
}

/// Enforces a profile, and keeps who asked.
struct Seen {
    gate: Enforcer,
    peers: Mutex<Vec<Peer>>,
}

impl Gate for Seen {
    fn decide(&self, asked: &Request<'_>) -> Decision {
        self.peers.lock().unwrap().push(asked.peer);
        self.gate.decide(asked)
    }

    fn refuses_flaws(&self) -> bool {
        true
    }
}

/// An engine that answers each connection with its name.
fn engine(path: &Path, name: &'static str) -> Address {
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            crate::support::read_until(&mut stream, "\r\n\r\n");
            let length = name.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{name}"
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    Address::unix(path).unwrap()
}

/// The answer to a request for `/info`.
fn ask(mut stream: impl Read + Write) -> String {
    stream
        .write_all(b"GET /info HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn who_a_client_is_chooses_its_gate_and_its_engine() {
    let folder = tempfile::tempdir().unwrap();
    let service = |gate: Arc<dyn Gate>, name| {
        let engine = engine(&folder.path().join(name), name);
        Arc::new(Service::new(gate, Arc::new(Nothing), engine))
    };
    let strict = parse("version: 1\nname: p\nallow:\n  - GET /_ping\n").unwrap();
    let seen = Arc::new(Seen { gate: Enforcer::new(&strict), peers: Mutex::default() });
    let admission = ByPeer {
        processes: service(Arc::new(Observer::new(EngineKind::Docker)), "first"),
        machines: service(Arc::<Seen>::clone(&seen), "second"),
    };
    let socket = folder.path().join("dsp.sock");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (running, port) = runtime.block_on(async {
        let tcp = Address::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
        let tcp = Listener::bind(&tcp, &Access::default()).await.unwrap();
        let Address::Tcp { port, .. } = *tcp.address() else { panic!("{:?}", tcp.address()) };
        let unix = Listener::bind_unix(&socket, &Access::default()).unwrap();
        (Proxy::new(vec![unix, tcp]).serve(admission), port)
    });

    let unix = UnixStream::connect(&socket).unwrap();
    unix.set_read_timeout(Some(PATIENCE)).unwrap();
    let answer = ask(unix);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("first"), "{answer}");

    let from = |ip: Ipv4Addr| {
        let stream = runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind((ip, 0).into()).unwrap();
            socket.connect((MACHINE, port).into()).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        ask(stream)
    };
    for (ip, reason) in [
        (MACHINE, "is not allowed by profile"),
        (OTHER, "dsp: the system does not say who connects"),
    ] {
        let answer = from(ip);
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains(reason), "{answer}");
    }
    let peers = seen.peers.lock().unwrap().clone();
    assert!(matches!(peers[..], [Peer::Address { ip, .. }] if ip == MACHINE), "{peers:?}");
    runtime.block_on(running.drain(Duration::ZERO, std::future::pending()));
}

/// Admits the clients of [`OTHER`] when the test says so, and all others at once.
struct Slow {
    service: Arc<Service<Nothing>>,
    go: watch::Receiver<bool>,
}

impl Admission<Nothing> for Slow {
    fn admit(&self, caller: &Caller<'_>) -> Admitting<Nothing> {
        let admitted = Admitted::to(Arc::clone(&self.service));
        let peer = caller.peer();
        if !matches!(peer, Peer::Address { ip, .. } if ip == OTHER) {
            return Admitting::Now(Ok(admitted));
        }
        let mut go = self.go.clone();
        Admitting::Later(Box::pin(async move {
            go.wait_for(|go| *go).await.map_err(|_| NotAdmitted::Unknown)?;
            Ok(admitted.known_as(Arc::new(Identified::new(Client::of(peer)))))
        }))
    }
}

#[test]
fn a_client_that_takes_long_to_find_out_about_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(&folder.path().join("e"), "engine");
    let gate = Arc::new(Observer::new(EngineKind::Docker));
    let service = Arc::new(Service::new(gate, Arc::new(Nothing), engine));
    let (say, go) = watch::channel(false);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (running, port) = runtime.block_on(async {
        let tcp = Address::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
        let tcp = Listener::bind(&tcp, &Access::default()).await.unwrap();
        let Address::Tcp { port, .. } = *tcp.address() else { panic!("{:?}", tcp.address()) };
        (Proxy::new(vec![tcp]).serve(Slow { service, go }), port)
    });
    let connect = |ip: Ipv4Addr| {
        let stream = runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind((ip, 0).into()).unwrap();
            socket.connect((MACHINE, port).into()).await.unwrap().into_std().unwrap()
        });
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    // As many as one machine may have waiting. The next one is told so.
    let mut slow: Vec<_> = (0..768).map(|_| connect(OTHER)).collect();
    let refused = ask(connect(OTHER));
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(ask(connect(MACHINE)).ends_with("engine"));
    say.send(true).unwrap();
    let first = slow.swap_remove(0);
    assert!(ask(first).ends_with("engine"), "it was waited for");
    assert!(ask(connect(OTHER)).ends_with("engine"));
    drop(slow);
    runtime.block_on(running.drain(Duration::ZERO, std::future::pending()));
}
