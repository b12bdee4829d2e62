//! The whole proxy between a client and an engine that both send anything. Only permitted requests
//! reach the engine, in order and in dsp's own form; the client receives a sequence of answers to
//! its requests; and every connection ends.

mod engine;
mod message;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsp::api::{Address, EngineKind};
use dsp::http1::Outcome;
use dsp::policy::{Body, Enforcer, Gate, Observer, Request, Verdict};
use dsp::profile::parse;
use dsp::proxy::{Access, Begun, Decided, Listener, Record, Running, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

use engine::Engine;

/// Separates what the client sends from the engine's answers, and those from each other.
const BETWEEN: &[u8] = b"\n====\n";

/// Longer than any exchange that ends takes.
const PATIENCE: Duration = Duration::from_secs(8);

const PROFILE: &str = "version: 1\nname: fuzz\nallow:\n  - GET /_ping\n  - HEAD /_ping\n  \
    - GET /events\n  - GET /containers/json\n  - GET /containers/*/json\n  \
    - GET /containers/web-*/logs\n  - POST /containers/create\n  - POST /containers/*/attach\n  \
    - POST /containers/*/wait\n  - PUT /containers/*/archive\n  - POST /exec/*/start\n  \
    - POST /build\n  - POST /session\n  - DELETE /containers/*\n\
    deny:\n  - DELETE /containers/keep\n";

/// The settings of a run, from its first byte.
#[derive(Clone, Copy, Debug)]
struct Manners {
    /// dsp only observes.
    is_watched: bool,
    /// The engine answers as soon as it has the head.
    is_early: bool,
    /// The engine keeps its connection after a complete answer.
    keeps: bool,
    /// The client leaves without reading.
    is_impatient: bool,
}

/// What dsp reported about a request.
#[derive(Clone, Debug)]
struct Told {
    method: String,
    /// The target that goes to the engine, if allowed.
    target: Option<String>,
    /// Whether it may become a tunnel.
    tunnel: bool,
    outcome: Option<Outcome>,
}

/// Collects the reports.
#[derive(Default)]
struct Witness(Mutex<Vec<Told>>);

/// A proxy to connect to.
struct Proxy {
    socket: PathBuf,
    witness: Arc<Witness>,
    running: Running,
}

/// An engine with an enforcing proxy and an observing one; serves many inputs.
struct Bench {
    runtime: Runtime,
    engine: Arc<Engine>,
    strict: Proxy,
    watching: Proxy,
    enforcer: Arc<Enforcer>,
    _folder: tempfile::TempDir,
}

thread_local! {
    static BENCH: RefCell<Option<Bench>> = const { RefCell::new(None) };
}

/// Takes a byte for [`Manners`], a byte for the length of the client's pieces, the client's bytes,
/// and the engine's answers.
pub fn check(data: &[u8]) {
    let [manners, size, rest @ ..] = data else { return };
    let manners = Manners {
        is_watched: manners & 1 != 0,
        is_early: manners & 2 != 0,
        keeps: manners & 4 != 0,
        is_impatient: manners & 8 != 0,
    };
    let mut parts = split(rest).into_iter();
    let sent = parts.next().unwrap_or_default();
    let answers = parts.map(<[u8]>::to_vec).collect();
    let held = BENCH.with_borrow_mut(|bench| {
        let bench = bench.get_or_insert_with(Bench::new);
        bench.engine.prepare(answers, manners.is_early, manners.keeps);
        bench.run(manners, usize::from(*size), sent)
    });
    held.unwrap_or_else(|breach| panic!("{manners:?}: {breach}"));
}

/// Releases what this thread's checks have used.
pub fn close() {
    drop(BENCH.take());
}

impl Told {
    fn is_upgraded(&self) -> bool {
        self.outcome.is_some_and(|outcome| outcome.upgraded)
    }

    /// Whether the request is forwarded with this head.
    fn is_sent_as(&self, head: &message::Head) -> bool {
        let target = self.target.as_deref().unwrap_or_default();
        head.line() == format!("{} {target} HTTP/1.1", self.method)
    }
}

fn split(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut rest) = (Vec::new(), bytes);
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        parts.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest);
    parts
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Record for Witness {
    type Ticket = usize;

    fn begin(&self, decided: &Decided<'_>) -> Begun<usize> {
        let (target, tunnel) = match &decided.decision.verdict {
            Verdict::Forward(permit) => (Some(permit.target().to_owned()), permit.tunnel()),
            _ => (None, false),
        };
        let mut told = locked(&self.0);
        let method = decided.arrival.method.to_owned();
        told.push(Told { method, target, tunnel, outcome: None });
        Begun::Admitted(told.len() - 1)
    }

    fn finish(&self, ticket: &usize, outcome: &Outcome) {
        if let Some(told) = locked(&self.0).get_mut(*ticket) {
            told.outcome = Some(*outcome);
        }
    }
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let inside = runtime.enter();
        let path = folder.path().join("engine");
        let engine = Engine::start(&path);
        let address = Address::unix(&path).expect("an address");
        let proxy = |name: &str, gate: Arc<dyn Gate>| {
            let socket = folder.path().join(name);
            let listener = Listener::bind_unix(&socket, &Access::default()).expect("a socket");
            let witness = Arc::new(Witness::default());
            let service = Service::new(gate, Arc::clone(&witness), address.clone());
            let running = dsp::proxy::Proxy::new(vec![listener]).serve(Arc::new(service));
            Proxy { socket, witness, running }
        };
        let enforcer = Arc::new(Enforcer::new(&parse(PROFILE).expect("a profile")));
        let strict = proxy("strict", Arc::<Enforcer>::clone(&enforcer));
        let watching = proxy("watching", Arc::new(Observer::new(EngineKind::Docker)));
        drop(inside);
        Self { runtime, engine, strict, watching, enforcer, _folder: folder }
    }

    fn run(&self, manners: Manners, size: usize, sent: &[u8]) -> Result<(), String> {
        let proxy = if manners.is_watched { &self.watching } else { &self.strict };
        locked(&proxy.witness.0).clear();
        let read = self.runtime.block_on(async {
            let whole = async {
                let read = talk(proxy, manners, size, sent).await;
                while proxy.running.open() > 0 || self.engine.is_busy() {
                    tokio::task::yield_now().await;
                }
                read
            };
            tokio::time::timeout(PATIENCE, whole).await
        });
        let told = std::mem::take(&mut *locked(&proxy.witness.0));
        let Ok(read) = read else { return Err(format!("it does not end: {told:?}")) };
        if manners.is_watched {
            return Ok(());
        }
        self.reached(&told, sent, manners)?;
        if manners.is_impatient { Ok(()) } else { answered(&told, &read) }
    }

    /// Compares what the engine received with what dsp reported as allowed.
    fn reached(&self, told: &[Told], sent: &[u8], manners: Manners) -> Result<(), String> {
        if let Some(told) = told.iter().find(|told| told.is_upgraded() && !told.tunnel) {
            return Err(format!("a tunnel that was not permitted: {told:?}"));
        }
        let mut permitted = told.iter().filter(|told| told.target.is_some()).peekable();
        let mut last: Option<&Told> = None;
        for bytes in self.engine.got() {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let Some((head, length)) = message::request(rest)? else {
                    return Err(format!("the engine got a part: {}", rest.escape_ascii()));
                };
                let is_next = permitted.peek().is_some_and(|next| next.is_sent_as(&head));
                // A request that changes nothing may be sent again if it was not answered.
                let is_repeated = last.is_some_and(|last| last.is_sent_as(&head))
                    && matches!(head.method(), "GET" | "HEAD");
                if is_next || !is_repeated {
                    last = permitted.find(|told| told.is_sent_as(&head));
                }
                let Some(told) = last else {
                    return Err(format!("the engine got {}, not permitted now", head.line()));
                };
                self.is_permitted(&head)?;
                rest = rest.get(length.unwrap_or(rest.len())..).unwrap_or_default();
                if told.is_upgraded() {
                    let is_part =
                        rest.is_empty() || sent.windows(rest.len()).any(|part| part == rest);
                    // The rest of the body arrives in another form than it was sent in.
                    if !is_part && !manners.is_early {
                        return Err(
                            "the engine got bytes that were not sent through the tunnel".to_owned()
                        );
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether dsp would allow the request exactly as it forwarded it.
    fn is_permitted(&self, request: &message::Head) -> Result<(), String> {
        let line = request.line();
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let content_type = request.value("content-type");
        let has_body = request.value("transfer-encoding").is_some()
            || request.value("content-length").is_some_and(|length| length != b"0");
        let mut asked = Request::new(method, target);
        asked.head.content_type = content_type;
        asked.body = if has_body { Body::Unread } else { Body::Absent };
        match self.enforcer.decide(&asked).verdict {
            Verdict::Forward(permit) if request.value("upgrade").is_some() && !permit.tunnel() => {
                Err(format!("{line} offers an upgrade"))
            }
            Verdict::Forward(permit) if permit.target() == target => Ok(()),
            _ => Err(format!("{line} is not what is allowed")),
        }
    }
}

/// Sends everything in pieces, and reads to the end.
async fn talk(proxy: &Proxy, manners: Manners, size: usize, sent: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    let Ok(client) = UnixStream::connect(&proxy.socket).await else { return read };
    let (mut reader, mut writer) = client.into_split();
    let size = if size == 0 { sent.len().max(1) } else { size };
    let write = async {
        for piece in sent.chunks(size) {
            // If dsp has ended the connection, what it sent before can still be read.
            if writer.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = writer.shutdown().await;
    };
    if manners.is_impatient {
        write.await;
    } else {
        // Closing a connection with unread bytes resets it.
        let _ = tokio::join!(write, reader.read_to_end(&mut read));
    }
    read
}

/// Whether the client received an answer to each request; the last one may have been cut.
fn answered(all: &[Told], read: &[u8]) -> Result<(), String> {
    let mut at = 0;
    for (number, told) in all.iter().enumerate() {
        let is_last = number + 1 == all.len();
        let Some((status, length)) = message::answer(&read[at..], &told.method)? else {
            return if is_last { Ok(()) } else { Err(format!("no whole answer to {told:?}")) };
        };
        if told.outcome.and_then(|outcome| outcome.status) != Some(status) {
            return Err(format!("{status} in answer to {told:?}"));
        }
        if told.is_upgraded() {
            return if is_last { Ok(()) } else { Err("requests after a tunnel".to_owned()) };
        }
        at += length;
    }
    if at == read.len() {
        Ok(())
    } else {
        Err(format!("{} bytes that are not an answer", read.len() - at))
    }
}
