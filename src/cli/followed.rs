//! What is recorded of one client under `record --follow`: the command, or one of the containers.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use serde::Deserialize;

use super::audit::shown;
use super::follow::Follower;
use super::record::{Recorder, write_outcome, write_request};
use super::unfollowed::noun;
use crate::api::{EngineKind, Made};
use crate::follow::Form;
use crate::policy::Decision;
use crate::proxy::{self, Begun, Running, Sink};
use crate::recording::{self, Totals, Writer};

/// How many digits of an id stand for it, as in the docker CLI.
const SHORT_ID: usize = 12;

/// The longest body in bytes of a request that creates a container; those of real ones have a few KiB.
pub(super) const LONGEST_BODY: usize = 4 << 20;

/// Why a request goes on without a look, said of it: its body is not there to be read ahead, or nobody
/// knows what it asks for.
const NOT_AHEAD: &str = "is too long or cannot be read ahead";
const UNKNOWN: &str = "is of a version or in a form that dsp does not know";

/// A container with a socket of its own.
#[derive(Debug)]
pub(super) struct Container {
    number: usize,
    identity: Mutex<Identity>,
    /// Begun with the first request, when the container has its name; none when that failed.
    session: OnceLock<Option<Session>>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug, Default)]
struct Identity {
    id: Option<String>,
    name: Option<String>,
}

/// The session of a container, and the file that it is in.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) writer: Writer,
    pub(super) file: PathBuf,
}

/// Records what one client asks, and follows the containers that it creates.
pub(super) struct Followed {
    follower: Arc<Follower>,
    client: Client,
}

enum Client {
    Command(Arc<Recorder>),
    Container(Arc<Container>),
}

/// A request on its way.
pub(super) struct Ticket {
    line: Option<recording::Ticket>,
    asks: Asks,
    made: OnceLock<Arc<Container>>,
}

/// What a request means for those who are followed.
enum Asks {
    Create(Form, Option<String>),
    PlayKube,
    Rename { container: String, name: String },
    Else,
}

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
}

impl Followed {
    /// The command.
    pub(super) fn command(follower: &Arc<Follower>, recorder: &Arc<Recorder>) -> Self {
        Self { follower: Arc::clone(follower), client: Client::Command(Arc::clone(recorder)) }
    }

    /// A container.
    pub(super) fn container(follower: &Arc<Follower>, container: &Arc<Container>) -> Self {
        Self { follower: Arc::clone(follower), client: Client::Container(Arc::clone(container)) }
    }

    fn record(
        &self,
        container: &Arc<Container>,
        arrival: &proxy::Arrival<'_>,
        decision: &Decision,
    ) -> Option<recording::Ticket> {
        let session = container.session.get_or_init(|| self.follower.begin(&container.name()));
        let (method, path) = shown(arrival, decision);
        let (connection, container) = (arrival.connection, container.name());
        tracing::info!(%container, connection, %method, %path, "recorded");
        session.as_ref().map(|session| write_request(&session.writer, arrival, decision))
    }
}

impl Sink for Followed {
    type Ticket = Ticket;

    fn begin(&self, arrival: &proxy::Arrival<'_>, decision: &Decision) -> Begun<Ticket> {
        let line = match &self.client {
            Client::Command(recorder) => Some(recorder.begin(arrival, decision).ticket),
            Client::Container(container) => self.record(container, arrival, decision),
        };
        // Of a version that dsp does not know, or in a form that it does not read.
        let is_unread = decision.request.is_none() || decision.located.is_none();
        if is_unread && may_create(arrival.method, arrival.target) {
            self.follower.pass_unread("container", None, UNKNOWN);
        }
        let asks = Asks::of(decision, self.follower.kind());
        Begun::admitted(Ticket { line, asks, made: OnceLock::new() })
    }

    fn finish(&self, ticket: &Ticket, outcome: &proxy::Outcome) {
        if let Some(line) = &ticket.line {
            write_outcome(line, outcome);
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

    fn rewrite(&self, ticket: &Ticket, body: Option<&[u8]>) -> Option<Vec<u8>> {
        let (form, name) = match &ticket.asks {
            Asks::Create(form, name) => (form, name),
            Asks::PlayKube => {
                match body {
                    Some(body) => self.follower.look_at_kube(body),
                    None => self.follower.pass_unread("pod", None, NOT_AHEAD),
                }
                return None;
            }
            Asks::Rename { .. } | Asks::Else => return None,
        };
        let Some(body) = body else {
            self.follower.pass_unread(noun(*form), name.as_deref(), NOT_AHEAD);
            return None;
        };
        let (container, body) = self.follower.give_socket(body, *form, name.clone())?;
        // Called once for each request.
        let _ = ticket.made.set(container);
        Some(body)
    }

    fn answered(&self, ticket: &Ticket, status: u16, body: &[u8]) {
        if let (Some(container), 201) = (ticket.made.get(), status)
            && let Ok(created) = serde_json::from_slice::<Created>(body)
        {
            container.identity.lock().id = Some(created.id);
        }
    }
}

/// Whether a target that dsp does not read may be one that creates a container, or one that starts it
/// with mounts in its body, as engines up to 24 take it below version 1.24. An engine reads what is
/// escaped.
fn may_create(method: &str, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let mut words = path.split('/').filter(|word| !word.is_empty());
    let is_there =
        words.any(|word| matches!(word, "containers" | "services" | "pods" | "kube" | "play"));
    let last = words.next_back().unwrap_or_default();
    method == "POST" && is_there && matches!(last, "create" | "start" | "update" | "play" | "kube")
}

impl Asks {
    fn of(decision: &Decision, kind: EngineKind) -> Self {
        let (Some(request), Some(located)) = (&decision.request, &decision.located) else {
            return Self::Else;
        };
        let name = || {
            let mut named = request.query().pairs().filter(|(key, _)| key == "name");
            // Of several, Go's `Form.Get` takes the first, and gorilla's decoder of forms the last.
            let (_, name) = match kind {
                EngineKind::Docker => named.next()?,
                EngineKind::Podman => named.last()?,
            };
            let name = String::from_utf8_lossy(&name).trim_start_matches('/').to_owned();
            (!name.is_empty()).then_some(name)
        };
        let traits = located.operation.traits;
        if traits.rename {
            return match (located.values.first(), name()) {
                (Some(container), Some(name)) => {
                    Self::Rename { container: container.clone(), name }
                }
                _ => Self::Else,
            };
        }
        match traits.makes {
            Some(Made::Container) => Self::Create(Form::Container, name()),
            Some(Made::LibpodContainer) => Self::Create(Form::Libpod, None),
            Some(Made::Pod) => Self::Create(Form::Pod, None),
            Some(Made::Service) => Self::Create(Form::Service, None),
            Some(Made::Volume) => Self::Create(Form::Volume, None),
            Some(Made::Kube) => Self::PlayKube,
            None => Self::Else,
        }
    }
}

impl Container {
    /// One that is about to be created.
    pub(super) fn new(number: usize, name: Option<String>) -> Self {
        let identity = Mutex::new(Identity { id: None, name });
        Self { number, identity, session: OnceLock::new(), running: Mutex::new(None) }
    }

    /// One of an earlier session.
    pub(super) fn of_before(id: String, name: String) -> Self {
        let container = Self::new(0, Some(name).filter(|name| !name.is_empty()));
        container.identity.lock().id = Some(id);
        container
    }

    /// Its name, or the beginning of its id where nobody gave it one.
    pub(super) fn name(&self) -> String {
        let identity = self.identity.lock();
        let short = |id: &String| id.get(..SHORT_ID).unwrap_or(id).to_owned();
        let name = identity.name.clone().or_else(|| identity.id.as_ref().map(short));
        name.unwrap_or_else(|| format!("container-{}", self.number))
    }

    /// Its id, once the engine has said it.
    pub(super) fn id(&self) -> Option<String> {
        self.identity.lock().id.clone()
    }

    /// Whether the engine has created it.
    fn is_there(&self) -> bool {
        self.identity.lock().id.is_some()
    }

    /// Whether a request means it with this name or id.
    pub(super) fn is_called(&self, called: &str) -> bool {
        let called = called.trim_start_matches('/');
        let identity = self.identity.lock();
        let is_id = |id: &String| called.len() >= SHORT_ID && id.starts_with(called);
        identity.name.as_deref() == Some(called) || identity.id.as_ref().is_some_and(is_id)
    }

    /// Whether anything came through its socket.
    pub(super) fn is_heard(&self) -> bool {
        self.session.get().is_some()
    }

    /// Gives it another name.
    pub(super) fn rename(&self, name: &str) {
        self.identity.lock().name = Some(name.to_owned());
    }

    /// Its socket is served.
    pub(super) fn serve(&self, running: Running) {
        *self.running.lock() = Some(running);
    }

    /// What serves its socket, to end it.
    pub(super) fn take_running(&self) -> Option<Running> {
        self.running.lock().take()
    }

    /// Ends its session: the file and what is in it, where anything was asked.
    pub(super) fn end(&self) -> Option<(&PathBuf, Totals)> {
        let session = self.session.get()?.as_ref()?;
        Some((&session.file, session.writer.end(None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_create_a_container_is_known_in_forms_that_nobody_reads() {
        for target in [
            "/v1.23/containers/create?name=x",
            "/v1.23/containers/web/start",
            "//containers//create",
            "/containers/cre%61te",
            "http://d/v1.41/containers/create",
            "/v9.9.9/libpod/pods/create",
            "/libpod/play/kube",
            "/services/web/update",
        ] {
            assert!(may_create("POST", target), "{target}");
        }
        for target in
            ["*", "/", "/create", "/images/create", "/containers/json", "/v1.41/volumes/x"]
        {
            assert!(!may_create("POST", target), "{target}");
        }
        assert!(!may_create("GET", "/containers/create"));
    }

    #[test]
    fn a_container_goes_by_its_name_and_its_id() {
        let container = Container::new(3, None);
        assert_eq!(container.name(), "container-3");
        container.identity.lock().id = Some("0123456789abcdef".to_owned());
        assert_eq!(container.name(), "0123456789ab");
        assert!(container.is_called("0123456789ab") && !container.is_called("0123"));
        container.rename("web");
        assert_eq!(container.name(), "web");
        assert!(container.is_called("/web") && !container.is_called("we"));
    }
}
