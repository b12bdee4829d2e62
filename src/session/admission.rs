//! Whether a profile may be put in force.

use std::path::Path;

use crate::api::{Address, ApiVersion, EngineKind};
use crate::engine::Engine;
use crate::profile::Profile;
use crate::review;
use crate::text::{printable, quoted, spelled};

/// The profile has to be reviewed, but is not.
#[derive(Debug, thiserror::Error)]
#[error("{} is not reviewed: {open}", printable(path))]
pub struct NotReviewed {
    path: String,
    open: String,
}

impl NotReviewed {
    /// The command that reviews it.
    #[must_use]
    pub fn help(&self) -> String {
        format!("dsp review {}", quoted(&self.path))
    }
}

/// A profile that is for another engine: one for podman may allow what podman answers with an error
/// and Docker Engine executes.
#[derive(Debug, thiserror::Error)]
#[error(
    "the profile is for podman, but {engine} is a Docker Engine; name podman's socket with -H, or make \
     a profile for this engine"
)]
pub struct EngineMismatch {
    engine: Address,
}

/// What a person should know about a profile that is put in force before an engine.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Caveat {
    /// The profile is for Docker Engine, and podman answers.
    #[error(
        "the profile is for Docker Engine, but {engine} is podman, which returns more for some \
         requests: GET /secrets/* can return the secret itself"
    )]
    IsPodman {
        /// Where the engine is.
        engine: Address,
    },
    /// The engine's newest API is older than `min_api`. Clients speak no newer one to it, so all that
    /// they ask in a version is denied.
    #[error(
        "the profile denies every request that names an API version: its min_api is \"{least}\", and \
         {engine} supports {} at most",
        printable(newest)
    )]
    MinApi {
        /// Where the engine is.
        engine: Address,
        /// The profile's oldest version.
        least: ApiVersion,
        /// What the engine calls its newest version.
        newest: String,
        /// That version.
        highest: ApiVersion,
    },
}

impl Caveat {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::IsPodman { .. } => None,
            Self::MinApi { highest, .. } => Some(format!(
                "remove min_api from the profile (versions below {} are always refused), or write \
                 min_api: \"{highest}\"",
                ApiVersion::FLOOR
            )),
        }
    }
}

/// Fails if the profile is not reviewed in its present form.
///
/// # Errors
/// What is open in it.
pub fn check_reviewed(path: &Path, profile: &Profile) -> Result<(), NotReviewed> {
    if profile.standing().is_reviewed() {
        return Ok(());
    }
    Err(NotReviewed { path: spelled(path), open: review::open_by_name(profile) })
}

/// Checks that the profile matches the engine that answers. Returns what a person should know.
///
/// # Errors
/// When it is for another engine, and would allow other things before this one.
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
    // The versions of podman's own API are those of its releases.
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
