//! Faults that are found only after the head of a request was accepted.

use std::fmt;

use super::flaw::Flaw;

/// A fault in an exchange whose head was valid. `enforce` ends the exchange there, because it is
/// unknown what the bytes after it mean.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Disorder {
    /// In the body of the request.
    Body(Flaw),
    /// In the engine's answer.
    Answer,
    /// In the engine's answer, of which something is hidden.
    Unread,
    /// The engine switched protocols, which the operation never does.
    Switched,
}

impl fmt::Display for Disorder {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(flaw) => flaw.fmt(to),
            Self::Answer => to.write_str("an answer that is not in order"),
            Self::Unread => {
                to.write_str("an answer that cannot be read, so nothing can be hidden in it")
            }
            Self::Switched => to.write_str("a change of protocol that its operation does not have"),
        }
    }
}
