//! Which of the two engines an API belongs to. They share most routes and differ in the form of
//! versions and in what else they serve.

use std::fmt;
use std::str::FromStr;

use super::{ApiVersion, CanonicalRequest, Catalogue};

/// An engine whose API dsp knows.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum EngineKind {
    /// Docker Engine (moby).
    #[default]
    Docker,
    /// podman: Docker's API as far as podman has it, and its own below `/libpod`.
    Podman,
}

/// A text that names no engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an engine is docker or podman")]
pub struct UnknownEngine;

impl EngineKind {
    /// Every engine.
    pub const ALL: [Self; 2] = [Self::Docker, Self::Podman];

    /// The word for it in files and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// What people call it in a sentence.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Docker => "Docker Engine",
            Self::Podman => "podman",
        }
    }

    /// What people call its API in a sentence.
    #[must_use]
    pub fn api(self) -> &'static str {
        match self {
            Self::Docker => "the Engine API",
            Self::Podman => "podman's API",
        }
    }

    /// Its operations.
    #[must_use]
    pub fn catalogue(self) -> &'static Catalogue {
        match self {
            Self::Docker => Catalogue::docker(),
            Self::Podman => Catalogue::podman(),
        }
    }

    /// The other engine whose operation a request is, when it is none of this one's.
    #[must_use]
    pub fn elsewhere(self, method: &str, target: &str) -> Option<Self> {
        let has_it = |engine: &Self| {
            let request = CanonicalRequest::parse(*engine, method, target);
            request.is_ok_and(|request| request.locate().is_some())
        };
        let mut others = Self::ALL.into_iter().filter(|other| *other != self);
        others.find(has_it).filter(|_| !has_it(&self))
    }

    /// The lowest version that dsp lets through below this first segment of a path. podman's own
    /// API counts from 0 and has no version that gives away more than another.
    pub(super) fn floor(self, first: Option<&str>) -> Option<ApiVersion> {
        match self {
            Self::Podman if first == Some("libpod") => None,
            Self::Docker | Self::Podman => Some(ApiVersion::FLOOR),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_the_other_engine_is_known() {
        let of = |engine: EngineKind, method, target| engine.elsewhere(method, target);
        let (docker, podman) = (EngineKind::Docker, EngineKind::Podman);
        assert_eq!(of(docker, "GET", "/v4.6.1/libpod/containers/json"), Some(podman));
        assert_eq!(of(docker, "GET", "/v1.41/containers/json"), None);
        assert_eq!(of(docker, "GET", "/nothing"), None);
        assert_eq!(of(docker, "GET", "/libpod/containers//json"), None);
        assert_eq!(of(podman, "GET", "/v1.41/configs"), Some(docker));
        assert_eq!(of(podman, "GET", "/v4.6.1/libpod/containers/json"), None);
    }
}
