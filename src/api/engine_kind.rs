//! The two engines. They share most routes, but differ in the form of versions and in their other
//! routes.

use std::fmt;
use std::str::FromStr;

/// An engine whose API dsp supports.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum EngineKind {
    /// Docker Engine (moby).
    #[default]
    Docker,
    /// podman: its part of Docker's API, and its own API under `/libpod`.
    Podman,
}

/// The text does not name an engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an engine is docker or podman")]
pub struct UnknownEngine;

impl EngineKind {
    /// Every engine.
    pub const ALL: [Self; 2] = [Self::Docker, Self::Podman];

    /// Its name in files and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// Its name in a sentence.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Docker => "Docker Engine",
            Self::Podman => "podman",
        }
    }

    /// The name of its API in a sentence.
    #[must_use]
    pub fn api(self) -> &'static str {
        match self {
            Self::Docker => "the Engine API",
            Self::Podman => "podman's API",
        }
    }
}

impl FromStr for EngineKind {
    type Err = UnknownEngine;

    fn from_str(text: &str) -> Result<Self, UnknownEngine> {
        Self::ALL.into_iter().find(|engine| engine.as_str() == text).ok_or(UnknownEngine)
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
