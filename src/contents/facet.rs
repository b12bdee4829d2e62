//! What a request gives away, by kind.

use crate::text::words;

/// The value, and the name in a path, that stands for every object that was made through the profile.
pub const OWN: &str = "@own";

/// A kind of thing that the contents of a request give away. A client library that changes from one
/// field to another, or a user who changes from docker to podman, does not change what it is given,
/// so rules name facets and not fields.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Facet {
    /// Which image runs, is pulled or removed, and which name is given to content.
    Image,
    /// Folders of the host, volumes, and whatever else is mounted.
    Mounts,
    /// Networks that are joined, and the names and addresses in them.
    Network,
    /// Ports of the host.
    Ports,
    /// All capabilities and devices.
    Privileged,
    /// Capabilities beyond those that an engine gives to every container.
    Capabilities,
    /// Devices of the host.
    Devices,
    /// Protections that are turned off or changed.
    Security,
    /// Namespaces of the host or of other containers.
    Namespaces,
    /// The program that starts the container, and what it is told.
    Runtime,
    /// Kernel parameters.
    Sysctls,
    /// Where output goes.
    Logging,
    /// The keys of labels. For programs such as Traefik and Watchtower, a label is a command.
    Labels,
    /// Where content comes from.
    Source,
    /// Containers that the request names, apart from the one in its path.
    Container,
    /// A path in a container.
    Path,
    /// Which objects an operation is about that has no name in its path.
    Filters,
    /// The name of what is created.
    Name,
    /// The user in a container.
    User,
}

words!(Facet, () = (), {
    Image = "image",
    Mounts = "mounts",
    Network = "network",
    Ports = "ports",
    Privileged = "privileged",
    Capabilities = "capabilities",
    Devices = "devices",
    Security = "security",
    Namespaces = "namespaces",
    Runtime = "runtime",
    Sysctls = "sysctls",
    Logging = "logging",
    Labels = "labels",
    Source = "source",
    Container = "container",
    Path = "path",
    Filters = "filters",
    Name = "name",
    User = "user",
});

impl Facet {
    /// Whether a rule that does not name the facet allows everything in it. What is left of a
    /// request decides what these can reach.
    #[must_use]
    pub fn is_free(self) -> bool {
        matches!(self, Self::Name | Self::User)
    }

    /// What it is, in words for people.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Image => {
                "Which image runs, is pulled or removed, or which name is given to content"
            }
            Self::Mounts => "Folders of the host, volumes, and whatever else is mounted",
            Self::Network => "Networks that are joined, and names and addresses in them",
            Self::Ports => "Ports of the host",
            Self::Privileged => "All capabilities and devices of the host",
            Self::Capabilities => "Capabilities beyond those that every container has",
            Self::Devices => "Devices of the host",
            Self::Security => "Protections that are turned off or changed",
            Self::Namespaces => "Namespaces of the host or of other containers",
            Self::Runtime => "The program that starts the container, and what it is told",
            Self::Sysctls => "Kernel parameters",
            Self::Logging => "Where output goes",
            Self::Labels => "The keys of labels, which are commands for programs such as Traefik",
            Self::Source => "Where content comes from",
            Self::Container => "Containers that it is about, apart from the one in its path",
            Self::Path => "A path in a container",
            Self::Filters => "Which objects it is about",
            Self::Name => "The name of what is created; any name if it is not named here",
            Self::User => "The user in the container; any user if it is not named here",
        }
    }

    /// Values that people often need, with what each of them gives, for completion in editors.
    #[must_use]
    pub fn offered(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Mounts => &[
                ("@socket", "The socket of dsp, under this same profile."),
                ("@socket:other.yaml", "The socket of dsp, under another profile."),
                (OWN, "Volumes that were made through this profile, and new ones."),
                ("secret=@own", "Secrets that were made through this profile."),
                ("config=@own", "Configs of a swarm that were made through this profile."),
            ],
            Self::Network => &[
                ("host", "The network of the host, with all its local services."),
                (OWN, "Networks that were made through this profile."),
                (
                    "container:@own",
                    "The network of a container that was made through this profile.",
                ),
            ],
            Self::Container => &[(OWN, "Containers that were made through this profile.")],
            Self::Image => &[(OWN, "Images that were made through this profile.")],
            Self::Ports => &[
                ("*:*", "Any port, on all addresses of the host."),
                ("127.0.0.1:*", "Any port, for programs on the host only."),
                ("*:0", "A port that the engine chooses."),
            ],
            Self::Capabilities => &[
                ("ALL", "Everything that root on the host may do."),
                ("NET_ADMIN", "The settings of networks."),
                ("SYS_ADMIN", "Mounting and much else: enough to become root on the host."),
                ("SYS_PTRACE", "Reading and changing other processes."),
                ("SYS_NICE", "Priorities of processes."),
                ("IPC_LOCK", "Locking memory."),
            ],
            Self::Devices => &[
                ("/dev/fuse", "File systems in the container."),
                ("/dev/kvm", "Virtual machines."),
                ("/dev/net/tun", "Tunnels, as VPNs need them."),
                ("/dev/dri", "The graphics card."),
            ],
            Self::Security => &[
                ("seccomp=unconfined", "Every system call."),
                ("apparmor=unconfined", "No AppArmor profile."),
                ("label=disable", "No SELinux label."),
                ("no-new-privileges=false", "What the engine allows by default."),
                ("masked-paths", "Files of the kernel that are hidden otherwise."),
                ("readonly-paths", "Files of the kernel that are read-only otherwise."),
            ],
            Self::Namespaces => &[
                ("pid=host", "The processes of the host."),
                ("ipc=host", "The shared memory of the host."),
                ("uts=host", "The host name of the host."),
                ("userns=host", "No separate user IDs."),
                ("cgroupns=host", "The cgroups of the host."),
                ("pid=container:@own", "The processes of containers made through this profile."),
                ("pod=@own", "A place in a pod of podman that was made through this profile."),
            ],
            Self::Source => &[("body", "The body of the request.")],
            Self::Filters => &[
                ("everything", "All objects, whoever made them."),
                (OWN, "Objects that were made through this profile; others are not shown."),
            ],
            _ => &[],
        }
    }

    /// Whether a value may be the name of an object, which has an owner, and nothing else.
    #[must_use]
    pub fn names_objects(self) -> bool {
        matches!(self, Self::Image | Self::Mounts | Self::Network | Self::Container)
    }

    /// Whether its only value is `true`.
    #[must_use]
    pub fn is_flag(self) -> bool {
        self == Self::Privileged
    }

    /// The characters that a star in a value does not match. In ports, the star also stands for all
    /// addresses, and the keys of labels and the values of filters have no parts.
    #[must_use]
    pub fn separators(self) -> &'static [char] {
        match self {
            Self::Ports | Self::Labels | Self::Filters => &[],
            _ => &['/', ':', '=', '@'],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_can_be_written() {
        for facet in Facet::ALL {
            for (value, _) in facet.offered() {
                assert_eq!(facet.check(value), Ok(()), "{facet} {value}");
            }
        }
    }
}
