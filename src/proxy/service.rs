//! The service that a client gets, and how it is chosen.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::listening::caller::Caller;
use super::not_admitted::NotAdmitted;
use super::observe::Observe;
use super::owners::FindOwners;
use super::record::{Record, RewriteBody};
use crate::peer::Identified;
use crate::policy::Gate;
use crate::wire::EngineAddress;

/// The components that the requests of a connection go through.
pub struct Service<R: Record> {
    pub(super) gate: Arc<dyn Gate>,
    pub(super) recorder: Arc<R>,
    pub(super) rewriter: Option<Arc<dyn RewriteBody<R::Ticket>>>,
    pub(super) observer: Arc<dyn Observe>,
    pub(super) owners: Option<Arc<dyn FindOwners>>,
    pub(super) engine: EngineAddress,
    pub(super) number: usize,
}

impl<R: Record> Service<R> {
    /// Creates a service in which `gate` decides on requests, `recorder` records them, and `engine`
    /// answers them.
    pub fn new(gate: Arc<dyn Gate>, recorder: Arc<R>, engine: impl Into<EngineAddress>) -> Self {
        let engine = engine.into();
        let observer = Arc::new(());
        Self { gate, recorder, rewriter: None, observer, owners: None, engine, number: 0 }
    }

    /// Gives it this number, which shows in [`OpenRequest`](super::OpenRequest). It is 0 otherwise.
    #[must_use]
    pub fn numbered(self, number: usize) -> Self {
        Self { number, ..self }
    }

    /// Also replaces the bodies that the gate asks for.
    #[must_use]
    pub fn rewriting(self, rewriter: Arc<dyn RewriteBody<R::Ticket>>) -> Self {
        Self { rewriter: Some(rewriter), ..self }
    }

    /// Also asks whose objects are, if the gate needs to know.
    #[must_use]
    pub fn finding_owners(self, owners: Arc<dyn FindOwners>) -> Self {
        Self { owners: Some(owners), ..self }
    }

    /// Also notifies this observer.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn Observe>) -> Self {
        Self { observer, ..self }
    }
}

/// Chooses the service for a client based on who it is. It is called once for each connection, when the
/// connection is accepted, and its choice is valid until the connection ends.
pub trait Admission<R: Record>: Send + Sync + 'static {
    /// Returns the service for a client, at once if that is possible: accepting waits for this call. A client
    /// that is not admitted is answered with 403 and the reason.
    fn admit(&self, caller: &Caller<'_>) -> Admitting<R>;
}

/// Whether a client is admitted.
pub enum Admitting<R: Record> {
    /// It is known.
    Now(Result<Admitted<R>, NotAdmitted>),
    /// It has to be found out. After ten seconds, the client is not admitted.
    Later(AdmittedLater<R>),
}

/// Whether a client is admitted, when that has been found out.
pub type AdmittedLater<R> = Pin<Box<dyn Future<Output = Result<Admitted<R>, NotAdmitted>> + Send>>;

/// The service for a client.
pub struct Admitted<R: Record> {
    pub(super) service: Arc<Service<R>>,
    pub(super) client: Option<Arc<Identified>>,
}

impl<R: Record> Admitted<R> {
    /// Serves a client of which nothing is known but its [`Peer`](crate::peer::Peer).
    #[must_use]
    pub fn to(service: Arc<Service<R>>) -> Self {
        Self { service, client: None }
    }

    /// Also tells the observers and the recorder who the client is.
    #[must_use]
    pub fn known_as(self, client: Arc<Identified>) -> Self {
        Self { client: Some(client), ..self }
    }
}

/// Gives every client the same service.
impl<R: Record> Admission<R> for Arc<Service<R>> {
    fn admit(&self, _caller: &Caller<'_>) -> Admitting<R> {
        Admitting::Now(Ok(Admitted::to(Self::clone(self))))
    }
}
