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

use self::grant::Policy;
use crate::api::EngineKind;
use crate::profile::Profile;
use crate::text::words;

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

words!(Format, () = (), {
    Caddy = "caddy",
    Cetusguard = "cetusguard",
    Haproxy = "haproxy",
    Nginx = "nginx",
    Wollomatic = "wollomatic",
});

/// The profile is for podman. Other proxies match the decoded path and forward the path as
/// received. Docker Engine decodes as they do, but podman does not
/// (docs/engine-api.md#paths-in-podman).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a profile for podman cannot be exported: other proxies forward paths as received, and podman \
     decodes them differently"
)]
pub struct NotForPodman;

/// The rules under `allow`, without their contents, that [`export`] leaves out, because other proxies
/// do not read what requests contain.
#[must_use]
pub fn left_out(profile: &Profile) -> Vec<String> {
    grant::left_out(profile)
}

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
