//! A program that is being served.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::load::{HostingError, ProgramToServe, clients};
use super::monitor::HostMetrics;
use crate::api::Address;
use crate::contents::Sockets;
use crate::engine::Engine;
use crate::follow;
use crate::host::Program;
use crate::peer::Clients;
use crate::policy::{Gate, UntilEngine};
use crate::proxy::{FindOwners, Listening, Running, Service};
use crate::session::audit::Audit;
use crate::session::audit_log::{About, AuditLog, AuditLogOptions};
use crate::session::engine_watch::EngineWatch;
use crate::session::metrics::ProgramMetrics;
use crate::session::output::{JournalError, JournalOutput};
use crate::session::reload::{NestedListeners, Place, ProfileInForce};
use crate::session::runtime_dir::RuntimeDir;
use crate::wire::EngineAddress;

/// A program that is being served.
pub(super) struct Served {
    pub(super) program: Program,
    pub(super) clients: Clients,
    pub(super) profile: ProfileInForce,
    pub(super) audit: Arc<Audit>,
    pub(super) metrics: Arc<ProgramMetrics>,
    /// The sockets of its containers.
    pub(super) nested: Vec<Listening>,
    /// What its clients get.
    pub(super) service: Arc<Service<Audit>>,
}

/// What all programs have in common.
pub(super) struct Common<'a> {
    pub(super) address: &'a EngineAddress,
    pub(super) engine: Option<&'a Engine>,
    pub(super) is_known: &'a Arc<AtomicBool>,
    pub(super) owners: Arc<dyn FindOwners>,
    pub(super) metrics: &'a HostMetrics,
    pub(super) watch: &'a Arc<EngineWatch>,
    pub(super) runtime_dir: &'a RuntimeDir,
}

impl Served {
    /// Begins its audit log and opens the sockets of its containers. [`Self::serve_nested`]
    /// serves these.
    pub(super) fn new(
        to_serve: ProgramToServe,
        common: &Common<'_>,
        first_number: usize,
    ) -> Result<(Self, Vec<NestedListeners>), HostingError> {
        let ProgramToServe { name, program, profile } = to_serve;
        let clients = clients(&name, &program)?;
        let wrong = |error: JournalError| HostingError::of_program(&name, error);
        let log = program.audit_log.as_ref().map(|log| AuditLogOptions {
            output: JournalOutput::File(log.path.clone()),
            command: Vec::new(),
            is_optional: log.is_optional,
        });
        let about = About::new(profile.main(), common.engine);
        let log = log.map(|log| AuditLog::begin(log, about)).transpose().map_err(wrong)?;
        let metrics = common.metrics.of_program(&name);
        let audit = Audit::new(log, Arc::clone(&common.owners))
            .counting(Some(Arc::clone(&metrics)))
            .watching(Arc::clone(common.watch));
        let audit = Arc::new(audit);
        let place = Place {
            runtime_dir: common.runtime_dir.clone(),
            engine: common.address.clone(),
            first_number,
        };
        let sockets = asked_for(&program, common.address);
        let (profile, nested) = ProfileInForce::new(profile, sockets, place)
            .map_err(|error| HostingError::of_program(&name, error))?;
        let gate = UntilEngine::new(profile.gate(), Arc::clone(common.is_known));
        let service = audit.service(Arc::new(gate), common.address.clone());
        let service = Arc::new(service.numbered(first_number));
        let served =
            Self { program, clients, profile, audit, metrics, service, nested: Vec::new() };
        Ok((served, nested))
    }

    /// Serves the sockets that its containers get.
    pub(super) fn serve_nested(
        &mut self,
        nested: Vec<NestedListeners>,
        address: &EngineAddress,
        is_known: &Arc<AtomicBool>,
        running: &Running,
    ) {
        for NestedListeners { number, gate, listeners } in nested {
            let gate: Arc<dyn Gate> = Arc::new(UntilEngine::new(gate, Arc::clone(is_known)));
            let service = self.audit.nested_service(gate, address.clone()).numbered(number);
            self.nested.extend(running.listen(listeners, Arc::new(service)));
        }
    }
}

/// The sockets that the containers of a program ask for: its own, and the engine's.
pub(super) fn asked_for(program: &Program, engine: &EngineAddress) -> Sockets {
    let path = |address: &Address| match address {
        Address::Unix(path) => Some(path.clone()),
        Address::Tcp { .. } => None,
    };
    let own = program.listen.iter().filter_map(path);
    let own = own.filter_map(|path| path.to_str().map(str::to_owned)).collect();
    Sockets::new(own, follow::known_paths(engine.socket()))
}
