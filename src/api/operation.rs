//! One operation of the Engine API: what the catalogue knows about it.

use std::fmt;
use std::ops::RangeInclusive;

use super::{ApiVersion, EngineKind, Method, Risk, Template};

/// What happens on the connection of an operation.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Traits {
    /// The connection becomes a raw tunnel once the engine has answered.
    pub hijack: bool,
    /// The answer or the request may flow for as long as the program runs.
    pub stream: bool,
    /// The request carries a tar archive.
    pub tar_in: bool,
    /// The answer is a tar archive.
    pub tar_out: bool,
    /// Clients begin with it and fall back from one to the other. Without it the docker CLI asks for
    /// an API version that the engine refuses (docs/engine-api.md#negotiation), so a profile that allows one allows
    /// both.
    pub handshake: bool,
    /// It gives a container another name, which is in its query.
    pub rename: bool,
    /// What the body says to make or to change.
    pub makes: Option<Made>,
}

/// What a request makes or changes, which is also the form of its body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Made {
    /// A container, in the form of Docker's API.
    Container,
    /// A container, in the form of podman's own API.
    LibpodContainer,
    /// A pod of podman's.
    Pod,
    /// Pods and what they need, as YAML of Kubernetes.
    Kube,
    /// A service of a swarm.
    Service,
    /// A volume.
    Volume,
}

/// In which versions of the API an operation is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Versions {
    /// Under every version and without one.
    Any,
    /// Documented from one version of Docker's API to another, and served under every version that
    /// the engine speaks, and without one (docs/engine-api.md#routes). The first is 1.24 for what
    /// is older.
    Documented {
        /// The first version.
        since: ApiVersion,
        /// The last version.
        until: ApiVersion,
    },
    /// Only under a version, and only under one whose spelling begins with one of these digits
    /// (podman `pkg/api/server/register_manifest.go`).
    Prefixed(RangeInclusive<u16>),
}

/// An operation of an engine's API, a row of a catalogue.
///
/// There is exactly one value for each row, so operations are compared by identity.
#[derive(Debug)]
pub struct Operation {
    /// The engine that has it.
    pub engine: EngineKind,
    /// The row's number, from 0, dense: a table of operations can be a vector.
    pub index: usize,
    /// The unique name, as in the engine's own API description where it has one.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// The path.
    pub template: Template,
    /// The heading under which the API's documentation lists it.
    pub section: &'static str,
    /// The API versions that have it.
    pub versions: Versions,
    /// What happens on its connection.
    pub traits: Traits,
    /// The query parameters that the engine reads.
    pub query: Vec<&'static str>,
    /// The query parameters whose values never go into a recording.
    pub secret_query: Vec<&'static str>,
    /// How much a right to it gives away.
    pub risk: Risk,
    /// What it permits: "list containers".
    pub permits: &'static str,
    /// Why it has its risk.
    pub reason: &'static str,
}

impl Versions {
    /// Parses the catalogue's spelling: `any`, `1.24-1.56` or `0-3`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "any" {
            return Some(Self::Any);
        }
        let (from, to) = text.split_once('-')?;
        if let (Ok(from), Ok(to)) = (from.parse(), to.parse()) {
            return Some(Self::Prefixed(from..=to));
        }
        let version = |text| ApiVersion::parse(EngineKind::Docker, text).ok();
        Some(Self::Documented { since: version(from)?, until: version(to)? })
    }

    /// Whether the engine serves the operation to a request for this version.
    #[must_use]
    pub fn serve(&self, version: Option<ApiVersion>) -> bool {
        match self {
            Self::Any | Self::Documented { .. } => true,
            Self::Prefixed(digits) => {
                version.is_some_and(|version| digits.contains(&version.first_digit()))
            }
        }
    }

    /// The newest version under which the operation can be asked for, where it has to be one.
    #[must_use]
    pub fn newest(&self) -> Option<ApiVersion> {
        match self {
            Self::Any | Self::Documented { .. } => None,
            Self::Prefixed(digits) => Some(ApiVersion::full(*digits.end(), 999, 999)),
        }
    }
}

impl Operation {
    /// A key that sorts operations as profiles list them: the handshake first, then by path, then
    /// by method.
    #[must_use]
    pub fn listing_key(&self) -> (bool, &Template, usize) {
        let rank = Method::ALL.iter().position(|method| *method == self.method);
        (!self.traits.handshake, &self.template, rank.unwrap_or(usize::MAX))
    }
}

/// The rule that permits the whole operation: `GET /containers/*/json`.
impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.template)
    }
}

impl Eq for Operation {}

impl std::hash::Hash for Operation {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.engine, self.index).hash(state);
    }
}

impl PartialEq for Operation {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(test)]
        super::steps::take();
        (self.engine, self.index) == (other.engine, other.index)
    }
}
