//! An operation of the Engine API, as the catalogue describes it.

use std::fmt;
use std::ops::RangeInclusive;

use super::{ApiVersion, EngineKind, Method, ObjectKind, Part, Risk, Template};

/// Properties of an operation.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Traits {
    /// The connection becomes a raw tunnel once the engine has answered.
    pub hijack: bool,
    /// The answer or the request may last as long as the program runs.
    pub stream: bool,
    /// The request carries a tar archive.
    pub tar_in: bool,
    /// The answer is a tar archive.
    pub tar_out: bool,
    /// Clients start with it and fall back from one method to the other. If neither works, the
    /// docker CLI asks for an API version that the engine rejects (docs/engine-api.md#negotiation),
    /// so a profile that allows one allows both.
    pub handshake: bool,
    /// It renames a container; the new name is in the query.
    pub rename: bool,
    /// The body may name another network than the path, and the engine follows the body.
    pub names_network: bool,
    /// What the body creates or changes.
    pub makes: Option<Made>,
}

/// What a request creates or changes, which also determines the format of its body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Made {
    /// A container, in the format of Docker's API.
    Container,
    /// A container, in the format of podman's own API.
    LibpodContainer,
    /// A podman pod.
    Pod,
    /// Pods and their dependencies, as Kubernetes YAML.
    Kube,
    /// A swarm service.
    Service,
    /// A volume.
    Volume,
}

/// The versions of the API that have an operation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Versions {
    /// Under every version and without one.
    Any,
    /// Documented for a range of versions of Docker's API, but served with every version that the
    /// engine supports and without one (docs/engine-api.md#routes). The range starts at 1.24 even
    /// for older operations.
    Documented {
        /// The first version.
        since: ApiVersion,
        /// The last version.
        until: ApiVersion,
    },
    /// Only with a version whose spelling starts with one of these digits (podman
    /// `pkg/api/server/register_manifest.go`).
    Prefixed(RangeInclusive<u16>),
}

/// An operation of an engine's API: a row of a catalogue.
///
/// There is exactly one value per row, so operations are compared by identity.
#[derive(Debug)]
pub struct Operation {
    /// The engine that has it.
    pub engine: EngineKind,
    /// The index of the row. Indices are dense, so a table of operations can be a vector.
    pub index: usize,
    /// The unique name; the same as in the engine's own API description if it is there.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// The path.
    pub template: Template,
    /// The heading under which the API's documentation lists it.
    pub section: &'static str,
    /// The API versions that have it.
    pub versions: Versions,
    /// The first release of podman that has it, as far as it is known; `None` if the oldest release
    /// that dsp supports, 4.3, has it.
    pub since_release: Option<&'static str>,
    /// Its properties.
    pub traits: Traits,
    /// The kind of object that it creates and that the end of its answer names; `None` if it creates
    /// none, or its answer does not tell which.
    pub creates: Option<ObjectKind>,
    /// The query parameters that the engine reads.
    pub query: Vec<&'static str>,
    /// The query parameters whose values are never recorded.
    pub secret_query: Vec<&'static str>,
    /// The risk of allowing it.
    pub risk: Risk,
    /// What it permits, such as "list containers".
    pub permits: &'static str,
    /// The reason for its risk.
    pub reason: &'static str,
}

impl Operation {
    /// Whether the answer goes on for as long as the client listens, such as that to `GET /events`. The end
    /// of such an answer interrupts no work, unlike that of a build or a download.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        let Traits { hijack, stream, tar_in, tar_out, .. } = self.traits;
        let is_session = self.section == "Session";
        let is_watched = self.method == Method::Get || self.template.to_string().ends_with("/wait");
        !is_session && !tar_in && !tar_out && (hijack || (stream && is_watched))
    }
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

    /// Whether the engine serves the operation in a request with this version.
    #[must_use]
    pub fn serve(&self, version: Option<ApiVersion>) -> bool {
        match self {
            Self::Any | Self::Documented { .. } => true,
            Self::Prefixed(digits) => {
                version.is_some_and(|version| digits.contains(&version.first_digit()))
            }
        }
    }

    /// The newest version with which the operation can be requested, if it needs one.
    #[must_use]
    pub fn newest(&self) -> Option<ApiVersion> {
        match self {
            Self::Any | Self::Documented { .. } => None,
            Self::Prefixed(digits) => Some(ApiVersion::full(*digits.end(), 999, 999)),
        }
    }
}

impl Operation {
    /// A sort key for the order in profiles: the handshake first, then by path, then by method.
    #[must_use]
    pub fn listing_key(&self) -> (bool, &Template, usize) {
        let rank = Method::ALL.iter().position(|method| *method == self.method);
        (!self.traits.handshake, &self.template, rank.unwrap_or(usize::MAX))
    }

    /// The risk of allowing the operation for objects that the program made itself: it reads what it put
    /// there, and runs code where it chose what runs.
    #[must_use]
    pub fn risk_of_own(&self) -> Risk {
        match self.risk {
            Risk::Root => Risk::Change,
            Risk::Secrets => Risk::Read,
            risk => risk,
        }
    }

    /// The kind of object that the first parameter of its path names; `None` if objects of this kind
    /// have no owner, or the path names none.
    #[must_use]
    pub fn object(&self) -> Option<ObjectKind> {
        let parts = self.template.parts();
        let named = parts.iter().position(|part| !matches!(part, Part::Literal(_)))?;
        match parts.get(named.checked_sub(1)?)? {
            Part::Literal(collection) => ObjectKind::of_collection(collection),
            Part::One(_) | Part::Several(_) | Part::Many(_) => None,
        }
    }
}

/// The rule that allows the whole operation: `GET /containers/*/json`.
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
