//! `record --follow`: each container that asks for the engine's socket gets one of its own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::adopt::Folder;
use super::followed::{Container, Followed, LONGEST_BODY, Session};
use super::record::describe;
use super::unfollowed::{consequence, noun, reason};
use super::{adopt, args, output, serve};
use crate::api::{Address, EngineKind};
use crate::engine::{self, Engine};
use crate::follow::{self, EngineSocket, Form, Mounts, Place};
use crate::policy::Observer;
use crate::proxy::{self, Access, Limits, ListenError, Listener, Workers};
use crate::recording::{self, Writer};
use crate::report::{count, printable};
use crate::text::shown;

/// The mode of a container's socket where it cannot have the owner of the engine's: the folder that it
/// is in lets in nobody but those it is mounted for.
const OPEN_MODE: u32 = 0o666;

/// How many letters of a container's name are in that of its file.
const LONGEST_NAME: usize = 200;

/// How many paths of a file of Kubernetes are looked at.
const MOST_WORDS: usize = 4096;

/// How long the engine may take to say whether a container is still there.
const ASK_TIME: Duration = Duration::from_secs(2);

/// The most warnings that are kept for the end. Those who make containers decide how many there are.
const MOST_WARNINGS: usize = 100;

/// Hands out sockets, and knows who has which.
pub(super) struct Follower {
    engine: Engine,
    socket: EngineSocket,
    folder: PathBuf,
    /// Where the folders of all sessions are.
    all: Option<PathBuf>,
    access: Access,
    limits: Limits,
    /// How many containers get a socket.
    most: usize,
    runtime: Handle,
    workers: Arc<Workers>,
    output: PathBuf,
    split: Option<PathBuf>,
    labels: Vec<(String, String)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    made: usize,
    containers: Vec<Arc<Container>>,
    /// Those of an earlier session.
    adopted: Vec<Arc<Container>>,
    folders: Vec<Folder>,
    warnings: Vec<String>,
    /// How many warnings there were for which there is no room.
    more_warnings: usize,
    errors: Vec<String>,
    /// It was told that there is no room for more sockets.
    has_told_room: bool,
    held: Option<TempDir>,
}

impl Follower {
    /// Follows the containers of an engine on this machine.
    pub(super) fn new(
        args: &args::Record,
        engine: &Engine,
        limits: Limits,
    ) -> anyhow::Result<Self> {
        let Address::Unix(path) = &engine.address else {
            bail!(
                "--follow needs an engine on this machine, which mounts dsp's sockets into containers; \
                 {} may be another one",
                engine.address
            );
        };
        if let Some(split) = &args.split {
            fs::create_dir_all(split)
                .with_context(|| format!("cannot make the folder {}", shown(split)))?;
        }
        let (held, all) = serve::folder_to_mount()?;
        let folder = held.path().to_owned();
        Ok(Self {
            socket: EngineSocket::new(path, folder.parent().unwrap_or(&folder)),
            all,
            access: serve::access_of(path)
                .unwrap_or_else(|| Access { mode: Some(OPEN_MODE), ..Access::default() }),
            engine: engine.clone(),
            folder,
            limits,
            most: serve::most_sockets(),
            runtime: Handle::current(),
            workers: Arc::new(Workers::start()),
            output: args.output.clone(),
            split: args.split.clone(),
            labels: args.labels.clone(),
            state: Mutex::new(State { held: Some(held), ..State::default() }),
        })
    }

    /// The engine's kind.
    pub(super) fn kind(&self) -> EngineKind {
        self.engine.version.kind
    }

    /// Gives a container that is about to be created a socket of its own, if its body asks for the
    /// engine's: the container and the body that goes on.
    pub(super) fn give_socket(
        self: &Arc<Self>,
        body: &[u8],
        form: Form,
        name: Option<String>,
    ) -> Option<(Arc<Container>, Vec<u8>)> {
        let name = name.or_else(|| follow::name(body, form));
        let called = || name.as_deref().map_or_else(|| "without a name".to_owned(), printable);
        let noun = noun(form);
        let mounts = match Mounts::read(body, form) {
            Ok(mounts) => mounts,
            Err(why) => {
                self.pass_unread(noun, name.as_deref(), reason(why));
                return None;
            }
        };
        let plan = mounts.plan(|path| self.socket.place(path));
        for path in &plan.uncovered {
            self.warn(format!("{noun} {} {}", called(), consequence(path)));
        }
        if plan.is_empty() {
            return None;
        }
        if matches!(form, Form::Service | Form::Pod) {
            self.warn(format!(
                "{noun} {} mounts the engine's socket; containers of a {noun} are not followed",
                called()
            ));
            return None;
        }
        if self.is_full() {
            self.fail_once(format!(
                "container {} and others after it are not followed: {} have a socket, and the limit of \
                 open files has no room for more",
                called(),
                count(self.most, "container")
            ));
            return None;
        }
        match self.open(name.clone()) {
            Ok((container, path)) => {
                let body = plan.apply(path.to_str()?)?;
                tracing::info!(container = %container.name(), "has a socket of its own");
                Some((container, body))
            }
            Err(error) => {
                let error = error.to_string();
                self.fail(format!("container {} is not followed: {error}", called()));
                None
            }
        }
    }

    /// Whether another socket would take the room of the connections, with which the workload would fail.
    fn is_full(&self) -> bool {
        let state = self.state.lock();
        state.containers.len() + state.adopted.len() >= self.most
    }

    fn open(
        self: &Arc<Self>,
        name: Option<String>,
    ) -> Result<(Arc<Container>, PathBuf), ListenError> {
        let number = {
            let mut state = self.state.lock();
            state.made += 1;
            state.made
        };
        let path = self.folder.join(format!("{number}.sock"));
        let container = Arc::new(Container::new(number, name));
        self.serve(&container, &path)?;
        self.state.lock().containers.push(Arc::clone(&container));
        Ok((container, path))
    }

    /// Serves a container's socket.
    fn serve(self: &Arc<Self>, container: &Arc<Container>, path: &Path) -> Result<(), ListenError> {
        // The thread of the connection has a runtime of its own, which ends with the command's.
        let _entered = self.runtime.enter();
        let listener = Listener::bind_unix(path, &self.access).or_else(|error| match error {
            ListenError::Io { .. } => {
                let open = Access { mode: Some(OPEN_MODE), ..Access::default() };
                Listener::bind_unix(path, &open)
            }
            other => Err(other),
        })?;
        let sink = Arc::new(Followed::container(self, container));
        let gate = Arc::new(Observer::new(self.kind()).reading_bodies(LONGEST_BODY));
        let (engine, listeners) = (self.engine.address.clone(), vec![listener]);
        let (workers, limits) = (&self.workers, self.limits);
        container.serve(proxy::start_on(workers, listeners, engine, gate, sink, limits));
        Ok(())
    }

    /// Serves the sockets that containers have of an earlier session.
    pub(super) async fn adopt(self: &Arc<Self>) {
        let Some(all) = &self.all else { return };
        let containers = engine::mounted_containers(&self.engine.address, ASK_TIME).await;
        for found in containers {
            let Some(path) = adopt::socket_of(&found, all) else { continue };
            let name = printable(&found.name);
            let container = Arc::new(Container::of_before(found.id, found.name));
            let served = match adopt::make_room(&path) {
                Ok(folder) => {
                    self.state.lock().folders.extend(folder);
                    self.serve(&container, &path)
                }
                Err(source) => Err(ListenError::Io { address: Address::Unix(path), source }),
            };
            match served {
                Ok(()) => {
                    if found.is_running {
                        warn_of_running(&name);
                    }
                    self.state.lock().adopted.push(container);
                }
                // That of another dsp that follows at the moment.
                Err(ListenError::InUse { .. }) => {}
                Err(error) => {
                    self.warn(format!("container {name} is not followed again: {error}"));
                }
            }
        }
    }

    /// Begins the session of a container.
    pub(super) fn begin(&self, name: &str) -> Option<Session> {
        let mut session = recording::Session::begin(Vec::new());
        session.container = Some(printable(name));
        session.labels = self.labels.iter().cloned().collect();
        session.engine = Some(describe(&self.engine));
        let file = self.file(name);
        match Writer::create(&file, &session) {
            Ok(writer) => Some(Session { writer, file }),
            Err(error) => {
                self.fail(format!("container {} is not recorded: {error}", printable(name)));
                None
            }
        }
    }

    /// The file of a container. What the command asks stays apart, whatever the container is called.
    fn file(&self, name: &str) -> PathBuf {
        let Some(folder) = &self.split else { return self.output.clone() };
        let file = folder.join(file_name(name, ""));
        match (fs::metadata(&file), fs::metadata(&self.output)) {
            (Ok(one), Ok(other)) if (one.dev(), one.ino()) == (other.dev(), other.ino()) => {
                folder.join(file_name(name, ".container"))
            }
            _ => file,
        }
    }

    /// A container was not created after all.
    pub(super) fn forget(&self, container: &Arc<Container>) {
        self.state.lock().containers.retain(|other| !Arc::ptr_eq(other, container));
        if let Some(running) = container.take_running() {
            self.runtime.spawn(async move {
                running.drain(Duration::ZERO, std::future::pending()).await;
            });
        }
    }

    /// A container has another name.
    pub(super) fn rename(&self, called: &str, name: &str) {
        let state = self.state.lock();
        let mut all = state.adopted.iter().chain(&state.containers);
        if let Some(container) = all.rfind(|one| one.is_called(called)) {
            container.rename(name);
        }
    }

    /// A request that creates something goes on without a look; `reason` says of the request why.
    pub(super) fn pass_unread(&self, noun: &str, name: Option<&str>, reason: &str) {
        let what =
            name.map_or_else(|| format!("a {noun}"), |name| format!("{noun} {}", printable(name)));
        self.warn(format!(
            "the request that creates {what} {reason}; if it asks for the engine's socket, it is not \
             followed"
        ));
    }

    /// A file of Kubernetes makes pods whose containers are not followed.
    pub(super) fn look_at_kube(&self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let mut paths = follow::words(&text).take(MOST_WORDS);
        if paths.any(|path| matches!(self.socket.place(path), Place::Socket | Place::Folder(_))) {
            self.warn(
                "a file of Kubernetes names the engine's socket, or its folder; the containers of its \
                 pods are not followed"
                    .to_owned(),
            );
        }
    }

    /// Ends all sessions and says what came of them. Tells whether anything was lost.
    pub(super) async fn end(&self, grace: Duration, is_quiet: bool) -> bool {
        let State {
            mut containers, adopted, warnings, more_warnings, errors, held, folders, ..
        } = std::mem::take(&mut *self.state.lock());
        let mut ends = JoinSet::new();
        let all = containers.iter().chain(&adopted);
        for running in all.filter_map(|container| container.take_running()) {
            ends.spawn(async move { running.drain(grace, std::future::pending()).await });
        }
        ends.join_all().await;
        drop((held, folders));
        containers.extend(adopted.into_iter().filter(|container| container.is_heard()));
        let mut lost = !errors.is_empty();
        for container in &containers {
            let name = printable(&container.name());
            let ended = container.end();
            if let Some((file, totals)) = &ended
                && totals.dropped > 0
            {
                lost = true;
                let (lines, file) = (count(totals.dropped, "line"), shown(file));
                output::error(&format!(
                    "{lines} of container {name} could not be written to {file}; its session is marked \
                     as lossy"
                ));
            }
            if !is_quiet {
                output::note(&format!("container {name}: {}", self.told(container, ended)));
            }
        }
        if containers.is_empty() && !is_quiet {
            output::note("no container asked for the engine's socket");
        }
        warnings.iter().for_each(|warning| output::warn(warning));
        if more_warnings > 0 {
            output::warn(&format!("and {more_warnings} more of the kind; --verbose tells of each"));
        }
        errors.iter().for_each(|error| output::error(error));
        self.warn_of_orphans(&containers).await;
        lost
    }

    fn told(&self, container: &Container, ended: Option<(&PathBuf, recording::Totals)>) -> String {
        let Some((file, totals)) = ended else {
            let nothing = if container.is_heard() {
                "nothing was recorded"
            } else {
                "no request came through"
            };
            return nothing.to_owned();
        };
        let place = match self.split {
            Some(_) => format!(" recorded in {}", shown(file)),
            None => String::new(),
        };
        let operations = count(totals.operations, "operation");
        format!("{}, {operations}{place}", count(totals.requests, "request"))
    }

    /// Containers that are still there have a socket that nobody serves.
    async fn warn_of_orphans(&self, containers: &[Arc<Container>]) {
        let mut left = Vec::new();
        for id in containers.iter().filter_map(|container| container.id()) {
            let name = engine::container_name(&self.engine.address, &id, ASK_TIME).await;
            left.extend(name.as_deref().map(printable));
        }
        if left.is_empty() {
            return;
        }
        output::warn(&format!(
            "still there, with a recording socket that is gone: {}",
            left.join(", ")
        ));
        output::help(&format!(
            "create them anew before they run again: docker rm -f {}, or docker compose up \
             --force-recreate",
            left.join(" ")
        ));
    }

    fn warn(&self, warning: String) {
        tracing::info!("{warning}");
        let mut state = self.state.lock();
        if state.warnings.contains(&warning) {
            return;
        }
        if state.warnings.len() < MOST_WARNINGS {
            state.warnings.push(warning);
        } else {
            state.more_warnings = state.more_warnings.saturating_add(1);
        }
    }

    /// Tells the first of several.
    fn fail_once(&self, error: String) {
        if !std::mem::replace(&mut self.state.lock().has_told_room, true) {
            self.fail(error);
        }
    }

    fn fail(&self, error: String) {
        tracing::info!("{error}");
        self.state.lock().errors.push(error);
    }
}

/// A container that was started before has the old socket, which no other one can stand in for.
fn warn_of_running(name: &str) {
    output::warn(&format!(
        "container {name} has run since before, with a recording socket that is gone; it reaches no \
         engine, and nothing of it is recorded, until it is started again"
    ));
    output::help(&format!("docker restart {name}"));
}

/// The name of a container's file. Its own is the client's word, of which the engine allows no other
/// letters, and of any length.
fn file_name(container: &str, suffix: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let name: String = container.trim_start_matches('.').chars().take(LONGEST_NAME).collect();
    format!("{}{suffix}.jsonl", name.replace(|c| !is_plain(c), "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_container_is_in_the_folder() {
        assert_eq!(file_name("web-1", ""), "web-1.jsonl");
        assert_eq!(file_name("../x/y", ".container"), "_x_y.container.jsonl");
        assert_eq!(file_name(&"é".repeat(300), "").len(), 206);
    }
}
