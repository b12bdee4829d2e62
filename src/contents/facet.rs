//! What a request gives away, by kind.

use crate::text::words;

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
