//! What a client is served with, and who decides that.

use std::sync::Arc;

use super::exchange::Sink;
use crate::api::Address;
use crate::peer::Peer;
use crate::policy::Gate;

/// What the requests of one connection go through.
pub struct Service<S: Sink> {
    /// Decides on each request.
    pub gate: Arc<dyn Gate>,
    /// Is told of each request.
    pub sink: Arc<S>,
    /// The engine that answers what is forwarded.
    pub engine: Address,
}

/// Decides what a client is served with, by who the client is. It is asked once for each connection,
/// when the connection is accepted, and what it says is valid until the connection ends.
pub trait Admission<S: Sink>: Send + Sync + 'static {
    /// The service for a client.
    ///
    /// # Errors
    /// [`NotAdmitted`] for a client that may not connect. It is answered with 403 and the reason.
    fn admit(&self, peer: &Peer) -> Result<Arc<Service<S>>, NotAdmitted>;
}

/// A client that may not connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotAdmitted {
    /// Neither its user nor its group may connect.
    #[error("user {user}, group {group} may not use this socket")]
    Process {
        /// Its user.
        user: u32,
        /// Its group.
        group: u32,
    },
    /// The system does not say who it is.
    #[error("the system does not say who connects")]
    Unknown,
}

/// One service for every client.
impl<S: Sink> Admission<S> for Arc<Service<S>> {
    fn admit(&self, _peer: &Peer) -> Result<Self, NotAdmitted> {
        Ok(Self::clone(self))
    }
}
