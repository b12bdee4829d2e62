//! A profile that is in force, and its replacement by a new version.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::admission::{NotReviewed, check_reviewed};
use super::audit::Audit;
use super::nested::{NestedError, NestedPlace, NestedSockets};
use super::runtime_dir::RuntimeDir;
use super::source::{self, SourceError};
use crate::contents::Sockets;
use crate::engine::Engine;
use crate::policy::{Auditor, Enforcer, Gate, Replaceable, Request, Verdict};
use crate::profile::{Name, Profile};
use crate::proxy::{Listener, OpenRequest, Running, Service};
use crate::verify::{Caveat, EngineMismatch, check_engine};

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

/// A profile that may be put in force: it is valid, and reviewed if that is required.
#[derive(Clone, Debug)]
pub struct ProfileToEnforce {
    path: PathBuf,
    mode: EnforcementMode,
    owner: Option<Name>,
    profile: Profile,
}

/// A profile that is in force.
pub(super) struct ProfileInForce {
    file: ProfileToEnforce,
    gate: Arc<Replaceable>,
    /// The sockets that containers ask for.
    sockets: Sockets,
    /// Where those are that they get.
    place: NestedPlace,
    nested: Option<NestedSockets>,
}

/// The result of a successful reload.
#[derive(Debug)]
pub struct Reload {
    /// The new profile.
    pub profile: Profile,
    /// What the user should know about enforcing it on this engine.
    pub caveats: Vec<Caveat>,
    /// The requests in progress that it denies.
    pub denied: Vec<OpenRequest>,
    /// Whether those requests were ended.
    pub has_ended: bool,
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
}

impl ProfileToEnforce {
    /// Loads a profile from a file, or a built-in one from `builtin:NAME`.
    ///
    /// # Errors
    /// When it cannot be read, is invalid, or has not been reviewed although that is required.
    pub fn load(path: &Path, mode: EnforcementMode) -> Result<Self, ProfileError> {
        let (_, profile) = source::load(path)?;
        if mode.requires_reviewed {
            check_reviewed(path, &profile)?;
        }
        Ok(Self { path: path.to_owned(), mode, owner: None, profile })
    }

    /// The same with another owner of what is created than the profile's name, if there is one.
    #[must_use]
    pub fn with_owner(self, owner: Option<Name>) -> Self {
        Self { owner, ..self }
    }

    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whether containers that ask for the engine's socket get one of dsp's.
    #[must_use]
    pub fn nests(&self) -> bool {
        !self.mode.only_audits && self.profile.allow.iter().any(|entry| entry.value.nests())
    }

    /// Whose own objects are.
    fn owner_name(&self) -> &str {
        let owner = self.owner.as_ref().map(|owner| owner.as_str());
        owner.unwrap_or(self.profile.name.as_str())
    }

    fn gate(&self, sockets: &Sockets) -> Arc<dyn Gate> {
        let enforcer = Enforcer::new(&self.profile).with_sockets(sockets.clone());
        let enforcer = match &self.owner {
            Some(owner) => enforcer.with_owner(owner.as_str()),
            None => enforcer,
        };
        if self.mode.only_audits { Arc::new(Auditor::new(enforcer)) } else { Arc::new(enforcer) }
    }
}

impl ProfileInForce {
    /// Puts a profile in force. Containers ask for these sockets. Also returns the listeners for those
    /// that they get.
    ///
    /// # Errors
    /// When containers need sockets and cannot have them.
    pub(super) fn new(
        file: ProfileToEnforce,
        sockets: Sockets,
        runtime_dir: RuntimeDir,
        engine: &Engine,
    ) -> Result<(Self, Vec<Listener>), NestedError> {
        let place = NestedPlace::new(runtime_dir, file.owner_name(), &file.path);
        let gate = Arc::new(Replaceable::new(file.gate(&sockets)));
        let mut profile = Self { file, gate, sockets, place, nested: None };
        let listeners = match profile.file.nests() {
            true => profile.open_nested(engine)?,
            false => Vec::new(),
        };
        profile.gate.replace(profile.file.gate(&profile.sockets));
        Ok((profile, listeners))
    }

    /// Opens the sockets that containers get, unless they are open.
    fn open_nested(&mut self, engine: &Engine) -> Result<Vec<Listener>, NestedError> {
        if self.nested.is_some() {
            return Ok(Vec::new());
        }
        let (nested, listeners) = NestedSockets::open(&self.place, &engine.address)?;
        self.sockets = std::mem::take(&mut self.sockets).nesting(nested.path());
        self.nested = Some(nested);
        Ok(listeners)
    }

    /// The sockets that containers get, if there are any.
    pub(super) fn nested(&self) -> Option<&NestedSockets> {
        self.nested.as_ref()
    }

    /// Takes them, in order to close them.
    pub(super) fn take_nested(&mut self) -> Option<NestedSockets> {
        self.nested.take()
    }

    /// The profile.
    pub(super) fn profile(&self) -> &Profile {
        &self.file.profile
    }

    /// The gate. It always applies the current profile.
    pub(super) fn gate(&self) -> Arc<dyn Gate> {
        Arc::clone(&self.gate) as Arc<dyn Gate>
    }

    /// Reads the profile again and puts the new version in force.
    ///
    /// # Errors
    /// When the new profile cannot be put in force. The old one then stays in force.
    pub(super) fn reload(
        &mut self,
        engine: &Engine,
        running: &Running,
        nested: impl FnOnce() -> Service<Audit>,
    ) -> Result<Reload, ProfileError> {
        let file = ProfileToEnforce::load(&self.file.path, self.file.mode)?;
        let file = file.with_owner(self.file.owner.clone());
        let caveats = check_engine(&file.profile, engine)?;
        if file.nests() {
            let listeners = self.open_nested(engine)?;
            running.listen(listeners, Arc::new(nested()));
        }
        self.gate.replace(file.gate(&self.sockets));
        let enforcer = Enforcer::new(&file.profile);
        let has_ended = file.mode.drops_denied && !file.mode.only_audits;
        let mut denied = running.requests();
        denied.retain(|open| is_denied(&enforcer, open));
        if has_ended {
            denied.iter().for_each(|open| running.cut(open.connection));
        }
        let profile = file.profile.clone();
        self.file = file;
        Ok(Reload { profile, caveats, denied, has_ended })
    }
}

fn is_denied(enforcer: &Enforcer, open: &OpenRequest) -> bool {
    let decision = enforcer.decide(&Request::new(&open.method, &open.target));
    matches!(decision.verdict, Verdict::Deny(_))
}

#[cfg(test)]
mod tests;
