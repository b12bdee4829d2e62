//! The engine of a host, which may not be there yet.

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

/// The engine.
pub(super) struct HostEngine {
    located: Located,
    known: Option<Engine>,
    is_known: Arc<AtomicBool>,
}

/// What an engine that has not been known so far turned out to be.
pub(super) enum Found {
    /// It said who it is.
    Engine(Engine),
    /// Something answers in HTTP that does not say who it is, such as another proxy.
    Silent(Engine),
}

impl HostEngine {
    /// Locates the engine, and asks once who it is.
    pub(super) async fn find(
        environment: &Environment,
    ) -> Result<(Self, Option<FindError>), FindError> {
        let located = engine::locate(environment)?;
        let mut engine = Self { located, known: None, is_known: Arc::default() };
        match engine::find(environment, PROBE_TIME).await {
            Ok(found) => {
                engine.know(found);
                Ok((engine, None))
            }
            Err(error @ FindError::Locate(_)) => Err(error),
            Err(error) => Ok((engine, Some(error))),
        }
    }

    pub(super) fn address(&self) -> &EngineAddress {
        &self.located.address
    }

    /// The engine, if it has answered.
    pub(super) fn known(&self) -> Option<&Engine> {
        self.known.as_ref()
    }

    /// Is true as soon as the engine has answered.
    pub(super) fn is_known(&self) -> &Arc<AtomicBool> {
        &self.is_known
    }

    /// From now on, the engine is known.
    pub(super) fn know(&mut self, engine: Engine) {
        self.known = Some(engine);
        self.is_known.store(true, Ordering::Release);
    }

    /// Waits until something answers.
    pub(super) async fn wait(located: Located) -> Found {
        loop {
            match engine::probe(&located.address, PROBE_TIME).await {
                Ok(version) => return Found::Engine(of(located, version)),
                Err(ProbeError::Strange(_)) => {
                    return Found::Silent(of(located, unknown_version()));
                }
                Err(_) => tokio::time::sleep(AGAIN_AFTER).await,
            }
        }
    }

    /// Where it is.
    pub(super) fn located(&self) -> &Located {
        &self.located
    }
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
