//! The two engines. They share most routes, but differ in the form of versions and in their other
//! routes.

use crate::text::words;

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

words!(EngineKind, UnknownEngine = UnknownEngine, {
    Docker = "docker",
    Podman = "podman",
});

impl EngineKind {
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
