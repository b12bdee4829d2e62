//! Risk levels: how much it gives away to allow an operation.

use crate::text::words;

/// The risk of an operation, lowest first: the highest level of the facts about it
/// ([`super::RiskFact`]).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Risk {
    /// Reveals only what is the same on every host with this engine.
    Info,
    /// Reads something on the host that is not secret by nature.
    Read,
    /// Can read credentials, environments, files, output or command lines.
    Secrets,
    /// Changes something that lasts or that others depend on, or makes the engine connect
    /// elsewhere.
    Change,
    /// Lets the caller choose what code runs, or which files of the host are opened.
    Root,
}

words!(Risk, () = (), {
    Info = "info",
    Read = "read",
    Secrets = "secrets",
    Change = "change",
    Root = "root",
});
