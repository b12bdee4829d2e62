//! A recording, from its start to its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::follow::{ContainerSessions, FollowEnd, FollowOptions, Followed, Follower};
use super::front::{Front, FrontOptions, OpenFront};
use super::journal::about_engine;
use super::output::JournalOutput;
use super::recorder::Recorder;
use super::runtime_dir::RuntimeDir;
use super::signals::{EndSignals, Notice, wait_for_containers};
use super::start::{StartError, StartWarning};
use super::workload::{Workload, WorkloadEnd};
use crate::engine::Engine;
use crate::learn;
use crate::peer::Needs;
use crate::policy::Observer;
use crate::proxy::{Limits, Service};
use crate::recording::{self, Progress, Purpose, Session, Totals};

/// The user's choices for a recording.
#[derive(Debug)]
pub struct RecordingOptions {
    /// The sockets, and who uses them.
    pub front: FrontOptions,
    /// Where the recording is written.
    pub output: JournalOutput,
    /// What the recording says about the command.
    pub command: Vec<String>,
    /// Whether that includes all of the command's arguments.
    pub has_arguments: bool,
    /// The labels of the session.
    pub labels: Vec<(String, String)>,
    /// If given, follow containers, and write their sessions there.
    pub follow: Option<ContainerSessions>,
}

/// A recording in progress.
pub struct Recording {
    front: Front,
    workload: Workload,
    signals: Option<EndSignals>,
    recorder: Arc<Recorder>,
    follower: Option<Arc<Follower>>,
    session: Session,
    file: Option<PathBuf>,
}

/// What a person may want to see during a recording.
#[derive(Clone, Debug)]
pub enum RecordingNotice {
    /// The progress; once a second, unless a program owns the terminal.
    Progress(Progress),
    /// The program has ended, and containers that it made still run: they are recorded until they stop, or
    /// until dsp gets a signal.
    Outlived {
        /// Their names.
        containers: Vec<String>,
    },
    /// The recording is ending, and connections are still open.
    Waiting {
        /// How many connections.
        open: usize,
    },
}

/// The result of a recording.
#[derive(Debug)]
pub struct RecordingEnd {
    /// How the workload ended.
    pub workload: WorkloadEnd,
    /// The totals of the session.
    pub totals: Totals,
    /// What was recorded of containers, if they were followed.
    pub follow: Option<FollowEnd>,
    session: Session,
    file: Option<PathBuf>,
}

/// Sessions of several programs in one recording, of which `generate` would make one profile.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SeveralPrograms {
    /// The number of the session that has just ended, counted from 1.
    pub number: usize,
    /// Another program or container. A client may have chosen any text.
    pub other: String,
    /// Whether the first session of the recording is of that one.
    pub is_first: bool,
}

impl Recording {
    /// Opens sockets in front of an engine, and records what arrives there.
    ///
    /// # Errors
    /// [`StartError`]. What `warn` received until then may explain it.
    pub async fn start(
        engine: Engine,
        options: RecordingOptions,
        warn: &mut dyn FnMut(StartWarning),
    ) -> Result<Self, StartError> {
        let RecordingOptions { front, output, command, has_arguments, labels, follow } = options;
        let runtime_dir = front.runtime_dir.clone();
        let ends_at_signal = front.workload.ends_at_signal();
        let front =
            OpenFront::open(front, &engine.address, engine.version.kind, "record", warn).await?;
        let follow = follow.map(|sessions| FollowOptions {
            output: output.clone(),
            sessions,
            labels: labels.clone(),
        });
        let follower = match follow {
            Some(options) => {
                Some(self::follow(options, &engine, front.limits(), &runtime_dir, warn).await?)
            }
            None => None,
        };
        // Before anybody knows the address, so that a signal that is sent after that is handled.
        let signals = ends_at_signal.then(EndSignals::new).transpose()?;
        let session = Session {
            arguments: has_arguments,
            labels: labels.into_iter().collect(),
            engine: Some(about_engine(&engine)),
            ..Session::begin(command)
        };
        let recorder = Arc::new(Recorder::new(output.begin(&session, Purpose::Evidence)?));
        let sockets = front.sockets();
        let observer = Observer::new(engine.version.kind).reading_contents(sockets);
        let (front, workload) = match &follower {
            Some(follower) => {
                let followed = Arc::new(Followed::command(follower, &recorder));
                let gate = Arc::new(observer.reading_bodies());
                front.serve(followed.service(gate, engine.address), Needs::PLACE)
            }
            None => {
                let recorder = Arc::clone(&recorder);
                let service = Service::new(Arc::new(observer), recorder, engine.address);
                front.serve(service, Needs::PLACE)
            }
        };
        let file = output.file().map(Path::to_owned);
        Ok(Self { front, workload, signals, recorder, follower, session, file })
    }

    /// The addresses on which it listens, as people read them.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        self.front.addresses()
    }

    /// The address for `DOCKER_HOST`.
    #[must_use]
    pub fn docker_host(&self) -> &str {
        self.front.docker_host()
    }

    /// Records until the workload ends.
    pub async fn run(mut self, notice: impl Fn(RecordingNotice)) -> RecordingEnd {
        let workload = std::mem::replace(&mut self.workload, Workload::InProcess);
        let (grace, signals) = (workload.grace(), self.signals.take());
        let outlive = &notice;
        let shown = |kind| {
            notice(match kind {
                Notice::Second => RecordingNotice::Progress(self.recorder.progress()),
                Notice::Waiting { open } => RecordingNotice::Waiting { open },
            });
        };
        let outlived = async {
            let Some(follower) = &self.follower else { return };
            let still = |containers| outlive(RecordingNotice::Outlived { containers });
            wait_for_containers(|| follower.running(), still).await;
        };
        let workload = self.front.run(workload, signals, shown, outlived).await;
        self.finish(workload, grace).await
    }

    /// Ends the recording now.
    pub async fn end(self) -> RecordingEnd {
        let grace = self.workload.grace();
        let workload = self.front.end(grace).await;
        self.finish(workload, grace).await
    }

    async fn finish(self, workload: WorkloadEnd, grace: Duration) -> RecordingEnd {
        let Self { recorder, follower, session, file, .. } = self;
        let totals = recorder.end(workload.exit_status());
        let follow = match follower {
            Some(follower) => Some(follower.end(grace).await),
            None => None,
        };
        RecordingEnd { workload, totals, follow, session, file }
    }
}

/// Starts to follow containers. Warns of those that are cut off.
async fn follow(
    options: FollowOptions,
    engine: &Engine,
    limits: Limits,
    runtime_dir: &RuntimeDir,
    warn: &mut dyn FnMut(StartWarning),
) -> Result<Arc<Follower>, StartError> {
    let follower = Arc::new(Follower::new(options, engine, limits, runtime_dir)?);
    for container in follower.adopt().await {
        warn(StartWarning::CutOff { container });
    }
    Ok(follower)
}

impl RecordingEnd {
    /// Whether requests are missing from the session, or from one of a followed container.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        let Totals { dropped, unread, .. } = self.totals;
        dropped > 0 || unread > 0 || self.follow.as_ref().is_some_and(FollowEnd::is_lossy)
    }

    /// Reads the recording, to find out whether it also has sessions of another program. `None` if it has
    /// not, or cannot be read.
    #[must_use]
    pub fn several_programs(&self) -> Option<SeveralPrograms> {
        let earlier = recording::earlier(self.file.as_deref()?, &self.session.id).ok()?;
        let subject = |session: &Session| match &session.container {
            Some(container) => format!("container {container}"),
            None => learn::program_of(&session.command).unwrap_or_else(|| "a listener".to_owned()),
        };
        let own = subject(&self.session);
        let place = earlier.iter().position(|one| subject(one) != own)?;
        let other = subject(earlier.get(place)?);
        Some(SeveralPrograms { number: earlier.len() + 1, other, is_first: place == 0 })
    }
}
