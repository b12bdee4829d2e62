//! Keeps track of all followed containers, and of what went wrong with them.

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
use crate::api::EngineKind;
use crate::engine::Engine;
use crate::follow::{self, EngineSocket, Place};
use crate::proxy::{Access, Limits, Workers};
use crate::recording::{self, Purpose};
use crate::session::connection_log::ConnectionLog;
use crate::session::journal::about_engine;
use crate::session::limits::most_sockets;
use crate::session::output::JournalOutput;
use crate::session::runtime_dir::{RuntimeDir, RuntimeDirError};
use crate::session::sockets::access_for_containers;
use crate::text::{printable, shown};
use crate::wire::EngineAddress;

/// How many characters of a container's name are used in its file name.
const LONGEST_NAME: usize = 200;

/// How many words of a Kubernetes file are checked as paths.
const MOST_WORDS: usize = 4096;

/// The maximum number of warnings that are kept until the end. Clients control how many there are.
const MOST_WARNINGS: usize = 100;

/// Where the sessions of followed containers are written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ContainerSessions {
    /// Into the command's recording.
    Shared,
    /// Into this folder, with a file for each container.
    Folder(PathBuf),
}

/// How containers are followed.
#[derive(Clone, Debug)]
pub(in crate::session) struct FollowOptions {
    /// The command's recording.
    pub(in crate::session) output: JournalOutput,
    /// Where the containers' sessions are written.
    pub(in crate::session) sessions: ContainerSessions,
    /// The labels of every session.
    pub(in crate::session) labels: Vec<(String, String)>,
}

/// Why containers cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The engine is not on a Unix socket, so it may be on another machine.
    #[error(
        "--follow needs an engine on this machine, which mounts dsp's sockets into containers; \
         {engine} may be another one"
    )]
    OtherMachine {
        /// The engine's address.
        engine: EngineAddress,
    },
    /// The folder for the containers' recordings cannot be created.
    #[error("cannot make the folder {}: {source}", shown(folder))]
    Split {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// There is no folder for the sockets.
    #[error(transparent)]
    RuntimeDir(#[from] RuntimeDirError),
}

/// Keeps track of all followed containers. Dropping it removes their sockets.
pub(in crate::session) struct Follower {
    pub(super) engine: Engine,
    pub(super) socket: EngineSocket,
    pub(super) folder: PathBuf,
    /// The parent of the folders of all sessions.
    pub(super) all: Option<PathBuf>,
    pub(super) access: Access,
    pub(super) limits: Limits,
    /// The most containers that get a socket.
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
    /// Containers from an earlier session.
    pub(super) adopted: Vec<Arc<Container>>,
    pub(super) folders: Vec<Folder>,
    pub(super) warnings: Vec<Unfollowed>,
    /// How many warnings were left out for lack of room.
    pub(super) more_warnings: usize,
    pub(super) failures: Vec<FollowFailure>,
    /// Removed at the end, along with its sockets.
    pub(super) own_folder: Option<TempDir>,
}

impl Follower {
    /// Follows the containers of an engine on this machine. Must be called on a runtime that lives as
    /// long as the containers.
    ///
    /// # Errors
    /// When the engine may be on another machine, or when a folder cannot be created.
    pub(in crate::session) fn new(
        options: FollowOptions,
        engine: &Engine,
        limits: Limits,
        runtime_dir: &RuntimeDir,
    ) -> Result<Self, FollowError> {
        let Some(path) = engine.address.socket() else {
            return Err(FollowError::OtherMachine { engine: engine.address.clone() });
        };
        if let ContainerSessions::Folder(folder) = &options.sessions {
            fs::create_dir_all(folder)
                .map_err(|source| FollowError::Split { folder: folder.clone(), source })?;
        }
        let (own_folder, all) = runtime_dir.folder_to_mount()?;
        let folder = own_folder.path().to_owned();
        Ok(Self {
            socket: EngineSocket::new(path, folder.parent().unwrap_or(&folder)),
            all,
            access: access_for_containers(path),
            engine: engine.clone(),
            folder,
            limits,
            most: most_sockets(),
            runtime: Handle::current(),
            workers: Arc::new(Workers::start(&ConnectionLog::default())),
            options,
            state: Mutex::new(State { own_folder: Some(own_folder), ..State::default() }),
        })
    }

    /// The engine's kind.
    pub(super) fn kind(&self) -> EngineKind {
        self.engine.version.kind
    }

    /// Whether no more sockets fit. Another one would use up connections that the workload needs.
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
        let output = self.output(name);
        match output.begin(&session, Purpose::Evidence) {
            Ok(writer) => Some(ContainerRecording { writer, output }),
            Err(error) => {
                let (name, error) = (name.to_owned(), error.to_string());
                self.fail(FollowFailure::Recording { name, error });
                None
            }
        }
    }

    /// Where the session of a container is written. A container's own file is never the command's,
    /// whatever the container's name.
    fn output(&self, name: &str) -> JournalOutput {
        let (folder, shared) = match &self.options.sessions {
            ContainerSessions::Shared => return self.options.output.clone(),
            ContainerSessions::Folder(folder) => (folder, self.options.output.file()),
        };
        let file = folder.join(file_name(name, ""));
        JournalOutput::File(match (fs::metadata(&file), shared.map(fs::metadata)) {
            (Ok(one), Some(Ok(other))) if (one.dev(), one.ino()) == (other.dev(), other.ino()) => {
                folder.join(file_name(name, ".container"))
            }
            _ => file,
        })
    }

    /// Whether each container has its own recording.
    pub(super) fn is_split(&self) -> bool {
        matches!(self.options.sessions, ContainerSessions::Folder(_))
    }

    /// Removes a container that was not created after all.
    pub(super) fn forget(&self, container: &Arc<Container>) {
        self.state().containers.retain(|other| !Arc::ptr_eq(other, container));
        drop(container.take_file());
        if let Some(running) = container.take_running() {
            self.runtime.spawn(async move {
                running.drain(Duration::ZERO, std::future::pending()).await;
            });
        }
    }

    /// Renames a container.
    pub(super) fn rename(&self, called: &str, name: &str) {
        let state = self.state();
        let mut all = state.adopted.iter().chain(&state.containers);
        if let Some(container) = all.rfind(|one| one.is_called(called)) {
            container.rename(name);
        }
    }

    /// Warns about a request that creates something and is forwarded unread.
    pub(super) fn pass_unread(&self, noun: &'static str, name: Option<String>, why: WhyUnread) {
        self.warn(Unfollowed::Unread { noun, name, why });
    }

    /// Warns if a Kubernetes file names the engine's socket, because containers in pods are not
    /// followed.
    pub(super) fn look_at_kube(&self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let mut paths = follow::words(&text).take(MOST_WORDS);
        if paths.any(|path| matches!(self.socket.place(path), Place::Socket | Place::Folder(_))) {
            self.warn(Unfollowed::Kubernetes);
        }
    }

    /// Keeps a warning for the end, unless it is already there.
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

    /// Keeps a failure for the end. Of the failures for lack of room, only the first one is kept.
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

/// The name of a container's file. The container's name comes from a client, so it may have any length
/// and contain characters that the engine does not allow.
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
