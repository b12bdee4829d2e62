//! Records one client under `record --follow`, which is the command or a container, and gives the
//! containers that it creates their own sockets.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::adopt;
use super::asks::{Asks, may_create};
use super::container::Container;
use super::follower::Follower;
use super::unfollowed::{FollowFailure, Unfollowed, WhyUnread, noun};
use crate::api::{Address, ObjectKind};
use crate::contents::Sockets;
use crate::engine;
use crate::follow::{self, Form, Mounts};
use crate::http1::Outcome;
use crate::policy::{Gate, Observer};
use crate::proxy::{Begun, Decided, ListenError, Proxy, Record, RewriteBody, Service};
use crate::recording;
use crate::session::connection_log::ConnectionLog;
use crate::session::journal::{makes, shown, write_request};
use crate::session::recorder::Recorder;
use crate::session::sockets::bind_for_containers;
use crate::wire::EngineAddress;

/// How long the engine may take to list its containers.
const ASK_TIME: Duration = Duration::from_secs(2);

/// Records the requests of one client, and follows the containers that it creates.
pub(in crate::session) struct Followed {
    follower: Arc<Follower>,
    client: Client,
}

enum Client {
    Command(Arc<Recorder>),
    Container(Arc<Container>),
}

/// A request in progress.
pub(in crate::session) struct Ticket {
    line: Option<recording::Ticket>,
    /// What it creates, if it could not be recorded.
    makes: Option<recording::Makes>,
    asks: Asks,
    made: OnceLock<Arc<Container>>,
}

impl Followed {
    /// Records the command.
    pub(in crate::session) fn command(follower: &Arc<Follower>, recorder: &Arc<Recorder>) -> Self {
        Self { follower: Arc::clone(follower), client: Client::Command(Arc::clone(recorder)) }
    }

    /// Returns the service for this client's connections.
    pub(in crate::session) fn service(
        self: &Arc<Self>,
        gate: Arc<dyn Gate>,
        engine: EngineAddress,
    ) -> Service<Self> {
        let rewriter = Arc::clone(self) as Arc<dyn RewriteBody<Ticket>>;
        Service::new(gate, Arc::clone(self), engine).rewriting(rewriter)
    }

    fn container(follower: &Arc<Follower>, container: &Arc<Container>) -> Self {
        Self { follower: Arc::clone(follower), client: Client::Container(Arc::clone(container)) }
    }

    fn record(
        &self,
        container: &Arc<Container>,
        decided: &Decided<'_>,
    ) -> Option<recording::Ticket> {
        let recording = container.recording(|| self.follower.begin(&container.name()));
        let (method, path) = shown(decided);
        let (connection, container) = (decided.arrival.connection, container.name());
        tracing::info!(%container, connection, %method, %path, "recorded");
        recording.map(|recording| write_request(&recording.writer, decided))
    }
}

impl Record for Followed {
    type Ticket = Ticket;

    fn begin(&self, decided: &Decided<'_>) -> Begun<Ticket> {
        let line = match &self.client {
            Client::Command(recorder) => Some(recorder.begin(decided).ticket()),
            Client::Container(container) => self.record(container, decided),
        };
        let Decided { arrival, decision, .. } = decided;
        // Its version is unknown to dsp, or dsp cannot read its form.
        let is_unread = decision.request.is_none() || decision.located.is_none();
        if is_unread && may_create(arrival.method, arrival.target) {
            self.follower.pass_unread("container", None, WhyUnread::Unknown);
        }
        let asks = Asks::of(decision);
        let makes = if line.is_none() { makes(decided) } else { None };
        Begun::Admitted(Ticket { line, makes, asks, made: OnceLock::new() })
    }

    fn reads_answer(&self, ticket: &Ticket) -> bool {
        ticket.line.as_ref().map_or(ticket.makes.is_some(), recording::Ticket::reads_answer)
    }

    fn answered(&self, ticket: &Ticket, status: u16, end: &[u8]) {
        let made = match (&ticket.line, &ticket.makes) {
            (Some(line), _) => line.made(status, end),
            (None, Some(makes)) => makes.read(status, end),
            (None, None) => return,
        };
        for made in made {
            if let (Some(container), ObjectKind::Container) = (ticket.made.get(), made.kind) {
                container.created(made.id.into_owned());
            }
        }
    }

    fn finish(&self, ticket: &Ticket, outcome: &Outcome) {
        if let Some(line) = &ticket.line {
            line.answered(outcome);
        }
        let is_done = outcome.status.is_some_and(|status| (200..300).contains(&status));
        match (&ticket.asks, ticket.made.get()) {
            (Asks::Create(..), Some(container)) if !is_done && !container.is_there() => {
                self.follower.forget(container);
            }
            (Asks::Rename { container, name }, _) if is_done => {
                self.follower.rename(container, name);
            }
            _ => {}
        }
    }
}

impl RewriteBody<Ticket> for Followed {
    fn rewrite(&self, ticket: &Ticket, body: Option<&[u8]>) -> Option<Vec<u8>> {
        let (form, name) = match &ticket.asks {
            Asks::Create(form, name) => (form, name),
            Asks::PlayKube => {
                match body {
                    Some(body) => self.follower.look_at_kube(body),
                    None => self.follower.pass_unread("pod", None, WhyUnread::NotAhead),
                }
                return None;
            }
            Asks::Rename { .. } | Asks::Else => return None,
        };
        let Some(body) = body else {
            self.follower.pass_unread(noun(*form), name.clone(), WhyUnread::NotAhead);
            return None;
        };
        let (container, body) = self.follower.give_socket(body, *form, name.clone())?;
        // This is called once for each request.
        let _ = ticket.made.set(container);
        Some(body)
    }
}

/// Opens sockets whose clients are [`Followed`].
impl Follower {
    /// Gives a container that is about to be created its own socket, if its body mounts the engine's
    /// socket. Returns the container and the body to forward.
    fn give_socket(
        self: &Arc<Self>,
        body: &[u8],
        form: Form,
        name: Option<String>,
    ) -> Option<(Arc<Container>, Vec<u8>)> {
        let name = name.or_else(|| follow::name(body, form));
        let noun = noun(form);
        let mounts = match Mounts::read(body, form) {
            Ok(mounts) => mounts,
            Err(why) => {
                self.pass_unread(noun, name, WhyUnread::Body(why));
                return None;
            }
        };
        let plan = mounts.plan(|path| self.socket.place(path));
        for path in &plan.uncovered {
            self.warn(Unfollowed::Uncovered { noun, name: name.clone(), path: path.clone() });
        }
        if plan.is_empty() {
            return None;
        }
        if matches!(form, Form::Service | Form::Pod) {
            self.warn(Unfollowed::Group { noun, name });
            return None;
        }
        if self.is_full() {
            self.fail(FollowFailure::Full { name, sockets: self.most });
            return None;
        }
        match self.open(name.clone()) {
            Ok((container, path)) => {
                let body = plan.apply(path.to_str()?)?;
                tracing::info!(container = %container.name(), "has a socket of its own");
                Some((container, body))
            }
            Err(error) => {
                self.fail(FollowFailure::Socket { name, error: error.to_string() });
                None
            }
        }
    }

    fn open(
        self: &Arc<Self>,
        name: Option<String>,
    ) -> Result<(Arc<Container>, PathBuf), ListenError> {
        let number = {
            let mut state = self.state();
            state.made += 1;
            state.made
        };
        let path = self.folder.join(format!("{number}.sock"));
        let container = Arc::new(Container::new(number, name));
        self.serve(&container, &path)?;
        self.state().containers.push(Arc::clone(&container));
        Ok((container, path))
    }

    /// Serves a container's socket.
    fn serve(self: &Arc<Self>, container: &Arc<Container>, path: &Path) -> Result<(), ListenError> {
        // The connection's thread has its own runtime, which ends with the command's proxy.
        let _entered = self.runtime.enter();
        let mut listener = bind_for_containers(path, &self.access)?;
        let file = listener.take_file();
        let followed = Arc::new(Followed::container(self, container));
        let own = path.to_str().map(str::to_owned).into_iter().collect();
        let sockets = Sockets::new(own, follow::known_paths(Some(self.socket.path())));
        let observer = Observer::new(self.kind()).reading_contents(sockets);
        let gate = Arc::new(observer.reading_bodies());
        let service = Arc::new(followed.service(gate, self.engine.address.clone()));
        let proxy = Proxy::new(vec![listener]).limits(self.limits).on(&self.workers);
        let running = proxy.observed_by(Arc::new(ConnectionLog::default())).serve(service);
        container.serve(running, file);
        Ok(())
    }

    /// Serves the sockets of containers from an earlier session again. Returns the names of those that
    /// are running: they have mounted the old socket, which cannot be replaced, so they cannot reach an
    /// engine until they are restarted.
    pub(in crate::session) async fn adopt(self: &Arc<Self>) -> Vec<String> {
        let Some(all) = &self.all else { return Vec::new() };
        let mut cut_off = Vec::new();
        let found = engine::mounted_containers(&self.engine.address, ASK_TIME).await;
        for found in found.unwrap_or_default() {
            let Some(path) = adopt::socket_of(&found, all) else { continue };
            let name = found.name.clone();
            let container = Arc::new(Container::of_before(found.id, found.name));
            let served = match adopt::make_room(&path) {
                Ok(folder) => {
                    self.state().folders.extend(folder);
                    self.serve(&container, &path)
                }
                Err(source) => Err(ListenError::Io { address: Address::Unix(path), source }),
            };
            match served {
                Ok(()) => {
                    if found.is_running {
                        cut_off.push(name);
                    }
                    self.state().adopted.push(container);
                }
                // Another dsp process is following it.
                Err(ListenError::InUse { .. }) => {}
                Err(error) => self.warn(Unfollowed::Earlier { name, error: error.to_string() }),
            }
        }
        cut_off
    }
}
