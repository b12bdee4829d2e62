//! What a person should know before a profile is put in force in front of an engine.

use crate::api::{ApiVersion, EngineKind};
use crate::engine::Engine;
use crate::profile::Profile;
use crate::text::printable;
use crate::wire::EngineAddress;

/// The profile was made for another engine. A podman profile may allow requests that podman rejects
/// with an error but Docker Engine executes.
#[derive(Debug, thiserror::Error)]
#[error(
    "the profile is for podman, but {engine} is a Docker Engine; name podman's socket with -H, or make \
     a profile for this engine"
)]
pub struct EngineMismatch {
    engine: EngineAddress,
}

/// Something that the user should know about enforcing a profile on an engine.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Caveat {
    /// The profile is for Docker Engine, but the engine is podman.
    #[error(
        "the profile is for Docker Engine, but {engine} is podman, which returns more for some \
         requests: GET /secrets/* can return the secret itself"
    )]
    IsPodman {
        /// The engine's address.
        engine: EngineAddress,
    },
    /// The engine's newest API version is older than `min_api`. Clients do not use a newer version with
    /// it, so every request that names a version is denied.
    #[error(
        "the profile denies every request that names an API version: its min_api is \"{least}\", and \
         {engine} supports {} at most",
        printable(newest)
    )]
    MinApi {
        /// The engine's address.
        engine: EngineAddress,
        /// The oldest version that the profile allows.
        least: ApiVersion,
        /// The newest version, as the engine reports it.
        newest: String,
        /// The same version, parsed.
        highest: ApiVersion,
    },
}

impl Caveat {
    /// How to fix it, if there is a fix.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::IsPodman { .. } => None,
            Self::MinApi { highest, .. } if *highest < ApiVersion::FLOOR => Some(format!(
                "use a newer engine: dsp refuses API versions below {}",
                ApiVersion::FLOOR
            )),
            Self::MinApi { highest, .. } => Some(format!(
                "remove min_api from the profile (versions below {} are always refused), or write \
                 min_api: \"{highest}\"",
                ApiVersion::FLOOR
            )),
        }
    }
}

/// Checks that the profile is meant for this engine. Returns what the user should know about it.
///
/// # Errors
/// When the profile is for another engine and would allow other things on this one.
pub fn check_engine(profile: &Profile, engine: &Engine) -> Result<Vec<Caveat>, EngineMismatch> {
    let address = || engine.address.clone();
    let mut caveats = Vec::new();
    match (profile.engine, engine.version.kind) {
        (EngineKind::Podman, EngineKind::Docker) => {
            return Err(EngineMismatch { engine: address() });
        }
        (EngineKind::Docker, EngineKind::Podman) => {
            caveats.push(Caveat::IsPodman { engine: address() });
        }
        (EngineKind::Docker, EngineKind::Docker) | (EngineKind::Podman, EngineKind::Podman) => {}
    }
    caveats.extend(min_api(profile, engine));
    Ok(caveats)
}

fn min_api(profile: &Profile, engine: &Engine) -> Option<Caveat> {
    let least = profile.min_api?;
    let version = &engine.version;
    // podman's own API uses the version numbers of podman's releases.
    let is_own = version.kind == EngineKind::Podman && least.major() > 1;
    let newest = if is_own { &version.version } else { &version.api };
    let highest = ApiVersion::parse(version.kind, newest).ok()?;
    (highest < least).then(|| Caveat::MinApi {
        engine: engine.address.clone(),
        least,
        newest: newest.clone(),
        highest,
    })
}
