//! What is found out of order only when a request has gone on.

use std::fmt;

use super::flaw::Flaw;

/// Something that is not in order in the rest of an exchange whose head was, and that `enforce` ends it
/// for. From there on nobody can read what comes on the connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Disorder {
    /// The body of the request.
    Body(Flaw),
    /// The engine's answer.
    Answer,
    /// The engine changed the protocol, which the operation never does.
    Switched,
}

impl fmt::Display for Disorder {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(flaw) => flaw.fmt(to),
            Self::Answer => to.write_str("an answer that is not in order"),
            Self::Switched => to.write_str("a change of protocol that its operation does not have"),
        }
    }
}
