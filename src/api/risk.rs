//! How much a right to an operation gives away.

use std::fmt;
use std::str::FromStr;

/// The risk of one operation, lowest first. The catalogue says for each operation why.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Risk {
    /// Liveness and versions.
    Info,
    /// Reads state that is no credential by itself.
    Read,
    /// Can read credentials, environments, files or payloads.
    Secrets,
    /// Changes state.
    Change,
    /// Equals root on the host, directly or in one step.
    Root,
}

impl Risk {
    /// Every level, lowest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Read, Self::Secrets, Self::Change, Self::Root];

    /// The word for it in the catalogue and in every output.
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
