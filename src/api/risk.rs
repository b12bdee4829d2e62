//! Risk levels: how much it gives away to allow an operation.

use std::fmt;
use std::str::FromStr;

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

impl Risk {
    /// Every level, lowest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Read, Self::Secrets, Self::Change, Self::Root];

    /// The word for it in the catalogue and in all output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Read => "read",
            Self::Secrets => "secrets",
            Self::Change => "change",
            Self::Root => "root",
        }
    }
}

impl FromStr for Risk {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|risk| risk.as_str() == text).ok_or(())
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
