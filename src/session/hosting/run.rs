//! Serving the programs of a host until a signal, with reloads and an engine that comes late.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::control::{ReloadReply, ReloadedProgram};
use super::load::HostingError;
use super::reload::{HostReload, ProgramReload};
use super::served::Hosting;
use crate::profile::Name;
use crate::session::audit_log::About;
use crate::session::late_engine::EngineFound;
use crate::session::signals::{Notice, serve_until_signal};
use crate::verify::Caveat;

/// What a person may want to see while programs are served.
#[derive(Debug)]
pub enum HostingNotice {
    /// The engine was not there, and is now. The caveats are those of each program.
    EngineFound {
        /// The engine.
        found: EngineFound,
        /// What is to be known about enforcing the profiles on it.
        caveats: Vec<(Name, Caveat)>,
    },
    /// Another second has passed.
    Second,
    /// The file and the profiles are being read again.
    Reloading,
    /// The file and the profiles were, or were not, read again.
    Reloaded(Box<Result<HostReload, HostingError>>),
    /// dsp is ending, and connections are still open.
    Waiting {
        /// How many connections.
        open: usize,
    },
}

/// How serving ended.
#[derive(Debug)]
pub struct HostEnd {
    /// What became of each program.
    pub programs: Vec<ProgramEnd>,
    /// Why dsp ended without having been asked to: a profile is for another engine.
    pub failed: Option<HostingError>,
}

/// What became of a program.
#[derive(Debug)]
pub struct ProgramEnd {
    /// Its name.
    pub name: Name,
    /// How many requests were let through.
    pub allowed: u64,
    /// How many requests were denied.
    pub denied: u64,
    /// The text and the count of each denial, in the order in which they first occurred.
    pub denials: Vec<(String, u64)>,
    /// The names of containers that still run, and whose socket is no longer served.
    pub cut_off: Vec<String>,
}

impl Hosting {
    /// Serves until a signal ends it. A hang-up reloads the file and all profiles.
    pub async fn run(mut self, notice: impl Fn(HostingNotice)) -> HostEnd {
        let Some((end, mut hangup)) = self.signals.take() else {
            return self.finish(None).await;
        };
        let grace = self.host.settings.grace;
        let waiting = |kind| match kind {
            Notice::Second => notice(HostingNotice::Second),
            Notice::Waiting { open } => notice(HostingNotice::Waiting { open }),
        };
        let running = Arc::clone(&self.running);
        // A closed channel: this one is not used any more.
        let mut reloads = std::mem::replace(&mut self.reloads, mpsc::channel(1).1);
        let changing = async {
            let mut late = self.engine.wait();
            loop {
                tokio::select! {
                    found = &mut late => {
                        late = Box::pin(std::future::pending());
                        match self.engine_found(found) {
                            Ok(found) => notice(found),
                            Err(error) => return error,
                        }
                    }
                    signal = hangup.recv() => {
                        if signal.is_none() {
                            std::future::pending::<()>().await;
                        }
                        notice(HostingNotice::Reloading);
                        let reloaded = self.reload().await;
                        notice(HostingNotice::Reloaded(Box::new(reloaded)));
                    }
                    Some(asker) = reloads.recv() => {
                        notice(HostingNotice::Reloading);
                        let reloaded = self.reload().await;
                        let _ = asker.send(reply(&reloaded));
                        notice(HostingNotice::Reloaded(Box::new(reloaded)));
                    }
                }
            }
        };
        let failed = tokio::select! {
            _ = serve_until_signal(&running, grace, end, waiting) => None,
            error = changing => Some(error),
        };
        self.finish(failed).await
    }

    /// From now on, the engine is known.
    fn engine_found(&mut self, found: EngineFound) -> Result<HostingNotice, HostingError> {
        let engine = &found.engine;
        let mut caveats = Vec::new();
        for (name, served) in &self.programs {
            let checked = served.profile.check_engine(engine);
            let checked = checked.map_err(|error| HostingError::of_program(name, error))?;
            caveats.extend(checked.into_iter().map(|caveat| (name.clone(), caveat)));
        }
        self.owners.set_kind(engine.version.kind);
        for served in self.programs.values() {
            // If it fails, the log goes on in its old session, which does not name the engine.
            let _ = served.audit.reopen(About::new(served.profile.main(), Some(engine)));
        }
        self.engine.know(found.clone());
        Ok(HostingNotice::EngineFound { found, caveats })
    }

    async fn finish(mut self, failed: Option<HostingError>) -> HostEnd {
        if failed.is_some() {
            self.running.drain(std::time::Duration::ZERO, std::future::pending()).await;
        }
        self.servers.shutdown().await;
        let mut programs = Vec::new();
        for (name, mut served) in std::mem::take(&mut self.programs) {
            let cut_off = served.profile.close_nested().await;
            served.audit.end(None);
            let (allowed, denied) = served.metrics.totals();
            let denials = served.audit.denials();
            programs.push(ProgramEnd { name, allowed, denied, denials, cut_off });
        }
        HostEnd { programs, failed }
    }
}

/// The result of a reload, as the control socket tells it.
fn reply(result: &Result<HostReload, HostingError>) -> ReloadReply {
    match result {
        Ok(reload) => ReloadReply::Reloaded {
            programs: reload.programs.iter().map(reloaded_program).collect(),
            removed: reload.removed.iter().map(ToString::to_string).collect(),
        },
        Err(error) => ReloadReply::Failed { error: error.to_string() },
    }
}

fn reloaded_program(program: &ProgramReload) -> ReloadedProgram {
    let profile = &program.reload.profile;
    ReloadedProgram {
        name: program.name.to_string(),
        profile: profile.name.to_string(),
        rules: profile.allow.len(),
    }
}
