//! Writes the policy of a profile as the configuration of another proxy.
//!
//! A profile is first turned into grants: for each allowed operation, the shapes of its paths, and
//! the shapes to exclude because they belong to another operation. Each format then writes the
//! grants in its own language, and says at the head of its file what that language cannot express.
//! Where a format is weaker than dsp, its file allows less rather than more.

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

/// The proxy to write a configuration for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// A Caddyfile.
    Caddy,
    /// The rules of CetusGuard.
    Cetusguard,
    /// A complete `haproxy.cfg`.
    Haproxy,
    /// A file for nginx to include inside `http`.
    Nginx,
    /// A compose service of wollomatic/socket-proxy.
    Wollomatic,
}

impl Format {
    /// Every format, sorted by name.
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

/// The profile is for podman. Other proxies match the decoded path and forward the path as
/// received. Docker Engine decodes as they do, but podman does not
/// (docs/engine-api.md#paths-in-podman).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a profile for podman cannot be exported: other proxies forward paths as received, and podman \
     decodes them differently"
)]
pub struct NotForPodman;

/// Writes the policy of a profile for another proxy. The output is deterministic.
///
/// # Errors
/// Returns [`NotForPodman`] if the profile is for podman.
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
