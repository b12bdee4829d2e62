//! A profile that is read anew while it is in force.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::Signal;

use super::enforce::{check_reviewed, fits};
use super::source;
use super::{ambiguity, failure, output};
use crate::engine::Engine;
use crate::policy::{Auditor, Enforcer, Gate, Replaceable, Request, Verdict};
use crate::profile::Profile;
use crate::proxy::{LogThrottle, OpenRequest, Running};
use crate::report::{count, printable};
use crate::session::Audit;

/// A profile in force.
pub(super) struct InForce {
    pub(super) path: PathBuf,
    /// Whether denials are only told of.
    pub(super) only_audits: bool,
    /// Whether a new profile ends what it would not admit.
    pub(super) drops_denied: bool,
    /// Whether a new profile has to be reviewed.
    pub(super) requires_reviewed: bool,
    pub(super) is_quiet: bool,
    gate: Arc<Replaceable>,
}

impl InForce {
    pub(super) fn new(path: PathBuf, profile: &Profile, only_audits: bool) -> Self {
        let gate = Arc::new(Replaceable::new(gate(profile, only_audits)));
        Self {
            path,
            only_audits,
            drops_denied: false,
            requires_reviewed: false,
            is_quiet: false,
            gate,
        }
    }

    /// The gate, whatever its profile is at the time.
    pub(super) fn gate(&self) -> Arc<dyn Gate> {
        Arc::clone(&self.gate) as Arc<dyn Gate>
    }

    /// Reads the profile anew at each signal, and begins anew in the audit log, for ever.
    pub(super) async fn follow(
        &self,
        mut hangup: Signal,
        engine: &Engine,
        running: &Running,
        audit: &Audit,
    ) {
        while hangup.recv().await.is_some() {
            if let Err(error) = self.reload(engine, running) {
                let _ = failure::show(&error, false);
                output::warn("the profile was not reloaded; the one before stays in force");
            }
            if let Err(error) = audit.reopen() {
                let _ = failure::show(&error.into(), false);
                output::warn("the audit log goes on in the file before");
            }
        }
        std::future::pending().await
    }

    fn reload(&self, engine: &Engine, running: &Running) -> anyhow::Result<()> {
        let profile = source::load(&self.path)?;
        if self.requires_reviewed {
            check_reviewed(&self.path, &profile)?;
        }
        fits(&profile, engine)?;
        self.gate.replace(gate(&profile, self.only_audits));
        if !self.is_quiet {
            let rules = count(profile.allow.len(), "rule");
            output::note(&format!("reloaded profile \"{}\" ({rules})", profile.name));
            ambiguity::warn(&profile);
        }
        let enforcer = Enforcer::new(&profile);
        let ends = self.drops_denied && !self.only_audits;
        let what = if ends { "ended, as" } else { "goes on, although" };
        let mut throttle = LogThrottle::default();
        for open in running.requests().iter().filter(|open| is_denied(&enforcer, open)) {
            if ends {
                running.cut(open.connection);
            }
            // Clients decide how many there are.
            let Some(times) = throttle.once_more() else { continue };
            let path = open.target.split('?').next().unwrap_or_default();
            let request = printable(&format!("{} {path}", open.method));
            let connection = open.connection;
            let so_far = if times > 1 { format!(", {times} so far") } else { String::new() };
            output::warn(&format!(
                "{what} the new profile denies it: {request} (connection {connection}{so_far})"
            ));
        }
        if let Some(times) = throttle.untold() {
            output::warn(&format!("{what} the new profile denies them: {times} requests in all"));
        }
        Ok(())
    }
}

fn gate(profile: &Profile, only_audits: bool) -> Arc<dyn Gate> {
    let enforcer = Enforcer::new(profile);
    if only_audits { Arc::new(Auditor::new(enforcer)) } else { Arc::new(enforcer) }
}

fn is_denied(enforcer: &Enforcer, open: &OpenRequest) -> bool {
    let decision = enforcer.decide(&Request::new(&open.method, &open.target));
    matches!(decision.verdict, Verdict::Deny(_))
}
