//! Why a client may not connect.

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
    /// The system does not report who the client is.
    #[error("the system does not say who connects")]
    Unknown,
}
