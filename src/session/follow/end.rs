//! The results of following containers.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::container::Container;
use super::follower::{Follower, State};
use super::unfollowed::{FollowFailure, Unfollowed};
use crate::engine;
use crate::proxy::SocketFile;
use crate::recording::Totals;
use crate::session::output::JournalOutput;

/// How long the engine may take to say whether a container still exists.
const ASK_TIME: Duration = Duration::from_secs(2);

/// The results of following containers.
#[derive(Debug, Default)]
pub struct FollowEnd {
    /// The containers that got a socket, and those from earlier sessions that used theirs.
    pub containers: Vec<FollowedContainer>,
    /// Anything that may have used the engine without being recorded.
    pub warnings: Vec<Unfollowed>,
    /// How many further warnings were left out.
    pub more_warnings: usize,
    /// The containers that should have been recorded but were not.
    pub failures: Vec<FollowFailure>,
    /// The names of containers that still exist but whose socket is no longer served.
    pub orphans: Vec<String>,
}

/// The result for one container.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FollowedContainer {
    /// Its name, or the beginning of its ID. A client may have chosen any text.
    pub name: String,
    /// Whether a request came through its socket.
    pub is_heard: bool,
    /// What was recorded; `None` if nothing was.
    pub recorded: Option<Recorded>,
}

/// What was recorded from a container.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recorded {
    /// The recording; `None` for standard output.
    pub file: Option<PathBuf>,
    /// Whether the recording is the container's own.
    pub is_own_file: bool,
    /// The totals of its session.
    pub totals: Totals,
}

impl FollowEnd {
    /// Whether the recordings have gaps.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        let is_lossy = |container: &FollowedContainer| {
            container.recorded.as_ref().is_some_and(|recorded| recorded.totals.dropped > 0)
        };
        !self.failures.is_empty() || self.containers.iter().any(is_lossy)
    }
}

impl Follower {
    /// Ends all sessions and returns the results. Connections that are still open after the grace
    /// period are cut.
    pub(in crate::session) async fn end(&self, grace: Duration) -> FollowEnd {
        let State {
            mut containers,
            adopted,
            warnings,
            more_warnings,
            failures,
            own_folder,
            folders,
            made: _,
        } = std::mem::take(&mut *self.state());
        let mut ends = JoinSet::new();
        let all = containers.iter().chain(&adopted);
        for running in all.filter_map(|container| container.take_running()) {
            ends.spawn(async move { running.drain(grace, std::future::pending()).await });
        }
        ends.join_all().await;
        // An engine makes a folder of a path that is missing, so the file stays with its container.
        let mut orphans = Vec::new();
        for container in containers.iter().chain(&adopted) {
            let Some(name) = self.name_if_there(container).await else {
                drop(container.take_file());
                continue;
            };
            container.take_file().into_iter().for_each(SocketFile::leave);
            orphans.push(name);
        }
        let own_folder = own_folder.filter(|folder| !is_empty(folder.path()));
        own_folder.map(TempDir::keep);
        drop(folders);
        containers.extend(adopted.into_iter().filter(|container| container.is_heard()));
        let ended = containers.iter().map(|container| self.ended(container)).collect();
        FollowEnd { containers: ended, warnings, more_warnings, failures, orphans }
    }

    fn ended(&self, container: &Container) -> FollowedContainer {
        let recorded = |(output, totals): (&JournalOutput, Totals)| Recorded {
            file: output.file().map(Path::to_owned),
            is_own_file: self.is_split(),
            totals,
        };
        FollowedContainer {
            name: container.name(),
            is_heard: container.is_heard(),
            recorded: container.end().map(recorded),
        }
    }

    /// The name of a container that still exists.
    async fn name_if_there(&self, container: &Container) -> Option<String> {
        engine::container_name(&self.engine.address, &container.id()?, ASK_TIME).await
    }

    /// The names of the containers that run and have a socket of this session.
    pub(in crate::session) async fn running(&self) -> Vec<String> {
        let containers = engine::mounted_containers(&self.engine.address, ASK_TIME).await;
        let is_own = |source: &String| Path::new(source).parent() == Some(&*self.folder);
        let mut containers = containers.unwrap_or_default();
        containers.retain(|one| one.is_running && one.sources.iter().any(is_own));
        containers.into_iter().map(|container| container.name).collect()
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}
