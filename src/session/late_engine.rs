//! The engine, which may not be there yet when dsp starts, or may not say who it is.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::api::EngineKind;
use crate::engine::{self, Engine, EngineVersion, Environment, FindError, Located, ProbeError};
use crate::wire::EngineAddress;

/// How long the engine may take to say who it is.
const PROBE_TIME: Duration = Duration::from_secs(5);

/// How long to wait before the engine is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Ends when the engine has answered.
pub(super) type Waiting = Pin<Box<dyn Future<Output = EngineFound> + Send>>;

/// An engine that has answered, or that dsp waits for.
#[derive(Clone, Debug)]
pub struct LateEngine {
    located: Located,
    known: Option<EngineFound>,
    is_known: Arc<AtomicBool>,
}

/// An engine that has answered.
#[derive(Clone, Debug)]
pub struct EngineFound {
    /// The engine.
    pub engine: Engine,
    /// Whether it did not say who it is, as behind another proxy that denies `GET /version`. It is then
    /// taken for Docker Engine.
    pub is_silent: bool,
}

impl LateEngine {
    /// Locates the engine, and asks once who it is. If it does not answer, the second result says why.
    ///
    /// # Errors
    /// When the engine cannot be located.
    pub async fn find(environment: &Environment) -> Result<(Self, Option<FindError>), FindError> {
        let located = engine::locate(environment)?;
        let mut late = Self { located, known: None, is_known: Arc::default() };
        match engine::find(environment, PROBE_TIME).await {
            Ok(engine) => late.know(EngineFound { engine, is_silent: false }),
            Err(error @ FindError::Locate(_)) => return Err(error),
            Err(FindError::NotAnswering { cause: ProbeError::Withheld(_), .. }) => {
                late.know(silent(late.located.clone()));
            }
            Err(error) => return Ok((late, Some(error))),
        }
        Ok((late, None))
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> &EngineAddress {
        &self.located.address
    }

    /// The engine, if it has answered.
    #[must_use]
    pub fn known(&self) -> Option<&Engine> {
        self.known.as_ref().map(|found| &found.engine)
    }

    /// Whether it has answered, but did not say who it is.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.known.as_ref().is_some_and(|found| found.is_silent)
    }

    /// Which engine it is. Until it has answered, that is Docker: podman answers in the same way where that
    /// matters.
    pub(super) fn kind(&self) -> EngineKind {
        self.known().map_or(EngineKind::Docker, |engine| engine.version.kind)
    }

    /// Is true as soon as the engine has answered.
    pub(super) fn is_known(&self) -> &Arc<AtomicBool> {
        &self.is_known
    }

    /// From now on, the engine is known.
    pub(super) fn know(&mut self, found: EngineFound) {
        self.known = Some(found);
        self.is_known.store(true, Ordering::Release);
    }

    /// Waits until an engine answers that has not answered yet. Does not end if it has.
    pub(super) fn wait(&self) -> Waiting {
        match self.known {
            Some(_) => Box::pin(std::future::pending()),
            None => Box::pin(wait(self.located.clone())),
        }
    }
}

/// Waits until something answers.
async fn wait(located: Located) -> EngineFound {
    loop {
        match engine::probe(&located.address, PROBE_TIME).await {
            Ok(version) => return EngineFound { engine: of(located, version), is_silent: false },
            Err(ProbeError::Withheld(_)) => return silent(located),
            Err(_) => tokio::time::sleep(AGAIN_AFTER).await,
        }
    }
}

impl From<Engine> for LateEngine {
    fn from(engine: Engine) -> Self {
        let (address, source) = (engine.address.clone(), engine.source.clone());
        let located = Located { address, source, trail: Vec::new() };
        let known = Some(EngineFound { engine, is_silent: false });
        Self { located, known, is_known: Arc::new(AtomicBool::new(true)) }
    }
}

fn silent(located: Located) -> EngineFound {
    EngineFound { engine: of(located, unknown_version()), is_silent: true }
}

fn of(located: Located, version: EngineVersion) -> Engine {
    Engine { address: located.address, source: located.source, version }
}

/// A version that compares with no other.
fn unknown_version() -> EngineVersion {
    EngineVersion {
        version: String::new(),
        api: String::new(),
        min_api: None,
        kind: EngineKind::Docker,
    }
}
