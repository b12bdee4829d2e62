//! The enforcement of a profile, from its start to its end.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind};

use super::audit::Audit;
use super::audit_log::{About, AuditLog, AuditLogOptions};
use super::front::{Front, FrontOptions, OpenFront};
use super::output::JournalError;
use super::owners::EngineOwners;
use super::reload::{Place, ProfileInForce, Reload};
use super::signals::{EndSignals, Notice, SignalError, handle_signal, wait_for_containers};
use super::start::{StartError, StartWarning};
use super::to_enforce::{ProfileError, ProfileToEnforce};
use super::workload::{Workload, WorkloadEnd};
use crate::engine::Engine;
use crate::peer::Needs;
use crate::profile::Profile;
use crate::wire::TlsFileError;

/// The user's choices for an enforcement.
#[derive(Debug)]
pub struct EnforcementOptions {
    /// The sockets, and who uses them.
    pub front: FrontOptions,
    /// The profile.
    pub profile: ProfileToEnforce,
    /// The audit log, if there is to be one.
    pub audit_log: Option<AuditLogOptions>,
}

/// A profile that is being enforced.
pub struct Enforcement {
    front: Front,
    workload: Workload,
    signals: Option<Signals>,
    engine: Engine,
    profile: ProfileInForce,
    audit: Arc<Audit>,
}

/// The signals of a listener.
struct Signals {
    end: EndSignals,
    hangup: Signal,
}

/// What a person may want to see while a profile is enforced.
#[derive(Debug)]
pub enum EnforcementNotice {
    /// The profile was, or was not, read again.
    Reloaded(Box<ReloadEnd>),
    /// The program has ended, and containers that have a socket of dsp still run: it is served until they
    /// stop, or until dsp gets a signal.
    Outlived {
        /// Their names.
        containers: Vec<String>,
    },
    /// The enforcement is ending, and connections are still open.
    Waiting {
        /// How many connections.
        open: usize,
    },
}

/// The result of reloading the profile, and of beginning a new session in the audit log.
#[derive(Debug)]
pub struct ReloadEnd {
    /// The new profile. After an error, the previous one stays in force.
    pub profile: Result<Reload, ProfileError>,
    /// After an error, the audit log continues in the previous file.
    pub audit_log: Result<(), JournalError>,
    /// After an error, the previous certificates stay in use.
    pub certificates: Result<(), TlsFileError>,
}

/// The result of an enforcement.
#[derive(Debug)]
pub struct EnforcementEnd {
    /// How the workload ended.
    pub workload: WorkloadEnd,
    /// The text and the count of each denial, in the order in which they first occurred.
    pub denials: Vec<(String, u64)>,
    /// The names of containers that still run, and whose socket is no longer served.
    pub cut_off: Vec<String>,
}

impl Enforcement {
    /// Opens sockets in front of an engine, and lets through what the profile allows.
    ///
    /// # Errors
    /// [`StartError`]. What `warn` received until then may explain it.
    pub async fn start(
        engine: Engine,
        options: EnforcementOptions,
        warn: &mut dyn FnMut(StartWarning),
    ) -> Result<Self, StartError> {
        let EnforcementOptions { front, profile, audit_log } = options;
        let caveats = profile.check_engine(&engine)?;
        caveats.into_iter().map(StartWarning::Caveat).for_each(&mut *warn);
        let ends_at_signal = front.workload.ends_at_signal();
        let name = profile.profile().name.as_str();
        let runtime_dir = front.runtime_dir.clone();
        let front = OpenFront::open(front, &engine, name, warn).await?;
        // The audit log names the container or the unit.
        let needs = if audit_log.is_some() { Needs::PLACE } else { Needs::NOTHING };
        let begin = |log| AuditLog::begin(log, About::new(profile.main(), Some(&engine)));
        let owners = Arc::new(EngineOwners::new(engine.address.clone()));
        owners.set_kind(engine.version.kind);
        let audit = Arc::new(Audit::new(audit_log.map(begin).transpose()?, owners));
        // Before anybody knows the address, so that a signal that is sent after that is handled.
        let signals = ends_at_signal.then(Signals::new).transpose()?;
        let sockets = front.sockets(&engine);
        let place = Place { runtime_dir, engine: engine.address.clone(), first_number: 0 };
        let (profile, nested) = ProfileInForce::new(profile, sockets, place)?;
        if let Some(mounts) = profile.mounts() {
            for container in mounts.running().await {
                warn(StartWarning::CutOffNested { container });
            }
        }
        let (front, workload) =
            front.serve(audit.service(profile.gate(), engine.address.clone()), needs);
        for nested in nested {
            let service = audit.nested_service(nested.gate, engine.address.clone());
            front.running().listen(nested.listeners, Arc::new(service.numbered(nested.number)));
        }
        Ok(Self { front, workload, signals, engine, profile, audit })
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

    /// The profile that is in force.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        self.profile.profile()
    }

    /// The profiles that are in force: that one, and those to which the sockets of containers are held.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.profile.profiles()
    }

    /// Reads the profile again and puts the new version in force. Begins a new session in the audit log,
    /// in the file that is now at its path.
    pub fn reload(&mut self) -> ReloadEnd {
        reload(&mut self.profile, &self.engine, &self.front, &self.audit)
    }

    /// Enforces the profile until the workload ends. A listener reloads the profile on each hang-up
    /// signal.
    pub async fn run(mut self, notice: impl Fn(EnforcementNotice)) -> EnforcementEnd {
        let workload = std::mem::replace(&mut self.workload, Workload::InProcess);
        let (signals, hangup) = self.signals.take().map(|it| (it.end, it.hangup)).unzip();
        let waiting = |kind| match kind {
            Notice::Second => {}
            Notice::Waiting { open } => notice(EnforcementNotice::Waiting { open }),
        };
        let Self { front, profile, engine, audit, .. } = &mut self;
        let nested = profile.mounts();
        let outlived = async {
            let Some(nested) = nested else { return };
            let still = |containers| notice(EnforcementNotice::Outlived { containers });
            wait_for_containers(|| nested.running(), still).await;
        };
        let reloading = async {
            let Some(mut hangup) = hangup else { return std::future::pending().await };
            while hangup.recv().await.is_some() {
                let end = reload(profile, engine, front, audit);
                notice(EnforcementNotice::Reloaded(Box::new(end)));
            }
            std::future::pending().await
        };
        let workload = tokio::select! {
            workload = front.run(workload, signals, waiting, outlived) => workload,
            () = reloading => WorkloadEnd::Stopped,
        };
        self.finish(workload).await
    }

    /// Ends the enforcement now.
    pub async fn end(self) -> EnforcementEnd {
        let workload = self.front.end(self.workload.grace()).await;
        self.finish(workload).await
    }

    async fn finish(mut self, workload: WorkloadEnd) -> EnforcementEnd {
        let cut_off = self.profile.close_nested().await;
        self.audit.end(workload.exit_status());
        EnforcementEnd { workload, denials: self.audit.denials(), cut_off }
    }
}

fn reload(
    profile: &mut ProfileInForce,
    engine: &Engine,
    front: &Front,
    audit: &Arc<Audit>,
) -> ReloadEnd {
    let service = |gate| audit.nested_service(gate, engine.address.clone());
    let reloaded = profile.reload(engine, front.running(), service);
    ReloadEnd {
        profile: reloaded,
        certificates: front.reload_certificates(),
        audit_log: audit.reopen(About::new(profile.main(), Some(engine))),
    }
}

impl Signals {
    fn new() -> Result<Self, SignalError> {
        let end = EndSignals::except_hangup()?;
        Ok(Self { end, hangup: handle_signal(SignalKind::hangup())? })
    }
}
