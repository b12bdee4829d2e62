//! The programs whose configuration can be read.

use crate::text::words;

/// A proxy for the Docker socket.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Program {
    /// Caddy, with a Caddyfile.
    Caddy,
    /// CetusGuard.
    Cetusguard,
    /// HAProxy, with a configuration of one's own.
    Haproxy,
    /// LinuxServer's docker-socket-proxy.
    Linuxserver,
    /// CodesWhat's sockguard.
    Sockguard,
    /// Tecnativa's docker-socket-proxy.
    Tecnativa,
    /// wollomatic's socket-proxy.
    Wollomatic,
}

words!(Program, () = (), {
    Caddy = "caddy",
    Cetusguard = "cetusguard",
    Haproxy = "haproxy",
    Linuxserver = "linuxserver",
    Sockguard = "sockguard",
    Tecnativa = "tecnativa",
    Wollomatic = "wollomatic",
});

impl Program {
    /// What messages call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caddy => "Caddy",
            Self::Cetusguard => "CetusGuard",
            Self::Haproxy => "HAProxy",
            Self::Linuxserver => "LinuxServer's docker-socket-proxy",
            Self::Sockguard => "sockguard",
            Self::Tecnativa => "Tecnativa's docker-socket-proxy",
            Self::Wollomatic => "wollomatic's socket-proxy",
        }
    }

    /// The program in a container image, whatever its registry and tag.
    pub(super) fn of_image(image: &str) -> Option<Self> {
        let image = image.split('@').next().unwrap_or_default();
        let (folder, name) = image.rsplit_once('/')?;
        let name = name.split(':').next().unwrap_or_default();
        let owner = folder.rsplit('/').next().unwrap_or_default();
        match (owner, name) {
            ("tecnativa", "docker-socket-proxy") => Some(Self::Tecnativa),
            ("linuxserver", "socket-proxy" | "docker-socket-proxy") => Some(Self::Linuxserver),
            ("wollomatic", "socket-proxy") => Some(Self::Wollomatic),
            ("hectorm", "cetusguard") => Some(Self::Cetusguard),
            ("codeswhat", "sockguard") => Some(Self::Sockguard),
            _ => None,
        }
    }
}
