//! How much a right to an operation gives away.

use std::fmt;
use std::str::FromStr;

/// The risk of one operation, lowest first. It is the highest that one of the facts about the
/// operation gives ([`super::RiskFact`], which says when each applies).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Risk {
    /// What is the same on every host with this engine.
    Info,
    /// Reads what is on the host, and nothing that is secret by its kind.
    Read,
    /// Can read credentials, environments, files, output or command lines.
    Secrets,
    /// Changes what lasts or what others depend on, or has the engine connect elsewhere.
    Change,
    /// Lets the caller choose what code runs, or which files of the host are opened.
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
