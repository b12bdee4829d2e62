//! What recording and enforcing have in common: sockets in front of an engine, and a workload that uses
//! them.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::containers::Containers;
use super::program::run_program;
use super::runtime_dir::RuntimeDir;
use super::signals::{EndSignals, Notice, serve_until_signal};
use super::sockets::{ListenOptions, Serving, Sockets, SocketsError, UsualSocket, covered_access};
use super::start::StartWarning;
use super::workload::{Workload, WorkloadEnd};
use crate::api::EngineKind;
use crate::contents;
use crate::follow;
use crate::peer::Needs;
use crate::proxy::{Limits, Record, Running, Service};
use crate::wire::{EngineAddress, TlsFileError};

/// The user's choices for the sockets, and who uses them.
#[derive(Debug)]
pub struct FrontOptions {
    /// Which sockets to open.
    pub listen: ListenOptions,
    /// The folders for sockets.
    pub runtime_dir: RuntimeDir,
    /// Who uses them.
    pub workload: Workload,
}

/// Open sockets that are not being served yet.
pub(super) struct OpenFront {
    sockets: Sockets,
    kind: EngineKind,
    engine: EngineAddress,
    workload: Workload,
    /// The socket that covers others, if the program is intercepted.
    covering: Option<PathBuf>,
}

/// Sockets that are being served.
pub(super) struct Front {
    serving: Serving,
    kind: EngineKind,
    docker_host: String,
    addresses: Vec<String>,
    covering: Option<PathBuf>,
}

impl OpenFront {
    /// Opens the sockets in front of an engine. If no address was given, a listener has the default
    /// socket with this name.
    pub(super) async fn open(
        options: FrontOptions,
        engine: &EngineAddress,
        kind: EngineKind,
        name: &str,
        warn: &mut dyn FnMut(StartWarning),
    ) -> Result<Self, SocketsError> {
        let FrontOptions { listen, runtime_dir, workload } = options;
        let intercept = match &workload {
            Workload::Program { intercept, .. } => intercept.as_ref(),
            Workload::Listener { .. } | Workload::InProcess => None,
        };
        let covered = covered_access(intercept, engine);
        let usual = match &workload {
            Workload::Listener { .. } => UsualSocket::Named(name),
            Workload::Program { .. } | Workload::InProcess => {
                UsualSocket::Private { covered: covered.as_ref() }
            }
        };
        let sockets = Sockets::open(listen, usual, &runtime_dir).await?;
        sockets.hazards().map(StartWarning::Hazard).for_each(&mut *warn);
        sockets.check_reach()?;
        let covering = intercept.map(|_| sockets.to_put_over()).transpose()?;
        for listener in sockets.open_to_all() {
            let (address, is_local) = (listener.address().clone(), listener.is_local());
            warn(StartWarning::OpenToAll { address, is_local });
        }
        let engine = engine.clone();
        Ok(Self { sockets, kind, engine, workload, covering })
    }

    /// The sockets that containers ask for.
    pub(super) fn sockets(&self) -> contents::Sockets {
        let path = self.engine.socket();
        contents::Sockets::new(self.sockets.unix_paths(), follow::known_paths(path))
    }

    /// How much each socket accepts at once.
    pub(super) fn limits(&self) -> Limits {
        self.sockets.limits()
    }

    /// Starts to serve the sockets. So much is found out about the clients of a listener, besides what rules
    /// about them need; those of a program are known. Also returns the workload that uses the sockets.
    pub(super) fn serve<R: Record>(self, service: Service<R>, needs: Needs) -> (Front, Workload) {
        let Self { sockets, kind, engine, workload, covering } = self;
        let (docker_host, addresses) = (sockets.docker_host(), sockets.addresses());
        let needs = match workload {
            Workload::Listener { .. } => needs,
            Workload::Program { .. } | Workload::InProcess => Needs::NOTHING,
        };
        let serving = sockets.serve(service, needs, Arc::new(Containers::new(&engine, kind)));
        (Front { serving, kind, docker_host, addresses, covering }, workload)
    }
}

impl Front {
    /// Reads the certificates of the sockets again.
    ///
    /// # Errors
    /// [`TlsFileError`]. The previous ones stay in use.
    pub(super) fn reload_certificates(&self) -> Result<(), TlsFileError> {
        self.serving.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
    }

    /// The proxy.
    pub(super) fn running(&self) -> &Running {
        &self.serving.running
    }

    /// The addresses of all sockets, as people read them.
    pub(super) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The address of the first socket, for `DOCKER_HOST`.
    pub(super) fn docker_host(&self) -> &str {
        &self.docker_host
    }

    /// Runs the workload until it ends, and then ends the proxy. A listener ends at one of the signals.
    /// After a program, the proxy goes on until `outlived` has ended, too.
    pub(super) async fn run(
        &self,
        workload: Workload,
        signals: Option<EndSignals>,
        notice: impl Fn(Notice),
        outlived: impl Future<Output = ()>,
    ) -> WorkloadEnd {
        let grace = workload.grace();
        match (workload, signals) {
            (Workload::Program { command, intercept }, _) => {
                let intercept = intercept.zip(self.covering.clone());
                let address = self.docker_host.clone();
                let program =
                    run_program(command, address, self.kind, intercept, self.running(), outlived);
                match program.await {
                    Ok(ended) => WorkloadEnd::Program(ended),
                    Err(error) => WorkloadEnd::NotStarted(error),
                }
            }
            (Workload::Listener { .. }, Some(signals)) => {
                serve_until_signal(self.running(), grace, signals, notice).await;
                WorkloadEnd::Stopped
            }
            (Workload::Listener { .. } | Workload::InProcess, _) => self.end(grace).await,
        }
    }

    /// Ends the proxy. Open requests may go on for the grace period.
    pub(super) async fn end(&self, grace: Duration) -> WorkloadEnd {
        self.running().drain(grace, std::future::pending()).await;
        WorkloadEnd::Stopped
    }
}
