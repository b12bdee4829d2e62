//! Why a client may not connect.

use std::sync::Arc;

use crate::peer::Client;
use crate::wire::TlsError;

/// The words of servers written in Go (Go `net/http/server.go`), which clients look for.
const PLAIN: &str = "Client sent an HTTP request to an HTTPS server; use TLS (DOCKER_TLS_VERIFY=1)";

/// A client that may not connect.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotAdmitted {
    /// No rule admits it.
    #[error("{0} may not use this socket")]
    Client(Arc<Client>),
    /// Rules of several programs admit it, so it is not known what it may do.
    #[error("{0} belongs to several programs that use this socket")]
    Several(Arc<Client>),
    /// The system does not report who the client is.
    #[error("the system does not say who connects")]
    Unknown,
    /// It connected with TLS, and that failed.
    #[error("TLS failed: {0}")]
    Tls(TlsError),
    /// It sent a request without TLS.
    #[error("{PLAIN}")]
    Plain,
    /// It took too long to find out who it is.
    #[error("it took too long to find out who connects")]
    TooSlow,
}
