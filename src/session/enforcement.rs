//! Enforces a profile, and replaces it with a new one.

use std::path::PathBuf;
use std::sync::Arc;

use super::admission::{Caveat, EngineMismatch, NotReviewed, check_engine, check_reviewed};
use super::source::{self, SourceError};
use crate::engine::Engine;
use crate::policy::{Auditor, Enforcer, Gate, Replaceable, Request, Verdict};
use crate::profile::Profile;
use crate::proxy::{OpenRequest, Running};

/// A profile that is being enforced.
pub struct Enforcement {
    path: PathBuf,
    options: EnforcementOptions,
    gate: Arc<Replaceable>,
}

/// How a profile is enforced.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EnforcementOptions {
    /// Forward every request, and report the ones that would have been denied.
    pub only_audits: bool,
    /// On reload, end the requests in progress that the new profile denies.
    pub drops_denied: bool,
    /// On reload, require the new profile to be reviewed.
    pub requires_reviewed: bool,
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

/// Why a reload failed. The old profile stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The new profile cannot be read or is invalid.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The new profile has not been reviewed in its current form.
    #[error(transparent)]
    NotReviewed(#[from] NotReviewed),
    /// The new profile is for another engine.
    #[error(transparent)]
    Engine(#[from] EngineMismatch),
}

impl Enforcement {
    /// Enforces a profile that was loaded from this path.
    #[must_use]
    pub fn new(path: PathBuf, profile: &Profile, options: EnforcementOptions) -> Self {
        let gate = Arc::new(Replaceable::new(gate(profile, options)));
        Self { path, options, gate }
    }

    /// The gate. It always applies the current profile.
    #[must_use]
    pub fn gate(&self) -> Arc<dyn Gate> {
        Arc::clone(&self.gate) as Arc<dyn Gate>
    }

    /// Reads the profile again and puts the new version in force.
    ///
    /// # Errors
    /// When the new profile cannot be put in force. The old one then stays in force.
    pub fn reload(&self, engine: &Engine, running: &Running) -> Result<Reload, ReloadError> {
        let (_, profile) = source::load(&self.path)?;
        if self.options.requires_reviewed {
            check_reviewed(&self.path, &profile)?;
        }
        let caveats = check_engine(&profile, engine)?;
        self.gate.replace(gate(&profile, self.options));
        let enforcer = Enforcer::new(&profile);
        let has_ended = self.options.drops_denied && !self.options.only_audits;
        let mut denied = running.requests();
        denied.retain(|open| is_denied(&enforcer, open));
        if has_ended {
            denied.iter().for_each(|open| running.cut(open.connection));
        }
        Ok(Reload { profile, caveats, denied, has_ended })
    }
}

fn gate(profile: &Profile, options: EnforcementOptions) -> Arc<dyn Gate> {
    let enforcer = Enforcer::new(profile);
    if options.only_audits { Arc::new(Auditor::new(enforcer)) } else { Arc::new(enforcer) }
}

fn is_denied(enforcer: &Enforcer, open: &OpenRequest) -> bool {
    let decision = enforcer.decide(&Request::new(&open.method, &open.target));
    matches!(decision.verdict, Verdict::Deny(_))
}

#[cfg(test)]
mod tests;
