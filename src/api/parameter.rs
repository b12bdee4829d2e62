//! What the parameters of an operation are: which names and ids the engine takes for one thing.
//!
//! A rule on a name is only as narrow as the engine's way to look things up. Sources: moby
//! `daemon/container.go` (full id, name, then the beginning of an id), `daemon/network.go`,
//! `daemon/images/image.go`, `plugin/store.go`, `daemon/cluster/helpers.go`; podman
//! `libpod/sqlite_state.go`, of which `LookupVolume` takes the beginning of a name.

use super::{EngineKind, Method, Operation, Part};

/// How the engine finds the thing that a parameter names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ParameterKind {
    /// By its name and nothing else.
    Name,
    /// By its name, or by a beginning of it that no other thing has.
    NameBeginning,
    /// By its id, which is new each time, and nothing else.
    Id,
    /// By its name, its id, or a beginning of the id; ids are hexadecimal.
    HexId,
    /// The same, with the ids of a swarm: small letters and digits.
    SwarmId,
    /// An image: by its id or a beginning of it, or by a reference, of which registry, `library/` and
    /// tag may be left out.
    Image,
    /// A reference like that of an image, without an id.
    Reference,
}

/// How many characters an id has at most.
const HEX_ID: usize = 64;
const SWARM_ID: usize = 25;

/// Whether a character can be one of an id.
pub type IsOfId = fn(char) -> bool;

impl ParameterKind {
    /// The characters and the greatest length of ids, a beginning of which is taken for the thing.
    #[must_use]
    pub fn ids(self) -> Option<(IsOfId, usize)> {
        match self {
            Self::HexId | Self::Image => Some((is_hex, HEX_ID)),
            Self::SwarmId => Some((is_swarm, SWARM_ID)),
            Self::Name | Self::NameBeginning | Self::Id | Self::Reference => None,
        }
    }
}

fn is_hex(character: char) -> bool {
    matches!(character, '0'..='9' | 'a'..='f')
}

fn is_swarm(character: char) -> bool {
    matches!(character, '0'..='9' | 'a'..='z')
}

impl Operation {
    /// What each of its parameters is, in template order.
    pub fn parameter_kinds(&self) -> impl Iterator<Item = ParameterKind> + '_ {
        let own = self.own_kind();
        self.template.parameters().enumerate().map(move |(place, name)| match (place, name) {
            (0, _) => own,
            (_, "destination") => ParameterKind::Reference,
            _ => ParameterKind::Name,
        })
    }

    /// What one of its things is called: "container".
    #[must_use]
    pub fn thing(&self) -> &'static str {
        match self.collection() {
            "generate" => "container or pod",
            "distribution" => "image",
            "manifests" => "manifest list",
            plural => plural.strip_suffix('s').unwrap_or(plural),
        }
    }

    fn own_kind(&self) -> ParameterKind {
        let is_delete = self.method == Method::Delete;
        match (self.collection(), self.engine) {
            // podman has no swarm, and secrets of its own.
            ("containers" | "networks" | "pods" | "generate", _)
            | ("secrets", EngineKind::Podman) => ParameterKind::HexId,
            ("exec", _) => ParameterKind::Id,
            ("images" | "manifests" | "plugins" | "artifacts", _) => ParameterKind::Image,
            ("distribution", _) => ParameterKind::Reference,
            ("nodes" | "services" | "tasks" | "secrets" | "configs", _) => ParameterKind::SwarmId,
            ("volumes", EngineKind::Podman) if is_delete => ParameterKind::NameBeginning,
            _ => ParameterKind::Name,
        }
    }

    /// The first word of its path that says what it is about. podman's own API has Docker's words one
    /// segment further on.
    fn collection(&self) -> &'static str {
        let words = self.template.parts().iter().filter_map(|part| match part {
            Part::Literal(word) => Some(*word),
            Part::One(_) | Part::Several(_) | Part::Many(_) => None,
        });
        words.into_iter().find(|word| *word != "libpod").unwrap_or("path")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(engine: EngineKind, name: &str) -> Vec<ParameterKind> {
        engine.catalogue().named(name).unwrap().parameter_kinds().collect()
    }

    #[test]
    fn things_are_found_as_the_engines_find_them() {
        let (docker, podman) = (EngineKind::Docker, EngineKind::Podman);
        assert_eq!(kinds(docker, "ContainerInspect"), [ParameterKind::HexId]);
        assert_eq!(kinds(docker, "VolumeDelete"), [ParameterKind::Name]);
        assert_eq!(kinds(podman, "LibpodVolumeDelete"), [ParameterKind::NameBeginning]);
        assert_eq!(kinds(podman, "LibpodVolumeInspect"), [ParameterKind::Name]);
        assert_eq!(kinds(docker, "ServiceDelete"), [ParameterKind::SwarmId]);
        assert_eq!(kinds(docker, "SecretDelete"), [ParameterKind::SwarmId]);
        assert_eq!(kinds(podman, "SecretDelete"), [ParameterKind::HexId]);
        assert_eq!(kinds(docker, "ExecStart"), [ParameterKind::Id]);
        assert_eq!(
            kinds(docker, "ContainerCheckpointDelete"),
            [ParameterKind::HexId, ParameterKind::Name]
        );
        assert_eq!(
            kinds(podman, "LibpodManifestPush"),
            [ParameterKind::Image, ParameterKind::Reference]
        );
        assert_eq!(kinds(docker, "SystemInfo"), []);
    }

    /// Every operation with a parameter was thought of.
    #[test]
    fn only_things_with_one_spelling_are_names() {
        for engine in EngineKind::ALL {
            for operation in engine.catalogue().operations() {
                if operation.parameter_kinds().next() == Some(ParameterKind::Name) {
                    let expected = ["volumes", "debug", "quadlets", "path"];
                    assert!(expected.contains(&operation.collection()), "{engine} {operation}");
                }
            }
        }
    }
}
