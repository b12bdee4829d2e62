//! A recording of a whole host, from its start to its end.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::folder::Found;
use super::holders::{Holder, Holders, started_since};
use super::programs::{
    Beyond, MOST_PROGRAMS, Programs, ProgramsEnd, RecordedProgram, SessionStart,
};
use super::socket::{GivenBack, HostSocket};
use super::socket_error::HostSocketError;
use super::taken::{Standing, Taken};
use crate::api::{Address, AddressError};
use crate::contents::Sockets;
use crate::engine::{self, Engine};
use crate::peer::Needs;
use crate::policy::Observer;
use crate::proxy::{Limits, ListenError, Listener, Proxy, Running};
use crate::session::clients::WhoAsks;
use crate::session::connection_log::ConnectionLog;
use crate::session::containers::Containers;
use crate::session::journal::about_engine;
use crate::session::limits::{most_connections, raise_open_files};
use crate::session::signals::{self, EndSignal, EndSignals, Notice, SignalError};
use crate::session::sockets::access_of;
use crate::text::shown;
use crate::wire::EngineAddress;

/// How often dsp looks whether it still has the place.
const LOOK_AFTER: Duration = Duration::from_millis(250);

/// How long an engine that has made its socket anew may take to answer.
const PING_TIME: Duration = Duration::from_secs(2);

/// How often dsp asks whether containers still have its socket.
const ASK_AFTER: Duration = Duration::from_secs(1);

/// The user's choices for a recording of a whole host.
#[derive(Clone, Debug)]
pub struct HostRecordingOptions {
    /// The folder for the recordings. It is created if it does not exist.
    pub folder: PathBuf,
    /// The labels of each session.
    pub labels: Vec<(String, String)>,
    /// How many connections there may be, as far as the limit on open files allows.
    pub connections: usize,
    /// How long open requests may go on at the end.
    pub grace: Duration,
}

/// Why a whole host cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum HostRecordingError {
    /// The place cannot be taken.
    #[error(transparent)]
    Socket(#[from] HostSocketError),
    /// The folder for the recordings cannot be created.
    #[error("cannot make the folder {}: {source}", shown(folder))]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// dsp cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A path is not one of a socket.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Signals cannot be handled.
    #[error(transparent)]
    Signals(#[from] SignalError),
}

/// A recording of a whole host in progress.
pub struct HostRecording {
    taken: Taken,
    running: Running,
    programs: Arc<Programs>,
    holders: Holders,
    before: Vec<Holder>,
    survey: Survey,
    signals: EndSignals,
    grace: Duration,
}

/// What is not recorded because it reached the engine before dsp took the place.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Survey {
    /// The running containers that have the engine's socket mounted; `None` if the engine did not say. A
    /// client may have chosen any text.
    pub containers: Option<Vec<String>>,
    /// How many connections are open.
    pub connections: usize,
}

/// What a person may want to see during the recording.
#[derive(Debug)]
pub enum HostRecordingNotice {
    /// The progress; once a second.
    Progress {
        /// Requests so far.
        requests: u64,
        /// Programs so far.
        programs: usize,
        /// When the newest operation of a program was first seen.
        newest: Option<Instant>,
    },
    /// The engine had made its socket anew, and dsp has taken the place again.
    TakenAgain,
    /// The engine has made its socket anew, and dsp could not take the place again.
    NotTakenAgain(HostSocketError),
    /// The place was given back, and containers still have dsp's socket mounted: they are recorded until they
    /// are restarted or have stopped, or until the next signal.
    Held {
        /// Their names.
        containers: Vec<String>,
    },
    /// The recording is ending, and connections are still open.
    Waiting {
        /// How many connections.
        open: usize,
    },
}

/// The result of a recording of a whole host.
#[derive(Debug)]
pub struct HostRecordingEnd {
    /// How the place was given back.
    pub given_back: Result<GivenBack, HostSocketError>,
    /// What was recorded, of each program.
    pub programs: Vec<RecordedProgram>,
    /// The recordings that could not be begun, and why.
    pub failures: Vec<String>,
    /// The programs for which there was no recording of their own left.
    pub beyond: Beyond,
    /// How many connections came from clients that are no program of their own.
    pub unplaced: u64,
    /// The containers that have dsp's socket mounted, which nobody serves now.
    pub cut_off: Vec<String>,
}

impl HostRecordingEnd {
    /// Whether requests are missing.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        let is_lossy = |it: &RecordedProgram| it.totals.dropped > 0 || it.totals.unread > 0;
        !self.failures.is_empty() || self.programs.iter().any(is_lossy)
    }
}

impl HostRecording {
    /// Takes the place of the engine's socket, and records what arrives there.
    ///
    /// # Errors
    /// [`HostRecordingError`]. The engine has its place in that case.
    pub async fn start(
        socket: HostSocket,
        engine: Engine,
        options: HostRecordingOptions,
    ) -> Result<Self, HostRecordingError> {
        let HostRecordingOptions { folder, labels, connections, grace } = options;
        socket.mend()?;
        socket.check()?;
        let paths = socket.paths().to_owned();
        let address = EngineAddress::from(Address::unix(socket.engine_path())?);
        let holders = Holders::new(&engine, address.clone(), &paths);
        // Before anybody can know of it, so that a signal that is sent after that is handled.
        let signals = EndSignals::new()?;
        let access = access_of(socket.path()).unwrap_or_default();
        let bound = Listener::bind_unix(&socket.record_path(), &access);
        let mut listener = bound.map_err(|error| match error {
            ListenError::Io { source, .. } => HostSocketError::of(socket.path(), source).into(),
            error => HostRecordingError::from(error),
        })?;
        let Some(file) = listener.take_file() else {
            return Err(HostSocketError::Absent(socket.record_path()).into());
        };
        fs::create_dir_all(&folder)
            .map_err(|source| HostRecordingError::Folder { folder: folder.clone(), source })?;
        let survey = Survey { containers: None, connections: socket.connections() };
        let taken = Taken::prepare(socket, file)?;
        let before = holders.running().await;
        let names = |all: &Vec<Holder>| all.iter().map(|it| it.name.clone()).collect();
        let survey = Survey { containers: before.as_ref().map(names), ..survey };

        let kind = engine.version.kind;
        let containers = Arc::new(Containers::new(&address, kind));
        // Where a client runs decides which recording it gets, as a rule would.
        let who_asks = WhoAsks::new(Needs::PLACE, Needs::default(), containers);
        let sockets = Sockets::new(paths.clone(), paths);
        let gate = Arc::new(Observer::new(kind).reading_contents(sockets));
        let start = SessionStart { folder, labels, engine: about_engine(&engine) };
        let programs = Arc::new(Programs::new(who_asks, gate, address, start));
        let connections = connections.min(most_connections().saturating_sub(MOST_PROGRAMS));
        let limits = Limits { connections, body: None };
        let proxy = Proxy::new(vec![listener]).limits(limits);
        let proxy = proxy.observed_by(Arc::new(ConnectionLog::default()));
        raise_open_files();
        let running = proxy.serve(Arc::clone(&programs));
        taken.take()?;
        let before = before.unwrap_or_default();
        Ok(Self { taken, running, programs, holders, before, survey, signals, grace })
    }

    /// What is not recorded.
    #[must_use]
    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    /// The socket whose place it is.
    #[must_use]
    pub fn socket(&self) -> &HostSocket {
        self.taken.socket()
    }

    /// Records until a signal arrives. After an interrupt, containers that have dsp's socket are recorded
    /// until they have stopped, or until the next signal.
    pub async fn run(mut self, notice: impl Fn(HostRecordingNotice)) -> HostRecordingEnd {
        let signal = self.serve(&notice).await;
        let given_back = self.taken.give_back();
        let cut_off = match &given_back {
            Ok(_) => self.wait_for_holders(signal, &notice).await,
            // A restart would not give them the engine's socket.
            Err(_) => self.held().await,
        };
        let Self { taken, running, programs, mut signals, grace, .. } = self;
        let waiting = |it| {
            if let Notice::Waiting { open } = it {
                notice(HostRecordingNotice::Waiting { open });
            }
        };
        signals::end(&running, grace, signals.next(), waiting).await;
        // What failed may succeed now.
        let given_back = given_back.or_else(|_| taken.give_back());
        let given_back = given_back.and_then(|given| taken.finish().map(|()| given));
        let ProgramsEnd { programs, failures, beyond, unplaced } = programs.end();
        HostRecordingEnd { given_back, programs, failures, beyond, unplaced, cut_off }
    }

    /// Serves until a signal arrives, and keeps the place.
    async fn serve(&mut self, notice: &impl Fn(HostRecordingNotice)) -> EndSignal {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        let mut looks = tokio::time::interval(LOOK_AFTER);
        let mut refused: Option<Found> = None;
        loop {
            tokio::select! {
                signal = self.signals.next() => return signal,
                _ = seconds.tick() => {
                    let progress = self.programs.progress();
                    notice(HostRecordingNotice::Progress {
                        requests: progress.requests,
                        programs: progress.programs,
                        newest: progress.newest,
                    });
                }
                _ = looks.tick() => match self.keep_place(refused.as_ref()).await {
                    Ok(true) => notice(HostRecordingNotice::TakenAgain),
                    Ok(false) => {}
                    Err((found, error)) => {
                        refused = found;
                        notice(HostRecordingNotice::NotTakenAgain(error));
                    }
                }
            }
        }
    }

    /// Takes the place again if an engine has it that answers. One that is about to make its socket has not
    /// set its mode before it answers. What was `refused` before is not tried again. Returns whether the
    /// place was taken.
    async fn keep_place(
        &self,
        refused: Option<&Found>,
    ) -> Result<bool, (Option<Found>, HostSocketError)> {
        let found = match self.taken.look() {
            Ok(Standing::Other(found)) if Some(&found) != refused => found,
            // A folder that cannot be looked at is not worth more than the end can say.
            Ok(_) | Err(_) => return Ok(false),
        };
        let path = self.socket().path();
        let address = Address::unix(path);
        let Ok(address) = address else { return Ok(false) };
        if engine::ping(&EngineAddress::from(address), PING_TIME).await.is_err() {
            return Ok(false);
        }
        match self.taken.look() {
            Ok(Standing::Other(now)) => {
                self.taken.take_again(&now).map_err(|error| (Some(found), error))
            }
            Ok(_) | Err(_) => Ok(false),
        }
    }

    /// The names of the containers that have dsp's socket.
    async fn held(&self) -> Vec<String> {
        let now = self.holders.running().await.unwrap_or_default();
        started_since(&self.before, now)
    }

    /// Waits until no container has dsp's socket, or another signal arrives. Returns those that still have it.
    async fn wait_for_holders(
        &mut self,
        signal: EndSignal,
        notice: &impl Fn(HostRecordingNotice),
    ) -> Vec<String> {
        let mut is_told = false;
        loop {
            let held = self.held().await;
            if held.is_empty() || signal != EndSignal::Interrupt {
                return held;
            }
            if !is_told {
                notice(HostRecordingNotice::Held { containers: held.clone() });
                is_told = true;
            }
            tokio::select! {
                () = tokio::time::sleep(ASK_AFTER) => {}
                _ = self.signals.next() => return held,
            }
        }
    }
}
