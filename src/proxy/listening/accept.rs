//! Accepts the connections of a listener: admits the client, finds room for the connection, and assigns
//! it to a thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use super::admitting::{Asked, PATIENCE};
use super::caller::Caller;
use super::door::Door;
use super::listener::Listener;
use crate::api::Address;
use crate::peer::Peer;
use crate::proxy::load::eviction::Room;
use crate::proxy::load::registry::{Registered, Registry};
use crate::proxy::load::turns::Turns;
use crate::proxy::not_admitted::NotAdmitted;
use crate::proxy::observe::{Event, Observe};
use crate::proxy::record::Record;
use crate::proxy::service::{Admission, Admitted, AdmittedLater, Admitting, Service};
use crate::proxy::serving::connection::Connection;
use crate::proxy::serving::local_response::{self, Form};
use crate::proxy::serving::next::Client;
use crate::proxy::shared::Shared;
use crate::proxy::streams::closing::linger;
use crate::wire::{FreshStream, ListenerTls, NotGreeted, RawStream, Stream};

/// How long to pause accepting when no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long to pause accepting when a connection was evicted to make room.
const SHORT_PAUSE: Duration = Duration::from_millis(1);

/// How long a connection waits before it looks for room again, and how often it does so.
const YOUNG_PAUSE: Duration = Duration::from_millis(5);
const MOST_PAUSES: u32 = 20;

/// The maximum number of connections that wait for room at the same time, in total and for those whose
/// process or user has used up its share. Accepting never waits for them.
const MOST_WAITING: usize = 256;
const MOST_OWN_WAITING: usize = MOST_WAITING / 4 * 3;

/// After this many evictions, accepting pauses until the evicted connections are gone.
const MADE_IN_A_ROW: u32 = 16;

/// The maximum number of connections turned away at the same time that are kept open until the client
/// reads why.
const MOST_TURNED_AWAY: usize = 64;

/// Accepts the connections of one listener.
pub(crate) struct Acceptor<R: Record> {
    listener: Listener,
    desk: Arc<Desk<R>>,
}

/// Admits the clients of one listener.
struct Desk<R: Record> {
    admission: Arc<dyn Admission<R>>,
    shared: Arc<Shared>,
    events: Arc<Events>,
}

/// A connection that was accepted.
struct Incoming {
    stream: Stream,
    peer: Peer,
    /// The names in the client's certificate.
    certificate: Vec<String>,
    door: Option<Arc<Door>>,
}

/// A connection whose client was admitted.
struct Welcome<R: Record> {
    incoming: Incoming,
    admitted: Admitted<R>,
}

/// One of a limited number of slots.
struct Placed(Arc<AtomicUsize>);

/// Tells the observer what happens at a listener, and at the end that it is closed.
struct Events {
    listener: Address,
    observer: Arc<dyn Observe>,
}

impl<R: Record> Acceptor<R> {
    pub(crate) fn new(
        listener: Listener,
        admission: Arc<dyn Admission<R>>,
        shared: Arc<Shared>,
    ) -> Self {
        let (address, observer) = (listener.address().clone(), Arc::clone(&shared.observer));
        let events = Arc::new(Events { listener: address, observer });
        Self { listener, desk: Arc::new(Desk { admission, shared, events }) }
    }

    /// Accepts connections until it is stopped.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.accept()).await;
    }

    async fn accept(&self) {
        let (listener, observer) = (self.listener.address(), &self.desk.shared.observer);
        let mut made = 0;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let room = match self.listener.tls() {
                        None => {
                            let (certificate, door) = (Vec::new(), self.listener.door());
                            let stream = Stream::Fresh(stream);
                            self.desk.admit(Incoming { stream, peer, certificate, door })
                        }
                        Some(tls) => {
                            self.greet(stream, peer, tls);
                            None
                        }
                    };
                    made += u32::from(room == Some(Room::Made));
                    if made >= MADE_IN_A_ROW {
                        made = 0;
                        // Let the evicted connections close their files.
                        tokio::task::yield_now().await;
                    }
                }
                // The client disconnected before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Out of file descriptors or memory: evicting a connection frees some.
                    let made = self.desk.shared.registry.make_room() == Room::Made;
                    observer.on(&Event::AcceptFailed { listener, error: &error });
                    tokio::time::sleep(if made { SHORT_PAUSE } else { ACCEPT_PAUSE }).await;
                }
            }
        }
    }

    /// Begins TLS with a client on one of the threads that serve connections, and admits it after that.
    fn greet(&self, stream: FreshStream, peer: Peer, tls: &Arc<ListenerTls>) {
        let Desk { shared, events, .. } = &*self.desk;
        let Some(asked) = shared.admitting.begin(&peer) else {
            events.observer.on(&Event::Full { listener: &events.listener });
            return;
        };
        let door = self.listener.door();
        let (desk, tls) = (Arc::clone(&self.desk), Arc::clone(tls));
        let open = shared.stop.open.clone();
        let greeting = async move {
            let Some(socket) = stream.into_tcp() else { return };
            let greeted = tls.greet(socket).await;
            drop(asked);
            match greeted {
                Ok((stream, certificate)) => {
                    let stream = Stream::Tls(Box::new(stream));
                    desk.admit(Incoming { stream, peer, certificate, door });
                }
                Err(NotGreeted::Plain(socket)) => {
                    let stream = Stream::Tcp(socket);
                    desk.turn_away(stream, 400, &NotAdmitted::Plain);
                }
                Err(NotGreeted::Tls(error)) => desk.note(&NotAdmitted::Tls(error)),
                Err(NotGreeted::Gone) => {}
            }
        };
        let greeting = async move {
            open.run_until_cancelled(greeting).await;
        };
        shared.workers.spawn(&shared.stop.tasks, greeting);
    }
}

impl<R: Record> Desk<R> {
    /// Serves a connection if its client is admitted, which may take time that nothing else waits for.
    /// Returns the room that was found for it, if that is known already.
    fn admit(&self, incoming: Incoming) -> Option<Room> {
        let Self { shared, events, .. } = self;
        match self.admission.admit(&incoming.caller(&events.listener)) {
            Admitting::Now(answer) => incoming.answered(answer, shared, events),
            Admitting::Later(answer) => {
                match shared.admitting.begin(&incoming.peer) {
                    Some(asked) => {
                        let (shared, events) = (Arc::clone(shared), Arc::clone(events));
                        let admitting =
                            incoming.admit_later(answer, asked, Arc::clone(&shared), events);
                        shared.spawn(admitting);
                    }
                    None => refuse(shared, incoming.stream, events),
                }
                None
            }
        }
    }
}

impl<R: Record> Desk<R> {
    /// Notes that a client was not admitted.
    fn note(&self, reason: &NotAdmitted) {
        let listener = &self.events.listener;
        self.events.observer.on(&Event::NotAdmitted { listener, reason });
    }

    /// Answers a client that is not admitted.
    fn turn_away(&self, stream: Stream, status: u16, reason: &NotAdmitted) {
        self.note(reason);
        turn_away(&self.shared, stream, status, &format!("dsp: {reason}"));
    }
}

impl Incoming {
    fn caller<'a>(&'a self, listener: &'a Address) -> Caller<'a> {
        let stream = match &self.stream {
            Stream::Fresh(stream) => stream.as_unix(),
            Stream::Tcp(_) | Stream::Unix(_) | Stream::Tls(_) | Stream::Ssh(_) => None,
        };
        Caller { peer: self.peer, listener, stream, certificate: &self.certificate }
    }

    /// Serves the connection if there is room for it now or soon, unless the client was not admitted.
    fn answered<R: Record>(
        self,
        answer: Result<Admitted<R>, NotAdmitted>,
        shared: &Arc<Shared>,
        events: &Arc<Events>,
    ) -> Option<Room> {
        match answer {
            Ok(admitted) => Some(Welcome { incoming: self, admitted }.find_room(shared, events)),
            Err(reason) => {
                let listener = &events.listener;
                events.observer.on(&Event::NotAdmitted { listener, reason: &reason });
                turn_away(shared, self.stream, 403, &format!("dsp: {reason}"));
                None
            }
        }
    }

    /// Serves the connection when its client has been admitted.
    async fn admit_later<R: Record>(
        self,
        answer: AdmittedLater<R>,
        asked: Asked,
        shared: Arc<Shared>,
        events: Arc<Events>,
    ) {
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        drop(asked);
        self.answered(answer.unwrap_or(Err(NotAdmitted::TooSlow)), &shared, &events);
    }
}

impl<R: Record> Welcome<R> {
    /// Serves the connection if there is room for it now or soon.
    fn find_room(self, shared: &Arc<Shared>, events: &Arc<Events>) -> Room {
        let room = shared.registry.room(&self.incoming.peer);
        let placed = match room {
            Room::Free | Room::Made => {
                self.serve(shared);
                return room;
            }
            Room::Soon { is_own } => {
                let most = if is_own { MOST_OWN_WAITING } else { MOST_WAITING };
                Placed::of(&shared.waiting, most)
            }
            Room::Full => None,
        };
        match placed {
            Some(placed) => {
                shared.spawn(self.wait(placed, Arc::clone(shared), Arc::clone(events)));
            }
            None => refuse(shared, self.incoming.stream, events),
        }
        room
    }

    /// Serves the connection. There must be room for it.
    fn serve(self, shared: &Arc<Shared>) {
        let Incoming { stream, peer, door, .. } = self.incoming;
        let Admitted { service, client: who } = self.admitted;
        // Register before the next connection is accepted, because this one counts against it.
        let number = shared.next_number();
        let registered = Registry::register(&shared.registry, number, peer, service.number);
        if let Ok(stream) = stream.into_raw() {
            let client = Client { number, peer, who, door };
            let connection = serve(stream, service, Arc::clone(shared), registered, client);
            shared.workers.spawn(&shared.stop.tasks, connection);
        }
    }

    /// Serves the connection as soon as there is room.
    async fn wait(self, placed: Placed, shared: Arc<Shared>, events: Arc<Events>) {
        let has_room = wait_for_room(&shared.registry, &self.incoming.peer).await;
        drop(placed);
        if has_room {
            self.serve(&shared);
        } else {
            refuse(&shared, self.incoming.stream, &events);
        }
    }
}

/// Waits until there is room for one more connection of a peer. Returns false if there is none.
async fn wait_for_room(registry: &Registry, peer: &Peer) -> bool {
    for _ in 0..MOST_PAUSES {
        tokio::time::sleep(YOUNG_PAUSE).await;
        match registry.room(peer) {
            Room::Free | Room::Made => return true,
            Room::Soon { .. } => {}
            Room::Full => return false,
        }
    }
    false
}

/// Turns away a connection for which there is no room.
fn refuse(shared: &Shared, stream: Stream, events: &Events) {
    events.observer.on(&Event::Full { listener: &events.listener });
    turn_away(shared, stream, 503, "dsp: all connections are busy; try again later");
}

/// Answers a connection that is not served. Waits for the client to read the answer, unless too many
/// connections are being turned away.
fn turn_away(shared: &Shared, mut stream: Stream, status: u16, message: &str) {
    let mut bytes = Vec::new();
    local_response::write(status, message, Form { closes: true, ..Form::default() }, &mut bytes);
    let Some(placed) = Placed::of(&shared.turned_away, MOST_TURNED_AWAY) else {
        let _ = stream.send_now(&bytes);
        return;
    };
    shared.spawn(async move {
        let _placed = placed;
        answer(stream, &bytes).await;
    });
}

/// Answers a connection that is not served. The client has sent a request or soon will; if the
/// connection were closed with the request unread, the client would only see a reset.
async fn answer(mut stream: Stream, bytes: &[u8]) {
    if stream.write_all(bytes).await.is_ok() {
        linger(&mut stream).await;
    }
}

async fn serve<R: Record>(
    stream: RawStream,
    service: Arc<Service<R>>,
    shared: Arc<Shared>,
    registered: Registered,
    client: Client,
) {
    let Ok(stream) = stream.register() else { return };
    let (control, peer) = (Arc::clone(&registered.control), client.peer);
    let connection = Connection::new(service, shared, client, Arc::clone(&control), stream);
    control.run(Turns::of(&peer), Box::pin(connection.serve())).await;
}

impl Placed {
    fn of(count: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let more = |count| (count < most).then_some(count + 1);
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self(Arc::clone(count)))
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Dropped when the listener is closed and no connection waits for room any more.
impl Drop for Events {
    fn drop(&mut self) {
        self.observer.on(&Event::Closed { listener: &self.listener });
    }
}
