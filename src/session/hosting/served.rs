//! The programs of a host from start to end.

use std::sync::Arc;

use indexmap::IndexMap;
use tokio::signal::unix::{Signal, SignalKind};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::activation::OpenedSockets;
use super::by_client::{ByClient, ProgramOfSocket};
use super::control::{Asker, Control};
use super::http;
use super::load::{HostToServe, HostingError, access};
use super::monitor::{HostMetrics, Monitor, Monitoring};
use super::program::{Common, Served};
use crate::api::Address;
use crate::engine::{Engine, Environment, FindError};
use crate::host::{Host, Socket};
use crate::profile::{Name, Profile};
use crate::proxy::{Access, Limits, Listener, Listening, PlacedSocket, Proxy, Running};
use crate::session::connection_log::ConnectionLog;
use crate::session::containers::Containers;
use crate::session::engine_watch::EngineWatch;
use crate::session::late_engine::LateEngine;
use crate::session::limits::most_connections;
use crate::session::owners::EngineOwners;
use crate::session::reload::NestedListeners;
use crate::session::runtime_dir::RuntimeDir;
use crate::session::signals::{EndSignals, handle_signal};
use crate::session::sockets::SocketsError;
use crate::session::start::StartWarning;
use crate::verify::Caveat;
use crate::wire::EngineAddress;
use crate::wire::ListenerTls;

/// How many numbers of services a program has: one for each profile that may be in force for it.
const NUMBERS: usize = 64;

/// The programs of a host that are being served.
pub struct Hosting {
    pub(super) file: std::path::PathBuf,
    pub(super) host: Host,
    pub(super) running: Arc<Running>,
    pub(super) engine: LateEngine,
    pub(super) owners: Arc<EngineOwners>,
    pub(super) containers: Arc<Containers>,
    pub(super) runtime_dir: RuntimeDir,
    pub(super) programs: IndexMap<Name, Served>,
    pub(super) sockets: Vec<OpenSocket>,
    pub(super) next_number: usize,
    pub(super) metrics: Arc<HostMetrics>,
    watch: Arc<EngineWatch>,
    /// What answers at the sockets for control and metrics.
    pub(super) servers: JoinSet<()>,
    pub(super) reloads: mpsc::Receiver<Asker>,
    pub(super) signals: Option<(EndSignals, Signal)>,
}

/// A socket that is being served.
pub(super) struct OpenSocket {
    pub(super) socket: Socket,
    pub(super) tls: Option<Arc<ListenerTls>>,
    /// Its file, if dsp has made it.
    pub(super) file: Option<PlacedSocket>,
    pub(super) listening: Listening,
    pub(super) admission: Arc<ByClient>,
}

impl Hosting {
    /// Opens the sockets of all programs. If the engine does not answer, requests are answered with 502
    /// until it does; the second result says why.
    ///
    /// # Errors
    /// [`HostingError`]. Nothing is served then.
    pub async fn start(
        host: HostToServe,
        environment: &Environment,
        runtime_dir: RuntimeDir,
        mut opened: OpenedSockets,
        warn: &mut dyn FnMut(Option<&Name>, StartWarning),
    ) -> Result<(Self, Option<FindError>), HostingStartError> {
        let signals = (EndSignals::except_hangup().map_err(HostingError::from)?, {
            handle_signal(SignalKind::hangup()).map_err(HostingError::from)?
        });
        let (engine, absent) = LateEngine::find(environment).await?;
        if engine.is_silent() {
            warn(None, StartWarning::SilentEngine { address: engine.address().clone() });
        }
        if let Some(engine) = engine.known() {
            for (name, caveat) in host.check_engine(engine)? {
                warn(Some(&name), StartWarning::Caveat(caveat));
            }
        }
        let HostToServe { path, host, programs } = host;
        let owners = Arc::new(EngineOwners::new(engine.address().clone()));
        if let Some(engine) = engine.known() {
            owners.set_kind(engine.version.kind);
        }
        let containers = Arc::new(Containers::new(engine.address(), engine.kind()));
        let limits = limits(&host);
        let mut listeners = Vec::new();
        for socket in &host.sockets {
            listeners.push(open(&host, socket, &mut opened, warn).await?);
        }
        let metrics = Arc::new(HostMetrics::new());
        let observer = (ConnectionLog::default(), Arc::clone(&metrics));
        let proxy = Proxy::new(Vec::new()).limits(limits).observed_by(Arc::new(observer));
        let running = Arc::new(proxy.start());
        let monitor =
            Monitor::new(Arc::clone(&metrics), Arc::clone(&running), engine.address().clone());
        let (servers, reloads) = serve_own(&host, monitor, &mut opened).await?;
        if let Some(address) = opened.addresses().into_iter().next() {
            return Err(HostingError::NotInFile { address }.into());
        }
        let mut hosting = Self {
            file: path,
            running,
            host,
            engine,
            owners,
            containers,
            runtime_dir,
            programs: IndexMap::new(),
            sockets: Vec::new(),
            next_number: 0,
            metrics,
            watch: Arc::default(),
            servers,
            reloads,
            signals: Some(signals),
        };
        let mut to_serve = Vec::new();
        for program in programs {
            let (name, number) = (program.name.clone(), hosting.take_number());
            let (served, nested) = Served::new(program, &hosting.common(), number)?;
            let main = served.profile.main();
            hosting.metrics.in_force(&name, &main.profile.name, &main.digest);
            to_serve.push((name.clone(), nested));
            hosting.programs.insert(name, served);
        }
        for (name, nested) in to_serve {
            hosting.serve_nested(&name, nested);
        }
        for (name, served) in &hosting.programs {
            let Some(mounts) = served.profile.mounts() else { continue };
            for container in mounts.running().await {
                warn(Some(name), StartWarning::CutOffNested { container });
            }
        }
        for (socket, listener) in hosting.host.sockets.clone().into_iter().zip(listeners) {
            hosting.serve_socket(socket, listener);
        }
        Ok((hosting, absent))
    }

    /// The programs with their profiles, and where they are served.
    pub fn programs(&self) -> impl Iterator<Item = (&Name, &Profile, &[Address])> {
        let programs = self.programs.iter();
        programs.map(|(name, served)| {
            (name, served.profile.profile(), served.program.listen.as_slice())
        })
    }

    /// The profiles that are in force.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.programs.values().flat_map(|served| served.profile.profiles())
    }

    /// The engine's address.
    #[must_use]
    pub fn engine(&self) -> &EngineAddress {
        self.engine.address()
    }

    pub(super) fn take_number(&mut self) -> usize {
        let number = self.next_number;
        self.next_number = number.saturating_add(NUMBERS);
        number
    }

    pub(super) fn common(&self) -> Common<'_> {
        Common {
            address: self.engine.address(),
            engine: self.engine.known(),
            is_known: self.engine.is_known(),
            owners: Arc::clone(&self.owners) as _,
            metrics: &self.metrics,
            watch: &self.watch,
            runtime_dir: &self.runtime_dir,
        }
    }

    /// Serves the sockets that the containers of a program get.
    pub(super) fn serve_nested(&mut self, name: &Name, nested: Vec<NestedListeners>) {
        let (address, is_known) = (self.engine.address(), self.engine.is_known());
        if let Some(served) = self.programs.get_mut(name) {
            served.serve_nested(nested, address, is_known, &self.running);
        }
    }

    /// The programs of a socket.
    pub(super) fn programs_of(&self, socket: &Socket) -> Vec<ProgramOfSocket> {
        let programs = self.programs.values();
        let of_socket = programs.filter(|it| it.program.listen.contains(&socket.address));
        let programs = of_socket.map(|served| ProgramOfSocket {
            clients: served.clients.clone(),
            is_written_down: served.program.audit_log.is_some(),
            service: Arc::clone(&served.service),
        });
        programs.collect()
    }

    /// Serves a socket for the programs that it is for.
    pub(super) fn serve_socket(&mut self, socket: Socket, listener: Listener) {
        let programs = self.programs_of(&socket);
        let (tls, file) = (listener.tls().map(Arc::clone), listener.placed());
        let admission = Arc::new(ByClient::new(programs, Arc::clone(&self.containers)));
        for listening in self.running.listen(vec![listener], Arc::clone(&admission)) {
            let (socket, admission) = (socket.clone(), Arc::clone(&admission));
            let (tls, file) = (tls.clone(), file.clone());
            self.sockets.push(OpenSocket { socket, tls, file, listening, admission });
        }
    }
}

/// Why serving cannot start.
#[derive(Debug, thiserror::Error)]
pub enum HostingStartError {
    /// The file, a profile or a socket is the reason.
    #[error("{0}")]
    Hosting(#[from] HostingError),
    /// The engine cannot be located.
    #[error("{0}")]
    Engine(#[from] FindError),
}

impl HostToServe {
    /// Compares all profiles with an engine.
    pub(super) fn check_engine(
        &self,
        engine: &Engine,
    ) -> Result<Vec<(Name, Caveat)>, HostingError> {
        let mut all = Vec::new();
        for program in &self.programs {
            let name = &program.name;
            let caveats = program.profile.check_engine(engine);
            let caveats = caveats.map_err(|error| HostingError::of_program(name, error))?;
            all.extend(caveats.into_iter().map(|caveat| (name.clone(), caveat)));
        }
        Ok(all)
    }
}

/// Serves the sockets for control and metrics.
async fn serve_own(
    host: &Host,
    monitor: Monitor,
    opened: &mut OpenedSockets,
) -> Result<(JoinSet<()>, mpsc::Receiver<Asker>), HostingError> {
    let mut servers = JoinSet::new();
    let (control, reloads) = Control::new();
    if let Some(address) = &host.settings.control {
        let listener = bind_own(address, opened).await?;
        servers.spawn(http::serve(listener, Arc::new(control)));
    }
    if let Some(address) = &host.settings.metrics {
        let listener = bind_own(address, opened).await?;
        servers.spawn(http::serve(listener, Arc::new(Monitoring(Arc::new(monitor)))));
    }
    Ok((servers, reloads))
}

/// Opens a socket for dsp's own answers. Those over TCP are meant for other machines, too.
async fn bind_own(address: &Address, opened: &mut OpenedSockets) -> Result<Listener, HostingError> {
    let access = Access { anywhere: true, ..Access::default() };
    let bound = match opened.take(address, &access) {
        Some(opened) => opened,
        None => Listener::bind(address, &access).await,
    };
    bound.map_err(|error| HostingError::Own(SocketsError::from(error)))
}

/// How much load all programs together may cause.
fn limits(host: &Host) -> Limits {
    let usual = Limits::DEFAULT.connections;
    let connections = host.settings.max_connections.unwrap_or(usual).min(most_connections());
    Limits { connections, body: host.settings.body_timeout }
}

/// Opens a socket.
pub(super) async fn open(
    host: &Host,
    socket: &Socket,
    opened: &mut OpenedSockets,
    warn: &mut dyn FnMut(Option<&Name>, StartWarning),
) -> Result<Listener, HostingError> {
    let program = host.programs.iter().find(|(_, it)| it.listen.contains(&socket.address));
    let name = program.map(|(name, _)| name);
    let access = access(socket)?;
    let bound = match opened.take(&socket.address, &access) {
        Some(opened) => opened,
        None => Listener::bind(&socket.address, &access).await,
    };
    let listener = bound.map_err(|error| {
        let error = SocketsError::from(error);
        match name {
            Some(name) => HostingError::of_program(name, error),
            None => HostingError::Own(error),
        }
    })?;
    if let Some(hazard) = listener.hazard() {
        warn(name, StartWarning::Hazard(hazard));
    }
    if listener.is_open_to_all() {
        let (address, is_local) = (listener.address().clone(), listener.is_local());
        warn(name, StartWarning::OpenToAll { address, is_local });
    }
    Ok(listener)
}
