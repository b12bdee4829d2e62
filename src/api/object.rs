//! The objects that requests name: what kind each is, and how the engine describes it.

use super::EngineKind;
use super::encoding::encode_segment;
use crate::text::words;

/// A kind of object that has an owner.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ObjectKind {
    /// A container.
    Container,
    /// A command in a running container. Its owner is that of the container.
    Exec,
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// An image. Its names are shared with everybody on the host.
    Image,
    /// A pod of podman.
    Pod,
    /// A service of the swarm.
    Service,
    /// A task of a service. Its owner is that of the service.
    Task,
    /// A secret.
    Secret,
    /// A configuration file of the swarm.
    Config,
}

words!(ObjectKind, () = (), {
    Container = "container",
    Exec = "exec",
    Network = "network",
    Volume = "volume",
    Image = "image",
    Pod = "pod",
    Service = "service",
    Task = "task",
    Secret = "secret",
    Config = "config",
});

/// An object as a request names it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Object {
    /// Its kind.
    pub kind: ObjectKind,
    /// A name, an ID, or the beginning of one.
    pub name: String,
}

impl ObjectKind {
    /// The kind with this plural, as it is in paths.
    pub(super) fn of_collection(collection: &str) -> Option<Self> {
        match collection {
            "exec" => Some(Self::Exec),
            plural => plural.strip_suffix('s')?.parse().ok(),
        }
    }

    /// The kind of object that the operation with this name creates. podman's own operations have the names
    /// of Docker's. An image that is pulled or loaded was made by somebody else.
    pub(super) fn created_by(operation: &str) -> Option<Self> {
        match operation.strip_prefix("Libpod").unwrap_or(operation) {
            "ContainerCreate" => Some(Self::Container),
            "ContainerExec" => Some(Self::Exec),
            "NetworkCreate" => Some(Self::Network),
            "VolumeCreate" => Some(Self::Volume),
            // Create imports an archive if it has `fromSrc`.
            "ImageBuild" | "ImageBuildLocal" | "ImageCommit" | "ImageCreate" | "ImageImport" => {
                Some(Self::Image)
            }
            "PodCreate" | "KubePlay" | "PlayKube" => Some(Self::Pod),
            "ServiceCreate" => Some(Self::Service),
            "SecretCreate" => Some(Self::Secret),
            "ConfigCreate" => Some(Self::Config),
            _ => None,
        }
    }

    /// The request target with which an engine describes an object.
    #[must_use]
    pub fn described_at(self, engine: EngineKind, name: &str) -> String {
        let name = name.split('/').map(encode_segment).collect::<Vec<_>>().join("/");
        match (self, engine) {
            (Self::Container, _) => format!("/containers/{name}/json"),
            (Self::Exec, _) => format!("/exec/{name}/json"),
            (Self::Network, _) => format!("/networks/{name}"),
            (Self::Volume, _) => format!("/volumes/{name}"),
            (Self::Image, _) => format!("/images/{name}/json"),
            // podman's own API needs a version, and every release that dsp supports has this one.
            (Self::Pod, _) => format!("/v4.0.0/libpod/pods/{name}/json"),
            (Self::Service, _) => format!("/services/{name}"),
            (Self::Task, _) => format!("/tasks/{name}"),
            (Self::Secret, EngineKind::Docker) => format!("/secrets/{name}"),
            (Self::Secret, EngineKind::Podman) => format!("/v4.0.0/libpod/secrets/{name}/json"),
            (Self::Config, _) => format!("/configs/{name}"),
        }
    }

    /// Whether an object is known by its ID, and a name may be that of another one later. Volumes have no
    /// IDs, and the names of an image may be given to other images by anybody.
    #[must_use]
    pub fn has_id(self) -> bool {
        !matches!(self, Self::Volume | Self::Image)
    }
}

impl Object {
    /// An object of this kind.
    #[must_use]
    pub fn new(kind: ObjectKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::CanonicalRequest;

    #[test]
    fn paths_name_objects() {
        let kind = |engine: EngineKind, name: &str| {
            let operation = engine.catalogue().named(name);
            operation.unwrap().object().map(ObjectKind::as_str).unwrap_or_default()
        };
        let (docker, podman) = (EngineKind::Docker, EngineKind::Podman);
        for (engine, operation, expected) in [
            (docker, "ContainerInspect", "container"),
            (docker, "ContainerCheckpointDelete", "container"),
            (docker, "ExecStart", "exec"),
            (docker, "NetworkConnect", "network"),
            (docker, "VolumeDelete", "volume"),
            (docker, "ImagePush", "image"),
            (docker, "TaskLogs", "task"),
            (docker, "ConfigUpdate", "config"),
            (docker, "NodeInspect", ""),
            (docker, "DistributionInspect", ""),
            (docker, "PluginDelete", ""),
            (docker, "ContainerList", ""),
            (podman, "LibpodPodStop", "pod"),
            (podman, "LibpodContainerHealthcheck", "container"),
            (podman, "LibpodSecretDelete", "secret"),
            (podman, "LibpodGenerateSystemd", ""),
        ] {
            assert_eq!(kind(engine, operation), expected, "{engine} {operation}");
        }
    }

    /// Each description is an operation of the engine.
    #[test]
    fn engines_describe_objects() {
        let lacking = |engine: EngineKind| match engine {
            EngineKind::Docker => vec![ObjectKind::Pod],
            EngineKind::Podman => vec![ObjectKind::Service, ObjectKind::Task, ObjectKind::Config],
        };
        for engine in EngineKind::ALL {
            for kind in ObjectKind::ALL {
                let target = kind.described_at(engine, "a b");
                // Docker has none of the versions of podman's own API.
                let request = CanonicalRequest::parse(engine, "GET", &target).ok();
                let located = request
                    .and_then(|request| request.locate())
                    // podman answers some of Docker's requests with an error.
                    .filter(|found| !found.operation.permits.starts_with("learn that podman"))
                    .filter(|found| found.operation.object() == Some(kind));
                let values = located.map(|located| located.values);
                let expected = (!lacking(engine).contains(&kind)).then(|| vec!["a b".to_owned()]);
                assert_eq!(values, expected, "{engine} {target}");
            }
        }
    }
}
