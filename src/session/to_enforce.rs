//! A profile that may be put in force, with those to which it holds the sockets of containers
//! (`@socket:other.yaml`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::admission::{NotReviewed, check_reviewed};
use super::nested::NestedError;
use super::source::{self, SourceError};
use crate::contents::{Nesting, Sockets};
use crate::engine::Engine;
use crate::policy::{Auditor, Enforcer, Gate};
use crate::profile::{Name, Profile};
use crate::text::shown;
use crate::verify::{Caveat, EngineMismatch, check_engine};

/// How many profiles may be in force at once.
const MOST: usize = 64;

/// How a profile is enforced.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EnforcementMode {
    /// Forward every request, and report the ones that would have been denied.
    pub only_audits: bool,
    /// On reload, end the requests in progress that the new profile denies.
    pub drops_denied: bool,
    /// Require the profile to be reviewed, also on reload.
    pub requires_reviewed: bool,
}

/// A profile that may be put in force: it is valid, and reviewed if that is required. So are those that
/// it names for the sockets of containers, and those that they name.
#[derive(Clone, Debug)]
pub struct ProfileToEnforce {
    pub(super) mode: EnforcementMode,
    owner: Option<Name>,
    main: Member,
    others: Vec<Member>,
}

/// One of the profiles.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// What the user or a rule names, from the current folder. It is the same after a reload.
    pub(super) path: PathBuf,
    pub(super) profile: Profile,
    /// The SHA-256 digest of its file, in hexadecimal.
    pub(super) digest: String,
    sockets: Vec<SocketOf>,
}

/// The sockets that some containers get.
#[derive(Clone, Debug)]
struct SocketOf {
    /// The profile that a rule names; `None` is the one with the rule.
    named: Option<String>,
    /// The same from the current folder.
    path: PathBuf,
}

/// Why a profile cannot be put in force. On reload, the old profile stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The profile cannot be read or is invalid.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// The profile has not been reviewed in its current form.
    #[error("{0}")]
    NotReviewed(#[from] NotReviewed),
    /// The profile is for another engine.
    #[error("{0}")]
    Engine(#[from] EngineMismatch),
    /// Containers cannot have sockets.
    #[error("{0}")]
    Nested(#[from] NestedError),
    /// A profile that a rule names for the sockets of containers cannot be put in force.
    #[error("{error} ({} holds the sockets of containers to it)", shown(by))]
    OfSocket {
        /// Why.
        #[source]
        error: Box<ProfileError>,
        /// The profile with the rule.
        by: PathBuf,
    },
    /// Profiles name profiles that name profiles.
    #[error("{} holds the sockets of containers to more than {MOST} profiles", shown(by))]
    TooMany {
        /// The profile that the user named.
        by: PathBuf,
    },
}

impl ProfileError {
    /// The same of a profile that `by` names for the sockets of containers.
    fn of_socket(self, by: PathBuf) -> Self {
        Self::OfSocket { error: self.into(), by }
    }
}

impl ProfileToEnforce {
    /// Loads a profile from a file, or a built-in one from `builtin:NAME`, and those that it names.
    ///
    /// # Errors
    /// When one cannot be read, is invalid, or has not been reviewed although that is required.
    pub fn load(path: &Path, mode: EnforcementMode) -> Result<Self, ProfileError> {
        let main = Member::load(path, mode)?;
        let mut loaded = Self { mode, owner: None, main, others: Vec::new() };
        while let Some((by, path)) = loaded.missing() {
            if loaded.members().count() >= MOST {
                return Err(ProfileError::TooMany { by: loaded.main.path });
            }
            let other = Member::load(&path, mode);
            loaded.others.push(other.map_err(|error| error.of_socket(by))?);
        }
        Ok(loaded)
    }

    /// A profile that is not loaded yet, and the one that names it.
    fn missing(&self) -> Option<(PathBuf, PathBuf)> {
        self.members().find_map(|member| {
            let mut named = member.sockets.iter().map(|it| &it.path);
            let missing = named.find(|path| self.members().all(|other| other.path != **path))?;
            Some((member.path.clone(), missing.clone()))
        })
    }

    /// The same with another owner of what is created than the profile's name, if there is one.
    #[must_use]
    pub fn with_owner(self, owner: Option<Name>) -> Self {
        Self { owner, ..self }
    }

    /// The same profile and owner in their current version.
    pub(super) fn load_again(&self) -> Result<Self, ProfileError> {
        Ok(Self::load(&self.main.path, self.mode)?.with_owner(self.owner.clone()))
    }

    /// The profile that the user named.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.main.profile
    }

    /// That one, and those for the sockets of containers.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.members().map(|member| &member.profile)
    }

    /// Compares all of them with an engine.
    pub(super) fn check_engine(&self, engine: &Engine) -> Result<Vec<Caveat>, ProfileError> {
        let mut caveats = check_engine(self.profile(), engine)?;
        for other in &self.others {
            let checked = check_engine(&other.profile, engine).map_err(ProfileError::from);
            caveats.extend(checked.map_err(|error| error.of_socket(self.main.path.clone()))?);
        }
        Ok(caveats)
    }

    /// Whether containers that ask for the engine's socket get one of dsp's.
    #[must_use]
    pub fn nests(&self) -> bool {
        self.nested().next().is_some()
    }

    /// The one that the user named.
    pub(super) fn main(&self) -> &Member {
        &self.main
    }

    /// The profiles, the user's first.
    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.main).chain(&self.others)
    }

    /// The profiles to which sockets of containers are held.
    pub(super) fn nested(&self) -> impl Iterator<Item = &Member> {
        let named: Vec<PathBuf> = self
            .members()
            .filter(|_| !self.mode.only_audits)
            .flat_map(|member| member.sockets.iter().map(|it| it.path.clone()))
            .collect();
        self.members().filter(move |member| named.contains(&member.path))
    }

    /// Whose own objects are, whichever of the profiles decides.
    pub(super) fn owner_name(&self) -> &str {
        let owner = self.owner.as_ref().map(|owner| owner.as_str());
        owner.unwrap_or(self.main.profile.name.as_str())
    }

    /// Whether what is created is marked although the profile that decides may not ask whose objects are.
    fn marks_for_all(&self) -> bool {
        let asks =
            |profile: &Profile| profile.allow.iter().any(|entry| entry.value.asks_for_owner());
        self.owner.is_some() || (!self.others.is_empty() && self.profiles().any(asks))
    }

    /// The gate of one of the profiles, whose containers ask for these sockets.
    pub(super) fn gate(&self, member: &Member, sockets: Sockets) -> Arc<dyn Gate> {
        let mut enforcer = Enforcer::new(&member.profile).with_sockets(sockets);
        if self.marks_for_all() {
            enforcer = enforcer.with_owner(self.owner_name());
        }
        if self.mode.only_audits { Arc::new(Auditor::new(enforcer)) } else { Arc::new(enforcer) }
    }
}

impl Member {
    fn load(path: &Path, mode: EnforcementMode) -> Result<Self, ProfileError> {
        let (text, profile) = source::load(path)?;
        if mode.requires_reviewed {
            check_reviewed(path, &profile)?;
        }
        let mut sockets: Vec<SocketOf> = Vec::new();
        for entry in &profile.allow {
            let Nesting::Under(named) = entry.value.nesting() else { continue };
            if sockets.iter().all(|known| known.named.as_deref() != named) {
                let path = named.map_or_else(|| path.to_owned(), |named| beside(path, named));
                sockets.push(SocketOf { named: named.map(str::to_owned), path });
            }
        }
        Ok(Self { path: path.to_owned(), profile, digest: digest(&text), sockets })
    }

    /// The sockets that its containers get: what a rule names, and where the profile is.
    pub(super) fn sockets(&self) -> impl Iterator<Item = (Option<&str>, &Path)> {
        self.sockets.iter().map(|it| (it.named.as_deref(), it.path.as_path()))
    }
}

/// The digest that `sha256sum` shows for a file with this text.
fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The path of a profile that another one names: from the folder of that one, or part of dsp.
fn beside(path: &Path, named: &str) -> PathBuf {
    match source::builtin(Path::new(named)) {
        Some(_) => PathBuf::from(named),
        // Without "./", so that one file is one profile.
        None => path.parent().unwrap_or(Path::new("")).join(named).components().collect(),
    }
}
