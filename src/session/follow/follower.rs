//! Knows all containers that are followed, and what went wrong with them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tempfile::TempDir;
use tokio::runtime::Handle;

use super::adopt::Folder;
use super::container::{Container, ContainerRecording};
use super::unfollowed::{FollowFailure, Unfollowed, WhyUnread};
use crate::api::{Address, EngineKind};
use crate::engine::Engine;
use crate::follow::{self, EngineSocket, Place};
use crate::proxy::{Access, Limits, Workers};
use crate::recording::{self, Writer};
use crate::session::journal::about_engine;
use crate::session::limits::most_sockets;
use crate::session::runtime_dir::{RuntimeDir, RuntimeDirError};
use crate::session::sockets::access_of;
use crate::text::{printable, shown};

/// The mode of a container's socket if it cannot have the owner of the engine's. The folder that it is
/// in lets in only the containers that it is mounted into.
pub(super) const OPEN_MODE: u32 = 0o666;

/// How many letters of a container's name are in that of its file.
const LONGEST_NAME: usize = 200;

/// How many paths of a file of Kubernetes are looked at.
const MOST_WORDS: usize = 4096;

/// The most warnings that are kept for the end. Clients decide how many there are.
const MOST_WARNINGS: usize = 100;

/// What a person chose about the containers.
#[derive(Clone, Debug)]
pub struct FollowOptions {
    /// The recording, which the containers share with the command.
    pub output: PathBuf,
    /// The folder in which each container has a recording of its own instead.
    pub split: Option<PathBuf>,
    /// The labels of each session.
    pub labels: Vec<(String, String)>,
}

/// Why containers cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The engine has no socket on this machine.
    #[error(
        "--follow needs an engine on this machine, which mounts dsp's sockets into containers; \
         {engine} may be another one"
    )]
    OtherMachine {
        /// Where the engine is.
        engine: Address,
    },
    /// The folder for the containers' recordings cannot be made.
    #[error("cannot make the folder {}: {source}", shown(folder))]
    Split {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no folder for the sockets.
    #[error(transparent)]
    RuntimeDir(#[from] RuntimeDirError),
}

/// Knows all containers that are followed. Dropped, it removes their sockets.
pub struct Follower {
    pub(super) engine: Engine,
    pub(super) socket: EngineSocket,
    pub(super) folder: PathBuf,
    /// Where the folders of all sessions are.
    pub(super) all: Option<PathBuf>,
    pub(super) access: Access,
    pub(super) limits: Limits,
    /// How many containers get a socket.
    pub(super) most: usize,
    pub(super) runtime: Handle,
    pub(super) workers: Arc<Workers>,
    options: FollowOptions,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) made: usize,
    pub(super) containers: Vec<Arc<Container>>,
    /// Those of an earlier session.
    pub(super) adopted: Vec<Arc<Container>>,
    pub(super) folders: Vec<Folder>,
    pub(super) warnings: Vec<Unfollowed>,
    /// How many warnings there were for which there is no room.
    pub(super) more_warnings: usize,
    pub(super) failures: Vec<FollowFailure>,
    /// Removed at the end, with the sockets in it.
    pub(super) own_folder: Option<TempDir>,
}

impl Follower {
    /// Follows the containers of an engine on this machine. Has to be called on the runtime that lives
    /// as long as the containers.
    ///
    /// # Errors
    /// When the engine may be on another machine, and when a folder cannot be made.
    pub fn new(
        options: FollowOptions,
        engine: &Engine,
        limits: Limits,
        runtime_dir: &RuntimeDir,
    ) -> Result<Self, FollowError> {
        let Address::Unix(path) = &engine.address else {
            return Err(FollowError::OtherMachine { engine: engine.address.clone() });
        };
        if let Some(split) = &options.split {
            fs::create_dir_all(split)
                .map_err(|source| FollowError::Split { folder: split.clone(), source })?;
        }
        let (own_folder, all) = runtime_dir.folder_to_mount()?;
        let folder = own_folder.path().to_owned();
        Ok(Self {
            socket: EngineSocket::new(path, folder.parent().unwrap_or(&folder)),
            all,
            access: access_of(path)
                .unwrap_or_else(|| Access { mode: Some(OPEN_MODE), ..Access::default() }),
            engine: engine.clone(),
            folder,
            limits,
            most: most_sockets(),
            runtime: Handle::current(),
            workers: Arc::new(Workers::start()),
            options,
            state: Mutex::new(State { own_folder: Some(own_folder), ..State::default() }),
        })
    }

    /// The engine's kind.
    pub(super) fn kind(&self) -> EngineKind {
        self.engine.version.kind
    }

    /// Whether another socket would take the room of connections, which the workload needs.
    pub(super) fn is_full(&self) -> bool {
        let state = self.state();
        state.containers.len() + state.adopted.len() >= self.most
    }

    /// Begins the session of a container.
    pub(super) fn begin(&self, name: &str) -> Option<ContainerRecording> {
        let mut session = recording::Session::begin(Vec::new());
        session.container = Some(printable(name));
        session.labels = self.options.labels.iter().cloned().collect();
        session.engine = Some(about_engine(&self.engine));
        let file = self.file(name);
        match Writer::create(&file, &session) {
            Ok(writer) => Some(ContainerRecording { writer, file }),
            Err(error) => {
                let (name, error) = (name.to_owned(), error.to_string());
                self.fail(FollowFailure::Recording { name, error });
                None
            }
        }
    }

    /// The file of a container. The command's requests stay apart, whatever the container is called.
    fn file(&self, name: &str) -> PathBuf {
        let Some(folder) = &self.options.split else { return self.options.output.clone() };
        let file = folder.join(file_name(name, ""));
        match (fs::metadata(&file), fs::metadata(&self.options.output)) {
            (Ok(one), Ok(other)) if (one.dev(), one.ino()) == (other.dev(), other.ino()) => {
                folder.join(file_name(name, ".container"))
            }
            _ => file,
        }
    }

    /// Whether each container has a recording of its own.
    pub(super) fn is_split(&self) -> bool {
        self.options.split.is_some()
    }

    /// A container was not created after all.
    pub(super) fn forget(&self, container: &Arc<Container>) {
        self.state().containers.retain(|other| !Arc::ptr_eq(other, container));
        if let Some(running) = container.take_running() {
            self.runtime.spawn(async move {
                running.drain(Duration::ZERO, std::future::pending()).await;
            });
        }
    }

    /// A container has another name.
    pub(super) fn rename(&self, called: &str, name: &str) {
        let state = self.state();
        let mut all = state.adopted.iter().chain(&state.containers);
        if let Some(container) = all.rfind(|one| one.is_called(called)) {
            container.rename(name);
        }
    }

    /// A request that creates something is forwarded without a look.
    pub(super) fn pass_unread(&self, noun: &'static str, name: Option<String>, why: WhyUnread) {
        self.warn(Unfollowed::Unread { noun, name, why });
    }

    /// A file of Kubernetes makes pods whose containers are not followed.
    pub(super) fn look_at_kube(&self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let mut paths = follow::words(&text).take(MOST_WORDS);
        if paths.any(|path| matches!(self.socket.place(path), Place::Socket | Place::Folder(_))) {
            self.warn(Unfollowed::Kubernetes);
        }
    }

    /// Keeps a warning for the end, each once.
    pub(super) fn warn(&self, warning: Unfollowed) {
        tracing::info!("{warning}");
        let mut state = self.state();
        if state.warnings.contains(&warning) {
            return;
        }
        if state.warnings.len() < MOST_WARNINGS {
            state.warnings.push(warning);
        } else {
            state.more_warnings = state.more_warnings.saturating_add(1);
        }
    }

    /// Keeps a failure for the end; of those for which there is no room only the first one.
    pub(super) fn fail(&self, failure: FollowFailure) {
        let is_full = |failure: &FollowFailure| matches!(failure, FollowFailure::Full { .. });
        let mut state = self.state();
        if is_full(&failure) && state.failures.iter().any(is_full) {
            return;
        }
        tracing::info!("{failure}");
        state.failures.push(failure);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// The name of a container's file. The container's name comes from a client, so it may have letters
/// that the engine does not allow, and any length.
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
