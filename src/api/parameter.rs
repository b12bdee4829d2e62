//! The kinds of parameters: which names and IDs the engine accepts for the same object.
//!
//! A rule with a name is only as narrow as the engine's lookup. Sources: moby `daemon/container.go`
//! (full ID, name, then ID prefix), `daemon/network.go`, `daemon/images/image.go`,
//! `plugin/store.go`, `daemon/cluster/helpers.go`; podman `libpod/sqlite_state.go`, where
//! `LookupVolume` accepts a prefix of the name.

use super::{EngineKind, Method, Operation, Part};

/// How the engine finds the object that a parameter names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ParameterKind {
    /// Only by its name.
    Name,
    /// By its name or by a unique prefix of it.
    NameBeginning,
    /// Only by its ID, which is different for each object.
    Id,
    /// By its name, its hexadecimal ID, or a prefix of the ID.
    HexId,
    /// By its name, its swarm ID (lowercase letters and digits), or a prefix of the ID.
    SwarmId,
    /// An image: by its ID or a prefix of it, or by a reference, whose registry, `library/` and tag
    /// are optional.
    Image,
    /// A reference like that of an image, but no ID.
    Reference,
}

/// The length limit of a hexadecimal ID, in characters.
const HEX_ID: usize = 64;
const SWARM_ID: usize = 25;

/// Whether a character can occur in an ID.
pub type IsOfId = fn(char) -> bool;

impl ParameterKind {
    /// The characters and the length limit of IDs, if the engine accepts a prefix of one.
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
    /// The kinds of its parameters, in template order.
    pub fn parameter_kinds(&self) -> impl Iterator<Item = ParameterKind> + '_ {
        let own = self.own_kind();
        self.template.parameters().enumerate().map(move |(place, name)| match (place, name) {
            (0, _) => own,
            (_, "destination") => ParameterKind::Reference,
            _ => ParameterKind::Name,
        })
    }

    /// What its object is called, such as "container".
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
            // podman has no swarm, and its own kind of secrets.
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

    /// The first word of its path that names a kind of object. podman's own API has the same words
    /// as Docker's, one segment later.
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
    fn objects_are_found_as_the_engines_find_them() {
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

    /// The kind of every operation's parameters was chosen deliberately.
    #[test]
    fn only_objects_with_one_spelling_are_names() {
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
