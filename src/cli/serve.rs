//! What `record` and `enforce` share: sockets, the program that is run, and the end.

use std::ffi::OsString;
use std::fs;
use std::future::Future;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::listen::Listen;
use super::status::Status;
use super::{environment, output};
use crate::api::{Address, EngineKind};
use crate::child::{self, Escape, Intercept};
use crate::policy::Gate;
use crate::proxy::{self, Access, Drained, Limits, Listener, Running, Sink};
use crate::report::{count, printable};
use crate::text::shown;

/// How long the connections of a program that has ended may take to end too.
pub(super) const CHILD_GRACE: Duration = Duration::from_secs(1);

/// The mode of the folders that hold dsp's sockets.
pub(super) const FOLDER_MODE: u32 = 0o700;

/// The mode of one that others may pass through, to a socket that says itself who may use it.
const PASSED_MODE: u32 = 0o711;

/// How many files dsp has open beside its connections, with some to spare.
const OTHER_FILES: u64 = 32;

/// How long finding the engine may take.
pub(super) const PROBE_TIME: Duration = Duration::from_secs(5);

/// Listening sockets, and the folder that was made for them, if one was.
pub(super) struct Sockets {
    pub(super) listeners: Vec<Listener>,
    limits: Limits,
    _folder: Option<TempDir>,
}

impl Sockets {
    /// Opens what was asked for; otherwise a private socket when a program is run, and the usual
    /// one of this name when not.
    pub(super) async fn open(
        listen: &Listen,
        name: &str,
        private: bool,
        covered: Option<&Access>,
    ) -> anyhow::Result<Self> {
        let mut folder = None;
        let addresses = if !listen.listen.is_empty() {
            listen.addresses()?
        } else if private {
            let made = private_folder()?;
            if covered.is_some() {
                proxy::open_folder_to(made.path(), PASSED_MODE)
                    .with_context(|| format!("cannot open the folder {}", shown(made.path())))?;
            }
            let address = Address::unix(made.path().join("docker.sock"))?;
            folder = Some(made);
            vec![address]
        } else {
            vec![usual_socket(name)?]
        };
        let mut access = listen.access()?;
        if let Some(covered) = covered.filter(|_| listen.listen.is_empty()) {
            access.mode = access.mode.or(covered.mode);
            access.owner = access.owner.or(covered.owner);
            access.group = access.group.or(covered.group);
        }
        let mut listeners = Vec::new();
        for address in &addresses {
            let listener = Listener::bind(address, &access).await?;
            if let Some(hazard) = listener.hazard() {
                let folder = shown(&hazard.folder);
                output::warn(&format!(
                    "{folder} {hazard}, who can put another socket in the place of dsp's; listen in a \
                     folder of your own, such as /run/dsp"
                ));
            }
            listeners.push(listener);
        }
        listen.check_reach(listeners.iter().all(Listener::is_local))?;
        let limits = listen.limits(most_connections());
        Ok(Self { listeners, limits, _folder: folder })
    }

    /// Says who can connect to those that cannot tell their clients apart.
    pub(super) fn tell_who_connects(&self) {
        for listener in self.listeners.iter().filter(|listener| listener.is_open_to_all()) {
            let who = if listener.is_local() {
                "every user and every program of this machine"
            } else {
                "whoever reaches it, from other machines too,"
            };
            output::warn(&format!("{who} can connect to {}", listener.address()));
            output::help("a unix socket can be kept to one user, with --mode and --allow-uid");
        }
    }

    /// The address for `DOCKER_HOST`.
    pub(super) fn docker_host(&self) -> String {
        self.listeners.first().map(|listener| listener.address().spelled()).unwrap_or_default()
    }

    /// Ends requests whose body makes no progress for so many seconds; 0 for no limit.
    pub(super) fn limit_bodies(&mut self, seconds: u64) {
        self.limits.body = (seconds > 0).then(|| Duration::from_secs(seconds));
    }

    /// How much each of them takes on.
    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// Every address.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.listeners.iter().map(|listener| listener.address().to_string()).collect()
    }

    /// What to put over other sockets: the first one that is a file.
    pub(super) fn over(&self, intercept: Intercept) -> anyhow::Result<(Intercept, PathBuf)> {
        let path = self.listeners.iter().find_map(|listener| match listener.address() {
            Address::Unix(path) => Some(path.clone()),
            Address::Tcp { .. } => None,
        });
        let path = path.context("--intercept needs a unix socket; add --listen unix:///path")?;
        Ok((intercept, path))
    }

    /// Serves them; the folder lives as long as what is returned beside the proxy.
    pub(super) fn serve<S: Sink>(
        self,
        engine: Address,
        gate: Arc<dyn Gate>,
        sink: Arc<S>,
    ) -> (Running, Option<TempDir>) {
        (proxy::start(self.listeners, engine, gate, sink, self.limits), self._folder)
    }
}

/// Who may use a socket: its owner, group and mode. None for what is no socket.
pub(super) fn access_of(path: &Path) -> Option<Access> {
    let found = fs::metadata(path).ok().filter(|found| found.file_type().is_socket())?;
    Some(Access {
        mode: Some(found.mode() & 0o777),
        owner: Some(found.uid()),
        group: Some(found.gid()),
        ..Access::default()
    })
}

/// Who may use a socket that is put over others: whoever may use what it stands for, so that a command
/// can change to a user who could have used that. In a user namespace there is no other user.
pub(super) fn covered_access(intercept: Option<&Intercept>, engine: &Address) -> Option<Access> {
    let intercept = intercept.filter(|intercept| !intercept.is_without_root())?;
    let engine = match engine {
        Address::Unix(path) => Some(path.as_path()),
        Address::Tcp { .. } => None,
    };
    let mut sockets = intercept.covered().iter().map(PathBuf::as_path).chain(engine);
    sockets.find_map(access_of)
}

/// Runs a program against the proxy and waits for its end and that of its connections.
pub(super) async fn run_program(
    command: Vec<OsString>,
    address: String,
    engine: EngineKind,
    intercept: Option<(Intercept, PathBuf)>,
    running: &Running,
) -> Status {
    // Only now: many programs take a high limit for a long table of files.
    let variables = match engine {
        EngineKind::Docker => vec![child::DOCKER_HOST],
        EngineKind::Podman => vec![child::DOCKER_HOST, child::CONTAINER_HOST],
    };
    let spec = child::Spec { command, address, variables, intercept };
    let ended = child::run(spec, raise_open_files).await;
    running.drain(CHILD_GRACE, std::future::pending()).await;
    match ended {
        Ok(ended) => Status::Child(ended.exit_status()),
        Err(error) => {
            output::error(&error.to_string());
            Status::Child(error.exit_status())
        }
    }
}

/// Warns of a program that would go round dsp. An engine's socket that is covered is no way round, nor
/// is what the program gives to containers that are followed.
pub(super) fn warn_of_escape(command: &[OsString], intercept: Option<&Intercept>, follows: bool) {
    let is_held = |escape: &Escape| match escape {
        Escape::MountedSocket(_) => follows,
        Escape::OwnEngine { engine, .. } => intercept.is_some_and(|it| it.covers(engine)),
    };
    if let Some(escape) = child::escapes(command).filter(|escape| !is_held(escape)) {
        output::warn(&printable(&escape.to_string()));
    }
}

/// The signals that end a proxy without a program.
pub(super) struct EndSignals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl EndSignals {
    /// Interrupt, terminate and hang-up.
    pub(super) fn new() -> anyhow::Result<Self> {
        let hangup = Some(handler(SignalKind::hangup())?);
        Ok(Self { hangup, ..Self::but_hangup()? })
    }

    /// Interrupt and terminate.
    pub(super) fn but_hangup() -> anyhow::Result<Self> {
        let interrupt = handler(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: handler(SignalKind::terminate())?, hangup: None })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Handles a signal from now on.
pub(super) fn handler(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("cannot handle signals")
}

/// Allows this process as many open files as the system lets it have: each stream takes two.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "cannot raise the limit of open files");
        }
    }
}

/// How many connections the system's limit of open files leaves room for, each with one to the engine.
fn most_connections() -> usize {
    usize::try_from(most_files().saturating_sub(OTHER_FILES) / 2).unwrap_or(usize::MAX)
}

/// How many sockets of containers leave room for connections.
pub(super) fn most_sockets() -> usize {
    usize::try_from(most_files() / 4).unwrap_or(usize::MAX)
}

fn most_files() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// Serves until a signal, then ends in order; a second signal ends at once. Meanwhile `tick` is
/// called each second.
pub(super) async fn until_signal(
    running: &Running,
    grace: u64,
    mut signals: EndSignals,
    tick: impl Fn(),
) -> Drained {
    raise_open_files();
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = signals.next() => break,
            _ = seconds.tick() => tick(),
        }
    }
    end(running, grace, signals.next()).await
}

async fn end(running: &Running, grace: u64, hurry: impl Future<Output = ()>) -> Drained {
    let told = async {
        // Idle connections are gone at once; only real work is worth a word.
        tokio::time::sleep(Duration::from_millis(200)).await;
        if running.open() > 0 {
            let open = count(running.open(), "open connection");
            output::note(&format!("waiting up to {grace} s for {open}; press Ctrl-C to end now"));
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        drained = running.drain(Duration::from_secs(grace), hurry) => drained,
        () = told => Drained { cut: 0 },
    }
}

/// A folder that nobody else can enter. Its path has to leave room for a socket's name, so a long
/// `TMPDIR` is passed over.
pub(super) fn private_folder() -> anyhow::Result<TempDir> {
    let usual = environment::temporary();
    let fits = Address::unix(usual.join("dsp-XXXXXX/docker.sock")).is_ok();
    let parent = if fits { usual } else { PathBuf::from("/tmp") };
    folder_in(&parent)
}

fn folder_in(parent: &Path) -> anyhow::Result<TempDir> {
    let permissions = fs::Permissions::from_mode(FOLDER_MODE);
    let made = tempfile::Builder::new().prefix("dsp-").permissions(permissions).tempdir_in(parent);
    made.with_context(|| format!("cannot make a folder in {}", shown(&parent)))
}

/// The socket that a listener has when none is named.
fn usual_socket(name: &str) -> anyhow::Result<Address> {
    match usual_folder()? {
        Some(folder) => Ok(Address::unix(folder.join(format!("{name}.sock")))?),
        None => bail!("XDG_RUNTIME_DIR is not set; say where to listen with --listen unix:///path"),
    }
}

/// A folder for sockets that an engine is to mount into containers. Where an engine has a `/tmp` of its
/// own it still has the machine's `/run`. Also the folder that those of all sessions are in, where
/// nobody else can make any.
pub(super) fn folder_to_mount() -> anyhow::Result<(TempDir, Option<PathBuf>)> {
    match usual_folder()? {
        Some(folder) => Ok((folder_in(&folder)?, Some(folder))),
        None => Ok((private_folder()?, None)),
    }
}

/// The folder of dsp's sockets: in the user's runtime folder, or in `/run` for root. None for a user
/// without one.
fn usual_folder() -> anyhow::Result<Option<PathBuf>> {
    let environment = environment::read(None);
    let folder = match environment.runtime_dir {
        _ if environment.uid == 0 => PathBuf::from("/run/dsp"),
        Some(runtime) => runtime.join("dsp"),
        None => return Ok(None),
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(FOLDER_MODE);
    builder
        .create(&folder)
        .with_context(|| format!("cannot make the folder {}", shown(&folder)))?;
    let found = fs::symlink_metadata(&folder)
        .with_context(|| format!("cannot look at the folder {}", shown(&folder)))?;
    if !found.is_dir() || found.uid() != environment.uid || found.mode() & 0o077 != 0 {
        bail!(
            "{} is not a folder of yours alone (mode 0700), so others could take the socket's place; \
             mend it, or say where to listen with --listen unix:///path",
            shown(&folder)
        );
    }
    Ok(Some(folder))
}
