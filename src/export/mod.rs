//! The policy of a profile in the words of other proxies, for those who run one of them already.
//!
//! A profile is turned once into grants: for each allowed operation the shapes of its paths, and
//! the shapes that the same place of the API holds for something else. Each format then writes
//! grants in its own language, and says at the head of its file what that language cannot say.
//! Where a format is weaker than dsp, its file admits less rather than more.

mod automaton;
mod caddy;
mod cetusguard;
mod expression;
mod grant;
mod haproxy;
mod head;
mod nginx;
mod term;
mod wollomatic;

use std::fmt;

use self::grant::Policy;
use crate::api::EngineKind;
use crate::profile::Profile;

/// The file of another proxy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// A Caddyfile.
    Caddy,
    /// The rules of CetusGuard.
    Cetusguard,
    /// A `haproxy.cfg`.
    Haproxy,
    /// What an nginx takes inside `http`.
    Nginx,
    /// A compose service of wollomatic/socket-proxy.
    Wollomatic,
}

impl Format {
    /// Every format, by name.
    pub const ALL: [Self; 5] =
        [Self::Caddy, Self::Cetusguard, Self::Haproxy, Self::Nginx, Self::Wollomatic];

    /// The name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caddy => "caddy",
            Self::Cetusguard => "cetusguard",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Wollomatic => "wollomatic",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A profile for podman. The other proxies decode a path to decide and forward it as it was
/// spelled; Docker Engine decodes as they do, and podman does not
/// (docs/engine-api.md#paths-in-podman).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a profile for podman cannot be exported: other proxies forward paths as they were spelled, and \
     podman reads them otherwise than they do"
)]
pub struct NotForPodman;

/// Writes the policy of a profile for another proxy: the same bytes for the same profile.
///
/// # Errors
/// [`NotForPodman`].
pub fn export(profile: &Profile, format: Format) -> Result<String, NotForPodman> {
    if profile.engine == EngineKind::Podman {
        return Err(NotForPodman);
    }
    let policy = Policy::of(profile);
    Ok(match format {
        Format::Caddy => caddy::write(&policy),
        Format::Cetusguard => cetusguard::write(&policy),
        Format::Haproxy => haproxy::write(&policy),
        Format::Nginx => nginx::write(&policy),
        Format::Wollomatic => wollomatic::write(&policy),
    })
}
