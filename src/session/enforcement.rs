//! The enforcement of a profile, from its start to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind};

use super::audit::Audit;
use super::audit_log::{About, AuditLog, AuditLogOptions};
use super::front::{Front, FrontOptions, OpenFront};
use super::late_engine::{EngineFound, LateEngine};
use super::output::JournalError;
use super::owners::EngineOwners;
use super::reload::{Place, ProfileInForce, Reload};
use super::signals::{EndSignals, Notice, SignalError, handle_signal, wait_for_containers};
use super::start::{StartError, StartWarning};
use super::to_enforce::{ProfileError, ProfileToEnforce};
use super::workload::{Workload, WorkloadEnd};
use crate::peer::Needs;
use crate::policy::{Gate, UntilEngine};
use crate::profile::Profile;
use crate::proxy::FindOwners;
use crate::verify::Caveat;
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
    engine: LateEngine,
    owners: Arc<EngineOwners>,
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
    /// The engine was not there, and is now.
    EngineFound {
        /// The engine.
        found: EngineFound,
        /// What is to be known about enforcing the profile on it.
        caveats: Vec<Caveat>,
    },
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
    /// Why dsp ended without having been asked to: the profile is for another engine than the one that was
    /// not there at the start.
    pub failed: Option<ProfileError>,
}

impl Enforcement {
    /// Opens sockets in front of an engine, and lets through what the profile allows. Until the engine has
    /// answered, requests are answered with 502.
    ///
    /// # Errors
    /// [`StartError`]. What `warn` received until then may explain it.
    pub async fn start(
        engine: impl Into<LateEngine>,
        options: EnforcementOptions,
        warn: &mut dyn FnMut(StartWarning),
    ) -> Result<Self, StartError> {
        let EnforcementOptions { front, profile, audit_log } = options;
        let engine = engine.into();
        if engine.is_silent() {
            warn(StartWarning::SilentEngine { address: engine.address().clone() });
        }
        if let Some(engine) = engine.known() {
            let caveats = profile.check_engine(engine)?;
            caveats.into_iter().map(StartWarning::Caveat).for_each(&mut *warn);
        }
        let ends_at_signal = front.workload.ends_at_signal();
        let name = profile.profile().name.as_str();
        let runtime_dir = front.runtime_dir.clone();
        let front = OpenFront::open(front, engine.address(), engine.kind(), name, warn).await?;
        // The audit log names the container or the unit.
        let needs = if audit_log.is_some() { Needs::PLACE } else { Needs::NOTHING };
        let begin = |log| AuditLog::begin(log, About::new(profile.main(), engine.known()));
        let owners = Arc::new(EngineOwners::new(engine.address().clone()));
        if let Some(engine) = engine.known() {
            owners.set_kind(engine.version.kind);
        }
        let of_audit = Arc::clone(&owners) as Arc<dyn FindOwners>;
        let audit = Arc::new(Audit::new(audit_log.map(begin).transpose()?, of_audit));
        // Before anybody knows the address, so that a signal that is sent after that is handled.
        let signals = ends_at_signal.then(Signals::new).transpose()?;
        let sockets = front.sockets();
        let place = Place { runtime_dir, engine: engine.address().clone(), first_number: 0 };
        let (profile, nested) = ProfileInForce::new(profile, sockets, place)?;
        if let Some(mounts) = profile.mounts() {
            for container in mounts.running().await {
                warn(StartWarning::CutOffNested { container });
            }
        }
        let (front, workload) = front
            .serve(audit.service(gate(&engine, profile.gate()), engine.address().clone()), needs);
        for nested in nested {
            let gate = gate(&engine, nested.gate);
            let service = audit.nested_service(gate, engine.address().clone());
            front.running().listen(nested.listeners, Arc::new(service.numbered(nested.number)));
        }
        Ok(Self { front, workload, signals, engine, owners, profile, audit })
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
    /// signal, and waits for an engine that has not answered yet.
    pub async fn run(mut self, notice: impl Fn(EnforcementNotice)) -> EnforcementEnd {
        let workload = std::mem::replace(&mut self.workload, Workload::InProcess);
        let (signals, hangup) = self.signals.take().map(|it| (it.end, it.hangup)).unzip();
        let waiting = |kind| match kind {
            Notice::Second => {}
            Notice::Waiting { open } => notice(EnforcementNotice::Waiting { open }),
        };
        let mut late = self.engine.wait();
        let Self { front, profile, engine, owners, audit, .. } = &mut self;
        let nested = profile.mounts();
        let outlived = async {
            let Some(nested) = nested else { return };
            let still = |containers| notice(EnforcementNotice::Outlived { containers });
            wait_for_containers(|| nested.running(), still).await;
        };
        let changing = async {
            let Some(mut hangup) = hangup else { return std::future::pending().await };
            loop {
                tokio::select! {
                    found = &mut late => {
                        late = Box::pin(std::future::pending());
                        match engine_found(&found, profile, owners, audit) {
                            Ok(caveats) => {
                                engine.know(found.clone());
                                notice(EnforcementNotice::EngineFound { found, caveats });
                            }
                            Err(error) => return error,
                        }
                    }
                    signal = hangup.recv() => {
                        if signal.is_none() {
                            std::future::pending::<()>().await;
                        }
                        let end = reload(profile, engine, front, audit);
                        notice(EnforcementNotice::Reloaded(Box::new(end)));
                    }
                }
            }
        };
        let (workload, failed) = tokio::select! {
            workload = front.run(workload, signals, waiting, outlived) => (workload, None),
            error = changing => (WorkloadEnd::Stopped, Some(error)),
        };
        if failed.is_some() {
            self.front.end(Duration::ZERO).await;
        }
        self.finish(workload, failed).await
    }

    /// Ends the enforcement now.
    pub async fn end(self) -> EnforcementEnd {
        let workload = self.front.end(self.workload.grace()).await;
        self.finish(workload, None).await
    }

    async fn finish(
        mut self,
        workload: WorkloadEnd,
        failed: Option<ProfileError>,
    ) -> EnforcementEnd {
        let cut_off = self.profile.close_nested().await;
        self.audit.end(workload.exit_status());
        EnforcementEnd { workload, denials: self.audit.denials(), cut_off, failed }
    }
}

fn reload(
    profile: &mut ProfileInForce,
    engine: &LateEngine,
    front: &Front,
    audit: &Arc<Audit>,
) -> ReloadEnd {
    let service = |nested| audit.nested_service(gate(engine, nested), engine.address().clone());
    let reloaded = profile.reload(engine.known(), front.running(), service);
    ReloadEnd {
        profile: reloaded,
        certificates: front.reload_certificates(),
        audit_log: audit.reopen(About::new(profile.main(), engine.known())),
    }
}

/// A gate that denies everything until the engine has answered.
fn gate(engine: &LateEngine, gate: Arc<dyn Gate>) -> Arc<dyn Gate> {
    match engine.known() {
        Some(_) => gate,
        None => Arc::new(UntilEngine::new(gate, Arc::clone(engine.is_known()))),
    }
}

/// From now on, this is the engine.
fn engine_found(
    found: &EngineFound,
    profile: &ProfileInForce,
    owners: &EngineOwners,
    audit: &Audit,
) -> Result<Vec<Caveat>, ProfileError> {
    let engine = &found.engine;
    let caveats = profile.check_engine(engine)?;
    owners.set_kind(engine.version.kind);
    // If it fails, the log goes on in its old session, which does not name the engine.
    let _ = audit.reopen(About::new(profile.main(), Some(engine)));
    Ok(caveats)
}

impl Signals {
    fn new() -> Result<Self, SignalError> {
        let end = EndSignals::except_hangup()?;
        Ok(Self { end, hangup: handle_signal(SignalKind::hangup())? })
    }
}
